//! What is understood and not built yet: a plan that needs it is refused by its name.
use crate::definition::Definitions;
use crate::definition::auth::Auth;
use crate::definition::partition::{Partition, PartitionChoice};
use crate::definition::pipelines::{Pipeline, Step};
use crate::definition::source::{AuthChoice, Source};
use crate::finding::Finding;

/// The sources that need what is not built yet: their files are checked, and they run with a later version.
pub fn later(definitions: &Definitions) -> Vec<String> {
    let needs = |source: &Source| !unbuilt(definitions, source, None).is_empty();
    definitions.sources.iter().filter(|(_, source)| needs(source)).map(|(name, _)| name.clone()).collect()
}

/// A finding for each construct that the plan would need.
pub(super) fn unbuilt(
    definitions: &Definitions,
    source: &Source,
    pipeline: Option<(usize, &Pipeline)>,
) -> Vec<Finding> {
    let path = Definitions::source_path(source.source.as_str());
    let mut findings = Vec::new();
    let mut refuse = |path: &str, trail: &[&str], name: &str| {
        let place = definitions.files.get(path).map(|file| file.key_place(trail)).unwrap_or_default();
        let finding = Finding::error("unbuilt", place, format!("`{name}` is not built yet"));
        findings.push(finding.hint("the file is understood and checked; this source runs with a later version"));
    };
    if let Some(name) = source.decode.unbuilt() {
        refuse(&path, &["decode"], &format!("decode: {name}"));
    }
    if let Some(name) = source.detail.as_ref().and_then(|detail| detail.decode.unbuilt()) {
        refuse(&path, &["detail", "decode"], &format!("decode: {name}"));
    }
    auth(source.auth(), &path, &["auth"], &mut refuse);
    if let Some(own) = source.detail.as_ref().and_then(|detail| detail.auth.as_ref()) {
        auth(own, &path, &["detail", "auth"], &mut refuse);
    }
    for (name, partition) in source.partitions.iter() {
        let Partition::Choice(choice) = partition else { continue };
        let PartitionChoice::Call(call) = &**choice else { continue };
        if let Some(own) = &call.auth {
            auth(own, &path, &["for", name, "call", "auth"], &mut refuse);
        }
        if let Some(found) = call.decode.unbuilt() {
            refuse(&path, &["for", name, "call", "decode"], &format!("decode: {found}"));
        }
    }
    let Some((index, pipeline)) = pipeline else { return findings };
    for (number, step) in pipeline.steps.iter().enumerate() {
        let name = match step {
            Step::Keep(_) => continue,
            Step::Skills(_) => "skills",
            Step::Place(_) => "place",
            Step::Duplicates(_) => "duplicates",
        };
        refuse(
            "pipelines.yaml",
            &["pipelines", &index.to_string(), "steps", &number.to_string(), name],
            &format!("step: {name}"),
        );
    }
    findings
}

/// Ways to authenticate that are not built yet.
fn auth(choice: &AuthChoice, path: &str, trail: &[&str], refuse: &mut dyn FnMut(&str, &[&str], &str)) {
    let below = |name: &'static str| [trail, &[name]].concat();
    match choice {
        AuthChoice::One(Auth::Login(_)) => refuse(path, &below("login"), "auth: login"),
        AuthChoice::One(Auth::Jwt(_)) => refuse(path, &below("jwt"), "auth: jwt"),
        _ => {}
    }
}
