//! `offset` and `range`: how many records were passed, and the first and last record of a page.
use serde::Deserialize;

use super::{Next, Paginate, Seen, Stop, Total, ended, fixed};
use crate::position::Position;
use crate::scalar::{Given, Reader};
use crate::tree::Tree;

/// How many records were passed.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Offset {
    /// Records on a page.
    pub size: Given<u64>,
    /// The first offset.
    #[serde(default)]
    pub first: u64,
    /// Number of records announced.
    pub total: Option<Total>,
    /// A chosen stop rule.
    pub stop: Option<Stop>,
    /// Most pages of a slice.
    pub max: Option<u64>,
    /// False, null or missing: the last page.
    pub more: Option<Reader>,
    /// True: the last page.
    pub last: Option<Reader>,
}

/// First and last record of a page, both included.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// Records on a page.
    pub size: Given<u64>,
    /// Number of records announced.
    pub total: Option<Total>,
    /// A chosen stop rule.
    pub stop: Option<Stop>,
    /// Most pages of a slice.
    pub max: Option<u64>,
    /// False, null or missing: the last page.
    pub more: Option<Reader>,
    /// True: the last page.
    pub last: Option<Reader>,
}

fn at(position: &Position) -> u64 {
    match position {
        Position::Offset(offset) => *offset,
        _ => 0,
    }
}

impl Paginate for Offset {
    fn start(&self) -> Position {
        Position::Offset(self.first)
    }

    fn next(&self, position: &Position, seen: &Seen<'_>) -> Next {
        let size = fixed(&self.size);
        match ended(seen, Some(size), self.stop, self.more.as_ref(), self.last.as_ref()) {
            Some(end) => Next::End(end),
            None => Next::Page(Position::Offset(at(position) + size)),
        }
    }

    fn ahead(&self, position: &Position, total: u64) -> Option<Position> {
        let next = at(position) + fixed(&self.size);
        (next - self.first < total).then_some(Position::Offset(next))
    }

    fn variables(&self, position: &Position) -> Vec<(&'static str, Tree<'static>)> {
        vec![("offset", Tree::Int(at(position) as i64)), ("size", Tree::Int(fixed(&self.size) as i64))]
    }
}

impl Paginate for Range {
    fn start(&self) -> Position {
        Position::Offset(0)
    }

    fn next(&self, position: &Position, seen: &Seen<'_>) -> Next {
        let size = fixed(&self.size);
        match ended(seen, Some(size), self.stop, self.more.as_ref(), self.last.as_ref()) {
            Some(end) => Next::End(end),
            None => Next::Page(Position::Offset(at(position) + size)),
        }
    }

    fn ahead(&self, position: &Position, total: u64) -> Option<Position> {
        let next = at(position) + fixed(&self.size);
        (next < total).then_some(Position::Offset(next))
    }

    fn variables(&self, position: &Position) -> Vec<(&'static str, Tree<'static>)> {
        let (first, size) = (at(position) as i64, fixed(&self.size) as i64);
        vec![("first", Tree::Int(first)), ("last", Tree::Int(first + size - 1)), ("size", Tree::Int(size))]
    }
}
