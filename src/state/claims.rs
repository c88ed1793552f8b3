//! Who writes a source, to which store, and what waits for it.
use rusqlite::{OptionalExtension, params};

use super::StateError;
use super::core::Core;
use super::words::Waiting;

impl Core {
    /// A fence above the last one of the source and of at least `floor`, and whether the last claim wrote elsewhere.
    pub(super) fn claim(&mut self, source: &str, store: &str, floor: u64) -> Result<(u64, bool), StateError> {
        let last: Option<(i64, Option<String>)> = self
            .connection
            .query_row("SELECT fence, store FROM claims WHERE source = ?1", params![source], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let fence = last.as_ref().map_or(floor, |(last, _)| floor.max(*last as u64 + 1));
        let moved = last.and_then(|(_, before)| before).is_some_and(|before| before != store);
        self.connection.execute(
            "INSERT INTO claims(source, fence, store) VALUES(?1, ?2, ?3)
             ON CONFLICT(source) DO UPDATE SET fence = ?2, store = ?3",
            params![source, fence as i64, store],
        )?;
        Ok((fence, moved))
    }

    /// The last fence of a source, and the name of this data directory, given at random when it is first asked for.
    pub(super) fn owner(&mut self, source: &str) -> Result<(u64, String), StateError> {
        let last: Option<i64> = self
            .connection
            .query_row("SELECT fence FROM claims WHERE source = ?1", params![source], |row| row.get(0))
            .optional()?;
        let name = format!("{:016x}", fastrand::u64(..));
        self.connection.execute("INSERT OR IGNORE INTO meta VALUES('owner', ?1)", params![name])?;
        let name = self.connection.query_row("SELECT value FROM meta WHERE key = 'owner'", [], |row| row.get(0))?;
        Ok((last.unwrap_or(0) as u64, name))
    }

    /// What waits for the store; nothing any more.
    pub(super) fn waits(&mut self, source: &str, waiting: Option<&Waiting>) -> Result<(), StateError> {
        match waiting {
            Some(waiting) => self.connection.execute(
                "INSERT OR REPLACE INTO waiting VALUES(?1, ?2, ?3, ?4)",
                params![source, waiting.since.timestamp_millis(), waiting.offers as i64, waiting.why],
            )?,
            None => self.connection.execute("DELETE FROM waiting WHERE source = ?1", params![source])?,
        };
        Ok(())
    }
}
