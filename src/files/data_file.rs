//! Files below a folder of ours. Each part of the way is opened by itself, and no link is followed: what another user put
//! there leads nowhere.
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, mkdirat, openat, statat, unlinkat};
use rustix::io::Errno;

use super::{FileError, fault};

/// A file below a folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DataFile {
    root: PathBuf,
    name: PathBuf,
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It is read.
    Read,
    /// It is written, and is there.
    Write,
    /// It is written, and made with its folders where it is missing.
    Make,
    /// The same at its end.
    Append,
    /// It is made with its folders; one that is there is an error.
    New,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl DataFile {
    /// A file by its way from a folder, which somebody named: links that lead to the folder are followed.
    pub fn new(root: &Path, name: impl AsRef<Path>) -> Self {
        DataFile { root: root.to_owned(), name: name.as_ref().to_owned() }
    }

    /// A file in a folder that is below the data directory, or elsewhere when it is written with its whole path.
    pub fn within(data: &Path, folder: &str, name: &str) -> Self {
        match Path::new(folder).is_absolute() {
            true => DataFile::new(Path::new(folder), name),
            false => DataFile::new(data, Path::new(folder).join(name)),
        }
    }

    /// Its path, for messages.
    pub fn path(&self) -> PathBuf {
        self.root.join(&self.name)
    }

    /// The same as an error at this file.
    pub fn fault(&self, error: io::Error) -> FileError {
        fault(&self.path())(error)
    }

    /// Opens it.
    pub fn open(&self, how: How) -> Result<File, FileError> {
        let flags = match how {
            How::Read => OFlags::RDONLY,
            How::Write => OFlags::WRONLY,
            How::Make => OFlags::WRONLY | OFlags::CREATE,
            How::Append => OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND,
            How::New => OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL,
        };
        // A pipe is not waited for.
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let makes = flags.contains(OFlags::CREATE);
        let file = self.last(makes, |folder, name| {
            let file = File::from(openat(folder, name, flags, Mode::from_raw_mode(0o600))?);
            match file.metadata()?.is_file() {
                true => Ok(file),
                false => Err(io::Error::other("it is no file")),
            }
        });
        file.map_err(|error| self.fault(error))
    }

    /// Whether no part of its way is a link; what is missing is none.
    pub fn is_direct(&self) -> Result<(), FileError> {
        let looked = self.last(false, |folder, name| match kind(folder, name) {
            Some(FileType::Symlink) => Err(linked()),
            _ => Ok(()),
        });
        match looked {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.fault(error)),
            _ => Ok(()),
        }
    }

    /// Deletes the file; one that is gone already is as good.
    pub fn remove(&self) -> Result<(), FileError> {
        let removed = self.last(false, |folder, name| Ok(unlinkat(folder, name, AtFlags::empty())?));
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.fault(error)),
            _ => Ok(()),
        }
    }

    /// Does something with the last part of the way, from its folder.
    fn last<T>(&self, makes: bool, work: impl FnOnce(&OwnedFd, &Path) -> io::Result<T>) -> io::Result<T> {
        if makes {
            std::fs::create_dir_all(&self.root)?;
        }
        let mut folder = openat(CWD, &self.root, FOLDER, Mode::empty())?;
        let mut parts = Vec::new();
        for part in self.name.components() {
            match part {
                Component::Normal(part) => parts.push(Path::new(part)),
                Component::CurDir => {}
                // The whole path of a folder elsewhere is a root, and no name.
                _ => return Err(io::Error::other("it leads out of its folder")),
            }
        }
        let Some((last, above)) = parts.split_last() else { return Err(io::ErrorKind::IsADirectory.into()) };
        for part in above {
            folder = enter(&folder, part, makes)?;
        }
        work(&folder, last).map_err(|error| explained(error, &folder, last))
    }
}

fn enter(folder: &OwnedFd, name: &Path, makes: bool) -> io::Result<OwnedFd> {
    let enter = || openat(folder, name, FOLDER | OFlags::NOFOLLOW, Mode::empty());
    let entered = match enter() {
        Err(Errno::NOENT) if makes => match mkdirat(folder, name, Mode::from_raw_mode(0o700)) {
            // Another thread may have made it meanwhile.
            Ok(()) | Err(Errno::EXIST) => enter(),
            Err(error) => Err(error),
        },
        entered => entered,
    };
    entered.map_err(|error| explained(error.into(), folder, name))
}

/// A link is told as one: the system speaks of too many levels, or of no folder.
fn explained(error: io::Error, folder: &OwnedFd, name: &Path) -> io::Error {
    match kind(folder, name) {
        Some(FileType::Symlink) => linked(),
        _ => error,
    }
}

fn kind(folder: &OwnedFd, name: &Path) -> Option<FileType> {
    let about = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(FileType::from_raw_mode(about.st_mode))
}

fn linked() -> io::Error {
    io::Error::other(
        "it is a link, and no link is followed in a data directory: put what it leads to in its place; for a folder elsewhere \
         write its whole path into pipelines.yaml",
    )
}
