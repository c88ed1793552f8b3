//! One run of one plan: slices, pages, commits.
mod ask;
mod detail;
mod ground;
mod large;
mod page;
mod partitions;
mod pool;
mod preview;
mod replay;
mod slice;
mod slices;
mod writing;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use chrono::{DateTime, Utc};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::archive::Archive;
use crate::crash;
use crate::event::{Counts, Event, EventKind, Outcome, RunId, RunKind, SliceEnd};
use crate::fetch::{Fetch, FetchError};
use crate::files::{Appender, FileError};
use crate::paginate::Stop;
use crate::plan::{Plan, Window};
use crate::sink::files::Files;
use crate::state::words::{Ended, NewRun, Slice, SliceState};
use crate::state::{Claim, State, StateError};
use slices::NoSlice;
use writing::Handed;

pub use pool::Pool;
pub use preview::{Preview, PreviewError, preview};
pub use replay::{Again, replay};

/// What all runs share.
pub struct Engine {
    /// The edge to the sites.
    pub fetch: Arc<Fetch>,
    /// The state.
    pub state: State,
    /// Folder of the archive.
    pub archive: PathBuf,
    /// Appends to files.
    pub appender: Appender,
    /// Threads that decode and map.
    pub pool: Arc<Pool>,
    /// Told everything.
    pub events: mpsc::UnboundedSender<Event>,
    /// The project's folder: files that `for` names are relative to it.
    pub project: PathBuf,
    /// Memory for bodies in flight, in bytes: [`BUDGET`] for all runs.
    pub bytes: Arc<Semaphore>,
    /// Set by Ctrl-C: runs end cleanly.
    pub stop: Arc<AtomicBool>,
}

impl Engine {
    /// Opens a data directory and starts what runs share. `archive` is the archive's folder, `project` the project's.
    pub fn start(
        data: &Path,
        archive: PathBuf,
        project: &Path,
        events: mpsc::UnboundedSender<Event>,
    ) -> Result<Self, RunError> {
        Ok(Engine {
            state: State::open(data)?,
            fetch: Arc::new(Fetch::new(Some(data))?),
            archive,
            appender: Appender::start(),
            pool: Arc::new(Pool::start()),
            events,
            project: project.to_owned(),
            bytes: Arc::new(Semaphore::new(BUDGET)),
            stop: Arc::new(AtomicBool::new(false)),
        })
    }
}

/// Bytes of bodies in flight, for all runs: this is what holds fetching back.
pub const BUDGET: usize = 16 << 20;

/// Pages of all slices that wait to be written.
const WAITING: usize = 4;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its number.
    pub run: RunId,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, unless complete.
    pub cause: Option<String>,
    /// Its numbers.
    pub counts: Counts,
}

/// A run could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The state.
    #[error(transparent)]
    State(#[from] StateError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The network.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A task of ours ended without an answer.
    #[error("a part of the run ended without an answer: {0}")]
    Lost(String),
}

/// What the slices of a run share.
struct Shared {
    plan: Arc<Plan>,
    engine: Arc<Engine>,
    run: RunId,
    claim: Claim,
    archive: Archive,
    /// Takes the pages of all slices, in one order; nothing ends it.
    writer: mpsc::Sender<Option<Handed>>,
    /// Pages in flight.
    flight: Arc<Semaphore>,
    /// Whether `stop: known` may fire.
    known: bool,
    /// Bytes of the largest page so far.
    typical: AtomicU32,
    /// Detail calls that failed in a row.
    failures: AtomicU32,
}

impl Shared {
    fn emit(&self, kind: EventKind) {
        let event = Event { at: Utc::now(), run: self.run, source: self.plan.source.clone(), kind };
        // Nobody listens any more: the facts are in the journal all the same.
        let _ = self.engine.events.send(event);
    }

    fn stopped(&self) -> bool {
        self.engine.stop.load(Ordering::Relaxed)
    }
}

/// How a slice came back.
enum Back {
    Ended(SliceEnd),
    /// Two halves take its place.
    Split(Vec<Slice>),
    /// Left where it stands.
    Stopped,
    /// Nothing more can be read: a refused credential.
    Refused(String),
}

/// Runs a plan: the unfinished run goes on, or a new one begins.
pub async fn run(
    plan: Arc<Plan>,
    engine: Arc<Engine>,
    now: DateTime<Utc>,
    span: Option<Window>,
) -> Result<Summary, RunError> {
    let began = Instant::now();
    let claim = engine.state.claim(&plan.source, now).await?;
    engine.fetch.restore(engine.state.quotas().await?).await;
    let kind = kind(&plan, &engine.state, now, span).await?;
    let begun = engine.state.begin_run(new_run(&plan, kind, now, span)).await?;
    let (archive, torn) = Archive::open(&engine.archive, &plan.source, engine.appender.clone())?;
    let files = plan.files.as_ref();
    let files = files.map(|dir| Files::new(engine.state.dir(), dir, &plan.source, begun.run, engine.appender.clone()));
    let torn_log = match &files {
        Some(files) => files.cut(&engine.state.marks().await?)?,
        None => 0,
    };
    let (writer, handed) = mpsc::channel(WAITING);
    let shared = Arc::new(Shared {
        flight: Arc::new(Semaphore::new(plan.call.limits.parallel)),
        known: begun.last_complete && kind == RunKind::Ordinary,
        typical: AtomicU32::new(64 << 10),
        failures: AtomicU32::new(0),
        run: begun.run,
        plan,
        engine,
        claim,
        archive,
        writer,
    });
    let writing = tokio::spawn(writing::write(shared.clone(), files, handed));
    let later = shared.plan.later();
    shared.emit(EventKind::RunStarted { kind, now: begun.now, resumed: begun.resumed, later });
    if torn > 0 {
        shared.emit(EventKind::Warned { message: format!("{torn} bytes of a torn record were cut off the archive") });
    }
    if torn_log > 0 {
        let message = format!("{torn_log} bytes that were not committed were cut off the change log");
        shared.emit(EventKind::Warned { message });
    }
    let slices = slices::Slices::new(shared.plan.clone(), kind, begun.now, span, begun.slices);
    let ended = all(&shared, slices).await;
    // Where it has ended by itself, its own error is the one to tell.
    let _ = shared.writer.send(None).await;
    writing.await.map_err(|error| RunError::Lost(error.to_string()))??;
    shared.engine.state.put_quotas(shared.engine.fetch.spent().await).await?;
    let (outcome, cause) = ended?;
    let ended = Ended { run: shared.run, outcome, cause: cause.clone(), at: Utc::now() };
    let counts = shared.engine.state.end_run(ended).await?;
    let seconds = began.elapsed().as_secs_f64();
    shared.emit(EventKind::RunEnded { outcome, cause: cause.clone(), counts, seconds });
    Ok(Summary { run: shared.run, outcome, cause, counts })
}

fn new_run(plan: &Plan, kind: RunKind, now: DateTime<Utc>, span: Option<Window>) -> NewRun {
    NewRun {
        source: plan.source.clone(),
        pipeline: plan.pipeline.clone(),
        kind,
        ask: plan.ask.clone(),
        meaning: plan.meaning.clone(),
        now,
        span,
        origins: plan.home.clone(),
        texts: plan.texts.clone(),
    }
}

/// Which kind of run is due.
async fn kind(plan: &Plan, state: &State, now: DateTime<Utc>, span: Option<Window>) -> Result<RunKind, StateError> {
    if span.is_some() {
        return Ok(RunKind::Backfill);
    }
    let partial = plan.windows.is_some() || plan.call.pages.stop() == Some(Stop::Known);
    match plan.sweep {
        None if partial => Ok(RunKind::Ordinary),
        None => Ok(RunKind::Sweep),
        Some(every) => {
            let last = state.last_sweep(&plan.source, &plan.ask).await?;
            Ok(if last.is_none_or(|last| last + every.delta() <= now) { RunKind::Sweep } else { RunKind::Ordinary })
        }
    }
}

/// Reads all slices, as many at a time as pages may be in flight.
async fn all(shared: &Arc<Shared>, mut slices: slices::Slices) -> Result<(Outcome, Option<String>), RunError> {
    let mut tasks: JoinSet<Result<(Slice, Back), RunError>> = JoinSet::new();
    let mut halves: VecDeque<Slice> = VecDeque::new();
    let mut tally = Tally::default();
    loop {
        while tasks.len() < shared.plan.call.limits.parallel && !shared.stopped() && tally.refused.is_none() {
            let next = match halves.pop_front() {
                Some(half) => Some(half),
                None => match slices.next(shared).await {
                    Ok(next) => next,
                    Err(NoSlice::State(error)) => return Err(error.into()),
                    Err(NoSlice::Values(error)) => {
                        tally.refused = Some(error.to_string());
                        None
                    }
                },
            };
            let Some(slice) = next else { break };
            let shared = shared.clone();
            tasks.spawn(async move { slice::read(shared, slice).await });
        }
        let Some(done) = tasks.join_next().await else { break };
        let (slice, back) = done.map_err(|error| RunError::Lost(error.to_string()))??;
        match back {
            Back::Split(parts) => {
                shared.emit(ended(&slice, SliceEnd::Split));
                halves.extend(parts);
            }
            Back::Stopped => tally.stopped = true,
            Back::Refused(why) => tally.refused = Some(why),
            Back::Ended(end) => {
                finish(shared, slice, &end).await?;
                tally.add(end);
            }
        }
    }
    Ok(tally.outcome(shared.plan.call.skip_share(), shared.stopped()))
}

async fn finish(shared: &Shared, mut slice: Slice, end: &SliceEnd) -> Result<(), RunError> {
    slice.state = SliceState::Ended(end.clone());
    shared.engine.state.put_slice(shared.run, slice.clone()).await?;
    if let (SliceEnd::Complete(_), Some(window)) = (end, slice.window) {
        shared.engine.state.cover(&shared.plan.source, &shared.plan.ask, &slice.partition, window).await?;
    }
    crash::point("slice_ended");
    shared.emit(ended(&slice, end.clone()));
    Ok(())
}

fn ended(slice: &Slice, end: SliceEnd) -> EventKind {
    EventKind::SliceEnded { slice: slice.slice.clone(), end, total: slice.total, keys: slice.keys }
}

/// How slices ended.
#[derive(Default)]
struct Tally {
    complete: u64,
    skipped: u64,
    others: Vec<String>,
    failed: u64,
    stopped: bool,
    refused: Option<String>,
}

impl Tally {
    fn add(&mut self, end: SliceEnd) {
        match end {
            SliceEnd::Complete(_) | SliceEnd::Split => self.complete += 1,
            SliceEnd::Skipped(why) => {
                self.skipped += 1;
                self.others.push(why);
            }
            SliceEnd::Partial(why) => self.others.push(why),
            SliceEnd::Failed(why) => {
                self.failed += 1;
                self.others.push(why);
            }
        }
    }

    fn outcome(self, share: Option<f64>, stopped: bool) -> (Outcome, Option<String>) {
        let slices = self.complete + self.others.len() as u64;
        if let Some(why) = self.refused {
            return (Outcome::Failed, Some(why));
        }
        if self.stopped || stopped {
            return (Outcome::Stopped, Some("interrupted".into()));
        }
        if slices > 20 && share.is_some_and(|share| self.skipped as f64 > share * slices as f64) {
            return (Outcome::Failed, Some(format!("{} of {slices} slices were skipped", self.skipped)));
        }
        let cause = self.others.first().map(|why| match self.others.len() {
            1 => why.clone(),
            more => format!("{why} (and {} more slices)", more - 1),
        });
        match cause {
            None => (Outcome::Complete, None),
            Some(why) if self.complete == 0 && self.failed > 0 => (Outcome::Failed, Some(why)),
            Some(why) => (Outcome::Partial, Some(why)),
        }
    }
}
