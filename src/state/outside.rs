//! What is known of a store outside: uncertain before a write, compared with what the store says before a sweep.
use roaring::RoaringBitmap;
use rusqlite::{OptionalExtension, params};

use super::StateError;
use super::core::Core;
use super::words::{Compared, Intent, Told};
use crate::offer::Version;

/// What is known of an offer that a store tells of.
struct Known {
    row: i64,
    version: u64,
    /// Nothing while it is not certain what the store holds.
    content: Option<u64>,
    closed: bool,
}

impl Core {
    /// What the store was last told of these is null from now on: never equal, and open for a sweep. What is mapped again
    /// stays with the request that brought it, and closed when it is: it is written as such. One that is opened by this keeps
    /// the reason of its closing until its page is committed, or a sweep has read its partition whole.
    pub(super) fn intent(&mut self, intents: &[Intent]) -> Result<(), StateError> {
        for intent in intents {
            let brought = intent.brought.as_ref();
            let again = brought.is_some_and(|brought| brought.again);
            self.connection
                .prepare_cached(
                    "INSERT INTO known(n, source, id, key, version, content, first_seen, ask, partition, start)
                     VALUES(?1, ?2, ?3, ?4, ?5, NULL, ?6, ?7, ?8, ?9)
                     ON CONFLICT(id) DO UPDATE SET content = NULL, version = ?5,
                       closed_at = CASE WHEN ?7 IS NULL OR ?10 THEN closed_at END,
                       ask = CASE WHEN ?10 THEN coalesce(ask, ?7) ELSE coalesce(?7, ask) END,
                       partition = CASE WHEN ?10 AND ask IS NOT NULL THEN partition ELSE coalesce(?8, partition) END,
                       start = CASE WHEN ?10 AND ask IS NOT NULL THEN start ELSE coalesce(?9, start) END
                     WHERE version <= ?5",
                )?
                .execute(params![
                    intent.row as i64,
                    intent.source,
                    intent.id.0,
                    intent.key,
                    intent.version.0 as i64,
                    intent.first_seen.timestamp_millis(),
                    brought.map(|brought| &brought.ask),
                    brought.map(|brought| &brought.partition),
                    brought.and_then(|brought| brought.start).map(|start| start.timestamp_millis()),
                    again
                ])?;
        }
        Ok(())
    }

    /// Compares what a store says of offers with what is known of them. Where they differ nothing is known any more, so
    /// that the next page that brings the offer writes it; what is not known at all is from now on, as brought by `ask`.
    /// An older version than the store was told of is lost; what somebody edited is written again like that.
    pub(super) fn reconcile(
        &mut self,
        source: &str,
        ask: Option<&str>,
        outside: &[Told],
    ) -> Result<Compared, StateError> {
        let mut compared = Compared::default();
        for told in outside {
            let known = self
                .connection
                .prepare_cached("SELECT n, version, content, closed_at IS NOT NULL FROM known WHERE id = ?1")?
                .query_row(params![told.id.0], |row| {
                    let content = row.get::<_, Option<i64>>(2)?.map(|content| content as u64);
                    Ok(Known { row: row.get(0)?, version: row.get::<_, i64>(1)? as u64, content, closed: row.get(3)? })
                })
                .optional()?;
            let row = match known {
                Some(known) => {
                    self.compare(source, &known, told, &mut compared)?;
                    known.row
                }
                None => {
                    compared.differ += 1;
                    self.found(source, ask, told)?
                }
            };
            compared.rows.insert(row as u32);
        }
        Ok(compared)
    }

    fn compare(&self, source: &str, known: &Known, told: &Told, compared: &mut Compared) -> Result<(), StateError> {
        let Known { row, version, content, closed } = *known;
        let as_known = (version, content, closed) == (told.version, told.content, told.closed.is_some());
        let older = told.version < version;
        let edited = !older && self.is_edited(known, told)?;
        let returns = (older || edited) && self.is_archived(row)?;
        let shown = closed && told.closed.is_none() && !returns;
        if older && content.is_some() {
            compared.lost += u64::from(self.lose(source, row)?);
        } else if edited && returns {
            compared.differ += u64::from(self.lose(source, row)?);
        } else if shown || content.is_some() && !as_known {
            self.forget(row)?;
            compared.differ += 1;
        }
        if shown {
            // Searches find it: a page brings it again, or a sweep closes it again.
            self.reopen(row)?;
        }
        if older || edited && returns { Ok(()) } else { self.found_again(row) }
    }

    /// Whether somebody wrote an offer again past the program: a version above its last one, and under the same claim, where
    /// no later one of ours is. It stays so until it is written again.
    fn is_edited(&self, known: &Known, told: &Told) -> Result<bool, StateError> {
        let above = told.version > known.version && Version(told.version).fence() == Version(known.version).fence();
        Ok(above && (known.content.is_some() || self.is_lost(known.row)?))
    }

    /// What the store holds and nobody here knew: open offers are written again when they come, or closed by sweeps of
    /// all partitions; a closed one is known as it is.
    fn found(&mut self, source: &str, ask: Option<&str>, told: &Told) -> Result<i64, StateError> {
        self.next_row += 1;
        let row = self.next_row as i64 - 1;
        let content = told.content.filter(|_| told.closed.is_some());
        self.connection
            .prepare_cached(
                "INSERT INTO known(n, source, id, key, version, content, first_seen, ask, closed_at, reason)
                 VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                row,
                source,
                told.id.0,
                told.key,
                told.version as i64,
                content.map(|content| content as i64),
                told.first_seen.timestamp_millis(),
                ask,
                told.closed.map(|(at, _)| at.timestamp_millis()),
                told.closed.map(|(_, reason)| reason.word())
            ])?;
        Ok(row)
    }

    /// What was stored and is not among these rows was lost by the store; how many that is new of.
    pub(super) fn lost(&mut self, source: &str, rows: &RoaringBitmap) -> Result<u64, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT n FROM known WHERE source = ?1 AND version > 0 AND (content IS NOT NULL OR page IS NOT NULL)",
        )?;
        let known: Vec<i64> = statement.query_map(params![source], |row| row.get(0))?.collect::<Result<_, _>>()?;
        drop(statement);
        let mut lost = 0;
        for row in known.into_iter().filter(|row| !rows.contains(*row as u32)) {
            lost += u64::from(self.lose(source, row)?);
        }
        Ok(lost)
    }

    /// What is known to be closed is open at the store. It keeps the reason of its closing: sweeps before say nothing of it.
    fn reopen(&self, row: i64) -> Result<(), StateError> {
        let sql = "UPDATE known SET content = NULL, closed_at = NULL WHERE n = ?1";
        self.connection.prepare_cached(sql)?.execute(params![row])?;
        Ok(())
    }

    pub(super) fn forget(&self, row: i64) -> Result<(), StateError> {
        self.connection.prepare_cached("UPDATE known SET content = NULL WHERE n = ?1")?.execute(params![row])?;
        Ok(())
    }
}
