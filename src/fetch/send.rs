//! One attempt: the request placed, sent and its answer read whole.
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::spool::{self, Spool};
use super::{Ask, Fetch, Heard};
use crate::auth::redact::redact;
use crate::exchange::Page;

/// Why an attempt gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the name of the site cannot be resolved")]
    Dns,
    #[error("no answer in time")]
    Timeout,
    #[error("the body is more than {0} bytes")]
    TooLarge(usize),
    #[error("the body cannot be kept on the disk: {0}")]
    Spool(#[from] std::io::Error),
    #[error("the site cannot be reached: {0}")]
    Unreached(String),
    #[error("{0}")]
    Other(String),
}

impl Fault {
    /// Whether the site may have counted the request.
    pub(super) fn reached(&self) -> bool {
        !matches!(self, Fault::Dns | Fault::Unreached(_))
    }

    /// As `responses:` knows it.
    pub(super) fn heard(&self) -> Heard<'static> {
        match self {
            Fault::Dns => Heard::Dns,
            _ => Heard::Timeout,
        }
    }
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Fault::Timeout;
        }
        // The innermost cause says what happened; the outer ones repeat the address.
        let mut cause: &dyn std::error::Error = &error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        let text = cause.to_string();
        match () {
            () if text.contains("lookup") || text.contains("dns") => Fault::Dns,
            () if error.is_connect() => Fault::Unreached(text),
            () => Fault::Other(text),
        }
    }
}

/// Most bytes of a body as received.
const CAP: usize = 128 << 20;
/// Most redirects that are followed.
const REDIRECTS: usize = 10;

impl Fetch {
    /// Sends a request once, following redirects within its origin.
    pub(super) async fn send(&self, ask: &Ask<'_>, url: &Url, token: Option<&SecretString>) -> Result<Page, Fault> {
        let mut url = url.clone();
        let mut hops = 0;
        loop {
            let answer = self.place(ask, &url, token).send().await?;
            let status = answer.status().as_u16();
            let location = answer.headers().get("location").and_then(|value| value.to_str().ok());
            let next = location.and_then(|location| url.join(location).ok());
            let moved = matches!(status, 301 | 302 | 303 | 307 | 308) && ask.request.method == "GET";
            if let (true, Some(next)) = (moved && hops < REDIRECTS, next)
                && next.origin() == url.origin()
            {
                url = next;
                hops += 1;
                continue;
            }
            let headers = headers(&answer);
            let body = whole(answer, &self.spool).await?;
            let url = redact(url.as_str(), ask.secrets);
            let (method, fetched) = (ask.request.method.clone(), Utc::now());
            let mut page = Page { url, method, status, headers, body, unpacked: None, fetched, attempts: 1 };
            page.unpacked = spool::unpack(&page, &self.spool)?;
            return Ok(page);
        }
    }

    fn place(&self, ask: &Ask<'_>, url: &Url, token: Option<&SecretString>) -> reqwest::RequestBuilder {
        let mut url = url.clone();
        if !ask.credential.query.is_empty() {
            let mut pairs = url.query_pairs_mut();
            for (name, value) in &ask.credential.query {
                pairs.append_pair(name, value.expose_secret());
            }
        }
        let (target, _) = ask.origins.target(&url);
        let method = reqwest::Method::from_bytes(ask.request.method.as_bytes()).unwrap_or(reqwest::Method::GET);
        let mut request = self.client(&target).request(method, target).timeout(ask.limits.timeout);
        let written = |name: &str| ask.request.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        for (name, value) in [("Accept", "application/json, */*;q=0.5"), ("Accept-Encoding", "gzip, br, zstd")] {
            if !written(name) {
                request = request.header(name, value);
            }
        }
        for (name, value) in &ask.request.headers {
            request = request.header(name, value);
        }
        for (name, value) in &ask.credential.headers {
            request = request.header(name, value.expose_secret());
        }
        if !ask.credential.cookies.is_empty() {
            let cookies =
                ask.credential.cookies.iter().map(|(name, value)| format!("{name}={}", value.expose_secret()));
            request = request.header("Cookie", cookies.collect::<Vec<_>>().join("; "));
        }
        if let Some(token) = token {
            request = request.bearer_auth(token.expose_secret());
        }
        match &ask.request.body {
            None => request,
            Some(body) => {
                let request =
                    if written("Content-Type") { request } else { request.header("Content-Type", &body.media) };
                request.body(body.bytes.clone())
            }
        }
    }
}

/// Headers as plain text; what is not text is left out.
pub(super) fn headers(answer: &reqwest::Response) -> Vec<(String, String)> {
    let headers = answer.headers().iter();
    headers.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect()
}

/// The body, whole: hyper reports one that is shorter than announced as an error.
async fn whole(mut answer: reqwest::Response, folder: &Path) -> Result<Bytes, Fault> {
    let mut body = Spool::new(answer.content_length().unwrap_or(0));
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > CAP {
            return Err(Fault::TooLarge(CAP));
        }
        body.push(&chunk, folder)?;
    }
    Ok(body.done()?)
}

/// `Retry-After` in seconds or as a date, RFC 9110 section 10.2.3.
pub(super) fn retry_after(page: &Page, now: DateTime<Utc>) -> Option<Duration> {
    let value = page.header("retry-after")?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at: DateTime<Utc> = httpdate::parse_http_date(value).ok()?.into();
    Some((at - now).to_std().unwrap_or_default())
}
