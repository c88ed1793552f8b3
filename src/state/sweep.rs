//! Sweeps and closings: which partitions were read whole, and what closing writes.
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use roaring::RoaringBitmap;
use rusqlite::{OptionalExtension, Row, params};

use super::StateError;
use super::column::{Column, Millis, json, read, seen, to_bytes, to_column};
use super::core::Core;
use super::words::{Close, Closing, GONE, PageKind, Shown, SliceState};
use crate::document::Document;
use crate::event::{Counts, RunId, SliceEnd};
use crate::offer::{Lifecycle, Version, content_hash};
use crate::paginate::End;

/// What a run knows of a partition.
#[derive(Default)]
pub(super) struct Swept {
    /// Whether a slice did not end honestly.
    pub broken: bool,
    /// Whether a slice ended by choice: where all was known, or at `stop: max`.
    chosen: bool,
    /// Whether its last slice says that it is gone.
    gone: Option<bool>,
    start: Option<i64>,
    end: Option<i64>,
    slices: Vec<String>,
}

impl Core {
    /// Writes down the partitions that a sweep read whole: every slice ended honestly, none by choice, and no
    /// record without a key in them.
    pub(super) fn end_sweep(&mut self, run: RunId) -> Result<usize, StateError> {
        let mut whole = 0;
        let swept = self.swept(run)?;
        let all = swept.len();
        for (name, partition) in swept {
            if partition.broken || partition.chosen || self.has_keyless(run, &partition.slices)? {
                continue;
            }
            let mut seen = RoaringBitmap::new();
            for slice in &partition.slices {
                seen |= self.seen_in(run, slice)?;
            }
            self.connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO sweeps SELECT source, ask, ?2, run, now, ?3, ?4, ?5 FROM runs WHERE run = ?1",
                )?
                .execute(params![run, name, partition.start, partition.end, to_bytes(&seen)?])?;
            self.forget_keyless(run, &partition.slices)?;
            self.judge_again(run, Some(&name))?;
            whole += 1;
        }
        if whole == all {
            // Also what is of partitions that are asked for no more.
            self.judge_again(run, None)?;
        }
        Ok(whole)
    }

    /// What was opened again by a page that was never committed, or by somebody else, is judged by sweeps again: this one
    /// has read its partition whole.
    fn judge_again(&self, run: RunId, partition: Option<&str>) -> Result<(), StateError> {
        self.connection
            .prepare_cached(
                "UPDATE known SET reason = NULL WHERE source = (SELECT source FROM runs WHERE run = ?1) AND closed_at IS NULL
                 AND reason IS NOT NULL AND (?2 IS NULL OR partition IS NULL OR partition = ?2)",
            )?
            .execute(params![run, partition])?;
        Ok(())
    }

    /// What had no key or could not be decoded when it was read before is not told any more, where a sweep has read the
    /// same partition to its ends and all of it could be used.
    fn forget_keyless(&self, run: RunId, slices: &[String]) -> Result<(), StateError> {
        let Some(slice) = slices.first() else { return Ok(()) };
        self.connection
            .prepare_cached(
                "UPDATE quarantine SET state = 'resolved' WHERE state = 'open' AND reason IN ('no_key', 'decode') AND run < ?1
                 AND source = (SELECT source FROM runs WHERE run = ?1) AND page IN (
                   SELECT p.version FROM pages p JOIN slices s ON s.run = p.run AND s.slice = p.slice
                   WHERE p.source = quarantine.source AND s.start IS NULL
                     AND s.partition = (SELECT partition FROM slices WHERE run = ?1 AND slice = ?2))",
            )?
            .execute(params![run, slice])?;
        Ok(())
    }

    /// How far the slices of a run, ended or not, have read each of its partitions.
    pub(super) fn swept(&self, run: RunId) -> Result<BTreeMap<String, Swept>, StateError> {
        let mut swept: BTreeMap<String, Swept> = BTreeMap::new();
        for slice in self.slices_of(run)? {
            let partition = swept.entry(slice.partition).or_default();
            match &slice.state {
                SliceState::Ended(SliceEnd::Complete(rule)) => {
                    let gone = rule == GONE;
                    // Gone in one window and there in another is neither.
                    partition.broken |= partition.gone.is_some_and(|before| before != gone);
                    partition.gone = Some(gone);
                    partition.chosen |= [End::Known, End::Wanted].iter().any(|end| *rule == end.to_string());
                }
                SliceState::Ended(SliceEnd::Split) => {}
                _ => partition.broken = true,
            }
            if let Some((start, end)) = slice.window {
                let (start, end) = (start.timestamp_millis(), end.timestamp_millis());
                partition.start = Some(partition.start.map_or(start, |at| at.min(start)));
                partition.end = Some(partition.end.map_or(end, |at| at.max(end)));
            }
            partition.slices.push(slice.slice);
        }
        Ok(swept)
    }

    fn has_keyless(&self, run: RunId, slices: &[String]) -> Result<bool, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT EXISTS(SELECT 1 FROM quarantine q JOIN pages p ON p.source = q.source AND p.version = q.page
             WHERE p.run = ?1 AND p.slice = ?2 AND q.reason IN ('no_key', 'decode') AND q.state = 'open')",
        )?;
        for slice in slices {
            if statement.query_row(params![run, slice], |row| row.get(0))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn seen_in(&self, run: RunId, slice: &str) -> Result<RoaringBitmap, StateError> {
        let mut statement =
            self.connection.prepare_cached("SELECT seen, version FROM pages WHERE run = ?1 AND slice = ?2")?;
        let mut rows = statement.query(params![run, slice])?;
        let mut all = RoaringBitmap::new();
        while let Some(row) = rows.next()? {
            all |= seen(row, "pages")?;
        }
        Ok(all)
    }

    /// Open offers of a partition (of all without one), or those that another request brought.
    pub(super) fn open_rows(
        &self,
        source: &str,
        partition: Option<&str>,
        other_than: Option<&str>,
    ) -> Result<Vec<u64>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT n FROM known WHERE source = ?1 AND version > 0 AND closed_at IS NULL
             AND (?2 IS NULL OR partition = ?2) AND (?3 IS NULL OR ask IS NOT ?3)",
        )?;
        let rows = statement.query_map(params![source, partition, other_than], |row| row.get::<_, i64>(0))?;
        Ok(rows.map(|row| row.map(|row| row as u64)).collect::<Result<_, _>>()?)
    }

    /// The start of the oldest window that brought an open offer: a sweep begins there at the latest.
    pub(super) fn oldest(&self, source: &str, ask: &str) -> Result<Option<DateTime<Utc>>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT min(start), n FROM known WHERE source = ?1 AND ask = ?2 AND version > 0 AND closed_at IS NULL",
        )?;
        let oldest = statement.query_row(params![source, ask], |found| {
            read(found, ("known", 1), |found| Ok(found.get::<_, Option<Millis>>(0)?.map(|start| start.0)))
        });
        Ok(oldest?)
    }

    /// Closes one offer; whether it was written. Where a store outside was told so, which the intent of this very version
    /// shows, the content that it was told is known from now on.
    pub(super) fn close_one(
        &mut self,
        closing: &Closing,
        version: Version,
        at: DateTime<Utc>,
        store: bool,
    ) -> Result<bool, StateError> {
        let closed = self
            .connection
            .prepare_cached(
                "UPDATE known SET closed_at = ?2, reason = ?3, version = ?4,
                   content = CASE WHEN content IS NULL AND version = ?4 THEN ?5 ELSE content END
                 WHERE n = ?1 AND closed_at IS NULL AND version <= ?4",
            )?
            .execute(params![
                closing.row as i64,
                at.timestamp_millis(),
                closing.reason.word(),
                version.0 as i64,
                closing.content.as_deref().map(|content| content_hash(content) as i64)
            ])?;
        if closed == 0 {
            return Ok(false);
        }
        if let (true, Some(content)) = (store, &closing.content) {
            let mut doc = Vec::with_capacity(content.len() + 320);
            Document::write(content, &closing.lifecycle(at), &mut doc);
            self.connection
                .prepare_cached("UPDATE offers SET change = ?2, doc = ?3 WHERE n = ?1")?
                .execute(params![closing.row as i64, self.next_change, String::from_utf8_lossy(&doc)])?;
            self.next_change += 1;
        }
        Ok(true)
    }

    /// Closes offers in one transaction, with a row of the journal of its own.
    pub(super) fn close(&mut self, close: &Close) -> Result<Counts, StateError> {
        let mut counts = Counts::default();
        for closing in &close.closings {
            counts.closed += u64::from(self.close_one(closing, close.version, close.at, close.store)?);
        }
        for mark in &close.marks {
            self.put_mark(mark)?;
        }
        self.connection
            .prepare_cached(
                "INSERT INTO pages(source, version, run, slice, position, part, kind, meaning, at, request, status, bytes, counts, seen)
                 VALUES(?1, ?2, ?3, 'close', ?4, 0, ?5, ?6, ?7, '', 0, 0, ?8, ?9)",
            )?
            .execute(params![
                close.source,
                close.version.0 as i64,
                close.run,
                close.version.to_string(),
                to_column(&PageKind::Close)?,
                close.meaning,
                close.at.timestamp_millis(),
                json(&counts)?,
                to_bytes(&RoaringBitmap::new())?
            ])?;
        self.connection
            .prepare_cached("UPDATE runs SET closed = closed + ?2 WHERE run = ?1")?
            .execute(params![close.run, counts.closed as i64])?;
        Ok(counts)
    }

    /// Distinct keys of each partition of a run.
    pub(super) fn keys_of(&self, run: RunId) -> Result<Vec<(String, u64)>, StateError> {
        let mut keys: BTreeMap<String, RoaringBitmap> = BTreeMap::new();
        for slice in self.slices_of(run)? {
            let seen = self.seen_in(run, &slice.slice)?;
            *keys.entry(slice.partition).or_default() |= seen;
        }
        Ok(keys.into_iter().map(|(partition, seen)| (partition, seen.len())).collect())
    }

    /// What a run showed of each partition that it asked for; the source itself, where it asked for none.
    pub(super) fn shown(&self, run: RunId, source: &str, ask: &str) -> Result<Vec<Shown>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) FROM known WHERE source = ?1 AND ask = ?2 AND version > 0 AND closed_at IS NULL
             AND (?3 IS NULL OR partition = ?3)",
        )?;
        let mut open = |partition: Option<&str>| -> Result<u64, StateError> {
            Ok(statement.query_row(params![source, ask, partition], |row| row.get::<_, i64>(0))? as u64)
        };
        let mut shown = Vec::new();
        for (partition, swept) in self.swept(run)? {
            let mut records = 0;
            for slice in &swept.slices {
                records += self.fetched(run, slice)?;
            }
            let open = open(Some(&partition))?;
            shown.push(Shown { partition, whole: !swept.broken, records, open });
        }
        if shown.is_empty() {
            shown.push(Shown { partition: String::new(), whole: true, records: 0, open: open(None)? });
        }
        Ok(shown)
    }

    /// Records of all pages of a slice.
    fn fetched(&self, run: RunId, slice: &str) -> Result<u64, StateError> {
        let sql = "SELECT counts, version FROM pages WHERE run = ?1 AND slice = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let fetched = |row: &Row<'_>| Ok(row.get::<_, Column<Counts>>(0)?.0.fetched);
        let pages = statement.query_map(params![run, slice], |row| read(row, ("pages", 1), fetched))?;
        Ok(pages.sum::<Result<u64, _>>()?)
    }

    /// The shares of a source's fields when they were last looked at, replaced by those of now.
    pub(super) fn shares(
        &mut self,
        source: &str,
        now: &BTreeMap<String, f64>,
    ) -> Result<BTreeMap<String, f64>, StateError> {
        let shares = |row: &Row<'_>| Ok(row.get::<_, Column<_>>(0)?.0);
        let sql = "SELECT shares, source FROM shares WHERE source = ?1";
        let before = self.connection.query_row(sql, params![source], |row| read(row, ("shares", 1), shares));
        let (before, text) = (before.optional()?, json(now)?);
        self.connection.execute("INSERT OR REPLACE INTO shares VALUES(?1, ?2)", params![source, text])?;
        Ok(before.unwrap_or_default())
    }
}

impl Closing {
    /// What the program says of the offer from now on.
    pub fn lifecycle(&self, at: DateTime<Utc>) -> Lifecycle {
        Lifecycle {
            first_seen_at: self.first_seen,
            changed_at: at,
            closed: Some((at, self.reason)),
            page: self.page,
            mapping: self.mapping.clone(),
        }
    }
}
