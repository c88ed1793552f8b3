//! One source: its templates, its parts that need one another, its mapping.
use super::Report;
use super::fields;
use super::names::{self, ANSWER, AUTH, CALL, DETAIL, Names, PLAN, REQUEST};
use crate::definition::Definitions;
use crate::definition::ordered::Ordered;
use crate::definition::partition::{Call, Partition, PartitionChoice};
use crate::definition::request::{Auth, AuthBranch, Body, Key, Oauth2, Part, Request, is_method};
use crate::definition::responses::{Action, Code, Responses};
use crate::definition::source::{AuthChoice, NotSeen, Param, Source};
use crate::paginate::{Pagination, Stop};
use crate::scalar::{Given, Value, nearest};
use crate::schema::Field;

/// Checks one source.
pub(super) fn source(stem: &str, report: &mut Report<'_, '_>) {
    let definitions = report.definitions;
    let Some(source) = definitions.sources.get(stem) else { return };
    let path = &Definitions::source_path(stem);
    if source.source.as_str() != stem {
        let message = format!("`{}` is not the file's name", source.source);
        report.value(path, &["source"], "bad-name", message, &format!("write `source: {stem}`, or rename the file"));
    }
    for (name, param) in source.params.iter() {
        if let Param::Template(template) = param {
            Names { roots: &["env"], ..Names::new(source, PLAN) }.template(template, path, &["params", name], report);
        }
    }
    auth(&source.auth, source, path, &["auth"], report);
    request(&source.request, &Names::new(source, REQUEST), path, &["request"], report);
    partitions(source, path, report);
    windows(source, path, report);
    pages(&source.pages, path, &["pages"], source, report);
    responses(&source.responses, source, path, &["responses"], report);
    records(source, path, report);
    lifecycle(source, path, report);
    mapping(source, path, report);
    if let Some(shared) = &source.shared
        && !definitions.shared.contains_key(shared.as_str())
    {
        report.value(path, &["use"], "unknown-name", format!("there is no `sources/shared/{shared}.yaml`"), "");
    }
}

fn with<'t>(trail: &[&'t str], more: &[&'t str]) -> Vec<&'t str> {
    trail.iter().chain(more).copied().collect()
}

fn request(request: &Request, names: &Names<'_>, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let method = request.method.to_lowercase();
    debug_assert!(is_method(&method));
    names.template(&request.url, path, &with(trail, &[&method]), report);
    parts(&request.query, names, path, &with(trail, &["query"]), report);
    parts(&request.headers, names, path, &with(trail, &["headers"]), report);
    match &request.body {
        None => {}
        Some(Body::Json(part)) => self::part(part, names, path, &with(trail, &["body", "json"]), report),
        Some(Body::Form(form)) => parts(form, names, path, &with(trail, &["body", "form"]), report),
        Some(Body::Text(text)) => names.template(text, path, &with(trail, &["body", "text"]), report),
        Some(Body::Graphql(graphql)) => {
            names.template(&graphql.query, path, &with(trail, &["body", "graphql", "query"]), report);
            parts(&graphql.variables, names, path, &with(trail, &["body", "graphql", "variables"]), report);
        }
    }
}

fn parts(parts: &Ordered<Part>, names: &Names<'_>, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    for (name, part) in parts.iter() {
        self::part(part, names, path, &with(trail, &[name]), report);
    }
}

fn part(part: &Part, names: &Names<'_>, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    part.templates(&mut Vec::new(), &mut |below, template| {
        let below: Vec<&str> = below.iter().map(String::as_str).collect();
        names.template(template, path, &with(trail, &below), report);
    });
}

fn auth(choice: &AuthChoice, source: &Source, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let names = Names::new(source, AUTH);
    match choice {
        AuthChoice::One(auth) => one_auth(auth, &names, path, trail, report),
        AuthChoice::Several(branches) => {
            for (index, branch) in branches.iter().enumerate() {
                let index = index.to_string();
                let trail = with(trail, &[&index]);
                let ways = usize::from(branch.basic.is_some())
                    + usize::from(branch.bearer.is_some())
                    + usize::from(branch.key.is_some())
                    + usize::from(branch.oauth2.is_some())
                    + usize::from(branch.none.is_some());
                if ways != 1 {
                    report.value(
                        path,
                        &trail,
                        "one-choice",
                        "a branch of `auth` has exactly one way",
                        "one of `basic bearer key oauth2 none`, beside `when`",
                    );
                }
                self::branch(branch, &names, path, &trail, report);
            }
        }
    }
}

fn branch(branch: &AuthBranch, names: &Names<'_>, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    if let Some(when) = &branch.when {
        names.template(when, path, &with(trail, &["when"]), report);
    }
    if let Some(key) = &branch.key {
        self::key(key, names, path, &with(trail, &["key"]), report);
    }
    if let Some(oauth2) = &branch.oauth2 {
        self::oauth2(oauth2, names, path, &with(trail, &["oauth2"]), report);
    }
}

fn one_auth(auth: &Auth, names: &Names<'_>, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    match auth {
        Auth::None | Auth::Login(_) | Auth::Jwt(_) => {}
        Auth::Basic(basic) => {
            names.template(&basic.user, path, &with(trail, &["basic", "user"]), report);
            names.template(&basic.password, path, &with(trail, &["basic", "password"]), report);
        }
        Auth::Bearer(token) => names.template(token, path, &with(trail, &["bearer"]), report),
        Auth::Key(key) => self::key(key, names, path, &with(trail, &["key"]), report),
        Auth::Oauth2(oauth2) => self::oauth2(oauth2, names, path, &with(trail, &["oauth2"]), report),
    }
}

fn key(key: &Key, names: &Names<'_>, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let places = [("header", &key.header), ("query", &key.query), ("cookie", &key.cookie), ("path", &key.path)];
    for (place, entries) in places {
        for (name, template) in entries.iter() {
            names.template(template, path, &with(trail, &[place, name]), report);
        }
    }
}

fn oauth2(oauth2: &Oauth2, names: &Names<'_>, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let required = [
        ("token_url", Some(&oauth2.token_url)),
        ("client_id", Some(&oauth2.client_id)),
        ("client_secret", Some(&oauth2.client_secret)),
    ];
    let optional = [
        ("scope", oauth2.scope.as_ref()),
        ("refresh_token", oauth2.refresh_token.as_ref()),
        ("user", oauth2.user.as_ref()),
        ("password", oauth2.password.as_ref()),
    ];
    for (name, template) in required.into_iter().chain(optional) {
        if let Some(template) = template {
            names.template(template, path, &with(trail, &[name]), report);
        }
    }
}

fn partitions(source: &Source, path: &str, report: &mut Report<'_, '_>) {
    let mut before: Vec<&str> = Vec::new();
    for (name, partition) in source.partitions.iter() {
        let names = Names { partitions: before.clone(), ..Names::new(source, CALL) };
        match partition {
            Partition::List(list) if list.is_empty() => {
                let place = report.definitions.place(path, &["for", name]);
                report.findings.push(crate::finding::Finding::warning(
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
                PartitionChoice::Range(_) | PartitionChoice::File(_) => {}
            },
        }
        before.push(name);
    }
}

fn call(call: &Call, source: &Source, names: Names<'_>, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    auth(&call.auth, source, path, &with(trail, &["auth"]), report);
    let names = Names { page: call.pages.names(), ..names };
    request(&call.request, &names, path, &with(trail, &["request"]), report);
    pages(&call.pages, path, &with(trail, &["pages"]), source, report);
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
    if let Some(Given::Template(template)) = pages.size() {
        Names::new(source, PLAN).template(template, path, &with(trail, &["size"]), report);
    }
    if let Some(Given::Fixed(0)) = pages.size() {
        report.value(path, trail, "bad-value", "a page of 0 records never ends", "");
    }
}

fn responses(responses: &Responses, source: &Source, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    for (codes, action) in responses.iter() {
        let trail = with(trail, &[&codes.text]);
        let kept = matches!(action, Action::Records | Action::Empty);
        let lossy = |code: &Code| match code {
            Code::Exact(401 | 429) => kept || matches!(action, Action::Skip(_)),
            Code::Exact(500..=599) | Code::Class(5) => kept,
            _ => false,
        };
        if codes.test.is_none() && codes.codes.iter().any(lossy) {
            let message = format!("`{}` cannot be taken for an answer: records would be lost", codes.text);
            report.key(
                path,
                &trail,
                "refused",
                message,
                "401 is `renew`, 429 and 5xx are `retry`; a 5xx may be `skip` with its share, after the retries",
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
    names::expression(&source.records, path, &["records"], report);
    value(&source.key, source, path, &["key"], report);
    if let Value::Expression(key) = &source.key
        && names::expression(
            key,
            path,
            &["key"],
            &mut Report { definitions: report.definitions, findings: &mut Vec::new() },
        )
    {
        report.value(
            path,
            &["key"],
            "field-shape",
            "several matches for `key`",
            "a key is one value: add `| first`, or write a singular path",
        );
    }
    if let Some(only) = &source.only {
        value(only, source, path, &["only"], report);
    }
    if let Some(detail) = &source.detail {
        request(&detail.request, &Names::new(source, DETAIL), path, &["detail", "request"], report);
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
        (None, Some(_)) => {}
        (Some(map), None) => {
            let lines = map.lines(&|field| fields::is_object(&definitions.schema, field));
            fields::lines(&lines, Some(source), path, &["map"], report);
        }
    }
}
