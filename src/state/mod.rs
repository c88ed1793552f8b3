//! The state of a data directory: one SQLite file, one writing thread, one transaction for all pages that wait.
mod absent;
mod admit;
mod claims;
mod closings;
mod column;
mod commit;
mod core;
mod audit;
mod copy;
mod fault;
mod holding;
mod legacy;
mod lock;
mod lost;
mod outside;
mod quality;
mod reader;
mod rebuild;
mod retention;
mod rows;
mod runs;
mod sweep;
mod tables;
pub mod words;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};

use self::core::{Core, Order};
use crate::event::Counts;
use crate::fetch::Spend;
use crate::offer::{Closed, OfferId, Version};
use crate::plan::Window;
use crate::position::Position;
use words::{
    Admit, Admitted, Archived, Begun, Close, Closing, Commit, Committed, Compared, Due, Ended, Found, Intent,
    ListedRow, Mark, NewRun, Shown, Slice, Told, Waiting,
};

pub use audit::{Archiving, RunSums};
pub use fault::StateError;
pub use holding::AlertRow;
pub use lost::LostRow;
pub use reader::Reader;
pub(crate) use reader::read_only;
pub use retention::{ClosedRow, Moves, Naming};
pub use rows::{Held, KnownRow, OfferRow, PageRow, RunRow, SourceRow};

/// The state, to be written. Cheap to clone; the last one that goes ends the thread.
#[derive(Clone, Debug)]
pub struct State {
    orders: mpsc::Sender<Order>,
    dir: Arc<PathBuf>,
    // Behind `orders`: a clone gives its orders up before it lets go of the thread.
    _writing: Arc<Writing>,
}

/// The writing thread and the lock of its data directory, which is given up when the file is closed.
#[derive(Debug)]
struct Writing {
    thread: Option<JoinHandle<()>>,
    _lock: File,
}

impl Drop for Writing {
    /// Waits until the file is closed: a process that ended before would leave the log of SQLite beside it.
    fn drop(&mut self) {
        let other = |thread: &JoinHandle<()>| thread.thread().id() != std::thread::current().id();
        if let Some(thread) = self.thread.take().filter(other) {
            // What a thread that panicked did not write was never acknowledged.
            let _ = thread.join();
        }
    }
}

/// Orders that wait for the writing thread.
const WAITING: usize = 256;

impl State {
    /// Opens the state of a data directory, made where it is missing, and takes its lock.
    pub fn open(dir: &Path) -> Result<Self, StateError> {
        let lock = lock::take(dir)?;
        reader::direct(dir)?;
        let core = Core::open(&dir.join("state.db"))?;
        let (orders, waiting) = mpsc::channel(WAITING);
        let thread = std::thread::spawn(move || core.work(waiting));
        let writing = Writing { thread: Some(thread), _lock: lock };
        Ok(State { orders, dir: Arc::new(dir.to_owned()), _writing: Arc::new(writing) })
    }

    /// Whether a process holds a data directory at this moment.
    pub fn is_held(dir: &Path) -> bool {
        lock::is_held(dir)
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Core) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        let (done, answer) = oneshot::channel();
        let order = Order::Work(Box::new(move |core: &mut Core| {
            let result = core.whole(work);
            Box::new(move |fault: Option<StateError>| {
                // A caller that is gone does not need the answer.
                let _ = done.send(fault.map_or(result, Err));
            })
        }));
        self.orders.send(order).await.map_err(|_| StateError::Closed)?;
        answer.await.map_err(|_| StateError::Closed)?
    }

    /// Takes the right to write a source to a store, under a fence above the last one and of at least `floor`. A store
    /// that is `strange` must be looked at, until [`State::settle`] says that it was.
    pub async fn claim(&self, source: &str, store: &str, floor: u64, strange: bool) -> Result<Claim, StateError> {
        let (source, store) = (source.to_owned(), store.to_owned());
        let (fence, strange) = self.ask(move |core| core.claim(&source, &store, floor, strange)).await?;
        Ok(Claim { fence, strange, tickets: AtomicU64::new(0) })
    }

    /// What the store holds was compared with what is known.
    pub async fn settle(&self, source: &str, store: &str) -> Result<(), StateError> {
        let (source, store) = (source.to_owned(), store.to_owned());
        self.ask(move |core| core.settle(&source, &store)).await
    }

    /// The store that was compared last with what is known; empty where a comparison is due.
    pub async fn settled(&self, source: &str) -> Result<String, StateError> {
        let source = source.to_owned();
        self.ask(move |core| core.settled(&source)).await
    }

    /// What the store holds must be compared with what is known.
    pub async fn unsettle(&self, source: &str) -> Result<(), StateError> {
        self.settle(source, claims::UNSETTLED).await
    }

    /// The fence of the last claim of a source, 0 without one, and the name that this data directory has as an owner.
    pub async fn owner(&self, source: &str) -> Result<(u64, String), StateError> {
        let source = source.to_owned();
        self.ask(move |core| core.owner(&source)).await
    }

    /// Fingerprint of what the last run of a source asked its site.
    pub async fn last_ask(&self, source: &str) -> Result<String, StateError> {
        let source = source.to_owned();
        self.ask(move |core| core.last_ask(&source)).await
    }

    /// Offers of a source wait for the store; `None` when they do not any more.
    pub async fn waits(&self, source: &str, waiting: Option<Waiting>) -> Result<(), StateError> {
        let source = source.to_owned();
        self.ask(move |core| core.waits(&source, waiting.as_ref())).await
    }

    /// Begins a run, or goes on with an unfinished one.
    pub async fn begin_run(&self, run: NewRun) -> Result<Begun, StateError> {
        self.ask(move |core| core.begin_run(&run)).await
    }

    /// Writes a slice down.
    pub async fn put_slice(&self, run: i64, slice: Slice) -> Result<(), StateError> {
        self.ask(move |core| core.put_slice(run, &slice)).await
    }

    /// What to do with the records of a page. Answered at once; nothing is durable yet.
    pub async fn admit(&self, admit: Arc<Admit>) -> Result<Admitted, StateError> {
        let (done, answer) = oneshot::channel();
        self.orders.send(Order::Admit(admit, done)).await.map_err(|_| StateError::Closed)?;
        answer.await.map_err(|_| StateError::Closed)?
    }

    /// Hands a page over to be committed: pages are committed in the order in which they are handed over.
    pub async fn commit(&self, commit: Commit) -> Result<Pending, StateError> {
        let (done, answer) = oneshot::channel();
        let order = Order::Work(Box::new(move |core: &mut Core| {
            let result = core.whole(|core| core.commit(&commit));
            Box::new(move |fault: Option<StateError>| {
                let _ = done.send(fault.map_or(result, Err));
            })
        }));
        self.orders.send(order).await.map_err(|_| StateError::Closed)?;
        Ok(Pending { answer })
    }

    /// A window that was read without a gap.
    pub async fn cover(&self, source: &str, ask: &str, partition: &str, window: Window) -> Result<(), StateError> {
        let (source, ask, partition) = (source.to_owned(), ask.to_owned(), partition.to_owned());
        self.ask(move |core| core.cover(&source, &ask, &partition, window)).await
    }

    /// The end of the coverage without a gap that `begin` lies in; `None` when it lies in none. A backfill of other
    /// windows is no reason to leave out what lies between.
    pub async fn covered(
        &self,
        source: &str,
        ask: &str,
        partition: &str,
        begin: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StateError> {
        let (source, ask, partition) = (source.to_owned(), ask.to_owned(), partition.to_owned());
        self.ask(move |core| core.covered(&source, &ask, &partition, begin)).await
    }

    /// When the last complete sweep under this request began.
    pub async fn last_sweep(&self, source: &str, ask: &str) -> Result<Option<DateTime<Utc>>, StateError> {
        let (source, ask) = (source.to_owned(), ask.to_owned());
        self.ask(move |core| core.last_sweep(&source, &ask)).await
    }

    /// Ends a run; its record with the sum of its pages.
    pub async fn end_run(&self, ended: Ended) -> Result<crate::event::Counts, StateError> {
        self.ask(move |core| core.end_run(&ended)).await
    }

    /// Writes down what broke off the unfinished run of a source; the next run goes on with it, and forgets it.
    pub async fn note_failure(&self, source: &str, cause: &str) -> Result<(), StateError> {
        let (source, cause) = (source.to_owned(), cause.to_owned());
        self.ask(move |core| core.note_failure(&source, &cause)).await
    }

    /// What is known of the listed forms of offers, in order.
    pub async fn listed(&self, ids: Vec<OfferId>) -> Result<Vec<Option<ListedRow>>, StateError> {
        self.ask(move |core| ids.iter().map(|id| core.listed(id)).collect()).await
    }

    /// Where the page at a position of a slice is archived, when a part of it is committed; `again` for the page of a
    /// second reading.
    pub async fn archived(
        &self,
        run: i64,
        slice: &str,
        position: &Position,
        again: bool,
    ) -> Result<Vec<Archived>, StateError> {
        let (slice, position) = (slice.to_owned(), column::json(position)?);
        self.ask(move |core| core.archived(run, &slice, &position, again)).await
    }

    /// Writes down the partitions that a sweep read whole; how many.
    pub async fn end_sweep(&self, run: i64) -> Result<usize, StateError> {
        self.ask(move |core| core.end_sweep(run)).await
    }

    /// Open offers that were absent long enough.
    pub async fn due(&self, due: Due) -> Result<Found, StateError> {
        self.ask(move |core| core.due(&due)).await
    }

    /// Rows of open offers: of a partition, or of any request but one.
    pub async fn open_rows(
        &self,
        source: &str,
        partition: Option<&str>,
        other_than: Option<&str>,
    ) -> Result<Vec<u64>, StateError> {
        let (source, partition, other) =
            (source.to_owned(), partition.map(str::to_owned), other_than.map(str::to_owned));
        self.ask(move |core| core.open_rows(&source, partition.as_deref(), other.as_deref())).await
    }

    /// The start of the oldest window that brought an open offer.
    pub async fn oldest(&self, source: &str, ask: &str) -> Result<Option<DateTime<Utc>>, StateError> {
        let (source, ask) = (source.to_owned(), ask.to_owned());
        self.ask(move |core| core.oldest(&source, &ask)).await
    }

    /// What is to be written for offers that are closed; those that are closed already are left out.
    pub async fn closings(&self, rows: Vec<u64>, reason: Closed) -> Result<Vec<Closing>, StateError> {
        let due: Vec<(u64, Closed)> = rows.into_iter().map(|row| (row, reason)).collect();
        self.ask(move |core| Ok(core.closings(&due)?.into_iter().flatten().collect())).await
    }

    /// Closes offers in one transaction.
    pub async fn close(&self, close: Close) -> Result<Counts, StateError> {
        self.ask(move |core| core.close(&close)).await
    }

    /// Distinct keys of each partition of a run.
    pub async fn keys_of(&self, run: i64) -> Result<Vec<(String, u64)>, StateError> {
        self.ask(move |core| core.keys_of(run)).await
    }

    /// What a run showed of each partition that it asked for, beside what is open of them.
    pub async fn shown(&self, run: i64, source: &str, ask: &str) -> Result<Vec<Shown>, StateError> {
        let (source, ask) = (source.to_owned(), ask.to_owned());
        self.ask(move |core| core.shown(run, &source, &ask)).await
    }

    /// The shares of a source's fields when they were last looked at, replaced by those of now.
    pub async fn shares(&self, source: &str, now: BTreeMap<String, f64>) -> Result<BTreeMap<String, f64>, StateError> {
        let source = source.to_owned();
        self.ask(move |core| core.shares(&source, &now)).await
    }

    /// Compares what a store outside says of offers with what is known. `ask` is what brought those that are not known at
    /// all.
    pub async fn reconcile(&self, source: &str, ask: Option<&str>, outside: Vec<Told>) -> Result<Compared, StateError> {
        let (source, ask) = (source.to_owned(), ask.map(str::to_owned));
        self.ask(move |core| core.reconcile(&source, ask.as_deref(), &outside)).await
    }

    /// What was stored and is not among these rows is lost; how many that is new of.
    pub async fn lost(&self, source: &str, rows: roaring::RoaringBitmap) -> Result<u64, StateError> {
        let source = source.to_owned();
        self.ask(move |core| core.lost(&source, &rows)).await
    }

    /// Before a request to a store outside leaves: what it was last told of these offers is not known any more.
    pub async fn intent(&self, intent: Vec<Intent>) -> Result<(), StateError> {
        self.ask(move |core| core.intent(&intent)).await
    }

    /// What is spent of quotas, as it was committed.
    pub async fn quotas(&self) -> Result<Vec<Spend>, StateError> {
        self.ask(|core| core.quotas()).await
    }

    /// Writes down what is spent of quotas, for requests that brought no page.
    pub async fn put_quotas(&self, quotas: Vec<Spend>) -> Result<(), StateError> {
        self.ask(move |core| core.put_quotas(&quotas)).await
    }

    /// Files of sinks and how far they are true.
    pub async fn marks(&self) -> Result<Vec<Mark>, StateError> {
        self.ask(|core| Ok(rows::marks(&core.connection)?)).await
    }

    /// Takes entries of the quarantine out of it.
    pub async fn drop_held(&self, numbers: Vec<i64>) -> Result<usize, StateError> {
        self.ask(move |core| core.drop_held(&numbers)).await
    }
}

/// A page that was handed over.
#[derive(Debug)]
pub struct Pending {
    answer: oneshot::Receiver<Result<Committed, StateError>>,
}

impl Pending {
    /// Waits until it is on the disk.
    pub async fn done(self) -> Result<Committed, StateError> {
        self.answer.await.map_err(|_| StateError::Closed)?
    }
}

/// The right to write a source.
#[derive(Debug)]
pub struct Claim {
    /// Rises with each claim of the source.
    pub fence: u64,
    /// Whether the store may hold what is not known here, or lack what is: it must be looked at.
    pub strange: bool,
    tickets: AtomicU64,
}

impl Claim {
    /// The version of the next page.
    pub fn ticket(&self) -> Version {
        Version::new(self.fence, self.tickets.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
