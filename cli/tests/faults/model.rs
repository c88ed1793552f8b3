//! What the store must hold by now: what the sites served in the pages that were committed.
use std::collections::HashMap;

use jobmarket::offer::OfferId;
use sandbox::{Body, Class, Ledger, Served, Site};

use crate::journal::{Journal, Page};

/// One record of a committed page.
#[derive(Clone, Copy, Debug)]
pub struct Brought<'m> {
    pub page: &'m Page,
    pub served: &'m Served,
    /// Its number in the page, from 0.
    pub item: usize,
    pub revision: u32,
    pub class: Class,
    pub digest: u64,
}

impl Brought<'_> {
    /// Whether another one is certainly later: of a page that was looked up when this one's had come whole, or of the
    /// same page further on.
    fn before(&self, other: &Brought<'_>) -> bool {
        self.served.before(other.served)
            || self.page.version == other.page.version && self.item < other.item
            || self.page.number == other.page.number && self.page.part < other.page.part
    }
}

/// Most records of a part: what the program promises.
const PART: usize = 500;

/// All of one source.
pub struct Model<'m> {
    pub source: &'m str,
    pub site: Site,
    /// Whether the store refuses what only the embedded one takes.
    pub refuses: bool,
    /// Committed pages whose answer the site knows, with what they hold.
    pub pages: Vec<(&'m Page, &'m Served, usize)>,
    /// Committed pages of which the site knows nothing.
    pub foreign: Vec<&'m Page>,
    /// By the offer's key, in the order of the pages' versions.
    pub brought: HashMap<&'m str, Vec<Brought<'m>>>,
    /// Every revision that was ever served whole, committed or not.
    served: HashMap<&'m str, Vec<(&'m Served, u32, Class)>>,
}

impl<'m> Model<'m> {
    pub fn new(source: &'m str, site: Site, refuses: bool, journal: &'m Journal, ledger: &'m Ledger) -> Self {
        let mut model = Model {
            source,
            site,
            refuses,
            pages: Vec::new(),
            foreign: Vec::new(),
            brought: HashMap::new(),
            served: HashMap::new(),
        };
        for page in journal.pages.iter().filter(|page| page.source == source && page.kind == "list") {
            let Some(served) = page.number.and_then(|number| ledger.served(number)) else {
                // An answer without a body has no number; it brings nothing.
                if page.counts.fetched > 0 {
                    model.foreign.push(page);
                }
                continue;
            };
            let first = page.part as usize * PART;
            let lines = served.lines.iter().enumerate().skip(first).take(PART);
            let mut count = usize::from(served.body == Body::Broken);
            for (item, line) in lines {
                count += 1;
                let (revision, class, digest) = (line.revision, line.class, line.digest);
                let brought = Brought { page, served, item, revision, class, digest };
                model.brought.entry(&line.key).or_default().push(brought);
            }
            model.pages.push((page, served, count));
        }
        for served in ledger.all().filter(|served| served.site == site && served.done.is_some()) {
            for line in &served.lines {
                model.served.entry(&line.key).or_default().push((served, line.revision, line.class));
            }
        }
        model
    }

    /// Whether the store takes a record.
    pub fn takes(&self, class: Class) -> bool {
        class == Class::Valid || class == Class::Poison && !self.refuses
    }

    /// The revisions that may be the last one of an offer: more than one only where two pages overlapped.
    pub fn last(&self, key: &str) -> Vec<u32> {
        let all: Vec<&Brought<'_>> =
            self.brought.get(key).into_iter().flatten().filter(|one| self.takes(one.class)).collect();
        let last = all.iter().filter(|one| !all.iter().any(|other| one.before(other)));
        last.map(|one| one.revision).collect()
    }

    /// Whether a revision was served whole, in a page that was written and not committed, and none that was committed is
    /// certainly later: a store outside may be ahead of the journal by what a crash cut off.
    pub fn is_ahead(&self, key: &str, revision: u32) -> bool {
        let brought: Vec<&Brought<'_>> =
            self.brought.get(key).into_iter().flatten().filter(|one| self.takes(one.class)).collect();
        let served = self.served.get(key).into_iter().flatten();
        let mut of_revision = served.filter(|(_, served, class)| *served == revision && self.takes(*class));
        of_revision.any(|(served, ..)| !brought.iter().any(|one| served.before(one.served)))
    }

    /// Whether a second call of an offer was committed, where a source makes some: one whose own page was gone by then
    /// is kept aside.
    pub fn has_detail(&self, key: &str) -> bool {
        let id = OfferId::new(self.source, key).to_string();
        let calls = self.site == Site::SmartRecruiters;
        !calls || self.pages.iter().any(|(page, ..)| page.details.contains(&id))
    }

    /// Whether a revision of an offer was ever served.
    pub fn was_served(&self, key: &str, revision: u32) -> bool {
        self.served.get(key).is_some_and(|all| all.iter().any(|(_, served, _)| *served == revision))
    }
}
