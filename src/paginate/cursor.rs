//! `cursor`: each answer says where the next page begins.
use serde::Deserialize;

use super::{End, Next, Paginate, Seen, Stop, Total, ended, fixed};
use crate::position::Position;
use crate::scalar::{Given, Reader};
use crate::tree::Tree;

/// A cursor out of the last answer.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// Records on a page.
    pub size: Given<u64>,
    /// Where the next cursor is; null or `""` on the last page.
    pub next: Reader,
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

impl Paginate for Cursor {
    fn start(&self) -> Position {
        Position::Cursor(None)
    }

    fn next(&self, position: &Position, seen: &Seen<'_>) -> Next {
        if let Some(end) = ended(seen, Some(fixed(&self.size)), self.stop, self.more.as_ref(), self.last.as_ref()) {
            return Next::End(end);
        }
        let cursor = self.next.read(seen.page, seen.body);
        match cursor.scalar_text().filter(|cursor| !cursor.is_empty()) {
            None => Next::End(End::NoNext),
            Some(cursor) if matches!(position, Position::Cursor(Some(last)) if *last == cursor) => {
                Next::End(End::Repeated)
            }
            Some(cursor) => Next::Page(Position::Cursor(Some(cursor.into_owned()))),
        }
    }

    fn ahead(&self, _position: &Position, _total: u64) -> Option<Position> {
        None
    }

    fn variables(&self, position: &Position) -> Vec<(&'static str, Tree<'static>)> {
        let cursor = match position {
            Position::Cursor(Some(cursor)) => Tree::from(cursor.as_str()),
            _ => Tree::Null,
        };
        vec![("cursor", cursor), ("size", Tree::Int(fixed(&self.size) as i64))]
    }
}
