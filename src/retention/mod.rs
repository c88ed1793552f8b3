//! Deleting what may be deleted: records of the archive that nothing needs, and offers that were closed long ago.
mod closed;
mod thinning;

use crate::archive::ArchiveError;
use crate::files::FileError;
use crate::state::StateError;
use crate::store::StoreError;

pub use closed::{OldIndex, closed, delete, delete_indices};
pub use thinning::{Thinning, thin};

/// Something could not be deleted. What was deleted before is; nothing that is needed is lost, and the same may be asked
/// again.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// The state.
    #[error(transparent)]
    State(#[from] StateError),
    /// The archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another owner writes the source.
    #[error(
        "the server's claim or index of {0} is not the one that this data directory wrote last: another one writes it, the index was made again, or a run here was cut off at its start; nothing more of it was deleted. Run it here first, so that what the store holds is looked at"
    )]
    Fenced(String),
    /// The store is to be brought to another schema first.
    #[error("the store holds offers of another schema; the next run copies them, delete after that")]
    OtherSchema,
    /// A task of ours ended without an answer.
    #[error("a part of the work ended without an answer: {0}")]
    Lost(String),
}
