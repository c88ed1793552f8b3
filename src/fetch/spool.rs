//! Large bodies: received into a file that has no name, and read from it as if they were in memory.
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};

use crate::decode::unpacked;
use crate::exchange::Page;

/// Bodies up to this many bytes stay in memory.
const MEMORY: usize = 8 << 20;
/// Bytes that are unpacked at a time.
const PIECE: usize = 64 << 10;

/// A body while it is received.
pub(super) enum Spool {
    Memory(BytesMut),
    File(File, usize),
}

impl Spool {
    pub(super) fn new(announced: u64) -> Self {
        Spool::Memory(BytesMut::with_capacity(announced.min(1 << 20) as usize))
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Spool::Memory(body) => body.len(),
            Spool::File(_, length) => *length,
        }
    }

    /// Takes a piece in; the whole goes to a file of this folder when it is too large for the memory.
    pub(super) fn push(&mut self, piece: &[u8], folder: &Path) -> io::Result<()> {
        if let Spool::Memory(body) = self
            && body.len() + piece.len() > MEMORY
        {
            let mut file = tempfile::tempfile_in(folder)?;
            file.write_all(body)?;
            *self = Spool::File(file, body.len());
        }
        match self {
            Spool::Memory(body) => body.extend_from_slice(piece),
            Spool::File(file, length) => {
                file.write_all(piece)?;
                *length += piece.len();
            }
        }
        Ok(())
    }

    pub(super) fn done(self) -> io::Result<Bytes> {
        match self {
            Spool::Memory(body) => Ok(body.freeze()),
            Spool::File(file, _) => mapped(&file),
        }
    }
}

/// The bytes of a file without a name.
#[allow(unsafe_code)]
fn mapped(file: &File) -> io::Result<Bytes> {
    // SAFETY: the file was made by `tempfile_in` and has no name, so no other process and no other part of this one can
    // write to it or cut it while it is mapped; we do not write to it any more.
    let map = unsafe { memmap2::Mmap::map(file)? };
    Ok(Bytes::from_owner(map))
}

/// The folder of a fetch: files there have no name, so nothing is left of them when the process ends.
pub(super) fn folder(data: Option<&Path>) -> PathBuf {
    data.map_or_else(std::env::temp_dir, Path::to_owned)
}

/// A packed body unpacked, as [`Spool`] keeps it; `None` for one that is not packed.
pub(super) fn unpack(page: &Page, folder: &Path) -> io::Result<Option<Bytes>> {
    let Ok(Some(mut reader)) = unpacked(page) else { return Ok(None) };
    let mut body = Spool::new(page.body.len() as u64 * 4);
    let mut piece = vec![0; PIECE];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => body.push(&piece[..length], folder)?,
            // What is wrong with it is said where it is decoded.
            Err(_) => return Ok(None),
        }
    }
    body.done().map(Some)
}
