//! HTTP/1.1 by hand, so that an answer can be cut anywhere: one connection, request by request.
use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::{Fault, Shared, Site, boards, francetravail, smartrecruiters};

/// A request.
pub(crate) struct Asked {
    pub method: String,
    pub path: String,
    query: HashMap<String, String>,
    headers: HashMap<String, String>,
    body: Vec<u8>,
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

/// An answer.
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    has_total: bool,
}

impl Answer {
    pub(crate) fn new(status: u16) -> Self {
        Answer { status, headers: Vec::new(), body: Vec::new(), has_total: false }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let mut answer = Answer::new(status).header("Content-Type", "application/json;charset=UTF-8");
        answer.body = body.to_string().into_bytes();
        answer
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Says that it announces a total, which a fault may falsify.
    pub(crate) fn total(mut self) -> Self {
        self.has_total = true;
        self
    }

    fn lie(&mut self, by: i64) {
        for (name, value) in &mut self.headers {
            if let (true, Some((range, total))) =
                (name == "Content-Range" && self.has_total, value.clone().split_once('/'))
            {
                *value = format!("{range}/{}", total.parse::<i64>().unwrap_or(0) + by);
            }
        }
    }
}

/// `a=b&c=d`, percent-decoded.
fn pairs(text: &str) -> HashMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
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
        let fault = shared.faults.lock().unwrap_or_else(PoisonError::into_inner).next(site);
        let answer = answer(site, &shared, &keeps, &asked, fault);
        if fault == Some(Fault::Reset) {
            return Ok(());
        }
        let zipped = asked.header("accept-encoding").is_some_and(|accepted| accepted.contains("gzip"))
            && answer.body.len() > 1_000;
        let bytes = written(answer, zipped, fault)?;
        let whole = fault != Some(Fault::Truncated);
        stream.write_all(if whole { &bytes } else { &bytes[..bytes.len() - bytes.len() / 4] }).await?;
        if !whole {
            return Ok(());
        }
    }
    Ok(())
}

fn answer(site: Site, shared: &Shared, keeps: &Mutex<Keeps>, asked: &Asked, fault: Option<Fault>) -> Answer {
    let mut keeps = keeps.lock().unwrap_or_else(PoisonError::into_inner);
    let mut world = shared.world.lock().unwrap_or_else(PoisonError::into_inner);
    *world.requests.entry(site).or_default() += 1;
    match fault {
        Some(Fault::Status(status)) => return Answer::new(status).header("Retry-After", "0"),
        Some(Fault::RevokeTokens) => keeps.tokens.clear(),
        Some(Fault::HtmlWall) => {
            let mut wall = Answer::new(200).header("Content-Type", "text/html");
            wall.body = b"<!DOCTYPE html><html><body>Are you a robot?</body></html>".to_vec();
            return wall;
        }
        _ => {}
    }
    let now = Instant::now();
    let (since, count) = keeps.second.get_or_insert((now, 0));
    if now.duration_since(*since).as_secs() >= 1 {
        (*since, *count) = (now, 0);
    }
    *count += 1;
    if site == Site::FranceTravail && *count > world.options.rate.saturating_mul(2) {
        return Answer::new(429).header("Retry-After", "1").header("Content-Type", "text/plain");
    }
    let mut answer = match site {
        Site::FranceTravail => francetravail::answer(asked, &world, &mut keeps.tokens),
        Site::Arbeitnow => boards::answer_arbeitnow(asked, &world),
        Site::Remotive => boards::answer_remotive(asked, &world),
        Site::SmartRecruiters => smartrecruiters::answer(asked, &world),
    };
    match fault {
        Some(Fault::LyingTotal(by)) => answer.lie(by),
        Some(Fault::BrokenJson) => answer.body.truncate(answer.body.len() / 2),
        _ => {}
    }
    answer
}

fn written(answer: Answer, zipped: bool, fault: Option<Fault>) -> io::Result<Vec<u8>> {
    let mut head = format!("HTTP/1.1 {} Answer\r\n", answer.status);
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    let mut body = answer.body;
    if zipped && fault != Some(Fault::BrokenJson) {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&body)?;
        body = encoder.finish()?;
        head += "Content-Encoding: gzip\r\n";
    }
    if answer.status != 204 {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    head += "\r\n";
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

/// The next request of a connection; `None` when the client has closed it.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Asked>> {
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
    Ok(Some(Asked { method, path: path.to_owned(), query: pairs(query), headers, body }))
}
