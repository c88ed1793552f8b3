//! What the program wrote down, read with statements of the harness's own: runs, pages, quarantine, change log.
use std::collections::HashMap;
use std::path::Path;

use jobmarket::event::Counts;
use jobmarket::state::words::Archived;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

/// A run, as the journal ends it.
#[derive(Debug)]
pub struct Run {
    pub run: i64,
    pub source: String,
    pub outcome: Option<String>,
    pub counts: Counts,
}

/// A committed page, or part of one.
#[derive(Debug)]
pub struct Page {
    pub source: String,
    pub version: u64,
    pub run: i64,
    pub kind: String,
    /// Which part of its page, without the mark of a second reading.
    pub part: u32,
    pub counts: Counts,
    /// The answer's number in the sandbox's ledger, as its `ETag` says.
    pub number: Option<u64>,
    /// Offers whose second call it brought, by their ids in the store.
    pub details: Vec<String>,
}

/// An entry of the quarantine, in whatever state it is.
#[derive(Debug)]
pub struct Letter {
    pub source: String,
    pub place: String,
    pub reason: String,
    pub raw: Option<Vec<u8>>,
    pub times: u64,
}

/// A line of a change log.
#[derive(Debug)]
pub struct Line {
    pub run: i64,
    pub source: String,
    pub id: String,
    pub page: u64,
    pub closed: Option<String>,
    /// Why it was closed.
    pub reason: Option<String>,
}

/// Everything.
#[derive(Debug, Default)]
pub struct Journal {
    pub runs: Vec<Run>,
    pub pages: Vec<Page>,
    pub letters: Vec<Letter>,
    pub lines: Vec<Line>,
    /// Partitions that a run did not read whole.
    pub partly: Vec<(i64, String)>,
    /// The partition that last listed an offer, by source and key.
    pub partitions: HashMap<(String, String), String>,
}

fn counts(text: &str) -> Counts {
    serde_json::from_str(text).unwrap()
}

impl Journal {
    /// Reads a data directory.
    pub fn read(data: &Path) -> Self {
        let state = Connection::open_with_flags(data.join("state.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        Journal {
            runs: runs(&state),
            pages: pages(&state, data),
            letters: letters(&state),
            lines: lines(data),
            partly: partly(&state),
            partitions: partitions(&state),
        }
    }
}

fn runs(state: &Connection) -> Vec<Run> {
    let columns =
        "json_object('fetched', fetched, 'indexed', indexed, 'new', new, 'unchanged', unchanged, 'superseded',
        superseded, 'rejected', rejected, 'filtered', filtered, 'duplicate', duplicate, 'closed', closed)";
    let mut statement = state.prepare(&format!("SELECT run, source, {columns}, outcome FROM runs")).unwrap();
    let rows = statement.query_map([], |row| {
        let counts = counts(&row.get::<_, String>(2)?);
        Ok(Run { run: row.get(0)?, source: row.get(1)?, outcome: row.get(3)?, counts })
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn pages(state: &Connection, data: &Path) -> Vec<Page> {
    let mut statement =
        state.prepare("SELECT source, version, run, kind, part, counts, archived FROM pages ORDER BY version").unwrap();
    let rows = statement.query_map([], |row| {
        let archived: Option<String> = row.get(6)?;
        let archived: Vec<Archived> = archived.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let list = archived.iter().find(|at| at.of.is_none());
        let page = list.and_then(|at| jobmarket::archive::read(&data.join("raw"), at).ok());
        let tag = page.and_then(|page| page.header("etag").map(str::to_owned));
        Ok(Page {
            source: row.get(0)?,
            version: row.get::<_, i64>(1)? as u64,
            run: row.get(2)?,
            kind: row.get(3)?,
            part: row.get::<_, u32>(4)? & 0xffff,
            counts: counts(&row.get::<_, String>(5)?),
            details: archived.iter().filter_map(|at| at.of.clone()).collect(),
            number: tag.and_then(|tag| tag.trim_matches('"').parse().ok()),
        })
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn letters(state: &Connection) -> Vec<Letter> {
    let mut statement = state.prepare("SELECT source, place, reason, raw, times FROM quarantine").unwrap();
    let rows = statement.query_map([], |row| {
        Ok(Letter {
            source: row.get(0)?,
            place: row.get(1)?,
            reason: row.get(2)?,
            raw: row.get(3)?,
            times: row.get::<_, i64>(4)? as u64,
        })
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn partly(state: &Connection) -> Vec<(i64, String)> {
    let mut statement = state.prepare("SELECT run, partition, state FROM slices").unwrap();
    let rows = statement.query_map([], |row| {
        let ended: Value = serde_json::from_str(&row.get::<_, String>(2)?).unwrap_or_default();
        let is_whole = ended["ended"] == "split" || ended["ended"].get("complete").is_some();
        Ok((!is_whole).then_some((row.get(0)?, row.get(1)?)))
    });
    rows.unwrap().filter_map(Result::unwrap).collect()
}

fn partitions(state: &Connection) -> HashMap<(String, String), String> {
    let mut statement = state.prepare("SELECT source, key, coalesce(partition, '') FROM known").unwrap();
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

fn lines(data: &Path) -> Vec<Line> {
    let mut lines = Vec::new();
    for folder in std::fs::read_dir(data.join("normalized")).into_iter().flatten().flatten() {
        let source = folder.file_name().to_string_lossy().into_owned();
        for file in std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()) {
            let run = file.file_stem().unwrap().to_string_lossy().parse().unwrap();
            let text = std::fs::read_to_string(&file).unwrap();
            for line in text.lines() {
                let value: Value =
                    serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}: {line}", file.display()));
                let text = |value: &Value| value.as_str().map(str::to_owned);
                lines.push(Line {
                    run,
                    source: source.clone(),
                    // A closed offer that the store never had is known by its id alone.
                    id: text(&value["source_id"]).or(text(&value["id"])).unwrap(),
                    page: text(&value["provenance"]["page"]).unwrap().parse().unwrap(),
                    closed: text(&value["closed_at"]),
                    reason: text(&value["closed_reason"]),
                });
            }
        }
    }
    lines
}
