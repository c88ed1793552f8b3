//! One run of one plan: slices, pages, commits.
mod all;
mod ask;
mod closing;
mod detail;
mod ended;
mod error;
mod expect;
mod ground;
mod judge;
mod large;
mod mapping;
mod mend;
mod page;
mod pager;
mod part;
mod partitions;
mod permits;
mod pool;
mod preview;
mod queue;
mod replay;
mod slice;
mod slices;
mod taking;
mod told;
mod unreadable;
mod writing;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::{Semaphore, mpsc};

use crate::archive::Archive;
use crate::event::{Counts, Event, EventKind, Outcome, RunId, RunKind, SliceEnd};
use crate::fetch::Fetch;
use crate::files::Appender;
use crate::offer::Closed;
use crate::paginate::Stop;
use crate::plan::{Plan, Window};
use crate::sink::files::Files;
use crate::state::words::{NewRun, Slice};
use crate::state::{Claim, State, StateError};
use crate::store::remote;
use crate::store::target::{Copying, RunContext, Target};
use ended::{End, finished};
use queue::Queue;
use writing::Handed;

pub use closing::Closes;
pub use error::RunError;
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
    /// Set by Ctrl-C: whatever runs ends cleanly, and soon.
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
            pool: Arc::new(Pool::start()?),
            events,
            project: project.to_owned(),
            bytes: Arc::new(Semaphore::new(BUDGET)),
            stop: Arc::new(AtomicBool::new(false)),
        })
    }
}

/// Bytes of bodies in flight, for all runs: this is what holds fetching back.
pub const BUDGET: usize = 16 << 20;

/// What a run reads.
#[derive(Clone, Copy, Debug)]
pub enum Asked {
    /// What is due: a sweep, or what is new.
    Due,
    /// These windows.
    Span(Window),
    /// The whole, though no sweep is due.
    Sweep,
}

impl Asked {
    fn span(self) -> Option<Window> {
        match self {
            Asked::Span(window) => Some(window),
            Asked::Due | Asked::Sweep => None,
        }
    }
}

impl From<Option<Window>> for Asked {
    fn from(span: Option<Window>) -> Self {
        span.map_or(Asked::Due, Asked::Span)
    }
}

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

/// What the slices of a run share.
struct Shared {
    plan: Arc<Plan>,
    engine: Arc<Engine>,
    /// Where its offers are stored.
    target: Arc<Target>,
    run: RunId,
    /// The run's own time.
    now: DateTime<Utc>,
    claim: Claim,
    archive: Archive,
    /// Takes the pages of all slices, in one order.
    queue: Queue,
    /// Pages in flight.
    flight: Arc<Semaphore>,
    /// Whether `stop: known` may fire.
    known: bool,
    /// Bytes of the largest page so far.
    typical: AtomicU32,
    /// Detail calls that failed in a row.
    failures: AtomicU32,
    /// Detail calls that failed.
    failed_details: AtomicU32,
    /// The name of a cookie that an answer set.
    cookie: std::sync::OnceLock<String>,
}

impl Shared {
    fn emit(&self, kind: EventKind) {
        // Nobody listens any more: the facts are in the journal all the same.
        let _ = self.engine.events.send(Event::new(Utc::now(), (self.run, &self.plan.source), kind));
    }

    fn stopped(&self) -> bool {
        self.engine.stop.load(Ordering::Relaxed)
    }

    /// Brings the store to the schema of the plan, beside the run; compared with what is known first, when asked to.
    async fn prepare(&self, brought: Option<String>, compared: bool) -> Result<Copying, RunError> {
        Ok(self.target.prepare(self.claim.strange, compared, brought.as_deref()).await?)
    }

    /// Waits for Ctrl-C, as long as it takes.
    async fn stops(&self) {
        while !self.stopped() {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// How often whoever waits for a site looks whether the run is to end.
const LOOK: Duration = Duration::from_millis(100);

/// How a run ends that is interrupted.
fn interrupted() -> (Outcome, Option<String>) {
    (Outcome::Stopped, Some("interrupted".into()))
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

/// A run that has begun: what its slices share, its change log, and what waits to be written.
struct Begin {
    shared: Arc<Shared>,
    files: Option<Files>,
    handed: mpsc::Receiver<Option<Handed>>,
    slices: Vec<Slice>,
    /// What the last owner of the source asked: it brought what the store holds and nobody here knows.
    brought: Option<String>,
    began: Instant,
}

/// Takes the claim, begins the run (or goes on with it), and cuts what was not committed off its files.
async fn begin(
    plan: Arc<Plan>,
    engine: Arc<Engine>,
    now: DateTime<Utc>,
    kind: RunKind,
    span: Option<Window>,
) -> Result<Begin, RunError> {
    let began = Instant::now();
    let floor = now.timestamp().max(1) as u64;
    let opened = remote::open(&plan, context(&engine, &plan), floor).await?;
    engine.fetch.restore(engine.state.quotas().await?).await;
    let begun = engine.state.begin_run(new_run(&plan, kind, now, span)).await?;
    let (archive, torn) = Archive::open(&engine.archive, &plan.source, engine.appender.clone())?;
    let archive = archive.keeping(plan.call.headers_read());
    let files = plan.files.as_ref();
    let files = files.map(|dir| Files::new(engine.state.dir(), dir, &plan.source, begun.run, engine.appender.clone()));
    let torn_log = match &files {
        Some(files) => files.cut(&engine.state.marks().await?)?,
        None => 0,
    };
    let (queue, handed) = Queue::new();
    let (target, claim, brought) = opened.of_run(begun.run);
    let shared = Arc::new(Shared {
        flight: Arc::new(Semaphore::new(plan.call.limits.parallel)),
        known: begun.last_complete && kind == RunKind::Ordinary,
        typical: AtomicU32::new(64 << 10),
        failures: AtomicU32::new(0),
        failed_details: AtomicU32::new(0),
        cookie: std::sync::OnceLock::new(),
        target: Arc::new(target),
        run: begun.run,
        now: begun.now,
        plan,
        engine,
        claim,
        archive,
        queue,
    });
    shared.emit(EventKind::RunStarted { kind, now: begun.now, resumed: begun.resumed });
    for message in shared.target.notices() {
        shared.emit(EventKind::Warned { message: message.clone() });
    }
    if torn > 0 {
        shared.emit(EventKind::Warned { message: format!("{torn} bytes of a torn record were cut off the archive") });
    }
    if torn_log > 0 {
        let message = format!("{torn_log} bytes that were not committed were cut off the change log");
        shared.emit(EventKind::Warned { message });
    }
    Ok(Begin { shared, files, handed, slices: begun.slices, brought, began })
}

/// Runs a plan: the unfinished run goes on, or a new one begins.
pub async fn run(
    plan: Arc<Plan>,
    engine: Arc<Engine>,
    now: DateTime<Utc>,
    asked: impl Into<Asked>,
) -> Result<Summary, RunError> {
    let asked = asked.into();
    let span = asked.span();
    replace_legacy(&engine, &plan).await?;
    let kind = kind(&plan, &engine.state, now, asked).await?;
    let Begin { shared, files, handed, slices, brought, began } = begin(plan, engine, now, kind, span).await?;
    let copying = shared.prepare(brought, kind == RunKind::Sweep).await?;
    let writing = tokio::spawn(writing::write(shared.clone(), files, handed));
    let tally = all::Tally::of(&slices);
    let slices = slices::Slices::new(shared.plan.clone(), kind, shared.now, span, slices);
    let ended = all::all(&shared, slices, tally).await;
    shared.queue.end().await;
    let files = writing.await.map_err(|error| RunError::Lost(error.to_string()))??;
    copying.done().await?;
    shared.engine.state.put_quotas(shared.engine.fetch.spent().await).await?;
    let (read, why, gone) = ended?;
    if matches!(read, Outcome::Complete | Outcome::Partial) {
        // Closed offers are written whole: what they are made of is read back from the store.
        mend::look(&shared).await?;
    }
    let ending = closing::Ending { kind, outcome: read, gone: &gone };
    let judged = closing::end(&shared, files.as_ref(), ending).await?;
    let end = End::of(&shared, (read, why), judged);
    finished(&shared, end, began).await
}

/// Closes offers without asking the site.
pub async fn close(
    plan: Arc<Plan>,
    engine: Arc<Engine>,
    now: DateTime<Utc>,
    which: Closes,
) -> Result<Summary, RunError> {
    replace_legacy(&engine, &plan).await?;
    let Begin { shared, files, brought, began, .. } =
        begin(plan, engine, now, RunKind::Close, Some((now, now))).await?;
    let copying = shared.prepare(brought, false).await?;
    match which {
        Closes::Held => closing::not_seen(&shared, files.as_ref(), true).await?,
        Closes::OlderAsk | Closes::Everything => {
            let other = (which == Closes::OlderAsk).then_some(shared.plan.fingerprints.request.as_str());
            let rows = shared.engine.state.open_rows(&shared.plan.source, None, other).await?;
            closing::close(&shared, files.as_ref(), &rows, Closed::NotSeen).await?;
            if which == Closes::Everything {
                shared.engine.state.hold(&shared.plan.source, None).await?;
            }
        }
    }
    shared.engine.state.forget_dry(&shared.plan.source).await?;
    copying.done().await?;
    let end = if shared.stopped() { interrupted() } else { (Outcome::Complete, None) };
    finished(&shared, end.into(), began).await
}

/// What the store needs of a run that has no number yet.
fn context(engine: &Engine, plan: &Plan) -> RunContext {
    RunContext {
        state: engine.state.clone(),
        events: engine.events.clone(),
        stop: engine.stop.clone(),
        source: plan.source.clone(),
        request: plan.fingerprints.request.clone(),
        run: 0,
    }
}

fn new_run(plan: &Plan, kind: RunKind, now: DateTime<Utc>, span: Option<Window>) -> NewRun {
    NewRun {
        source: plan.source.clone(),
        pipeline: plan.pipeline.clone(),
        kind,
        ask: plan.fingerprints.request.clone(),
        meaning: plan.fingerprints.mapping.clone(),
        now,
        span,
        origins: plan.home.clone(),
        texts: plan.texts.clone(),
    }
}

/// What a program before this one wrote down of the plan is what this one would have written.
async fn replace_legacy(engine: &Engine, plan: &Plan) -> Result<(), StateError> {
    engine.state.replace_legacy(&plan.source, &plan.legacy, &plan.fingerprints).await
}

/// Which kind of run is due.
async fn kind(plan: &Plan, state: &State, now: DateTime<Utc>, asked: Asked) -> Result<RunKind, StateError> {
    match asked {
        Asked::Due => {}
        Asked::Span(_) => return Ok(RunKind::Backfill),
        Asked::Sweep => return Ok(RunKind::Sweep),
    }
    let partial = plan.windows.is_some() || plan.call.pages.stop().contains(&Stop::Known);
    match plan.sweep {
        None if partial => Ok(RunKind::Ordinary),
        None => Ok(RunKind::Sweep),
        Some(every) => {
            let last = state.last_sweep(&plan.source, &plan.fingerprints.request).await?;
            Ok(if last.is_none_or(|last| last + every.delta() <= now) { RunKind::Sweep } else { RunKind::Ordinary })
        }
    }
}
