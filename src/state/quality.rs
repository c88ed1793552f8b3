//! What is counted of runs beside the outcomes of their records: flaws by field, and detail calls that failed.
use rusqlite::params;

use super::core::Core;
use super::words::{Commit, Fate, Quality};
use super::{State, StateError};
use crate::event::RunId;

/// Runs of a source whose numbers are kept.
const KEPT: i64 = 12;

/// The spelling of what is counted, in the column `kind`.
const MAPPED: &str = "mapped";
const FLAW: &str = "flaw";
const DETAIL: &str = "detail";
const FAILED: &str = "failed_detail";

impl State {
    /// The numbers of a run, and those of the runs of its source that mapped records before it, newest first.
    pub async fn quality(&self, run: RunId, before: usize) -> Result<(Quality, Vec<Quality>), StateError> {
        self.ask(move |core| {
            let earlier = core.mapped_before(run, before)?;
            let earlier = earlier.into_iter().map(|run| core.quality_of(run)).collect::<Result<_, _>>()?;
            Ok((core.quality_of(run)?, earlier))
        })
        .await
    }
}

impl Core {
    /// Adds the numbers of a page to those of its run.
    pub(super) fn put_quality(&self, commit: &Commit) -> Result<(), StateError> {
        let Quality { flaws, details, failed, .. } = &commit.quality;
        let mapped = |fate: &Fate| matches!(fate, Fate::Offer { .. } | Fate::Repeated);
        let mapped = commit.admit.page.records.iter().filter(|record| mapped(&record.fate)).count() as u64;
        let one = |kind, count| (kind, "", count);
        let named = |kind| move |(name, count): (&'_ String, &u64)| (kind, name.to_owned(), *count);
        let flaws = flaws.iter().map(named(FLAW));
        let failed = failed.iter().map(named(FAILED));
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO quality VALUES(?1, ?2, ?3, ?4) ON CONFLICT(run, kind, name) DO UPDATE SET count = count + ?4",
        )?;
        let whole =
            [one(MAPPED, mapped), one(DETAIL, *details)].map(|(kind, name, count)| (kind, name.to_owned(), count));
        for (kind, name, count) in whole.into_iter().chain(flaws).chain(failed).filter(|(.., count)| *count > 0) {
            statement.execute(params![commit.admit.run, kind, name, count as i64])?;
        }
        Ok(())
    }

    fn quality_of(&self, run: RunId) -> Result<Quality, StateError> {
        let mut statement = self.connection.prepare_cached("SELECT kind, name, count FROM quality WHERE run = ?1")?;
        let mut rows = statement.query(params![run])?;
        let mut quality = Quality::default();
        while let Some(row) = rows.next()? {
            let (kind, name, count) = (row.get::<_, String>(0)?, row.get(1)?, row.get::<_, i64>(2)? as u64);
            match kind.as_str() {
                MAPPED => quality.mapped = count,
                DETAIL => quality.details = count,
                FLAW => _ = quality.flaws.insert(name, count),
                FAILED => _ = quality.failed.insert(name, count),
                other => return Err(StateError::Corrupt { table: "quality", row: format!("{run} {other}") }),
            }
        }
        Ok(quality)
    }

    /// Runs of the same source before one, newest first, that mapped records of the site.
    fn mapped_before(&self, run: RunId, most: usize) -> Result<Vec<RunId>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT r.run FROM runs r JOIN quality q ON q.run = r.run AND q.kind = ?3
             WHERE r.source = (SELECT source FROM runs WHERE run = ?1) AND r.run < ?1
               AND r.kind IN ('ordinary', 'sweep', 'backfill') ORDER BY r.run DESC LIMIT ?2",
        )?;
        let runs = statement.query_map(params![run, most as i64, MAPPED], |row| row.get(0))?;
        Ok(runs.collect::<Result<_, _>>()?)
    }

    /// Only the last runs of a source are compared with.
    pub(super) fn forget_quality(&self, run: RunId) -> Result<(), StateError> {
        self.connection
            .prepare_cached(
                "DELETE FROM quality WHERE run IN (SELECT r.run FROM runs r JOIN quality q ON q.run = r.run AND q.kind = ?3
                   WHERE r.source = (SELECT source FROM runs WHERE run = ?1) ORDER BY r.run DESC LIMIT -1 OFFSET ?2)",
            )?
            .execute(params![run, KEPT, MAPPED])?;
        Ok(())
    }
}
