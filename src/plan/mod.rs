//! Plans: definitions compiled into something that cannot be wrong any more.
mod address;
mod answers;
mod audience;
mod hosts;
mod call;
mod calls;
mod compile;
mod credential;
mod failure;
mod fingerprint;
mod origins;
mod partition;
mod request;
mod server;
mod surroundings;
mod unbuilt;
mod windows;

use std::sync::Arc;
use std::time::Duration;

use crate::convert::render::Program;
use crate::definition::source::{Expect, Expire, Learn, OnError};
use crate::scalar::{Path, Rate, Span};
use crate::schema::Schema;

pub use answers::Meaning;
pub use audience::Audience;
pub use call::{Call, Knobs, Place};
pub(crate) use call::{named, window};
pub use compile::{Ask, compile, known};
pub use failure::{asked, failure, is_html};
pub use fingerprint::{Fingerprints, Legacy};
pub use hosts::Hosts;
pub use origins::{Origins, is_direct, is_loopback};
pub use partition::{Parent, Partition, Range};
pub use request::{RequestError, RequestPlan};
pub use server::{Fingerprint, Server, data_of, server_as_written, server_of};
pub use surroundings::Surroundings;
pub use unbuilt::later;
pub use windows::{Tiles, Window, Windows};

/// One source in one pipeline, checked and compiled.
#[derive(Debug)]
pub struct Plan {
    /// Its name in the state: the source's, or what `as` says.
    pub source: String,
    /// The pipeline; `None` for a run of the source alone.
    pub pipeline: Option<String>,
    /// What is compared of it with an earlier plan of the same source.
    pub fingerprints: Fingerprints,
    /// The same as programs before this one wrote it down.
    pub legacy: Legacy,
    /// The list: what is asked, page by page.
    pub call: Call,
    /// The second call of each new or changed record.
    pub detail: Option<Detail>,
    /// Partitions: later names vary faster, and may use earlier ones.
    pub partitions: Vec<(String, Partition)>,
    /// Windows of time.
    pub windows: Option<Windows>,
    /// How often the whole is read.
    pub sweep: Option<Span>,
    /// From an answer to offers.
    pub extract: crate::extract::Extract,
    /// Conditions of `keep`, in order.
    pub keeps: Vec<Program>,
    /// Whether the pipeline feeds the store.
    pub stores: bool,
    /// The store's server; `None` for the embedded store.
    pub server: Option<Server>,
    /// Folder of a change log.
    pub files: Option<String>,
    /// When offers that are gone are closed.
    pub expire: Option<Expire>,
    /// What a run must bring.
    pub expect: Option<Expect>,
    /// The canonical offer.
    pub schema: Arc<Schema>,
    /// The files it was compiled from.
    pub texts: Vec<(String, String)>,
    /// Where requests go instead.
    pub origins: Origins,
    /// What stands for the source's own origins, as text: a data directory holds offers of one such home only.
    pub home: String,
}

/// How fast, how many at a time, how long.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Requests in a period.
    pub rate: Rate,
    /// Most requests by the clock.
    pub quota: Vec<Rate>,
    /// Pages in flight.
    pub parallel: usize,
    /// For a whole answer.
    pub timeout: Duration,
    /// Attempts in all.
    pub attempts: u32,
    /// The first wait before another attempt.
    pub wait: Duration,
    /// The longest.
    pub at_most: Duration,
    /// Headers that say what is left.
    pub learn: Option<Learn>,
}

/// The second call of a record.
#[derive(Debug)]
pub struct Detail {
    /// What is asked.
    pub call: Call,
    /// The part of the answer that is kept as `$.detail`; the whole without it.
    pub merge: Option<Path>,
    /// Codes that mean the offer is gone.
    pub gone: Vec<u16>,
    /// What to do when it fails.
    pub on_error: OnError,
}
