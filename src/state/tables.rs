//! The tables of `state.db`, made at the first start.
use rusqlite::Connection;

use super::StateError;

/// Rises with each change of the tables: the number of the last step.
const VERSION: i64 = 6;

/// What brings the tables of a version to that of the next; new ones are made as of version 4 and go through all steps.
const STEPS: [(i64, &str); 1] = [(
    6,
    "ALTER TABLE claims ADD COLUMN store TEXT;
     CREATE TABLE waiting(source TEXT PRIMARY KEY, since INTEGER NOT NULL, offers INTEGER NOT NULL, why TEXT NOT NULL);
     CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);",
)];

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

/// Whether the tables are those of an earlier version of the program.
pub(super) fn is_older(connection: &Connection) -> Result<bool, StateError> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok((1..VERSION).contains(&version))
}

/// Settings of the connection that writes: nothing that was acknowledged is lost, not even with the power.
pub(super) fn prepare(connection: &Connection) -> Result<(), StateError> {
    connection.execute_batch(
        "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;",
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let mut sql = match version {
        0 => TABLES.to_owned(),
        4..=VERSION => String::new(),
        other => return Err(StateError::Newer(other)),
    };
    STEPS.iter().filter(|(to, _)| *to > version).for_each(|(_, step)| sql += step);
    if version < VERSION {
        connection.execute_batch(&format!("BEGIN; {sql} PRAGMA user_version={VERSION}; COMMIT;"))?;
    }
    Ok(())
}
