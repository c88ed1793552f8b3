//! Pagination: how a slice advances from page to page, and when it ends.
mod announced;
mod completeness;
mod cursor;
mod end;
mod figure;
mod link;
mod link_field;
mod number;
mod offset;
mod progress;
mod single;
#[cfg(test)]
mod tests;
mod total;

use serde::Deserialize;

pub use announced::{Announced, Pointer};
pub use completeness::{Completeness, judge};
pub use cursor::Cursor;
pub use end::{End, Stop, Stops, WRONG_ADDRESS};
pub use figure::Figure;
pub use link::{LinkHeader, NextUrl};
pub use number::Number;
pub use offset::{Offset, Range};
pub use progress::{PageSeen, Progress, RecordsHash, hash_of};
pub use single::Single;
pub use total::Total;
pub(crate) use total::TotalMap;

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
    /// What its members share with those of the others.
    fn common(&self) -> Common<'_>;
    /// The first page's place.
    fn start(&self) -> Position;
    /// Where an answer points to, for members that are led by it.
    fn pointer(&self, _page: &Page, _body: &Tree<'_>) -> Pointer {
        Pointer::Undeclared
    }
    /// The place after a page: behind the `records` that came, or behind as many as were asked for where these are 0.
    /// Nothing for members that are led by a pointer.
    fn behind(&self, at: &Position, records: u64) -> Option<Position>;
    /// What `${page.…}` stands for.
    fn variables(&self, at: &Position) -> Vec<(&'static str, Tree<'static>)>;

    /// Where the slice goes after a page, or why it ends.
    fn next(&self, at: &Position, seen: &Seen<'_>) -> Next {
        end::next(self.common(), self.behind(at, seen.records), at, seen)
    }

    /// The page behind this one while a total says that there is one, so that it can be asked before this one came back.
    /// It is assumed to hold `records` of them, as the last one did.
    fn ahead(&self, at: &Position, records: u64, total: u64) -> Option<Position> {
        let step = if records == 0 { self.common().size() } else { records };
        self.behind(at, records).filter(|next| self.passed(next, step) < total)
    }

    /// Records before a place, where pages hold `step` of them.
    fn passed(&self, _at: &Position, _step: u64) -> u64 {
        0
    }
}

/// What all members may declare.
#[derive(Clone, Copy, Default)]
pub struct Common<'a> {
    /// Records on a page.
    pub size: Option<&'a Given<u64>>,
    /// Number of records announced.
    pub total: Option<&'a Total>,
    /// Number of pages announced, and the first of them.
    pub count: Option<(&'a Reader, u64)>,
    /// The chosen stop rules.
    pub stop: &'a [Stop],
    /// Most pages of a slice.
    pub max: Option<&'a Given<u64>>,
    /// False, null or missing: the last page.
    pub more: Option<&'a Reader>,
    /// True: the last page.
    pub last: Option<&'a Reader>,
}

impl Common<'_> {
    /// Records asked for. The size of a plan is known: a template was resolved when the plan was built.
    pub fn size(&self) -> u64 {
        self.size.and_then(Given::fixed).unwrap_or(1)
    }

    /// Most pages of a slice, as of a plan.
    pub fn max(&self) -> u64 {
        self.max.and_then(Given::fixed).unwrap_or(MAX)
    }
}

/// A page and what is known of its slice.
pub struct Seen<'a> {
    /// Records on this page, before `only`.
    pub records: u64,
    /// What its answer says besides.
    pub announced: &'a Announced,
    /// The slice, this page included.
    pub progress: &'a Progress,
}

/// Where a slice goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// To this page.
    Page(Position),
    /// Nowhere.
    End(End),
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
        self.rule().common().total
    }

    /// The readers that say how a slice goes on.
    pub fn readers(&self) -> Vec<&Reader> {
        let common = self.rule().common();
        let next = match self {
            Pagination::Cursor(rule) => Some(&rule.next),
            Pagination::NextUrl(rule) => Some(&rule.next),
            _ => None,
        };
        let total = common.total.map(|total| &total.at);
        [next, total, common.count.map(|(count, _)| count), common.more, common.last].into_iter().flatten().collect()
    }

    /// Its chosen stop rules.
    pub fn stop(&self) -> &[Stop] {
        self.rule().common().stop
    }

    /// Most pages of a slice, as written.
    pub fn max(&self) -> Option<&Given<u64>> {
        self.rule().common().max
    }

    /// The word that chooses it.
    pub fn word(&self) -> &'static str {
        match self {
            Pagination::Single(_) => "single",
            Pagination::Number(_) => "number",
            Pagination::Offset(_) => "offset",
            Pagination::Range(_) => "range",
            Pagination::Cursor(_) => "cursor",
            Pagination::NextUrl(_) => "next_url",
            Pagination::LinkHeader(_) => "link_header",
        }
    }

    /// Its size as written.
    pub fn size(&self) -> Option<&Given<u64>> {
        self.rule().common().size
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

    /// The same with its most pages known.
    pub fn bounded(&mut self, max: u64) {
        let max = Some(Given::Fixed(max));
        match self {
            Pagination::Single(_) => {}
            Pagination::Number(rule) => rule.max = max,
            Pagination::Offset(rule) => rule.max = max,
            Pagination::Range(rule) => rule.max = max,
            Pagination::Cursor(rule) => rule.max = max,
            Pagination::NextUrl(rule) => rule.max = max,
            Pagination::LinkHeader(rule) => rule.max = max,
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
