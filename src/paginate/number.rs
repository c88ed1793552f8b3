//! `number`: page 1, page 2, …
use serde::Deserialize;

use super::{End, Next, Paginate, Seen, Stop, Total, ended, fixed};
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
    /// Number of pages announced.
    pub count: Option<Reader>,
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
    fn start(&self) -> Position {
        Position::Number(self.first)
    }

    fn next(&self, position: &Position, seen: &Seen<'_>) -> Next {
        if let Some(end) = ended(seen, Some(fixed(&self.size)), self.stop, self.more.as_ref(), self.last.as_ref()) {
            return Next::End(end);
        }
        let next = at(position) + 1;
        if let Some(count) = &self.count {
            match count.number(seen.page, seen.body) {
                None => return Next::End(End::Unreadable(count.as_str().to_owned())),
                Some(count) if next >= self.first + count => return Next::End(End::Count),
                Some(_) => {}
            }
        }
        Next::Page(Position::Number(next))
    }

    fn ahead(&self, position: &Position, total: u64) -> Option<Position> {
        let next = at(position) + 1;
        ((next - self.first) * fixed(&self.size) < total).then_some(Position::Number(next))
    }

    fn variables(&self, position: &Position) -> Vec<(&'static str, Tree<'static>)> {
        vec![("number", Tree::Int(at(position) as i64)), ("size", Tree::Int(fixed(&self.size) as i64))]
    }
}
