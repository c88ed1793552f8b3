//! What can go wrong with the state, and what to do about it.
use std::path::Path;
use std::sync::Arc;

/// The state could not be read or written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StateError {
    /// Another process holds the data directory.
    #[error("another process uses the data directory {0}; wait until it ends, or name another one with `--data DIR`")]
    Locked(String),
    /// The folder cannot be used.
    #[error("the data directory {0} cannot be used: {1}")]
    Folder(String, String),
    /// SQLite says no.
    #[error("state.db: {}", said(.0))]
    Sqlite(Arc<rusqlite::Error>),
    /// It was written by another version.
    #[error(
        "state.db was written by another version of the program (tables {0}); use that one, or name another data directory with `--data DIR`"
    )]
    Newer(i64),
    /// Offers of another origin are in it.
    #[error(
        "this data directory holds offers of `{source_name}` from {held}, and they never mix with those from {asked}; name another one with `--data DIR`"
    )]
    Origins {
        /// The source.
        source_name: String,
        /// Where its offers came from.
        held: String,
        /// Where they would come from now.
        asked: String,
    },
    /// A row holds what the program did not write.
    #[error(
        "state.db: row {row} of the table {table} cannot be read; nothing is made of it and nothing is closed by it: bring the data directory back from a backup, or begin with a new one (`--data DIR`)"
    )]
    Corrupt {
        /// The table.
        table: &'static str,
        /// What names the row in it.
        row: String,
    },
    /// The writing thread has ended.
    #[error(
        "state.db takes nothing more after the fault that was told before this one; nothing that was committed is lost: mend that one, and start the program again"
    )]
    Closed,
}

impl StateError {
    /// What the system says of the data directory.
    pub(crate) fn unusable(folder: &Path, error: std::io::Error) -> Self {
        StateError::Folder(folder.display().to_string(), error.to_string())
    }
}

/// What SQLite says, and what to do where it is known.
fn said(error: &rusqlite::Error) -> String {
    let advice = match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => {
            "the disk is full; nothing that was committed is lost: free space on it, and start the program again"
        }
        Some(rusqlite::ErrorCode::DatabaseBusy) => {
            "another program holds it; nothing that was committed is lost: end that one, and start this one again"
        }
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            "the file is damaged; nothing is made of what it holds: bring the data directory back from a backup, or begin with a new one (`--data DIR`)"
        }
        _ => return error.to_string(),
    };
    format!("{advice} ({error})")
}

impl From<rusqlite::Error> for StateError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::FromSqlConversionFailure(_, _, inner) if inner.is::<StateError>() => {
                inner.downcast::<StateError>().map_or(StateError::Closed, |fault| *fault)
            }
            error => StateError::Sqlite(Arc::new(error)),
        }
    }
}

/// What a row that cannot be read is to those who read it: [`StateError::Corrupt`], once it is a [`StateError`].
pub(super) fn corrupt(table: &'static str, row: impl std::fmt::Display) -> rusqlite::Error {
    let fault = StateError::Corrupt { table, row: row.to_string() };
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(fault))
}
