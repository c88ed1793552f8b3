//! Bodies of pages that are packed, or large: unpacked and read as text by way of files without a name.
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::bounds::HELD;
use crate::decode::{recode, unpack};
use crate::exchange::{Page, Unpacked};
use crate::files::spool::{Spool, laid_down};

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

/// The same page with its body in files, where it does not lie in one yet.
pub(crate) fn page_laid_down(page: &Page, folder: &Path) -> io::Result<Page> {
    let unpacked = match &page.unpacked {
        Some(unpacked) => Some(Unpacked { text: laid_down(&unpacked.text, folder)?, ..unpacked.clone() }),
        None => None,
    };
    Ok(Page { body: laid_down(&page.body, folder)?, unpacked, ..page.clone() })
}

/// What is written into a spool, unless it turns out that nothing is.
fn taken(folder: &Path, announced: usize, write: impl FnOnce(&mut Spool) -> bool) -> io::Result<Option<Bytes>> {
    let mut spool = Spool::new(folder, announced as u64);
    match write(&mut spool) {
        true => spool.done().map(Some),
        false => spool.abandon().map(|()| None),
    }
}
