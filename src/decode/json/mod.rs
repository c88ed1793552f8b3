//! `json`: one borrowed tree. A large body is read in two passes over one text: what stands around the records, then the
//! records. Both find the same records, as both leave it to [`rows`] where one ends.
#[cfg(test)]
mod random_tests;
mod reader;
mod rows;
mod scan;
mod stack;
#[cfg(test)]
mod tests;

use std::fmt;

use super::{DecodeError, Text};
use crate::bounds::{NOTES, TREE, WHOLE_TREE};
use crate::printable::start;
use crate::tree::Tree;
use reader::{Bad, Reader, What};
use rows::{Rows, one};

pub use reader::Note;
pub use rows::{Row, Unread};
pub(super) use scan::is_cut;

/// A body as values.
#[derive(Debug, Default)]
pub struct Decoded<'b> {
    /// The answer. What could not be read is null in it.
    pub body: Tree<'b>,
    /// What could not be read: elements of the list of records, and without `names` of any list.
    pub unread: Vec<Unread>,
    /// What was read otherwise than it was written.
    pub notes: Vec<Note>,
    /// The list of records, where its names are known and it is there.
    pub list: Option<List>,
}

/// Where the list of records stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct List {
    at: usize,
    depth: usize,
    /// The number of its elements that are read.
    pub count: u32,
    /// Elements behind them.
    pub left_out: u32,
    /// Whether they stand in the tree.
    pub kept: bool,
}

/// Reads a text whole; an empty one is null. `names` lead to the list of records: there each element is judged by itself.
/// Where they are not known, that is so for every list that does not lie in another.
pub fn json<'b>(text: &'b Text<'_>, names: Option<&[&str]>) -> Result<Decoded<'b>, DecodeError> {
    walk(text, names, true, TREE)
}

/// The same, of a text that may take more memory than others. The caller sees to it that no other one is read meanwhile.
pub fn whole<'b>(text: &'b Text<'_>, names: Option<&[&str]>) -> Result<Decoded<'b>, DecodeError> {
    walk(text, names, true, WHOLE_TREE)
}

/// Reads what stands around the records, whose list stays empty, and counts them.
pub fn envelope<'b>(text: &'b Text<'_>, names: &[&str]) -> Result<Decoded<'b>, DecodeError> {
    walk(text, Some(names), false, TREE)
}

/// Reads the records of a list one by one, until `each` says that nobody reads on.
pub fn records<'b>(text: &'b Text<'_>, list: List, each: &mut dyn FnMut(Row<'b>) -> bool) -> Result<(), DecodeError> {
    let mut reader = Reader::new(text, list.at, text.damaged(), TREE);
    let read = Rows::new(&mut reader, list.depth).and_then(|rows| rows.each(each));
    read.map(|_| ()).map_err(|bad| fault(text, &bad))
}

fn walk<'b>(text: &'b Text<'_>, names: Option<&[&str]>, keep: bool, most: usize) -> Result<Decoded<'b>, DecodeError> {
    let mut reader = Reader::new(text, 0, text.damaged(), most);
    if reader.peek().is_none() {
        return Ok(Decoded::default());
    }
    let mut around = Around { known: names.is_some(), keep, found: Decoded::default() };
    let whole = around.value(&mut reader, names, 0).and_then(|body| match reader.peek() {
        None => Ok(body),
        Some(b'{' | b'[') => {
            let what = What::Wrong("a second value behind the first".into());
            Err(Bad { at: reader.at, what })
        }
        Some(_) => reader.bad("the end"),
    });
    let mut found = around.found;
    found.body = whole.map_err(|bad| fault(text, &bad))?;
    reader.notes.iter_mut().for_each(|note| note.path.insert_str(0, "answer"));
    found.notes.append(&mut reader.notes);
    Ok(found)
}

/// What is wrong with a body, and how it begins.
fn fault(text: &str, bad: &Bad) -> DecodeError {
    let begin = start(text, 80);
    let trimmed = text.trim_start();
    match &bad.what {
        What::TooMany(most) => DecodeError::TooMany { most: *most, at: bad.at },
        _ if trimmed.starts_with('<') => DecodeError::Wall(begin),
        _ if trimmed.starts_with(")]}'") => DecodeError::Guard(begin),
        What::End => DecodeError::Cut(bad.at, begin),
        What::Wrong(_) => DecodeError::Json(bad.to_string(), begin),
    }
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::End => write!(f, "the end after {} bytes", self.at),
            What::Wrong(found) => write!(f, "{found}, at byte {}", self.at),
            What::TooMany(most) => write!(f, "its values take more than {} MiB, at byte {}", most >> 20, self.at),
        }
    }
}

/// Reads a page around its records.
struct Around<'b> {
    /// Whether the names that lead to the records are known.
    known: bool,
    /// Whether the records are kept in the tree.
    keep: bool,
    found: Decoded<'b>,
}

impl<'b> Around<'b> {
    /// The value where the reader stands. `names` lead on from here to the records; `None` beside their way.
    fn value(&mut self, reader: &mut Reader<'b>, names: Option<&[&str]>, depth: usize) -> Result<Tree<'b>, Bad> {
        match (reader.peek(), names) {
            (Some(b'['), _) => self.list(reader, names, depth),
            (Some(b'{'), _) => self.object(reader, names, depth),
            _ => reader.value(depth),
        }
    }

    fn object(&mut self, reader: &mut Reader<'b>, names: Option<&[&str]>, depth: usize) -> Result<Tree<'b>, Bad> {
        reader.object(depth, |reader, name| {
            let on = names.and_then(<[_]>::split_first).filter(|(first, _)| **first == name).map(|(_, rest)| rest);
            match on {
                Some(rest) => {
                    // Of a repeated member the last one counts.
                    self.found.list = None;
                    self.found.unread.clear();
                    self.value(reader, Some(rest), depth + 1)
                }
                None => match one(reader, b'}', |reader| self.value(reader, None, depth + 1))? {
                    Ok(value) => Ok(value),
                    Err(unread) => self.lost(reader, unread),
                },
            }
        })
    }

    fn list(&mut self, reader: &mut Reader<'b>, names: Option<&[&str]>, depth: usize) -> Result<Tree<'b>, Bad> {
        let is_records = names == Some(&[]);
        let (at, from) = (reader.at, reader.stack.elements.len());
        if is_records && !self.keep {
            let (count, left_out) = Rows::new(reader, depth)?.each(&mut |_| true)?;
            self.found.list = Some(List { at, depth, count, left_out, kept: false });
            return Ok(Tree::List(Vec::new()));
        }
        let mut rows = Rows::new(reader, depth)?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let value = match row {
                Row::Read(tree, notes) => {
                    self.note(noted(notes, is_records, count));
                    tree
                }
                Row::Unread(unread) if is_records => self.hold(rows.reader(), unread)?,
                Row::Unread(unread) if self.known => self.lost(rows.reader(), unread)?,
                Row::Unread(unread) => {
                    self.hold(rows.reader(), Unread { item: None, ..unread })?;
                    continue;
                }
            };
            rows.reader().element(value)?;
            count += 1;
        }
        if is_records {
            let (count, left_out) = (count as u32, rows.left_out());
            self.found.list = Some(List { at, depth, count, left_out, kept: true });
        }
        Ok(reader.stack.list(from))
    }

    /// What cannot be read beside the records is a flaw; where the records are not known, it may be one of them.
    fn lost(&mut self, reader: &mut Reader<'b>, unread: Unread) -> Result<Tree<'b>, Bad> {
        if !self.known {
            return self.hold(reader, Unread { item: None, ..unread });
        }
        let note = Note { path: "answer".into(), what: "a value beside the records cannot be read" };
        self.note(std::iter::once(note));
        Ok(Tree::Null)
    }

    /// Keeps what cannot be read; null stands in its place.
    fn hold(&mut self, reader: &mut Reader<'b>, unread: Unread) -> Result<Tree<'b>, Bad> {
        reader.takes(size_of::<Unread>() + unread.message.len())?;
        self.found.unread.push(unread);
        Ok(Tree::Null)
    }

    fn note(&mut self, notes: impl Iterator<Item = Note>) {
        let room = NOTES.saturating_sub(self.found.notes.len());
        self.found.notes.extend(notes.take(room));
    }
}

/// The notes of an element with their paths: from the record, or from the answer.
fn noted(notes: Vec<Note>, is_record: bool, index: usize) -> impl Iterator<Item = Note> {
    notes.into_iter().map(move |note| {
        let inner = note.path.trim_start_matches('$');
        let path = if is_record { note.path } else { format!("answer…[{index}]{inner}") };
        Note { path, ..note }
    })
}
