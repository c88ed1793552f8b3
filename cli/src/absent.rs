//! An index of offers that is not there: nothing was stored yet, or the server lost what is known here.
use std::path::Path;

use jobmarket::state::{Reader, StateError};
use jobmarket::store::StoreError;
use jobmarket::verify::VerifyError;

use crate::Place;
use crate::out::counted;
use crate::project::Project;

/// An error of a command, with what to do where the server has lost the index.
pub fn explained(place: &Place, error: anyhow::Error) -> anyhow::Error {
    match Project::read(place) {
        Ok(project) => explained_in(&project.data, error),
        Err(_) => error,
    }
}

/// The same with the data directory at hand. A state that cannot be read leaves the error as it is.
pub fn explained_in(data: &Path, error: anyhow::Error) -> anyhow::Error {
    let store = error.downcast_ref::<StoreError>().or(match error.downcast_ref::<VerifyError>() {
        Some(VerifyError::Store(error)) => Some(error),
        _ => None,
    });
    if !matches!(store, Some(StoreError::Absent)) {
        return error;
    }
    gone(data).ok().flatten().map_or(error, anyhow::Error::msg)
}

/// What is known of offers that no index holds, and the commands that write them again.
fn gone(data: &Path) -> Result<Option<String>, StateError> {
    let Some(reader) = Reader::open(data)? else { return Ok(None) };
    let sources = reader.sources()?;
    let stored: Vec<_> = sources.iter().filter(|source| source.open + source.closed > 0).collect();
    let offers: i64 = stored.iter().map(|source| source.open + source.closed).sum();
    let commands: Vec<String> = stored.iter().map(|source| format!("`jobmarket replay {}`", source.source)).collect();
    Ok((offers > 0).then(|| {
        format!(
            "the index of offers is gone from the server, and {} are known here: written again from the archive by {}",
            counted(offers as u64, "offer"),
            commands.join(", ")
        )
    }))
}
