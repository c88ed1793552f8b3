//! Why a run could not be carried out.
use crate::fetch::FetchError;
use crate::files::FileError;
use crate::state::StateError;
use crate::store::StoreError;
use crate::store::target::TargetError;

/// A run could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The state.
    #[error(transparent)]
    State(#[from] StateError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The network.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another owner writes the source.
    #[error(
        "another process writes this source: one with a data directory of its own has taken it in the store since this run began; this run has stopped, and nothing is lost: one of the two is enough, so end the other one, or start this one again to take the source back"
    )]
    Fenced,
    /// The system gives no threads.
    #[error(
        "the threads that map pages cannot be started ({0}): does a limit of this user or of the system hold them back?"
    )]
    Threads(String),
    /// A task of ours ended without an answer.
    #[error("a part of the run ended without an answer: {0}")]
    Lost(String),
}

impl From<TargetError> for RunError {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Store(error) => RunError::Store(error),
            TargetError::State(error) => RunError::State(error),
            TargetError::Fenced => RunError::Fenced,
            TargetError::Lost(why) => RunError::Lost(why),
        }
    }
}
