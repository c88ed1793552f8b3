//! OAuth 2.0 tokens: asked for once, shared by all requests, renewed by one of them.
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::body::whole;
use super::moment::{self, Wish, left};
use super::network::refusal;
use super::{Ask, Fetch, FetchError, Note, send, told, wait};
use crate::auth::TokenCall;
use crate::bounds::{CREDENTIAL, TOKEN};
use crate::decode::{self, Text};
use crate::exchange::{Chosen, Page, Reach};
use crate::plan::{asked, failure, is_html};
use crate::printable::excerpt;
use crate::redact::{hide, redact};
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
    async fn cell(&self, call: &TokenCall) -> Arc<Mutex<Token>> {
        self.tokens.lock().await.entry(call.identity()).or_default().clone()
    }

    /// The token to use, with its generation; `None` without a token call.
    pub(super) async fn token(&self, ask: &Ask<'_>) -> Result<(Option<SecretString>, u64), FetchError> {
        let Some(call) = &ask.credential.token else { return Ok((None, 0)) };
        let cell = self.cell(call).await;
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
        let cell = self.cell(call).await;
        let mut token = cell.lock().await;
        if token.generation == generation {
            self.call(ask, call, &mut token).await?;
            (ask.note)(Note::Renewed);
        }
        Ok(())
    }

    async fn call(&self, ask: &Ask<'_>, call: &TokenCall, token: &mut Token) -> Result<(), FetchError> {
        let url = url::Url::parse(&call.url)
            .map_err(|error| FetchError::Address(redact(&call.url).into_owned(), error.to_string()))?;
        let (target, _) = ask.origins.target(&url);
        let written = Reach { chosen: Chosen::Files(call.place.clone()), ..ask.request.reach };
        let reach = if ask.origins.covers(&url) { ask.reach(&url) } else { written };
        let key = (target.origin().ascii_serialization(), ask.credential.identity());
        let mut attempt = 1;
        loop {
            self.budgets.over(&key).await?;
            let (why, pause) = match self.ask_token(ask, call, &target, &reach).await {
                Ok(page) => match judge(call, &page) {
                    Answer::Token => return take(call, &page, token),
                    Answer::Refused => return Err(FetchError::Credentials(failure(&page))),
                    Answer::None => {
                        let asked = asked("POST", &page.url);
                        return Err(FetchError::NoToken(format!("{asked} answers {}", without(call, &page))));
                    }
                    Answer::Moved => return Err(FetchError::NoToken(failure(&page))),
                    Answer::Away => {
                        let wish = moment::retry_after(&page, Utc::now());
                        if let Wish::Until(until) = wish {
                            self.budgets.pause(&key, until).await;
                        }
                        told(failure(&page), wish)
                    }
                },
                Err(fault) if fault.is_closed() => {
                    let why = format!("the token call {}: {fault}", asked("POST", &call.url));
                    return Err(FetchError::Closed(redact(&why).into_owned()));
                }
                Err(fault) => {
                    let why = format!("{}: {fault}", asked("POST", &call.url));
                    (redact(&why).into_owned(), None)
                }
            };
            let why = format!("the token call {why}");
            if attempt >= ask.limits.attempts {
                return Err(FetchError::Gone { why, attempts: attempt });
            }
            attempt += 1;
            wait(ask, attempt, why, pause).await?;
        }
    }

    async fn ask_token(
        &self,
        ask: &Ask<'_>,
        call: &TokenCall,
        target: &url::Url,
        reach: &Reach,
    ) -> Result<Page, send::Fault> {
        let pairs = call.form.iter().map(|(name, value)| (name, value.expose_secret()));
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let client = self.clients.of(target, reach, true);
        let client = client.map_err(|closed| send::Fault::Closed(refusal(&closed, reach)))?;
        let mut request = client
            .post(target.clone())
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
        let answer = request.send().await.map_err(|error| send::Fault::of(error, reach))?;
        let status = answer.status().as_u16();
        let headers = send::headers(&answer)?;
        let body = whole(answer, &self.spool, TOKEN).await?;
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

/// What an answer to a token call comes to.
#[derive(Debug, PartialEq)]
enum Answer {
    /// It holds a token.
    Token,
    /// Who asks is not let in, RFC 6749 section 5.2.
    Refused,
    /// The call has moved: nobody is shown the credential who was not named for it.
    Moved,
    /// It is understood, and holds no token.
    None,
    /// The site is away, or under repair: another attempt may succeed.
    Away,
}

fn judge(call: &TokenCall, page: &Page) -> Answer {
    let text = decode::text(page).unwrap_or_else(|_| "".into());
    let answer = read(&text).unwrap_or_default();
    let error = answer.get("error").and_then(Tree::as_str);
    match page.status {
        200..=299 if token_of(call, &answer).is_some() => Answer::Token,
        408 | 429 | 500..=599 => Answer::Away,
        200..=299 | 400..=499 if matches!(error, Some("temporarily_unavailable" | "server_error")) => Answer::Away,
        200..=299 if error.is_some() => Answer::Refused,
        200..=299 if text.trim().is_empty() || is_html(&text) => Answer::Away,
        200..=299 => Answer::None,
        300..=399 => Answer::Moved,
        _ => Answer::Refused,
    }
}

/// An answer as values. What cannot be read in it makes it none.
fn read<'b>(text: &'b Text<'_>) -> Result<Tree<'b>, String> {
    let read = decode::json(text, None).map_err(|error| error.to_string())?;
    match read.unread.is_empty() && !text.trim().is_empty() {
        true => Ok(read.body),
        false => Err("it is no JSON".into()),
    }
}

fn token_of<'t>(call: &TokenCall, answer: &'t Tree<'_>) -> Option<&'t str> {
    answer.get(&call.token_name).and_then(Tree::as_str).filter(|token| (1..=CREDENTIAL).contains(&token.len()))
}

/// What an answer without a token holds. Its values are not told: one of them may be the token, by another name.
fn without(call: &TokenCall, page: &Page) -> String {
    let missing = format!("{} without `{}`", page.status, call.token_name);
    let text = decode::text(page).unwrap_or_else(|_| "".into());
    match read(&text) {
        Ok(answer) if answer.get(&call.token_name).and_then(Tree::as_str).is_some_and(|token| !token.is_empty()) => {
            format!("{} with a token of more than {CREDENTIAL} bytes, which no header takes", page.status)
        }
        Ok(Tree::Object(members)) if members.is_empty() => format!("{missing}: its answer is empty"),
        Ok(Tree::Object(members)) => {
            let names: Vec<String> = members.iter().map(|(name, _)| format!("`{}`", excerpt(name, 40))).collect();
            let all = names.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
            format!("{missing}: it has {all}; `names: {{token: NAME}}` says which of them is the token")
        }
        Ok(other) => format!("{missing}: a {} where an object was expected", other.kind()),
        Err(_) => format!("{missing}: its answer is not JSON"),
    }
}

/// The token of an answer, RFC 6749 section 5.1.
fn take(call: &TokenCall, page: &Page, token: &mut Token) -> Result<(), FetchError> {
    let text = decode::text(page).unwrap_or_else(|_| "".into());
    let answer = read(&text).unwrap_or_default();
    let Some(value) = token_of(call, &answer) else { return Ok(()) };
    let end = match &call.expires {
        Some((at, clock)) => end(&at.read(page, &answer), *clock, page.fetched),
        None => answer.get(&call.expires_name).and_then(|life| end(life, Clock::Seconds, page.fetched)),
    };
    let said = end.map(|end| left(end, page.fetched)).filter(|life| !life.is_zero());
    let life = said.or(call.life).unwrap_or(LIFE);
    let value = SecretString::from(value);
    hide([(format!("token.{:016x}", call.identity()), value.clone())]);
    token.value = Some(value);
    token.renew_at = Some(Instant::now() + life.mul_f64(0.9));
    token.generation += 1;
    Ok(())
}

/// When a token ends, as its answer says it.
fn end(said: &Tree<'_>, clock: Clock, fetched: DateTime<Utc>) -> Option<DateTime<Utc>> {
    moment::instant(&said.scalar_text()?, clock, fetched)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> TokenCall {
        TokenCall {
            url: "https://id.example/token".into(),
            place: "sources/x.yaml:3".into(),
            form: Vec::new(),
            basic: None,
            headers: Vec::new(),
            token_name: "access_token".into(),
            expires_name: "expires_in".into(),
            expires: None,
            life: None,
        }
    }

    fn page(status: u16, body: &str) -> Page {
        Page {
            url: "https://id.example/token".into(),
            method: "POST".into(),
            status,
            headers: Vec::new(),
            body: body.to_owned().into(),
            unpacked: None,
            fetched: "2026-11-27T10:00:00Z".parse().unwrap(),
            attempts: 1,
        }
    }

    #[test]
    fn an_answer_is_judged_by_what_it_holds() {
        let check = |status, body: &str, expect| assert_eq!(judge(&call(), &page(status, body)), expect, "{body}");
        check(200, r#"{"access_token": "T", "error": null}"#, Answer::Token);
        check(200, r#"{"error": "invalid_client"}"#, Answer::Refused);
        check(200, r#"{"error": "temporarily_unavailable"}"#, Answer::Away);
        check(200, r#"{"access_token": ""}"#, Answer::None);
        check(200, r#"{"accessToken": "T"}"#, Answer::None);
        check(200, "access_token=T&scope=x", Answer::None);
        check(200, "\u{feff} <!doctype html><title>Maintenance</title>", Answer::Away);
        check(200, "", Answer::Away);
        check(302, "", Answer::Moved);
        check(400, r#"{"error": "server_error"}"#, Answer::Away);
        check(401, "<html>", Answer::Refused);
        check(408, "", Answer::Away);
        check(503, r#"{"error": "invalid_client"}"#, Answer::Away);
    }

    #[test]
    fn what_may_be_a_token_is_not_told() {
        let check = |body: &str, expect: &str| assert_eq!(without(&call(), &page(200, body)), expect);
        check(
            r#"{"accessToken": "s3cret-token", "life": 9}"#,
            "200 without `access_token`: it has `accessToken`, `life`; `names: {token: NAME}` says which of them is the token",
        );
        check("{}", "200 without `access_token`: its answer is empty");
        check(r#"["s3cret-token"]"#, "200 without `access_token`: a list where an object was expected");
        check("access_token=s3cret-token", "200 without `access_token`: its answer is not JSON");
    }

    #[test]
    fn no_life_is_too_long_or_too_short() {
        let life = |expires: &str| {
            let (mut token, now) = (Token::default(), Instant::now());
            let body = format!(r#"{{"access_token": "T", "expires_in": {expires}}}"#);
            take(&call(), &page(200, &body), &mut token).unwrap();
            let life = token.renew_at.map(|at| at - now).unwrap_or_default();
            (life.as_secs_f64() / 0.9).round() as u64
        };
        let check = |expires: &str, seconds| assert_eq!(life(expires), seconds, "{expires}");
        check("3600", 3600);
        check("\"3599.5\"", 3600);
        for default in ["0", "-5", "1e300", "18446744073709551615", "9223372036854775807", "null", "true", "{}", "[]"] {
            check(default, LIFE.as_secs());
        }
        check("\"2026-11-27T11:00:00Z\"", 3600);
        check("1795777200", 3600);
        check("1795777200000", 3600);
    }
}
