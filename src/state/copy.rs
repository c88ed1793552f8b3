//! The whole state copied at one moment, beside a process that writes.
use std::path::Path;

use rusqlite::{Connection, params};

use super::StateError;
use super::reader::Reader;
use super::words::Mark;

/// A copy without the archive names none of its records, and its unfinished runs begin anew: they would go on with pages
/// that are not there.
const WITHOUT_ARCHIVE: &str = "
UPDATE pages SET archived = NULL;
UPDATE runs SET ended = coalesce(ended, now), outcome = 'stopped', cause = 'copied without the archive'
  WHERE ended IS NULL OR outcome = 'stopped' AND cause = 'interrupted';
";

impl Reader {
    /// Copies the state into a new file. One read of SQLite sees one moment, however busy the writer is.
    pub fn copy_to(&self, path: &Path, with_archive: bool) -> Result<(), StateError> {
        self.connection.execute("VACUUM INTO ?1", params![path.to_string_lossy()])?;
        if !with_archive {
            Connection::open(path)?.execute_batch(WITHOUT_ARCHIVE)?;
        }
        Ok(())
    }

    /// Files of sinks and how far they are true.
    pub fn marks(&self) -> Result<Vec<Mark>, StateError> {
        let mut statement = self.connection.prepare("SELECT file, length FROM marks ORDER BY file")?;
        let rows =
            statement.query_map([], |row| Ok(Mark { file: row.get(0)?, length: row.get::<_, i64>(1)? as u64 }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
