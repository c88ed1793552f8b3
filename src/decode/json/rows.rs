//! The elements of a list one by one: what cannot be read costs the element that it stands in.
use std::ops::Range;

use super::reader::{Bad, Note, Reader, What};
use super::scan::{Scan, scan};
use crate::bounds::RECORDS;
use crate::tree::Tree;

/// A list while it is read.
pub(super) struct Rows<'r, 'b> {
    reader: &'r mut Reader<'b>,
    depth: usize,
    item: u32,
    /// Elements behind the last one that is read.
    left_out: u32,
}

/// One element.
#[derive(Debug)]
pub enum Row<'b> {
    /// Its value, and what was read otherwise than it was written: paths begin at the element.
    Read(Tree<'b>, Vec<Note>),
    /// It cannot be read.
    Unread(Unread),
}

impl Row<'_> {
    /// What was read otherwise than it was written.
    pub fn notes(&self) -> &[Note] {
        match self {
            Row::Read(_, notes) => notes,
            Row::Unread(_) => &[],
        }
    }
}

/// An element, or a member beside the records, that cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Unread {
    /// Its number in the list of records; `None` where it is not known to stand in that list.
    pub item: Option<u32>,
    /// Where it stands in the text.
    pub raw: Range<usize>,
    /// What was found, and at which byte.
    pub message: String,
}

impl<'r, 'b> Rows<'r, 'b> {
    /// The list that begins where the reader stands.
    pub(super) fn new(reader: &'r mut Reader<'b>, depth: usize) -> Result<Self, Bad> {
        reader.peek();
        reader.open(depth)?;
        Ok(Rows { reader, depth, item: 0, left_out: 0 })
    }

    /// The next element.
    pub(super) fn next(&mut self) -> Result<Option<Row<'b>>, Bad> {
        if !self.more()? {
            return Ok(None);
        }
        if self.item == RECORDS {
            return self.leave_out().map(|()| None);
        }
        self.reader.peek();
        let item = self.item;
        self.item += 1;
        let outer = std::mem::take(&mut self.reader.notes);
        let row = one(self.reader, b']', |reader| reader.value(self.depth + 1));
        // Also where the list ends in a fault: what is around it goes on, with what was noted there.
        let mut notes = std::mem::replace(&mut self.reader.notes, outer);
        notes.iter_mut().for_each(|note| note.path.insert(0, '$'));
        Ok(Some(match row? {
            Ok(tree) => Row::Read(tree, notes),
            Err(unread) => Row::Unread(Unread { item: Some(item), ..unread }),
        }))
    }

    /// Reads all that are left, each by itself, until `each` says that nobody reads on; how many the list has, and how many
    /// more there are.
    pub(super) fn each(mut self, each: &mut dyn FnMut(Row<'b>) -> bool) -> Result<(u32, u32), Bad> {
        let around = self.reader.stack.one_by_one();
        loop {
            self.reader.stack.reset();
            let Some(row) = self.next()? else { break };
            if !each(row) {
                break;
            }
        }
        self.reader.stack.again(around);
        Ok((self.item, self.left_out))
    }

    /// Passes over an element and all behind it.
    fn leave_out(&mut self) -> Result<(), Bad> {
        loop {
            self.reader.peek();
            pass(self.reader, b']')?;
            self.left_out = self.left_out.saturating_add(1);
            if !self.more()? {
                return Ok(());
            }
        }
    }

    /// The reader between two elements.
    pub(super) fn reader(&mut self) -> &mut Reader<'b> {
        self.reader
    }

    /// How many elements are passed over at the end.
    pub(super) fn left_out(&self) -> u32 {
        self.left_out
    }

    /// Whether another element follows. A comma behind the last one is passed over.
    fn more(&mut self) -> Result<bool, Bad> {
        if self.reader.took(b']') {
            return Ok(false);
        }
        if self.item > 0 && !self.reader.took(b',') {
            return self.reader.bad("`,` or `]`");
        }
        Ok(!self.reader.took(b']'))
    }
}

/// A value in brackets that end with `close`. One that cannot be read is passed over.
pub(super) fn one<'b, T>(
    reader: &mut Reader<'b>,
    close: u8,
    read: impl FnOnce(&mut Reader<'b>) -> Result<T, Bad>,
) -> Result<Result<T, Unread>, Bad> {
    reader.peek();
    let (start, noted) = (reader.at, reader.notes.len());
    let held = (reader.stack.members.len(), reader.stack.elements.len());
    let bad = match read(reader) {
        Ok(value) if matches!(reader.peek(), Some(b',')) || reader.peek() == Some(close) => return Ok(Ok(value)),
        Ok(_) => reader.bad::<T>("`,` or a closing bracket").err(),
        Err(bad @ Bad { what: What::TooMany(_), .. }) if !reader.stack.is_one_by_one() => return Err(bad),
        Err(bad) => Some(bad),
    };
    reader.at = start;
    reader.notes.truncate(noted);
    reader.stack.truncate(held.0, held.1);
    pass(reader, close)?;
    let message = bad.map_or_else(String::new, |bad| bad.to_string());
    Ok(Err(Unread { item: None, raw: start..reader.at, message }))
}

/// Passes a value without reading it.
fn pass(reader: &mut Reader<'_>, close: u8) -> Result<(), Bad> {
    match scan(reader.text.as_bytes(), reader.at, close) {
        Scan::End(end) => {
            reader.at = end;
            Ok(())
        }
        Scan::Cut | Scan::Closed => Err(Bad { at: reader.text.len(), what: What::End }),
    }
}
