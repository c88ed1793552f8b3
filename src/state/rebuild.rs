//! What the local store lost or holds otherwise than it is known: forgotten, so that a replay writes it again.
use std::collections::HashSet;

use roaring::RoaringBitmap;
use rusqlite::{OptionalExtension, params};

use super::core::Core;
use super::reader::Reader;
use super::rows::KnownRow;
use super::{State, StateError};
use crate::document::Document;
use crate::offer::OfferId;

impl KnownRow {
    /// How a document of the local store differs from what is known of the offer.
    pub fn differs(&self, document: Option<&str>) -> Option<&'static str> {
        let Some(text) = document else { return Some("known, and not stored") };
        let Some(document) = Document::read(text) else { return Some("what is stored of it cannot be read") };
        if self.content.is_some_and(|content| content != document.content_hash()) {
            return Some("its stored content is not what is known of it");
        }
        match (self.closed, document.is_closed()) {
            (true, false) => Some("known as closed, and stored as open"),
            (false, true) => Some("known as open, and stored as closed"),
            _ => None,
        }
    }
}

impl Reader {
    /// Rows of a source's offers whose document the local store lost, or holds otherwise than it is known.
    pub fn lost_documents(&self, source: &str) -> Result<RoaringBitmap, StateError> {
        let mut lost = RoaringBitmap::new();
        self.each_known(Some(source), &mut |known, document| {
            if known.differs(document).is_some() {
                lost.insert(known.row as u32);
            }
        })?;
        Ok(lost)
    }

    /// Whether an offer came from this page, was kept aside by a filter since, and has no document any more.
    pub fn is_lost_behind_a_filter(&self, id: &OfferId, page: u64) -> Result<bool, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT 1 FROM known WHERE id = ?1 AND page = ?2 AND content IS NULL AND closed_at IS NOT NULL",
        )?;
        Ok(statement.exists(params![id.0, page as i64])?)
    }

    /// How many stored offers come from these pages: those that must be mapped again, because they are open or the store
    /// lost them, and those that are closed.
    pub fn offers_of(&self, source: &str, pages: &HashSet<u64>) -> Result<(u64, u64), StateError> {
        let mut statement = self.connection.prepare(
            "SELECT page, closed_at IS NULL OR content IS NULL FROM known WHERE source = ?1 AND version > 0 AND page IS NOT NULL",
        )?;
        let mut rows = statement.query(params![source])?;
        let (mut needed, mut closed) = (0, 0);
        while let Some(row) = rows.next()? {
            if pages.contains(&(row.get::<_, i64>(0)? as u64)) {
                match row.get(1)? {
                    true => needed += 1,
                    false => closed += 1,
                }
            }
        }
        Ok((needed, closed))
    }
}

impl State {
    /// What the local store holds of these rows is not known any more: whatever brings the offers next writes them.
    pub async fn forget(&self, rows: RoaringBitmap) -> Result<(), StateError> {
        self.ask(move |core| rows.iter().try_for_each(|row| core.forget_document(u64::from(row)))).await
    }
}

impl Core {
    fn forget_document(&mut self, row: u64) -> Result<(), StateError> {
        self.forget(row as i64)?;
        let stored: Option<i64> = self
            .connection
            .prepare_cached("SELECT n FROM offers WHERE n = ?1")?
            .query_row(params![row as i64], |row| row.get(0))
            .optional()?;
        // The index may hold it still.
        if stored.is_none() { self.remove_document(row) } else { Ok(()) }
    }
}
