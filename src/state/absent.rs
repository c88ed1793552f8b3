//! Which open offers were absent long enough to be closed: from sweeps, or for a time.
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use roaring::RoaringBitmap;
use rusqlite::params;

use super::StateError;
use super::core::Core;
use super::sweep::bitmap;
use super::words::{Due, DueSince, Found};
use crate::event::RunId;

impl Core {
    /// Open offers that were absent long enough, each judged by the sweeps of its own partition.
    pub(super) fn due(&self, due: &Due) -> Result<Found, StateError> {
        let open = self.connection.query_row(
            "SELECT count(*) FROM known WHERE source = ?1 AND version > 0 AND closed_at IS NULL",
            params![due.source],
            |row| row.get::<_, i64>(0),
        )?;
        let rows = match due.since {
            DueSince::Sweeps(count) => self.absent_from_sweeps(due, count)?,
            DueSince::Instant(at) => self.absent_since(due, at)?,
        };
        Ok(Found { rows, open: open as u64 })
    }

    fn absent_from_sweeps(&self, due: &Due, count: u32) -> Result<Vec<u64>, StateError> {
        let mut partitions = self.connection.prepare_cached(
            "SELECT DISTINCT partition FROM sweeps WHERE source = ?1 AND ask = ?2 ORDER BY partition",
        )?;
        let names: Vec<String> =
            partitions.query_map(params![due.source, due.ask], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut absent = Vec::new();
        for partition in names {
            let mut statement = self.connection.prepare_cached(
                "SELECT run, start, end FROM sweeps WHERE source = ?1 AND ask = ?2 AND partition = ?3 ORDER BY run DESC LIMIT ?4",
            )?;
            let rows = statement.query_map(params![due.source, due.ask, partition, count], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Option<i64>>(2)?))
            })?;
            let sweeps: Vec<(i64, Option<i64>, Option<i64>)> = rows.collect::<Result<_, _>>()?;
            if sweeps.len() < count as usize {
                continue;
            }
            let first = sweeps.iter().map(|(run, ..)| *run).min().unwrap_or(i64::MAX);
            let start = sweeps.iter().filter_map(|(_, start, _)| *start).max();
            let end = sweeps.iter().filter_map(|(_, _, end)| *end).min();
            let seen = self.seen_since_run(&due.source, first)?;
            let mut statement = self.connection.prepare_cached(
                "SELECT n FROM known WHERE source = ?1 AND ask = ?2 AND partition = ?3 AND version > 0 AND closed_at IS NULL
                 AND (start IS NULL OR ?4 IS NULL OR start >= ?4) AND (start IS NULL OR ?5 IS NULL OR start < ?5)",
            )?;
            let rows =
                statement.query_map(params![due.source, due.ask, partition, start, end], |row| row.get::<_, i64>(0))?;
            for row in rows {
                let row = row?;
                if !seen.contains(row as u32) {
                    absent.push(row as u64);
                }
            }
        }
        absent.extend(self.absent_everywhere(due, count)?);
        Ok(absent)
    }

    /// Offers that another data directory brought: which partition they belong to is not known, so they must be absent
    /// from sweeps that read every partition whole.
    fn absent_everywhere(&self, due: &Due, count: u32) -> Result<Vec<u64>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT run FROM runs r WHERE source = ?1 AND ask = ?2 AND kind = 'sweep'
             AND (SELECT count(DISTINCT partition) FROM slices s WHERE s.run = r.run)
               = (SELECT count(*) FROM sweeps w WHERE w.source = r.source AND w.run = r.run)
             ORDER BY run DESC LIMIT ?3",
        )?;
        let rows = statement.query_map(params![due.source, due.ask, count], |row| row.get::<_, i64>(0))?;
        let whole: Vec<i64> = rows.collect::<Result<_, _>>()?;
        if whole.len() < count as usize {
            return Ok(Vec::new());
        }
        let seen = self.seen_since_run(&due.source, whole.iter().copied().min().unwrap_or(i64::MAX))?;
        let mut statement = self.connection.prepare_cached(
            "SELECT n FROM known WHERE source = ?1 AND ask = ?2 AND partition IS NULL AND version > 0 AND closed_at IS NULL",
        )?;
        let rows = statement.query_map(params![due.source, due.ask], |row| row.get::<_, i64>(0))?;
        let rows: Vec<i64> = rows.collect::<Result<_, _>>()?;
        Ok(rows.into_iter().filter(|row| !seen.contains(*row as u32)).map(|row| row as u64).collect())
    }

    /// Absent for a time, which counts only where a partition was read to its ends meanwhile: what a site did not answer
    /// says nothing of its offers.
    fn absent_since(&self, due: &Due, since: DateTime<Utc>) -> Result<Vec<u64>, StateError> {
        let since = since.timestamp_millis();
        let watched: bool = self.connection.query_row(
            "SELECT EXISTS(SELECT 1 FROM runs WHERE source = ?1 AND now <= ?2)",
            params![due.source, since],
            |row| row.get(0),
        )?;
        if !watched {
            return Ok(Vec::new());
        }
        let seen = self.seen_since(&due.source, since)?;
        let mut statement = self.connection.prepare_cached(
            "SELECT n, partition FROM known
             WHERE source = ?1 AND ask = ?2 AND version > 0 AND closed_at IS NULL AND first_seen < ?3",
        )?;
        let mut rows = statement.query(params![due.source, due.ask, since])?;
        let mut absent: BTreeMap<Option<String>, Vec<u64>> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let number = row.get::<_, i64>(0)? as u64;
            if !seen.contains(number as u32) {
                absent.entry(row.get(1)?).or_default().push(number);
            }
        }
        self.whole_since(due, since, absent)
    }

    /// Of these rows those of partitions that a run since an instant read to their ends; rows without a partition count
    /// as of all of them.
    fn whole_since(
        &self,
        due: &Due,
        since: i64,
        mut absent: BTreeMap<Option<String>, Vec<u64>>,
    ) -> Result<Vec<u64>, StateError> {
        // Only the run that closes has not ended. One that was stopped did not come to all windows.
        let mut statement = self.connection.prepare_cached(
            "SELECT run FROM runs WHERE source = ?1 AND ask = ?2 AND now >= ?3 AND kind IN ('ordinary', 'sweep')
             AND (ended IS NULL OR outcome IN ('complete', 'partial')) ORDER BY run DESC",
        )?;
        let mut runs = statement.query(params![due.source, due.ask, since])?;
        let mut found = Vec::new();
        while let (false, Some(run)) = (absent.is_empty(), runs.next()?) {
            let swept = self.swept(run.get(0)?)?;
            let all = !swept.is_empty() && swept.values().all(|partition| !partition.broken);
            absent.retain(|name, rows| {
                let whole = match name {
                    Some(name) => swept.get(name).is_some_and(|partition| !partition.broken),
                    None => all,
                };
                if whole {
                    found.append(rows);
                }
                !whole
            });
        }
        Ok(found)
    }

    /// Rows of all pages of a source since an instant, and of its sweeps, whose sets outlive their pages.
    fn seen_since(&self, source: &str, since: i64) -> Result<RoaringBitmap, StateError> {
        self.seen_where(source, since, ["r.now", "began"])
    }

    /// The same since a run began: by its number, as a clock may have been wrong.
    fn seen_since_run(&self, source: &str, run: RunId) -> Result<RoaringBitmap, StateError> {
        self.seen_where(source, run, ["r.run", "run"])
    }

    fn seen_where(&self, source: &str, since: i64, columns: [&str; 2]) -> Result<RoaringBitmap, StateError> {
        let [of_pages, of_sweeps] = columns;
        let mut seen = RoaringBitmap::new();
        for sql in [
            &format!(
                "SELECT p.seen FROM runs r JOIN pages p ON p.run = r.run
                 WHERE r.source = ?1 AND {of_pages} >= ?2 AND p.kind = 'list'"
            ),
            &format!("SELECT seen FROM sweeps WHERE source = ?1 AND {of_sweeps} >= ?2"),
        ] {
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query(params![source, since])?;
            while let Some(row) = rows.next()? {
                seen |= bitmap(&row.get::<_, Vec<u8>>(0)?);
            }
        }
        Ok(seen)
    }
}
