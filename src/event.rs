//! One fact about what happened. Log, progress, history, summary and board are drawn from these alone.
mod alert;

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::redact::{MASK, redact};

pub use alert::{Alert, AlertKind, HeldBack};

/// Number of a run in its data directory.
pub type RunId = i64;

/// The six outcomes of records, and what stands beside them. Every number of a run is a sum of these over its
/// committed pages: `fetched = indexed + unchanged + superseded + rejected + filtered + duplicate`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Records read, after reshaping.
    pub fetched: u64,
    /// Written at the first sink.
    pub indexed: u64,
    /// Of `indexed`, those whose id was not known.
    pub new: u64,
    /// Equal content, and open.
    pub unchanged: u64,
    /// A higher version is known or stored.
    pub superseded: u64,
    /// No offer could be made, or the store refused it for good.
    pub rejected: u64,
    /// Kept aside by `only` or a step.
    pub filtered: u64,
    /// Its key was already seen in this run with equal content, or comes again in its page.
    pub duplicate: u64,
    /// Offers closed; counts apart.
    pub closed: u64,
}

impl Counts {
    /// Adds another page's numbers.
    pub fn add(&mut self, other: &Counts) {
        self.fetched += other.fetched;
        self.indexed += other.indexed;
        self.new += other.new;
        self.unchanged += other.unchanged;
        self.superseded += other.superseded;
        self.rejected += other.rejected;
        self.filtered += other.filtered;
        self.duplicate += other.duplicate;
        self.closed += other.closed;
    }

    /// Whether the six outcomes add up to what was fetched.
    pub fn add_up(&self) -> bool {
        self.fetched == self.indexed + self.unchanged + self.superseded + self.rejected + self.filtered + self.duplicate
    }
}

/// What kind of run it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// From the end of the coverage, less `lookback`.
    Ordinary,
    /// The whole of `first`: may close offers.
    Sweep,
    /// Windows asked for with `--from --to`.
    Backfill,
    /// Archived pages mapped again.
    Replay,
    /// Records of the quarantine mapped again.
    Retry,
    /// Offers closed without asking the site.
    Close,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every slice is complete, and nothing new is wrong with what it brought.
    Complete,
    /// Some slice is partial, failed or skipped, or what came is not as it should be: an [`Alert`] says what.
    Partial,
    /// Nothing more could be read.
    Failed,
    /// Ended by the user or a reload; the next run goes on where it stopped.
    Stopped,
}

/// How a slice ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SliceEnd {
    /// An honest stop rule fired (its name), and nothing is missing.
    Complete(String),
    /// Ended before its end; why.
    Partial(String),
    /// Could not be read; why.
    Failed(String),
    /// Left out by `skip`; why.
    Skipped(String),
    /// Above the cap: two halves take its place.
    Split,
}

/// A fact with its time and the source it is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: DateTime<Utc>,
    /// The run's number; 0 before there is one.
    pub run: RunId,
    /// The source's name.
    pub source: String,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

impl Event {
    /// What happened. It shows no secret, wherever in it a site may have repeated one.
    pub fn new(at: DateTime<Utc>, (run, source): (RunId, &str), kind: EventKind) -> Self {
        let written = serde_json::to_string(&kind).unwrap_or_default();
        let kind = match redact(&written) {
            Cow::Borrowed(_) => kind,
            Cow::Owned(_) => masked(&written).unwrap_or(EventKind::Warned { message: MASK.to_owned() }),
        };
        Event { at, run, source: source.to_owned(), kind }
    }
}

/// An event with its texts masked. A secret may be a word that stands for a kind of event, or of an end: those stay.
fn masked(written: &str) -> Option<EventKind> {
    let read = |words: &[&str]| {
        let mut value = serde_json::from_str(written).ok()?;
        mask_texts(&mut value, words);
        serde_json::from_value(value).ok()
    };
    read(&[]).or_else(|| read(&["event", "kind", "outcome", "reason", "now"]))
}

fn mask_texts(value: &mut serde_json::Value, words: &[&str]) {
    match value {
        serde_json::Value::String(text) => *text = redact(text).into_owned(),
        serde_json::Value::Array(list) => list.iter_mut().for_each(|value| mask_texts(value, words)),
        serde_json::Value::Object(members) => {
            let texts = members.iter_mut().filter(|(name, _)| !words.contains(&name.as_str()));
            texts.for_each(|(_, value)| mask_texts(value, words));
        }
        _ => {}
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A run began, or goes on.
    RunStarted {
        /// Kind of run.
        kind: RunKind,
        /// The run's `now`.
        now: DateTime<Utc>,
        /// Whether an unfinished run goes on.
        resumed: bool,
    },
    /// A slice is being read.
    SliceStarted {
        /// Its number, such as `3` or, after splitting, `3.0`.
        slice: String,
        /// Its partition as JSON.
        partition: String,
        /// Its window.
        window: Option<(DateTime<Utc>, DateTime<Utc>)>,
    },
    /// A site announced how many records a slice has.
    TotalAnnounced {
        /// The slice.
        slice: String,
        /// Records.
        total: u64,
    },
    /// A page announced something that is no total: nothing is compared with it, and reading goes on.
    NoTotal {
        /// The slice.
        slice: String,
        /// What was found, and where.
        found: String,
    },
    /// A request is asked again.
    Retried {
        /// Which attempt comes next, from 2.
        attempt: u32,
        /// Seconds until then.
        wait: f64,
        /// Why, without credentials.
        why: String,
    },
    /// A token was renewed.
    TokenRenewed,
    /// Requests wait for a rate, a quota or `Retry-After`.
    Waiting {
        /// Seconds.
        wait: f64,
        /// What for.
        why: String,
    },
    /// A page is committed: its numbers are in the journal.
    PageCommitted {
        /// The slice.
        slice: String,
        /// Its place, printed.
        position: String,
        /// Bytes received.
        bytes: u64,
        /// Its numbers.
        counts: Counts,
        /// Flaws of its offers: `field: message` with their number, most frequent first, a few at most.
        flaws: Vec<(String, u64)>,
        /// Records rejected: reason with their number.
        rejects: Vec<(String, u64)>,
    },
    /// A slice ended.
    SliceEnded {
        /// The slice.
        slice: String,
        /// How.
        end: SliceEnd,
        /// Records announced, the least total.
        total: Option<u64>,
        /// Distinct keys received.
        keys: u64,
    },
    /// Offers were closed.
    OffersClosed {
        /// How many.
        count: u64,
        /// Why.
        reason: crate::offer::Closed,
    },
    /// More offers would be closed than `expire.at_most` allows, or all of a partition: they were not. `sweep --accept`
    /// closes them.
    ClosingsHeld(HeldBack),
    /// Something is wrong with the source, and lasts until a later run is without it.
    Alerted(Alert),
    /// The store is away: the run waits for it, and nothing is lost.
    StoreAway {
        /// What it said, or what the network said.
        why: String,
        /// Offers that wait.
        offers: u64,
    },
    /// The store is back: the run goes on.
    StoreBack {
        /// Seconds it was away.
        seconds: f64,
    },
    /// The store holds offers of another schema: they are copied into an index of this one.
    StoreCopied {
        /// How many are over.
        offers: u64,
        /// Of so many.
        of: u64,
    },
    /// A warning that is about no page.
    Warned {
        /// What.
        message: String,
    },
    /// A run ended.
    RunEnded {
        /// How.
        outcome: Outcome,
        /// Why, unless complete.
        cause: Option<String>,
        /// Sum of its committed pages.
        counts: Counts,
        /// Seconds it took since it began or went on.
        seconds: f64,
    },
}
