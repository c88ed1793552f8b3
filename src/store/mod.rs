//! Where offers go and can be searched: one shape for all stores, and one conformance suite.
mod any;
pub mod elastic;
pub mod local;
pub mod remote;
pub mod target;

use std::time::Duration;

use serde_json::value::RawValue;

use crate::offer::{OfferId, Reject};
use crate::search::{BadSearch, Found, Search};

pub use any::{AnyStore, Purpose};
pub use elastic::faults;

/// The embedded store, by its name in the state.
pub const LOCAL: &str = "local";
/// A server, by its name in the state.
pub const ELASTIC: &str = "elasticsearch";

/// What every store can be asked; `tests.rs` of this folder is the suite that each passes.
#[allow(async_fn_in_trait, reason = "asked from one task: no caller needs the future to be Send")]
pub trait Store {
    /// The document of an offer, as stored.
    async fn get(&self, id: OfferId) -> Result<Option<Box<RawValue>>, StoreError>;
    /// The documents of a source (of all without one), behind `after`, in the order of their ids; at most `limit`,
    /// and fewer where they are large together. None is the end.
    async fn list(
        &self,
        source: Option<&str>,
        after: Option<OfferId>,
        limit: usize,
    ) -> Result<Vec<(OfferId, Box<RawValue>)>, StoreError>;
    /// Searches.
    async fn search(&self, search: &Search) -> Result<Found, StoreError>;
}

/// What became of a batch: every item that is in none of these lists is stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// Items of which a higher version is stored, by their place in the batch.
    pub superseded: Vec<usize>,
    /// Items that the store refuses for good.
    pub refused: Vec<(usize, Reject)>,
    /// Whether another owner writes the source: a higher fence was met.
    pub fenced: bool,
}

/// The store could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite.
    #[error("state.db: {0}")]
    Sqlite(rusqlite::Error),
    /// tantivy.
    #[error("the search index: {0}")]
    Index(tantivy::TantivyError),
    /// A file of the index is gone, or is not what was written.
    #[error("the search index is broken: {0}; the next search builds it again")]
    Broken(String),
    /// A folder.
    #[error("{0}: {1}")]
    Folder(String, std::io::Error),
    /// Another process writes the index.
    #[error("another process builds the search index, and nothing of it is there yet; search again in a moment")]
    Busy,
    /// There is no index, and who asks may not make one.
    #[error(
        "there is no search index yet, and it cannot be made ({0}: {1}); let someone search once who may write there"
    )]
    Unmade(String, std::io::Error),
    /// The server cannot be reached.
    #[error("the server cannot be reached: {0}; is it running, and is its address right?")]
    Unreached(String),
    /// The server refuses who asks.
    #[error("the server refuses the credential: {0}; check `api_key` or `basic`, and what its role may do")]
    Credentials(String),
    /// Something is closed to us until the server, or a person, lifts that: which, and the call that does.
    #[error("{0}")]
    Blocked(String),
    /// The index takes no offer, whichever it is: something of it has to be mended.
    #[error("the index takes no offer, whatever is in it: {0}")]
    Refused(String),
    /// An answer is longer than what is read; the same in smaller parts may not be.
    #[error("{0}")]
    TooLong(String),
    /// The server is there and cannot do it now.
    #[error("the server cannot do it now: {0}")]
    Unavailable(String),
    /// The server asks to be left alone so long.
    #[error("the server asks for a pause of {1:?}: {0}")]
    Later(String, Duration),
    /// There is no index of this project at the server.
    #[error("no offers are stored there yet; `jobmarket run SOURCE` brings some")]
    Absent,
    /// Another index is written now.
    #[error(
        "the store has an index of another schema now, made by a process with other files; start this one again with the same `mappings/offer.yaml`"
    )]
    Replaced,
    /// Somebody changed an alias or an index of ours so that it cannot be used; which, and the call that mends it.
    #[error("{0}")]
    Altered(String),
    /// Something else that the server says.
    #[error("the server: {0}")]
    Server(String),
    /// A value that does not fit its field, an `after` of another search, or too many words.
    #[error("{0}")]
    Value(String),
}

// The error that is told is that of its source: it is not told again as the cause.
impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::Sqlite(error)
    }
}

impl From<tantivy::TantivyError> for StoreError {
    fn from(error: tantivy::TantivyError) -> Self {
        StoreError::Index(error)
    }
}

impl From<BadSearch> for StoreError {
    fn from(error: BadSearch) -> Self {
        StoreError::Value(error.to_string())
    }
}

impl StoreError {
    /// Whether it is over by itself some time: a run waits for it.
    pub fn passes(&self) -> bool {
        matches!(
            self,
            StoreError::Unreached(_)
                | StoreError::Blocked(_)
                | StoreError::Refused(_)
                | StoreError::Unavailable(_)
                | StoreError::Later(..)
        )
    }
}

#[cfg(test)]
mod tests;
