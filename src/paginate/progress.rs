//! What the guards need of a slice's past, kept by the engine beside its position.
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::{Announced, Figure, Pointer};
use crate::position::Position;
use crate::tree::Tree;

/// Numbers and hashes of the pages of a slice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Pages that are committed.
    pub pages: u64,
    /// Records of these, before `only`; those of a page that came before count once.
    pub received: u64,
    /// The first total that was announced.
    pub total: Option<u64>,
    /// The least one, of both readings.
    #[serde(default)]
    pub least: Option<u64>,
    /// The greatest one.
    #[serde(default)]
    pub greatest: Option<u64>,
    /// What was found first in place of a total.
    #[serde(default)]
    pub no_total: Option<String>,
    /// Records without a key.
    #[serde(default)]
    pub keyless: u64,
    /// Records of the last page that brought something new.
    #[serde(default)]
    pub last_size: u64,
    /// Why it cannot be complete: the first page that could not be read.
    #[serde(default)]
    pub lost: Option<String>,
    /// Whether a page came again, and the slice went on.
    #[serde(default)]
    pub repeats: bool,
    /// Pages in a row that brought nothing new.
    #[serde(default)]
    pub barren: u64,
    /// Hashes of the last pages with records.
    pub hashes: VecDeque<u64>,
    /// Hashes of the last cursors or addresses that answers pointed to.
    #[serde(default)]
    pub pointers: VecDeque<u64>,
    /// Whether the last page came before.
    #[serde(default)]
    pub repeat: Repeat,
    /// Whether the last page points to where an earlier one pointed to.
    #[serde(skip)]
    pub revisits: bool,
    /// Parts of the page at the slice's position that are committed.
    #[serde(default)]
    pub part: u32,
    /// Whether the first pass of a slice read twice is over.
    pub again: bool,
}

/// Whether a page came before in its slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// It is new, or has no records.
    #[default]
    New,
    /// It equals the page before.
    Before,
    /// It equals an earlier page.
    Earlier,
}

/// What a page shows of itself.
#[derive(Clone, Copy, Debug)]
pub struct PageSeen<'a> {
    /// Records on it, before `only`.
    pub records: u64,
    /// Those of them that have no key.
    pub keyless: u64,
    /// Equal for pages with equal records.
    pub hash: u64,
    /// What its answer says besides.
    pub announced: &'a Announced,
}

/// How many hashes are kept.
const HASHES: usize = 50;
/// So many pages in a row that bring nothing new end a slice.
pub(super) const BARREN: u64 = 3;

impl Progress {
    /// Takes a page in.
    pub fn page(&mut self, page: &PageSeen<'_>, total: &str) {
        self.pages += 1;
        self.repeats |= self.repeat != Repeat::New;
        self.repeat = match self.hashes.back() {
            Some(last) if page.records > 0 && *last == page.hash => Repeat::Before,
            _ if page.records > 0 && self.hashes.contains(&page.hash) => Repeat::Earlier,
            _ => Repeat::New,
        };
        if page.records > 0 && self.repeat == Repeat::New {
            self.barren = 0;
            self.received = self.received.saturating_add(page.records);
            self.keyless = self.keyless.saturating_add(page.keyless);
            self.last_size = page.records;
            keep(&mut self.hashes, page.hash);
        } else {
            self.barren += 1;
        }
        if let Some(figure) = &page.announced.total {
            self.announce(figure, page.records, total);
        }
        self.revisits = match &page.announced.pointer {
            Pointer::Cursor(to) | Pointer::Address(to) => self.points_to(xxh3_64(to.as_bytes())),
            _ => false,
        };
    }

    /// Takes in a page that could not be read; which and why.
    pub fn unreadable(&mut self, at: &Position, why: &str) {
        self.pages += 1;
        (self.repeat, self.revisits) = (Repeat::New, false);
        self.barren += 1;
        self.lose(at, why);
    }

    /// Something of a page is lost, which and why: the list cannot be complete any more.
    pub fn lose(&mut self, at: &Position, why: &str) {
        self.lost.get_or_insert_with(|| format!("page at {at}: {why}"));
    }

    /// Whether so many pages in a row brought nothing new that the list is not read any further.
    pub fn is_barren(&self) -> bool {
        self.barren >= BARREN
    }

    /// Takes in what a page announces. A 0 beside records, or less than came so far, is no total.
    fn announce(&mut self, figure: &Figure, records: u64, name: &str) {
        let found = match figure {
            Figure::TooLarge(found) | Figure::Unusable(found) => found.clone(),
            Figure::Number(0) if records > 0 => format!("`{name}` is 0 beside {records} records"),
            Figure::Number(total) if *total < self.received => {
                format!("`{name}` is {total}, and {} records came", self.received)
            }
            Figure::Number(total) => {
                self.total.get_or_insert(*total);
                self.least = Some(self.least.map_or(*total, |least| least.min(*total)));
                self.greatest = self.greatest.max(Some(*total));
                return;
            }
        };
        self.no_total.get_or_insert(found);
    }

    /// Whether a hash of a pointer was seen before; it is from now on.
    fn points_to(&mut self, hash: u64) -> bool {
        let seen = self.pointers.contains(&hash);
        if !seen {
            keep(&mut self.pointers, hash);
        }
        seen
    }
}

/// A hash that is equal for equal records, whatever stands around them; none without records.
pub fn hash_of(records: &[&Tree<'_>]) -> Option<u64> {
    let mut hash = RecordsHash::default();
    records.iter().for_each(|record| hash.take(record));
    hash.done()
}

/// The same of records that come one by one.
#[derive(Default)]
pub struct RecordsHash(Xxh3, bool);

impl RecordsHash {
    /// Takes a record in.
    pub fn take(&mut self, record: &Tree<'_>) {
        self.0.update(record.to_string().as_bytes());
        self.1 = true;
    }

    /// Equal for equal records; none without any.
    pub fn done(&self) -> Option<u64> {
        self.1.then(|| self.0.digest())
    }
}

fn keep(hashes: &mut VecDeque<u64>, hash: u64) {
    if hashes.len() == HASHES {
        hashes.pop_front();
    }
    hashes.push_back(hash);
}
