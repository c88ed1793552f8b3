//! What a store outside lost of what it was told: noted by a comparison, until it is written again.
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rusqlite::{Row, params};

use super::column::{Millis, read};
use super::commit::closed;
use super::core::Core;
use super::reader::Reader;
use super::{State, StateError};
use crate::offer::{Closed, OfferId, Version};

/// An offer that is to be written again.
#[derive(Clone, Debug)]
pub struct LostRow {
    /// Dense row number.
    pub row: u64,
    /// Its key.
    pub key: String,
    /// When it was first read.
    pub first_seen: DateTime<Utc>,
    /// When and why it was closed.
    pub closed: Option<(DateTime<Utc>, Closed)>,
}

/// Whether the page that an offer (`k`) came from is archived: then it can be written again without its site.
const ARCHIVED: &str = "EXISTS(SELECT 1 FROM pages p WHERE p.source = k.source AND p.version = k.page
   AND coalesce(p.archived, '[]') <> '[]')";

impl Core {
    /// The store lost a row: nothing is known of what it holds. Whether that is new.
    pub(super) fn lose(&self, source: &str, row: i64) -> Result<bool, StateError> {
        self.forget(row)?;
        let new = self
            .connection
            .prepare_cached("INSERT OR IGNORE INTO lost VALUES(?1, ?2)")?
            .execute(params![row, source])?;
        Ok(new > 0)
    }

    /// The store holds these rows as they were written, or later.
    pub(super) fn found_again(&self, row: i64) -> Result<(), StateError> {
        self.connection.prepare_cached("DELETE FROM lost WHERE n = ?1")?.execute(params![row])?;
        Ok(())
    }

    /// Whether a row is to be written again.
    pub(super) fn is_lost(&self, row: i64) -> Result<bool, StateError> {
        Ok(self.connection.prepare_cached("SELECT 1 FROM lost WHERE n = ?1")?.exists(params![row])?)
    }

    /// Whether the page that an offer came from is archived.
    pub(super) fn is_archived(&self, row: i64) -> Result<bool, StateError> {
        let sql = format!("SELECT 1 FROM known k WHERE n = ?1 AND {ARCHIVED}");
        Ok(self.connection.prepare_cached(&sql)?.exists(params![row])?)
    }

    /// How many offers of a source are lost and not written again, and of how many of these the page is archived. A closed
    /// one that is in no archive comes from nowhere any more: it was told when it was noticed.
    fn count_lost(&mut self, source: &str) -> Result<(u64, u64), StateError> {
        self.connection
            .prepare_cached(
                "DELETE FROM lost WHERE source = ?1 AND n NOT IN (SELECT n FROM known WHERE source = ?1 AND content IS NULL)",
            )?
            .execute(params![source])?;
        let sql = format!(
            "SELECT count(*), coalesce(sum(archived), 0) FROM (
               SELECT k.closed_at, {ARCHIVED} AS archived FROM lost JOIN known k ON k.n = lost.n WHERE lost.source = ?1)
             WHERE closed_at IS NULL OR archived"
        );
        let count = |row: &Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64));
        Ok(self.connection.prepare_cached(&sql)?.query_row(params![source], count)?)
    }

    /// Offers were written again under a version, each with the hash of its content.
    fn restore_lost(&mut self, (version, meaning): (Version, &str), rows: &[(u64, u64)]) -> Result<(), StateError> {
        for (row, content) in rows {
            self.connection
                .prepare_cached(
                    "UPDATE known SET content = ?3, version = ?2, listed = CASE WHEN meaning = ?4 THEN listed END, meaning = ?4
                     WHERE n = ?1 AND version <= ?2",
                )?
                .execute(params![*row as i64, version.0 as i64, *content as i64, meaning])?;
            self.found_again(*row as i64)?;
        }
        Ok(())
    }
}

impl State {
    /// How many offers of a source the store lost that are not written again, and of how many of them the page is archived.
    pub async fn count_lost(&self, source: &str) -> Result<(u64, u64), StateError> {
        let source = source.to_owned();
        self.ask(move |core| core.count_lost(&source)).await
    }

    /// What the store had lost was written again: rows, each with the hash of its content.
    pub async fn restore_lost(&self, version: Version, meaning: &str, rows: Vec<(u64, u64)>) -> Result<(), StateError> {
        let meaning = meaning.to_owned();
        self.ask(move |core| core.restore_lost((version, &meaning), &rows)).await
    }

    /// The store holds later versions of these rows than were to be written again.
    pub async fn found_again(&self, rows: Vec<u64>) -> Result<(), StateError> {
        self.ask(move |core| rows.iter().try_for_each(|row| core.found_again(*row as i64))).await
    }
}

impl Reader {
    /// The archived pages that lost offers of a source came from, in the order of their versions.
    pub fn lost_pages(&self, source: &str) -> Result<Vec<u64>, StateError> {
        let sql = format!(
            "SELECT DISTINCT k.page FROM lost JOIN known k ON k.n = lost.n
             WHERE lost.source = ?1 AND k.content IS NULL AND {ARCHIVED} ORDER BY k.page"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let pages = statement.query_map(params![source], |row| row.get::<_, i64>(0))?;
        Ok(pages.map(|page| page.map(|page| page as u64)).collect::<Result<_, _>>()?)
    }

    /// The lost offers that came from a page.
    pub fn lost_of(&self, source: &str, page: u64) -> Result<HashMap<OfferId, LostRow>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT k.id, k.n, k.key, k.first_seen, k.closed_at, k.reason FROM known k JOIN lost ON k.n = lost.n
             WHERE k.source = ?1 AND k.page = ?2 AND k.content IS NULL",
        )?;
        let lost = |row: &Row<'_>| {
            let (Millis(first_seen), n) = (row.get(3)?, row.get::<_, i64>(1)? as u64);
            Ok((OfferId(row.get(0)?), LostRow { row: n, key: row.get(2)?, first_seen, closed: closed(row, 4)? }))
        };
        let rows = statement.query_map(params![source, page as i64], |row| read(row, ("known", 1), lost))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::words::Told;

    const ARCHIVE: &str = r#"[{"segment":"s","offset":0,"length":1}]"#;

    /// A state with archived page 5 and page 6, which is in no archive, and an offer of each: open, closed.
    fn core(dir: &std::path::Path) -> Core {
        let core = Core::open(&dir.join("state.db")).unwrap();
        core.connection
            .execute_batch(&format!(
                "INSERT INTO pages(source, version, run, slice, position, part, kind, meaning, at, request, status, bytes, archived, counts)
                 VALUES('a', 5, 1, '0', '0', 0, 'list', '', 0, '', 200, 0, '{ARCHIVE}', ''), ('a', 6, 1, '0', '1', 0, 'list', '', 0, '', 200, 0, '[]', '');
                 INSERT INTO known(n, source, id, key, page, version, content, first_seen, closed_at, reason) VALUES
                   (1, 'a', x'01000000000000000000000000000000', '1', 5, 5, 70, 0, NULL, NULL),
                   (2, 'a', x'02000000000000000000000000000000', '2', 5, 9, 70, 0, 1, 'not_seen'),
                   (3, 'a', x'03000000000000000000000000000000', '3', 6, 6, 70, 0, NULL, NULL),
                   (4, 'a', x'04000000000000000000000000000000', '4', 6, 9, 70, 0, 1, 'not_seen');"
            ))
            .unwrap();
        core
    }

    fn told(row: u8, version: u64) -> Told {
        let mut id = [0; 16];
        id[0] = row;
        let (key, content, first_seen) = (row.to_string(), Some(70), DateTime::UNIX_EPOCH);
        Told { id: OfferId(id), key, version, content, closed: None, first_seen }
    }

    fn closed(core: &Core, row: i64) -> bool {
        core.connection
            .query_row("SELECT closed_at IS NOT NULL FROM known WHERE n = ?1", [row], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn what_is_missing_is_lost_once_until_it_is_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut core = core(dir.path());
        let none = roaring::RoaringBitmap::new();
        assert_eq!(core.lost("a", &none).unwrap(), 4);
        assert_eq!(core.lost("a", &none).unwrap(), 0, "that is not new");
        // The closed one of which nothing is archived comes from nowhere.
        assert_eq!(core.count_lost("a").unwrap(), (3, 2));
        core.restore_lost((Version(20), "m"), &[(1, 71)]).unwrap();
        assert_eq!(core.count_lost("a").unwrap(), (2, 1));
        // A page of the site brought another one.
        core.connection.execute("UPDATE known SET content = 70 WHERE n = 3", []).unwrap();
        assert_eq!(core.count_lost("a").unwrap(), (1, 1));
        // The store has it after all.
        assert_eq!(
            core.reconcile("a", None, &[Told { closed: Some((DateTime::UNIX_EPOCH, Closed::NotSeen)), ..told(2, 9) }])
                .unwrap()
                .lost,
            0
        );
        assert_eq!(core.count_lost("a").unwrap(), (0, 0));
    }

    #[test]
    fn an_older_version_is_lost_an_edited_one_comes_back_and_a_later_one_differs() {
        let dir = tempfile::tempdir().unwrap();
        let mut core = core(dir.path());
        let later = Version::new(1, 1).0;
        let compared = core.reconcile("a", None, &[told(1, 8), told(2, 5), told(3, later), told(4, 6)]).unwrap();
        assert_eq!((compared.differ, compared.lost), (2, 2));
        // What can be written again stays closed; the other one is open where it is searched, so sweeps close it again.
        assert_eq!([closed(&core, 2), closed(&core, 4)], [true, false]);
        assert_eq!(core.count_lost("a").unwrap(), (3, 2));
        // It is still edited when the run ended before that, and no more when a later claim has written it.
        core.reconcile("a", None, &[told(1, 8)]).unwrap();
        assert_eq!(core.count_lost("a").unwrap(), (3, 2));
        core.reconcile("a", None, &[told(1, later)]).unwrap();
        assert_eq!(core.count_lost("a").unwrap(), (2, 1));
    }

    #[test]
    fn another_index_is_another_store_until_it_is_compared() {
        let dir = tempfile::tempdir().unwrap();
        let mut core = core(dir.path());
        let claim = |core: &mut Core, store: &str| core.claim("a", store, 1, false).unwrap().1;
        // The first claim of a source has nothing to compare.
        assert!(!claim(&mut core, "a server, one"));
        assert!(!claim(&mut core, "a server, one"));
        assert!(claim(&mut core, "a server, two"));
        assert!(claim(&mut core, "a server, two"), "a run that ended before it compared");
        core.settle("a", "a server, two").unwrap();
        assert!(!claim(&mut core, "a server, two"));
        assert_eq!(core.settled("a").unwrap(), "a server, two");
    }
}
