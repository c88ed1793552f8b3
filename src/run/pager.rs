//! The one page loop: where a slice, or a parent call, goes after each of its pages.
use std::collections::HashSet;
use std::fmt;

use xxhash_rust::xxh3::Xxh3;

use crate::offer::OfferId;
use crate::paginate::{End, Next, PageSeen, Pagination, Progress, Seen, hash_of};
use crate::position::Position;
use crate::state::words::Mapped;
use crate::tree::Tree;

/// Decides page by page how a list is read, and keeps its progress.
pub(super) struct Pager<'p> {
    pub pages: &'p Pagination,
    pub progress: &'p mut Progress,
}

impl Pager<'_> {
    /// Takes a page in; where the list goes from here.
    pub(super) fn advance(&mut self, at: &Position, page: &PageSeen<'_>) -> Next {
        let total = self.pages.total().map_or("", |total| total.at.as_str());
        self.progress.page(page, total);
        let seen = Seen { records: page.records, announced: page.announced, progress: self.progress };
        self.pages.rule().next(at, &seen)
    }

    /// Takes in a page that stays unreadable. Number, offset and range know where the next one begins and go on; the list
    /// cannot be complete any more. Nothing where only the page could have said how it goes on.
    pub(super) fn unreadable(&mut self, at: &Position, why: &str) -> Option<Next> {
        self.progress.unreadable(at, why);
        let rule = self.pages.rule();
        let next = rule.behind(at, 0)?;
        let passed = rule.passed(&next, rule.common().size());
        Some(match () {
            () if self.progress.is_barren() => Next::End(End::Barren),
            () if self.progress.pages >= rule.common().max() => Next::End(End::Max),
            () if self.progress.total.is_some_and(|total| passed >= total) => Next::End(End::Total),
            () => Next::Page(next),
        })
    }

    /// The page ahead of one that was asked, as far as a total says that it is there.
    pub(super) fn ahead(&self, at: &Position) -> Option<Position> {
        let progress = &self.progress;
        let total = progress.total.filter(|total| progress.received <= *total)?;
        self.pages.rule().ahead(at, progress.last_size, total)
    }
}

/// Why a page could not be used.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PageFault {
    /// It stays unreadable: paging that knows where the next page begins goes on.
    Unreadable(String),
    /// Its list of records is missing, or no list: the slice ends.
    Shape(String),
}

impl fmt::Display for PageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PageFault::Unreadable(why) | PageFault::Shape(why) => f.write_str(why),
        }
    }
}

/// A hash that is equal for pages with equal records, whatever stands around these: that of their keys where each has one
/// of its own, else of the records as they are. None for a page without records.
pub(super) fn sameness(records: &[&Tree<'_>], parts: &[Mapped]) -> Option<u64> {
    let ids: Option<Vec<OfferId>> = parts.iter().flat_map(|part| &part.records).map(|record| record.id).collect();
    let own = ids.filter(|ids| ids.len() > 1 && ids.iter().collect::<HashSet<_>>().len() == ids.len());
    let Some(ids) = own else { return hash_of(records) };
    let mut hasher = Xxh3::new();
    ids.iter().for_each(|id| hasher.update(&id.0));
    (!records.is_empty()).then(|| hasher.digest())
}
