//! Who we are: the templates of each way to authenticate, and the members that it needs.
use super::Report;
use super::literal;
use super::names::{AUTH, Names};
use super::requests::{plain, with};
use crate::definition::auth::{Auth, Grant, Key, Oauth2};
use crate::definition::ordered::Ordered;
use crate::definition::source::{AuthChoice, Source};
use crate::scalar::{Given, Template};

/// Checks who makes a call.
pub(super) fn auth(choice: &AuthChoice, source: &Source, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let names = Names::new(source, AUTH);
    match choice {
        AuthChoice::One(auth) => one(auth, &names, path, trail, report),
        AuthChoice::Several(branches) => {
            for (index, branch) in branches.iter().enumerate() {
                let index = index.to_string();
                let trail = with(trail, &[&index]);
                let ways = branch.ways();
                if ways.len() != 1 {
                    let message = "a branch of `auth` has exactly one way";
                    let hint = "one of `basic bearer key oauth2 none`, beside `when`";
                    report.value(path, &trail, "one-choice", message, hint);
                }
                if let Some(when) = &branch.when {
                    names.template(when, path, &with(&trail, &["when"]), report);
                }
                ways.iter().for_each(|way| one(way, &names, path, &trail, report));
            }
        }
    }
}

fn one(auth: &Auth, names: &Names<'_>, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    literal::auth(auth, path, trail, report);
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
        self::entries(entries, names, path, &with(trail, &[place]), report);
    }
    if places.iter().all(|(_, entries)| entries.0.is_empty()) {
        let hint = "`header: {NAME: …}`, `query`, `cookie` or `path`";
        report.value(path, trail, "missing-key", "`key` places nothing: nothing would be sent", hint);
    }
}

fn entries(entries: &Ordered<Template>, names: &Names<'_>, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    for (name, template) in entries.iter() {
        plain(name, "write the name out", path, &with(trail, &[name]), report);
        names.template(template, path, &with(trail, &[name]), report);
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
    entries(&oauth2.headers, names, path, &with(trail, &["headers"]), report);
    entries(&oauth2.extra, names, path, &with(trail, &["extra"]), report);
    if let Some(Given::Template(life)) = oauth2.expires.as_ref().and_then(|expires| expires.life.as_ref()) {
        names.template(life, path, &with(trail, &["expires", "life"]), report);
    }
    grant(oauth2, path, trail, report);
}

/// A grant has the members that it sends, and no member of another.
fn grant(oauth2: &Oauth2, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let members = [
        ("refresh_token", oauth2.refresh_token.is_some(), Grant::RefreshToken, "refresh_token"),
        ("user", oauth2.user.is_some(), Grant::Password, "password"),
        ("password", oauth2.password.is_some(), Grant::Password, "password"),
    ];
    for (member, is_there, grant, word) in members {
        let trail = with(trail, &[member]);
        match (is_there, oauth2.grant == grant) {
            (true, false) => {
                let message = format!("`{member}` is sent with `grant: {word}` only");
                report.key(path, &trail, "needs", message, &format!("add `grant: {word}`, or remove this line"));
            }
            (false, true) => {
                let message = format!("`grant: {word}` needs `{member}`");
                report.key(path, &trail, "missing-key", message, &format!("add `{member}: ${{secret.…}}`"));
            }
            _ => {}
        }
    }
}
