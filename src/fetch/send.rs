//! One attempt: the request placed, sent and its answer read whole.
use chrono::Utc;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::body::{Unread, whole};
use super::network::{Closed, refusal};
use super::prepare::prepared;
use super::{Ask, Fetch, Heard};
use crate::bounds::{BODY, HEADERS};
use crate::exchange::{Body, Chosen, Page, Reach};
use crate::redact::redact;

/// Why an attempt gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the name of the site cannot be resolved")]
    Dns,
    #[error("no answer in time")]
    Timeout,
    #[error("the body is more than {0} bytes")]
    TooLarge(usize),
    #[error("its headers are more than {HEADERS} bytes")]
    Headers,
    #[error("the body cannot be kept on the disk: {0}")]
    Spool(#[from] std::io::Error),
    #[error("the site cannot be reached: {0}")]
    Unreached(String),
    #[error("it redirects again and again: {REDIRECTS} redirects were followed, the last one to {0}")]
    Redirects(String),
    #[error(
        "it cannot be sent: a header, or a credential in one, holds a line end or another sign that headers cannot hold"
    )]
    Header,
    #[error("{0}")]
    Closed(String),
    #[error("{0}")]
    Other(String),
}

impl Fault {
    /// Whether the site may have counted the request.
    pub(super) fn reached(&self) -> bool {
        !matches!(self, Fault::Dns | Fault::Unreached(_) | Fault::Header | Fault::Closed(_))
    }

    /// Whether its host is in a network that the source may not enter.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self, Fault::Closed(_))
    }

    /// What a client says, in the words of how far a request may go.
    pub(super) fn of(error: reqwest::Error, reach: &Reach) -> Self {
        let first: &(dyn std::error::Error + 'static) = &error;
        let mut causes = std::iter::successors(Some(first), |error| error.source());
        match causes.find_map(|cause| cause.downcast_ref::<Closed>()) {
            Some(closed) => Fault::Closed(refusal(closed, reach)),
            None => error.into(),
        }
    }

    /// Whether another attempt would come to the same.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Fault::Redirects(_) | Fault::Header)
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
        // The address was read before: what is left of a request to be refused are its headers.
        if error.is_builder() {
            return Fault::Header;
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

impl From<Unread> for Fault {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge(cap) => Fault::TooLarge(cap),
            Unread::Disk(error) => Fault::Spool(error),
            Unread::Network(error) => error.into(),
        }
    }
}

/// Most redirects that are followed.
const REDIRECTS: usize = 10;

impl Fetch {
    /// Sends a request once, following redirects within its origin.
    pub(super) async fn send(&self, ask: &Ask<'_>, url: &Url, token: Option<&SecretString>) -> Result<Page, Fault> {
        let mut hop = Hop { method: &ask.request.method, url: url.clone(), body: ask.request.body.as_ref() };
        let mut hops = 0;
        loop {
            let (request, reach) = self.place(ask, &hop, token)?;
            let answer = request.send().await.map_err(|error| Fault::of(error, &reach))?;
            let status = answer.status().as_u16();
            if let Some(next) = hop.next(ask, &answer) {
                if hops == REDIRECTS {
                    return Err(Fault::Redirects(next.url.into()));
                }
                hop = next;
                hops += 1;
                continue;
            }
            let headers = headers(&answer)?;
            let body = whole(answer, &self.spool, BODY).await?;
            let url = redact(hop.url.as_str()).into_owned();
            let (method, fetched) = (hop.method.to_owned(), Utc::now());
            let page = Page { url, method, status, headers, body, unpacked: None, fetched, attempts: 1 };
            return Ok(prepared(page, &self.spool)?);
        }
    }

    fn place(
        &self,
        ask: &Ask<'_>,
        hop: &Hop<'_>,
        token: Option<&SecretString>,
    ) -> Result<(reqwest::RequestBuilder, Reach), Fault> {
        let mut url = hop.url.clone();
        if !ask.credential.query.is_empty() {
            let mut pairs = url.query_pairs_mut();
            for (name, value) in &ask.credential.query {
                pairs.append_pair(name, value.expose_secret());
            }
        }
        let (target, _) = ask.origins.target(&url);
        let method = reqwest::Method::from_bytes(hop.method.as_bytes()).unwrap_or(reqwest::Method::GET);
        let reach = ask.reach(&hop.url);
        let client = self.clients.of(&target, &reach, !ask.credential.is_empty());
        let client = client.map_err(|closed| Fault::Closed(refusal(&closed, &reach)))?;
        let mut request = client.request(method, target).timeout(ask.limits.timeout);
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
        let request = match hop.body {
            None => request,
            Some(body) => {
                let request =
                    if written("Content-Type") { request } else { request.header("Content-Type", &body.media) };
                request.body(body.bytes.clone())
            }
        };
        Ok((request, reach))
    }
}

impl Ask<'_> {
    /// How far a request to this address goes. What stands for its origin was written by the user.
    pub(super) fn reach(&self, url: &Url) -> Reach {
        let reach = &self.request.reach;
        match self.origins.covers(url) {
            true => Reach { chosen: Chosen::Files("`origins` or `--origin`".into()), ..*reach },
            false => reach.clone(),
        }
    }
}

/// A request on its way: as it was written, or as a redirect changed it.
struct Hop<'a> {
    method: &'a str,
    url: Url,
    body: Option<&'a Body>,
}

impl<'a> Hop<'a> {
    /// The request that a redirect within the origin asks for, RFC 9110 section 15.4; `None` for any other answer. As
    /// browsers do, a POST that has moved is a GET without a body unless 307 or 308 say that it stays what it is.
    fn next(&self, ask: &Ask<'_>, answer: &reqwest::Response) -> Option<Self> {
        let status = answer.status().as_u16();
        let location = answer.headers().get("location")?;
        let location = String::from_utf8_lossy(location.as_bytes());
        let (target, _) = ask.origins.target(&self.url);
        // What stands for the site may name itself where the site would name itself.
        let mut url = self.url.join(&location).ok()?;
        if url.origin() == target.origin() {
            url = self.url.join(&url[url::Position::BeforePath..]).ok()?;
        }
        if url.origin() != self.url.origin() {
            return None;
        }
        // A credential that the site repeats is placed again, once.
        let placed = |name: &str| ask.credential.query.iter().any(|(known, _)| known == name);
        if url.query_pairs().any(|(name, _)| placed(&name)) {
            let kept: Vec<_> = url.query_pairs().into_owned().filter(|(name, _)| !placed(name)).collect();
            url.set_query(None);
            if !kept.is_empty() {
                url.query_pairs_mut().extend_pairs(kept);
            }
        }
        match (status, self.method) {
            (307 | 308, _) | (301..=303, "GET" | "HEAD") => Some(Hop { url, ..*self }),
            (303, _) | (301 | 302, "POST") => Some(Hop { method: "GET", url, body: None }),
            (301 | 302, _) => Some(Hop { url, ..*self }),
            _ => None,
        }
    }
}

/// Headers as text. Bytes that are not UTF-8 become U+FFFD: a header is never left out.
pub(super) fn headers(answer: &reqwest::Response) -> Result<Vec<(String, String)>, Fault> {
    let length = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        name.as_str().len() + value.len()
    };
    if answer.headers().iter().map(length).sum::<usize>() > HEADERS {
        return Err(Fault::Headers);
    }
    let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(answer.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect())
}
