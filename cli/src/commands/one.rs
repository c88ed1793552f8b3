//! `sweep`, `close` and `replay`: work on one source.
use std::process::ExitCode;
use std::sync::Arc;

use chrono::Utc;
use jobmarket::run::{Again, Asked, Closes, close, replay as map_again, run as run_plan};

use crate::Place;
use crate::commands::plans::{again, asking, silent};
use crate::commands::run::{Log, on_one};
use crate::project::Project;

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
    /// Reads a source that is switched off, with its site's consent.
    #[arg(long, value_name = "NAME")]
    enable: Vec<String>,
    /// Log lines instead of progress: text, or json with one event a line.
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
    /// Log lines instead of progress: text, or json with one event a line.
    #[arg(long, value_name = "KIND")]
    log: Option<Log>,
}

/// Flags of `replay`.
#[derive(clap::Args)]
pub struct Replay {
    /// The source.
    source: String,
    /// Log lines instead of progress: text, or json with one event a line.
    #[arg(long, value_name = "KIND")]
    log: Option<Log>,
}

/// Reads a source whole, or closes what was held back.
pub async fn sweep(place: &Place, asked: &Sweep) -> anyhow::Result<ExitCode> {
    let project = Project::sound(place)?;
    if asked.accept {
        let plan = Arc::new(silent(&project, &asked.source, &asked.origin)?);
        project.reader()?;
        let work = async |engine| close(plan.clone(), engine, Utc::now(), Closes::Held).await;
        return on_one(place, &project, &plan, asked.log, work).await;
    }
    let plan = Arc::new(asking(&project, &asked.source, &asked.origin, &asked.enable)?);
    let work = async |engine| run_plan(plan.clone(), engine, Utc::now(), Asked::Sweep).await;
    on_one(place, &project, &plan, asked.log, work).await
}

/// Closes offers without asking the site.
pub async fn close_offers(place: &Place, asked: &Close) -> anyhow::Result<ExitCode> {
    let project = Project::sound(place)?;
    let plan = Arc::new(silent(&project, &asked.source, &asked.origin)?);
    project.reader()?;
    let which = if asked.older_ask { Closes::OlderAsk } else { Closes::Everything };
    on_one(place, &project, &plan, asked.log, async |engine| close(plan.clone(), engine, Utc::now(), which).await).await
}

/// Maps the archive of a source again.
pub async fn replay(place: &Place, asked: &Replay) -> anyhow::Result<ExitCode> {
    let project = Project::sound(place)?;
    replay_one(place, &project, &asked.source, Again::Everything, asked.log).await
}

/// Maps the archive of a source again, or some records of it.
pub async fn replay_one(
    place: &Place,
    project: &Project,
    source: &str,
    what: Again,
    log: Option<Log>,
) -> anyhow::Result<ExitCode> {
    let plan = again(project, source, &project.reader()?)?;
    on_one(place, project, &plan, log, async |engine| map_again(plan.clone(), engine, what).await).await
}
