//! Secrets that are written out: a file is read by many, copied and kept for ever.
use secrecy::SecretString;

use super::Report;
use super::requests::with;
use crate::definition::auth::{Auth, Oauth2};
use crate::definition::literal::{is_literal, names_a_secret};
use crate::definition::ordered::Ordered;
use crate::definition::pipelines::{Pipelines, Store};
use crate::definition::request::Part;
use crate::redact::hide;
use crate::scalar::Template;
use crate::tree::Tree;

/// The credential of a call.
pub(super) fn auth(auth: &Auth, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    match auth {
        Auth::None | Auth::Login(_) | Auth::Jwt(_) => {}
        Auth::Basic(basic) => template(&basic.password, path, &with(trail, &["basic", "password"]), report),
        Auth::Bearer(token) => template(token, path, &with(trail, &["bearer"]), report),
        Auth::Key(key) => {
            let places = [("header", &key.header), ("query", &key.query), ("cookie", &key.cookie), ("path", &key.path)];
            for (place, entries) in places {
                for (name, value) in entries.iter() {
                    template(value, path, &with(trail, &["key", place, name]), report);
                }
            }
        }
        Auth::Oauth2(oauth2) => self::oauth2(oauth2, path, &with(trail, &["oauth2"]), report),
    }
}

fn oauth2(oauth2: &Oauth2, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let members = [
        ("client_secret", Some(&oauth2.client_secret)),
        ("refresh_token", oauth2.refresh_token.as_ref()),
        ("password", oauth2.password.as_ref()),
    ];
    for (name, value) in members.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        template(value, path, &with(trail, &[name]), report);
    }
    for (place, entries) in [("headers", &oauth2.headers), ("extra", &oauth2.extra)] {
        for (name, value) in entries.iter().filter(|(name, _)| names_a_secret(name)) {
            template(value, path, &with(trail, &[place, name]), report);
        }
    }
}

/// Headers, or the query, of a request.
pub(super) fn parts(parts: &Ordered<Part>, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    for (name, part) in parts.iter().filter(|(name, _)| names_a_secret(name)) {
        let trail = with(trail, &[name]);
        match part {
            Part::Template(value) => template(value, path, &trail, report),
            Part::Value(Tree::Text(text)) if !text.trim().is_empty() => found(text, name, path, &trail, report),
            Part::Value(_) | Part::List(_) | Part::Map(_) => {}
        }
    }
}

/// The credential of the store.
pub(super) fn store(pipelines: &Pipelines, report: &mut Report<'_, '_>) {
    let Store::Elasticsearch(server) = &pipelines.store else { return };
    let trail = ["store", "elasticsearch"];
    if let Some(key) = &server.api_key {
        template(key, "pipelines.yaml", &with(&trail, &["api_key"]), report);
    }
    if let Some(basic) = &server.basic {
        template(&basic.password, "pipelines.yaml", &with(&trail, &["basic", "password"]), report);
    }
}

fn template(value: &Template, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    if is_literal(value) {
        found(value.as_str(), trail.last().copied().unwrap_or_default(), path, trail, report);
    }
}

/// The line as it should be is told, and what stands there is masked where the line is shown.
pub(super) fn found(value: &str, key: &str, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let name = variable(path, key);
    mask(value, path, trail, report);
    let message = format!("`{key}` is a secret that is written out: whoever reads the file has it");

    let mut hint = format!(
        "write `{key}: \"${{secret.{name}}}\"`, and set `{name}` in the environment, in `.env`, or as a file in \
         $CREDENTIALS_DIRECTORY"
    );
    // A key that everybody may know is none of ours.
    if trail.iter().any(|part| matches!(*part, "key" | "headers" | "query")) {
        let public = lower(key);
        hint += &format!("; one that is public is a parameter: `params: {{{public}: …}}` and `${{param.{public}}}`");
    }
    report.value(path, trail, "literal-secret", message, &hint);
}

/// Most texts that are masked: lines of a hundred findings of a file are shown.
const MASKED: usize = 1_000;

/// Masks what stands there, wherever the line is shown.
pub(super) fn mask(value: &str, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    report.masked += 1;
    if report.masked > MASKED {
        return;
    }
    hide([(format!("{path}.{}", trail.join(".")), SecretString::from(value))]);
}

/// The name of the secret: of the source and the key, as in `SITE_X_API_KEY`.
fn variable(path: &str, key: &str) -> String {
    let stem = path.rsplit('/').next().and_then(|name| name.strip_suffix(".yaml")).unwrap_or(path);
    lower(&format!("{stem}_{key}")).to_ascii_uppercase()
}

fn lower(name: &str) -> String {
    name.replace(|sign: char| !sign.is_ascii_alphanumeric(), "_").to_ascii_lowercase()
}
