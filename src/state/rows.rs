//! What readers get: sources, runs, pages, entries of the quarantine, offers. Plain rows, and how they are read.
use std::collections::BTreeMap;

use rusqlite::{Connection, Row};
use serde::Serialize;

use super::column::{Column, Millis, read};
use super::holding::AlertRow;
use super::runs::counts;
use super::words::{Archived, Mark, Waiting};
use crate::event::{Counts, HeldBack};
use crate::offer::{OfferId, instant};

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
    /// Open offers that another request than that of the last run brought: no sweep of it closes them.
    pub older: i64,
    /// Records in the quarantine.
    pub quarantine: i64,
    /// The same by reason.
    pub reasons: BTreeMap<String, u64>,
    /// Closings that the last sweep held back.
    pub held: Option<HeldBack>,
    /// What is wrong, until a later run is without it.
    pub alerts: Vec<AlertRow>,
    /// What waits for a store that is away.
    pub waiting: Option<Waiting>,
    /// Its last run.
    pub last: Option<RunRow>,
    /// Its last run that read the site.
    pub reading: Option<RunRow>,
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
    /// Fingerprint of what its run asked.
    #[serde(skip)]
    pub ask: Option<String>,
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
    /// Why it was closed.
    pub reason: Option<String>,
    /// Whether it was ever stored: one that was always kept aside or rejected has a row too.
    pub stored: bool,
    /// The stored document, when the local store holds it.
    pub document: Option<String>,
    /// Whether its listed form may be compared with: not while the detail that it should have is missing.
    #[serde(skip)]
    pub listed: bool,
    /// Dense row number.
    #[serde(skip)]
    pub row: u64,
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
    /// The version that it was written under.
    pub version: u64,
}

pub(super) fn known_row(row: &Row<'_>) -> rusqlite::Result<KnownRow> {
    read(row, ("known", 0), known)
}

fn known(row: &Row<'_>) -> rusqlite::Result<KnownRow> {
    Ok(KnownRow {
        row: row.get::<_, i64>(0)? as u64,
        id: OfferId(row.get(1)?),
        key: row.get(2)?,
        content: row.get::<_, Option<i64>>(3)?.map(|content| content as u64),
        closed: row.get(4)?,
        version: row.get::<_, i64>(5)? as u64,
    })
}

/// Files of sinks and how far they are true.
pub(super) fn marks(connection: &Connection) -> rusqlite::Result<Vec<Mark>> {
    let mut statement = connection.prepare("SELECT file, length FROM marks ORDER BY file")?;
    let rows = statement.query_map([], |row| Ok(Mark { file: row.get(0)?, length: row.get::<_, i64>(1)? as u64 }))?;
    rows.collect()
}

pub(super) fn time(Millis(at): Millis) -> String {
    instant(at)
}

/// Where a page and its details lie in the archive, as its row says; none for a page that is not archived.
pub(super) fn archives(column: Option<Column<Vec<Archived>>>) -> Vec<Archived> {
    column.map_or_else(Vec::new, |Column(archived)| archived)
}

pub(super) fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    read(row, ("runs", 0), run)
}

fn run(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        run: row.get(0)?,
        source: row.get(1)?,
        pipeline: row.get(2)?,
        kind: row.get(3)?,
        now: time(row.get(4)?),
        ended: row.get::<_, Option<Millis>>(5)?.map(time),
        outcome: row.get(6)?,
        cause: row.get(7)?,
        counts: counts(row, 8)?,
    })
}

pub(super) fn held_row(row: &Row<'_>) -> rusqlite::Result<Held> {
    read(row, ("quarantine", 0), held)
}

fn held(row: &Row<'_>) -> rusqlite::Result<Held> {
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

/// Page rows with the columns that [`page_row`] reads.
pub(super) const PAGES: &str =
    "SELECT p.version, p.run, p.slice, p.position, p.at, p.request, p.status, p.archived, p.counts,
   s.partition, s.start, s.end, p.part, r.ask FROM pages p
   LEFT JOIN slices s ON s.run = p.run AND s.slice = p.slice LEFT JOIN runs r ON r.run = p.run";

pub(super) fn page_row(row: &Row<'_>) -> rusqlite::Result<PageRow> {
    read(row, ("pages", 0), page)
}

fn page(row: &Row<'_>) -> rusqlite::Result<PageRow> {
    let version: i64 = row.get(0)?;
    let version = u64::try_from(version).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, version))?;
    let at = |column: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<Millis>>(column)?.map(|at| at.0));
    let span = at(10)?.zip(at(11)?);
    Ok(PageRow {
        version: version.to_string(),
        run: row.get(1)?,
        slice: row.get(2)?,
        position: row.get(3)?,
        at: time(row.get(4)?),
        request: row.get(5)?,
        status: row.get(6)?,
        archived: archives(row.get(7)?),
        counts: row.get::<_, Column<_>>(8)?.0,
        partition: row.get(9)?,
        part: row.get(12)?,
        ask: row.get(13)?,
        window: span.map(|(start, end)| (instant(start), instant(end))),
        span,
    })
}
