//! `number`: page 1, page 2, …
use serde::Deserialize;

use super::{Common, Paginate, Stops, Total};
use crate::position::Position;
use crate::scalar::{Given, Reader};
use crate::tree::Tree;

/// Page numbers.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// Records on a page.
    pub size: Given<u64>,
    /// The first number.
    #[serde(default = "one")]
    pub first: u64,
    /// Number of pages announced. Null, what is no number, or less than came is none.
    pub count: Option<Reader>,
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

fn one() -> u64 {
    1
}

fn at(position: &Position) -> u64 {
    match position {
        Position::Number(number) => *number,
        _ => 0,
    }
}

impl Paginate for Number {
    fn common(&self) -> Common<'_> {
        let Number { size, first, count, total, stop, max, more, last } = self;
        let (size, total, more, last) = (Some(size), total.as_ref(), more.as_ref(), last.as_ref());
        let count = count.as_ref().map(|count| (count, *first));
        Common { size, total, count, stop: &stop.0, max: max.as_ref(), more, last }
    }

    fn start(&self) -> Position {
        Position::Number(self.first)
    }

    fn behind(&self, position: &Position, _records: u64) -> Option<Position> {
        Some(Position::Number(at(position).saturating_add(1)))
    }

    fn passed(&self, position: &Position, step: u64) -> u64 {
        at(position).saturating_sub(self.first).saturating_mul(step)
    }

    fn variables(&self, position: &Position) -> Vec<(&'static str, Tree<'static>)> {
        vec![("number", Tree::Int(at(position) as i64)), ("size", Tree::Int(self.common().size() as i64))]
    }
}
