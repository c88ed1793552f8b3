//! `json`: one borrowed tree. A large body is read in two passes over one text: what stands around the records, then the
//! records. Both find the same records, as both leave it to [`rows`] where one ends.
#[cfg(test)]
mod random_tests;
mod reader;
mod rows;
mod scan;
#[cfg(test)]
mod tests;

use std::fmt;

use super::{DecodeError, Text};
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
    /// The number of its elements.
    pub count: u32,
}

/// Reads a text whole; an empty one is null. `names` lead to the list of records: there each element is judged by itself.
/// Where they are not known, that is so for every list that does not lie in another.
pub fn json<'b>(text: &'b Text<'_>, names: Option<&[&str]>) -> Result<Decoded<'b>, DecodeError> {
    walk(text, names, true)
}

/// Reads what stands around the records, whose list stays empty, and counts them.
pub fn envelope<'b>(text: &'b Text<'_>, names: &[&str]) -> Result<Decoded<'b>, DecodeError> {
    walk(text, Some(names), false)
}

/// Reads the records of a list one by one, until `each` says that nobody reads on.
pub fn records<'b>(text: &'b Text<'_>, list: List, each: &mut dyn FnMut(Row<'b>) -> bool) -> Result<(), DecodeError> {
    let mut reader = Reader::new(text, list.at, text.damaged());
    let mut read = || {
        let mut rows = Rows::new(&mut reader, list.depth)?;
        while let Some(row) = rows.next()? {
            if !each(row) {
                break;
            }
        }
        Ok(())
    };
    read().map_err(|bad| fault(text, &bad))
}

fn walk<'b>(text: &'b Text<'_>, names: Option<&[&str]>, keep: bool) -> Result<Decoded<'b>, DecodeError> {
    let mut reader = Reader::new(text, 0, text.damaged());
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
    let begin: String = text.chars().take(80).collect();
    let trimmed = text.trim_start();
    match &bad.what {
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
        let mut members = Vec::new();
        reader.members(depth, |reader, name| {
            let on = names.and_then(<[_]>::split_first).filter(|(first, _)| **first == name).map(|(_, rest)| rest);
            let value = match on {
                Some(rest) => {
                    // Of a repeated member the last one counts.
                    self.found.list = None;
                    self.found.unread.clear();
                    self.value(reader, Some(rest), depth + 1)?
                }
                None => {
                    let read = one(reader, b'}', |reader| self.value(reader, None, depth + 1))?;
                    read.unwrap_or_else(|unread| self.lost(unread))
                }
            };
            members.push((name, value));
            Ok(())
        })?;
        Ok(Tree::Object(members))
    }

    fn list(&mut self, reader: &mut Reader<'b>, names: Option<&[&str]>, depth: usize) -> Result<Tree<'b>, Bad> {
        let is_records = names == Some(&[]);
        let at = reader.at;
        let mut rows = Rows::new(reader, depth)?;
        let mut list = Vec::new();
        let count = if is_records && !self.keep {
            rows.count()?
        } else {
            while let Some(row) = rows.next()? {
                list.push(match row {
                    Row::Read(tree, notes) => {
                        self.found.notes.extend(noted(notes, is_records, list.len()));
                        tree
                    }
                    Row::Unread(unread) if is_records => {
                        self.found.unread.push(unread);
                        Tree::Null
                    }
                    Row::Unread(unread) if self.known => self.lost(unread),
                    Row::Unread(unread) => {
                        self.found.unread.push(Unread { item: None, ..unread });
                        continue;
                    }
                });
            }
            list.len() as u32
        };
        if is_records {
            self.found.list = Some(List { at, depth, count });
        }
        Ok(Tree::List(list))
    }

    /// What cannot be read beside the records is a flaw; where the records are not known, it may be one of them.
    fn lost(&mut self, unread: Unread) -> Tree<'b> {
        if self.known {
            self.found.notes.push(Note { path: "answer".into(), what: "a value beside the records cannot be read" });
        } else {
            self.found.unread.push(Unread { item: None, ..unread });
        }
        Tree::Null
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
