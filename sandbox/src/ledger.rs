//! What the sites served: each revision of each record, in which answer, and whether its last byte was written.
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Site;
use crate::world::Entry;

/// What a reader of the site can make of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// An offer.
    Valid,
    /// No offer: something that must be there is missing or of a wrong type.
    Rejected,
    /// No offer, and not even a key.
    Keyless,
    /// An offer that one store takes and another one refuses.
    Poison,
}

/// One record of an answer.
#[derive(Clone, Debug)]
pub struct Line {
    /// The offer's key at the site; that of a keyless record is what it should have been.
    pub key: String,
    /// Which revision of it.
    pub revision: u32,
    /// What can be made of it.
    pub class: Class,
    /// [`digest`] of the record; 0 where its text is not JSON.
    pub digest: u64,
}

/// What came of a body on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// It is as the site made it.
    Intact,
    /// Nothing is left of it.
    Empty,
    /// It cannot be read.
    Broken,
}

/// An answer with status 2xx.
#[derive(Clone, Debug)]
pub struct Served {
    /// The site.
    pub site: Site,
    /// The path that was asked for.
    pub path: String,
    /// Its records, in their order; none when the body was spoilt on the way.
    pub lines: Vec<Line>,
    /// What came of its body.
    pub body: Body,
    /// When its records were looked up, on the ledger's clock.
    pub asked: u64,
    /// When its last byte was written; `None` when it never was.
    pub done: Option<u64>,
}

impl Served {
    /// Whether it was complete before another one was looked up.
    pub fn before(&self, other: &Served) -> bool {
        self.done.is_some_and(|done| done < other.asked)
    }
}

/// A wait that a site asked for.
#[derive(Clone, Debug)]
struct Pause {
    from: Instant,
    until: Instant,
    /// The requests that were refused, each with the end of its own wait.
    refused: Vec<(String, Instant)>,
}

/// Everything that was served.
#[derive(Debug, Default)]
pub struct Ledger {
    served: Vec<Served>,
    clock: u64,
    /// By site, and whether it is the host that gives tokens: in truth that is another one.
    pauses: HashMap<(Site, bool), Pause>,
    /// Waits that were asked for with `Retry-After` of a second or more.
    pub waits: u64,
    /// Requests that came before such a wait was over.
    pub early: u64,
    /// Requests at an origin that only a redirect named.
    pub strayed: u64,
    /// All tokens that were given.
    pub tokens: Vec<String>,
}

/// Requests that were on their way when a wait was asked for are not held against the client.
const ON_THE_WAY: Duration = Duration::from_millis(400);
/// Clocks differ by as much.
const GRACE: Duration = Duration::from_millis(50);

impl Ledger {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// Writes an answer down before it is sent; its number.
    pub(crate) fn enter(&mut self, site: Site, path: &str, lines: Vec<Line>, body: Body) -> u64 {
        let asked = self.tick();
        let lines = if body == Body::Intact { lines } else { Vec::new() };
        self.served.push(Served { site, path: path.to_owned(), lines, body, asked, done: None });
        self.served.len() as u64
    }

    /// The last byte of an answer was written.
    pub(crate) fn done(&mut self, number: u64) {
        let at = self.tick();
        if let Some(served) = self.served.get_mut(number as usize - 1) {
            served.done = Some(at);
        }
    }

    /// The answer of a number, as its `ETag` says it.
    pub fn served(&self, number: u64) -> Option<&Served> {
        self.served.get((number as usize).checked_sub(1)?)
    }

    /// All answers, in the order in which their records were looked up.
    pub fn all(&self) -> impl Iterator<Item = &Served> {
        self.served.iter()
    }

    /// A request came; it may be too early. One that was refused before was certainly not on its way.
    pub(crate) fn asked(&mut self, site: Site, target: &str) {
        let now = Instant::now();
        let early = |pause: &Pause| {
            let again = pause.refused.iter().any(|(refused, until)| refused == target && now + GRACE < *until);
            again || pause.from + ON_THE_WAY < now && now + GRACE < pause.until
        };
        self.early += u64::from(self.pauses.get(&host(site, target)).is_some_and(early));
    }

    /// A site asked for a wait.
    pub(crate) fn wait(&mut self, site: Site, target: &str, wait: Duration) {
        let from = Instant::now();
        self.waits += 1;
        let pause = self.pauses.entry(host(site, target)).or_insert(Pause { from, until: from, refused: Vec::new() });
        pause.refused.retain(|(refused, until)| *until > from && refused != target);
        (pause.from, pause.until) = (from, from + wait);
        pause.refused.push((target.to_owned(), from + wait));
    }

    /// Another client comes, which was told nothing.
    pub fn new_client(&mut self) {
        self.pauses.clear();
    }
}

fn host(site: Site, target: &str) -> (Site, bool) {
    (site, target.starts_with("/connexion/"))
}

/// The line of an offer whose record was served.
pub(crate) fn line(entry: &Entry, key: String, record: &Value) -> Line {
    let class = entry.flaw.map_or(Class::Valid, crate::world::Flaw::class);
    Line { key, revision: entry.revision, class, digest: digest(record) }
}

/// A number that two records share only when they are equal, members in the same order.
pub fn digest(record: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    record.to_string().hash(&mut hasher);
    hasher.finish()
}
