//! What may be deleted: which pages need their records of the archive, and offers that were closed long ago.
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use roaring::RoaringBitmap;
use rusqlite::{OptionalExtension, Row, params};

use super::column::{Column, Millis, json, read, seen};
use super::core::Core;
use super::reader::Reader;
use super::rows::archives;
use super::words::{Archived, Intent};
use super::{State, StateError};
use crate::event::Counts;
use crate::offer::{OfferId, Version};

/// A page row that names records of the archive.
#[derive(Clone, Debug)]
pub struct Naming {
    /// Version of the row.
    pub version: u64,
    /// What it names.
    pub archived: Vec<Archived>,
    /// Whether they must be kept.
    pub needed: bool,
}

/// An offer that is closed.
#[derive(Clone, Debug)]
pub struct ClosedRow {
    /// Dense row number.
    pub row: u64,
    /// Its id.
    pub id: OfferId,
    /// Its key.
    pub key: String,
    /// When it was first read.
    pub first_seen: DateTime<Utc>,
}

impl ClosedRow {
    /// What is to be written down before its document goes.
    pub fn intent(&self, source: &str, version: Version) -> Intent {
        Intent {
            brought: None,
            row: self.row,
            source: source.to_owned(),
            id: self.id,
            key: self.key.clone(),
            version,
            first_seen: self.first_seen,
        }
    }
}

/// Where records of the archive are now, by their old segment and offset; `None` for one that is gone.
pub type Moves = HashMap<String, HashMap<u64, Option<(String, u64)>>>;

impl Reader {
    /// Each page row of a source that names records of the archive, in the order of versions. They are needed when the
    /// page was received at `young` or later, when an open offer comes from it, when an open entry of the quarantine
    /// does, and while its run has not ended: one that was interrupted goes on with what it received.
    pub fn each_archived(
        &self,
        source: &str,
        young: DateTime<Utc>,
        each: &mut dyn FnMut(Naming),
    ) -> Result<(), StateError> {
        let mut statement = self.connection.prepare(
            "SELECT p.version, p.archived, p.at >= ?2 OR r.ended IS NULL
               OR (r.outcome = 'stopped' AND r.cause = 'interrupted' AND r.run = (SELECT max(run) FROM runs WHERE source = ?1))
               OR p.version IN (SELECT page FROM known WHERE source = ?1 AND version > 0 AND closed_at IS NULL AND page IS NOT NULL)
               OR p.version IN (SELECT page FROM quarantine WHERE source = ?1 AND state = 'open')
             FROM pages p LEFT JOIN runs r ON r.run = p.run WHERE p.source = ?1 AND p.archived IS NOT NULL ORDER BY p.version",
        )?;
        let mut rows = statement.query(params![source, young.timestamp_millis()])?;
        while let Some(row) = rows.next()? {
            let version: i64 = row.get(0)?;
            let archived = archives(read(row, ("pages", 0), |row| row.get(1))?);
            if !archived.is_empty() {
                each(Naming { version: version as u64, archived, needed: row.get(2)? });
            }
        }
        Ok(())
    }

    /// Offers of a source that were closed before an instant, behind a row, in the order of their rows.
    pub fn closed_before(
        &self,
        source: &str,
        before: DateTime<Utc>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<ClosedRow>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT n, id, key, first_seen FROM known WHERE source = ?1 AND closed_at < ?2 AND n > ?3 ORDER BY n LIMIT ?4",
        )?;
        let closed = |row: &Row<'_>| {
            Ok(ClosedRow {
                row: row.get::<_, i64>(0)? as u64,
                id: OfferId(row.get(1)?),
                key: row.get(2)?,
                first_seen: row.get::<_, Millis>(3)?.0,
            })
        };
        let of = params![source, before.timestamp_millis(), after as i64, limit as i64];
        let rows = statement.query_map(of, |row| read(row, ("known", 0), closed))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether an offer was deleted after this page was committed: the page does not bring it back.
    pub fn is_deleted(&self, id: &OfferId, page: u64) -> Result<bool, StateError> {
        let mut statement =
            self.connection.prepare_cached("SELECT 1 FROM deleted WHERE id = ?1 AND version >= ?2 LIMIT 1")?;
        Ok(statement.exists(params![id.0, page as i64])?)
    }
}

impl State {
    /// Gives page rows the new places of their records, in one transaction.
    pub async fn moved(&self, source: &str, rows: Vec<u64>, moves: Moves) -> Result<(), StateError> {
        let source = source.to_owned();
        self.ask(move |core| core.moved(&source, &rows, &moves)).await
    }

    /// Deletes closed offers, of which the store outside has no document any more: out of the local store, and out of what
    /// is known. One that was written under a later version than `most` stays. That they were deleted is written down, so
    /// that no page of before brings them back. How many were deleted.
    pub async fn delete_closed(&self, rows: Vec<u64>, most: Option<Version>) -> Result<u64, StateError> {
        self.ask(move |core| core.delete_closed(&rows, most)).await
    }

    /// Forgets which offers of a source were deleted, where the archive holds no page any more that they were on.
    pub async fn forget_deleted(&self, source: &str) -> Result<(), StateError> {
        let source = source.to_owned();
        self.ask(move |core| core.forget_deleted(&source)).await
    }
}

impl Core {
    fn moved(&mut self, source: &str, rows: &[u64], moves: &Moves) -> Result<(), StateError> {
        for version in rows {
            let archived: Option<Option<Column<Vec<Archived>>>> = self
                .connection
                .prepare_cached("SELECT archived, version FROM pages WHERE source = ?1 AND version = ?2")?
                .query_row(params![source, *version as i64], |row| read(row, ("pages", 1), |row| row.get(0)))
                .optional()?;
            let Some(Column(archived)) = archived.flatten() else { continue };
            let archived = placed(archived, moves).as_ref().map(json).transpose()?;
            self.connection
                .prepare_cached("UPDATE pages SET archived = ?3 WHERE source = ?1 AND version = ?2")?
                .execute(params![source, *version as i64, archived])?;
        }
        Ok(())
    }

    fn delete_closed(&mut self, rows: &[u64], most: Option<Version>) -> Result<u64, StateError> {
        let most = most.map_or(i64::MAX, |most| most.0 as i64);
        let mut deleted = 0;
        for row in rows {
            let marked = self
                .connection
                .prepare_cached(
                    "INSERT INTO deleted SELECT n, id, source,
                       (SELECT coalesce(max(version), 0) FROM pages p WHERE p.source = k.source) FROM known k
                     WHERE n = ?1 AND version <= ?2 AND (closed_at IS NOT NULL OR content IS NULL AND version = ?2)",
                )?
                .execute(params![*row as i64, most])?;
            if marked > 0 {
                self.connection.prepare_cached("DELETE FROM known WHERE n = ?1")?.execute(params![*row as i64])?;
                self.remove_document(*row)?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }

    /// The seen sets of pages say which rows were on them, and rows are never given again. A page with rejected records
    /// that have no row may hold any offer: what was deleted after it stays remembered.
    fn forget_deleted(&mut self, source: &str) -> Result<(), StateError> {
        let mut statement = self.connection.prepare("SELECT n FROM deleted WHERE source = ?1")?;
        let rows = statement.query_map(params![source], |row| row.get::<_, u32>(0))?;
        let mut rows: RoaringBitmap = rows.collect::<Result<_, _>>()?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut statement = self.connection.prepare(
            "SELECT seen, version, counts FROM pages
             WHERE source = ?1 AND seen IS NOT NULL AND coalesce(archived, '[]') <> '[]' ORDER BY version DESC",
        )?;
        let mut pages = statement.query(params![source])?;
        let mut unsure = i64::MAX;
        while let Some(page) = pages.next()? {
            let (seen, version) = (seen(page, "pages")?, page.get(1)?);
            let Column(counts): Column<Counts> = read(page, ("pages", 1), |page| page.get(2))?;
            if counts.rejected > 0 && counts.fetched > seen.len() {
                unsure = version;
            }
            rows -= seen;
        }
        let mut statement = self.connection.prepare("DELETE FROM deleted WHERE n = ?1 AND version < ?2")?;
        for row in rows {
            statement.execute(params![row, unsure])?;
        }
        Ok(())
    }

    /// Takes a document out of the local store, and tells the index.
    pub(super) fn remove_document(&mut self, row: u64) -> Result<(), StateError> {
        self.connection.prepare_cached("DELETE FROM offers WHERE n = ?1")?.execute(params![row as i64])?;
        self.connection
            .prepare_cached("INSERT INTO removed VALUES(?1, ?2)")?
            .execute(params![self.next_change, row as i64])?;
        self.next_change += 1;
        Ok(())
    }
}

/// The new places of what a page names. `None` when the page itself is gone: details are nothing without it.
fn placed(archived: Vec<Archived>, moves: &Moves) -> Option<Vec<Archived>> {
    let mut kept = Vec::with_capacity(archived.len());
    for at in archived {
        match moves.get(&at.segment).and_then(|segment| segment.get(&at.offset)) {
            None => kept.push(at),
            Some(Some((segment, offset))) => kept.push(Archived { segment: segment.clone(), offset: *offset, ..at }),
            Some(None) if at.of.is_none() => return None,
            Some(None) => {}
        }
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(segment: &str, offset: u64, of: Option<&str>) -> Archived {
        Archived { segment: segment.into(), offset, length: 9, of: of.map(str::to_owned) }
    }

    #[test]
    fn what_a_page_names_moves_and_goes_with_the_page() {
        let moved = |offset: u64| (0, Some(("new".to_owned(), offset)));
        let archived = vec![at("a", 0, None), at("b", 0, Some("x")), at("c", 0, Some("y")), at("d", 5, Some("z"))];
        let moves = Moves::from([
            ("a".into(), HashMap::from([moved(7)])),
            ("b".into(), HashMap::from([(0, None)])),
            ("c".into(), HashMap::from([moved(8)])),
        ]);
        let expect = vec![at("new", 7, None), at("new", 8, Some("y")), at("d", 5, Some("z"))];
        assert_eq!(placed(archived.clone(), &moves), Some(expect));
        assert_eq!(placed(archived, &Moves::from([("a".into(), HashMap::from([(0, None)]))])), None);
    }
}
