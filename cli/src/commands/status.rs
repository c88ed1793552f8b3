//! `status`: sources, their last runs, what is stored and what waits.
use std::process::ExitCode;
use std::time::Duration;

use chrono::Utc;
use jobmarket::search::Search;
use jobmarket::state::{Reader, RunRow, SourceRow, State};
use jobmarket::store::{Purpose, Store};

use crate::commands::search::{server, store};
use crate::out::{self, printable};
use crate::project::Project;
use crate::{Place, absent};

/// How long a server is asked what it holds.
const PATIENCE: Duration = Duration::from_secs(5);

/// Prints the state of a data directory, and what its store says.
pub async fn status(place: &Place) -> anyhow::Result<ExitCode> {
    let project = Project::despite_faults(place)?;
    let Some(reader) = Reader::open(&project.data)? else {
        eprintln!("nothing was run into {} yet; `jobmarket run SOURCE`, or `jobmarket demo`", project.data.display());
        return Ok(ExitCode::SUCCESS);
    };
    let sources = reader.sources()?;
    if place.json {
        sources.iter().try_for_each(|source| serde_json::to_string(source).map(out::data))?;
        return Ok(ExitCode::SUCCESS);
    }
    println!("{:<16} {:>9} {:>8} {:>10}  last run", "source", "open", "closed", "quarantine");
    let held = State::is_held(&project.data);
    sources.iter().for_each(|source| row(source, held));
    match server(&project) {
        Ok(Some(server)) => match tokio::time::timeout(PATIENCE, stored(&project, &server)).await {
            Ok(Ok(said)) => println!("{said}"),
            Ok(Err(error)) => println!("the store cannot be asked: {}", absent::explained_in(&project.data, error)),
            Err(_) => println!("the store does not answer within {} seconds", PATIENCE.as_secs()),
        },
        Ok(None) => println!("{} offers in the local store of {}", reader.store()?.1, project.data.display()),
        Err(error) => println!("{error}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn row(source: &SourceRow, held: bool) {
    let last = source.last.as_ref().map_or(String::new(), run);
    println!("{:<16} {:>9} {:>8} {:>10}  {last}", source.source, source.open, source.closed, source.quarantine);
    for line in matters(source, held) {
        println!("{:<16} {}", "", printable(&line));
    }
}

fn run(run: &RunRow) -> String {
    let outcome = run.outcome.as_deref().unwrap_or("unfinished");
    format!("{} {} {outcome} {}", run.run, run.now, printable(run.cause.as_deref().unwrap_or_default()))
}

/// What is open of a source, a line each: what it is, and what to do.
fn matters(source: &SourceRow, held: bool) -> Vec<String> {
    let name = &source.source;
    let mut lines = Vec::new();
    if let Some(read) = source.reading.as_ref().filter(|read| read.ended.is_some()) {
        let other = source.last.as_ref().is_some_and(|last| last.run != read.run);
        let told =
            source.alerts.iter().any(|alert| read.cause.as_ref().is_some_and(|cause| cause.contains(&alert.text)));
        if let Some(advice) = advice(name, read).filter(|_| !told) {
            let before = if other { format!("run {}: ", run(read).trim_end()) } else { String::new() };
            lines.push(format!("{before}{advice}"));
        }
    }
    lines.extend(
        source.alerts.iter().map(|row| format!("since run {}: {}; {}", row.run, row.text, row.alert.advice(name))),
    );
    lines.extend(source.held.as_ref().map(|held| format!("held: {}", held.text(name))));
    if source.quarantine > 0 {
        let mut reasons: Vec<(&String, &u64)> = source.reasons.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let reasons: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        lines.push(format!("quarantine: {}; `jobmarket quarantine list {name}` shows them", reasons.join(", ")));
    }
    if let Some(waiting) = &source.waiting {
        let what = match waiting.offers {
            0 => "a run waits".to_owned(),
            offers => format!("{offers} offers wait"),
        };
        let minutes = (Utc::now() - waiting.since).num_seconds() as f64 / 60.0;
        let gone = if held { "" } else { "; the process that waited is gone, `jobmarket run` goes on from there" };
        lines.push(format!("{what} for the store, for {minutes:.1} minutes: {}{gone}", waiting.why));
    }
    if source.older > 0 {
        lines.push(format!(
            "{} open offers were brought by another request; `jobmarket close {name} --older-ask` closes them",
            source.older
        ));
    }
    lines
}

/// What to do about a run of the site that did not read everything.
fn advice(source: &str, read: &RunRow) -> Option<String> {
    let cause = read.cause.as_deref().unwrap_or_default();
    Some(match read.outcome.as_deref()? {
        "partial" if cause.starts_with("quota") => format!("`jobmarket run {source}` goes on from there at that time"),
        "partial" => format!(
            "what was not read is asked again by the next `jobmarket run {source}`, and nothing of it is closed; `jobmarket try {source}` shows what the site answers"
        ),
        "failed" => format!(
            "`jobmarket try {source}` shows what the site answers; mended, `jobmarket run {source}` reads it again"
        ),
        "stopped" => format!("`jobmarket run {source}` goes on from there"),
        _ => return None,
    })
}

async fn stored(project: &Project, server: &jobmarket::plan::Server) -> anyhow::Result<String> {
    let store = store(project, Purpose::List).await?;
    let found = store.search(&Search { closed: true, ..Search::default() }).await?;
    Ok(format!("{} offers in {} at {}", found.total, store.product(), server.urls.join(", ")))
}
