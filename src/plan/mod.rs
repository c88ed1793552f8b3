//! Plans: definitions compiled into something that cannot be wrong any more.
mod answers;
mod compile;
mod credential;
mod origins;
mod request;
mod unbuilt;
mod windows;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::auth::Credential;
use crate::convert::Lookups;
use crate::convert::render::Program;
use crate::definition::responses::Responses;
use crate::definition::source::{Expect, Expire};
use crate::paginate::Pagination;
use crate::scalar::{Rate, Span};
use crate::schema::Schema;
use crate::tree::Tree;

pub use answers::{Meaning, said};
pub use compile::{Ask, Surroundings, compile};
pub use origins::Origins;
pub use request::{Place, RequestPlan};
pub use windows::{Window, Windows};

/// One source in one pipeline, checked and compiled.
#[derive(Debug)]
pub struct Plan {
    /// Its name in the state: the source's, or what `as` says.
    pub source: String,
    /// The pipeline; `None` for a run of the source alone.
    pub pipeline: Option<String>,
    /// Fingerprint of what is asked: positions and coverage hold under an equal one only.
    pub ask: String,
    /// Fingerprint of what is made of it.
    pub meaning: String,
    /// Parameters, as the request and the mapping read them.
    pub params: Vec<(String, Tree<'static>)>,
    /// Variables of the environment that templates read.
    pub env: Vec<(String, Tree<'static>)>,
    /// What is asked.
    pub request: RequestPlan,
    /// Who asks.
    pub credential: Arc<Credential>,
    /// All values that must not be seen.
    pub secrets: Vec<SecretString>,
    /// Partitions: a name and its values; later names vary faster.
    pub partitions: Vec<(String, Vec<Tree<'static>>)>,
    /// Windows of time.
    pub windows: Option<Windows>,
    /// How often the whole is read.
    pub sweep: Option<Span>,
    /// How a slice advances.
    pub pages: Pagination,
    /// What answers mean.
    pub responses: Responses,
    /// How fast, how many, how long.
    pub limits: Limits,
    /// From an answer to offers.
    pub extract: crate::extract::Extract,
    /// Conditions of `keep`, in order.
    pub keeps: Vec<Program>,
    /// Whether the pipeline feeds the store.
    pub stores: bool,
    /// Folder of a change log.
    pub files: Option<String>,
    /// When offers that are gone are closed: takes effect with a later version.
    pub expire: Option<Expire>,
    /// What a run must bring: takes effect with a later version.
    pub expect: Option<Expect>,
    /// The canonical offer.
    pub schema: Arc<Schema>,
    /// The tables.
    pub lookups: Arc<Lookups>,
    /// The files it was compiled from.
    pub texts: Vec<(String, String)>,
    /// Where requests go instead.
    pub origins: Origins,
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
}

impl Plan {
    /// What the plan says that takes effect with a later version.
    pub fn later(&self) -> Vec<String> {
        let expire = self.expire.as_ref().map(|_| "expire: offers that are gone are not closed yet".to_owned());
        let expect = self.expect.as_ref().map(|_| "expect: what a run brings is not judged yet".to_owned());
        expire.into_iter().chain(expect).collect()
    }
}
