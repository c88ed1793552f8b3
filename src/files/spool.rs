//! Large bytes: taken into a file that has no name, and read from it as if they were in memory.
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::bounds::HELD;

/// Bytes on their way into memory, and from [`HELD`] on into a file of a folder.
pub(crate) struct Spool {
    folder: PathBuf,
    to: To,
    /// What the disk said first.
    fault: Option<io::Error>,
}

enum To {
    Memory(Vec<u8>),
    File(File, usize),
}

impl Spool {
    /// Takes what comes; so many bytes are announced.
    pub(crate) fn new(folder: &Path, announced: u64) -> Self {
        let memory = Vec::with_capacity(announced.min(HELD as u64) as usize);
        Spool { folder: folder.to_owned(), to: To::Memory(memory), fault: None }
    }

    pub(crate) fn len(&self) -> usize {
        match &self.to {
            To::Memory(body) => body.len(),
            To::File(_, length) => *length,
        }
    }

    /// Takes a piece in; the whole goes to a file when it is too large for the memory.
    pub(crate) fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.fault.is_none() {
            self.fault = self.keep(piece).err();
        }
        match &self.fault {
            Some(fault) => Err(io::Error::new(fault.kind(), fault.to_string())),
            None => Ok(()),
        }
    }

    fn keep(&mut self, piece: &[u8]) -> io::Result<()> {
        if let To::Memory(body) = &self.to
            && body.len() + piece.len() > HELD
        {
            let mut file = tempfile::tempfile_in(&self.folder)?;
            file.write_all(body)?;
            self.to = To::File(file, body.len());
        }
        match &mut self.to {
            To::Memory(body) => body.extend_from_slice(piece),
            To::File(file, length) => {
                file.write_all(piece)?;
                *length += piece.len();
            }
        }
        Ok(())
    }

    /// Nothing of it is wanted; what the disk said all the same.
    pub(crate) fn abandon(self) -> io::Result<()> {
        self.fault.map_or(Ok(()), Err)
    }

    /// All that was taken.
    pub(crate) fn done(self) -> io::Result<Bytes> {
        match (self.fault, self.to) {
            (Some(fault), _) => Err(fault),
            (None, To::Memory(body)) => Ok(body.into()),
            (None, To::File(file, _)) => mapped(&file),
        }
    }
}

impl Write for Spool {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.take(piece).map(|()| piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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

/// Texts that are kept in one room, each to be had again as a piece of it.
pub(crate) struct Pieces {
    room: Spool,
    pieces: Vec<Option<Range<usize>>>,
}

impl Pieces {
    /// None yet.
    pub(crate) fn new(folder: &Path) -> Self {
        Pieces { room: Spool::new(folder, 0), pieces: Vec::new() }
    }

    /// Takes the next one, or notes that there is none.
    pub(crate) fn push(&mut self, text: Option<&str>) -> io::Result<()> {
        let from = self.room.len();
        self.room.write_all(text.unwrap_or_default().as_bytes())?;
        self.pieces.push(text.map(|_| from..self.room.len()));
        Ok(())
    }

    /// All of them, in order.
    pub(crate) fn done(self) -> io::Result<Vec<Option<Bytes>>> {
        let room = self.room.done()?;
        Ok(self.pieces.into_iter().map(|piece| piece.map(|piece| room.slice(piece))).collect())
    }
}

/// Texts one behind the other.
pub(crate) fn joined(texts: &[&[u8]], folder: &Path) -> io::Result<Bytes> {
    let mut whole = Spool::new(folder, 0);
    texts.iter().try_for_each(|text| whole.write_all(text))?;
    whole.done()
}

/// The same bytes in a file, where a [`Spool`] did not put them into one.
pub(crate) fn laid_down(bytes: &Bytes, folder: &Path) -> io::Result<Bytes> {
    if bytes.is_empty() || bytes.len() > HELD {
        return Ok(bytes.clone());
    }
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(bytes)?;
    mapped(&file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_had_again_from_memory_and_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        for length in [3, HELD] {
            let texts = [Some("a".repeat(length)), None, Some(String::new()), Some("é".repeat(length))];
            let mut pieces = Pieces::new(folder.path());
            texts.iter().for_each(|text| pieces.push(text.as_deref()).unwrap());
            let found = pieces.done().unwrap();
            let found: Vec<_> =
                found.iter().map(|piece| piece.as_deref().map(|it| str::from_utf8(it).unwrap())).collect();
            assert_eq!(found, texts.each_ref().map(Option::as_deref));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left in the folder");
    }
}
