//! What is due, closed, about to be written outside, waiting for a store, and what a store outside says: plain data.
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Mark;
use crate::event::RunId;
use crate::offer::{Closed, OfferId, Version};

/// An offer that is about to be written to a store outside.
#[derive(Clone, Debug)]
pub struct Intent {
    /// Dense row number.
    pub row: u64,
    /// The source.
    pub source: String,
    /// Its id.
    pub id: OfferId,
    /// Its key.
    pub key: String,
    /// The version it is written under.
    pub version: Version,
    /// When it was first read.
    pub first_seen: DateTime<Utc>,
    /// What brings it; `None` for a closing, which brings nothing.
    pub brought: Option<Brought>,
}

/// What brings an offer: a sweep of the same request and partition that reaches back to its window may close it.
#[derive(Clone, Debug)]
pub struct Brought {
    /// Fingerprint of what is asked.
    pub ask: String,
    /// The partition.
    pub partition: String,
    /// The start of the window.
    pub start: Option<DateTime<Utc>>,
    /// Whether it is an archived page mapped again: an offer that is known stays with what brought it, closed or open.
    pub again: bool,
}

/// What a store outside says of an offer.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Its id.
    pub id: OfferId,
    /// Its key.
    pub key: String,
    /// The version it was written under.
    pub version: u64,
    /// Hash of its content.
    pub content: Option<u64>,
    /// When and why it was closed; `None` while it is open.
    pub closed: Option<(DateTime<Utc>, Closed)>,
    /// When it was first read.
    pub first_seen: DateTime<Utc>,
}

/// What a comparison with what a store outside says came to.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// Rows of the offers that the store holds.
    pub rows: roaring::RoaringBitmap,
    /// Offers that the store holds otherwise than it is known.
    pub differ: u64,
    /// Offers of which the store holds an older version than it was told.
    pub lost: u64,
}

/// Which offers are due to be closed.
#[derive(Clone, Debug)]
pub struct Due {
    /// The source.
    pub source: String,
    /// Fingerprint of what is asked: what another request brought is not judged by it.
    pub ask: String,
    /// How long they must be absent.
    pub since: DueSince,
}

/// How long an offer must be absent.
#[derive(Clone, Copy, Debug)]
pub enum DueSince {
    /// From so many complete sweeps of its partition, and from every page since the first of them.
    Sweeps(u32),
    /// From every page since this instant.
    Instant(DateTime<Utc>),
}

/// Offers that are due.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Rows of partitions that showed other offers, or that are gone.
    pub rows: Vec<u64>,
    /// Rows of partitions of which no offer at all was seen.
    pub empty: Vec<u64>,
    /// These partitions.
    pub partitions: Vec<String>,
    /// Open offers of the source.
    pub open: u64,
}

impl Found {
    /// Adds what is due of a partition.
    pub(in crate::state) fn add(&mut self, partition: &str, rows: Vec<u64>, empty: bool) {
        match (rows.is_empty(), empty) {
            (true, _) => {}
            (false, false) => self.rows.extend(rows),
            (false, true) => {
                self.empty.extend(rows);
                self.partitions.push(partition.to_owned());
            }
        }
    }
}

/// An open offer that is to be closed.
#[derive(Clone, Debug)]
pub struct Closing {
    /// Dense row number.
    pub row: u64,
    /// Its id.
    pub id: OfferId,
    /// Its key.
    pub key: String,
    /// When it was first read.
    pub first_seen: DateTime<Utc>,
    /// The page its content came from.
    pub page: Version,
    /// Fingerprint of the mapping it was made with.
    pub mapping: String,
    /// Its content, where the local store holds it.
    pub content: Option<Bytes>,
    /// Why.
    pub reason: Closed,
}

/// Offers to be closed in one transaction.
#[derive(Clone, Debug)]
pub struct Close {
    /// Run.
    pub run: RunId,
    /// Source.
    pub source: String,
    /// Its ticket.
    pub version: Version,
    /// When.
    pub at: DateTime<Utc>,
    /// Fingerprint of the plan's meaning.
    pub meaning: String,
    /// Whether offers are in the local store.
    pub store: bool,
    /// The offers.
    pub closings: Vec<Closing>,
    /// Files of sinks.
    pub marks: Vec<Mark>,
}

/// Offers that wait for a store that is away.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Waiting {
    /// Since when.
    #[serde(serialize_with = "told")]
    pub since: DateTime<Utc>,
    /// How many; 0 while a run has not begun for it.
    pub offers: u64,
    /// Why.
    pub why: String,
}

fn told<S: serde::Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&crate::offer::instant(*at))
}
