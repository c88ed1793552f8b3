//! `cursor`: each answer says where the next page begins.
use serde::Deserialize;

use super::{Common, End, Paginate, Pointer, Stops, Total};
use crate::bounds::CURSOR;
use crate::exchange::Page;
use crate::position::Position;
use crate::scalar::{Given, Reader};
use crate::tree::Tree;

/// A cursor out of the last answer. It decides where the list ends, not an empty page.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// Records on a page.
    pub size: Given<u64>,
    /// Where the next cursor is; null or `""` on the last page.
    pub next: Reader,
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

impl Paginate for Cursor {
    fn common(&self) -> Common<'_> {
        let Cursor { size, total, stop, max, more, last, .. } = self;
        let (size, total, more, last) = (Some(size), total.as_ref(), more.as_ref(), last.as_ref());
        Common { size, total, stop: &stop.0, max: max.as_ref(), more, last, count: None }
    }

    fn start(&self) -> Position {
        Position::Cursor(None)
    }

    fn pointer(&self, page: &Page, body: &Tree<'_>) -> Pointer {
        let cursor = self.next.read(page, body);
        match cursor.scalar_text().filter(|cursor| !cursor.is_empty()) {
            None => Pointer::Nowhere,
            Some(cursor) if cursor.len() > CURSOR => {
                Pointer::Refused(End::Unreadable(format!("cursor `{}` of {} bytes", self.next, cursor.len())))
            }
            Some(cursor) => Pointer::Cursor(cursor.into_owned()),
        }
    }

    fn behind(&self, _at: &Position, _records: u64) -> Option<Position> {
        None
    }

    fn variables(&self, position: &Position) -> Vec<(&'static str, Tree<'static>)> {
        let cursor = match position {
            Position::Cursor(Some(cursor)) => Tree::from(cursor.as_str()),
            _ => Tree::Null,
        };
        vec![("cursor", cursor), ("size", Tree::Int(self.common().size() as i64))]
    }
}
