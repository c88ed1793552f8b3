//! `offset` and `range`: how many records were passed, and the first and last record of a page.
use serde::Deserialize;

use super::{Common, Paginate, Stops, Total};
use crate::position::Position;
use crate::scalar::{Given, Reader};
use crate::tree::Tree;

/// How many records were passed. It goes on from what was received, so a site may give fewer than `size`.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Offset {
    /// Records on a page.
    pub size: Given<u64>,
    /// The first offset.
    #[serde(default)]
    pub first: u64,
    /// Number of records announced, on any page. Null, what is no number, 0 beside records, or less than came is none.
    pub total: Option<Total>,
    /// Chosen stop rules: one, or a list.
    #[serde(default)]
    pub stop: Stops,
    /// Most pages of a slice.
    pub max: Option<Given<u64>>,
    /// False, null or missing: the last page. Text counts as a person reads it: `"no"` is false.
    pub more: Option<Reader>,
    /// True: the last page.
    pub last: Option<Reader>,
}

/// First and last record of a page, both included. It goes on from what was received.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// Records on a page.
    pub size: Given<u64>,
    /// Number of records announced, on any page. Null, what is no number, 0 beside records, or less than came is none.
    pub total: Option<Total>,
    /// Chosen stop rules: one, or a list.
    #[serde(default)]
    pub stop: Stops,
    /// Most pages of a slice.
    pub max: Option<Given<u64>>,
    /// False, null or missing: the last page. Text counts as a person reads it: `"no"` is false.
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

/// Behind the records that came; behind as many as were asked for where none did.
fn behind(position: &Position, records: u64, size: u64) -> Position {
    Position::Offset(at(position).saturating_add(if records == 0 { size } else { records }))
}

impl Paginate for Offset {
    fn common(&self) -> Common<'_> {
        let Offset { size, total, stop, max, more, last, .. } = self;
        let (size, total, more, last) = (Some(size), total.as_ref(), more.as_ref(), last.as_ref());
        Common { size, total, stop: &stop.0, max: max.as_ref(), more, last, count: None }
    }

    fn start(&self) -> Position {
        Position::Offset(self.first)
    }

    fn behind(&self, position: &Position, records: u64) -> Option<Position> {
        Some(behind(position, records, self.common().size()))
    }

    fn passed(&self, position: &Position, _step: u64) -> u64 {
        at(position).saturating_sub(self.first)
    }

    fn variables(&self, position: &Position) -> Vec<(&'static str, Tree<'static>)> {
        vec![("offset", Tree::Int(at(position) as i64)), ("size", Tree::Int(self.common().size() as i64))]
    }
}

impl Paginate for Range {
    fn common(&self) -> Common<'_> {
        let Range { size, total, stop, max, more, last } = self;
        let (size, total, more, last) = (Some(size), total.as_ref(), more.as_ref(), last.as_ref());
        Common { size, total, stop: &stop.0, max: max.as_ref(), more, last, count: None }
    }

    fn start(&self) -> Position {
        Position::Offset(0)
    }

    fn behind(&self, position: &Position, records: u64) -> Option<Position> {
        Some(behind(position, records, self.common().size()))
    }

    fn passed(&self, position: &Position, _step: u64) -> u64 {
        at(position)
    }

    fn variables(&self, position: &Position) -> Vec<(&'static str, Tree<'static>)> {
        let (first, size) = (at(position) as i64, self.common().size() as i64);
        let last = first.saturating_add(size).saturating_sub(1);
        vec![("first", Tree::Int(first)), ("last", Tree::Int(last)), ("size", Tree::Int(size))]
    }
}
