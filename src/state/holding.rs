//! Closings that are held: more offers were not seen than one run may close, so somebody has to accept it.
use rusqlite::{OptionalExtension, params};
use serde::Serialize;

use super::reader::Reader;
use super::{State, StateError};

/// What the last sweep of a source held back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct HeldBack {
    /// Offers that were not seen.
    pub offers: u64,
    /// Of so many that were open.
    pub open: u64,
    /// As many as one run may close.
    pub most: u64,
}

impl State {
    /// Writes down what is held of a source; `None` when nothing is any more.
    pub async fn hold(&self, source: &str, held: Option<HeldBack>) -> Result<(), StateError> {
        let source = source.to_owned();
        self.ask(move |core| {
            core.connection.prepare_cached("DELETE FROM held WHERE source = ?1")?.execute(params![source])?;
            if let Some(HeldBack { offers, open, most }) = held {
                core.connection.prepare_cached("INSERT INTO held VALUES(?1, ?2, ?3, ?4)")?.execute(params![
                    source,
                    offers as i64,
                    open as i64,
                    most as i64
                ])?;
            }
            Ok(())
        })
        .await
    }
}

impl Reader {
    /// What is held of a source.
    pub fn held_back(&self, source: &str) -> Result<Option<HeldBack>, StateError> {
        let sql = "SELECT offers, open, most FROM held WHERE source = ?1";
        let row = self.connection.query_row(sql, params![source], |row| {
            let number = |column| row.get::<_, i64>(column).map(|number| number as u64);
            Ok(HeldBack { offers: number(0)?, open: number(1)?, most: number(2)? })
        });
        Ok(row.optional()?)
    }
}
