//! One source: its templates, its parts that need one another, its mapping.
use std::path::Path;

use super::Report;
use super::fields;
use super::names::{self, ANSWER, CALL, DETAIL, MAPPING, Names, PLAN, REQUEST, SHARED};
use super::requests::{parts, request, with};
use super::{auth::auth, credentials::credentials, unused::unused};
use crate::bounds::PARALLEL;
use crate::definition::Definitions;
use crate::definition::partition::{Call, Partition, PartitionChoice, is_of_project};
use crate::definition::responses::{Action, Code, Responses};
use crate::definition::shared::SharedPart;
use crate::definition::source::{Limits, NotSeen, Param, Source};
use crate::paginate::{Pagination, Stop};
use crate::scalar::{Given, Template, Value, nearest};
use crate::schema::Field;

/// Checks one source.
pub(super) fn source(stem: &str, report: &mut Report<'_, '_>) {
    let definitions = report.definitions;
    let Some(written) = definitions.sources.get(stem) else { return };
    let path = &Definitions::source_path(stem);
    let whole = definitions.whole(written);
    // What stands in the file is checked there, and may read what the shared part declares.
    let source = &Source { params: whole.params.clone(), auth: whole.auth.clone(), ..written.clone() };
    if source.source.as_str() != stem {
        let message = format!("`{}` is not the file's name", source.source);
        report.value(path, &["source"], "bad-name", message, &format!("write `source: {stem}`, or rename the file"));
    }
    for (name, param) in written.params.iter() {
        if let Param::Template(template) = param {
            Names { roots: &["env"], ..Names::new(source, PLAN) }.template(template, path, &["params", name], report);
        }
    }
    if let Some(own) = &written.auth {
        auth(own, source, path, &["auth"], report);
    }
    request(&source.request, &Names::new(source, REQUEST), path, &["request"], report);
    partitions(source, path, report);
    windows(source, path, report);
    pages(&source.pages, path, &["pages"], source, report);
    responses(&source.responses, source, path, &["responses"], report);
    records(source, path, report);
    lifecycle(source, path, report);
    mapping(source, path, report);
    limits(&source.limits, source, path, &["limits"], report);
    unused(&whole, path, report);
    credentials(&whole, path, report);
    let Some(name) = &source.shared else { return };
    match definitions.shared.get(name.as_str()) {
        Some(part) => shared(part, source, &format!("sources/shared/{name}.yaml"), report),
        None => {
            let near = nearest(name.as_str(), definitions.shared.keys().map(String::as_str));
            let hint = near.map_or("write that file, or remove `use`".into(), |near| format!("did you mean `{near}`?"));
            report.value(path, &["use"], "unknown-name", format!("there is no `sources/shared/{name}.yaml`"), &hint);
        }
    }
}

/// A shared part as a source uses it. Two sources that find the same fault tell it once.
fn shared(part: &SharedPart, source: &Source, path: &str, report: &mut Report<'_, '_>) {
    for (name, param) in part.params.iter() {
        if let Param::Template(template) = param {
            Names { roots: &["env"], ..Names::new(source, PLAN) }.template(template, path, &["params", name], report);
        }
    }
    if let Some(choice) = &part.auth {
        auth(choice, source, path, &["auth"], report);
    }
    let names = Names::new(source, SHARED);
    parts(&part.headers, &names, path, &["headers"], report);
    parts(&part.query, &names, path, &["query"], report);
    responses(&part.responses, source, path, &["responses"], report);
    if let Some(own) = &part.limits {
        limits(own, source, path, &["limits"], report);
    }
}

/// Templates of limits.
fn limits(limits: &Limits, source: &Source, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let names = Names::new(source, PLAN);
    if let Some(Given::Fixed(parallel)) = limits.parallel
        && parallel > PARALLEL
    {
        let message = format!("{parallel} pages in flight: {PARALLEL} at most");
        report.value(path, &with(trail, &["parallel"]), "bad-value", message, "a site answers a few at a time");
        return;
    }
    let mut check = |template: Option<&Template>, more: &[&str]| {
        if let Some(template) = template {
            names.template(template, path, &with(trail, more), report);
        }
    };
    check(limits.rate.as_ref().and_then(Given::template), &["rate"]);
    check(limits.parallel.as_ref().and_then(Given::template), &["parallel"]);
    check(limits.timeout.as_ref().and_then(Given::template), &["timeout"]);
    for (index, quota) in limits.quota.iter().enumerate() {
        check(quota.template(), &["quota", &index.to_string()]);
    }
}

/// Most names of `for`: each level is asked for within that before it.
pub(super) const NAMES: usize = 20;

fn partitions(source: &Source, path: &str, report: &mut Report<'_, '_>) {
    let count = source.partitions.iter().count();
    if count > NAMES {
        report.key(path, &["for"], "bad-value", format!("`for` has {count} names: {NAMES} at most"), "");
        return;
    }
    let mut before: Vec<&str> = Vec::new();
    for (name, partition) in source.partitions.iter() {
        let names = Names { partitions: before.clone(), ..Names::new(source, CALL) };
        match partition {
            Partition::List(list) if list.is_empty() => {
                let place = report.definitions.place(path, &["for", name]);
                report.add(crate::finding::Finding::warning(
                    "needs",
                    place,
                    format!("`for.{name}` is empty: nothing is read"),
                ));
            }
            Partition::List(_) => {}
            Partition::Template(template) => {
                Names { roots: &["param", "env", "for"], ..names }.template(template, path, &["for", name], report);
            }
            Partition::Choice(choice) => match &**choice {
                PartitionChoice::Call(call) => self::call(call, source, names, path, &["for", name, "call"], report),
                PartitionChoice::Range(range) if range.step == 0 => {
                    report.value(path, &["for", name, "range", "step"], "bad-value", "a step of 0 never ends", "");
                }
                PartitionChoice::Range(range) if range.count() > MOST_VALUES => {
                    let message = format!("`for.{name}` has {} values: {MOST_VALUES} at most", range.count());
                    report.value(path, &["for", name, "range"], "bad-value", message, "choose a greater `step`");
                }
                PartitionChoice::File(file) if !is_of_project(Path::new(&file.path)) => {
                    let message = format!("`{}` names no list of the project", file.path);
                    let hint = "lists lie in the project's folder, such as `lists/departments.csv`";
                    report.value(path, &["for", name, "file", "path"], "refused", message, hint);
                }
                PartitionChoice::Range(_) | PartitionChoice::File(_) => {}
            },
        }
        before.push(name);
    }
    combinations(source, path, report);
}

/// Most values of a range, and most combinations of the names of `for`: each is asked for by itself.
const MOST_VALUES: u64 = 1_000_000;

/// Refuses names that are few values each, and too many together.
fn combinations(source: &Source, path: &str, report: &mut Report<'_, '_>) {
    let numbers = source.partitions.iter().map(|(_, partition)| match partition {
        Partition::List(list) => list.len() as u64,
        Partition::Choice(choice) => match &**choice {
            PartitionChoice::Range(range) => range.count(),
            PartitionChoice::Call(_) | PartitionChoice::File(_) => 1,
        },
        Partition::Template(_) => 1,
    });
    let numbers: Vec<u64> = numbers.collect();
    let all = numbers.iter().fold(1, |all: u64, number| all.saturating_mul(*number));
    if all > MOST_VALUES && numbers.iter().all(|number| *number <= MOST_VALUES) {
        let message = format!("the names of `for` make {all} combinations: {MOST_VALUES} at most");
        report.key(path, &["for"], "bad-value", message, "each combination is asked for by itself: leave values out");
    }
}

fn call(call: &Call, source: &Source, names: Names<'_>, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    if let Some(own) = &call.auth {
        auth(own, source, path, &with(trail, &["auth"]), report);
    }
    if let Some(own) = &call.limits {
        limits(own, source, path, &with(trail, &["limits"]), report);
    }
    let names = Names { page: call.pages.names(), auth: call.auth.as_ref(), ..names };
    request(&call.request, &names, path, &with(trail, &["request"]), report);
    pages(&call.pages, path, &with(trail, &["pages"]), source, report);
    responses(&call.responses, source, path, &with(trail, &["responses"]), report);
    value(&call.value, source, path, &with(trail, &["value"]), report);
    if let Some(only) = &call.only {
        value(only, source, path, &with(trail, &["only"]), report);
    }
}

fn windows(source: &Source, path: &str, report: &mut Report<'_, '_>) {
    let Some(windows) = &source.windows else { return };
    if windows.first.is_some() == windows.from.is_some() {
        report.key(
            path,
            &["windows"],
            "one-choice",
            "`windows` needs exactly one of `first` and `from`",
            "`first: 365d`, or `from: ${…}`",
        );
    }
    let plan = Names::new(source, PLAN);
    for (name, template) in [("from", &windows.from), ("until", &windows.until)] {
        if let Some(template) = template {
            plan.template(template, path, &["windows", name], report);
        }
    }
    for (name, given) in [("first", &windows.first), ("lookback", &windows.lookback), ("step", &windows.step)] {
        if let Some(Given::Template(template)) = given {
            plan.template(template, path, &["windows", name], report);
        }
    }
    if windows.split.is_some() && source.pages.total().is_none() {
        report.key(path, &["windows", "split"], "needs", "`split` needs an announced total", "add `total:` to `pages`");
    }
}

fn pages(pages: &Pagination, path: &str, trail: &[&str], source: &Source, report: &mut Report<'_, '_>) {
    for (name, given) in [("size", pages.size()), ("max", pages.max())] {
        if let Some(Given::Template(template)) = given {
            Names::new(source, PLAN).template(template, path, &with(trail, &[name]), report);
        }
    }
}

fn responses(responses: &Responses, source: &Source, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let said = |code| {
        let mut untested = responses.iter().filter(|(codes, _)| codes.test.is_none());
        untested.any(|(codes, _)| codes.codes.contains(&Code::Exact(code)))
    };
    for (codes, action) in responses.iter() {
        let trail = with(trail, &[&codes.text]);
        let kept = matches!(action, Action::Records | Action::Empty);
        let dropped = kept || matches!(action, Action::Skip(_));
        let lossy = |code: &Code| match code {
            Code::Exact(401 | 429) => dropped,
            // Where nothing else is said of 401 and 429, they are of this class.
            Code::Class(4) => dropped && !(codes.test.is_none() && said(401) && said(429)),
            Code::Exact(500..=599) | Code::Class(5) => kept,
            _ => false,
        };
        if codes.codes.iter().any(lossy) {
            let message = format!("`{}` cannot be taken for an answer: records would be lost", codes.text);
            report.key(
                path,
                &trail,
                "refused",
                message,
                "401 is `renew`, 429 and 5xx are `retry`; a 5xx may be `skip` with its share, after the retries; `4xx` \
                 stands beside entries for both",
            );
        }
        if matches!(action, Action::Split) && source.windows.as_ref().is_none_or(|windows| windows.split.is_none()) {
            report.value(
                path,
                &trail,
                "needs",
                "`split` needs `windows.split`",
                "add `windows: {…, split: {above: N, until: 1m}}`",
            );
        }
        if codes.codes.contains(&Code::Dns) && kept {
            report.key(path, &trail, "refused", "`dns` is no answer", "`retry`, `fail` or `skip`");
        }
        if let Some((name, reason)) = match action {
            Action::Skip(skip) => Some(("skip", &skip.reason)),
            Action::Fail(fail) => Some(("fail", &fail.reason)),
            _ => None,
        } {
            Names::new(source, ANSWER).template(reason, path, &with(&trail, &[name, "reason"]), report);
        }
    }
}

fn value(value: &Value, source: &Source, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let field = Field::any(trail.last().copied().unwrap_or_default());
    fields::value(value, &field, Some(source), path, trail, report);
}

fn records(source: &Source, path: &str, report: &mut Report<'_, '_>) {
    value(&source.key, source, path, &["key"], report);
    key(source, path, report);
    if let Some(only) = &source.only {
        value(only, source, path, &["only"], report);
    }
    if let Some(detail) = &source.detail {
        let names = Names { auth: detail.auth.as_ref(), ..Names::new(source, DETAIL) };
        request(&detail.request, &names, path, &["detail", "request"], report);
        if let Some(own) = &detail.auth {
            auth(own, source, path, &["detail", "auth"], report);
        }
        if let Some(own) = &detail.limits {
            limits(own, source, path, &["detail", "limits"], report);
        }
    }
}

/// A key is one value, or a list of them.
fn key(source: &Source, path: &str, report: &mut Report<'_, '_>) {
    let parts = match &source.key {
        Value::List(list) if list.is_empty() => {
            report.value(path, &["key"], "bad-value", "a key without parts", "write a path, or a list of paths");
            return;
        }
        Value::List(list) => list.iter().enumerate().map(|(index, part)| (vec![index.to_string()], part)).collect(),
        one => vec![(Vec::new(), one)],
    };
    for (below, part) in parts {
        let trail: Vec<&str> = ["key"].into_iter().chain(below.iter().map(String::as_str)).collect();
        let mut findings = Vec::new();
        let mut told = Report::new(report.definitions, &mut findings);
        let plural = match part {
            Value::Expression(key) => names::expression(key, path, &trail, &mut told),
            Value::List(_) | Value::Map(_) => true,
            Value::Template(_) | Value::Constant(_) | Value::Word(_) => false,
        };
        if plural {
            let hint = "a key is one value, or a list of such: add `| first`, or write a singular path";
            report.value(path, &trail, "field-shape", "several matches for `key`", hint);
        }
    }
}

fn lifecycle(source: &Source, path: &str, report: &mut Report<'_, '_>) {
    let needs_sweep = source.windows.is_some() || source.pages.stop().contains(&Stop::Known);
    if let (Some(expire), None, true) = (&source.expire, &source.sweep, needs_sweep)
        && matches!(expire.not_seen, NotSeen::Sweeps(_))
    {
        report.value(
            path,
            &["expire", "not_seen"],
            "needs",
            "sweeps are counted, and none is ever made",
            "add `sweep: {every: 1d}`: with `windows` or `stop: known` a run does not read the whole",
        );
    }
    for (index, field) in source.expect.iter().flat_map(|expect| &expect.required).enumerate() {
        if report.definitions.schema.field(field).is_none() {
            let index = index.to_string();
            let near = nearest(field, report.definitions.schema.fields().iter().map(|field| field.name.as_str()));
            let hint = near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
            report.value(
                path,
                &["expect", "required", &index],
                "unknown-field",
                format!("there is no field `{field}`"),
                &hint,
            );
        }
    }
}

fn mapping(source: &Source, path: &str, report: &mut Report<'_, '_>) {
    let definitions = report.definitions;
    match (&source.map, &source.mapping) {
        (Some(_), Some(_)) => {
            report.key(path, &["mapping"], "one-choice", "both `map` and `mapping`", "keep one of them")
        }
        (None, None) => report.value(
            path,
            &[],
            "missing-key",
            "`map` or `mapping` is missing",
            "add `map:` with the fields, or `mapping: NAME` of a file in `mappings/`",
        ),
        (None, Some(name)) if !definitions.files.contains_key(&format!("mappings/{name}.yaml")) => {
            let near = nearest(name.as_str(), definitions.mappings.keys().map(String::as_str));
            let hint = near.map_or(format!("write `mappings/{name}.yaml`, or an inline `map:`"), |near| {
                format!("did you mean `{near}`?")
            });
            report.value(path, &["mapping"], "unknown-name", format!("there is no `mappings/{name}.yaml`"), &hint);
        }
        // Its names are those of each source that uses it; the rest is checked with the file.
        (None, Some(name)) => {
            let Some(mapping) = definitions.mappings.get(name.as_str()) else { return };
            let file = format!("mappings/{name}.yaml");
            let names = Names::new(source, MAPPING);
            for line in mapping.lines(&|field| fields::is_object(&definitions.schema, field)) {
                let trail: Vec<&str> = line.trail.iter().map(String::as_str).collect();
                templates(line.value, &mut |template| names.template(template, &file, &trail, report));
            }
        }
        (Some(map), None) => {
            let lines = map.lines(&|field| fields::is_object(&definitions.schema, field));
            fields::lines(&lines, Some(source), path, &["map"], report);
        }
    }
}

/// All templates of a value.
fn templates(value: &Value, each: &mut dyn FnMut(&Template)) {
    match value {
        Value::Template(template) => each(template),
        Value::Expression(_) | Value::Constant(_) | Value::Word(_) => {}
        Value::List(list) => list.iter().for_each(|value| templates(value, each)),
        Value::Map(members) => members.iter().for_each(|(_, value)| templates(value, each)),
    }
}
