//! `pipelines.yaml` against the sources that it names.
use std::collections::BTreeMap;
use std::path::{Component, Path};

use super::Report;
use super::names;
use crate::definition::Definitions;
use crate::definition::pipelines::{Pipeline, Sink, Step};
use crate::definition::source::{Param, Source};
use crate::scalar::{Template, nearest};
use crate::tree::Tree;

const PATH: &str = "pipelines.yaml";

/// Checks all pipelines.
pub(super) fn pipelines(report: &mut Report<'_, '_>) {
    let definitions = report.definitions;
    let mut fed: BTreeMap<String, String> = BTreeMap::new();
    let mut named: Vec<&str> = Vec::new();
    for (index, pipeline) in definitions.pipelines.pipelines.iter().enumerate() {
        let index = index.to_string();
        if named.contains(&pipeline.name.as_str()) {
            report.value(
                PATH,
                &["pipelines", &index, "name"],
                "duplicate-key",
                format!("two pipelines are named `{}`", pipeline.name),
                "rename one of them",
            );
        }
        named.push(pipeline.name.as_str());
        uses(pipeline, &index, &mut fed, report);
        for (number, step) in pipeline.steps.iter().enumerate() {
            self::step(step, &["pipelines", &index, "steps", &number.to_string()], report);
        }
        for (number, sink) in pipeline.sinks.iter().enumerate() {
            if let Sink::Files(files) = sink {
                let trail = ["pipelines", &index, "sinks", &number.to_string(), "files", "dir"];
                folder(&files.dir, &trail, report);
            }
        }
    }
    folder(&definitions.pipelines.archive.dir, &["archive", "dir"], report);
    for (origin, target) in definitions.pipelines.origins.iter() {
        for (text, trail) in [(origin, vec!["origins", origin]), (target.to.as_str(), vec!["origins", origin, "to"])] {
            if url::Url::parse(text).is_err() {
                report.value(
                    PATH,
                    &trail,
                    "bad-value",
                    format!("`{text}` is not an origin"),
                    "an origin is `https://host` or `http://host:port`",
                );
            }
        }
    }
}

fn is_name(part: Component<'_>) -> bool {
    matches!(part, Component::Normal(_))
}

/// Refuses a folder that a person would not look for where it is.
fn folder(dir: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let mut parts = Path::new(dir.trim()).components();
    let (leaves, named) = (parts.clone().any(|part| part == Component::ParentDir), parts.any(is_name));
    let message = match dir {
        _ if !leaves && !named => "no folder is named".to_owned(),
        _ if leaves => format!("`{dir}` leads out of the data directory by `..`"),
        _ => return,
    };
    report.value(
        PATH,
        trail,
        "bad-value",
        message,
        "name a folder of the data directory, such as `raw`; for one elsewhere write its whole path, such as `/mnt/raw`",
    );
}

fn uses(pipeline: &Pipeline, index: &str, fed: &mut BTreeMap<String, String>, report: &mut Report<'_, '_>) {
    let definitions = report.definitions;
    for (number, used) in pipeline.sources.iter().enumerate() {
        let number = number.to_string();
        let at = ["pipelines", index, "sources", &number];
        let inner = [at[0], at[1], at[2], at[3], "source"];
        let name = used.source.as_str();
        let Some(source) = definitions.sources.get(name) else {
            if !definitions.files.contains_key(&Definitions::source_path(name)) {
                let hint = nearest(name, definitions.sources.keys().map(String::as_str))
                    .map_or(format!("write `sources/{name}.yaml`"), |near| format!("did you mean `{near}`?"));
                report.value(PATH, &inner, "unknown-name", format!("there is no source `{name}`"), &hint);
            }
            continue;
        };
        if !source.enabled && !pipeline.enable.contains(&used.source) {
            let terms = source.terms.as_deref().unwrap_or("no reason is given");
            report.value(
                PATH,
                &inner,
                "disabled",
                format!("`{name}` is switched off: {terms}"),
                &format!("with the site's consent, say `enable: [{name}]` in this pipeline"),
            );
        }
        params(used, source, &at, report);
        let state = used.name.as_ref().unwrap_or(&used.source).to_string();
        let stores = pipeline.sinks.iter().any(|sink| matches!(sink, Sink::Store));
        if let (true, Some(first)) = (stores, fed.get(&state)) {
            report.value(
                PATH,
                &inner,
                "source-shared",
                format!("pipeline `{first}` feeds the store from `{state}` already"),
                "say `{source: NAME, as: OTHER}`: own ids, own state",
            );
        }
        if stores {
            fed.insert(state, pipeline.name.to_string());
        }
    }
}

fn params(used: &crate::definition::pipelines::Use, source: &Source, at: &[&str; 4], report: &mut Report<'_, '_>) {
    for (name, value) in used.params.iter() {
        let trail = [at[0], at[1], at[2], at[3], "params", name];
        let Some(default) = source.params.get(name) else {
            let hint = match nearest(name, source.params.names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if source.params.names().next().is_none() => "it has none: leave `params` out".to_owned(),
                None => format!("it has: {}", source.params.names().collect::<Vec<_>>().join(", ")),
            };
            report.key(PATH, &trail, "unknown-name", format!("`{}` has no parameter `{name}`", source.source), &hint);
            continue;
        };
        if !fits(default, &value.0) {
            let wanted = match default {
                Param::Value(Tree::Null) | Param::Template(_) => "text",
                Param::Value(default) => default.kind(),
            };
            report.value(
                PATH,
                &trail,
                "wrong-kind",
                format!("{} where the parameter `{name}` is {wanted}", value.0.kind()),
                "the type of a parameter is that of its default",
            );
        }
    }
}

/// The type of a parameter is that of its default; null is text.
pub(crate) fn fits(default: &Param, value: &Tree<'_>) -> bool {
    match (default, value) {
        (_, Tree::Null) => true,
        (Param::Template(_) | Param::Value(Tree::Null), value) => matches!(value.kind(), "text" | "number"),
        (Param::Value(default), value) => default.kind() == value.kind(),
    }
}

fn step(step: &Step, trail: &[&str], report: &mut Report<'_, '_>) {
    let trail = |more: &[&'static str]| trail.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>();
    match step {
        Step::Keep(template) => keep(template, &trail(&["keep"]), report),
        Step::Skills(skills) => {
            for (index, field) in skills.from.iter().enumerate() {
                if report.definitions.schema.field(field).is_none() {
                    let index = index.to_string();
                    let mut trail = trail(&["skills", "from"]);
                    trail.push(&index);
                    report.value(PATH, &trail, "unknown-field", format!("there is no field `{field}`"), "");
                }
            }
            let prefix = format!("{}.", skills.vocabulary);
            if !report.definitions.lookups.names().any(|name| name.starts_with(&prefix)) {
                let message = format!("there is no vocabulary `mappings/lookups/{}.yaml`", skills.vocabulary);
                report.value(PATH, &trail(&["skills", "vocabulary"]), "unknown-table", message, "");
            }
        }
        Step::Place(_) | Step::Duplicates(_) => {}
    }
}

fn keep(template: &Template, trail: &[&str], report: &mut Report<'_, '_>) {
    let schema = report.definitions.schema.clone();
    for mention in template.names() {
        let field = mention.parts[1..].join(".");
        if mention.parts[0] != "offer" {
            let message = format!("`{}` is not known in a step", mention.parts[0]);
            report.inside(PATH, trail, &mention.at, "unknown-name", message, "a step reads `offer.FIELD`");
        } else if schema.field(&field).is_none() && !super::fields::is_object(&schema, &field) {
            let near = nearest(&field, schema.fields().iter().map(|field| field.name.as_str()));
            let hint = near.map(|near| format!("did you mean `offer.{near}`?")).unwrap_or_default();
            report.inside(PATH, trail, &mention.at, "unknown-field", format!("there is no field `{field}`"), &hint);
        }
    }
    for call in template.codes().flat_map(|code| &code.calls) {
        names::conversion(call, PATH, trail, report);
    }
}
