//! What of a page cannot be read, or was read otherwise than it was written: as rejects and flaws.
use crate::decode::{Note, Text, Unread};
use crate::extract::Flaw;
use crate::offer::Reject;
use crate::state::words::{Fate, Record};

/// Most raw bytes that are kept.
const RAW: usize = 64 << 10;

/// A record that is no more than its raw bytes and why they cannot be read.
pub(super) fn record(item: u32, raw: &[u8], why: &str) -> Record {
    let (reason, stage) = ("decode".to_owned(), "decode".to_owned());
    let fate = Fate::Rejected(Reject { reason, stage, field: None, path: None, message: why.to_owned() });
    let raw = Some(raw[..raw.len().min(RAW)].to_vec());
    Record { item, key: None, id: None, fate, listed: None, raw, expires: None }
}

/// An element that cannot be read.
pub(super) fn element(item: u32, text: &Text<'_>, unread: &Unread) -> Record {
    let raw = text.get(unread.raw.clone()).unwrap_or_default();
    record(item, raw.as_bytes(), &format!("record {item} cannot be read: {}", unread.message))
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
