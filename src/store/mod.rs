//! Where offers go and can be searched: one shape for all stores, and one conformance suite.
pub mod elastic;
pub mod local;

use std::time::Duration;

use serde_json::value::RawValue;

use crate::offer::OfferId;
use crate::search::{Found, Search};

/// The embedded store, by its name in the state.
pub const LOCAL: &str = "local";
/// A server, by its name in the state.
pub const ELASTIC: &str = "elasticsearch";

/// What every store can be asked; `tests.rs` of this folder is the suite that each passes.
#[allow(async_fn_in_trait, reason = "asked from one task: no caller needs the future to be Send")]
pub trait Store {
    /// The document of an offer, as stored.
    async fn get(&self, id: OfferId) -> Result<Option<Box<RawValue>>, StoreError>;
    /// The documents of a source (of all without one), behind `after`, in the order of their ids; at most `limit`.
    async fn list(
        &self,
        source: Option<&str>,
        after: Option<OfferId>,
        limit: usize,
    ) -> Result<Vec<(OfferId, Box<RawValue>)>, StoreError>;
    /// Searches.
    async fn search(&self, search: &Search) -> Result<Found, StoreError>;
}

/// The store could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite.
    #[error("state.db: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// tantivy.
    #[error("the search index: {0}")]
    Index(#[from] tantivy::TantivyError),
    /// A folder.
    #[error("{0}: {1}")]
    Folder(String, std::io::Error),
    /// Another process writes the index.
    #[error("another process brings the search index up to date")]
    Busy,
    /// The server cannot be reached.
    #[error("the server cannot be reached: {0}; is it running, and is its address right?")]
    Unreached(String),
    /// The server refuses who asks.
    #[error("the server refuses the credential: {0}; check `api_key` or `basic`, and what its role may do")]
    Credentials(String),
    /// The server takes no documents: its disk is full, or the index is read-only.
    #[error("the server takes no documents: {0}; free disk space there, or lift the block of the index")]
    Blocked(String),
    /// The server is there and cannot do it now.
    #[error("the server cannot do it now: {0}")]
    Unavailable(String),
    /// The server asks to be left alone so long.
    #[error("the server asks for a pause of {1:?}: {0}")]
    Later(String, Duration),
    /// Another index is written now.
    #[error(
        "the store has an index of another schema now, made by a process with other files; start this one again with the same `mappings/offer.yaml`"
    )]
    Replaced,
    /// Something else that the server says.
    #[error("the server: {0}")]
    Server(String),
    /// A value that does not fit its field, or an `after` of another search.
    #[error("{0}")]
    Value(String),
}

#[cfg(test)]
mod tests;
