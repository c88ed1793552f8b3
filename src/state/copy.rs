//! The whole state copied at one moment, beside a process that writes.
use std::path::Path;

use rusqlite::{Connection, params};

use super::StateError;
use super::reader::Reader;
use super::rows::marks;
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
        Ok(marks(&self.connection)?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use super::*;
    use crate::state::tables;

    #[test]
    fn a_copy_beside_a_busy_writer_ends_and_is_of_one_moment() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let writer = Connection::open(&path).unwrap();
        tables::prepare(&writer).unwrap();
        writer.execute_batch("PRAGMA synchronous=OFF; INSERT INTO meta VALUES('a', 0), ('b', 0);").unwrap();
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let writing = {
            let (stop, written) = (stop.clone(), written.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    // Both rise together, and the file with them.
                    let step = "BEGIN IMMEDIATE; UPDATE meta SET value = value + 1;
                                INSERT INTO plans VALUES(hex(randomblob(16)), hex(randomblob(4000))); COMMIT;";
                    writer.execute_batch(step).unwrap();
                    written.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let reader = Reader::open(dir.path()).unwrap().unwrap();
        for round in 0..5 {
            let before = written.load(Ordering::Relaxed);
            while written.load(Ordering::Relaxed) < before + 50 {
                std::thread::yield_now();
            }
            let copy = dir.path().join(format!("{round}.db"));
            let at = written.load(Ordering::Relaxed);
            reader.copy_to(&copy, round % 2 == 0).unwrap();
            assert!(written.load(Ordering::Relaxed) > at, "the writer went on meanwhile");
            let copy = Connection::open(copy).unwrap();
            let number = |sql: &str| copy.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
            let (a, b) =
                (number("SELECT value FROM meta WHERE key = 'a'"), number("SELECT value FROM meta WHERE key = 'b'"));
            assert_eq!((a, a), (b, number("SELECT count(*) FROM plans")));
            let sound: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
            assert_eq!(sound, "ok");
            assert_eq!(
                number("PRAGMA user_version"),
                reader.connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).unwrap()
            );
        }
        stop.store(true, Ordering::Relaxed);
        writing.join().unwrap();
    }
}
