//! Files on disk: reading definitions, and appending with one sync for all that wait.
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;

use tokio::sync::{mpsc, oneshot};

use crate::definition::Text;

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {error}{}", advice(error))]
pub struct FileError {
    /// The file.
    pub path: String,
    /// What the system says.
    #[source]
    pub error: io::Error,
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => "; nothing was lost: free some space and run again",
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => "; may this user read and write there?",
        _ => "",
    }
}

fn fault(path: &Path) -> impl Fn(io::Error) -> FileError + '_ {
    move |error| FileError { path: path.display().to_string(), error }
}

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
    if root.join("pipelines.yaml").exists() {
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
        let text = contents(&root.join(&path)).and_then(|bytes| String::from_utf8(bytes).map_err(not_text));
        match text {
            Ok(text) => texts.push(Text { path, text }),
            Err(error) => unread.push(Unread { path, error }),
        }
    }
    (texts, unread)
}

/// Most bytes of a file that somebody wrote.
const LARGEST: u64 = 8 << 20;

/// What a file holds that somebody wrote. One that has no end, as a pipe or a device may have none, is an error.
pub fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let about = fs::metadata(path)?;
    if !about.is_file() {
        let what = if about.is_dir() { "it is a folder" } else { "it is no file, but a pipe or a device" };
        return Err(io::Error::other(what));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    Ok(bytes)
}

fn not_text(error: std::string::FromUtf8Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Names of the files of a folder that end with `.yaml`.
fn yaml_files(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_file() && name.ends_with(".yaml") {
            names.push(name);
        }
    }
    Ok(names)
}

/// The values of a column of a CSV file with a header line, RFC 4180; empty ones are left out.
pub fn column(path: &Path, name: &str) -> Result<Vec<String>, FileError> {
    let wrong = |message: String| fault(path)(io::Error::new(io::ErrorKind::InvalidData, message));
    let file = File::open(path).map_err(fault(path))?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let headers = reader.headers().map_err(|error| wrong(error.to_string()))?;
    let Some(index) = headers.iter().position(|header| header == name) else {
        let columns = headers.iter().collect::<Vec<_>>().join(", ");
        return Err(wrong(format!("there is no column `{name}`; its columns are {columns}")));
    };
    let mut values = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| wrong(error.to_string()))?;
        values.extend(row.get(index).filter(|value| !value.is_empty()).map(str::to_owned));
    }
    Ok(values)
}

/// Appends to files, in order, acknowledged when the bytes are on the disk.
#[derive(Clone, Debug)]
pub struct Appender {
    orders: mpsc::Sender<Order>,
}

struct Order {
    path: PathBuf,
    bytes: Vec<u8>,
    done: oneshot::Sender<Result<u64, FileError>>,
}

/// Appends that wait for the disk at a time.
const WAITING: usize = 64;

impl Appender {
    /// Starts the thread that writes.
    pub fn start() -> Self {
        let (orders, mut waiting) = mpsc::channel::<Order>(WAITING);
        thread::spawn(move || {
            let mut files = HashMap::new();
            while let Some(first) = waiting.blocking_recv() {
                let mut batch = vec![first];
                while let Ok(next) = waiting.try_recv() {
                    batch.push(next);
                }
                append_all(batch, &mut files);
            }
        });
        Appender { orders }
    }

    /// Appends to a file, made with its folders where it is missing; the offset of the first byte.
    pub async fn append(&self, path: &Path, bytes: Vec<u8>) -> Result<u64, FileError> {
        self.queue(path, bytes).await?.done().await
    }

    /// Queues an append: appends are made in the order in which they are queued.
    pub async fn queue(&self, path: &Path, bytes: Vec<u8>) -> Result<Queued, FileError> {
        let (done, answer) = oneshot::channel();
        let order = Order { path: path.to_owned(), bytes, done };
        self.orders.send(order).await.map_err(|_| ended(path))?;
        Ok(Queued { path: path.to_owned(), answer })
    }
}

/// An append on its way to the disk.
#[derive(Debug)]
pub struct Queued {
    path: PathBuf,
    answer: oneshot::Receiver<Result<u64, FileError>>,
}

impl Queued {
    /// Waits until it is on the disk; the offset of its first byte.
    pub async fn done(self) -> Result<u64, FileError> {
        self.answer.await.map_err(|_| ended(&self.path))?
    }
}

fn ended(path: &Path) -> FileError {
    FileError { path: path.display().to_string(), error: io::Error::other("the writer has ended") }
}

struct Open {
    file: File,
    length: u64,
}

fn append_all(batch: Vec<Order>, files: &mut HashMap<PathBuf, Open>) {
    let mut written = Vec::new();
    for order in batch {
        let result = append(&order.path, &order.bytes, files);
        written.push((order, result));
    }
    let paths: std::collections::HashSet<PathBuf> = written.iter().map(|(order, _)| order.path.clone()).collect();
    let synced: HashMap<PathBuf, Option<io::Error>> = paths
        .into_iter()
        .map(|path| (path.clone(), files.get(&path).and_then(|open| open.file.sync_data().err())))
        .collect();
    for (order, result) in written {
        let unsynced = synced.get(&order.path).and_then(Option::as_ref);
        let result = match unsynced {
            Some(error) => Err(fault(&order.path)(io::Error::new(error.kind(), error.to_string()))),
            None => result,
        };
        if result.is_err() {
            files.remove(&order.path);
        }
        // A caller that is gone does not need the answer.
        let _ = order.done.send(result);
    }
}

fn append(path: &Path, bytes: &[u8], files: &mut HashMap<PathBuf, Open>) -> Result<u64, FileError> {
    if !files.contains_key(path) {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(fault(folder))?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(fault(path))?;
        let length = file.metadata().map_err(fault(path))?.len();
        files.insert(path.to_owned(), Open { file, length });
    }
    let Some(open) = files.get_mut(path) else { return Ok(0) };
    let offset = open.length;
    if let Err(error) = open.file.write_all(bytes) {
        // What was half written is cut off again, so that the file holds whole records only.
        let _ = open.file.set_len(offset);
        return Err(fault(path)(error));
    }
    open.length += bytes.len() as u64;
    Ok(offset)
}

/// Cuts a file back to what is committed; the bytes that were cut.
pub fn cut(path: &Path, length: u64) -> Result<u64, FileError> {
    let Ok(metadata) = fs::metadata(path) else { return Ok(0) };
    let more = metadata.len().saturating_sub(length);
    if more > 0 {
        let file = OpenOptions::new().write(true).open(path).map_err(fault(path))?;
        file.set_len(length).map_err(fault(path))?;
        file.sync_data().map_err(fault(path))?;
    }
    Ok(more)
}
