//! `next_url` and `link_header`: each answer gives the whole address of the next page, on the same origin.
use serde::Deserialize;
use url::Url;

use super::{Common, End, Paginate, Pointer, Stops, Total, link_field};
use crate::bounds::{CURSOR, MESSAGE};
use crate::exchange::Page;
use crate::position::Position;
use crate::printable::excerpt;
use crate::redact::redact;
use crate::scalar::{Given, Reader};
use crate::tree::Tree;

/// An address out of the last answer.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NextUrl {
    /// Where the next address is; null or `""` on the last page.
    pub next: Reader,
    /// Records on a page.
    pub size: Option<Given<u64>>,
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

/// The header `Link` with `rel="next"`, RFC 8288.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkHeader {
    /// Records on a page.
    pub size: Option<Given<u64>>,
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

impl Paginate for NextUrl {
    fn common(&self) -> Common<'_> {
        let NextUrl { size, total, stop, max, more, last, .. } = self;
        let (size, total, more, last) = (size.as_ref(), total.as_ref(), more.as_ref(), last.as_ref());
        Common { size, total, stop: &stop.0, max: max.as_ref(), more, last, count: None }
    }

    fn start(&self) -> Position {
        Position::Address(None)
    }

    fn pointer(&self, page: &Page, body: &Tree<'_>) -> Pointer {
        match self.next.read(page, body) {
            Tree::Null => Pointer::Nowhere,
            Tree::Text(address) => to(page, &address),
            other => Pointer::Refused(End::Unreadable(format!("`{}`: a {} is no address", self.next, other.kind()))),
        }
    }

    fn behind(&self, _at: &Position, _records: u64) -> Option<Position> {
        None
    }

    fn variables(&self, _position: &Position) -> Vec<(&'static str, Tree<'static>)> {
        sized(self)
    }
}

impl Paginate for LinkHeader {
    fn common(&self) -> Common<'_> {
        let LinkHeader { size, total, stop, max, more, last } = self;
        let (size, total, more, last) = (size.as_ref(), total.as_ref(), more.as_ref(), last.as_ref());
        Common { size, total, stop: &stop.0, max: max.as_ref(), more, last, count: None }
    }

    fn start(&self) -> Position {
        Position::Address(None)
    }

    fn pointer(&self, page: &Page, _body: &Tree<'_>) -> Pointer {
        match link_field::next_target(page.header_values("link")) {
            Ok(None) => Pointer::Nowhere,
            Ok(Some(address)) => to(page, &address),
            Err(field) => Pointer::Refused(End::Unreadable(format!("header Link `{}`", excerpt(&field, MESSAGE)))),
        }
    }

    fn behind(&self, _at: &Position, _records: u64) -> Option<Position> {
        None
    }

    fn variables(&self, _position: &Position) -> Vec<(&'static str, Tree<'static>)> {
        sized(self)
    }
}

fn sized(rule: &dyn Paginate) -> Vec<(&'static str, Tree<'static>)> {
    rule.common().size.iter().map(|_| ("size", Tree::Int(rule.common().size() as i64))).collect()
}

/// To an address, joined to that of the page; another origin is refused.
fn to(page: &Page, address: &str) -> Pointer {
    let address = address.trim();
    if address.is_empty() {
        return Pointer::Nowhere;
    }
    if address.len() > CURSOR {
        return Pointer::Refused(End::Unreadable(format!("address of the next page, of {} bytes", address.len())));
    }
    let base = Url::parse(&page.url).ok();
    let Some(next) = base.as_ref().and_then(|base| base.join(address).ok()) else {
        return Pointer::Refused(End::Unreadable("address of the next page".into()));
    };
    if base.is_some_and(|base| base.origin() != next.origin()) {
        return Pointer::Refused(End::OtherOrigin(next.origin().ascii_serialization()));
    }
    let next = String::from(next);
    // The address of a page has no secrets in it.
    if redact(&next) == page.url { Pointer::Itself } else { Pointer::Address(next) }
}
