//! Fingerprints that earlier programs wrote down, replaced by those of this one: a source goes on where it stood.
use rusqlite::params;

use super::core::Core;
use super::{State, StateError};
use crate::plan::{Fingerprints, Legacy};

/// Rows that bear a request fingerprint.
const REQUESTS: [&str; 4] = ["runs", "coverage", "known", "sweeps"];
/// Rows that bear a mapping fingerprint.
const MAPPINGS: [&str; 3] = ["runs", "pages", "known"];

impl Core {
    /// Every fingerprint of a source was that of one of its runs, and runs are kept for ever: where no run bears an old
    /// one there is nothing to do.
    fn replace_legacy(&mut self, source: &str, legacy: &Legacy, new: &Fingerprints) -> Result<(), StateError> {
        let found = |column: &str, old: &str| {
            let sql = format!("SELECT 1 FROM runs WHERE source = ?1 AND {column} = ?2");
            self.connection.prepare_cached(&sql)?.exists(params![source, old])
        };
        let replace = |tables: &[&str], column: &str, old: &str, new: &str| {
            tables.iter().try_for_each(|table| {
                // What is there under the new one already is the newer of two.
                let sql = format!("UPDATE OR IGNORE {table} SET {column} = ?3 WHERE source = ?1 AND {column} = ?2");
                self.connection.execute(&sql, params![source, old, new]).map(drop)
            })
        };
        if found("ask", &legacy.request)? {
            replace(&REQUESTS, "ask", &legacy.request, &new.request)?;
        }
        if found("meaning", &legacy.mapping)? {
            replace(&MAPPINGS, "meaning", &legacy.mapping, &new.mapping)?;
            // Sources with one mapping share its texts, so that the old rows stay.
            self.connection.execute(
                "INSERT OR IGNORE INTO plans SELECT ?2 || substr(fingerprint, length(?1) + 1), texts FROM plans
                 WHERE fingerprint >= ?1 || ':' AND fingerprint < ?1 || ';'",
                params![legacy.mapping, new.mapping],
            )?;
        }
        Ok(())
    }
}

impl State {
    /// Replaces what earlier programs wrote down for a plan, before anything is compared with it.
    pub async fn replace_legacy(&self, source: &str, legacy: &Legacy, new: &Fingerprints) -> Result<(), StateError> {
        let (source, legacy, new) = (source.to_owned(), legacy.clone(), new.clone());
        self.ask(move |core| core.replace_legacy(&source, &legacy, &new)).await
    }
}
