//! Where a slice stands: small, serialisable, and all that pagination remembers between two pages.
use serde::{Deserialize, Serialize};

/// The place of one page in its slice. "At P" means that all pages before P are committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// The only page of `single`.
    Only,
    /// `page.number` of `number`.
    Number(u64),
    /// `page.offset` of `offset`, and `page.first` of `range`.
    Offset(u64),
    /// `page.cursor` of `cursor`; `None` on page 1.
    Cursor(Option<String>),
    /// The address of the next page, for `next_url` and `link_header`; `None` on page 1.
    Address(Option<String>),
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Position::Only => f.write_str("only"),
            Position::Number(number) => write!(f, "number {number}"),
            Position::Offset(offset) => write!(f, "offset {offset}"),
            Position::Cursor(None) | Position::Address(None) => f.write_str("first"),
            Position::Cursor(Some(cursor)) => write!(f, "cursor {cursor}"),
            Position::Address(Some(address)) => write!(f, "address {address}"),
        }
    }
}
