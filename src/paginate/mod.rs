//! Pagination: how a slice advances from page to page, and when it ends.
mod cursor;
mod link;
mod number;
mod offset;
mod progress;
mod single;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use cursor::Cursor;
pub use link::{LinkHeader, NextUrl};
pub use number::Number;
pub use offset::{Offset, Range};
pub use progress::Progress;
pub use single::Single;

use crate::exchange::Page;
use crate::position::Position;
use crate::scalar::{Given, Reader};
use crate::tree::Tree;

/// How a slice advances.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pagination {
    /// One page.
    Single(Single),
    /// Page numbers.
    Number(Number),
    /// How many records were passed.
    Offset(Offset),
    /// First and last record, both included.
    Range(Range),
    /// A cursor out of the last answer.
    Cursor(Cursor),
    /// An address out of the last answer.
    NextUrl(NextUrl),
    /// The header `Link`, RFC 8288.
    LinkHeader(LinkHeader),
}

impl Default for Pagination {
    fn default() -> Self {
        Pagination::Single(Single::default())
    }
}

/// What a family member does. A member keeps nothing: all it may remember is the position.
pub trait Paginate {
    /// The first page's place.
    fn start(&self) -> Position;
    /// Where the slice goes after a page, or why it ends.
    fn next(&self, at: &Position, seen: &Seen<'_>) -> Next;
    /// The page after this one when a total is known, so that it can be asked before this one came back.
    fn ahead(&self, at: &Position, total: u64) -> Option<Position>;
    /// What `${page.…}` stands for.
    fn variables(&self, at: &Position) -> Vec<(&'static str, Tree<'static>)>;
}

/// A page and what is known of its slice.
pub struct Seen<'a> {
    /// Records on this page, before `only`.
    pub records: u64,
    /// Records of the slice, this page included.
    pub received: u64,
    /// The decoded answer.
    pub body: &'a Tree<'a>,
    /// The answer.
    pub page: &'a Page,
    /// The total that page 1 announced.
    pub total: Option<u64>,
}

/// Where a slice goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// To this page.
    Page(Position),
    /// Nowhere.
    End(End),
}

/// Why a slice ends. Guards are no honest ends: the slice is partial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// There is one page only.
    Single,
    /// A page without records.
    Empty,
    /// As many records as were announced.
    Total,
    /// As many pages as were announced.
    Count,
    /// No cursor or address of a next page.
    NoNext,
    /// A page shorter than its size.
    Short,
    /// A page whose keys were all read before.
    Known,
    /// `more` was false, or `last` true.
    Last,
    /// An answer that means the end.
    Answer,
    /// Guard: most pages were read.
    Max,
    /// Guard: the same cursor, address or page again.
    Repeated,
    /// Guard: a total or a number of pages could not be read.
    Unreadable(String),
    /// Guard: the next page is on another origin.
    OtherOrigin(String),
}

impl End {
    /// Whether it is the site's own end.
    pub fn is_honest(&self) -> bool {
        !matches!(self, End::Max | End::Repeated | End::Unreadable(_) | End::OtherOrigin(_))
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Single => f.write_str("single page"),
            End::Empty => f.write_str("empty page"),
            End::Total => f.write_str("total reached"),
            End::Count => f.write_str("count of pages reached"),
            End::NoNext => f.write_str("no next page"),
            End::Short => f.write_str("short page"),
            End::Known => f.write_str("all known"),
            End::Last => f.write_str("last page"),
            End::Answer => f.write_str("answer says empty"),
            End::Max => f.write_str("most pages reached"),
            End::Repeated => f.write_str("page repeated"),
            End::Unreadable(reader) => write!(f, "unreadable {reader}"),
            End::OtherOrigin(origin) => write!(f, "other origin {origin}"),
        }
    }
}

/// Number of records announced.
#[derive(Clone, Debug, PartialEq)]
pub struct Total {
    /// Where.
    pub at: Reader,
    /// Whether the site rounds it: completeness is not judged by it.
    pub approximate: bool,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TotalMap {
    /// Where the number is.
    at: Reader,
    /// Whether the site rounds it: completeness is not judged by it.
    #[serde(default)]
    approximate: bool,
}

impl<'de> Deserialize<'de> for Total {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TotalVisitor;
        impl<'de> serde::de::Visitor<'de> for TotalVisitor {
            type Value = Total;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a reader, or `{at: READER, approximate: true}`")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Total, E> {
                let at = text.parse().map_err(|fault| E::custom(crate::scalar::fault::Carried(fault)))?;
                Ok(Total { at, approximate: false })
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Total, A::Error> {
                let TotalMap { at, approximate } =
                    TotalMap::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Total { at, approximate })
            }
        }
        deserializer.deserialize_any(TotalVisitor)
    }
}

/// Stop rules that are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// A page shorter than its size is the last.
    Short,
    /// Newest first: a page whose keys were all read before is the last.
    Known,
}

/// Most pages of a slice unless said otherwise.
pub const MAX: u64 = 10_000;

impl Pagination {
    /// The member as its family's rule.
    pub fn rule(&self) -> &dyn Paginate {
        match self {
            Pagination::Single(rule) => rule,
            Pagination::Number(rule) => rule,
            Pagination::Offset(rule) => rule,
            Pagination::Range(rule) => rule,
            Pagination::Cursor(rule) => rule,
            Pagination::NextUrl(rule) => rule,
            Pagination::LinkHeader(rule) => rule,
        }
    }

    /// What it announces.
    pub fn total(&self) -> Option<&Total> {
        match self {
            Pagination::Single(rule) => rule.total.as_ref(),
            Pagination::Number(rule) => rule.total.as_ref(),
            Pagination::Offset(rule) => rule.total.as_ref(),
            Pagination::Range(rule) => rule.total.as_ref(),
            Pagination::Cursor(rule) => rule.total.as_ref(),
            Pagination::NextUrl(rule) => rule.total.as_ref(),
            Pagination::LinkHeader(rule) => rule.total.as_ref(),
        }
    }

    /// Its chosen stop rule.
    pub fn stop(&self) -> Option<Stop> {
        match self {
            Pagination::Single(_) => None,
            Pagination::Number(rule) => rule.stop,
            Pagination::Offset(rule) => rule.stop,
            Pagination::Range(rule) => rule.stop,
            Pagination::Cursor(rule) => rule.stop,
            Pagination::NextUrl(rule) => rule.stop,
            Pagination::LinkHeader(rule) => rule.stop,
        }
    }

    /// Most pages of a slice.
    pub fn max(&self) -> u64 {
        let max = match self {
            Pagination::Single(_) => Some(1),
            Pagination::Number(rule) => rule.max,
            Pagination::Offset(rule) => rule.max,
            Pagination::Range(rule) => rule.max,
            Pagination::Cursor(rule) => rule.max,
            Pagination::NextUrl(rule) => rule.max,
            Pagination::LinkHeader(rule) => rule.max,
        };
        max.unwrap_or(MAX)
    }

    /// Its size as written.
    pub fn size(&self) -> Option<&Given<u64>> {
        match self {
            Pagination::Single(_) => None,
            Pagination::Number(rule) => Some(&rule.size),
            Pagination::Offset(rule) => Some(&rule.size),
            Pagination::Range(rule) => Some(&rule.size),
            Pagination::Cursor(rule) => Some(&rule.size),
            Pagination::NextUrl(rule) => rule.size.as_ref(),
            Pagination::LinkHeader(rule) => rule.size.as_ref(),
        }
    }

    /// The same with its size known.
    pub fn sized(&mut self, size: u64) {
        let size = Given::Fixed(size);
        match self {
            Pagination::Single(_) => {}
            Pagination::Number(rule) => rule.size = size,
            Pagination::Offset(rule) => rule.size = size,
            Pagination::Range(rule) => rule.size = size,
            Pagination::Cursor(rule) => rule.size = size,
            Pagination::NextUrl(rule) => rule.size = Some(size),
            Pagination::LinkHeader(rule) => rule.size = Some(size),
        }
    }

    /// Names under `page` in templates.
    pub fn names(&self) -> &'static [&'static str] {
        match self {
            Pagination::Single(_) => &[],
            Pagination::Number(_) => &["number", "size"],
            Pagination::Offset(_) => &["offset", "size"],
            Pagination::Range(_) => &["first", "last", "size"],
            Pagination::Cursor(_) => &["cursor", "size"],
            Pagination::NextUrl(_) | Pagination::LinkHeader(_) => &["size"],
        }
    }
}

/// The ends that all members share; `None` while there is more.
fn ended(
    seen: &Seen<'_>,
    size: Option<u64>,
    stop: Option<Stop>,
    more: Option<&Reader>,
    last: Option<&Reader>,
) -> Option<End> {
    if more.is_some_and(|reader| !reader.read(seen.page, seen.body).is_true())
        || last.is_some_and(|reader| reader.read(seen.page, seen.body).is_true())
    {
        return Some(End::Last);
    }
    // Where the site says whether there is more, an empty page is only a page without matches.
    if seen.records == 0 && more.is_none() && last.is_none() {
        return Some(End::Empty);
    }
    if stop == Some(Stop::Short) && size.is_some_and(|size| seen.records < size) {
        return Some(End::Short);
    }
    seen.total.filter(|total| seen.received >= *total).map(|_| End::Total)
}

/// The size of a plan: a template was resolved when the plan was built.
fn fixed(size: &Given<u64>) -> u64 {
    size.fixed().unwrap_or(1)
}
