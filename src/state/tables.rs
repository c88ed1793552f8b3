//! The tables of `state.db`, made at the first start, and the steps that bring older ones up to date.
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::StateError;

/// The oldest tables that can be brought up to date: those of [`TABLES`].
const OLDEST: i64 = 4;

/// Each change of the tables since, in order: the first leads from [`OLDEST`] to the version after it. New tables take
/// all of them too.
const STEPS: [&str; 8] = [
    // 5: the highest numbers that were ever given stay known when their rows are deleted.
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL);",
    // 6: which store a source is written to, and what waits for it.
    "ALTER TABLE claims ADD COLUMN store TEXT;
     CREATE TABLE waiting(source TEXT PRIMARY KEY, since INTEGER NOT NULL, offers INTEGER NOT NULL, why TEXT NOT NULL);",
    // 7: the first row that a run may have given. Of a run that was begun before, all of them are its own.
    "ALTER TABLE runs ADD COLUMN row INTEGER NOT NULL DEFAULT 0;",
    // 8: what named an archived page mapped again names that page itself, and so what it was mapped from.
    "UPDATE quarantine SET page = coalesce((
       WITH RECURSIVE own(version, kind, position) AS (
         SELECT version, kind, position FROM pages WHERE source = quarantine.source AND version = quarantine.page
         UNION ALL SELECT p.version, p.kind, p.position FROM own JOIN pages p ON own.kind = 'replay'
           AND p.source = quarantine.source AND p.version = CAST(json_extract(own.position, '$.cursor') AS INTEGER))
       SELECT version FROM own WHERE kind <> 'replay'), page)
     WHERE page IN (SELECT version FROM pages WHERE source = quarantine.source AND kind = 'replay');
     UPDATE known SET page = coalesce((
       WITH RECURSIVE own(version, kind, position) AS (
         SELECT version, kind, position FROM pages WHERE source = known.source AND version = known.page
         UNION ALL SELECT p.version, p.kind, p.position FROM own JOIN pages p ON own.kind = 'replay'
           AND p.source = known.source AND p.version = CAST(json_extract(own.position, '$.cursor') AS INTEGER))
       SELECT version FROM own WHERE kind <> 'replay'), page)
     WHERE page IN (SELECT version FROM pages WHERE source = known.source AND kind = 'replay');",
    // 9: how many raw records of a run and reason are kept is asked with each reject.
    "CREATE INDEX quarantine_kept ON quarantine(run, reason, raw IS NOT NULL);",
    // 10: offers that retention deleted, while a page of the archive may hold them, and closings that are held.
    "CREATE TABLE deleted(n INTEGER PRIMARY KEY, id BLOB NOT NULL, source TEXT NOT NULL, version INTEGER NOT NULL);
     CREATE INDEX deleted_id ON deleted(id);
     CREATE TABLE held(source TEXT PRIMARY KEY, offers INTEGER NOT NULL, open INTEGER NOT NULL, most INTEGER NOT NULL);",
    // 11: partitions of which nothing was seen, what is wrong with a source, what is counted of a run beside the outcomes,
    // and whether it read all that it asked for, whatever is wrong with that.
    "ALTER TABLE held ADD COLUMN partitions TEXT NOT NULL DEFAULT '[]';
     CREATE TABLE alerts(source TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, run INTEGER NOT NULL,
       since INTEGER NOT NULL, alert TEXT NOT NULL, PRIMARY KEY(source, kind, subject));
     CREATE TABLE quality(run INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL,
       PRIMARY KEY(run, kind, name));
     ALTER TABLE runs ADD COLUMN whole INTEGER NOT NULL DEFAULT 0;
     UPDATE runs SET whole = 1 WHERE outcome = 'complete';",
    // 12: offers that a store outside lost, until they are written again.
    "CREATE TABLE lost(n INTEGER PRIMARY KEY, source TEXT NOT NULL);
     CREATE INDEX lost_source ON lost(source);",
];

const TABLES: &str = "
CREATE TABLE claims(source TEXT PRIMARY KEY, fence INTEGER NOT NULL, origins TEXT NOT NULL DEFAULT '');
CREATE TABLE plans(fingerprint TEXT PRIMARY KEY, texts TEXT NOT NULL);
CREATE TABLE runs(run INTEGER PRIMARY KEY, source TEXT NOT NULL, pipeline TEXT, kind TEXT NOT NULL, ask TEXT NOT NULL,
  meaning TEXT NOT NULL, now INTEGER NOT NULL, span TEXT, ended INTEGER, outcome TEXT, cause TEXT,
  fetched INTEGER NOT NULL DEFAULT 0, indexed INTEGER NOT NULL DEFAULT 0, new INTEGER NOT NULL DEFAULT 0,
  unchanged INTEGER NOT NULL DEFAULT 0, superseded INTEGER NOT NULL DEFAULT 0, rejected INTEGER NOT NULL DEFAULT 0,
  filtered INTEGER NOT NULL DEFAULT 0, duplicate INTEGER NOT NULL DEFAULT 0, closed INTEGER NOT NULL DEFAULT 0);
CREATE INDEX runs_source ON runs(source, run);
CREATE TABLE slices(run INTEGER NOT NULL, slice TEXT NOT NULL, partition TEXT NOT NULL, start INTEGER, end INTEGER,
  state TEXT NOT NULL, total INTEGER, position TEXT, progress TEXT NOT NULL, keys INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(run, slice));
CREATE TABLE pages(source TEXT NOT NULL, version INTEGER NOT NULL, run INTEGER NOT NULL, slice TEXT NOT NULL,
  position TEXT NOT NULL, part INTEGER NOT NULL, kind TEXT NOT NULL, meaning TEXT NOT NULL, at INTEGER NOT NULL,
  request TEXT NOT NULL, status INTEGER NOT NULL, bytes INTEGER NOT NULL, archived TEXT, counts TEXT NOT NULL, seen BLOB,
  PRIMARY KEY(source, version), UNIQUE(run, slice, position, part));
CREATE TABLE coverage(source TEXT NOT NULL, ask TEXT NOT NULL, partition TEXT NOT NULL, start INTEGER NOT NULL,
  end INTEGER NOT NULL, PRIMARY KEY(source, ask, partition, start));
CREATE TABLE known(n INTEGER PRIMARY KEY, source TEXT NOT NULL, id BLOB NOT NULL UNIQUE, key TEXT NOT NULL,
  page INTEGER, version INTEGER NOT NULL, content INTEGER, listed INTEGER, ask TEXT, partition TEXT, start INTEGER,
  first_seen INTEGER NOT NULL, closed_at INTEGER, reason TEXT, meaning TEXT);
CREATE TABLE quarantine(q INTEGER PRIMARY KEY, source TEXT NOT NULL, place TEXT NOT NULL, raw_hash INTEGER NOT NULL,
  run INTEGER NOT NULL, stage TEXT NOT NULL, reason TEXT NOT NULL, field TEXT, path TEXT, message TEXT NOT NULL,
  page INTEGER NOT NULL, item INTEGER NOT NULL, raw BLOB, first_at INTEGER NOT NULL, times INTEGER NOT NULL DEFAULT 1,
  state TEXT NOT NULL DEFAULT 'open', UNIQUE(source, place, raw_hash));
CREATE TABLE offers(n INTEGER PRIMARY KEY, change INTEGER NOT NULL UNIQUE, id BLOB NOT NULL, source TEXT NOT NULL, doc TEXT NOT NULL);
CREATE TABLE removed(change INTEGER PRIMARY KEY, n INTEGER NOT NULL);
CREATE TABLE sweeps(source TEXT NOT NULL, ask TEXT NOT NULL, partition TEXT NOT NULL, run INTEGER NOT NULL,
  began INTEGER NOT NULL, start INTEGER, end INTEGER, seen BLOB NOT NULL, PRIMARY KEY(source, ask, partition, run));
CREATE TABLE shares(source TEXT PRIMARY KEY, shares TEXT NOT NULL);
CREATE TABLE quotas(origin TEXT NOT NULL, credential INTEGER NOT NULL, period TEXT NOT NULL, spent INTEGER NOT NULL,
  reset INTEGER NOT NULL, PRIMARY KEY(origin, credential, period));
CREATE TABLE marks(file TEXT PRIMARY KEY, length INTEGER NOT NULL);
";

/// Whose tables a file has.
#[derive(Debug, PartialEq)]
pub(super) enum Made {
    /// Nobody's yet: a first start is at work.
    Not,
    /// Those of an earlier version of the program.
    Before,
    /// Those of this one, or of a later one.
    Now,
}

/// Whose tables a file has.
pub(super) fn made(connection: &Connection) -> Result<Made, StateError> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(match version {
        0 => Made::Not,
        version if version < OLDEST + STEPS.len() as i64 => Made::Before,
        _ => Made::Now,
    })
}

/// Settings of the connection that writes: nothing that was acknowledged is lost, not even with the power.
pub(super) fn prepare(connection: &Connection) -> Result<(), StateError> {
    // What a page may have to take back goes to a file of SQLite's where it is large, which `temp_store` would keep in memory.
    connection.execute_batch("PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")?;
    connection.set_prepared_statement_cache_capacity(64);
    // Whoever opens the file at the same time sees all of it or nothing, and does none of it again.
    let made = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let mut version: i64 = made.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == 0 {
        made.execute_batch(TABLES)?;
        version = OLDEST;
    }
    let Some(rest) = usize::try_from(version - OLDEST).ok().and_then(|done| STEPS.get(done..)) else {
        return Err(StateError::Newer(version));
    };
    for step in rest {
        made.execute_batch(step)?;
    }
    made.pragma_update(None, "user_version", version + rest.len() as i64)?;
    Ok(made.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(connection: &Connection) -> i64 {
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
    }

    fn shape(connection: &Connection) -> Vec<String> {
        let mut statement =
            connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn tables_of_an_older_version_keep_their_rows_and_become_those_of_now() {
        let dir = tempfile::tempdir().unwrap();
        let old = Connection::open(dir.path().join("state.db")).unwrap();
        old.execute_batch(&format!(
            "{TABLES} PRAGMA user_version={OLDEST};
             INSERT INTO pages(source, version, run, slice, position, part, kind, meaning, at, request, status, bytes, counts)
             VALUES('a', 1, 1, '0', '\"only\"', 0, 'list', '', 0, '', 200, 0, ''),
               ('a', 2, 2, '0', '{{\"cursor\":\"1\"}}', 0, 'replay', '', 0, '', 200, 0, ''),
               ('a', 3, 3, '0', '{{\"cursor\":\"2\"}}', 0, 'replay', '', 0, '', 200, 0, '');
             INSERT INTO runs(run, source, kind, ask, meaning, now, outcome) VALUES(1, 'a', 'sweep', '', '', 0, 'complete'),
               (2, 'a', 'replay', '', '', 0, 'partial'), (3, 'a', 'replay', '', '', 0, NULL);
             INSERT INTO known(n, source, id, key, version, first_seen, page) VALUES(7, 'a', x'00', 'k', 1, 2, 3);
             INSERT INTO quarantine(source, place, raw_hash, run, stage, reason, message, page, item, first_at)
             VALUES('a', 'k', 0, 3, 'map', 'required', '', 2, 0, 0), ('a', 'l', 0, 1, 'map', 'required', '', 1, 0, 0);"
        ))
        .unwrap();
        prepare(&old).unwrap();
        assert_eq!(version(&old), OLDEST + STEPS.len() as i64);
        let rows: i64 = old.query_row("SELECT n FROM known WHERE key = 'k'", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 7);
        let pages =
            "SELECT count(*) FROM (SELECT page FROM known UNION ALL SELECT page FROM quarantine) WHERE page = 1";
        let pages: i64 = old.query_row(pages, [], |row| row.get(0)).unwrap();
        assert_eq!(pages, 3, "an offer and two records name the page that brought them");
        let whole: i64 = old.query_row("SELECT sum(run) FROM runs WHERE whole", [], |row| row.get(0)).unwrap();
        assert_eq!(whole, 1, "a run that was complete has read all that it asked for");
        prepare(&old).unwrap();
        let new = Connection::open_in_memory().unwrap();
        prepare(&new).unwrap();
        assert_eq!(shape(&new), shape(&old));
    }

    #[test]
    fn whoever_opens_a_file_while_its_tables_are_made_sees_all_of_them_or_none() {
        for older in [false, true].repeat(10) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("state.db");
            let first = Connection::open(&path).unwrap();
            first.pragma_update(None, "journal_mode", "WAL").unwrap();
            if older {
                first.execute_batch(&format!("{TABLES} PRAGMA user_version={OLDEST};")).unwrap();
            }
            let begin = std::sync::Barrier::new(4);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        let own = Connection::open(&path).unwrap();
                        begin.wait();
                        let seen = made(&own).unwrap();
                        assert!(seen != if older { Made::Not } else { Made::Before }, "{seen:?}");
                        prepare(&own).unwrap();
                    });
                }
            });
            assert_eq!(made(&first).unwrap(), Made::Now);
        }
    }

    #[test]
    fn raw_records_that_are_kept_are_counted_without_reading_the_quarantine() {
        let new = Connection::open_in_memory().unwrap();
        prepare(&new).unwrap();
        let plan = format!("EXPLAIN QUERY PLAN {}", super::super::commit::KEPT);
        let how: String = new.query_row(&plan, (1, "required"), |row| row.get(3)).unwrap();
        assert_eq!(how, "SEARCH quarantine USING COVERING INDEX quarantine_kept (run=? AND reason=? AND <expr>=?)");
    }

    #[test]
    fn tables_of_a_version_that_is_not_known_are_refused() {
        for version in [1, OLDEST - 1, OLDEST + STEPS.len() as i64 + 1] {
            let other = Connection::open_in_memory().unwrap();
            other.execute_batch(&format!("PRAGMA user_version={version};")).unwrap();
            assert!(matches!(prepare(&other), Err(StateError::Newer(found)) if found == version));
        }
    }
}
