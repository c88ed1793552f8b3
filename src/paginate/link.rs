//! `next_url` and `link_header`: each answer gives the whole address of the next page, on the same origin.
use serde::Deserialize;
use url::Url;

use super::{End, Next, Paginate, Seen, Stop, Total, ended, fixed};
use crate::position::Position;
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

/// The header `Link` with `rel="next"`, RFC 8288.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkHeader {
    /// Records on a page.
    pub size: Option<Given<u64>>,
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

impl Paginate for NextUrl {
    fn start(&self) -> Position {
        Position::Address(None)
    }

    fn next(&self, position: &Position, seen: &Seen<'_>) -> Next {
        let size = self.size.as_ref().map(fixed);
        match ended(seen, size, self.stop, self.more.as_ref(), self.last.as_ref()) {
            Some(end) => Next::End(end),
            None => step(position, seen, self.next.read(seen.page, seen.body).as_str().unwrap_or_default()),
        }
    }

    fn ahead(&self, _position: &Position, _total: u64) -> Option<Position> {
        None
    }

    fn variables(&self, _position: &Position) -> Vec<(&'static str, Tree<'static>)> {
        self.size.iter().map(|size| ("size", Tree::Int(fixed(size) as i64))).collect()
    }
}

impl Paginate for LinkHeader {
    fn start(&self) -> Position {
        Position::Address(None)
    }

    fn next(&self, position: &Position, seen: &Seen<'_>) -> Next {
        let size = self.size.as_ref().map(fixed);
        if let Some(end) = ended(seen, size, self.stop, self.more.as_ref(), self.last.as_ref()) {
            return Next::End(end);
        }
        let links = seen.page.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("link"));
        let next = links.flat_map(|(_, value)| value.split(", ")).find_map(next_link).unwrap_or_default();
        step(position, seen, next)
    }

    fn ahead(&self, _position: &Position, _total: u64) -> Option<Position> {
        None
    }

    fn variables(&self, _position: &Position) -> Vec<(&'static str, Tree<'static>)> {
        self.size.iter().map(|size| ("size", Tree::Int(fixed(size) as i64))).collect()
    }
}

/// The target of one link whose relation is `next`.
fn next_link(link: &str) -> Option<&str> {
    let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = |parameter: &str| {
        let (name, value) = parameter.trim().split_once('=').unwrap_or((parameter, ""));
        name.eq_ignore_ascii_case("rel")
            && value.trim_matches('"').split_whitespace().any(|word| word.eq_ignore_ascii_case("next"))
    };
    parameters.split(';').any(is_next).then_some(target)
}

/// To the address, joined to that of the page; another origin is refused.
fn step(position: &Position, seen: &Seen<'_>, address: &str) -> Next {
    if address.is_empty() {
        return Next::End(End::NoNext);
    }
    let base = Url::parse(&seen.page.url).ok();
    let Some(next) = base.as_ref().and_then(|base| base.join(address).ok()) else {
        return Next::End(End::Unreadable("address of the next page".into()));
    };
    if base.is_some_and(|base| base.origin() != next.origin()) {
        return Next::End(End::OtherOrigin(next.origin().ascii_serialization()));
    }
    let next = String::from(next);
    let same = matches!(position, Position::Address(Some(last)) if *last == next) || next == seen.page.url;
    if same { Next::End(End::Repeated) } else { Next::Page(Position::Address(Some(next))) }
}
