//! Segments as files: which there are, records copied into a new one, and who may touch them meanwhile.
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use chrono::{DateTime, Utc};

use super::{ArchiveError, segment_name};
use crate::files::{DataFile, FileError, How};

/// A segment on the disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Its file, relative to the archive's folder.
    pub name: String,
    /// Its place in the order of segments.
    pub number: u64,
    /// Bytes.
    pub bytes: u64,
    /// When something was appended to it last.
    pub modified: DateTime<Utc>,
}

fn fault(path: &Path) -> impl Fn(io::Error) -> FileError + '_ {
    move |error| FileError { path: path.display().to_string(), error }
}

/// The segments of a source, oldest first.
pub fn segments(root: &Path, source: &str) -> Result<Vec<Segment>, FileError> {
    let folder = root.join(source);
    let mut found = Vec::new();
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(fault(&folder)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(fault(&folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(number) = name.strip_suffix(".warc.zst").and_then(|number| number.parse().ok()) else { continue };
        let metadata = entry.metadata().map_err(fault(&folder))?;
        let modified = metadata.modified().map_err(fault(&folder))?.into();
        found.push(Segment { name: format!("{source}/{name}"), number, bytes: metadata.len(), modified });
    }
    found.sort_by_key(|segment| segment.number);
    Ok(found)
}

/// Copies records, given as segment, offset and length, byte by byte into a new segment. It is on the disk, under its
/// name, when this returns; the records lie in it in the order given, without gaps.
pub fn rewrite(root: &Path, source: &str, number: u64, records: &[(String, u64, u64)]) -> Result<String, FileError> {
    let name = format!("{source}/{}", segment_name(number));
    let segment = DataFile::new(root, &name);
    // One that is there already is somebody's: it is not written over, and not cleared away either.
    let file = segment.open(How::New)?;
    let copied = copy(root, &segment.path(), file, records);
    if copied.is_err() {
        // What was written so far is named by nothing; the fault is what the caller is told.
        let _ = segment.remove();
    }
    copied.map(|()| name)
}

fn copy(root: &Path, path: &Path, file: File, records: &[(String, u64, u64)]) -> Result<(), FileError> {
    let mut out = BufWriter::new(file);
    let mut open: Option<(&str, File)> = None;
    for (segment, offset, length) in records {
        let from = root.join(segment);
        if open.as_ref().is_none_or(|(name, _)| name != segment) {
            open = Some((segment, DataFile::new(root, segment).open(How::Read)?));
        }
        let Some((_, file)) = &mut open else { continue };
        file.seek(SeekFrom::Start(*offset)).map_err(fault(&from))?;
        let copied = io::copy(&mut file.take(*length), &mut out).map_err(fault(path))?;
        if copied < *length {
            return Err(fault(&from)(io::ErrorKind::UnexpectedEof.into()));
        }
    }
    out.flush().map_err(fault(path))?;
    out.get_ref().sync_all().map_err(fault(path))?;
    sync_folder(path.parent().unwrap_or(root))
}

/// Deletes a segment; one that is gone already is as good.
pub fn delete(root: &Path, name: &str) -> Result<(), FileError> {
    DataFile::new(root, name).remove()
}

/// A file's name is on the disk when its folder is.
pub fn sync_folder(folder: &Path) -> Result<(), FileError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(fault(folder))
}

/// How segments are held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hold {
    /// They are read: none is deleted or moved meanwhile.
    Read,
    /// They are deleted and moved: nobody reads them from end to end meanwhile. What is appended by a run is not in the
    /// way.
    Change,
}

/// Holds the segments of a data directory until the file is dropped. For reading, a data directory that cannot be
/// written is as good: nobody changes it.
pub fn hold(data: &Path, how: Hold) -> Result<Option<File>, ArchiveError> {
    let lock = DataFile::new(data, "archive.lock");
    let file = match lock.open(How::Make) {
        Ok(file) => file,
        Err(error) if how == Hold::Read && denied(&error.error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let locked = match how {
        Hold::Read => file.try_lock_shared(),
        Hold::Change => file.try_lock(),
    };
    match locked {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(ArchiveError::Busy(data.display().to_string())),
        Err(TryLockError::Error(error)) => Err(lock.fault(error).into()),
    }
}

fn denied(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_copied_in_order_and_a_broken_copy_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("a")).unwrap();
        fs::write(root.path().join("a/000000.warc.zst"), "onetwothree").unwrap();
        fs::write(root.path().join("a/000003.warc.zst"), "four").unwrap();
        fs::write(root.path().join("a/notes.txt"), "mine").unwrap();
        let names = |root: &Path| {
            segments(root, "a").unwrap().into_iter().map(|segment| (segment.number, segment.bytes)).collect::<Vec<_>>()
        };
        assert_eq!(names(root.path()), [(0, 11), (3, 4)]);
        let record = |segment: &str, offset, length| (format!("a/{segment}.warc.zst"), offset, length);
        let records = [record("000000", 6, 5), record("000003", 0, 4), record("000000", 0, 3)];
        assert_eq!(rewrite(root.path(), "a", 4, &records).unwrap(), "a/000004.warc.zst");
        assert_eq!(fs::read_to_string(root.path().join("a/000004.warc.zst")).unwrap(), "threefourone");
        assert!(rewrite(root.path(), "a", 5, &[record("000000", 9, 5)]).is_err());
        assert!(rewrite(root.path(), "a", 4, &records).is_err(), "a segment is never written over");
        assert_eq!(names(root.path()), [(0, 11), (3, 4), (4, 12)]);
    }

    #[test]
    fn who_changes_segments_waits_for_those_who_read_them() {
        let data = tempfile::tempdir().unwrap();
        let first = hold(data.path(), Hold::Read).unwrap();
        let second = hold(data.path(), Hold::Read).unwrap();
        assert!(matches!(hold(data.path(), Hold::Change), Err(ArchiveError::Busy(_))));
        drop((first, second));
        let change = hold(data.path(), Hold::Change).unwrap();
        assert!(matches!(hold(data.path(), Hold::Read), Err(ArchiveError::Busy(_))));
        drop(change);
        assert!(hold(data.path(), Hold::Read).unwrap().is_some());
    }
}
