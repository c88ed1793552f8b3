//! `files`: a change log, one line for each indexed offer, in `DIR/SOURCE/RUN.ndjson`.
use std::path::{Path, PathBuf};

use crate::files::{self, Appender, FileError, Queued};
use crate::offer::Batch;
use crate::state::words::Mark;

/// The change log of one run.
#[derive(Debug)]
pub struct Files {
    root: PathBuf,
    file: String,
    appender: Appender,
}

impl Files {
    /// Of a run. The folder is relative to the data directory.
    pub fn new(data: &Path, dir: &str, source: &str, run: i64, appender: Appender) -> Self {
        Files { root: data.to_owned(), file: format!("{dir}/{source}/{run}.ndjson"), appender }
    }

    /// Cuts the file back to what is committed; the bytes that were cut.
    pub fn cut(&self, marks: &[Mark]) -> Result<u64, FileError> {
        let length = marks.iter().find(|mark| mark.file == self.file).map_or(0, |mark| mark.length);
        files::cut(&self.root.join(&self.file), length)
    }

    /// Queues a line for each offer; `None` when there is none.
    pub async fn write(&self, batch: &Batch<'_>) -> Result<Option<Logged>, FileError> {
        if batch.items.is_empty() {
            return Ok(None);
        }
        let mut lines = Vec::with_capacity(batch.text.len() + 256 * batch.items.len());
        for item in &batch.items {
            batch.document(item, &mut lines);
            lines.push(b'\n');
        }
        let length = lines.len() as u64;
        let queued = self.appender.queue(&self.root.join(&self.file), lines).await?;
        Ok(Some(Logged { file: self.file.clone(), length, queued }))
    }
}

/// Lines on their way to the disk.
#[derive(Debug)]
pub struct Logged {
    file: String,
    length: u64,
    queued: Queued,
}

impl Logged {
    /// Waits until they are there; the mark is true when the page that they belong to is committed.
    pub async fn mark(self) -> Result<Mark, FileError> {
        let offset = self.queued.done().await?;
        Ok(Mark { file: self.file, length: offset + self.length })
    }
}
