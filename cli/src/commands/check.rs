//! `check`: all faults of all files, and the plans of the sources that pipelines use.
use std::process::ExitCode;

use jobmarket::definition::render;
use jobmarket::finding::any_error;

use crate::Place;
use crate::project::Project;

/// Tells all findings; exit 1 when one is an error.
pub fn check(place: &Place) -> anyhow::Result<ExitCode> {
    let project = Project::read(place)?;
    project.is_there(place)?;
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
    }
    Ok(if any_error(&project.findings) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
