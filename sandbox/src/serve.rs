//! HTTP/1.1 by hand, so that an answer can be cut anywhere: one connection, request by request.
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::falsify::{ELSEWHERE, falsify};
use crate::ledger::{Body, Ledger};
use crate::wire::{self, Answer};
use crate::{Fault, Shared, Site, boards, francetravail, smartrecruiters};

/// A request.
pub(crate) struct Asked {
    pub method: String,
    pub path: String,
    /// Path and query, as they came.
    pub target: String,
    pub query: HashMap<String, String>,
    /// By their names in small letters.
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Asked {
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn form(&self) -> HashMap<String, String> {
        pairs(&String::from_utf8_lossy(&self.body))
    }
}

/// `a=b&c=d`, percent-decoded.
fn pairs(text: &str) -> HashMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

pub(crate) fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next().unwrap_or(b'0'), bytes.next().unwrap_or(b'0')];
                u8::from_str_radix(&String::from_utf8_lossy(&digits), 16).unwrap_or(b'?')
            }
            byte => byte,
        });
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What one site keeps for itself.
#[derive(Default)]
struct Keeps {
    tokens: HashMap<String, DateTime<Utc>>,
    /// Requests of this second.
    second: Option<(Instant, u32)>,
    /// The last page of a list, with its path.
    last: Option<(String, Answer)>,
}

/// Serves a site until the task is ended.
pub(crate) async fn serve(site: Site, shared: Shared, listener: TcpListener) {
    let keeps = Arc::new(Mutex::new(Keeps::default()));
    while let Ok((stream, _)) = listener.accept().await {
        let (shared, keeps) = (shared.clone(), keeps.clone());
        tokio::spawn(async move {
            // A client that goes away ends its connection, nothing else.
            let _ = connection(site, shared, keeps, stream).await;
        });
    }
}

async fn connection(site: Site, shared: Shared, keeps: Arc<Mutex<Keeps>>, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(asked) = request(&mut stream, &mut buffer).await? {
        let fault = held(&shared.faults).next(site);
        let (answer, fault, number) = answer(site, &shared, &keeps, &asked, fault);
        let accepted = asked.header("accept-encoding").is_some_and(|accepted| accepted.contains("gzip"));
        let zipped = accepted && (answer.body.len() > 1_000 || fault == Some(Fault::TruncatedGzip));
        let sent = wire::sent(&answer, zipped, fault)?;
        let (first, second) = sent.bytes.split_at(sent.half);
        stream.write_all(first).await?;
        if let Some(Fault::Slow(millis)) = fault {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
        stream.write_all(second).await?;
        if sent.cut {
            return Ok(());
        }
        if let Some(number) = number {
            ledger(&shared).done(number);
        }
    }
    Ok(())
}

/// A lock, also of a thread that panicked.
fn held<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ledger(shared: &Shared) -> MutexGuard<'_, Ledger> {
    held(&shared.ledger)
}

/// The answer, the fault where it really is one for this answer, and the answer's number in the ledger.
fn answer(
    site: Site,
    shared: &Shared,
    keeps: &Mutex<Keeps>,
    asked: &Asked,
    fault: Option<Fault>,
) -> (Answer, Option<Fault>, Option<u64>) {
    let mut keeps = held(keeps);
    let mut answer = match refused(site, shared, &mut keeps, asked, fault) {
        Some(answer) => answer,
        None => page(site, shared, &mut keeps, asked),
    };
    let before = keeps.last.take();
    keeps.last = if answer.is_list { Some((asked.path.clone(), answer.clone())) } else { before.clone() };
    let fault = fault.filter(|fault| falsify(*fault, &mut answer, before, asked));
    if let Some(fault) = fault {
        held(&shared.faults).meet(fault);
    }
    let Some(lines) = answer.lines.clone().filter(|_| answer.status < 300) else { return (answer, fault, None) };
    let mut ledger = ledger(shared);
    let number = ledger.enter(site, &asked.path, lines, fault.map_or(Body::Intact, Fault::body));
    (answer.header("ETag", &format!("\"{number}\"")), fault, Some(number))
}

/// What a fault answers instead of the site, and what the site refuses.
fn refused(site: Site, shared: &Shared, keeps: &mut Keeps, asked: &Asked, fault: Option<Fault>) -> Option<Answer> {
    let mut world = held(&shared.world);
    *world.requests.entry(site).or_default() += 1;
    let rate = world.options.rate;
    drop(world);
    ledger(shared).asked(site, &asked.target);
    ledger(shared).strayed += u64::from(asked.path == ELSEWHERE);
    match fault {
        Some(Fault::Status(status)) => return Some(Answer::new(status).header("Retry-After", "0")),
        Some(Fault::Wait(status, seconds)) => {
            ledger(shared).wait(site, &asked.target, Duration::from_secs(seconds));
            return Some(Answer::new(status).header("Retry-After", &seconds.to_string()));
        }
        Some(Fault::WaitUntil) => {
            let (now, until) = (Utc::now(), Utc::now().timestamp() + 1);
            let wait = DateTime::from_timestamp(until, 0).and_then(|until| (until - now).to_std().ok());
            ledger(shared).wait(site, &asked.target, wait.unwrap_or_default());
            return Some(Answer::new(429).header("Retry-After", &until.to_string()));
        }
        Some(Fault::WaitUnclear) => return Some(Answer::new(429).header("Retry-After", "soon")),
        Some(Fault::Elsewhere) => {
            let port = asked.header("host").and_then(|host| host.rsplit_once(':')).map_or("80", |(_, port)| port);
            let address = format!("http://localhost:{port}{ELSEWHERE}");
            return Some(Answer::new(302).header("Location", &address));
        }
        Some(Fault::RevokeTokens) => keeps.tokens.clear(),
        _ => {}
    }
    let now = Instant::now();
    let (since, count) = keeps.second.get_or_insert((now, 0));
    if now.duration_since(*since).as_secs() >= 1 {
        (*since, *count) = (now, 0);
    }
    *count += 1;
    (site == Site::FranceTravail && *count > rate.saturating_mul(2))
        .then(|| Answer::new(429).header("Retry-After", "1").header("Content-Type", "text/plain"))
}

/// What the site itself answers.
fn page(site: Site, shared: &Shared, keeps: &mut Keeps, asked: &Asked) -> Answer {
    let world = held(&shared.world);
    let before = keeps.tokens.len();
    let answer = match site {
        Site::FranceTravail => francetravail::answer(asked, &world, &mut keeps.tokens),
        Site::Arbeitnow => boards::answer_arbeitnow(asked, &world),
        Site::Remotive => boards::answer_remotive(asked, &world),
        Site::SmartRecruiters => smartrecruiters::answer(asked, &world),
    };
    if keeps.tokens.len() > before {
        let mut ledger = ledger(shared);
        let new = keeps.tokens.keys().filter(|token| !ledger.tokens.contains(token)).cloned().collect::<Vec<_>>();
        ledger.tokens.extend(new);
    }
    answer
}

/// The next request of a connection; `None` when the client has closed it.
pub(crate) async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Asked>> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default().to_owned(), first.next().unwrap_or_default().to_owned());
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while buffer.len() < end + 4 + length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let body = buffer[end + 4..end + 4 + length].to_vec();
    buffer.drain(..end + 4 + length);
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let (path, query) = (path.to_owned(), pairs(query));
    Ok(Some(Asked { method, path, target, query, headers, body }))
}
