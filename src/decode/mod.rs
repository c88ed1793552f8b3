//! Decoding: from the bytes of a page to values.
mod content;
mod json;
mod text;

use serde::Deserialize;

pub use content::{ends_early, plain, unpack};
pub use json::{Decoded, List, Note, Row, Unread, envelope, json, records, whole};
pub use text::{Text, recode, text};

/// How a body becomes values.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decoding {
    /// RFC 8259.
    #[default]
    Json,
    /// One JSON value a line.
    Ndjson,
    /// XML 1.0.
    Xml,
    /// RSS 2.0: channel members and `items`.
    Rss,
    /// Comma-separated values, RFC 4180.
    Csv,
    /// The `JobPosting` objects of a page.
    Jsonld,
    /// CSS selectors into a tree.
    Html(Selectors),
}

/// NAME: `CSS`, `CSS @attr`, `CSS @html`, or `{each: CSS, NAME: …}`.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Selectors(pub std::collections::BTreeMap<String, Selector>);

/// One selection.
#[derive(Clone, Debug, PartialEq)]
pub enum Selector {
    /// The first match.
    One(String),
    /// One object for each match of `each`.
    Each(std::collections::BTreeMap<String, Selector>),
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SelectorVisitor;
        impl<'de> serde::de::Visitor<'de> for SelectorVisitor {
            type Value = Selector;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a CSS selector, or `{each: CSS, NAME: CSS}`")
            }
            fn visit_str<E>(self, text: &str) -> Result<Selector, E> {
                Ok(Selector::One(text.to_owned()))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Selector, A::Error> {
                let mut members = std::collections::BTreeMap::new();
                while let Some((name, selector)) = map.next_entry()? {
                    members.insert(name, selector);
                }
                if !members.contains_key("each") {
                    return Err(serde::de::Error::missing_field("each"));
                }
                Ok(Selector::Each(members))
            }
        }
        deserializer.deserialize_any(SelectorVisitor)
    }
}

/// Why a body could not be decoded.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// The compression is broken, or not one that is known.
    #[error("the body cannot be unpacked: {0}")]
    Content(String),
    /// It unpacks to more than is allowed.
    #[error("the body unpacks to more than {0} bytes")]
    TooLarge(usize),
    /// What stands around the records, or all of a body without a list of them, takes too much memory.
    #[error("the answer holds too much to be read: its values take more than {} MiB, at byte {at}", most >> 20)]
    TooMany {
        /// Bytes that they may take.
        most: usize,
        /// Where it is too much.
        at: usize,
    },
    /// A page for people where data was expected.
    #[error("HTML where JSON was expected: a wall against robots, or a login page; it begins `{0}`")]
    Wall(String),
    /// The packed body ends before its end.
    #[error("the packed body ends too early, after {0} bytes")]
    Packed(usize),
    /// The text ends inside a value.
    #[error("the answer ends too early, after {0} bytes; it begins `{1}`")]
    Cut(usize, String),
    /// Something stands before the JSON so that no other page can run it.
    #[error("not JSON: a guard against other pages stands before it; it begins `{0}`")]
    Guard(String),
    /// Not JSON.
    #[error("not JSON: {0}; it begins `{1}`")]
    Json(String, String),
}

impl Decoding {
    /// The member's name when it is not built yet.
    pub fn unbuilt(&self) -> Option<&'static str> {
        match self {
            Decoding::Json => None,
            Decoding::Ndjson => Some("ndjson"),
            Decoding::Xml => Some("xml"),
            Decoding::Rss => Some("rss"),
            Decoding::Csv => Some("csv"),
            Decoding::Jsonld => Some("jsonld"),
            Decoding::Html(_) => Some("html"),
        }
    }
}
