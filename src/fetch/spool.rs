//! Large bodies: received into a file that has no name, and read from it as if they were in memory.
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::bounds::HELD;
use crate::decode::{recode, unpack};
use crate::exchange::{Page, Unpacked};

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
    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
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

/// The folder of a fetch: files there have no name, so nothing is left of them when the process ends.
pub(super) fn folder(data: Option<&Path>) -> PathBuf {
    data.map_or_else(std::env::temp_dir, Path::to_owned)
}

/// A page whose body is packed, or large and not in UTF-8, with the text that is read of it.
pub(crate) fn prepared(page: Page, folder: &Path) -> io::Result<Page> {
    let packed =
        taken(folder, page.body.len().saturating_mul(4), |spool| match unpack(&page, |piece| spool.take(piece)) {
            Ok(length) => length.is_some(),
            // What is wrong with it is said where it is decoded.
            Err(_) => false,
        })?;
    let plain = packed.as_ref().unwrap_or(&page.body);
    let mut known = None;
    let text = if plain.len() > HELD || packed.is_some() {
        taken(folder, plain.len(), |spool| {
            known = recode(&page, plain, spool).ok().flatten();
            known.is_some()
        })?
    } else {
        None
    };
    let (damaged, guessed) = known.unwrap_or_default();
    let unpacked = text.or(packed).map(|text| Unpacked { text, damaged, guessed });
    Ok(Page { unpacked, ..page })
}

/// Texts one behind the other.
pub(crate) fn joined(texts: &[&[u8]], folder: &Path) -> io::Result<Bytes> {
    let mut whole = Spool::new(folder, 0);
    texts.iter().try_for_each(|text| whole.write_all(text))?;
    whole.done()
}

/// The same page with its body in files, where it does not lie in one yet.
pub(crate) fn page_laid_down(page: &Page, folder: &Path) -> io::Result<Page> {
    let unpacked = match &page.unpacked {
        Some(unpacked) => Some(Unpacked { text: laid_down(&unpacked.text, folder)?, ..unpacked.clone() }),
        None => None,
    };
    Ok(Page { body: laid_down(&page.body, folder)?, unpacked, ..page.clone() })
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

/// What is written into a spool, unless it turns out that nothing is.
fn taken(folder: &Path, announced: usize, write: impl FnOnce(&mut Spool) -> bool) -> io::Result<Option<Bytes>> {
    let mut spool = Spool::new(folder, announced as u64);
    match write(&mut spool) {
        true => spool.done().map(Some),
        false => spool.fault.map_or(Ok(None), Err),
    }
}
