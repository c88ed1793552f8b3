//! Secrets that stand where no key is made for one: in addresses, in bodies, in lists, as constants of templates, in the
//! parameter of a credential. Read from the file as it is, so that what cannot be used is masked in its findings too.
use super::Report;
use super::literal::{found, mask};
use crate::definition::literal::{in_address, in_form, in_template, is_secret, looks_secret, names_a_secret};
use crate::definition::node::{File, Kind, Node};
use crate::definition::request::is_method;

/// Parts of a file where a name says what its value is.
const PLACES: [&str; 6] = ["auth", "body", "query", "headers", "elasticsearch", "login"];
/// Keys of credentials for which a parameter is no way out: everybody has a public key, and nobody a public password.
const OWN: [&str; 4] = ["bearer", "password", "client_secret", "refresh_token"];

/// A text of a file, and how one comes there.
struct Place<'t> {
    path: &'t str,
    trail: Vec<String>,
}

/// Finds them in a file.
pub(super) fn file(file: &File, report: &mut Report<'_, '_>) {
    let params = match file.root.get("params") {
        Some(Node { kind: Kind::Map(params), .. }) => params.iter().map(|(key, node)| (&*key.text, node)).collect(),
        _ => Vec::new(),
    };
    let mut place = Place { path: &file.path, trail: Vec::new() };
    walk(&file.root, &mut place, &params, report);
}

fn walk<'t>(node: &'t Node, place: &mut Place<'t>, params: &[(&str, &'t Node)], report: &mut Report<'_, '_>) {
    match &node.kind {
        Kind::Text(said) => text(said, place, params, report),
        Kind::List(list) => {
            for (index, node) in list.iter().enumerate() {
                place.trail.push(index.to_string());
                walk(node, place, params, report);
                place.trail.pop();
            }
        }
        Kind::Map(entries) => {
            for (key, node) in entries {
                if place.trail.last().is_some_and(|step| step == "auth") && looks_secret(&key.text) {
                    mask(&key.text, place.path, &[&key.text], report);
                }
                place.trail.push(key.text.clone());
                walk(node, place, params, report);
                place.trail.pop();
            }
        }
        _ => {}
    }
}

fn text(said: &str, place: &Place<'_>, params: &[(&str, &Node)], report: &mut Report<'_, '_>) {
    let Place { path, trail } = place;
    let trail: Vec<&str> = trail.iter().map(String::as_str).collect();
    let in_list = trail.last().is_some_and(|step| step.parse::<usize>().is_ok());
    let key = trail.iter().rev().copied().find(|step| step.parse::<usize>().is_err()).unwrap_or_default();
    let below = |name: &str| trail.iter().rev().skip(1).any(|step| *step == name);
    if key == "url" || key.ends_with("_url") || is_method(key) {
        for (name, value) in in_address(said) {
            match below("elasticsearch") {
                // The store says itself where they belong.
                true => mask(value, path, &trail, report),
                false => found(value, name, path, &trail, report),
            }
        }
        return;
    }
    if key == "text" && below("body") {
        in_form(said).for_each(|(name, value)| found(value, name, path, &trail, report));
    }
    if (key == "auth" || below("auth")) && looks_secret(said) {
        mask(said, path, &trail, report);
    }
    let named = key == "bearer" || (names_a_secret(key) && PLACES.iter().any(|place| below(place)));
    if !named {
        return;
    }
    if said.contains("${") {
        if let Some(constant) = in_template(said) {
            found(&constant, key, path, &trail, report);
        }
        if OWN.contains(&key) && below("auth") {
            parameters(said, path, params, report);
        }
    } else if (below("body") || in_list) && is_secret(key, said) {
        found(said, key, path, &trail, report);
    }
}

/// Parameters that a credential is made of, where they are written out.
fn parameters(said: &str, path: &str, params: &[(&str, &Node)], report: &mut Report<'_, '_>) {
    for (name, node) in params.iter().filter(|(name, _)| said.contains(&format!("param.{name}"))) {
        let Kind::Text(value) = &node.kind else { continue };
        let constant = if value.contains("${") { in_template(value) } else { Some(value.clone()) };
        if let Some(constant) = constant.filter(|constant| !constant.trim().is_empty()) {
            found(&constant, name, path, &["params", name], report);
        }
    }
}
