//! Who writes a source, to which store, and what waits for it.
use rusqlite::{OptionalExtension, params};

use super::StateError;
use super::core::Core;
use super::words::Waiting;
use crate::redact::redact;

/// Stands for a store that is not looked at yet.
pub(super) const UNSETTLED: &str = "";

impl Core {
    /// A fence above the last one of the source and of at least `floor`, and whether the store must be looked at: because
    /// it is `strange`, because the last claim wrote elsewhere, or because an earlier look did not come to its end.
    pub(super) fn claim(
        &mut self,
        source: &str,
        store: &str,
        floor: u64,
        strange: bool,
    ) -> Result<(u64, bool), StateError> {
        let last: Option<(i64, Option<String>)> = self
            .connection
            .query_row("SELECT fence, store FROM claims WHERE source = ?1", params![source], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let fence = last.as_ref().map_or(floor, |(last, _)| floor.max(*last as u64 + 1));
        let moved = strange || last.is_some_and(|(_, before)| before.as_deref() != Some(store));
        let store = if moved { UNSETTLED } else { store };
        self.connection.execute(
            "INSERT INTO claims(source, fence, store) VALUES(?1, ?2, ?3)
             ON CONFLICT(source) DO UPDATE SET fence = ?2, store = ?3",
            params![source, fence as i64, store],
        )?;
        Ok((fence, moved))
    }

    /// The store that was looked at last; another one holds something else.
    pub(super) fn settled(&self, source: &str) -> Result<String, StateError> {
        let sql = "SELECT store FROM claims WHERE source = ?1";
        let store =
            self.connection.query_row(sql, params![source], |row| row.get::<_, Option<String>>(0)).optional()?;
        Ok(store.flatten().unwrap_or_default())
    }

    /// The store was looked at.
    pub(super) fn settle(&mut self, source: &str, store: &str) -> Result<(), StateError> {
        self.connection.execute("UPDATE claims SET store = ?2 WHERE source = ?1", params![source, store])?;
        Ok(())
    }

    /// The last fence of a source, and the name of this data directory, given at random when it is first asked for.
    pub(super) fn owner(&mut self, source: &str) -> Result<(u64, String), StateError> {
        let last: Option<i64> = self
            .connection
            .query_row("SELECT fence FROM claims WHERE source = ?1", params![source], |row| row.get(0))
            .optional()?;
        self.connection.execute("INSERT OR IGNORE INTO meta VALUES('owner', ?1)", params![fastrand::i64(1..)])?;
        let name: i64 =
            self.connection.query_row("SELECT value FROM meta WHERE key = 'owner'", [], |row| row.get(0))?;
        Ok((last.unwrap_or(0) as u64, format!("{name:016x}")))
    }

    /// What the last run of a source asked its site.
    pub(super) fn last_ask(&self, source: &str) -> Result<String, StateError> {
        let sql = "SELECT ask FROM runs WHERE source = ?1 ORDER BY run DESC LIMIT 1";
        let ask = self.connection.query_row(sql, params![source], |row| row.get(0)).optional()?;
        Ok(ask.unwrap_or_default())
    }

    /// What waits for the store; nothing any more.
    pub(super) fn waits(&mut self, source: &str, waiting: Option<&Waiting>) -> Result<(), StateError> {
        match waiting {
            Some(waiting) => self.connection.execute(
                "INSERT OR REPLACE INTO waiting VALUES(?1, ?2, ?3, ?4)",
                params![source, waiting.since.timestamp_millis(), waiting.offers as i64, redact(&waiting.why)],
            )?,
            None => self.connection.execute("DELETE FROM waiting WHERE source = ?1", params![source])?,
        };
        Ok(())
    }
}
