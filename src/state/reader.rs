//! The state as commands read it, beside a process that writes.
use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use serde::Serialize;

use super::StateError;
use super::runs::{COUNTS, counts, unword};
use super::words::Archived;
use crate::event::Counts;
use crate::offer::{OfferId, instant};

/// Reads a data directory.
#[derive(Debug)]
pub struct Reader {
    pub(super) connection: Connection,
}

/// A run in the history.
#[derive(Clone, Debug, Serialize)]
pub struct RunRow {
    /// Its number.
    pub run: i64,
    /// The source.
    pub source: String,
    /// The pipeline.
    pub pipeline: Option<String>,
    /// Kind of run.
    pub kind: String,
    /// When it began.
    pub now: String,
    /// When it ended.
    pub ended: Option<String>,
    /// How.
    pub outcome: Option<String>,
    /// Why.
    pub cause: Option<String>,
    /// Its numbers.
    pub counts: Counts,
}

/// A source in the state.
#[derive(Clone, Debug, Serialize)]
pub struct SourceRow {
    /// Its name.
    pub source: String,
    /// Offers that are open.
    pub open: i64,
    /// Offers that are closed.
    pub closed: i64,
    /// Records in the quarantine.
    pub held: i64,
    /// Its last run.
    pub last: Option<RunRow>,
}

/// An entry of the quarantine.
#[derive(Clone, Debug, Serialize)]
pub struct Held {
    /// Its number.
    pub q: i64,
    /// The source.
    pub source: String,
    /// The record's key, or where it stands.
    pub place: String,
    /// The stage that rejected it.
    pub stage: String,
    /// Reason code.
    pub reason: String,
    /// The field.
    pub field: Option<String>,
    /// What was read, as the mapping says it.
    pub path: Option<String>,
    /// What was wrong.
    pub message: String,
    /// Version of the page it came from.
    pub page: String,
    /// Its number in the page.
    pub item: i64,
    /// When it was first seen.
    pub first_at: String,
    /// How often it came.
    pub times: i64,
    /// The raw record, when it was kept.
    pub raw: Option<String>,
}

/// A committed page.
#[derive(Clone, Debug, Serialize)]
pub struct PageRow {
    /// Its version.
    pub version: String,
    /// The run.
    pub run: i64,
    /// The slice.
    pub slice: String,
    /// Its place in the slice.
    pub position: String,
    /// When it was received.
    pub at: String,
    /// Method and address.
    pub request: String,
    /// HTTP status.
    pub status: i64,
    /// Which part of its page it is.
    pub part: u32,
    /// Where it lies in the archive.
    pub archived: Vec<Archived>,
    /// Its numbers.
    pub counts: Counts,
    /// The slice's partition and window.
    pub partition: Option<String>,
    /// Window, when the source has windows.
    pub window: Option<(String, String)>,
    /// The window as instants.
    #[serde(skip)]
    pub span: Option<crate::plan::Window>,
}

/// What is known of an offer.
#[derive(Clone, Debug, Serialize)]
pub struct OfferRow {
    /// Its id.
    pub id: String,
    /// The source.
    pub source: String,
    /// Its key at the site.
    pub key: String,
    /// Version of the page its content came from.
    pub page: Option<String>,
    /// When it was first read.
    pub first_seen: String,
    /// When it was closed.
    pub closed_at: Option<String>,
    /// The stored document, when the local store holds it.
    pub document: Option<String>,
}

/// What is known of a stored offer, to be compared with the store.
#[derive(Clone, Debug)]
pub struct KnownRow {
    /// Dense row number.
    pub row: u64,
    /// Its id.
    pub id: OfferId,
    /// Its key at the site.
    pub key: String,
    /// Hash of its content as the store was last told; `None` while that is not certain.
    pub content: Option<u64>,
    /// Whether it is closed.
    pub closed: bool,
}

fn known_row(row: &Row<'_>) -> rusqlite::Result<KnownRow> {
    Ok(KnownRow {
        row: row.get::<_, i64>(0)? as u64,
        id: OfferId(row.get(1)?),
        key: row.get(2)?,
        content: row.get::<_, Option<i64>>(3)?.map(|content| content as u64),
        closed: row.get(4)?,
    })
}

fn time(millis: i64) -> String {
    instant(super::admit::instant(millis))
}

impl Reader {
    /// Opens a data directory; `None` when there is none yet.
    pub fn open(dir: &Path) -> Result<Option<Self>, StateError> {
        let path = dir.join("state.db");
        if !path.exists() {
            return Ok(None);
        }
        let connection =
            Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        Ok(Some(Reader { connection }))
    }

    /// The last runs, newest first.
    pub fn runs(&self, source: Option<&str>, limit: usize) -> Result<Vec<RunRow>, StateError> {
        let sql = format!(
            "SELECT run, source, pipeline, kind, now, ended, outcome, cause, {COUNTS} FROM runs
             WHERE ?1 IS NULL OR source = ?1 ORDER BY run DESC LIMIT ?2"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let rows = statement.query_map(params![source, limit as i64], run_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// All sources that have state.
    pub fn sources(&self) -> Result<Vec<SourceRow>, StateError> {
        let count = |sql: &str, source: &str| self.connection.query_row(sql, params![source], |row| row.get(0));
        let mut sources = Vec::new();
        for source in self.source_names()? {
            sources.push(SourceRow {
                open: count(
                    "SELECT count(*) FROM known WHERE source = ?1 AND version > 0 AND closed_at IS NULL",
                    &source,
                )?,
                closed: count("SELECT count(*) FROM known WHERE source = ?1 AND closed_at IS NOT NULL", &source)?,
                held: count("SELECT count(*) FROM quarantine WHERE source = ?1 AND state = 'open'", &source)?,
                last: self.runs(Some(&source), 1)?.pop(),
                source,
            });
        }
        Ok(sources)
    }

    /// Open entries of the quarantine, newest first; one of them by its number.
    pub fn held(&self, source: Option<&str>, number: Option<i64>, limit: usize) -> Result<Vec<Held>, StateError> {
        let mut statement = self.connection.prepare(
            "SELECT q, source, place, stage, reason, field, path, message, page, item, first_at, times, raw FROM quarantine
             WHERE state = 'open' AND (?1 IS NULL OR source = ?1) AND (?2 IS NULL OR q = ?2) ORDER BY q DESC LIMIT ?3",
        )?;
        let rows = statement.query_map(params![source, number, limit as i64], held_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// An offer by its id, or by its key at the site.
    pub fn offer(&self, name: &str) -> Result<Option<OfferRow>, StateError> {
        let id = OfferId::parse(name).map(|id| id.0);
        let sql = "SELECT k.id, k.source, k.key, k.page, k.first_seen, k.closed_at, o.doc FROM known k LEFT JOIN offers o ON o.n = k.n
                   WHERE k.id = ?1 OR (?1 IS NULL AND k.key = ?2) ORDER BY k.version DESC LIMIT 1";
        let row = self.connection.query_row(sql, params![id, name], |row| {
            let id: [u8; 16] = row.get(0)?;
            Ok(OfferRow {
                id: OfferId(id).to_string(),
                source: row.get(1)?,
                key: row.get(2)?,
                page: row.get::<_, Option<i64>>(3)?.map(|page| page.to_string()),
                first_seen: time(row.get(4)?),
                closed_at: row.get::<_, Option<i64>>(5)?.map(time),
                document: row.get(6)?,
            })
        });
        Ok(row.optional()?)
    }

    /// A page by its version.
    pub fn page(&self, source: &str, version: &str) -> Result<Option<PageRow>, StateError> {
        let version: i64 = version.parse().unwrap_or_default();
        let sql = "SELECT p.version, p.run, p.slice, p.position, p.at, p.request, p.status, p.archived, p.counts, s.partition,
                   s.start, s.end, p.part FROM pages p LEFT JOIN slices s ON s.run = p.run AND s.slice = p.slice
                   WHERE p.source = ?1 AND p.version = ?2";
        Ok(self.connection.query_row(sql, params![source, version], page_row).optional()?)
    }

    /// All pages of a source that hold records, in the order of their versions.
    pub fn pages(&self, source: &str) -> Result<Vec<PageRow>, StateError> {
        let mut statement = self.connection.prepare(
            "SELECT p.version, p.run, p.slice, p.position, p.at, p.request, p.status, p.archived, p.counts, s.partition,
             s.start, s.end, p.part FROM pages p LEFT JOIN slices s ON s.run = p.run AND s.slice = p.slice
             WHERE p.source = ?1 AND p.kind = 'list' ORDER BY p.version",
        )?;
        let rows = statement.query_map(params![source], page_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The page that what is known of an offer came from.
    pub fn page_of(&self, id: &OfferId) -> Result<Option<u64>, StateError> {
        let mut statement =
            self.connection.prepare_cached("SELECT page FROM known WHERE id = ?1 AND page IS NOT NULL")?;
        Ok(statement.query_row(params![id.0], |row| row.get::<_, i64>(0)).optional()?.map(|page| page as u64))
    }

    /// Each offer that was stored (of a source), with its document in the local store.
    pub fn each_known(
        &self,
        source: Option<&str>,
        each: &mut dyn FnMut(&KnownRow, Option<&str>),
    ) -> Result<(), StateError> {
        let mut statement = self.connection.prepare(
            "SELECT k.n, k.id, k.key, k.content, k.closed_at IS NOT NULL, o.doc FROM known k LEFT JOIN offers o ON o.n = k.n
             WHERE k.version > 0 AND (?1 IS NULL OR k.source = ?1) ORDER BY k.n",
        )?;
        let mut rows = statement.query(params![source])?;
        while let Some(row) = rows.next()? {
            let document: Option<String> = row.get(5)?;
            each(&known_row(row)?, document.as_deref());
        }
        Ok(())
    }

    /// What is known of a source's stored offers, behind an id, in the order of their ids; at most `limit`.
    pub fn known_after(&self, source: &str, after: Option<OfferId>, limit: usize) -> Result<Vec<KnownRow>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT n, id, key, content, closed_at IS NOT NULL FROM known
             WHERE id > ?2 AND source = ?1 AND version > 0 ORDER BY id LIMIT ?3",
        )?;
        let after: &[u8] = after.as_ref().map_or(&[], |id| &id.0);
        Ok(statement.query_map(params![source, after, limit as i64], known_row)?.collect::<Result<_, _>>()?)
    }

    /// The numbers of a run.
    pub fn run(&self, run: i64) -> Result<Option<Counts>, StateError> {
        let sql = format!("SELECT {COUNTS} FROM runs WHERE run = ?1");
        Ok(self.connection.query_row(&sql, params![run], |row| counts(row, 0)).optional()?)
    }

    /// Each stored document of a source's open offers.
    pub fn each_open(&self, source: &str, each: &mut dyn FnMut(serde_json::Value)) -> Result<(), StateError> {
        self.documents("WHERE k.source = ?1 AND k.closed_at IS NULL", source, each)
    }

    /// Each stored document of a source, closed offers among them.
    pub fn each(&self, source: &str, each: &mut dyn FnMut(serde_json::Value)) -> Result<(), StateError> {
        self.documents("WHERE k.source = ?1", source, each)
    }

    fn documents(&self, filter: &str, source: &str, each: &mut dyn FnMut(serde_json::Value)) -> Result<(), StateError> {
        let sql = format!("SELECT o.doc FROM offers o JOIN known k ON k.n = o.n {filter}");
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query(params![source])?;
        while let Some(row) = rows.next()? {
            if let Ok(document) = serde_json::from_str(row.get_ref(0)?.as_str().unwrap_or_default()) {
                each(document);
            }
        }
        Ok(())
    }

    /// Changes that the store has, and offers in it.
    pub fn store(&self) -> Result<(i64, i64), StateError> {
        let sql = "SELECT max(coalesce(max(change), 0), coalesce((SELECT max(change) FROM removed), 0)), count(*) FROM offers";
        Ok(self.connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }
}

fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        run: row.get(0)?,
        source: row.get(1)?,
        pipeline: row.get(2)?,
        kind: row.get(3)?,
        now: time(row.get(4)?),
        ended: row.get::<_, Option<i64>>(5)?.map(time),
        outcome: row.get(6)?,
        cause: row.get(7)?,
        counts: counts(row, 8)?,
    })
}

fn held_row(row: &Row<'_>) -> rusqlite::Result<Held> {
    Ok(Held {
        q: row.get(0)?,
        source: row.get(1)?,
        place: row.get(2)?,
        stage: row.get(3)?,
        reason: row.get(4)?,
        field: row.get(5)?,
        path: row.get(6)?,
        message: row.get(7)?,
        page: row.get::<_, i64>(8)?.to_string(),
        item: row.get(9)?,
        first_at: time(row.get(10)?),
        times: row.get(11)?,
        raw: row.get::<_, Option<Vec<u8>>>(12)?.map(|raw| String::from_utf8_lossy(&raw).into_owned()),
    })
}

fn page_row(row: &Row<'_>) -> rusqlite::Result<PageRow> {
    let archived: Option<String> = row.get(7)?;
    let window = row.get::<_, Option<i64>>(10)?.zip(row.get::<_, Option<i64>>(11)?);
    Ok(PageRow {
        version: row.get::<_, i64>(0)?.to_string(),
        run: row.get(1)?,
        slice: row.get(2)?,
        position: row.get(3)?,
        at: time(row.get(4)?),
        request: row.get(5)?,
        status: row.get(6)?,
        archived: archived.and_then(|text| unword(&text)).unwrap_or_default(),
        counts: unword(&row.get::<_, String>(8)?).unwrap_or_default(),
        partition: row.get(9)?,
        part: row.get(12)?,
        window: window.map(|(start, end)| (time(start), time(end))),
        span: window.map(|(start, end)| (super::admit::instant(start), super::admit::instant(end))),
    })
}
