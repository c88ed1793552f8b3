//! The bytes of an answer as a rule says: rendered, encoded, packed, cut.
use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use minijinja::{Error, ErrorKind};

use super::template::{Request, Templates};
use super::{Encoding, Length, Pack, Rule};

/// An answer on the wire.
pub(super) struct Bytes {
    pub status: u16,
    pub bytes: Vec<u8>,
    /// Whether the connection is closed behind it.
    pub close: bool,
}

impl Bytes {
    /// A short text.
    pub(super) fn plain(status: u16, text: &str) -> Self {
        let head =
            format!("HTTP/1.1 {status} Answer\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", text.len());
        Bytes { status, bytes: (head + text).into_bytes(), close: false }
    }
}

/// The answer of a rule.
pub(super) fn bytes(rule: &Rule, templates: &Templates, request: &Request) -> Result<Bytes, Error> {
    if rule.hang_up {
        return Ok(Bytes { status: 0, bytes: Vec::new(), close: true });
    }
    let status = match &rule.status {
        None => 200,
        Some(status) => {
            let text = templates.text(status, request)?;
            text.trim().parse().map_err(|_| invalid(format!("the status `{text}` is no number")))?
        }
    };
    let (kind, body) = body(rule, templates, request)?;
    let whole = packed(encoded(&body, rule.encoding)?, rule.pack)?;
    let sent = match rule.keep {
        None => whole.len(),
        Some(keep) if keep < 0 => whole.len().saturating_sub(keep.unsigned_abs() as usize),
        Some(keep) => whole.len().min(keep as usize),
    };
    let mut head = format!("HTTP/1.1 {status} Answer\r\n");
    if let Some(kind) = kind.filter(|_| !has(rule, "content-type")) {
        head += &format!("Content-Type: {kind}\r\n");
    }
    if let Some(pack) = rule.pack.filter(|_| !rule.unlabelled) {
        head += match pack {
            Pack::Gzip => "Content-Encoding: gzip\r\n",
            Pack::Deflate => "Content-Encoding: deflate\r\n",
        };
    }
    for (name, value) in &rule.headers {
        head += &format!("{name}: {}\r\n", templates.text(value, request)?);
    }
    match rule.length {
        Length::Sent if status == 204 || status == 304 => {}
        Length::Sent => head += &format!("Content-Length: {sent}\r\n"),
        Length::Whole => head += &format!("Content-Length: {}\r\n", whole.len()),
        Length::None => head += "Connection: close\r\n",
    }
    head += "\r\n";
    let headers = if rule.encoding == Encoding::Latin1 { Encoding::Latin1 } else { Encoding::Utf8 };
    let mut bytes = encoded(&head, headers)?;
    bytes.extend_from_slice(&whole[..sent]);
    Ok(Bytes { status, bytes, close: rule.length == Length::None || sent < whole.len() })
}

fn has(rule: &Rule, header: &str) -> bool {
    rule.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(header))
}

/// The body as text, and what kind of text it is.
fn body(rule: &Rule, templates: &Templates, request: &Request) -> Result<(Option<&'static str>, String), Error> {
    Ok(match (&rule.json, &rule.text, &rule.html) {
        (Some(json), ..) => (Some("application/json"), templates.json(json, request)?),
        (None, Some(text), _) => (Some("text/plain"), templates.text(text, request)?),
        (None, None, Some(html)) => (Some("text/html"), templates.text(html, request)?),
        (None, None, None) => (None, String::new()),
    })
}

fn encoded(text: &str, encoding: Encoding) -> Result<Vec<u8>, Error> {
    match encoding {
        Encoding::Utf8 => Ok(text.as_bytes().to_vec()),
        Encoding::Latin1 => {
            let byte = |sign: char| u8::try_from(u32::from(sign)).map_err(|_| invalid(format!("`{sign}` is no byte")));
            text.chars().map(byte).collect()
        }
        Encoding::Hex => {
            let digits: Vec<u32> = text.chars().filter_map(|sign| sign.to_digit(16)).collect();
            Ok(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8)).collect())
        }
    }
}

fn packed(bytes: Vec<u8>, pack: Option<Pack>) -> Result<Vec<u8>, Error> {
    let done = match pack {
        None => Ok(bytes),
        Some(Pack::Gzip) => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&bytes).and_then(|()| encoder.finish())
        }
        Some(Pack::Deflate) => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&bytes).and_then(|()| encoder.finish())
        }
    };
    done.map_err(|error| invalid(error.to_string()))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}
