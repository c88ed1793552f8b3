//! `check`: all faults of all files, and the plans of the sources that pipelines use; no network, and no secret is needed.
use std::process::ExitCode;

use jobmarket::definition::pipelines::SERVER;
use jobmarket::definition::{Definitions, advice, render};
use jobmarket::finding::{Finding, Level, any_error};
use jobmarket::plan::{Ask, Origins, compile, later, server_as_written};
use jobmarket::store;

use crate::Place;
use crate::out::{self, counted};
use crate::project::Project;

/// Tells all findings; exit 1 when one is an error.
pub fn check(place: &Place) -> anyhow::Result<ExitCode> {
    let project = Project::read(place)?;
    project.is_there(place)?;
    let mut findings = project.findings.clone();
    let sound = |found: &Finding| !is_faulty(&project, &found.place.file);
    let notes = advice::notes(&project.definitions).into_iter().filter(sound);
    for found in plans(&project).into_iter().chain(server(&project)).chain(notes) {
        if !findings.contains(&found) {
            findings.push(found);
        }
    }
    // What the surroundings lack is no fault of the files: they are checked where nobody has the secrets.
    for finding in findings.iter_mut().filter(|found| is_lack(found)) {
        finding.level = Level::Note;
    }
    findings.sort_by(|a, b| {
        let at = |found: &Finding| (found.place.file.clone(), found.place.line, found.place.column);
        at(a).cmp(&at(b))
    });
    if place.json {
        findings.iter().for_each(|finding| out::data(render::json(finding)));
    } else {
        project.tell(&findings);
        tell_numbers(&project.definitions, &findings);
        wait(&project.definitions);
    }
    Ok(if any_error(&findings) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn tell_numbers(definitions: &Definitions, findings: &[Finding]) {
    let notes = findings.iter().filter(|found| found.level == Level::Note).count() as u64;
    let noted = if notes == 0 { String::new() } else { format!(", {}", counted(notes, "note")) };
    eprintln!(
        "{}, {}, {} read: {}{noted}",
        counted(definitions.sources.len() as u64, "source"),
        counted(definitions.mappings.len() as u64, "mapping"),
        counted(definitions.pipelines.pipelines.len() as u64, "pipeline"),
        counted(findings.len() as u64 - notes, "finding")
    );
}

/// Whether it is the surroundings that lack something.
fn is_lack(found: &Finding) -> bool {
    matches!(found.code, "secret" | "unset")
}

/// Whether a file, or one of a folder, has a fault: what follows from it is not told.
fn is_faulty(project: &Project, path: &str) -> bool {
    let mut faults = project.findings.iter().filter(|found| found.level == Level::Error && !is_lack(found));
    faults.any(|found| found.place.file.starts_with(path))
}

/// What the plans of the sources that pipelines use lack.
fn plans(project: &Project) -> Vec<Finding> {
    let definitions = &project.definitions;
    let mut findings = Vec::new();
    if ["mappings/offer.yaml", "mappings/lookups/", "sources/shared/"].iter().any(|path| is_faulty(project, path)) {
        return findings;
    }
    for (index, pipeline) in definitions.pipelines.pipelines.iter().enumerate() {
        for used in &pipeline.sources {
            let name = used.source.as_str();
            let Some(source) = definitions.sources.get(name) else { continue };
            let mapping = definitions.mapping_of(source).map(|(_, path, _)| path);
            let faulty = is_faulty(project, &Definitions::source_path(name));
            if faulty || mapping.is_none_or(|path| is_faulty(project, &path)) {
                continue;
            }
            let ask = Ask { source: name, pipeline: Some((index, pipeline)), origins: Origins::default() };
            findings.extend(compile(definitions, ask, &project.surroundings).err().into_iter().flatten());
        }
    }
    findings
}

/// What is wrong with the server of the store, as far as it need not be asked.
fn server(project: &Project) -> Vec<Finding> {
    if is_faulty(project, "pipelines.yaml") {
        return Vec::new();
    }
    let (server, mut findings) = server_as_written(&project.definitions, &project.surroundings);
    for (key, message) in server.iter().flat_map(store::faults) {
        let place = project.definitions.place("pipelines.yaml", &[SERVER[0], SERVER[1], key]);
        findings.push(Finding::error("bad-value", place, message));
    }
    findings
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
