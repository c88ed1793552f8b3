//! `run`: sources read into the store, with what all commands share that work on it.
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, bail};
use chrono::{DateTime, Datelike, Utc};
use indicatif::ProgressBar;
use jobmarket::board::Board;
use jobmarket::convert::instant_of;
use jobmarket::event::{Event, EventKind, Outcome};
use jobmarket::plan::{Plan, Window};
use jobmarket::report;
use jobmarket::run::{Engine, RunError, run as run_plan};
use jobmarket::store::local::Follower;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::Place;
use crate::commands::plans::{Planned, Wanted, plans};
use crate::out;
use crate::project::Project;

/// Flags of `run`.
#[derive(clap::Args)]
pub struct Run {
    /// Sources; all of all pipelines when none is named.
    sources: Vec<String>,
    /// Reads windows from this date on, instead of those that the state asks for.
    #[arg(long, requires = "to")]
    from: Option<String>,
    /// Up to this date.
    #[arg(long, requires = "from")]
    to: Option<String>,
    /// Requests for A go to B, which counts as A.
    #[arg(long, value_name = "A=B")]
    origin: Vec<String>,
    /// Runs a source that is switched off, with its site's consent.
    #[arg(long, value_name = "NAME")]
    enable: Vec<String>,
    /// Log lines instead of progress: text, or json with one event a line.
    #[arg(long, value_name = "KIND")]
    log: Option<Log>,
}

/// How events are shown.
#[derive(Clone, Copy, clap::ValueEnum, PartialEq)]
pub enum Log {
    /// For a person.
    Text,
    /// One event a line.
    Json,
}

impl Log {
    /// What was asked for; `--json` asks for events.
    pub fn of(asked: Option<Log>, place: &Place) -> Option<Log> {
        asked.or(place.json.then_some(Log::Json))
    }
}

/// The windows that are asked for, which every plan must be able to ask its site for.
fn span(asked: &Run, plans: &[Plan]) -> anyhow::Result<Option<Window>> {
    let date = |text: &str| -> anyhow::Result<DateTime<Utc>> {
        let found = instant_of(text)
            .with_context(|| format!("`{text}` is not a date; write 2026-01-31 or 2026-01-31T12:00:00Z"))?;
        if !(1970..=2100).contains(&found.year()) {
            bail!("`{text}` is out of range: a date from 1970 to 2100 is wanted");
        }
        Ok(found)
    };
    let Some((from, to)) = asked.from.as_deref().zip(asked.to.as_deref()) else { return Ok(None) };
    let window = (date(from)?, date(to)?);
    if window.0 >= window.1 {
        bail!("--from {from} is not before --to {to}");
    }
    if let Some(plan) = plans.iter().find(|plan| plan.windows.is_none()) {
        bail!("`{}` has no `windows`: its site cannot be asked for some dates; leave --from and --to out", plan.source);
    }
    Ok(Some(window))
}

/// Runs sources.
pub async fn run(place: &Place, asked: &Run) -> anyhow::Result<ExitCode> {
    let project = Project::sound(place)?;
    let wanted = Wanted { sources: &asked.sources, origins: &asked.origin, enable: &asked.enable };
    let Planned { plans, refused } = plans(&project, &wanted)?;
    let span = span(asked, &plans)?;
    let archive = project.archive()?;
    let log = Log::of(asked.log, place);
    if plans.is_empty() && !refused.is_empty() {
        refused.iter().for_each(|(source, why)| eprintln!("{source}: not run: {}", out::printable(why)));
        bail!("nothing was done");
    }
    let mut done = carry_out(plans, &place.project, &project.data, archive, span, log).await?;
    done.lost.extend(refused.into_iter().map(|(source, why)| (source, format!("not run: {why}"))));
    Ok(tell(&done, log))
}

/// What was done.
pub struct Done {
    board: Board,
    /// What the store said when Ctrl-C ended the wait for it.
    stopped: Option<String>,
    /// Sources that were not read to an end of their own, each with the reason.
    lost: Vec<(String, String)>,
}

/// Exit code of what Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Prints the summary; the exit code of the worst outcome.
pub fn tell(done: &Done, log: Option<Log>) -> ExitCode {
    let rows = || done.board.rows.iter().filter(|(_, row)| row.run > 0);
    for (source, row) in rows() {
        if log != Some(Log::Json) {
            eprint!("{}", report::summary(source, row));
        }
    }
    for (source, why) in &done.lost {
        eprintln!("{source}: {}", out::printable(why));
    }
    if let Some(why) = &done.stopped {
        eprintln!("stopped while it waited for the store: {why}");
    }
    let worst = |outcome: Outcome| rows().any(|(_, row)| row.outcome == Some(outcome));
    match () {
        () if done.stopped.is_some() || worst(Outcome::Stopped) => ExitCode::from(INTERRUPTED),
        () if !done.lost.is_empty() || worst(Outcome::Failed) || worst(Outcome::Partial) => ExitCode::FAILURE,
        () => ExitCode::SUCCESS,
    }
}

/// What the store said when Ctrl-C ended the wait for it; any other error is given back.
fn stopped(engine: &Engine, error: RunError) -> Result<String, RunError> {
    match error {
        RunError::Store(error) if error.passes() && engine.stop.load(Ordering::Relaxed) => Ok(error.to_string()),
        error => Err(error),
    }
}

/// The engine on a data directory, and the task that shows what happens.
fn engine(
    project: &Path,
    data: &Path,
    archive: PathBuf,
    log: Option<Log>,
) -> anyhow::Result<(Arc<Engine>, tokio::task::JoinHandle<Board>)> {
    let (events, heard) = unbounded_channel();
    let engine = Engine::start(data, archive, project, events)?;
    Ok((Arc::new(engine), tokio::spawn(show(heard, log))))
}

/// Ctrl-C ends runs cleanly; the second one ends the process, which is no worse than a crash.
fn stops(engine: &Engine) -> tokio::task::JoinHandle<()> {
    let stop = engine.stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.store(true, Ordering::Relaxed);
            eprintln!("ending cleanly; the next run goes on from here (Ctrl-C again ends at once)");
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(INTERRUPTED.into());
        }
    })
}

/// The thread that follows what is stored with the search index, when something is.
fn index(data: &Path, plans: &[Plan]) -> Option<Follower> {
    plans.iter().find(|plan| plan.stores && plan.server.is_none()).map(|plan| Follower::start(data, &plan.schema))
}

/// Waits until the index holds everything.
async fn indexed(index: Option<Follower>) {
    let Some(index) = index else { return };
    let taken = tokio::task::spawn_blocking(|| index.finish()).await;
    if let Ok(Err(error)) = taken {
        eprintln!("warning: the search index is behind: {error}; the next search brings it up to date");
    }
}

/// Runs plans one after the other, showing what happens. What ends one of them, even a fault of ours, does not end the
/// others.
pub async fn carry_out(
    plans: Vec<Plan>,
    project: &Path,
    data: &Path,
    archive: PathBuf,
    span: Option<Window>,
    log: Option<Log>,
) -> anyhow::Result<Done> {
    let (engine, shown) = engine(project, data, archive, log)?;
    let index = index(data, &plans);
    let listening = stops(&engine);
    let (mut waited, mut lost) = (None, Vec::new());
    for plan in plans {
        if engine.stop.load(Ordering::Relaxed) {
            break;
        }
        let source = plan.source.clone();
        let running = tokio::spawn(run_plan(Arc::new(plan), engine.clone(), Utc::now(), span));
        let ended = running.await.unwrap_or_else(|error| Err(RunError::Lost(error.to_string())));
        match ended.map_err(|error| stopped(&engine, error)) {
            Ok(_) => {}
            Err(Ok(why)) => waited = Some(why),
            Err(Err(error)) => {
                let why = format!("failed: {}", out::causes(&error.into()));
                // A state that cannot be written is told by the same words.
                let _ = engine.state.note_failure(&source, &why).await;
                lost.push((source, why));
            }
        }
    }
    drop(engine);
    let board = shown.await?;
    indexed(index).await;
    listening.abort();
    Ok(Done { board, stopped: waited, lost })
}

/// Work of an engine on one source: with progress, the search index behind it, and a summary.
pub async fn on_one<T>(
    place: &Place,
    project: &Project,
    plan: &Arc<Plan>,
    log: Option<Log>,
    work: impl AsyncFnOnce(Arc<Engine>) -> Result<T, RunError>,
) -> anyhow::Result<ExitCode> {
    let log = Log::of(log, place);
    let archive = project.archive()?;
    let (engine, shown) = engine(&place.project, &project.data, archive, log)?;
    let index = (plan.stores && plan.server.is_none()).then(|| Follower::start(&project.data, &plan.schema));
    let listening = stops(&engine);
    let done = work(engine.clone()).await.map_err(|error| stopped(&engine, error));
    if let Err(Err(error)) = &done {
        let _ = engine.state.note_failure(&plan.source, &format!("failed: {error}")).await;
    }
    drop(engine);
    let board = shown.await?;
    indexed(index).await;
    listening.abort();
    let stopped = match done {
        Ok(_) => None,
        Err(Ok(why)) => Some(why),
        Err(Err(error)) => return Err(error.into()),
    };
    Ok(tell(&Done { board, stopped, lost: Vec::new() }, log))
}

/// Draws events: a progress bar for a person, lines otherwise.
async fn show(mut heard: UnboundedReceiver<Event>, log: Option<Log>) -> Board {
    let mut board = Board::default();
    let bar = match log {
        None => ProgressBar::new_spinner(),
        Some(_) => ProgressBar::hidden(),
    };
    bar.enable_steady_tick(Duration::from_millis(120));
    while let Some(event) = heard.recv().await {
        board.apply(&event);
        match log {
            Some(Log::Json) => out::event(&serde_json::to_string(&event).unwrap_or_default()),
            Some(Log::Text) => report::line(&event).iter().for_each(|line| eprintln!("{line}")),
            None => {
                let row = &board.rows[&event.source];
                bar.set_message(format!("{}: {} pages, {}", event.source, row.pages, report::numbers(&row.counts)));
                let told = matches!(
                    event.kind,
                    EventKind::Retried { .. }
                        | EventKind::Warned { .. }
                        | EventKind::Waiting { .. }
                        | EventKind::StoreAway { .. }
                        | EventKind::StoreBack { .. }
                        | EventKind::StoreCopied { .. }
                );
                if told && let Some(line) = report::line(&event) {
                    bar.suspend(|| eprintln!("{line}"));
                }
            }
        }
    }
    bar.finish_and_clear();
    board
}
