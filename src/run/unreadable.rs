//! What of a page cannot be read, or was read otherwise than it was written: as rejects and flaws.
use bytes::Bytes;

use crate::bounds::RAW;
use crate::decode::{Note, Text, Unread};
use crate::extract::Flaw;
use crate::offer::Reject;
use crate::state::words::{Fate, Mapped, Record};

/// A record of which is known no more than why it cannot be read.
pub(super) fn record(item: u32, why: &str) -> Record {
    let (reason, stage) = ("decode".to_owned(), "decode".to_owned());
    let fate = Fate::Rejected(Reject { reason, stage, field: None, path: None, message: why.to_owned() });
    Record { item, key: None, id: None, fate, listed: None, raw: None, expires: None }
}

/// The only record of a page that cannot be read.
pub(super) fn page(body: &[u8], why: &str) -> Mapped {
    let text = Bytes::copy_from_slice(&body[..body.len().min(RAW)]);
    let record = Record { raw: (!text.is_empty()).then_some(0..text.len()), ..record(0, why) };
    Mapped { records: vec![record], text }
}

/// An element that cannot be read; the beginning of it is written down.
pub(super) fn element(item: u32, text: &Text<'_>, unread: &Unread, raw: &mut Vec<u8>) -> Record {
    let found = text.get(unread.raw.clone()).unwrap_or_default().as_bytes();
    raw.extend_from_slice(&found[..found.len().min(RAW)]);
    record(item, &format!("record {item} cannot be read: {}", unread.message))
}

/// What was read otherwise than it was written.
pub(super) fn flaws(notes: &[Note]) -> impl Iterator<Item = Flaw> {
    notes.iter().map(|note| Flaw { field: note.path.clone(), message: note.what.to_owned() })
}

/// A character set that was guessed.
pub(super) fn of_text(text: &Text<'_>) -> Option<Flaw> {
    let guessed = text.guessed?;
    Some(Flaw {
        field: "answer".into(),
        message: format!("not UTF-8, though nothing else was declared: read as {guessed}"),
    })
}
