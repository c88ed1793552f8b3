//! `check`: all faults of all files, and the plans of the sources that pipelines use.
use std::process::ExitCode;

use jobmarket::definition::{Definitions, render};
use jobmarket::finding::any_error;
use jobmarket::plan::later;

use crate::Place;
use crate::project::Project;

/// Tells all findings; exit 1 when one is an error.
pub fn check(place: &Place) -> anyhow::Result<ExitCode> {
    let project = Project::read(place)?;
    if place.json {
        project.findings.iter().for_each(|finding| println!("{}", render::json(finding)));
    } else {
        project.tell(&project.findings);
        let (sources, pipelines) = (project.definitions.sources.len(), project.definitions.pipelines.pipelines.len());
        let found = project.findings.len();
        eprintln!(
            "{sources} sources, {} mappings, {pipelines} pipelines read: {found} findings",
            project.definitions.mappings.len()
        );
        wait(&project.definitions);
    }
    Ok(if any_error(&project.findings) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Says what is understood and does not happen in this version.
fn wait(definitions: &Definitions) {
    let later = later(definitions);
    if !later.is_empty() {
        eprintln!("{} sources are only checked, and run with a later version: {}", later.len(), later.join(", "));
    }
    if definitions.pipelines.pipelines.iter().any(|pipeline| pipeline.schedule.is_some()) {
        eprintln!("schedules wait for the daemon of a later version; `jobmarket run` reads all pipelines once");
    }
}
