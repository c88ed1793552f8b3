//! Where a slice stands: small, serialisable, and all that pagination remembers between two pages.
use serde::{Deserialize, Serialize};

use crate::redact::redact;

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
    Cursor(#[serde(with = "sealed")] Option<String>),
    /// The address of the next page, for `next_url` and `link_header`; `None` on page 1.
    Address(#[serde(with = "sealed")] Option<String>),
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Position::Only => f.write_str("only"),
            Position::Number(number) => write!(f, "number {number}"),
            Position::Offset(offset) => write!(f, "offset {offset}"),
            Position::Cursor(None) | Position::Address(None) => f.write_str("first"),
            Position::Cursor(Some(cursor)) => write!(f, "cursor {}", redact(cursor)),
            Position::Address(Some(address)) => write!(f, "address {}", redact(address)),
        }
    }
}

/// A cursor or an address as it is kept: a site may repeat our credential in it, and only its name is written down. One
/// that repeats a token which this process has not won is lost: the slice begins again.
mod sealed {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::redact::{put_back, seal};

    pub(super) fn serialize<S: Serializer>(place: &Option<String>, to: S) -> Result<S::Ok, S::Error> {
        place.as_deref().map(seal).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.and_then(|place| put_back(&place)))
    }
}

impl Position {
    /// Whether it is the place of the first page.
    pub fn is_first(&self) -> bool {
        matches!(self, Position::Cursor(None) | Position::Address(None))
    }
}
