//! Files on disk: those of a project, which are read whole, and those of a data directory, which are appended to.
mod append;
mod column;
mod data_file;
mod mode;
mod read;
pub(crate) mod spool;

use std::io;
use std::path::Path;

pub use append::{Appender, Queued, cut};
pub use column::column;
pub use data_file::{DataFile, How};
pub use mode::{keep_private, open_to_others};
pub use read::{TEXT, Unread, contents, project, readable};

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {error}{}", advice(error))]
pub struct FileError {
    /// The file.
    pub path: String,
    /// What the system says.
    #[source]
    pub error: io::Error,
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => "; nothing was lost: free some space and run again",
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => "; may this user read and write there?",
        _ => "",
    }
}

fn fault(path: &Path) -> impl Fn(io::Error) -> FileError + '_ {
    move |error| FileError { path: path.display().to_string(), error }
}
