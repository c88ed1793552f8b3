//! A consistent copy of a data directory while a run writes: the state at one moment, then all that it names.
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use crate::archive::{self, ArchiveError, Hold, sync_folder};
use crate::files::{DataFile, FileError, How};
use crate::state::{Reader, StateError};

/// No whole copy could be made; nothing stands under the name that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The state.
    #[error(transparent)]
    State(#[from] StateError),
    /// The archive is held.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The place cannot take a backup.
    #[error("{0}")]
    Place(String),
    /// Nothing to copy.
    #[error("nothing was run into {0} yet: there is nothing to copy")]
    Nothing(String),
}

/// What is copied.
#[derive(Clone, Debug)]
pub struct Backup {
    /// The data directory.
    pub data: PathBuf,
    /// The archive's folder, relative to the data directory; `None` leaves the archive out.
    pub archive: Option<String>,
    /// Where the copy goes: a folder that is empty, or not there.
    pub to: PathBuf,
}

/// What was copied.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Copied {
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Says that a folder is a backup that is not whole.
const MARK: &str = "unfinished-backup";
/// Bytes that are copied between two words to whoever watches.
const PIECE: u64 = 8 << 20;

fn fault(path: &Path) -> impl Fn(io::Error) -> FileError + '_ {
    move |error| FileError { path: path.display().to_string(), error }
}

impl Backup {
    /// Makes the copy beside the place, and renames it into place when it is whole and on the disk. `watch` is told how
    /// many bytes are copied so far.
    pub fn make(&self, watch: &dyn Fn(u64)) -> Result<Copied, BackupError> {
        let reader = Reader::open(&self.data)?.ok_or_else(|| BackupError::Nothing(self.data.display().to_string()))?;
        // Segments are not moved while they are copied.
        let _held = archive::hold(&self.data, Hold::Read)?;
        let aside = self.place()?;
        let copied = self.fill(&reader, &aside, watch);
        if copied.is_err() {
            // It is marked as unfinished, should it stay; the fault is what the caller is told.
            let _ = fs::remove_dir_all(&aside);
        }
        let copied = copied?;
        fs::rename(&aside, &self.to).map_err(fault(&self.to))?;
        sync_folder(&parent(&self.to))?;
        Ok(copied)
    }

    /// Copies the state, then what it names; the mark of what is unfinished goes last.
    fn fill(&self, reader: &Reader, aside: &Path, watch: &dyn Fn(u64)) -> Result<Copied, BackupError> {
        let state = aside.join("state.db");
        reader.copy_to(&state, self.archive.is_some())?;
        File::open(&state).and_then(|file| file.sync_all()).map_err(fault(&state))?;
        let bytes = fs::metadata(&state).map_err(fault(&state))?.len();
        let mut copied = Copied { files: 1, bytes };
        watch(copied.bytes);
        let copy = Reader::open(aside)?.ok_or_else(|| BackupError::Nothing(aside.display().to_string()))?;
        for mark in copy.marks()? {
            // A log elsewhere is copied by its own means, and one that its user took away is not missed.
            if Path::new(&mark.file).is_relative() && self.data.join(&mark.file).is_file() {
                self.file(aside, &mark.file, mark.length, &mut copied, watch)?;
            }
        }
        if let Some(folder) = &self.archive {
            for source in copy.source_names()? {
                for segment in archive::segments(&self.data.join(folder), &source)? {
                    let name = format!("{folder}/{}", segment.name);
                    self.file(aside, &name, segment.bytes, &mut copied, watch)?;
                }
            }
        }
        drop(copy);
        // An empty log: laid over a data directory, the copy puts it in the place of a log that does not belong to it.
        let log = aside.join("state.db-wal");
        File::create(&log).and_then(|file| file.sync_all()).map_err(fault(&log))?;
        let mark = aside.join(MARK);
        fs::remove_file(&mark).map_err(fault(&mark))?;
        sync_folder(aside)?;
        Ok(copied)
    }

    /// Makes the folder beside the place, when the place can take a backup.
    fn place(&self) -> Result<PathBuf, BackupError> {
        let shown = self.to.display();
        let taken = match fs::read_dir(&self.to) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(fault(&self.to)(error).into()),
        };
        if taken {
            return Err(BackupError::Place(format!(
                "{shown} is not empty; name a folder that is, or one that is not there"
            )));
        }
        let inside = |folder: &str| {
            Path::new(folder).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        };
        if let Some(folder) = self.archive.as_ref().filter(|folder| !inside(folder)) {
            return Err(BackupError::Place(format!(
                "the archive lies outside of the data directory, in {folder}; copy it by its own means, and say `--without-archive`"
            )));
        }
        let Some(name) = self.to.file_name() else {
            return Err(BackupError::Place(format!("{shown} is no name of a folder")));
        };
        let parent = parent(&self.to);
        fs::create_dir_all(&parent).map_err(fault(&parent))?;
        let real = |path: &Path| fs::canonicalize(path).map_err(fault(path));
        if real(&parent)?.join(name).starts_with(real(&self.data)?) {
            return Err(BackupError::Place(format!("{shown} lies in the data directory; name a folder beside it")));
        }
        let aside = parent.join(format!("{}.unfinished", name.to_string_lossy()));
        if aside.join(MARK).exists() {
            fs::remove_dir_all(&aside).map_err(fault(&aside))?;
        }
        fs::create_dir(&aside).map_err(fault(&aside))?;
        let mark = aside.join(MARK);
        let mut file = File::create(&mark).map_err(fault(&mark))?;
        writeln!(file, "A backup that did not come to its end. It can be deleted.").map_err(fault(&mark))?;
        Ok(aside)
    }

    /// Copies the first bytes of a file of the data directory.
    fn file(
        &self,
        aside: &Path,
        name: &str,
        length: u64,
        copied: &mut Copied,
        watch: &dyn Fn(u64),
    ) -> Result<(), BackupError> {
        let (from, to) = (self.data.join(name), aside.join(name));
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(fault(folder))?;
        }
        let source = DataFile::new(&self.data, name).open(How::Read)?;
        let mut target = File::create_new(&to).map_err(fault(&to))?;
        let mut left = length;
        while left > 0 {
            let piece = io::copy(&mut (&source).take(left.min(PIECE)), &mut target).map_err(fault(&to))?;
            if piece == 0 {
                return Err(fault(&from)(io::ErrorKind::UnexpectedEof.into()).into());
            }
            left -= piece;
            copied.bytes += piece;
            watch(copied.bytes);
        }
        target.sync_all().map_err(fault(&to))?;
        if let Some(folder) = to.parent() {
            sync_folder(folder)?;
        }
        copied.files += 1;
        Ok(())
    }
}

fn parent(path: &Path) -> PathBuf {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}
