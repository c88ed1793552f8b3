//! Files that somebody wrote: read whole, when they are files and have an end.
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::{FileError, fault};
use crate::definition::Text;

/// A file or folder of a project that is there and cannot be read.
#[derive(Debug)]
pub struct Unread {
    /// Path, relative to the project.
    pub path: String,
    /// What the system says; `InvalidData` where the file is not UTF-8.
    pub error: io::Error,
}

/// All files of a project that say something: `pipelines.yaml`, sources, mappings and lookups, sorted by path.
pub fn project(root: &Path) -> Result<Vec<Text>, FileError> {
    let (texts, unread) = readable(root);
    match unread.into_iter().next() {
        Some(Unread { path, error }) => Err(fault(&root.join(path))(error)),
        None => Ok(texts),
    }
}

/// The same, as far as they can be read, and those that cannot.
pub fn readable(root: &Path) -> (Vec<Text>, Vec<Unread>) {
    let (mut paths, mut texts, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    if fs::symlink_metadata(root.join("pipelines.yaml")).is_ok() {
        paths.push("pipelines.yaml".to_owned());
    }
    for folder in ["sources", "sources/shared", "mappings", "mappings/lookups"] {
        match yaml_files(&root.join(folder)) {
            Ok(names) => paths.extend(names.into_iter().map(|name| format!("{folder}/{name}"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => unread.push(Unread { path: folder.to_owned(), error }),
        }
    }
    paths.sort();
    for path in paths {
        let text = inside(root, &path)
            .and_then(|file| contents(&file, TEXT))
            .and_then(|bytes| String::from_utf8(bytes).map_err(not_text));
        match text {
            Ok(text) => texts.push(Text { path, text }),
            Err(error) => unread.push(Unread { path, error }),
        }
    }
    (texts, unread)
}

/// Where a file of definitions is, behind all links. One that leads to another kind of file, as `.env`, or out of the project
/// is not read: findings show lines of what they read, and a link may come with the files of a stranger.
fn inside(root: &Path, path: &str) -> io::Result<PathBuf> {
    let (file, root) = (fs::canonicalize(root.join(path))?, fs::canonicalize(root)?);
    if file.starts_with(&root) && file.extension().is_some_and(|kind| kind == "yaml") {
        return Ok(file);
    }
    regular(&fs::metadata(&file)?)?;
    let to = file.strip_prefix(&root).unwrap_or(&file).display();
    let why = format!("it is a link to {to}, which is no YAML file of this project: put the file itself here");
    Err(io::Error::other(why))
}

/// Most bytes of a file of definitions, of `.env`, of a credential or of certificates.
pub const TEXT: u64 = 1 << 20;

/// What a file holds that somebody wrote. One that has no end, as a pipe or a device may have none, is an error, and is not
/// waited for.
pub fn contents(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let waiting = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(waiting).open(path)?;
    regular(&file.metadata()?)?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {} MiB", most >> 20)));
    }
    Ok(bytes)
}

fn regular(about: &Metadata) -> io::Result<()> {
    match about.is_file() {
        true => Ok(()),
        false if about.is_dir() => Err(io::Error::other("it is a folder")),
        false => Err(io::Error::other("it is no file, but a pipe or a device")),
    }
}

fn not_text(error: std::string::FromUtf8Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Names in a folder that end with `.yaml`, whatever stands behind them.
fn yaml_files(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".yaml") {
            names.push(name);
        }
    }
    Ok(names)
}
