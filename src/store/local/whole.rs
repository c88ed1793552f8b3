//! An index as it lies in its folder: opened to be read by anyone who may, and found broken.
use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, WatchCallback, WatchHandle, WritePtr,
};
use tantivy::{Index, IndexReader, ReloadPolicy, TantivyError};

use super::fields::{self, Fields};
use super::follow::payload;
use crate::store::StoreError;

/// The folder of an index that is read. Its locks are taken where they can be: who may only read cannot make their files,
/// and is in nobody's way.
#[derive(Clone, Debug)]
struct Reading(MmapDirectory);

impl Directory for Reading {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.0.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.0.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.0.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        self.0.open_write(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.0.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.0.atomic_write(path, data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.0.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.0.acquire_lock(lock).or_else(|_| Ok(DirectoryLock::from(Box::new(()))))
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.0.watch(callback)
    }
}

/// An index as it was at one moment.
pub(super) struct Whole {
    pub index: Index,
    /// Has opened each of its files.
    pub reader: IndexReader,
    /// The last change that is in it for certain: the reader holds this one, or a later one.
    pub at: i64,
}

/// The index in a folder. `None` when there is none, or one of other columns; [`StoreError::Broken`] when it cannot be read.
pub(super) fn read(folder: &Path, fields: &Fields) -> Result<Option<Whole>, StoreError> {
    if !folder.join("meta.json").exists() {
        return Ok(None);
    }
    guarded(|| {
        let directory = MmapDirectory::open(folder).map_err(TantivyError::from)?;
        let index = Index::open(Reading(directory))?;
        if index.schema() != fields.schema {
            return Ok(None);
        }
        fields::register(&index);
        let at = payload(&index);
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Some(Whole { index, reader, at }))
    })
}

/// Files that are not what was written, said one by one.
pub(super) fn damaged(index: &Index, reader: &IndexReader) -> Result<Vec<String>, StoreError> {
    // The reader has opened them all: one that cannot be opened any more was merged away by a process that writes.
    let Ok(files) = index.validate_checksum() else { return Ok(Vec::new()) };
    let read: Vec<String> =
        reader.searcher().segment_readers().iter().map(|segment| segment.segment_id().uuid_string()).collect();
    let named = |name: &str| read.iter().any(|segment| name.starts_with(segment.as_str()));
    let names = files.iter().map(|path| path.display().to_string()).filter(|name| named(name));
    Ok(names.map(|name| format!("the file {name} of the index is not what was written")).collect())
}

/// Does something with an index. A fault of its files says that it is broken, also one that is answered with a panic.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Err(StoreError::Index(error))) if is_broken(&error) => Err(StoreError::Broken(error.to_string())),
        Ok(done) => done,
        Err(panic) => Err(StoreError::Broken(said(&*panic))),
    }
}

fn is_broken(error: &TantivyError) -> bool {
    match error {
        TantivyError::DataCorruption(_) | TantivyError::IncompatibleIndex(_) | TantivyError::InternalError(_) => true,
        TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. }) => is_of_files(io_error),
        TantivyError::OpenReadError(_) => true,
        TantivyError::IoError(error) => is_of_files(error),
        _ => false,
    }
}

/// Whether the bytes are to blame, and not who reads them.
fn is_of_files(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::NotFound | io::ErrorKind::Other
    )
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a file of it is not what was written").to_owned()
}
