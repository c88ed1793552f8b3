//! One part of a page while it is mapped: each record as it is read, so that no two of them are held as values.
use std::io::{self, Write};

use super::mapping::{Item, Out, PageMapper};
use super::page::PART;
use super::{RunError, unreadable};
use crate::bounds::{KEYS, MESSAGE};
use crate::decode::Row;
use crate::extract::Flaw;
use crate::files::FileError;
use crate::files::spool::Spool;
use crate::offer::Reject;
use crate::printable::excerpt;
use crate::state::words::{Fate, Mapped, Record};

/// What is too large for the memory could not be put on the disk.
pub(super) fn on_disk(error: io::Error) -> RunError {
    RunError::File(FileError { path: "what is too large for the memory, in the data directory".into(), error })
}

/// A part of a page that takes its records one by one.
pub(super) struct PartWriter<'m, 'a> {
    mapper: &'m PageMapper<'a>,
    number: usize,
    /// How many records it has taken.
    taken: usize,
    records: Vec<Record>,
    /// Contents of offers, and raw records: many or large ones lie in a file.
    text: Spool,
    /// What the record at hand is written to.
    out: Out,
    flaws: Vec<Flaw>,
    /// Bytes that its keys may still take.
    keys: usize,
}

impl<'m, 'a> PartWriter<'m, 'a> {
    /// The part with this number.
    pub(super) fn new(mapper: &'m PageMapper<'a>, number: usize) -> Self {
        let text = Spool::new(mapper.given.folder, 0);
        PartWriter {
            mapper,
            number,
            taken: 0,
            records: Vec::new(),
            text,
            out: Out::default(),
            flaws: Vec::new(),
            keys: KEYS,
        }
    }

    /// Maps the next record.
    pub(super) fn take(&mut self, item: &Item<'_, '_>) -> io::Result<()> {
        let number = (self.number * PART + self.taken) as u32;
        self.taken += 1;
        let mut record = match item {
            Item::Read(raw) => self.mapper.record(number, raw, &mut self.out),
            Item::Unread(unread) => unreadable::element(number, self.mapper.text, unread, &mut self.out.raw),
        };
        match self.keys.checked_sub(record.key.as_ref().map_or(0, String::len)) {
            Some(left) => self.keys = left,
            None => record = crowded(number),
        }
        match &mut record.fate {
            Fate::Offer { text, .. } => {
                let from = self.text.len();
                self.text.write_all(&self.out.text)?;
                *text = from + text.start..from + text.end;
            }
            Fate::Rejected(reject) if reject.message.len() > MESSAGE => {
                reject.message = excerpt(&reject.message, MESSAGE)
            }
            _ => {}
        }
        if !self.out.raw.is_empty() {
            let from = self.text.len();
            self.text.write_all(&self.out.raw)?;
            record.raw = Some(from..self.text.len());
        }
        self.records.push(record);
        self.flaws.append(&mut self.out.flaws);
        self.out.clear();
        Ok(())
    }

    /// Maps the next record, with what was read of it otherwise than it was written.
    pub(super) fn take_row(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.flaws.extend(unreadable::flaws(row.notes()));
        self.take(&Item::from(row))
    }

    /// Passes over a record that was mapped before and does not matter any more.
    pub(super) fn pass(&mut self) -> io::Result<()> {
        self.taken += 1;
        Ok(())
    }

    /// Whether the next record belongs to the next part.
    pub(super) fn is_full(&self) -> bool {
        self.taken == PART
    }

    /// Whether it has none yet.
    pub(super) fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// All of it.
    pub(super) fn done(self) -> io::Result<(Mapped, Vec<Flaw>)> {
        Ok((Mapped { records: self.records, text: self.text.done()? }, self.flaws))
    }
}

/// A record whose key does not fit beside those of the others.
fn crowded(item: u32) -> Record {
    let message = format!("the keys of {PART} records that stand together are more than {KEYS} bytes");
    let (reason, stage) = ("no_key".to_owned(), "key".to_owned());
    let fate = Fate::Rejected(Reject { reason, stage, field: Some("source_id".into()), path: None, message });
    Record { item, key: None, id: None, fate, listed: None, raw: None, expires: None }
}
