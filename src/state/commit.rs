//! One page in one transaction: outcomes, rejects, what is known now, offers, position and counters.
use std::borrow::Cow;

use chrono::{DateTime, Utc};
use roaring::RoaringBitmap;
use rusqlite::{OptionalExtension, Row, params};

use super::StateError;
use super::column::{Column, Millis, json, read, to_bytes, to_column};
use super::core::Core;
use super::words::{Admit, Commit, Committed, Fate, Mark, Record, Verdict};
use crate::bounds::RAW;
use crate::document::Document;
use crate::event::{Counts, RunId};
use crate::offer::{Closed, Lifecycle, Reject};
use crate::redact::{redact, redact_cut};

/// Raw bytes are kept for so many rejects of a run and reason.
const RAW_KEPT: i64 = 1_000;
/// Counts the raw records that are kept of a run and reason.
pub(super) const KEPT: &str =
    "SELECT count(*) FROM quarantine WHERE run = ?1 AND reason = ?2 AND (raw IS NOT NULL) = 1";

impl Core {
    /// Commits a page. Once one of a run failed, those behind it are not committed any more: a slice's position means that
    /// all before it is done.
    pub(super) fn commit(&mut self, commit: &Commit) -> Result<Committed, StateError> {
        if let Some(fault) = self.broken.get(&commit.admit.run) {
            return Err(fault.clone());
        }
        let committed = self.put_page(commit);
        self.land(commit);
        if let Err(fault) = &committed {
            self.broken.insert(commit.admit.run, fault.clone());
        }
        committed
    }

    fn put_page(&mut self, commit: &Commit) -> Result<Committed, StateError> {
        let admit = &commit.admit;
        let position = json(&commit.position)?;
        if let Some(counts) = self.repeated(admit.run, &commit.slice.slice, &position, commit.part)? {
            return Ok(Committed { counts, keys: commit.slice.keys });
        }
        let mut counts = Counts { fetched: admit.page.records.len() as u64, ..Counts::default() };
        let mut seen = RoaringBitmap::new();
        for (index, record) in admit.page.records.iter().enumerate() {
            let row = commit.admitted.rows[index];
            seen.extend(row.map(|row| row as u32));
            let refused = commit.refused.iter().find(|(at, _)| *at == index).map(|(_, reject)| reject);
            match (refused, commit.admitted.verdicts[index]) {
                (Some(reject), _) => {
                    counts.rejected += 1;
                    self.reject(commit, record, reject)?;
                }
                (None, Verdict::Write { row, new, first_seen }) => {
                    if commit.superseded.contains(&index) {
                        counts.superseded += 1;
                        continue;
                    }
                    // Of two pages in flight the later one may have been committed first.
                    if self.write(commit, index, row, first_seen)? {
                        counts.closed += u64::from(!admit.again && admit.expired(record).is_some());
                        counts.indexed += 1;
                        counts.new += u64::from(new);
                    } else {
                        counts.superseded += 1;
                    }
                }
                (None, Verdict::Unchanged) => {
                    counts.unchanged += 1;
                    self.resolve(commit, record)?;
                    self.relist(commit, record, row)?;
                    self.bring(commit, row)?;
                }
                (None, Verdict::Superseded) => counts.superseded += 1,
                (None, Verdict::Duplicate) => {
                    counts.duplicate += 1;
                    self.resolve(commit, record)?;
                    self.bring(commit, row)?;
                }
                (None, Verdict::Filtered) => {
                    counts.filtered += 1;
                    self.resolve(commit, record)?;
                    self.note(commit, record, row)?;
                    let closing = commit.admitted.closings.iter().find(|(at, _)| *at == index);
                    if let Some((_, closing)) = closing {
                        let closed = self.close_one(closing, admit.version, admit.at, commit.store)?;
                        counts.closed += u64::from(closed);
                    }
                }
                (None, Verdict::Rejected) => {
                    counts.rejected += 1;
                    self.note(commit, record, row)?;
                    self.bring(commit, row)?;
                    if let Fate::Rejected(reject) = &record.fate {
                        self.reject(commit, record, reject)?;
                    }
                }
            }
        }
        let keys = self.remember(admit.run, &commit.slice.slice, &seen);
        self.page(commit, &position, &counts, &seen)?;
        let mut slice = commit.slice.clone();
        slice.keys = keys;
        self.put_slice(admit.run, &slice)?;
        for half in &commit.halves {
            self.put_slice(admit.run, half)?;
        }
        for mark in &commit.marks {
            self.put_mark(mark)?;
        }
        self.put_quotas(&commit.quotas)?;
        self.put_quality(commit)?;
        Ok(Committed { counts, keys })
    }

    pub(super) fn put_mark(&self, mark: &Mark) -> Result<(), StateError> {
        self.connection
            .prepare_cached("INSERT INTO marks VALUES(?1, ?2) ON CONFLICT(file) DO UPDATE SET length = ?2")?
            .execute(params![mark.file, mark.length as i64])?;
        Ok(())
    }

    /// The numbers of a page that was committed before: a repeat counts once.
    fn repeated(&self, run: RunId, slice: &str, position: &str, part: u32) -> Result<Option<Counts>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT counts, version FROM pages WHERE run = ?1 AND slice = ?2 AND position = ?3 AND part = ?4",
        )?;
        let counts = |row: &Row<'_>| Ok(row.get::<_, Column<_>>(0)?.0);
        let of = params![run, slice, position, part];
        Ok(statement.query_row(of, |row| read(row, ("pages", 1), counts)).optional()?)
    }

    fn write(
        &mut self,
        commit: &Commit,
        index: usize,
        row: u64,
        first_seen: DateTime<Utc>,
    ) -> Result<bool, StateError> {
        let record = &commit.admit.page.records[index];
        let (Some(id), Some(key), Fate::Offer { content, text }) = (&record.id, &record.key, &record.fate) else {
            return Ok(false);
        };
        let admit = &commit.admit;
        let version = admit.version.0 as i64;
        let from = commit.from.unwrap_or(admit.version);
        let start = commit.slice.window.map(|(start, _)| start.timestamp_millis());
        let kept = || commit.admitted.closed.iter().find(|(at, _)| *at == index).map(|(_, closed)| *closed);
        let closed = if admit.again { kept() } else { admit.expired(record) };
        let written = self
            .connection
            .prepare_cached(
                "INSERT INTO known(n, source, id, key, page, version, content, listed, ask, partition, start, first_seen, meaning,
                   closed_at, reason)
                 VALUES(?1, ?2, ?3, ?4, ?12, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?13, ?14, ?15)
                 ON CONFLICT(id) DO UPDATE SET page = ?12, version = ?5, content = ?6,
                   ask = CASE WHEN ?16 THEN coalesce(ask, ?8) ELSE ?8 END,
                   partition = CASE WHEN ?16 AND ask IS NOT NULL THEN partition ELSE ?9 END,
                   start = CASE WHEN ?16 AND ask IS NOT NULL THEN start ELSE ?10 END,
                   listed = CASE WHEN ?16 AND meaning = ?13 THEN listed ELSE ?7 END, meaning = ?13,
                   closed_at = ?14, reason = ?15 WHERE version <= ?5",
            )?
            .execute(params![
                row as i64, admit.source, id.0, key, version, *content as i64, record.listed.map(|listed| listed as i64),
                commit.ask, commit.slice.partition, start, first_seen.timestamp_millis(), from.0 as i64,
                commit.meaning, closed.map(|(at, _)| at.timestamp_millis()), closed.map(|(_, reason)| reason.word()),
                // What is mapped again stays with the request that brought it, and was listed as it is known under the same
                // meaning.
                admit.again
            ])?;
        if written == 0 {
            return Ok(false);
        }
        if commit.store {
            let lifecycle = Lifecycle {
                first_seen_at: first_seen,
                changed_at: admit.at,
                closed,
                page: from,
                mapping: commit.meaning.clone(),
            };
            let mut doc = Vec::with_capacity(text.len() + 256);
            Document::write(&admit.page.text[text.clone()], &lifecycle, &mut doc);
            let doc = String::from_utf8_lossy(&doc);
            self.connection
                .prepare_cached(
                    "INSERT INTO offers VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(n) DO UPDATE SET change = ?2, doc = ?5",
                )?
                .execute(params![row as i64, self.next_change, id.0, admit.source, doc])?;
            self.next_change += 1;
        }
        self.resolve(commit, record)?;
        Ok(true)
    }

    /// A record that can be used leaves the quarantine, whether anything is written for it or not.
    fn resolve(&mut self, commit: &Commit, record: &Record) -> Result<(), StateError> {
        if self.holds(&commit.admit.source)? {
            let from = commit.from.unwrap_or(commit.admit.version);
            self.connection
                .prepare_cached(
                    "UPDATE quarantine SET state = 'resolved' WHERE source = ?1 AND place IN (?2, ?3) AND state = 'open'",
                )?
                .execute(params![commit.admit.source, record.key, format!("{from}:{}", record.item)])?;
        }
        Ok(())
    }

    /// Equal content: its listed form and the meaning that it was made with may be others now.
    fn relist(&self, commit: &Commit, record: &Record, row: Option<u64>) -> Result<(), StateError> {
        let (Some(listed), Some(row), Fate::Offer { .. }) = (record.listed, row, &record.fate) else { return Ok(()) };
        self.connection.prepare_cached("UPDATE known SET listed = ?2, meaning = ?3 WHERE n = ?1")?.execute(params![
            row as i64,
            listed as i64,
            commit.meaning
        ])?;
        Ok(())
    }

    /// An offer that a page shows without writing it is its request's all the same: sweeps of this one judge it from now on.
    /// What is mapped again is not shown, and stays with the request that brought it.
    fn bring(&self, commit: &Commit, row: Option<u64>) -> Result<(), StateError> {
        let (Some(row), false) = (row, commit.admit.again) else { return Ok(()) };
        let start = commit.slice.window.map(|(start, _)| start.timestamp_millis());
        self.connection
            .prepare_cached(
                "UPDATE known SET ask = ?2, partition = ?3, start = ?4 WHERE n = ?1 AND version > 0 AND ask IS NOT ?2",
            )?
            .execute(params![row as i64, commit.ask, commit.slice.partition, start])?;
        Ok(())
    }

    /// When and why an offer was closed, if it is.
    pub(super) fn closed(&self, row: u64) -> Result<Option<(DateTime<Utc>, Closed)>, StateError> {
        let mut statement = self.connection.prepare_cached("SELECT closed_at, reason, n FROM known WHERE n = ?1")?;
        let closed = statement.query_row(params![row as i64], |row| read(row, ("known", 2), |row| closed(row, 0)));
        Ok(closed.optional()?.flatten())
    }

    /// A key that was seen and not written has a row too, so that distinct keys are exact.
    fn note(&self, commit: &Commit, record: &Record, row: Option<u64>) -> Result<(), StateError> {
        let (Some(id), Some(key), Some(row)) = (&record.id, &record.key, row) else { return Ok(()) };
        self.connection
            .prepare_cached(
                "INSERT OR IGNORE INTO known(n, source, id, key, version, first_seen) VALUES(?1, ?2, ?3, ?4, 0, ?5)",
            )?
            .execute(params![row as i64, commit.admit.source, id.0, key, commit.admit.at.timestamp_millis()])?;
        Ok(())
    }

    fn reject(&mut self, commit: &Commit, record: &Record, reject: &Reject) -> Result<(), StateError> {
        let admit = &commit.admit;
        let raw = record.raw.clone().map_or(&[][..], |raw| &admit.page.text[raw]);
        let hash = crate::offer::content_hash(raw) as i64;
        // The page that brought it, also when that is mapped again: a retry maps it from there, and what has no key is
        // known by it.
        let from = commit.from.unwrap_or(admit.version);
        let place = record.key.clone().unwrap_or_else(|| format!("{from}:{}", record.item));
        let raw = (!raw.is_empty() && self.keeps_raw(admit.run, &reject.reason)?).then(|| masked(raw));
        self.connection
            .prepare_cached(
                "INSERT INTO quarantine(source, place, raw_hash, run, stage, reason, field, path, message, page, item, raw, first_at)
                 VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
                 ON CONFLICT(source, place, raw_hash) DO UPDATE SET times = times + 1, run = ?4, page = ?10, item = ?11, state = 'open'",
            )?
            .execute(params![
                admit.source, place, hash, admit.run, reject.stage, reject.reason, reject.field, reject.path,
                redact(&reject.message),
                from.0 as i64, record.item, raw, admit.at.timestamp_millis()
            ])?;
        self.held.insert(admit.source.clone(), true);
        Ok(())
    }

    /// Whether the raw bytes of one more reject are kept. They are counted once a run and reason, then here: to count them
    /// for each reject would take a thousand rows each time.
    fn keeps_raw(&mut self, run: RunId, reason: &str) -> Result<bool, StateError> {
        let key = (run, reason.to_owned());
        let kept = match self.raw_kept.get(&key) {
            Some(kept) => *kept,
            None => self.connection.prepare_cached(KEPT)?.query_row(params![run, reason], |row| row.get(0))?,
        };
        self.raw_kept.insert(key, kept + 1);
        Ok(kept < RAW_KEPT)
    }

    fn holds(&mut self, source: &str) -> Result<bool, StateError> {
        if let Some(held) = self.held.get(source) {
            return Ok(*held);
        }
        let held = self.connection.query_row(
            "SELECT EXISTS(SELECT 1 FROM quarantine WHERE source = ?1 AND state = 'open')",
            params![source],
            |row| row.get(0),
        )?;
        self.held.insert(source.to_owned(), held);
        Ok(held)
    }

    /// Adds a page's rows to the seen sets of its run and slice; the slice's distinct keys.
    fn remember(&mut self, run: RunId, slice: &str, seen: &RoaringBitmap) -> u64 {
        *self.seen.entry(run).or_default() |= seen;
        let of_slice = self.slices.entry((run, slice.to_owned())).or_default();
        *of_slice |= seen;
        of_slice.len()
    }

    fn page(&self, commit: &Commit, position: &str, counts: &Counts, seen: &RoaringBitmap) -> Result<(), StateError> {
        let admit = &commit.admit;
        self.connection
            .prepare_cached(
                "INSERT INTO pages VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            )?
            .execute(params![
                admit.source,
                admit.version.0 as i64,
                admit.run,
                commit.slice.slice,
                position,
                commit.part,
                to_column(&commit.kind)?,
                commit.meaning,
                admit.at.timestamp_millis(),
                redact(&commit.request),
                commit.status,
                commit.bytes as i64,
                json(&commit.archived)?,
                json(counts)?,
                to_bytes(seen)?
            ])?;
        self.connection
            .prepare_cached(
                "UPDATE runs SET fetched = fetched + ?2, indexed = indexed + ?3, new = new + ?4, unchanged = unchanged + ?5,
                 superseded = superseded + ?6, rejected = rejected + ?7, filtered = filtered + ?8, duplicate = duplicate + ?9,
                 closed = closed + ?10 WHERE run = ?1",
            )?
            .execute(params![
                admit.run, counts.fetched as i64, counts.indexed as i64, counts.new as i64, counts.unchanged as i64,
                counts.superseded as i64, counts.rejected as i64, counts.filtered as i64, counts.duplicate as i64,
                counts.closed as i64
            ])?;
        Ok(())
    }

    /// Keys of the page are no longer in flight.
    fn land(&mut self, commit: &Commit) {
        for record in &commit.admit.page.records {
            let Some(id) = &record.id else { continue };
            if self.flying.get(id).is_some_and(|flying| flying.version == commit.admit.version) {
                self.flying.remove(id);
            }
            self.rows.remove(id);
        }
    }
}

/// When and why an offer was closed, out of two columns from this one on. One that is opened again may keep its reason.
pub(super) fn closed(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<(DateTime<Utc>, Closed)>> {
    let Some(Millis(closed_at)) = row.get(at)? else { return Ok(None) };
    let Column(reason) = row.get(at + 1)?;
    Ok(Some((closed_at, reason)))
}

/// A raw record as the journal keeps it. What is mapped again comes out of the archive.
fn masked(raw: &[u8]) -> Cow<'_, [u8]> {
    if raw.len() >= RAW {
        return Cow::Owned(redact_cut(&String::from_utf8_lossy(raw)).into_bytes());
    }
    match redact(&String::from_utf8_lossy(raw)) {
        Cow::Borrowed(_) => Cow::Borrowed(raw),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

impl Admit {
    /// An offer whose `expires_at` has passed is closed by that.
    pub fn expired(&self, record: &Record) -> Option<(DateTime<Utc>, Closed)> {
        record.expires.filter(|at| *at <= self.at).map(|_| (self.at, Closed::Expired))
    }
}
