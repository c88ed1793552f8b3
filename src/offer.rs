//! The canonical offer: cells by field number, its id and version, and the text that every sink takes.
use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::schema::FieldNumber;
use crate::tree::Tree;

/// An offer being made: one cell a field of the schema, null where the field is empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer<'p> {
    cells: Vec<Tree<'p>>,
}

impl<'p> Offer<'p> {
    /// An empty offer of a schema with this many fields.
    pub fn new(fields: usize) -> Self {
        Offer { cells: vec![Tree::Null; fields] }
    }

    /// The value of a field, null when it is empty.
    pub fn get(&self, field: FieldNumber) -> &Tree<'p> {
        &self.cells[field]
    }

    /// Sets a field.
    pub fn set(&mut self, field: FieldNumber, value: Tree<'p>) {
        self.cells[field] = value;
    }

    /// Takes a field's value out, leaving null.
    pub fn take(&mut self, field: FieldNumber) -> Tree<'p> {
        std::mem::take(&mut self.cells[field])
    }

    /// All cells, in the order of the schema.
    pub fn cells(&self) -> &[Tree<'p>] {
        &self.cells
    }
}

/// Whether a date of an offer can be this: from 1990 to 2099. What lies beyond is a unit misread, or a word for `none`.
pub fn is_of_an_offer(at: DateTime<Utc>) -> bool {
    (1990..2100).contains(&at.year())
}

/// Id of an offer: 16 bytes of a hash of source and key. As text 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OfferId(pub [u8; 16]);

impl OfferId {
    /// The id of a source's offer.
    pub fn new(source: &str, key: &str) -> Self {
        let mut text = Vec::with_capacity(source.len() + 1 + key.len());
        text.extend_from_slice(source.as_bytes());
        text.push(0);
        text.extend_from_slice(key.as_bytes());
        OfferId(xxh3_128(&text).to_be_bytes())
    }

    /// Reads what [`fmt::Display`] prints.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok()).flatten().map(|id| OfferId(id.to_be_bytes()))
    }
}

impl fmt::Display for OfferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// Version of a page or part, shared by its records: `fence << 29 | ticket`. Text in JSON, as it exceeds 2^53.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub u64);

impl Version {
    /// Bits of a ticket.
    pub const TICKET_BITS: u32 = 29;
    /// The highest fence: a version has 63 bits at a server.
    pub const LAST_FENCE: u64 = (1 << (63 - Self::TICKET_BITS)) - 1;

    /// The version of a ticket under a fence.
    pub fn new(fence: u64, ticket: u64) -> Self {
        Version(fence << Self::TICKET_BITS | ticket)
    }

    /// The fence of the claim it was given under.
    pub fn fence(self) -> u64 {
        self.0 >> Self::TICKET_BITS
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map(Version).map_err(serde::de::Error::custom)
    }
}

/// What the program adds to an offer when it is stored; outside the content hash.
#[derive(Clone, Debug, PartialEq)]
pub struct Lifecycle {
    /// When we first read it.
    pub first_seen_at: DateTime<Utc>,
    /// When what we store of it last changed.
    pub changed_at: DateTime<Utc>,
    /// When and why it was closed; `None` while it is open.
    pub closed: Option<(DateTime<Utc>, Closed)>,
    /// Version of the page its content came from.
    pub page: Version,
    /// Fingerprint of the mapping used.
    pub mapping: String,
}

/// Why an offer was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closed {
    /// Unseen in enough complete sweeps.
    NotSeen,
    /// The site says that it is gone.
    Gone,
    /// Its `expires_at` has passed.
    Expired,
    /// A filter keeps it aside now.
    Filtered,
}

impl Closed {
    /// Reads what [`Closed::word`] gives.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Closed::NotSeen, Closed::Gone, Closed::Expired, Closed::Filtered];
        all.into_iter().find(|reason| reason.word() == word)
    }

    /// The word stored in `closed_reason`.
    pub fn word(self) -> &'static str {
        match self {
            Closed::NotSeen => "not_seen",
            Closed::Gone => "gone",
            Closed::Expired => "expired",
            Closed::Filtered => "filtered",
        }
    }
}

/// Hash of an offer's serialised content: what `known` compares.
pub fn content_hash(content: &[u8]) -> u64 {
    xxh3_64(content)
}

/// An instant as documents hold it: UTC, milliseconds only where there are some.
pub fn instant(at: DateTime<Utc>) -> String {
    let format = if at.timestamp_subsec_millis() == 0 { SecondsFormat::Secs } else { SecondsFormat::Millis };
    at.to_rfc3339_opts(format, true)
}

/// What a page (or part) gives to the sinks.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Version of the page.
    pub version: Version,
    /// What is to be written, in page order.
    pub items: Vec<Item>,
}

/// One offer to write.
#[derive(Clone, Debug)]
pub struct Item {
    /// Dense row number of the offer in `known`.
    pub row: u64,
    /// Its id.
    pub id: OfferId,
    /// Hash of its content.
    pub content: u64,
    /// What the program adds.
    pub lifecycle: Lifecycle,
    /// Its serialised content, without lifecycle: a piece of what the page made, which is not copied.
    pub text: Bytes,
}

/// A record that could not be made an offer, or an offer that a store refused for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reject {
    /// Stable reason code: `no_key`, `required`, `decode`, `refused`, …
    pub reason: String,
    /// The stage that rejected it: `decode`, `key`, `map`, `step`, `store`.
    pub stage: String,
    /// The field it is about.
    pub field: Option<String>,
    /// The path or expression that was read, as written in the mapping.
    pub path: Option<String>,
    /// What was found, in words.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_versions_print_and_parse() {
        let id = OfferId::new("francetravail", "183DSTK");
        assert_eq!(OfferId::parse(&id.to_string()), Some(id));
        assert_ne!(id, OfferId::new("francetravai", "l183DSTK"));
        let version = Version::new(1_700_000_000, 3);
        assert_eq!(version.fence(), 1_700_000_000);
        assert_eq!(serde_json::from_str::<Version>(&serde_json::to_string(&version).unwrap()).unwrap(), version);
    }
}
