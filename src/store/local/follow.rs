//! The index follows the truth: a change feed read in short steps by one writer, which a thread drives during runs.
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, params};
use tantivy::directory::error::LockError;
use tantivy::directory::{Directory, INDEX_WRITER_LOCK, MmapDirectory};
use tantivy::{Index, IndexWriter, Term};
use xxhash_rust::xxh3::xxh3_64;

use super::fields::{self, Fields};
use super::{truth, whole};
use crate::files::{DataFile, FileError};
use crate::schema::Schema;
use crate::store::StoreError;

/// Documents of one read of the truth: the read ends before they are indexed, so that the log can be cut.
const READ: usize = 150;
/// Documents between two commits of the index.
const COMMIT: usize = 1_000;
/// Bytes of documents of one read, and between two commits: until then they wait in memory for the index.
const READ_BYTES: usize = 2 << 20;
const COMMIT_BYTES: usize = 4 << 20;
/// Time between two commits, and between two looks at a truth that does not change.
const PAUSE: Duration = Duration::from_secs(1);
/// Memory of the index writer, in bytes.
const MEMORY: usize = 15_000_000;

/// A thread that keeps the index of a data directory up to date while offers are written.
pub struct Follower {
    stop: Sender<()>,
    thread: JoinHandle<Result<u64, StoreError>>,
}

impl Follower {
    /// Starts it.
    pub fn start(dir: &Path, schema: &Schema) -> Self {
        let (stop, stopped) = channel();
        let (dir, schema) = (dir.to_owned(), schema.clone());
        Follower { stop, thread: std::thread::spawn(move || follow(&dir, &schema, &stopped)) }
    }

    /// Takes over what is left, and ends; the number of changes that were taken over in all.
    pub fn finish(self) -> Result<u64, StoreError> {
        // A thread that has ended by itself says why below.
        let _ = self.stop.send(());
        self.thread.join().unwrap_or_else(|_| Err(StoreError::Value("the index thread panicked".into())))
    }
}

fn follow(dir: &Path, schema: &Schema, stopped: &Receiver<()>) -> Result<u64, StoreError> {
    let mut feed = Feed::open(dir, schema)?;
    let mut taken = 0;
    loop {
        let found = feed.step()?;
        taken += found;
        let wait = if found > 0 { Duration::ZERO } else { PAUSE / 4 };
        match stopped.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    taken += feed.rest()?;
    feed.close()?;
    Ok(taken)
}

/// Brings the index of a data directory up to date. One that is missing, foreign, broken or ahead of the truth is built
/// anew beside it, then takes its place; what is to be said of that.
pub(super) fn catch_up(dir: &Path, schema: &Schema) -> Result<Option<String>, StoreError> {
    let last = last_change(&truth(dir)?)?;
    let there = whole::read(&folder(dir, schema), &Fields::new(schema));
    if matches!(there, Ok(Some(there)) if there.at == last) {
        return Ok(None);
    }
    let taken = || whole::guarded(|| taken_over(dir, schema));
    match taken() {
        Err(StoreError::Broken(why)) => {
            discard(dir, schema)?;
            Ok(taken()?.or_else(|| Some(built_again(&why))))
        }
        taken => taken,
    }
}

fn taken_over(dir: &Path, schema: &Schema) -> Result<Option<String>, StoreError> {
    let mut feed = Feed::open(dir, schema)?;
    feed.rest()?;
    let notice = feed.broken.as_deref().map(built_again);
    feed.close()?;
    Ok(notice)
}

fn built_again(why: &str) -> String {
    format!("the search index was broken ({why}): it was built again")
}

/// Deletes an index that turned out to be broken, unless somebody writes it.
pub(super) fn discard(dir: &Path, schema: &Schema) -> Result<(), StoreError> {
    let home = folder(dir, schema);
    direct(dir, &home)?;
    let fault = |error| StoreError::Folder(home.display().to_string(), error);
    let Ok(directory) = MmapDirectory::open(&home) else { return Ok(()) };
    let _writing = match directory.acquire_lock(&INDEX_WRITER_LOCK) {
        Err(LockError::LockBusy) => return Err(StoreError::Busy),
        lock => lock,
    };
    fs::remove_dir_all(&home).map_err(fault)
}

/// A row that was written or removed, the number of that change, and its document.
type Change = (i64, i64, Option<String>);

/// The writer of the index.
struct Feed {
    truth: Connection,
    index: Index,
    fields: Fields,
    writer: IndexWriter,
    /// The last change that was handed to the writer.
    at: i64,
    /// Documents since the last commit, their bytes, and when that was.
    waiting: usize,
    bytes: usize,
    committed: Instant,
    /// Where the index is built, when it takes another's place at the end.
    beside: Option<(PathBuf, PathBuf)>,
    /// Why the one that was there could not be read.
    broken: Option<String>,
}

impl Feed {
    fn open(dir: &Path, schema: &Schema) -> Result<Self, StoreError> {
        let (truth, fields, home) = (truth(dir)?, Fields::new(schema), folder(dir, schema));
        direct(dir, &home)?;
        let last = last_change(&truth)?;
        let mut broken = None;
        let (index, beside) = match opened(&home, &fields, last) {
            Ok(Some(index)) => (index, None),
            found => {
                broken = found.err().map(|error| error.to_string());
                let aside = aside(&home);
                let index = match opened(&aside, &fields, last) {
                    Ok(Some(index)) => index,
                    _ => made(&aside, &fields)?,
                };
                (index, Some((aside, home)))
            }
        };
        let writer = match index.writer_with_num_threads(1, MEMORY) {
            Ok(writer) => writer,
            Err(tantivy::TantivyError::LockFailure(..)) => return Err(StoreError::Busy),
            Err(error) => return Err(error.into()),
        };
        let at = payload(&index);
        let committed = Instant::now();
        let mut feed = Feed { truth, index, fields, writer, at, waiting: 0, bytes: 0, committed, beside, broken };
        feed.mend()?;
        Ok(feed)
    }

    /// Takes rows over again that the index holds twice: a start that was killed may have lost the deletion of one.
    fn mend(&mut self) -> Result<(), StoreError> {
        for row in twice(&self.index)? {
            self.writer.delete_term(Term::from_field_u64(self.fields.row, row));
            let mut statement =
                self.truth.prepare_cached("SELECT change, doc FROM offers WHERE n = ?1 AND change <= ?2")?;
            let found =
                statement.query_row(params![row as i64, self.at], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
            if let Some((change, text)) = found.optional()?
                && let Ok(document) = serde_json::from_str::<crate::tree::Tree<'_>>(&text)
            {
                self.writer.add_document(self.fields.document(row, change, &document))?;
            }
            self.waiting += 1;
        }
        Ok(())
    }

    /// One read of the truth, handed to the writer; the number of its changes.
    fn step(&mut self) -> Result<u64, StoreError> {
        let changes = self.changes()?;
        let found = changes.len();
        for (row, change, text) in changes {
            self.bytes += text.as_ref().map_or(0, String::len);
            self.writer.delete_term(Term::from_field_u64(self.fields.row, row as u64));
            let document = text.as_deref().and_then(|text| serde_json::from_str::<crate::tree::Tree<'_>>(text).ok());
            if let Some(document) = document {
                self.writer.add_document(self.fields.document(row as u64, change, &document))?;
            }
            self.at = change;
        }
        self.waiting += found;
        let full = self.waiting >= COMMIT || self.bytes >= COMMIT_BYTES;
        if full || self.waiting > 0 && self.committed.elapsed() >= PAUSE {
            self.commit()?;
        }
        Ok(found as u64)
    }

    fn rest(&mut self) -> Result<u64, StoreError> {
        let mut taken = 0;
        loop {
            let found = self.step()?;
            if found == 0 {
                break;
            }
            taken += found;
        }
        if self.waiting > 0 {
            self.commit()?;
        }
        Ok(taken)
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(&self.at.to_string());
        commit.commit()?;
        crate::crash::point("indexed");
        (self.waiting, self.bytes, self.committed) = (0, 0, Instant::now());
        Ok(())
    }

    /// Ends the writer; an index that was built aside takes its place.
    fn close(self) -> Result<Index, StoreError> {
        self.writer.wait_merging_threads()?;
        let Some((aside, home)) = self.beside else { return Ok(self.index) };
        drop(self.index);
        let fault = |error| StoreError::Folder(home.display().to_string(), error);
        for other in outlived(&home, &aside).map_err(fault)? {
            fs::remove_dir_all(other).map_err(fault)?;
        }
        fs::rename(&aside, &home).map_err(fault)?;
        let index = Index::open_in_dir(&home)?;
        fields::register(&index);
        Ok(index)
    }

    /// Rows that were written or removed since, in the order of their changes; one that was removed has no document.
    fn changes(&self) -> Result<Vec<Change>, StoreError> {
        let mut statement = self.truth.prepare_cached(
            "SELECT n, change, doc FROM offers WHERE change > ?1
             UNION ALL SELECT n, change, NULL FROM removed WHERE change > ?1 ORDER BY change LIMIT ?2",
        )?;
        let mut rows = statement.query(params![self.at, READ as i64])?;
        let (mut changes, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next()?.filter(|_| bytes < READ_BYTES) {
            let change: Change = (row.get(0)?, row.get(1)?, row.get(2)?);
            bytes += change.2.as_ref().map_or(0, String::len);
            changes.push(change);
        }
        Ok(changes)
    }
}

/// Rows that an index holds more than once.
fn twice(index: &Index) -> Result<Vec<u64>, StoreError> {
    let (mut seen, mut twice) = (roaring::RoaringTreemap::new(), Vec::new());
    for segment in index.reader()?.searcher().segment_readers() {
        let rows = segment.fast_fields().u64("n")?;
        twice.extend(segment.doc_ids_alive().filter_map(|doc| rows.first(doc)).filter(|row| !seen.insert(*row)));
    }
    Ok(twice)
}

/// The last change of the truth.
pub(super) fn last_change(truth: &Connection) -> Result<i64, StoreError> {
    let sql =
        "SELECT max(coalesce((SELECT max(change) FROM offers), 0), coalesce((SELECT max(change) FROM removed), 0))";
    Ok(truth.query_row(sql, [], |row| row.get(0))?)
}

/// The index's folder, named by what it depends on.
pub(super) fn folder(dir: &Path, schema: &Schema) -> PathBuf {
    let declared = serde_json::to_string(schema.fields()).unwrap_or_default();
    let made_by = format!("{LAYOUT}{declared}{}", tantivy::version_string());
    dir.join("index").join(format!("{:016x}", xxh3_64(made_by.as_bytes())))
}

/// Refuses an index that is a link, or holds one: it would be written where that leads to.
fn direct(dir: &Path, home: &Path) -> Result<(), StoreError> {
    let refused = |error: FileError| StoreError::Folder(error.path, error.error);
    for folder in [home.to_owned(), aside(home)] {
        let name = Path::new("index").join(folder.file_name().unwrap_or_default());
        DataFile::new(dir, &name).is_direct().map_err(refused)?;
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            DataFile::new(dir, name.join(entry.file_name())).is_direct().map_err(refused)?;
        }
    }
    Ok(())
}

/// Rises with each change that the schema does not show: of the columns, of how texts become words.
const LAYOUT: u32 = 3;

/// Where an index is built that takes another's place.
pub(super) fn aside(home: &Path) -> PathBuf {
    home.with_extension("new")
}

/// What goes when an index takes its place: the one that was there, and those of other schemas but the one that was written
/// last. A call with other files does not cost the index of these.
fn outlived(home: &Path, aside: &Path) -> std::io::Result<Vec<PathBuf>> {
    let (mut outlived, mut others) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(home.parent().unwrap_or(home))?.flatten().map(|entry| entry.path()) {
        if entry == home {
            outlived.push(entry);
        } else if entry != aside {
            let written = fs::metadata(entry.join("meta.json")).and_then(|meta| meta.modified());
            others.push((written.ok(), entry));
        }
    }
    others.sort();
    others.pop();
    outlived.extend(others.into_iter().map(|(_, entry)| entry));
    Ok(outlived)
}

/// The index in a folder, to be written, when it has these columns and is not ahead of the truth's last change.
fn opened(folder: &Path, fields: &Fields, last: i64) -> Result<Option<Index>, StoreError> {
    if whole::read(folder, fields)?.is_none_or(|there| there.at > last) {
        return Ok(None);
    }
    let index = Index::open_in_dir(folder)?;
    fields::register(&index);
    Ok(Some(index))
}

/// A new, empty index.
fn made(folder: &Path, fields: &Fields) -> Result<Index, StoreError> {
    let fault = |error| StoreError::Folder(folder.display().to_string(), error);
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(fault)?;
    }
    fs::create_dir_all(folder).map_err(fault)?;
    let index = Index::create_in_dir(folder, fields.schema.clone())?;
    fields::register(&index);
    Ok(index)
}

/// The last change that is in an index.
pub(super) fn payload(index: &Index) -> i64 {
    let payload = index.load_metas().ok().and_then(|metas| metas.payload);
    payload.and_then(|payload| payload.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_the_index_holds_twice_is_taken_over_again() {
        let dir = tempfile::tempdir().unwrap();
        let truth = Connection::open(dir.path().join("state.db")).unwrap();
        let tables = "CREATE TABLE offers(n INTEGER PRIMARY KEY, change INTEGER, doc TEXT);
            CREATE TABLE removed(change INTEGER PRIMARY KEY, n INTEGER)";
        truth.execute_batch(&format!("{tables}; INSERT INTO offers VALUES(1, 1, '{{}}'), (2, 3, '{{}}')")).unwrap();
        let schema = Schema::default();
        catch_up(dir.path(), &schema).unwrap();
        let mut feed = Feed::open(dir.path(), &schema).unwrap();
        feed.writer.add_document(feed.fields.document(2, 2, &crate::tree::Tree::Null)).unwrap();
        feed.commit().unwrap();
        assert_eq!(twice(&feed.close().unwrap()).unwrap(), [2]);
        let mut feed = Feed::open(dir.path(), &schema).unwrap();
        feed.rest().unwrap();
        let index = feed.close().unwrap();
        assert_eq!((twice(&index).unwrap(), payload(&index)), (Vec::new(), 3));
        assert_eq!(index.reader().unwrap().searcher().num_docs(), 2);
    }
}
