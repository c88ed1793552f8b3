//! Runs, slices, coverage and quotas in the state.
use std::collections::HashSet;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use rusqlite::{OptionalExtension, Row, params};

use super::StateError;
use super::column::{Column, Millis, json, read, seen, to_column};
use super::core::Core;
use super::words::{Begun, Ended, NewRun, Slice};
use crate::event::{Counts, Outcome, RunId};
use crate::fetch::Spend;
use crate::paginate::Progress;
use crate::plan::Window;
use crate::position::Position;
use crate::redact::redact;

/// An unfinished run older than this is not gone on with.
const RESUME: TimeDelta = TimeDelta::hours(24);

pub(super) fn counts(row: &Row<'_>, first: usize) -> rusqlite::Result<Counts> {
    let number = |offset: usize| row.get::<_, i64>(first + offset).map(|number| number as u64);
    Ok(Counts {
        fetched: number(0)?,
        indexed: number(1)?,
        new: number(2)?,
        unchanged: number(3)?,
        superseded: number(4)?,
        rejected: number(5)?,
        filtered: number(6)?,
        duplicate: number(7)?,
        closed: number(8)?,
    })
}

/// Columns that [`counts`] reads.
pub(super) const COUNTS: &str = "fetched, indexed, new, unchanged, superseded, rejected, filtered, duplicate, closed";

impl Core {
    pub(super) fn begin_run(&mut self, new: &NewRun) -> Result<Begun, StateError> {
        self.same_origins(new)?;
        for (path, text) in &new.texts {
            let fingerprint = format!("{}:{path}", new.meaning);
            self.connection
                .execute("INSERT OR REPLACE INTO plans VALUES(?1, ?2)", params![fingerprint, redact(text)])?;
        }
        self.leave(&new.source)?;
        let unfinished = self.unfinished(new)?;
        let last_complete = self.last_complete(new, unfinished.map(|(run, _)| run))?;
        if let Some((run, now)) = unfinished {
            let first: i64 =
                self.connection.query_row("SELECT row FROM runs WHERE run = ?1", params![run], |row| row.get(0))?;
            self.first.insert(run, first as u64);
            let slices = self.slices_of(run)?;
            self.restore(run)?;
            return Ok(Begun { run, now, resumed: true, slices, last_complete });
        }
        self.connection.execute(
            "UPDATE runs SET ended = ?2, outcome = 'stopped', cause = 'a later run took its place' WHERE source = ?1 AND ended IS NULL",
            params![new.source, new.now.timestamp_millis()],
        )?;
        self.connection.execute(
            "INSERT INTO runs(source, pipeline, kind, ask, meaning, now, span, row) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                new.source,
                new.pipeline,
                to_column(&new.kind)?,
                new.ask,
                new.meaning,
                new.now.timestamp_millis(),
                span(new),
                self.next_row as i64
            ],
        )?;
        let run = self.connection.last_insert_rowid();
        self.first.insert(run, self.next_row);
        let now = new.now.trunc_subsecs(3);
        Ok(Begun { run, now, resumed: false, slices: Vec::new(), last_complete })
    }

    /// What is left in memory of the runs of a source goes: one that failed may have left pages in flight, and what goes on
    /// is read again.
    fn leave(&mut self, source: &str) -> Result<(), StateError> {
        let flying = self.flying.values().map(|flying| flying.run);
        let rows = self.rows.values().map(|(run, _)| *run);
        let left: HashSet<RunId> =
            flying.chain(rows).chain(self.seen.keys().copied()).chain(self.broken.keys().copied()).collect();
        for run in left {
            let sql = "SELECT 1 FROM runs WHERE run = ?1 AND source = ?2";
            if self.connection.prepare_cached(sql)?.exists(params![run, source])? {
                self.flying.retain(|_, flying| flying.run != run);
                self.rows.retain(|_, (of, _)| *of != run);
                self.forget_run(run);
            }
        }
        Ok(())
    }

    fn forget_run(&mut self, run: RunId) {
        self.broken.remove(&run);
        self.first.remove(&run);
        self.seen.remove(&run);
        self.slices.retain(|(of, _), _| *of != run);
        self.raw_kept.retain(|(of, _), _| *of != run);
    }

    /// Whether all that the site showed to the last run is known, up to the end: a gap that any later run left would be
    /// hidden behind a page that is known. A run that goes on is judged by the one before it. One that was killed and is
    /// not gone on with was not complete; a replay, a retry and a closing read nothing of the site; and a backfill makes
    /// known what may lie in front of a gap, as another request does.
    fn last_complete(&self, new: &NewRun, resumed: Option<RunId>) -> Result<bool, StateError> {
        let last = self
            .connection
            .query_row(
                "SELECT whole AND ask = ?2 AND kind <> 'backfill' FROM runs
                 WHERE source = ?1 AND kind IN ('ordinary', 'sweep', 'backfill') AND run IS NOT ?3 ORDER BY run DESC LIMIT 1",
                params![new.source, new.ask, resumed],
                |row| row.get(0),
            )
            .optional()?;
        Ok(last.unwrap_or(false))
    }

    /// Simulated offers never mix with real ones.
    fn same_origins(&self, new: &NewRun) -> Result<(), StateError> {
        let runs: i64 =
            self.connection
                .query_row("SELECT count(*) FROM runs WHERE source = ?1", params![new.source], |row| row.get(0))?;
        let held: Option<String> = self
            .connection
            .query_row("SELECT origins FROM claims WHERE source = ?1", params![new.source], |row| row.get(0))
            .optional()?;
        let held = held.unwrap_or_default();
        if runs > 0 && held != new.origins {
            let shown = |text: &str| if text.is_empty() { "the site itself".to_owned() } else { text.to_owned() };
            return Err(StateError::Origins {
                source_name: new.source.clone(),
                held: shown(&held),
                asked: shown(&new.origins),
            });
        }
        self.connection
            .execute("UPDATE claims SET origins = ?2 WHERE source = ?1", params![new.source, new.origins])?;
        Ok(())
    }

    fn unfinished(&self, new: &NewRun) -> Result<Option<(RunId, DateTime<Utc>)>, StateError> {
        let found: Option<(RunId, DateTime<Utc>)> = self
            .connection
            .query_row(
                "SELECT run, now FROM runs WHERE source = ?1 AND ask = ?2 AND kind = ?3 AND span IS ?4 AND now > ?5
                 AND (ended IS NULL OR outcome = 'stopped' AND cause = 'interrupted')
                 AND run = (SELECT max(run) FROM runs WHERE source = ?1)",
                params![new.source, new.ask, to_column(&new.kind)?, span(new), (new.now - RESUME).timestamp_millis()],
                |row| read(row, ("runs", 0), |row| Ok((row.get(0)?, row.get::<_, Millis>(1)?.0))),
            )
            .optional()?;
        if let Some((run, _)) = found {
            self.connection
                .execute("UPDATE runs SET ended = NULL, outcome = NULL, cause = NULL WHERE run = ?1", params![run])?;
        }
        Ok(found)
    }

    /// Seen sets of a run that goes on, out of its page rows.
    fn restore(&mut self, run: RunId) -> Result<(), StateError> {
        let mut statement = self.connection.prepare("SELECT seen, version, slice FROM pages WHERE run = ?1")?;
        let mut rows = statement.query(params![run])?;
        while let Some(row) = rows.next()? {
            let (seen, slice) = (seen(row, "pages")?, row.get(2)?);
            *self.seen.entry(run).or_default() |= &seen;
            *self.slices.entry((run, slice)).or_default() |= seen;
        }
        Ok(())
    }

    pub(super) fn slices_of(&self, run: RunId) -> Result<Vec<Slice>, StateError> {
        let mut statement = self.connection.prepare(
            "SELECT slice, partition, start, end, state, total, position, progress, keys FROM slices WHERE run = ?1",
        )?;
        let rows = statement.query_map(params![run], |row| read(row, ("slices", 0), slice))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(super) fn put_slice(&mut self, run: RunId, slice: &Slice) -> Result<(), StateError> {
        let (start, end) = slice.window.map(|(start, end)| (start.timestamp_millis(), end.timestamp_millis())).unzip();
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO slices VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?
            .execute(params![
                run,
                slice.slice,
                slice.partition,
                start,
                end,
                to_column(&slice.state)?,
                slice.total.map(|total| total as i64),
                slice.position.as_ref().map(json).transpose()?,
                to_column(&slice.progress)?,
                slice.keys as i64
            ])?;
        Ok(())
    }

    /// Merges a window into what is covered.
    pub(super) fn cover(&mut self, source: &str, ask: &str, partition: &str, window: Window) -> Result<(), StateError> {
        let (mut start, mut end) = (window.0.timestamp_millis(), window.1.timestamp_millis());
        let touching = "source = ?1 AND ask = ?2 AND partition = ?3 AND start <= ?5 AND end >= ?4";
        let merged: (Option<i64>, Option<i64>) = self.connection.query_row(
            &format!("SELECT min(start), max(end) FROM coverage WHERE {touching}"),
            params![source, ask, partition, start, end],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        self.connection
            .execute(&format!("DELETE FROM coverage WHERE {touching}"), params![source, ask, partition, start, end])?;
        start = merged.0.map_or(start, |merged| merged.min(start));
        end = merged.1.map_or(end, |merged| merged.max(end));
        self.connection
            .execute("INSERT INTO coverage VALUES(?1, ?2, ?3, ?4, ?5)", params![source, ask, partition, start, end])?;
        Ok(())
    }

    pub(super) fn covered(
        &self,
        source: &str,
        ask: &str,
        partition: &str,
        begin: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StateError> {
        let end = |row: &Row<'_>| Ok(row.get::<_, Option<Millis>>(0)?.map(|end| end.0));
        let end = self
            .connection
            .query_row(
                "SELECT max(end), partition FROM coverage WHERE source = ?1 AND ask = ?2 AND partition = ?3 AND start <= ?4 AND end > ?4",
                params![source, ask, partition, begin.timestamp_millis()],
                |row| read(row, ("coverage", 1), end),
            )?;
        Ok(end)
    }

    pub(super) fn last_sweep(&self, source: &str, ask: &str) -> Result<Option<DateTime<Utc>>, StateError> {
        let last = |row: &Row<'_>| Ok(row.get::<_, Option<Millis>>(0)?.map(|now| now.0));
        Ok(self.connection.query_row(
            "SELECT max(now), run FROM runs WHERE source = ?1 AND ask = ?2 AND kind = 'sweep' AND whole",
            params![source, ask],
            |row| read(row, ("runs", 1), last),
        )?)
    }

    pub(super) fn end_run(&mut self, ended: &Ended) -> Result<Counts, StateError> {
        self.connection.execute(
            "UPDATE runs SET ended = ?2, outcome = ?3, cause = ?4, whole = ?5 WHERE run = ?1",
            params![
                ended.run,
                ended.at.timestamp_millis(),
                to_column(&ended.outcome)?,
                ended.cause.as_deref().map(redact),
                ended.read == Outcome::Complete
            ],
        )?;
        self.forget_quality(ended.run)?;
        self.forget_run(ended.run);
        let sql = format!("SELECT {COUNTS} FROM runs WHERE run = ?1");
        Ok(self.connection.query_row(&sql, params![ended.run], |row| counts(row, 0))?)
    }

    pub(super) fn note_failure(&mut self, source: &str, cause: &str) -> Result<(), StateError> {
        let sql = "UPDATE runs SET cause = ?2 WHERE source = ?1 AND ended IS NULL";
        self.connection.execute(sql, params![source, redact(cause)])?;
        Ok(())
    }

    pub(super) fn put_quotas(&mut self, quotas: &[Spend]) -> Result<(), StateError> {
        for spent in quotas {
            self.connection.prepare_cached("INSERT OR REPLACE INTO quotas VALUES(?1, ?2, ?3, ?4, ?5)")?.execute(
                params![spent.origin, spent.credential, spent.period, spent.spent, spent.reset.timestamp_millis()],
            )?;
        }
        Ok(())
    }

    pub(super) fn quotas(&self) -> Result<Vec<Spend>, StateError> {
        let mut statement = self.connection.prepare("SELECT origin, credential, period, spent, reset FROM quotas")?;
        let spend = |row: &Row<'_>| {
            Ok(Spend {
                origin: row.get(0)?,
                credential: row.get(1)?,
                period: row.get(2)?,
                spent: row.get(3)?,
                reset: row.get::<_, Millis>(4)?.0,
            })
        };
        let rows = statement.query_map([], |row| read(row, ("quotas", 0), spend))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(super) fn drop_held(&mut self, numbers: &[i64]) -> Result<usize, StateError> {
        let mut dropped = 0;
        for number in numbers {
            dropped += self
                .connection
                .execute("UPDATE quarantine SET state = 'dropped' WHERE q = ?1 AND state = 'open'", params![number])?;
        }
        Ok(dropped)
    }
}

fn span(new: &NewRun) -> Option<String> {
    new.span.map(|(from, to)| format!("{from} {to}"))
}

fn slice(row: &Row<'_>) -> rusqlite::Result<Slice> {
    let at = |column: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<Millis>>(column)?.map(|at| at.0));
    let position = row.get::<_, Option<Column<Position>>>(6)?.map(|position| position.0);
    let Column(mut progress): Column<Progress> = row.get(7)?;
    if progress.pages > 0 && position.as_ref().is_some_and(Position::is_first) {
        // It stood at a place that cannot be asked for any more, and begins again.
        progress = Progress { again: progress.again, least: progress.least, ..Progress::default() };
    }
    Ok(Slice {
        slice: row.get(0)?,
        partition: row.get(1)?,
        window: at(2)?.zip(at(3)?),
        state: row.get::<_, Column<_>>(4)?.0,
        total: row.get::<_, Option<i64>>(5)?.map(|total| total as u64),
        position,
        progress,
        keys: row.get::<_, i64>(8)? as u64,
    })
}
