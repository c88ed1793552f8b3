//! One exchange with a site as plain data: the request that goes out and the page that comes back.
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};

/// A request, ready to be sent: no template is left in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// The whole address, query included, without credentials of `auth`.
    pub url: String,
    /// Header names and values as written, without those of `auth`.
    pub headers: Vec<(String, String)>,
    /// The body with its media type.
    pub body: Option<Body>,
    /// Whether it goes where the credentials of its call may go.
    pub trusted: bool,
    /// How far it may go into networks that are not public.
    pub reach: Reach,
}

/// How far a request may go into networks that are not public: that depends on who chose its host.
#[derive(Clone, Debug, PartialEq)]
pub struct Reach {
    /// Whether the source says `private: true`.
    pub private: bool,
    /// Who chose the host.
    pub chosen: Chosen,
}

/// Who chose the host of an address.
#[derive(Clone, Debug, PartialEq)]
pub enum Chosen {
    /// The user: its origin stands in the files, at this place.
    Files(String),
    /// A site, in what this names.
    Answer(String),
}

/// A request body.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// Media type, sent as `Content-Type` unless `headers` names another.
    pub media: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// An answer received whole: a truncated body never becomes a page.
#[derive(Clone, Debug)]
pub struct Page {
    /// The address it was asked at, credentials masked.
    pub url: String,
    /// The HTTP method it was asked with.
    pub method: String,
    /// HTTP status code.
    pub status: u16,
    /// Header names in lower case, with values; repeated headers are repeated.
    pub headers: Vec<(String, String)>,
    /// The body as received: still compressed where the site compressed it.
    pub body: Bytes,
    /// The body as it is read, where it came in another form.
    pub unpacked: Option<Unpacked>,
    /// When the body was complete.
    pub fetched: DateTime<Utc>,
    /// How often the request was sent, the last time included.
    pub attempts: u32,
}

/// A body without its content coding, in UTF-8; a large one lies in a file.
#[derive(Clone, Debug)]
pub struct Unpacked {
    /// The text.
    pub text: Bytes,
    /// Whether U+FFFD stands in it for bytes that are no text.
    pub damaged: bool,
    /// The character set that was guessed, where the body is not what it should be.
    pub guessed: Option<&'static str>,
}

impl Page {
    /// Bytes of its body, as received and as it is read.
    pub fn held(&self) -> usize {
        self.body.len() + self.unpacked.as_ref().map_or(0, |unpacked| unpacked.text.len())
    }

    /// The first value of a header; the name is compared without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_values(name).next()
    }

    /// All values of a header, in the order in which they came.
    pub fn header_values<'p>(&'p self, name: &str) -> impl Iterator<Item = &'p str> {
        let named = self.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }
}

/// A page shared by the stages that work on it.
pub type SharedPage = Arc<Page>;
