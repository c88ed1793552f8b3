//! What goes into the state and what comes out: runs, slices, pages, verdicts. Plain data.
mod closing;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::event::{Counts, Outcome, RunId, RunKind, SliceEnd};
use crate::fetch::Spend;
use crate::offer::{Closed, OfferId, Reject, Version};
use crate::paginate::Progress;
use crate::position::Position;

pub use closing::{Brought, Close, Closing, Compared, Due, DueSince, Found, Intent, Told, Waiting};

/// A run to begin, or to go on with.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// The source's name in the state.
    pub source: String,
    /// The pipeline's name; `None` for a run of the source alone.
    pub pipeline: Option<String>,
    /// Kind of run.
    pub kind: RunKind,
    /// Fingerprint of what is asked.
    pub ask: String,
    /// Fingerprint of what is made of it.
    pub meaning: String,
    /// Now.
    pub now: DateTime<Utc>,
    /// `--from` and `--to` of a backfill.
    pub span: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// The origin map of this source as text: a data directory that holds another one for it refuses the run.
    pub origins: String,
    /// The applied files: path and text.
    pub texts: Vec<(String, String)>,
}

/// A run that has begun.
#[derive(Clone, Debug)]
pub struct Begun {
    /// Its number.
    pub run: RunId,
    /// Its `now`: that of its first start.
    pub now: DateTime<Utc>,
    /// Whether an unfinished run (same kind, span and ask, younger than 24 h) goes on.
    pub resumed: bool,
    /// Its slices so far, when resumed.
    pub slices: Vec<Slice>,
    /// Whether the last run that read the site before this one was complete, and under this `ask` (`stop: known` may fire).
    pub last_complete: bool,
}

/// The rule of a slice that ended because the site says that its partition is gone.
pub const GONE: &str = "gone";

/// Where a slice is in its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SliceState {
    /// Being read.
    Open,
    /// Ended so.
    Ended(SliceEnd),
}

/// One partition × one window of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// Its number in the run's fixed order, such as `3`; halves are `3.0` and `3.1`.
    pub slice: String,
    /// Its partition: values of `for` as JSON, `{}` without.
    pub partition: String,
    /// Its window, half-open.
    pub window: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Where it is.
    pub state: SliceState,
    /// The least total that its pages announced.
    pub total: Option<u64>,
    /// The next page to ask; `None` before the first.
    pub position: Option<Position>,
    /// What the guards remember.
    pub progress: Progress,
    /// Distinct keys so far.
    pub keys: u64,
}

impl Slice {
    /// One of which nothing is read yet.
    pub fn open(slice: String, partition: String, window: Option<(DateTime<Utc>, DateTime<Utc>)>) -> Self {
        let (state, progress) = (SliceState::Open, Progress::default());
        Slice { slice, partition, window, state, total: None, position: None, progress, keys: 0 }
    }
}

/// What became of a record before the state is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// An offer was made.
    Offer {
        /// Hash of its content.
        content: u64,
        /// Its content in the page's text.
        text: Range<usize>,
    },
    /// Not mapped: its listed form equals the last one (`detail`), so it counts as unchanged.
    Listed,
    /// No offer could be made of it.
    Rejected(Reject),
    /// Kept aside by `only` or a step.
    Filtered,
    /// The site said that it is gone (`detail.gone`); counts as filtered.
    Gone,
    /// Its key comes again in this page and the other one won.
    Repeated,
    /// What is stored of it came from another page: an older one is never mapped over it.
    Stale,
}

/// One record of a page.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its number in the page, from 0.
    pub item: u32,
    /// Its key as served; `None` when it has none.
    pub key: Option<String>,
    /// Its id, when it has a key.
    pub id: Option<OfferId>,
    /// What became of it.
    pub fate: Fate,
    /// Hash of its listed form under the plan's meaning, for sources with `detail`.
    pub listed: Option<u64>,
    /// Where its raw JSON stands in the text of the page, for the quarantine; given for rejected records, and for all when
    /// the store is outside.
    pub raw: Option<Range<usize>>,
    /// The offer's `expires_at`.
    pub expires: Option<DateTime<Utc>>,
}

/// A mapped page (or part), shared by admission, sinks and commit.
#[derive(Clone, Debug, Default)]
pub struct Mapped {
    /// Records in page order.
    pub records: Vec<Record>,
    /// Contents of its offers, and raw records.
    pub text: Bytes,
}

/// A page that asks what to do with its records.
#[derive(Clone, Debug)]
pub struct Admit {
    /// Run.
    pub run: RunId,
    /// Source.
    pub source: String,
    /// Version of the page.
    pub version: Version,
    /// Its records.
    pub page: Arc<Mapped>,
    /// When the page was received.
    pub at: DateTime<Utc>,
    /// Whether it is an archived page mapped again: a closed offer stays closed.
    pub again: bool,
}

/// What a record counts as, and what is to be done with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// To be written.
    Write {
        /// Dense row number.
        row: u64,
        /// Whether the id was not known.
        new: bool,
        /// When it was first read.
        first_seen: DateTime<Utc>,
    },
    /// Equal content, and open.
    Unchanged,
    /// A higher version is known.
    Superseded,
    /// Already seen in this run with equal content, or lost against another of its page.
    Duplicate,
    /// Kept aside.
    Filtered,
    /// Rejected.
    Rejected,
}

/// The answer to [`Admit`]: one verdict a record, in order.
#[derive(Clone, Debug, Default)]
pub struct Admitted {
    /// Verdicts.
    pub verdicts: Vec<Verdict>,
    /// Dense row number of each record that has a key.
    pub rows: Vec<Option<u64>>,
    /// Whether every key was known before this run, unchanged or kept aside (`stop: known`).
    pub all_known: bool,
    /// Open offers that their record closes: kept aside now, or gone.
    pub closings: Vec<(usize, Closing)>,
    /// Offers that are closed and stay so: of an archived page mapped again.
    pub closed: Vec<(usize, (DateTime<Utc>, Closed))>,
}

/// Where a page lies in the archive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Archived {
    /// Segment file, relative to the archive's folder.
    pub segment: String,
    /// First byte of its frame.
    pub offset: u64,
    /// Bytes of its frame.
    pub length: u64,
    /// The offer that it is the detail of; `None` for the page itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

/// What is known of the listed form of an offer, for sources with `detail`.
#[derive(Clone, Debug)]
pub struct ListedRow {
    /// Hash of its listed form.
    pub listed: Option<u64>,
    /// The meaning under which it was made.
    pub meaning: String,
    /// Whether it is open.
    pub open: bool,
    /// Where its last detail lies in the archive.
    pub detail: Option<Archived>,
}

/// The number of a part in its page; a slice that is read twice has its second reading's parts beside the first's.
pub fn part(index: u32, again: bool) -> u32 {
    index | u32::from(again) << 16
}

/// What kind of page it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageKind {
    /// A page of the list.
    List,
    /// A page over the cap: it keeps no records.
    Probe,
    /// An archived page mapped again.
    Replay,
    /// Offers closed; it holds no records.
    Close,
}

/// How far a file of a sink is true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Path, relative to the data directory.
    pub file: String,
    /// Bytes that are committed.
    pub length: u64,
}

/// One page's commit: everything in one transaction.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The admitted page.
    pub admit: Admit,
    /// Verdicts and row numbers, by record.
    pub admitted: Admitted,
    /// Offers that the store refused for good, by record number in the page's list.
    pub refused: Vec<(usize, Reject)>,
    /// Offers that the store holds a higher version of.
    pub superseded: Vec<usize>,
    /// Kind.
    pub kind: PageKind,
    /// Place in the slice.
    pub position: Position,
    /// Part of the page.
    pub part: u32,
    /// Method and masked address.
    pub request: String,
    /// HTTP status.
    pub status: u16,
    /// Where it is archived: the page itself, then its details.
    pub archived: Vec<Archived>,
    /// Fingerprint of what was asked.
    pub ask: String,
    /// Fingerprint of the meaning it was mapped with.
    pub meaning: String,
    /// The slice after this page.
    pub slice: Slice,
    /// Slices that take its place, when it is split.
    pub halves: Vec<Slice>,
    /// Files of sinks.
    pub marks: Vec<Mark>,
    /// Whether offers go to the local store, in this transaction.
    pub store: bool,
    /// Bytes received.
    pub bytes: u64,
    /// Quotas as they are spent now.
    pub quotas: Vec<Spend>,
    /// The page that the contents come from, when it is an archived one.
    pub from: Option<Version>,
    /// What is counted of it beside the outcomes.
    pub quality: Quality,
}

/// What a run showed of a partition.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The partition; empty for a run that asked for none.
    pub partition: String,
    /// Whether it was read to its ends.
    pub whole: bool,
    /// Records that came.
    pub records: u64,
    /// Open offers that it brought before, or now.
    pub open: u64,
}

/// What is counted beside the six outcomes, of a page or of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quality {
    /// Records that were mapped to an offer.
    pub mapped: u64,
    /// Flaws by field.
    pub flaws: BTreeMap<String, u64>,
    /// Detail calls that were due.
    pub details: u64,
    /// Of these, those that brought nothing that could be used, by reason.
    pub failed: BTreeMap<String, u64>,
}

/// The answer to [`Commit`].
#[derive(Clone, Debug)]
pub struct Committed {
    /// The page's numbers.
    pub counts: Counts,
    /// The slice's distinct keys so far.
    pub keys: u64,
}

/// How a run ended, to be written down. Its counts are the sum of its pages.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Run.
    pub run: RunId,
    /// How.
    pub outcome: Outcome,
    /// How its slices ended: where all are complete it has read what it asked for, whatever is wrong with that.
    pub read: Outcome,
    /// Why, unless complete.
    pub cause: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}
