//! The writing thread: it owns the connection, what is in flight, and the seen sets of runs.
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use roaring::RoaringBitmap;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use tokio::sync::{mpsc, oneshot};

use super::words::{Admit, Admitted};
use super::{StateError, reader, tables};
use crate::crash;
use crate::event::RunId;
use crate::offer::{OfferId, Version};

/// Answers an order when its transaction is committed, or tells it why it is not.
type Answer = Box<dyn FnOnce(Option<StateError>) + Send>;

/// What the thread is asked.
pub(super) enum Order {
    /// Answered at once: it reads what is committed, and changes only what is in flight and which rows are given.
    Admit(Arc<Admit>, oneshot::Sender<Result<Admitted, StateError>>),
    /// Answered when it is committed.
    Work(Box<dyn FnOnce(&mut Core) -> Answer + Send>),
}

/// A key that was admitted and is not committed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flying {
    pub run: RunId,
    pub version: Version,
    pub content: u64,
    pub first_seen: DateTime<Utc>,
}

/// What the thread owns.
pub(super) struct Core {
    pub connection: Connection,
    /// The data directory.
    pub folder: PathBuf,
    pub flying: HashMap<OfferId, Flying>,
    /// Rows of ids that are not in `known` yet, and the run that brings them.
    pub rows: HashMap<OfferId, (RunId, u64)>,
    pub next_row: u64,
    /// The first row that each run may have given.
    pub first: HashMap<RunId, u64>,
    pub next_change: i64,
    /// Both as this start wrote them down.
    noted: (u64, i64),
    pub seen: HashMap<RunId, RoaringBitmap>,
    pub slices: HashMap<(RunId, String), RoaringBitmap>,
    /// Whether a source has open entries in the quarantine.
    pub held: HashMap<String, bool>,
    /// Rejects of a run and reason whose raw bytes were to be kept so far.
    pub raw_kept: HashMap<(RunId, String), i64>,
    /// Runs of which a page could not be committed, and why: no page behind it is, until they begin again.
    pub broken: HashMap<RunId, StateError>,
    /// What ended the transaction at hand: nothing more is done in it.
    fault: Option<StateError>,
}

/// Most orders of one transaction.
const GROUP: usize = 128;
/// How long readers are waited for when the log is emptied.
const PATIENCE: Duration = Duration::from_secs(1);

impl Core {
    pub(super) fn open(path: &Path) -> Result<Self, StateError> {
        let connection = reader::connection(path, OpenFlags::default())?;
        tables::prepare(&connection)?;
        let most = |sql: &str| {
            let found = connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).optional();
            found.map(|most| most.flatten().unwrap_or(0))
        };
        // Rows are remembered in seen sets, and changes by the index: numbers of rows that are deleted are not given again.
        let row = most("SELECT max(n) FROM known")?.max(most("SELECT value FROM meta WHERE key = 'row'")?);
        let change = most("SELECT max(change) FROM offers")?
            .max(most("SELECT max(change) FROM removed")?)
            .max(most("SELECT value FROM meta WHERE key = 'change'")?);
        let (next_row, next_change) = (row as u64 + 1, change + 1);
        Ok(Core {
            next_row,
            next_change,
            noted: (0, 0),
            connection,
            folder: path.parent().unwrap_or(Path::new(".")).to_owned(),
            flying: HashMap::new(),
            rows: HashMap::new(),
            first: HashMap::new(),
            seen: HashMap::new(),
            slices: HashMap::new(),
            held: HashMap::new(),
            raw_kept: HashMap::new(),
            broken: HashMap::new(),
            fault: None,
        })
    }

    /// Writes down the highest numbers that were given, when they rose.
    fn note_numbers(&mut self) -> Result<(), StateError> {
        let now = (self.next_row, self.next_change);
        if self.noted != now {
            self.connection
                .prepare_cached("INSERT OR REPLACE INTO meta VALUES('row', ?1), ('change', ?2)")?
                .execute(params![now.0 as i64 - 1, now.1 - 1])?;
            self.noted = now;
        }
        Ok(())
    }

    /// Does the work of an order: all of it, or nothing. After a fault of the transaction it is not even begun.
    pub(super) fn whole<T>(&mut self, work: impl FnOnce(&mut Core) -> Result<T, StateError>) -> Result<T, StateError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        self.statement("SAVEPOINT whole")?;
        let done = work(self);
        if self.connection.is_autocommit() {
            // SQLite has given the transaction up by itself, as on a full disk: what others wrote in it is gone too.
            self.fault = Some(done.as_ref().err().cloned().unwrap_or(StateError::Closed));
        } else {
            let undone = if done.is_err() { self.statement("ROLLBACK TO whole") } else { Ok(()) };
            self.fault = undone.and_then(|()| self.statement("RELEASE whole")).err();
        }
        self.fault.clone().map_or(done, Err)
    }

    fn statement(&self, sql: &str) -> Result<(), StateError> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// Takes all orders that wait into one transaction, until nobody asks any more.
    pub(super) fn work(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(first) = orders.blocking_recv() {
            let mut answers = Vec::new();
            self.fault = self.connection.execute_batch("BEGIN IMMEDIATE").err().map(StateError::from);
            let mut next = Some(first);
            while let Some(order) = next {
                match order {
                    Order::Admit(admit, done) => {
                        let _ = done.send(self.fault.clone().map_or_else(|| self.admit(&admit), Err));
                    }
                    Order::Work(work) => answers.push(work(&mut self)),
                }
                next = if answers.len() < GROUP { orders.try_recv().ok() } else { None };
            }
            if !answers.is_empty() {
                crash::point("in_transaction");
            }
            let fault = self.end(!answers.is_empty()).err();
            let failed = fault.is_some();
            answers.into_iter().for_each(|answer| answer(fault.clone()));
            if failed {
                // What is in memory no longer equals the file: the next start reads it again.
                return;
            }
        }
        self.empty_log();
    }

    /// Takes the log of SQLite into the file and empties it, so that the file alone is the state. One that a reader still
    /// needs stays: it is taken over by the next start.
    fn empty_log(&self) {
        let emptied = self
            .connection
            .busy_timeout(PATIENCE)
            .and_then(|()| self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
        // All that was acknowledged is in the log.
        let _ = emptied;
    }

    /// Commits, unless there was a fault: that is what callers are told.
    fn end(&mut self, worked: bool) -> Result<(), StateError> {
        let noted = match self.fault.take() {
            Some(fault) => Err(fault),
            // Numbers that only admissions took so far are in nothing that is written.
            None if worked => self.note_numbers(),
            None => Ok(()),
        };
        let ended = noted.and_then(|()| Ok(self.connection.execute_batch("COMMIT")?));
        if ended.is_err() && !self.connection.is_autocommit() {
            // The fault that made it necessary is what callers are told.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        ended
    }
}
