//! OAuth 2.0 tokens: asked for once, shared by all requests, renewed by one of them.
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Ask, Fetch, FetchError, LONGEST_WAIT, Note, backoff, send};
use crate::auth::TokenCall;
use crate::auth::redact::redact;
use crate::exchange::Page;
use crate::scalar::Clock;
use crate::tree::Tree;

/// What is known of a token.
#[derive(Debug, Default)]
pub(super) struct Token {
    value: Option<SecretString>,
    /// Renewed at nine tenths of its life.
    renew_at: Option<Instant>,
    /// Rises with each renewal: who was refused under an old one does not renew again.
    generation: u64,
}

/// What a token is worth when the answer does not say.
const LIFE: Duration = Duration::from_secs(300);

impl Fetch {
    async fn cell(&self, ask: &Ask<'_>) -> Arc<Mutex<Token>> {
        self.tokens.lock().await.entry(ask.credential.identity()).or_default().clone()
    }

    /// The token to use, with its generation; `None` without a token call.
    pub(super) async fn token(&self, ask: &Ask<'_>) -> Result<(Option<SecretString>, u64), FetchError> {
        let Some(call) = &ask.credential.token else { return Ok((None, 0)) };
        let cell = self.cell(ask).await;
        let mut token = cell.lock().await;
        let fresh = token.renew_at.is_some_and(|at| Instant::now() < at);
        if token.value.is_none() || !fresh {
            self.call(ask, call, &mut token).await?;
        }
        Ok((token.value.clone(), token.generation))
    }

    /// Renews the token, unless another request has done so since this generation.
    pub(super) async fn renew(&self, ask: &Ask<'_>, generation: u64) -> Result<(), FetchError> {
        let Some(call) = &ask.credential.token else { return Ok(()) };
        let cell = self.cell(ask).await;
        let mut token = cell.lock().await;
        if token.generation == generation {
            self.call(ask, call, &mut token).await?;
            (ask.note)(Note::Renewed);
        }
        Ok(())
    }

    async fn call(&self, ask: &Ask<'_>, call: &TokenCall, token: &mut Token) -> Result<(), FetchError> {
        let mut attempt = 1;
        loop {
            let mut pause = None;
            let why = match self.ask_token(ask, call).await {
                Ok(page) if (200..300).contains(&page.status) => return take(call, &page, token),
                Ok(page) if (400..500).contains(&page.status) && page.status != 429 => {
                    return Err(FetchError::Credentials(redact(&refusal(&page), ask.secrets)));
                }
                Ok(page) => {
                    pause = send::retry_after(&page, Utc::now());
                    format!("the token call answered {}", page.status)
                }
                Err(fault) => format!("the token call: {fault}"),
            };
            if attempt >= ask.limits.attempts {
                return Err(FetchError::Gone { why: redact(&why, ask.secrets), attempts: attempt });
            }
            attempt += 1;
            let wait = pause.unwrap_or_else(|| backoff(ask.limits, attempt));
            if wait > LONGEST_WAIT {
                let until = Utc::now() + chrono::TimeDelta::from_std(wait).unwrap_or_default();
                return Err(FetchError::Quota { why: format!("the site asks for a pause ({why})"), until });
            }
            (ask.note)(Note::Retry { attempt, wait, why: redact(&why, ask.secrets) });
            tokio::time::sleep(wait).await;
        }
    }

    async fn ask_token(&self, ask: &Ask<'_>, call: &TokenCall) -> Result<Page, send::Fault> {
        let url = url::Url::parse(&call.url).map_err(|error| send::Fault::Other(error.to_string()))?;
        let (target, _) = ask.origins.target(&url);
        let pairs = call.form.iter().map(|(name, value)| (name, value.expose_secret()));
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let mut request = self
            .client(&target)
            .post(target)
            .timeout(ask.limits.timeout)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Accept", "application/json")
            .body(form);
        if let Some((user, password)) = &call.basic {
            request = request.basic_auth(user.expose_secret(), Some(password.expose_secret()));
        }
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.map_err(send::Fault::from)?;
        let status = answer.status().as_u16();
        let headers = send::headers(&answer);
        let body = answer.bytes().await.map_err(send::Fault::from)?;
        Ok(Page {
            url: call.url.clone(),
            method: "POST".into(),
            status,
            headers,
            body,
            unpacked: None,
            fetched: Utc::now(),
            attempts: 1,
        })
    }
}

/// The token of an answer, RFC 6749 section 5.1.
fn take(call: &TokenCall, page: &Page, token: &mut Token) -> Result<(), FetchError> {
    let answer: Tree<'_> = serde_json::from_slice(&page.body).unwrap_or_default();
    let Some(value) = answer.get(&call.token_name).and_then(Tree::as_str) else {
        return Err(FetchError::Credentials(format!("the token call's answer has no `{}`", call.token_name)));
    };
    let said = match &call.expires {
        Some((at, clock)) => number(&at.read(page, &answer)).map(|found| clock.left(found, seconds(page.fetched))),
        None => answer.get(&call.expires_name).and_then(number).map(|life| Clock::Seconds.left(life, 0.0)),
    };
    let life = said.filter(|life| !life.is_zero()).or(call.life).unwrap_or(LIFE);
    token.value = Some(value.to_owned().into());
    token.renew_at = Some(Instant::now() + life.mul_f64(0.9));
    token.generation += 1;
    Ok(())
}

/// A number, or an instant as seconds since 1970, also as text.
fn number(value: &Tree<'_>) -> Option<f64> {
    let text = value.scalar_text()?;
    text.parse().ok().or_else(|| crate::convert::instant_of(&text).map(seconds))
}

fn seconds(at: chrono::DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

/// The site's own words, RFC 6749 section 5.2; a body that is not JSON is cut.
fn refusal(page: &Page) -> String {
    let status = page.status;
    let answer: Tree<'_> = serde_json::from_slice(&page.body).unwrap_or_default();
    let word = |name: &str| answer.get(name).and_then(Tree::as_str).map(str::to_owned);
    match (word("error"), word("error_description")) {
        (Some(error), Some(description)) => format!("{error}: {description} (status {status})"),
        (Some(error), None) => format!("{error} (status {status})"),
        _ => format!("status {status}: {}", String::from_utf8_lossy(&page.body).chars().take(120).collect::<String>()),
    }
}
