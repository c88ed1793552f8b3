//! Appending to files with one sync for all that wait, and cutting them back.
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Write};
use std::thread;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::FileError;
use super::data_file::{DataFile, How};

/// Appends to files, in order, acknowledged when the bytes are on the disk.
#[derive(Clone, Debug)]
pub struct Appender {
    orders: mpsc::Sender<Order>,
}

struct Order {
    file: DataFile,
    bytes: Bytes,
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
    pub async fn append(&self, file: DataFile, bytes: impl Into<Bytes>) -> Result<u64, FileError> {
        self.queue(file, bytes).await?.done().await
    }

    /// Queues an append: appends are made in the order in which they are queued.
    pub async fn queue(&self, file: DataFile, bytes: impl Into<Bytes>) -> Result<Queued, FileError> {
        let (done, answer) = oneshot::channel();
        let order = Order { file: file.clone(), bytes: bytes.into(), done };
        self.orders.send(order).await.map_err(|_| ended(&file))?;
        Ok(Queued { file, answer })
    }
}

/// An append on its way to the disk.
#[derive(Debug)]
pub struct Queued {
    file: DataFile,
    answer: oneshot::Receiver<Result<u64, FileError>>,
}

impl Queued {
    /// Waits until it is on the disk; the offset of its first byte.
    pub async fn done(self) -> Result<u64, FileError> {
        self.answer.await.map_err(|_| ended(&self.file))?
    }
}

fn ended(file: &DataFile) -> FileError {
    file.fault(io::Error::other("the writer has ended"))
}

struct Open {
    file: File,
    length: u64,
}

fn append_all(batch: Vec<Order>, files: &mut HashMap<DataFile, Open>) {
    let mut written = Vec::new();
    for order in batch {
        let result = append(&order.file, &order.bytes, files);
        written.push((order, result));
    }
    let names: HashSet<DataFile> = written.iter().map(|(order, _)| order.file.clone()).collect();
    let synced: HashMap<DataFile, Option<io::Error>> = names
        .into_iter()
        .map(|name| (name.clone(), files.get(&name).and_then(|open| open.file.sync_data().err())))
        .collect();
    for (order, result) in written {
        let unsynced = synced.get(&order.file).and_then(Option::as_ref);
        let result = match unsynced {
            Some(error) => Err(order.file.fault(io::Error::new(error.kind(), error.to_string()))),
            None => result,
        };
        if result.is_err() {
            files.remove(&order.file);
        }
        // A caller that is gone does not need the answer.
        let _ = order.done.send(result);
    }
}

fn append(name: &DataFile, bytes: &[u8], files: &mut HashMap<DataFile, Open>) -> Result<u64, FileError> {
    if !files.contains_key(name) {
        let file = name.open(How::Append)?;
        let length = file.metadata().map_err(|error| name.fault(error))?.len();
        files.insert(name.clone(), Open { file, length });
    }
    let Some(open) = files.get_mut(name) else { return Ok(0) };
    let offset = open.length;
    if let Err(error) = open.file.write_all(bytes) {
        // What was half written is cut off again, so that the file holds whole records only.
        let _ = open.file.set_len(offset);
        return Err(name.fault(error));
    }
    open.length += bytes.len() as u64;
    Ok(offset)
}

/// Cuts a file back to what is committed; the bytes that were cut.
pub fn cut(name: &DataFile, length: u64) -> Result<u64, FileError> {
    let file = match name.open(How::Write) {
        Err(error) if error.error.kind() == io::ErrorKind::NotFound => return Ok(0),
        file => file?,
    };
    let whole = file.metadata().map_err(|error| name.fault(error))?.len();
    let more = whole.saturating_sub(length);
    if more > 0 {
        file.set_len(length).and_then(|()| file.sync_data()).map_err(|error| name.fault(error))?;
    }
    Ok(more)
}
