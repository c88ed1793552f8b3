//! Which open offers were absent long enough to be closed: from sweeps, or for a time.
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use roaring::RoaringBitmap;
use rusqlite::params;

use super::StateError;
use super::column;
use super::core::Core;
use super::words::{Due, DueSince, Found};
use crate::event::RunId;

/// The partitions that runs of a time came to.
#[derive(Default)]
struct ReadSince {
    /// Those that a run began to read.
    begun: BTreeSet<String>,
    /// Those that a run read to their ends.
    whole: BTreeSet<String>,
    /// Whether a run read all of its partitions to their ends.
    all: bool,
}

/// Of these rows those that were not seen.
fn absent(rows: impl Iterator<Item = rusqlite::Result<u32>>, seen: &RoaringBitmap) -> rusqlite::Result<Vec<u64>> {
    rows.filter(|row| row.as_ref().map_or(true, |row| !seen.contains(*row))).map(|row| row.map(u64::from)).collect()
}

impl Core {
    /// Open offers that were absent long enough, each judged by the sweeps of its own partition.
    pub(super) fn due(&self, due: &Due) -> Result<Found, StateError> {
        let open: RoaringBitmap = self.open_rows(&due.source, None, None)?.iter().map(|row| *row as u32).collect();
        let mut found = Found { open: open.len(), ..Found::default() };
        match due.since {
            DueSince::Sweeps(count) => {
                self.absent_from_sweeps(due, count, &open, &mut found)?;
                self.absent_everywhere(due, count, &open, &mut found)?;
            }
            DueSince::Instant(at) => self.absent_since(due, at, &mut found)?,
        }
        Ok(found)
    }

    /// Offers of partitions that so many sweeps read whole. A sweep says nothing of an offer that got its row after the
    /// sweep began: one that a run was about to write when it ended, for example. Rows are counted, as a clock may be wrong.
    /// Nor of one that was closed and is open again by what is not committed: that still has the reason of its closing.
    fn absent_from_sweeps(
        &self,
        due: &Due,
        count: u32,
        open: &RoaringBitmap,
        found: &mut Found,
    ) -> Result<(), StateError> {
        let mut partitions = self.connection.prepare_cached(
            "SELECT DISTINCT partition FROM sweeps WHERE source = ?1 AND ask = ?2 ORDER BY partition",
        )?;
        let names: Vec<String> =
            partitions.query_map(params![due.source, due.ask], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for partition in names {
            let mut statement = self.connection.prepare_cached(
                "SELECT seen, run, start, end FROM sweeps WHERE source = ?1 AND ask = ?2 AND partition = ?3 ORDER BY run DESC",
            )?;
            let mut rows = statement.query(params![due.source, due.ask, partition])?;
            let mut sweeps: Vec<(RoaringBitmap, i64, Option<i64>, Option<i64>)> = Vec::new();
            while let Some(row) = rows.next()?.filter(|_| sweeps.len() < count as usize) {
                let seen = column::seen(row, "sweeps")?;
                // A day on which nothing was shown says nothing of single offers once there are others again.
                if !seen.is_empty() || sweeps.first().is_none_or(|(last, ..)| last.is_empty()) {
                    sweeps.push((seen, row.get(1)?, row.get(2)?, row.get(3)?));
                }
            }
            if sweeps.len() < count as usize {
                continue;
            }
            let empty = sweeps.first().is_some_and(|(last, ..)| last.is_disjoint(open));
            let first = sweeps.iter().map(|(_, run, ..)| *run).min().unwrap_or(i64::MAX);
            let start = sweeps.iter().filter_map(|(_, _, start, _)| *start).max();
            let end = sweeps.iter().filter_map(|(.., end)| *end).min();
            let seen = self.seen_since_run(&due.source, first)?;
            let mut statement = self.connection.prepare_cached(
                "SELECT n FROM known WHERE source = ?1 AND ask = ?2 AND partition = ?3 AND version > 0 AND closed_at IS NULL
                 AND reason IS NULL
                 AND (start IS NULL OR ?4 IS NULL OR start >= ?4) AND (start IS NULL OR ?5 IS NULL OR start < ?5)
                 AND n < (SELECT iif(row > 0, row, 1 << 62) FROM runs WHERE run = ?6)",
            )?;
            let of = params![due.source, due.ask, partition, start, end, first];
            let rows = statement.query_map(of, |row| row.get::<_, u32>(0))?;
            let absent = absent(rows, &seen)?;
            found.add(&partition, absent, empty);
        }
        Ok(())
    }

    /// Offers of partitions that are gone, and those that another data directory brought, whose partition is not known:
    /// they must be absent from sweeps that read every partition whole. One that asked for nothing says nothing.
    fn absent_everywhere(
        &self,
        due: &Due,
        count: u32,
        open: &RoaringBitmap,
        found: &mut Found,
    ) -> Result<(), StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT run FROM runs r WHERE source = ?1 AND ask = ?2 AND kind = 'sweep'
             AND (SELECT count(DISTINCT partition) FROM slices s WHERE s.run = r.run)
               = (SELECT count(*) FROM sweeps w WHERE w.source = r.source AND w.run = r.run)
             AND EXISTS(SELECT 1 FROM slices s WHERE s.run = r.run) ORDER BY run DESC LIMIT ?3",
        )?;
        let rows = statement.query_map(params![due.source, due.ask, count], |row| row.get::<_, i64>(0))?;
        let whole: Vec<i64> = rows.collect::<Result<_, _>>()?;
        let (Some(last), Some(first)) = (whole.first(), whole.last().filter(|_| whole.len() >= count as usize)) else {
            return Ok(());
        };
        let seen = self.seen_since_run(&due.source, *first)?;
        let mut statement = self.connection.prepare_cached(
            "SELECT n FROM known WHERE source = ?1 AND ask = ?2 AND partition IS NULL AND version > 0 AND closed_at IS NULL
             AND reason IS NULL",
        )?;
        let rows = statement.query_map(params![due.source, due.ask], |row| row.get::<_, u32>(0))?;
        let absent_ones = absent(rows, &seen)?;
        found.add("", absent_ones, self.seen_since_run(&due.source, *last)?.is_disjoint(open));
        let mut statement = self.connection.prepare_cached(
            "SELECT n FROM known WHERE source = ?1 AND ask = ?2 AND version > 0 AND closed_at IS NULL AND reason IS NULL
             AND partition IN (
               SELECT partition FROM known WHERE source = ?1 AND ask = ?2 AND version > 0 AND closed_at IS NULL
               EXCEPT SELECT s.partition FROM slices s JOIN runs r ON r.run = s.run WHERE r.source = ?1 AND r.run >= ?3)",
        )?;
        let rows = statement.query_map(params![due.source, due.ask, first], |row| row.get::<_, u32>(0))?;
        found.rows.extend(absent(rows, &seen)?);
        Ok(())
    }

    /// Absent for a time, which counts only where a partition was read to its ends meanwhile: what a site did not answer
    /// says nothing of its offers.
    fn absent_since(&self, due: &Due, since: DateTime<Utc>, found: &mut Found) -> Result<(), StateError> {
        let since = since.timestamp_millis();
        let watched: bool = self.connection.query_row(
            "SELECT EXISTS(SELECT 1 FROM runs WHERE source = ?1 AND now <= ?2)",
            params![due.source, since],
            |row| row.get(0),
        )?;
        if !watched {
            return Ok(());
        }
        let seen = self.seen_since(&due.source, since)?;
        let mut statement = self.connection.prepare_cached(
            "SELECT n, partition, first_seen < ?3 FROM known
             WHERE source = ?1 AND ask = ?2 AND version > 0 AND closed_at IS NULL AND reason IS NULL",
        )?;
        let mut rows = statement.query(params![due.source, due.ask, since])?;
        let mut partitions: BTreeMap<Option<String>, (Vec<u64>, bool)> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let (absent, empty) = partitions.entry(row.get(1)?).or_insert((Vec::new(), true));
            match row.get::<_, u32>(0)? {
                number if seen.contains(number) => *empty = false,
                number if row.get(2)? => absent.push(number.into()),
                _ => {}
            }
        }
        let read = self.read_since(due, since)?;
        for (name, (absent, empty)) in partitions {
            let name = name.as_deref();
            if name.is_none_or(|name| !read.begun.contains(name)) && read.all {
                found.add("", absent, empty && name.is_none());
            } else if let Some(name) = name.filter(|name| read.whole.contains(*name)) {
                found.add(name, absent, empty);
            }
        }
        Ok(())
    }

    /// What runs of the same request read since an instant.
    fn read_since(&self, due: &Due, since: i64) -> Result<ReadSince, StateError> {
        // Only the run that closes has not ended. One that was stopped did not come to all windows.
        let mut statement = self.connection.prepare_cached(
            "SELECT run FROM runs WHERE source = ?1 AND ask = ?2 AND now >= ?3 AND kind IN ('ordinary', 'sweep')
             AND (ended IS NULL OR outcome IN ('complete', 'partial')) ORDER BY run DESC",
        )?;
        let mut runs = statement.query(params![due.source, due.ask, since])?;
        let mut read = ReadSince::default();
        while let Some(run) = runs.next()? {
            let swept = self.swept(run.get(0)?)?;
            read.all |= !swept.is_empty() && swept.values().all(|partition| !partition.broken);
            for (name, partition) in swept {
                if !partition.broken {
                    read.whole.insert(name.clone());
                }
                read.begun.insert(name);
            }
        }
        Ok(read)
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
        for (table, sql) in [
            (
                "pages",
                format!(
                    "SELECT p.seen, p.version FROM runs r JOIN pages p ON p.run = r.run
                 WHERE r.source = ?1 AND {of_pages} >= ?2 AND p.kind = 'list'"
                ),
            ),
            ("sweeps", format!("SELECT seen, run FROM sweeps WHERE source = ?1 AND {of_sweeps} >= ?2")),
        ] {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![source, since])?;
            while let Some(row) = rows.next()? {
                seen |= column::seen(row, table)?;
            }
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::{OfferId, Version};
    use crate::paginate::Progress;
    use crate::state::words::{Brought, Intent};

    #[test]
    fn what_a_page_opened_again_that_was_never_committed_is_left_open_until_its_partition_is_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let mut core = Core::open(&dir.path().join("state.db")).unwrap();
        let mut none = Vec::new();
        RoaringBitmap::new().serialize_into(&mut none).unwrap();
        let progress = serde_json::to_string(&Progress::default()).unwrap();
        let run = |core: &Core, run: i64, state: &str| {
            core.connection
                .execute_batch(&format!(
                    "INSERT INTO runs(run, source, kind, ask, meaning, now, row) VALUES({run}, 'a', 'sweep', 'q', '', {run}, 50);
                     INSERT INTO slices(run, slice, partition, state, progress) VALUES({run}, '0', '{{}}', '{state}', '{progress}');"
                ))
                .unwrap();
        };
        for number in [1, 2] {
            run(&core, number, r#"{"ended":{"complete":"no next page"}}"#);
            core.connection
                .execute("INSERT INTO sweeps VALUES('a', 'q', '{}', ?1, ?1, NULL, NULL, ?2)", params![number, none])
                .unwrap();
        }
        core.connection
            .execute_batch(
                "INSERT INTO known(n, source, id, key, page, version, content, ask, partition, first_seen, closed_at, reason) VALUES
                   (1, 'a', x'01000000000000000000000000000000', '1', 5, 5, 70, 'q', '{}', 0, 1, 'not_seen'),
                   (2, 'a', x'02000000000000000000000000000000', '2', 5, 5, 70, 'q', '{}', 0, NULL, NULL);",
            )
            .unwrap();
        let due = Due { source: "a".into(), ask: "q".into(), since: DueSince::Sweeps(2) };
        let rows = |core: &Core| {
            let found = core.due(&due).unwrap();
            [found.rows, found.empty].concat()
        };
        assert_eq!(rows(&core), [2]);
        let mut id = [0; 16];
        id[0] = 1;
        let brought = Brought { ask: "q".into(), partition: "{}".into(), start: None, again: false };
        let intent = Intent {
            row: 1,
            source: "a".into(),
            id: OfferId(id),
            key: "1".into(),
            version: Version(9),
            first_seen: DateTime::UNIX_EPOCH,
            brought: Some(brought),
        };
        core.intent(&[intent]).unwrap();
        assert_eq!(rows(&core), [2], "the sweeps were before it");
        run(&core, 3, r#"{"ended":{"partial":"cut"}}"#);
        core.end_sweep(3).unwrap();
        assert_eq!(rows(&core), [2], "nor did a run read its partition whole since");
        run(&core, 4, r#"{"ended":{"complete":"no next page"}}"#);
        core.end_sweep(4).unwrap();
        assert_eq!(rows(&core), [1, 2]);
    }
}
