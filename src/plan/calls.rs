//! The calls of a plan, compiled: the list, its details, parent calls.
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::compile::Values;
use super::credential::credential;
use super::{Audience, Call, Detail, Hosts, Limits, RequestPlan};
use crate::auth::Credential;
use crate::bounds::PARALLEL;
use crate::decode::Decoding;
use crate::definition::address::decided_by;
use crate::definition::literal::names_a_secret;
use crate::definition::request::Request as RequestDefinition;
use crate::definition::responses::Responses;
use crate::definition::source::{AuthChoice, Limits as LimitsDefinition, Source};
use crate::finding::Finding;
use crate::paginate::Pagination;
use crate::redact::hide;
use crate::scalar::{Code, Origin, Period, Rate, Span, Template};
use crate::tree::Tree;

fn limits(limits: &LimitsDefinition, trail: &[&str], values: &mut Values<'_>) -> Result<Limits, Finding> {
    let below = |name: &'static str| [trail, &["limits", name]].concat();
    let rate = limits.rate.as_ref().map(|rate| values.given(rate, &below("rate"))).transpose()?;
    let parallel = limits.parallel.as_ref().map(|given| values.given(given, &below("parallel"))).transpose()?;
    if let Some(parallel) = parallel.filter(|parallel| *parallel > PARALLEL) {
        return Err(values.finding(&below("parallel"), format!("{parallel} pages in flight: {PARALLEL} at most")));
    }
    let timeout = limits.timeout.as_ref().map(|given| values.given(given, &below("timeout"))).transpose()?;
    let quota = limits.quota.iter().map(|quota| values.given(quota, &below("quota"))).collect::<Result<_, _>>()?;
    let retry = limits.retry.as_ref();
    Ok(Limits {
        rate: rate.unwrap_or(Rate { count: 5, period: Period::Seconds(1) }),
        quota,
        parallel: parallel.map_or(4, |parallel: u64| (parallel as usize).max(1)),
        timeout: timeout.map_or(Duration::from_secs(30), Span::duration),
        attempts: retry.and_then(|retry| retry.attempts).unwrap_or(5).max(1),
        wait: retry.and_then(|retry| retry.wait).map_or(Duration::from_secs(1), Span::duration),
        at_most: retry.and_then(|retry| retry.at_most).map_or(Duration::from_secs(60), Span::duration),
        learn: limits.learn.clone(),
    })
}

/// Who makes a call.
pub(super) enum Who<'a> {
    /// Whoever it says itself.
    Itself(&'a AuthChoice),
    /// Whoever asks for the list: the credential goes where that of the list may go.
    AsList(&'a Call),
}

/// What a call is compiled from.
pub(super) struct Parts<'a> {
    pub request: &'a RequestDefinition,
    pub who: Who<'a>,
    pub pages: &'a Pagination,
    pub responses: &'a Responses,
    pub limits: &'a LimitsDefinition,
    pub decode: &'a Decoding,
}

/// Compiles a call that stands at this place of the source. Its knobs are those known so far.
pub(super) fn call(
    parts: &Parts<'_>,
    source: &Source,
    trail: &[&str],
    values: &mut Values<'_>,
) -> Result<Call, Finding> {
    parts.request.templates(&mut |template| values.environment(template));
    let mut pages = parts.pages.clone();
    if let Some(size) = pages.size().cloned() {
        pages.sized(values.given(&size, &[trail, &["pages", pages.word(), "size"]].concat())?);
    }
    if let Some(max) = pages.max().cloned() {
        pages.bounded(values.given(&max, &[trail, &["pages", pages.word(), "max"]].concat())?);
    }
    let request = RequestPlan::compile(parts.request)
        .map_err(|error| values.finding(&[trail, &["request"]].concat(), error.to_string()))?;
    let request = Arc::new(request);
    let (credential, audience) = match &parts.who {
        Who::AsList(list) => ((*list.credential).clone(), list.audience.clone()),
        Who::Itself(auth) => {
            let credential = credential(auth, &[trail, &["auth"]].concat(), values)?;
            let trust = source.trust.iter().chain(&credential.origins).cloned().collect();
            let home = decided_by(&parts.request.url, source).is_none().then(|| request.clone());
            (credential, Audience { home, trust })
        }
    };
    let trust: Vec<Origin> = source.trust.iter().chain(&credential.origins).cloned().collect();
    let place = values.place(&[trail, &["request", &parts.request.method.to_lowercase()]].concat());
    let hosts = Hosts::new(parts.request, source, &trust, place)
        .map_err(|error| values.finding(&[trail, &["request"]].concat(), error.to_string()))?;
    let credential = Credential { placed: placed(parts.request, trail, values), ..credential };
    hide_environment(parts.request, values);
    hide_made(parts.request, &[trail, &["request"]].concat(), values);
    if values.missing.is_empty() {
        hide(credential.secrets(source.source.as_str()));
    }
    Ok(Call {
        request,
        audience,
        hosts,
        credential: Arc::new(credential),
        pages,
        responses: parts.responses.clone(),
        limits: limits(parts.limits, trail, values)?,
        decode: parts.decode.clone(),
        knobs: values.knobs(),
    })
}

/// The secrets that a request places by hand.
fn placed(request: &RequestDefinition, trail: &[&str], values: &mut Values<'_>) -> Vec<(String, SecretString)> {
    let mut placed: Vec<(String, SecretString)> = Vec::new();
    let trail = [trail, &["request"]].concat();
    request.templates(&mut |template| {
        for name in template.names_of("secret") {
            if !placed.iter().any(|(known, _)| known == name) {
                placed.push((name.to_owned(), values.secret(name, &trail)));
            }
        }
    });
    placed
}

/// What expressions make of secrets, as `${secret.K | lower}`, where they need nothing of an answer for it.
fn hide_made(request: &RequestDefinition, trail: &[&str], values: &mut Values<'_>) {
    let mut codes = Vec::new();
    request.templates(&mut |template| codes.extend(template.codes()));
    let constant = |code: &&Code| code.names.iter().all(|name| ["secret", "env", "param"].contains(&&*name.parts[0]));
    let of_secrets = |code: &&Code| code.names.iter().any(|name| name.parts[0] == "secret");
    for (number, code) in codes.into_iter().filter(of_secrets).filter(constant).enumerate() {
        // What cannot be read is told where the request is compiled.
        let made =
            Template::try_from(format!("${{{}}}", code.source)).ok().and_then(|made| values.value(&made, trail).ok());
        let made = made.as_ref().and_then(Tree::scalar_text).map(|made| SecretString::from(made.into_owned()));
        hide(made.map(|made| (format!("{}.{number}", trail.join(".")), made)));
    }
}

/// Values of the environment that stand where a credential does, by the name of the part or their own: they are masked,
/// though `secret` was not written. A parameter counts as the variable that it was given.
fn hide_environment(request: &RequestDefinition, values: &Values<'_>) {
    let hide = |name: &str| {
        hide(values.variable(name).map(|value| (name.to_owned(), SecretString::from(value))));
    };
    request.templates(&mut |template| template.names_of("env").filter(|name| names_a_secret(name)).for_each(hide));
    request.named_templates(&mut |part, template| {
        if names_a_secret(part) {
            template.names_of("env").for_each(hide);
            template.names_of("param").filter_map(|name| values.given_by(name)).for_each(hide);
        }
    });
}

/// The second call of each record.
pub(super) fn detail(source: &Source, list: &Call, values: &mut Values<'_>) -> Result<Option<Detail>, Finding> {
    let Some(written) = &source.detail else { return Ok(None) };
    let parts = Parts {
        request: &written.request,
        who: written.auth.as_ref().map_or(Who::AsList(list), Who::Itself),
        // A detail has no pages of its own: `${page.…}` is that of its list.
        pages: &source.pages,
        responses: &Responses::default(),
        limits: written.limits.as_ref().unwrap_or(&source.limits),
        decode: &written.decode,
    };
    let call = call(&parts, source, &["detail"], values)?;
    let merge = written.merge.clone();
    Ok(Some(Detail { call, merge, gone: written.gone.clone(), on_error: written.on_error }))
}
