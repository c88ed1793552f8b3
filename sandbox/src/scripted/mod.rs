//! A site that is given as data: rules say what is answered to which request, in templates.
mod answer;
mod template;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::serve::{self, Asked};
use template::{Request, Templates};

/// What is answered to requests. The first rule that fits a request answers it; without one the answer is 404.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// The path; `*` stands for any characters. Every path without it.
    pub path: Option<String>,
    /// The method. Every method without it.
    pub method: Option<String>,
    /// A minijinja expression over the request that must hold.
    pub when: Option<String>,
    /// How many requests it answers before later rules do.
    pub times: Option<u64>,
    /// The status, a template: 200 without it.
    pub status: Option<String>,
    /// Headers; one value or several, each a template.
    pub headers: Vec<(String, String)>,
    /// A body of JSON: a template whose expressions print JSON.
    pub json: Option<String>,
    /// A body of plain text, a template.
    pub text: Option<String>,
    /// A body of HTML, a template.
    pub html: Option<String>,
    /// How the text becomes bytes.
    pub encoding: Encoding,
    /// How the bytes are packed.
    pub pack: Option<Pack>,
    /// Whether `Content-Encoding` names the packing.
    pub unlabelled: bool,
    /// Bytes of the packed body that are sent; a negative number leaves so many out.
    pub keep: Option<i64>,
    /// What `Content-Length` says.
    pub length: Length,
    /// Milliseconds before the answer.
    pub wait: u64,
    /// The connection is closed instead of an answer.
    pub hang_up: bool,
}

/// How a text becomes bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// One byte a character, for body and headers: any bytes at all can be written so.
    Latin1,
    /// Pairs of hexadecimal digits; other characters are passed over. For the body alone.
    Hex,
}

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pack {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, which HTTP calls deflate.
    Deflate,
}

/// What `Content-Length` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Length {
    /// The bytes that are sent.
    #[default]
    Sent,
    /// The bytes of the whole body: one that is cut is seen to be cut.
    Whole,
    /// Nothing: the body ends when the connection is closed.
    None,
}

/// One request as it was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// The listener that was asked: `site` or `other`.
    pub host: &'static str,
    /// The method.
    pub method: String,
    /// Path and query, as they came.
    pub target: String,
    /// Headers by their names in small letters.
    pub headers: HashMap<String, String>,
    /// The body, as text.
    pub body: String,
    /// The status that was answered; 0 where the connection was closed instead.
    pub status: u16,
}

/// Requests that one site answers: a client that never ends is told 599 from there on.
const MOST: usize = 400;

struct Shared {
    rules: Vec<Rule>,
    templates: Templates,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    day: u64,
    used: Vec<u64>,
    by_path: HashMap<String, u64>,
    exchanges: Vec<Exchange>,
    faults: Vec<String>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A scripted site on two ports of loopback, until it is dropped.
pub struct Scripted {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
    /// The address of the site.
    pub site: SocketAddr,
    /// The address of another origin that the same rules answer.
    pub other: SocketAddr,
}

impl Scripted {
    /// Starts a site inside the caller's runtime.
    pub async fn start(rules: Vec<Rule>) -> io::Result<Self> {
        let site = TcpListener::bind("127.0.0.1:0").await?;
        let other = TcpListener::bind("127.0.0.1:0").await?;
        let addresses = (site.local_addr()?, other.local_addr()?);
        let state = State { day: 1, used: vec![0; rules.len()], ..State::default() };
        let templates = Templates::new(addresses.0, addresses.1);
        let shared = Arc::new(Shared { rules, templates, state: Mutex::new(state) });
        let listeners = [("site", site), ("other", other)];
        let tasks = listeners.map(|(host, listener)| tokio::spawn(serve_host(host, shared.clone(), listener)));
        Ok(Scripted { shared, tasks: tasks.into(), site: addresses.0, other: addresses.1 })
    }

    /// Sets what templates read as `day`.
    pub fn set_day(&self, day: u64) {
        self.shared.state().day = day;
    }

    /// Takes the requests that came since the last call.
    pub fn take_exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.shared.state().exchanges)
    }

    /// What is wrong with the rules, as far as requests came upon it.
    pub fn faults(&self) -> Vec<String> {
        self.shared.state().faults.clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn serve_host(host: &'static str, shared: Arc<Shared>, listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        tokio::spawn(async move {
            // A client that goes away ends its connection, nothing else.
            let _ = connection(host, &shared, stream).await;
        });
    }
}

async fn connection(host: &'static str, shared: &Shared, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(asked) = serve::request(&mut stream, &mut buffer).await? {
        let (bytes, wait, close) = answer_to(host, shared, &asked);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        stream.write_all(&bytes).await?;
        if close {
            return stream.shutdown().await;
        }
    }
    Ok(())
}

/// The bytes of an answer, how long it takes, and whether the connection ends with it.
fn answer_to(host: &'static str, shared: &Shared, asked: &Asked) -> (Vec<u8>, u64, bool) {
    let mut state = shared.state();
    let nth = state.by_path.entry(asked.path.clone()).or_default();
    *nth += 1;
    let request = Request::new(host, asked, *nth, state.day);
    let exchange = |status| Exchange {
        host,
        method: asked.method.clone(),
        target: asked.target.clone(),
        headers: asked.headers.clone(),
        body: String::from_utf8_lossy(&asked.body).into_owned(),
        status,
    };
    let made = if state.exchanges.len() >= MOST {
        Ok((answer::Bytes::plain(599, "the site has answered as often as it does"), 0))
    } else {
        chosen(shared, &mut state, &request).and_then(|rule| match rule {
            Some(rule) => answer::bytes(rule, &shared.templates, &request).map(|bytes| (bytes, rule.wait)),
            None => Ok((answer::Bytes::plain(404, "no rule answers this request"), 0)),
        })
    };
    let (bytes, wait) = made.unwrap_or_else(|fault| {
        state.faults.push(format!("{} {}: {fault}", asked.method, asked.target));
        (answer::Bytes::plain(599, "a rule of the site is faulty"), 0)
    });
    state.exchanges.push(exchange(bytes.status));
    (bytes.bytes, wait, bytes.close)
}

/// The first rule that fits, counted as used.
fn chosen<'s>(shared: &'s Shared, state: &mut State, request: &Request) -> Result<Option<&'s Rule>, minijinja::Error> {
    for (index, rule) in shared.rules.iter().enumerate() {
        let fits = rule.path.as_deref().is_none_or(|path| is_match(path, &request.path))
            && rule.method.as_deref().is_none_or(|method| method.eq_ignore_ascii_case(&request.method))
            && rule.times.is_none_or(|times| state.used[index] < times);
        let holds = |when: &String| shared.templates.holds(when, request);
        if fits && rule.when.as_ref().map(holds).transpose()?.unwrap_or(true) {
            state.used[index] += 1;
            return Ok(Some(rule));
        }
    }
    Ok(None)
}

/// Whether a path fits a pattern in which `*` stands for any characters.
fn is_match(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((head, tail)) => path.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| is_match(tail, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        assert!(is_match("/jobs/*", "/jobs/7") && is_match("/*/jobs", "/a/b/jobs") && is_match("*", "/"));
        assert!(!is_match("/jobs/*", "/job/7") && !is_match("/jobs", "/jobs/7"));
    }
}
