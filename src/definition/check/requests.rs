//! Requests: their templates, and names of members, which hold none.
use super::Report;
use super::literal;
use super::names::Names;
use crate::definition::ordered::Ordered;
use crate::definition::request::{Body, Part, Request, is_method};

pub(super) fn with<'t>(trail: &[&'t str], more: &[&'t str]) -> Vec<&'t str> {
    trail.iter().chain(more).copied().collect()
}

pub(super) fn request(request: &Request, names: &Names<'_>, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let method = request.method.to_lowercase();
    debug_assert!(is_method(&method));
    names.template(&request.url, path, &with(trail, &[&method]), report);
    parts(&request.query, names, path, &with(trail, &["query"]), report);
    parts(&request.headers, names, path, &with(trail, &["headers"]), report);
    literal::parts(&request.query, path, &with(trail, &["query"]), report);
    literal::parts(&request.headers, path, &with(trail, &["headers"]), report);
    let below = |more: &[&'static str]| with(trail, more);
    match &request.body {
        None => {}
        Some(Body::Json(part)) => self::part(part, names, path, &below(&["body", "json"]), report),
        Some(Body::Form(form)) => parts(form, names, path, &below(&["body", "form"]), report),
        Some(Body::Text(text)) => names.template(text, path, &below(&["body", "text"]), report),
        Some(Body::Graphql(graphql)) => {
            names.template(&graphql.query, path, &below(&["body", "graphql", "query"]), report);
            parts(&graphql.variables, names, path, &below(&["body", "graphql", "variables"]), report);
        }
    }
}

pub(super) fn parts(parts: &Ordered<Part>, names: &Names<'_>, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    for (name, part) in parts.iter() {
        let hint = "a name is sent as it is written: write each possible name, with a value that may be null; null \
                    leaves its entry out";
        plain(name, hint, path, &with(trail, &[name]), report);
        self::part(part, names, path, &with(trail, &[name]), report);
    }
}

fn part(part: &Part, names: &Names<'_>, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    members(part, path, trail, report);
    part.templates(&mut Vec::new(), &mut |below, template| {
        let below: Vec<&str> = below.iter().map(String::as_str).collect();
        names.template(template, path, &with(trail, &below), report);
    });
}

/// Names of members, at any depth.
fn members(part: &Part, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    match part {
        Part::Value(_) | Part::Template(_) => {}
        Part::List(list) => {
            for (index, part) in list.iter().enumerate() {
                members(part, path, &with(trail, &[&index.to_string()]), report);
            }
        }
        Part::Map(map) => {
            for (name, part) in map {
                let trail = with(trail, &[name]);
                let hint = "a whole map is `\"${{param.by: 'asc'}}\"`: write that in place of the map";
                plain(name, hint, path, &trail, report);
                members(part, path, &trail, report);
            }
        }
    }
}

/// A name holds no template: it would be sent as it stands.
pub(super) fn plain(name: &str, hint: &str, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    if name.contains("${") {
        report.key(path, trail, "refused", format!("`{name}` is a name, and a name is no template"), hint);
    }
}
