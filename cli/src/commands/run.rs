//! `run` and `try`: sources read into the store, or one page looked at.
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use indicatif::ProgressBar;
use jobmarket::board::Board;
use jobmarket::convert::instant_of;
use jobmarket::event::{Event, EventKind, Outcome};
use jobmarket::fetch::Fetch;
use jobmarket::plan::{Ask, Origins, Plan, Window, compile};
use jobmarket::run::{Again, Asked, Closes, Engine, close, preview, replay, run as run_plan};
use jobmarket::store::local::Follower;
use jobmarket::{definition, report};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::Place;
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

/// Flags of `sweep`.
#[derive(clap::Args)]
pub struct Sweep {
    /// The source.
    source: String,
    /// Closes what the last sweep held back, without asking the site.
    #[arg(long)]
    accept: bool,
    /// Requests for A go to B, which counts as A.
    #[arg(long, value_name = "A=B")]
    origin: Vec<String>,
    /// Log lines instead of progress.
    #[arg(long, value_name = "KIND")]
    log: Option<Log>,
}

/// Flags of `close`.
#[derive(clap::Args)]
pub struct Close {
    /// The source.
    source: String,
    /// Only offers that another request brought: other parameters, another filter.
    #[arg(long)]
    older_ask: bool,
    /// All open offers of the source.
    #[arg(long, conflicts_with = "older_ask", required_unless_present = "older_ask")]
    all: bool,
    /// Requests for A go to B: the home that the data directory knows.
    #[arg(long, value_name = "A=B")]
    origin: Vec<String>,
}

/// Flags of `try`.
#[derive(clap::Args)]
pub struct Try {
    /// The source.
    source: String,
    /// Records shown.
    #[arg(long, default_value_t = 3)]
    limit: usize,
    /// Requests for A go to B.
    #[arg(long, value_name = "A=B")]
    origin: Vec<String>,
}

fn origins(flags: &[String], definitions: &definition::Definitions) -> anyhow::Result<Origins> {
    let mut origins = Origins::default();
    for (from, target) in definitions.pipelines.origins.iter() {
        let rate = target.limits.as_ref().and_then(|limits| limits.rate.as_ref()).and_then(|rate| rate.fixed());
        origins.add(from, &target.to, rate).map_err(anyhow::Error::msg)?;
    }
    for flag in flags {
        let (from, to) = flag.split_once('=').with_context(|| format!("`{flag}` is not A=B"))?;
        origins.add(from, to, None).map_err(anyhow::Error::msg)?;
    }
    Ok(origins)
}

/// Plans of the sources asked for; all findings at once.
fn plans(project: &Project, asked: &Run) -> anyhow::Result<Vec<Plan>> {
    let definitions = &project.definitions;
    let pipelines = || definitions.pipelines.pipelines.iter().enumerate();
    let mut names: Vec<(String, Option<usize>)> = Vec::new();
    if asked.sources.is_empty() {
        for (index, pipeline) in pipelines() {
            names.extend(pipeline.sources.iter().map(|used| (used.source.to_string(), Some(index))));
        }
    }
    for name in &asked.sources {
        let index = pipelines()
            .find(|(_, pipeline)| pipeline.sources.iter().any(|used| used.source.as_str() == name))
            .map(|(index, _)| index);
        names.push((name.clone(), index));
    }
    let (mut plans, mut findings) = (Vec::new(), Vec::new());
    for (name, index) in names {
        let pipeline = index.map(|index| (index, &definitions.pipelines.pipelines[index]));
        if let Some(source) = definitions.sources.get(&name) {
            let enabled = source.enabled
                || asked.enable.contains(&name)
                || pipeline.is_some_and(|(_, pipeline)| pipeline.enable.contains(&source.source));
            if !enabled {
                bail!(
                    "`{name}` is switched off: {}; with the site's consent: --enable {name}",
                    source.terms.as_deref().unwrap_or("no reason given")
                );
            }
        }
        let ask = Ask { source: &name, pipeline, origins: origins(&asked.origin, definitions)? };
        match compile(definitions, ask, &project.surroundings) {
            Ok(plan) => plans.push(plan),
            Err(found) => findings.extend(found),
        }
    }
    if !findings.is_empty() {
        project.tell(&findings);
        bail!("nothing was fetched");
    }
    Ok(plans)
}

fn span(asked: &Run) -> anyhow::Result<Option<Window>> {
    let date = |text: &Option<String>| -> anyhow::Result<Option<DateTime<Utc>>> {
        let Some(text) = text else { return Ok(None) };
        instant_of(text)
            .map(Some)
            .with_context(|| format!("`{text}` is not a date; write 2026-01-31 or 2026-01-31T12:00:00Z"))
    };
    Ok(date(&asked.from)?.zip(date(&asked.to)?))
}

/// Runs sources.
pub async fn run(place: &Place, asked: &Run) -> anyhow::Result<ExitCode> {
    let project = Project::sound(place)?;
    let plans = plans(&project, asked)?;
    let archive = project.data.join(&project.definitions.pipelines.archive.dir);
    let log = asked.log.or(place.json.then_some(Log::Json));
    let board = carry_out(plans, &place.project, &project.data, archive, span(asked)?, log).await?;
    Ok(tell(&board, log))
}

/// Exit code of what Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Prints the summary; the exit code of the worst outcome.
pub fn tell(board: &Board, log: Option<Log>) -> ExitCode {
    for (source, row) in &board.rows {
        if log != Some(Log::Json) {
            eprint!("{}", report::summary(source, row));
        }
    }
    let worst = |outcome: Outcome| board.rows.values().any(|row| row.outcome == Some(outcome));
    match () {
        () if worst(Outcome::Stopped) => ExitCode::from(INTERRUPTED),
        () if worst(Outcome::Failed) || worst(Outcome::Partial) => ExitCode::FAILURE,
        () => ExitCode::SUCCESS,
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

/// Runs plans one after the other, showing what happens.
pub async fn carry_out(
    plans: Vec<Plan>,
    project: &Path,
    data: &Path,
    archive: PathBuf,
    span: Option<Window>,
    log: Option<Log>,
) -> anyhow::Result<Board> {
    let (engine, shown) = engine(project, data, archive, log)?;
    let index = index(data, &plans);
    let listening = stops(&engine);
    for plan in plans {
        if engine.stop.load(Ordering::Relaxed) {
            break;
        }
        run_plan(Arc::new(plan), engine.clone(), Utc::now(), span).await?;
    }
    drop(engine);
    let board = shown.await?;
    indexed(index).await;
    listening.abort();
    Ok(board)
}

/// The plan of one source, also of one that is switched off.
fn one_plan(project: &Project, source: &str, origin: &[String]) -> anyhow::Result<Arc<Plan>> {
    let asked = Run {
        sources: vec![source.to_owned()],
        from: None,
        to: None,
        origin: origin.to_vec(),
        enable: vec![source.to_owned()],
        log: None,
    };
    plans(project, &asked)?.pop().map(Arc::new).with_context(|| format!("there is no source `{source}`"))
}

/// Work of an engine on one source: with progress, the search index behind it, and a summary.
async fn on_one<T>(
    place: &Place,
    project: &Project,
    plan: &Arc<Plan>,
    log: Option<Log>,
    work: impl AsyncFnOnce(Arc<Engine>) -> Result<T, jobmarket::run::RunError>,
) -> anyhow::Result<ExitCode> {
    let archive = project.data.join(&project.definitions.pipelines.archive.dir);
    let (engine, shown) = engine(&place.project, &project.data, archive, log)?;
    let index = (plan.stores && plan.server.is_none()).then(|| Follower::start(&project.data, &plan.schema));
    let listening = stops(&engine);
    let done = work(engine.clone()).await;
    drop(engine);
    let board = shown.await?;
    indexed(index).await;
    listening.abort();
    done?;
    Ok(tell(&board, log))
}

/// Maps the archive of a source again, or some records of it.
pub async fn replay_one(place: &Place, source: &str, again: Again, log: Option<Log>) -> anyhow::Result<ExitCode> {
    let project = Project::sound(place)?;
    let plan = one_plan(&project, source, &[])?;
    on_one(place, &project, &plan, log, async |engine| replay(plan.clone(), engine, again).await).await
}

/// Reads a source whole, or closes what was held back.
pub async fn sweep(place: &Place, asked: &Sweep) -> anyhow::Result<ExitCode> {
    let project = Project::sound(place)?;
    let plan = one_plan(&project, &asked.source, &asked.origin)?;
    on_one(place, &project, &plan, asked.log, async |engine| match asked.accept {
        true => close(plan.clone(), engine, Utc::now(), Closes::Held).await,
        false => run_plan(plan.clone(), engine, Utc::now(), Asked::Sweep).await,
    })
    .await
}

/// Closes offers without asking the site.
pub async fn close_offers(place: &Place, asked: &Close) -> anyhow::Result<ExitCode> {
    let project = Project::sound(place)?;
    let plan = one_plan(&project, &asked.source, &asked.origin)?;
    let which = if asked.older_ask { Closes::OlderAsk } else { Closes::Everything };
    on_one(place, &project, &plan, None, async |engine| close(plan.clone(), engine, Utc::now(), which).await).await
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
            Some(Log::Json) => println!("{}", serde_json::to_string(&event).unwrap_or_default()),
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

/// Looks at one page.
pub async fn try_one(place: &Place, asked: &Try) -> anyhow::Result<ExitCode> {
    let project = Project::sound(place)?;
    let ask = Ask { source: &asked.source, pipeline: None, origins: origins(&asked.origin, &project.definitions)? };
    let plan = match compile(&project.definitions, ask, &project.surroundings) {
        Ok(plan) => plan,
        Err(findings) => {
            project.tell(&findings);
            bail!("nothing was fetched");
        }
    };
    let seen = preview(&Arc::new(plan), &Fetch::new(None)?, &place.project, Utc::now()).await?;
    for (raw, made) in seen.records.iter().take(asked.limit) {
        if place.json {
            println!("{}", serde_json::json!({"raw": serde_json::from_str::<serde_json::Value>(raw)?, "made": made}));
        } else {
            println!("--- raw\n{raw}\n--- offer\n{made}");
        }
    }
    eprintln!(
        "{} records, {} announced",
        seen.records.len(),
        seen.total.map_or("none".to_owned(), |total| total.to_string())
    );
    seen.flaws.iter().take(20).for_each(|flaw| eprintln!("flaw {}: {}", flaw.field, flaw.message));
    for (field, share) in &seen.coverage {
        eprintln!("{:>5.1} %  {field}", share * 100.0);
    }
    Ok(ExitCode::SUCCESS)
}
