//! Journal, archive and store compared: what differs is said, with what mends it; nothing is changed.
mod archive;
mod journal;
mod store;

use std::fmt;

use serde::Serialize;

use crate::archive::ArchiveError;
use crate::state::StateError;
use crate::store::StoreError;

pub use archive::records;
pub use journal::{held, totals};
pub use store::{offers, others};

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The numbers of a run.
    Totals,
    /// A record of the archive.
    Archive,
    /// An entry of the quarantine.
    Quarantine,
    /// An offer of the store.
    Store,
    /// The search index of the embedded store.
    Index,
    /// A document of the store that nobody here wrote.
    Foreign,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// What differs.
    pub kind: Kind,
    /// The source; empty where it is about all.
    pub source: String,
    /// How.
    pub message: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source.as_str() {
            "" => f.write_str(&self.message),
            source => write!(f, "{source}: {}", self.message),
        }
    }
}

impl Kind {
    /// What mends such differences.
    pub fn mend(self, outside: bool) -> &'static str {
        match (self, outside) {
            (Kind::Totals, _) => {
                "numbers of runs that are over cannot be counted again; a backup has them as they were"
            }
            (Kind::Archive, _) => {
                "copy the segment back from a backup; without it `replay` leaves what came from there as it is stored"
            }
            (Kind::Quarantine, _) => "copy the segment back from a backup, or `jobmarket quarantine drop NUMBER`",
            (Kind::Store, false) => {
                "`jobmarket replay SOURCE` writes them again out of the archive, and says what it cannot map"
            }
            (Kind::Store, true) => "`jobmarket sweep SOURCE` writes them again out of the site",
            (Kind::Foreign, _) => {
                "somebody put them there, and no sweep touches them: what is not wanted is deleted at the server, by the call that each names"
            }
            (Kind::Index, _) => {
                "delete the folder `index` of the data directory while nothing runs; the next search builds it again, as it does by itself with one that cannot be read"
            }
        }
    }
}

/// What was to be compared could not be read.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The state.
    #[error(transparent)]
    State(#[from] StateError),
    /// The archive is held.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}
