//! `files`: a change log, one line for each indexed offer, in `DIR/SOURCE/RUN.ndjson`.
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::files::spool::Spool;
use crate::files::{self, Appender, DataFile, FileError, Queued};
use crate::offer::Batch;
use crate::state::words::Mark;

/// The change log of one run.
#[derive(Debug)]
pub struct Files {
    data: PathBuf,
    dir: String,
    source: String,
    run: i64,
    appender: Appender,
}

impl Files {
    /// Of a run. The folder is below the data directory, or elsewhere when it is written with its whole path.
    pub fn new(data: &Path, dir: &str, source: &str, run: i64, appender: Appender) -> Self {
        Files { data: data.to_owned(), dir: dir.to_owned(), source: source.to_owned(), run, appender }
    }

    /// The log of a run: its name in marks, and its file.
    fn log(&self, name: &str) -> (String, DataFile) {
        let file = DataFile::within(&self.data, &self.dir, &format!("{}/{name}", self.source));
        (format!("{}/{}/{name}", self.dir, self.source), file)
    }

    /// Cuts the logs of this run and of those before it back to what is committed; the bytes that were cut. A run that was
    /// killed may have left lines behind, and another run may have taken its place.
    pub fn cut(&self, marks: &[Mark]) -> Result<u64, FileError> {
        let folder = self.data.join(&self.dir).join(&self.source);
        let mut cut = 0;
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let run = name.strip_suffix(".ndjson").and_then(|run| run.parse::<i64>().ok());
            if run.is_some_and(|run| run <= self.run) {
                let (marked, file) = self.log(&name);
                let length = marks.iter().find(|mark| mark.file == marked).map_or(0, |mark| mark.length);
                cut += files::cut(&file, length)?;
            }
        }
        Ok(cut)
    }

    /// A line for each offer. Those of large offers wait for the disk in a file, as the offers themselves do.
    fn lines(&self, batch: &Batch) -> io::Result<Bytes> {
        let mut lines = Spool::new(&self.data, 0);
        let mut line = Vec::new();
        for item in &batch.items {
            item.document(&mut line);
            line.push(b'\n');
            lines.write_all(&line)?;
            line.clear();
        }
        lines.done()
    }

    /// Queues a line for each offer; `None` when there is none.
    pub async fn write(&self, batch: &Batch) -> Result<Option<Logged>, FileError> {
        if batch.items.is_empty() {
            return Ok(None);
        }
        let (marked, file) = self.log(&format!("{}.ndjson", self.run));
        let lines = self.lines(batch).map_err(|error| file.fault(error))?;
        let length = lines.len() as u64;
        let queued = self.appender.queue(file, lines).await?;
        Ok(Some(Logged { file: marked, length, queued }))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_were_not_committed_are_cut_off_every_log() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("log/site");
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in [("1.ndjson", "{}\n{}\n{"), ("2.ndjson", "{}\n"), ("3.ndjson", "{}\n"), ("notes", "kept")] {
            fs::write(folder.join(name), text).unwrap();
        }
        let files = Files::new(data.path(), "log", "site", 3, Appender::start());
        let mark = |run: u32, length| Mark { file: format!("log/site/{run}.ndjson"), length };
        assert_eq!(files.cut(&[mark(1, 3), mark(3, 3)]).unwrap(), 4 + 3);
        let left =
            ["1.ndjson", "2.ndjson", "3.ndjson", "notes"].map(|name| fs::read_to_string(folder.join(name)).unwrap());
        assert_eq!(left, ["{}\n", "", "{}\n", "kept"]);
    }
}
