//! `status`: sources, their last runs, what is stored and what waits.
use std::process::ExitCode;
use std::time::Duration;

use chrono::Utc;
use jobmarket::search::Search;
use jobmarket::state::{Reader, SourceRow, State};
use jobmarket::store::Store;
use jobmarket::store::elastic::Elastic;

use crate::Place;
use crate::commands::search::server;
use crate::out::{self, printable};
use crate::project::Project;

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
            Ok(Err(error)) => println!("the store cannot be asked: {error}"),
            Err(_) => println!("the store does not answer within {} seconds", PATIENCE.as_secs()),
        },
        Ok(None) => println!("{} offers in the local store of {}", reader.store()?.1, project.data.display()),
        Err(error) => println!("{error}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn row(source: &SourceRow, held: bool) {
    let last = source.last.as_ref().map_or(String::new(), |last| {
        let outcome = last.outcome.as_deref().unwrap_or("unfinished");
        format!("{} {} {outcome} {}", last.run, last.now, printable(last.cause.as_deref().unwrap_or_default()))
    });
    println!("{:<16} {:>9} {:>8} {:>10}  {last}", source.source, source.open, source.closed, source.quarantine);
    if let Some(back) = &source.held {
        println!(
            "{:<16} held: {} of {} open offers were not seen, one run may close {}; `jobmarket sweep {} --accept` closes them",
            "", back.offers, back.open, back.most, source.source
        );
    }
    if let Some(waiting) = &source.waiting {
        let what = match waiting.offers {
            0 => "a run waits to begin".to_owned(),
            offers => format!("{offers} offers wait"),
        };
        let minutes = (Utc::now() - waiting.since).num_seconds() as f64 / 60.0;
        let gone = if held { "" } else { "; the process that waited is gone, `jobmarket run` goes on from there" };
        println!("{:<16} {what} for the store, for {minutes:.1} minutes: {}{gone}", "", waiting.why);
    }
    if source.older > 0 {
        println!(
            "{:<16} {} open offers were brought by another request; `jobmarket close {} --older-ask` closes them",
            "", source.older, source.source
        );
    }
}

async fn stored(project: &Project, server: &jobmarket::plan::Server) -> anyhow::Result<String> {
    let store = Elastic::open(server, project.definitions.schema.clone()).await?;
    let found = store.search(&Search { closed: true, ..Search::default() }).await?;
    Ok(format!("{} offers in Elasticsearch {} at {}", found.total, store.version, server.urls.join(", ")))
}
