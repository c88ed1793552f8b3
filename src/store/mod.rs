//! Where offers go and can be searched: one shape for all stores, and one conformance suite.
pub mod local;

use serde_json::value::RawValue;

use crate::offer::OfferId;
use crate::search::{Found, Search};

/// What every store can be asked. The Elasticsearch store will be the second; `tests.rs` of this folder is the suite that
/// each passes.
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
    /// A value that does not fit its field, or an `after` of another search.
    #[error("{0}")]
    Value(String),
}

#[cfg(test)]
mod tests;
