//! An answer as bytes on the wire, cut or falsified as a fault says.
use std::io::{self, Write};

use crate::Fault;
use crate::ledger::Line;

/// An answer.
#[derive(Clone)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Its records, when it is a page of them or one of them.
    pub lines: Option<Vec<Line>>,
    /// Whether it is a page of a list.
    pub is_list: bool,
    has_total: bool,
}

impl Answer {
    pub(crate) fn new(status: u16) -> Self {
        Answer { status, headers: Vec::new(), body: Vec::new(), lines: None, is_list: false, has_total: false }
    }

    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
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

    /// Says which records it holds, as a page of a list.
    pub(crate) fn lines(mut self, lines: Vec<Line>) -> Self {
        (self.lines, self.is_list) = (Some(lines), true);
        self
    }

    /// Says which record it is.
    pub(crate) fn line(mut self, line: Line) -> Self {
        self.lines = Some(vec![line]);
        self
    }

    /// The total in its `Content-Range`, with what stands before it.
    pub(crate) fn range(&self) -> Option<(&str, &str)> {
        let has_total = self.has_total;
        let header = self.headers.iter().find(|(name, _)| name == "Content-Range" && has_total);
        header.and_then(|(_, value)| value.split_once('/'))
    }

    /// Replaces a header.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }
}

/// What is sent of an answer.
pub(crate) struct Sent {
    pub bytes: Vec<u8>,
    /// Where it pauses.
    pub half: usize,
    /// Whether the connection is closed behind it, before the answer is complete.
    pub cut: bool,
}

/// The bytes of an answer.
pub(crate) fn sent(answer: &Answer, zipped: bool, fault: Option<Fault>) -> io::Result<Sent> {
    let mut head = format!("HTTP/1.1 {} Answer\r\n", answer.status);
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    let mut body = answer.body.clone();
    if fault == Some(Fault::Bom) {
        body.splice(..0, *b"\xef\xbb\xbf");
    }
    let unsaid = fault == Some(Fault::CutUnsaid);
    if zipped && !unsaid && fault != Some(Fault::BrokenJson) {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&body)?;
        body = encoder.finish()?;
        head += "Content-Encoding: gzip\r\n";
        if fault == Some(Fault::TruncatedGzip) {
            body.truncate(body.len() * 2 / 3);
        }
    }
    if unsaid {
        head += "Connection: close\r\n";
    } else if answer.status != 204 {
        let more = if fault == Some(Fault::WrongLength) { 100 } else { 0 };
        head += &format!("Content-Length: {}\r\n", body.len() + more);
    }
    head += "\r\n";
    let length = head.len();
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&body);
    let keep = match fault {
        Some(Fault::Reset) => Some(0),
        Some(Fault::ResetInHead) => Some(length / 2),
        Some(Fault::ResetAfterHead) => Some(length),
        Some(Fault::Truncated) => Some(bytes.len() - bytes.len() / 4),
        Some(Fault::WrongLength | Fault::CutUnsaid) => Some(bytes.len()),
        _ => None,
    };
    bytes.truncate(keep.unwrap_or(bytes.len()));
    Ok(Sent { half: bytes.len() / 2, bytes, cut: keep.is_some() })
}
