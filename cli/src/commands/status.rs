//! `status`: sources, their last runs, what is stored and what waits.
use std::process::ExitCode;

use jobmarket::state::Reader;

use crate::Place;
use crate::project::Project;

/// Prints the state of a data directory.
pub fn status(place: &Place) -> anyhow::Result<ExitCode> {
    let project = Project::read(place)?;
    let Some(reader) = Reader::open(&project.data)? else {
        eprintln!("nothing was run into {} yet; `jobmarket run SOURCE`, or `jobmarket demo`", project.data.display());
        return Ok(ExitCode::SUCCESS);
    };
    let sources = reader.sources()?;
    if place.json {
        sources.iter().try_for_each(|source| serde_json::to_string(source).map(|line| println!("{line}")))?;
        return Ok(ExitCode::SUCCESS);
    }
    println!("{:<16} {:>9} {:>8} {:>6}  last run", "source", "open", "closed", "held");
    for source in sources {
        let last = source.last.map_or(String::new(), |last| {
            let outcome = last.outcome.unwrap_or_else(|| "unfinished".into());
            format!("{} {} {outcome} {}", last.run, last.now, last.cause.unwrap_or_default())
        });
        println!("{:<16} {:>9} {:>8} {:>6}  {last}", source.source, source.open, source.closed, source.held);
    }
    let (_, offers) = reader.store()?;
    println!("{offers} offers in the local store of {}", project.data.display());
    Ok(ExitCode::SUCCESS)
}
