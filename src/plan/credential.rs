//! From `auth` to what is placed into requests. A secret that is missing is named before the first request.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::compile::Values;
use crate::auth::{Credential, TokenCall};
use crate::definition::auth::{Auth, AuthBranch, Credentials, Grant, Key, Oauth2};
use crate::definition::literal::names_a_secret;
use crate::definition::source::AuthChoice;
use crate::finding::Finding;
use crate::scalar::Template;

/// Every branch has a condition, and none holds. One that reads variables may hold elsewhere.
fn no_branch(branches: &[AuthBranch], trail: &[&str], values: &Values<'_>) -> Finding {
    let reads = |root: &str| {
        branches.iter().filter_map(|branch| branch.when.as_ref()).any(|when| when.names_of(root).next().is_some())
    };
    let finding = values.finding(trail, "no branch of `auth` holds: nobody would ask".to_owned());
    let code = if reads("env") || reads("secret") { "unset" } else { finding.code };
    Finding { code, ..finding }
        .hint("give what a `when` asks for, or end the list with a branch without `when`; `- none: {}` asks as nobody")
}

/// The credential of a choice: of several branches the first whose `when` holds.
pub(super) fn credential(choice: &AuthChoice, trail: &[&str], values: &mut Values<'_>) -> Result<Credential, Finding> {
    match choice {
        AuthChoice::One(auth) => one(auth, trail, values),
        AuthChoice::Several(branches) => {
            for (index, found) in branches.iter().enumerate() {
                let index = index.to_string();
                let chosen = match &found.when {
                    None => true,
                    Some(when) => values.value(when, &[trail, &[&index, "when"]].concat())?.is_true(),
                };
                if chosen {
                    let way = found.ways().into_iter().next().unwrap_or(Auth::None);
                    return one(&way, &below(trail, &index), values);
                }
            }
            Err(no_branch(branches, trail, values))
        }
    }
}

fn one(auth: &Auth, trail: &[&str], values: &mut Values<'_>) -> Result<Credential, Finding> {
    match auth {
        Auth::None | Auth::Login(_) | Auth::Jwt(_) => Ok(Credential::default()),
        Auth::Basic(found) => basic(&found.user, &found.password, values, &below(trail, "basic")),
        Auth::Bearer(token) => bearer(token, values, &below(trail, "bearer")),
        Auth::Key(found) => key(found, values, &below(trail, "key")),
        Auth::Oauth2(found) => oauth2(found, values, &below(trail, "oauth2")),
    }
}

fn below<'t>(trail: &[&'t str], name: &'t str) -> Vec<&'t str> {
    trail.iter().copied().chain([name]).collect()
}

fn basic(user: &Template, password: &Template, values: &mut Values<'_>, trail: &[&str]) -> Result<Credential, Finding> {
    let user = values.text(user, &below(trail, "user"))?;
    let password = values.text(password, &below(trail, "password"))?;
    let pair = STANDARD.encode(format!("{user}:{password}"));
    let headers = vec![("Authorization".into(), format!("Basic {pair}").into())];
    Ok(Credential { headers, ingredients: vec![password.into(), pair.into()], ..Credential::default() })
}

fn bearer(token: &Template, values: &mut Values<'_>, trail: &[&str]) -> Result<Credential, Finding> {
    let token = values.text(token, trail)?;
    let headers = vec![("Authorization".into(), format!("Bearer {token}").into())];
    Ok(Credential { headers, ingredients: vec![token.into()], ..Credential::default() })
}

fn key(key: &Key, values: &mut Values<'_>, trail: &[&str]) -> Result<Credential, Finding> {
    let mut placed = |place: &'static str, entries: &crate::definition::ordered::Ordered<Template>| {
        let entries = entries.iter().map(|(name, template)| {
            let trail: Vec<&str> = trail.iter().copied().chain([place, name]).collect();
            Ok((name.to_owned(), SecretString::from(values.text(template, &trail)?)))
        });
        entries.collect::<Result<Vec<_>, Finding>>()
    };
    Ok(Credential {
        headers: placed("header", &key.header)?,
        query: placed("query", &key.query)?,
        cookies: placed("cookie", &key.cookie)?,
        path: placed("path", &key.path)?,
        origins: key.to.clone(),
        ..Credential::default()
    })
}

/// What the form says of its grant, RFC 6749 sections 4.3, 4.4 and 6.
fn grant(oauth2: &Oauth2, values: &mut Values<'_>, trail: &[&str]) -> Result<Vec<(String, SecretString)>, Finding> {
    let (name, members) = match oauth2.grant {
        Grant::ClientCredentials => ("client_credentials", Vec::new()),
        Grant::RefreshToken => ("refresh_token", vec![("refresh_token", "refresh_token", &oauth2.refresh_token)]),
        Grant::Password => {
            ("password", vec![("username", "user", &oauth2.user), ("password", "password", &oauth2.password)])
        }
    };
    let mut form: Vec<(String, SecretString)> = vec![("grant_type".into(), name.to_owned().into())];
    for (member, key, template) in members {
        // That it is there was checked.
        let Some(template) = template else { continue };
        form.push((member.to_owned(), values.text(template, &below(trail, key))?.into()));
    }
    Ok(form)
}

fn oauth2(oauth2: &Oauth2, values: &mut Values<'_>, trail: &[&str]) -> Result<Credential, Finding> {
    let id: SecretString = values.text(&oauth2.client_id, &below(trail, "client_id"))?.into();
    let secret: SecretString = values.text(&oauth2.client_secret, &below(trail, "client_secret"))?.into();
    let mut form = grant(oauth2, values, trail)?;
    if let Some(scope) = &oauth2.scope {
        form.push(("scope".into(), values.text(scope, &below(trail, "scope"))?.into()));
    }
    for (name, template) in oauth2.extra.iter() {
        form.push((name.to_owned(), values.text(template, &[trail, &["extra", name]].concat())?.into()));
    }
    let basic = match oauth2.credentials {
        Credentials::Basic => Some((id, secret)),
        Credentials::Body => {
            form.push(("client_id".into(), id));
            form.push(("client_secret".into(), secret));
            None
        }
    };
    let (mut headers, mut ingredients) = (Vec::new(), Vec::new());
    if let Some((id, secret)) = &basic {
        let pair = format!("{}:{}", id.expose_secret(), secret.expose_secret());
        ingredients.push(STANDARD.encode(pair).into());
    }
    for (name, template) in oauth2.headers.iter() {
        let value = values.text(template, &[trail, &["headers", name]].concat())?;
        if names_a_secret(name) || template.reads("secret") {
            ingredients.push(value.clone().into());
        }
        headers.push((name.to_owned(), value));
    }
    let call = TokenCall {
        url: values.text(&oauth2.token_url, &below(trail, "token_url"))?,
        place: values.place(&below(trail, "token_url")),
        form,
        basic,
        headers,
        token_name: oauth2.names.token.clone(),
        expires_name: oauth2.names.expires.clone(),
        expires: oauth2.expires.as_ref().map(|expires| (expires.at.clone(), expires.unit)),
        life: match oauth2.expires.as_ref().and_then(|expires| expires.life.as_ref()) {
            Some(life) => Some(values.given(life, &below(trail, "expires"))?.duration()),
            None => None,
        },
    };
    Ok(Credential { token: Some(call), ingredients, ..Credential::default() })
}
