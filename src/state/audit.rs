//! What `verify` reads of the journal: rows that name the archive, sums of runs, and entries of the quarantine.
use rusqlite::{OptionalExtension, Row, params};

use super::StateError;
use super::column::{Column, read};
use super::reader::Reader;
use super::rows::archives;
use super::runs::{COUNTS, counts};
use super::words::Archived;
use crate::event::Counts;

/// A page row that names records of the archive.
#[derive(Clone, Debug)]
pub struct Archiving {
    /// Version of the row.
    pub version: u64,
    /// What it names: the page, then its details.
    pub archived: Vec<Archived>,
    /// Whether the page was archived under this very version: the first part of a page that was asked for. Other rows
    /// name the same records again.
    pub own: bool,
}

/// The numbers of a run, as it holds them and as its pages do.
#[derive(Clone, Copy, Debug)]
pub struct RunSums {
    /// Its number.
    pub run: i64,
    /// The run's own numbers.
    pub told: Counts,
    /// The sum of its pages.
    pub summed: Counts,
}

impl Reader {
    /// The names of all sources that have state.
    pub fn source_names(&self) -> Result<Vec<String>, StateError> {
        let mut statement =
            self.connection.prepare("SELECT source FROM claims UNION SELECT source FROM waiting ORDER BY source")?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// What stands for the site of a source (empty: the site itself) and what it was asked last; `None` of a source that
    /// was never run.
    pub fn asked(&self, source: &str) -> Result<Option<(String, String)>, StateError> {
        let sql = "SELECT c.origins, r.ask FROM claims c JOIN runs r ON r.source = c.source WHERE c.source = ?1
                   ORDER BY r.run DESC LIMIT 1";
        Ok(self.connection.query_row(sql, [source], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }

    /// How many page rows a source has.
    pub fn page_count(&self, source: &str) -> Result<u64, StateError> {
        let sql = "SELECT count(*) FROM pages WHERE source = ?1";
        Ok(self.connection.query_row(sql, params![source], |row| row.get::<_, i64>(0))? as u64)
    }

    /// Page rows of a source that name records of the archive, behind a version, in the order of versions. Read some at a
    /// time, so that a process that writes beside can cut its log.
    pub fn archiving_after(&self, source: &str, after: u64, limit: usize) -> Result<Vec<Archiving>, StateError> {
        let sql = format!("{ARCHIVING} AND version > ?2 ORDER BY version LIMIT ?3");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![source, after as i64, limit as i64], archiving)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What a page row names; `None` when there is no such row.
    pub fn archiving(&self, source: &str, version: u64) -> Result<Option<Archiving>, StateError> {
        let sql = format!("{ARCHIVING} AND version = ?2");
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement.query_row(params![source, version as i64], archiving).optional()?)
    }

    /// The runs of a source, each with the sum of its pages at the same moment.
    pub fn each_run(&self, source: &str, each: &mut dyn FnMut(RunSums)) -> Result<(), StateError> {
        let mut statement = self.connection.prepare("SELECT run FROM runs WHERE source = ?1 ORDER BY run")?;
        let runs: Vec<i64> = statement.query_map(params![source], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for run in runs {
            // Both reads see the same moment of a run that still writes.
            let moment = self.connection.unchecked_transaction()?;
            let sql = format!("SELECT {COUNTS} FROM runs WHERE run = ?1");
            let told = moment.query_row(&sql, params![run], |row| counts(row, 0))?;
            let mut summed = Counts::default();
            let mut statement = moment.prepare_cached("SELECT counts, version FROM pages WHERE run = ?1")?;
            let mut rows = statement.query(params![run])?;
            while let Some(row) = rows.next()? {
                summed.add(&read(row, ("pages", 1), |row| Ok(row.get::<_, Column<_>>(0)?.0))?);
            }
            each(RunSums { run, told, summed });
        }
        Ok(())
    }

    /// Open entries of a source's quarantine, by the page that they came from: its version, and the first entry's number.
    pub fn held_pages(&self, source: &str) -> Result<Vec<(u64, i64)>, StateError> {
        let mut statement = self.connection.prepare(
            "SELECT page, min(q) FROM quarantine WHERE source = ?1 AND state = 'open' GROUP BY page ORDER BY page",
        )?;
        let rows = statement.query_map(params![source], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// The second reading of a slice has its parts above this bit.
const ARCHIVING: &str = "SELECT version, archived, kind IN ('list', 'probe') AND (part & 65535) = 0 FROM pages
   WHERE source = ?1 AND coalesce(archived, '[]') <> '[]'";

fn archiving(row: &Row<'_>) -> rusqlite::Result<Archiving> {
    read(row, ("pages", 0), |row| {
        Ok(Archiving { version: row.get::<_, i64>(0)? as u64, archived: archives(row.get(1)?), own: row.get(2)? })
    })
}
