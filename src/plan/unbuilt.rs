//! What is understood and not built yet: a plan that needs it is refused by its name.
use crate::definition::Definitions;
use crate::definition::partition::{Partition, PartitionChoice};
use crate::definition::pipelines::{Pipeline, Step, Store};
use crate::definition::request::{Auth, Grant};
use crate::definition::source::{AuthChoice, Source};
use crate::finding::Finding;

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
    if source.detail.is_some() {
        refuse(&path, &["detail"], "detail");
    }
    match &source.auth {
        AuthChoice::One(Auth::Login(_)) => refuse(&path, &["auth", "login"], "auth: login"),
        AuthChoice::One(Auth::Jwt(_)) => refuse(&path, &["auth", "jwt"], "auth: jwt"),
        AuthChoice::One(Auth::Oauth2(oauth2)) if oauth2.grant != Grant::ClientCredentials => {
            refuse(&path, &["auth", "oauth2", "grant"], "auth: oauth2 with this grant");
        }
        AuthChoice::One(Auth::Oauth2(oauth2)) if oauth2.expires.is_some() => {
            refuse(&path, &["auth", "oauth2", "expires"], "auth: oauth2 with `expires`");
        }
        _ => {}
    }
    for (name, partition) in source.partitions.iter() {
        if let Partition::Choice(choice) = partition {
            match &**choice {
                PartitionChoice::Call(_) => refuse(&path, &["for", name], "for: call"),
                PartitionChoice::File(_) => refuse(&path, &["for", name], "for: file"),
                PartitionChoice::Range(_) => {}
            }
        }
    }
    if source.limits.learn.is_some() {
        refuse(&path, &["limits", "learn"], "limits: learn");
    }
    if let Store::Elasticsearch(_) = definitions.pipelines.store {
        refuse("pipelines.yaml", &["store"], "store: elasticsearch");
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
