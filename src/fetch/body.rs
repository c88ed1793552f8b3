//! The one way to read a body: whole, up to a bound, through the spool.
use std::io::{self, Write};
use std::path::Path;

use bytes::Bytes;

use crate::files::spool::Spool;

/// Why a body was not read whole.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is longer than this.
    TooLarge(usize),
    /// The disk did not take it.
    Disk(io::Error),
    /// It ended too early, or too late.
    Network(reqwest::Error),
}

/// The body, whole: hyper reports one that is shorter than announced as an error. Nothing is read of one that is announced
/// longer than the bound.
pub(crate) async fn whole(mut answer: reqwest::Response, folder: &Path, cap: usize) -> Result<Bytes, Unread> {
    let announced = answer.content_length().unwrap_or(0);
    if announced > cap as u64 {
        return Err(Unread::TooLarge(cap));
    }
    let mut body = Spool::new(folder, announced);
    while let Some(chunk) = answer.chunk().await.map_err(Unread::Network)? {
        if body.len() + chunk.len() > cap {
            return Err(Unread::TooLarge(cap));
        }
        body.write_all(&chunk).map_err(Unread::Disk)?;
    }
    body.done().map_err(Unread::Disk)
}
