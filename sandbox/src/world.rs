//! The offers of the simulated sites: made from a seed on demand, or read from files; they appear, change, go and return.
use std::collections::HashMap;
use std::io;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::{boards, francetravail, smartrecruiters};

/// A simulated site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Site {
    /// France Travail, with its token endpoint.
    FranceTravail,
    /// Arbeitnow.
    Arbeitnow,
    /// Remotive.
    Remotive,
    /// SmartRecruiters.
    SmartRecruiters,
}

impl Site {
    /// All of them.
    pub const ALL: [Site; 4] = [Site::FranceTravail, Site::Arbeitnow, Site::Remotive, Site::SmartRecruiters];

    /// The origins that it stands for.
    pub fn origins(self) -> &'static [&'static str] {
        match self {
            Site::FranceTravail => &["https://api.francetravail.io", "https://entreprise.francetravail.fr"],
            Site::Arbeitnow => &["https://www.arbeitnow.com"],
            Site::Remotive => &["https://remotive.com"],
            Site::SmartRecruiters => &["https://api.smartrecruiters.com"],
        }
    }
}

/// What the sites begin with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Everything follows from it.
    pub seed: u64,
    /// The sites' clock.
    pub now: DateTime<Utc>,
    /// Offers of France Travail.
    pub offers: usize,
    /// Over how long before `now` they were created.
    pub span: TimeDelta,
    /// How many in a hundred are a partner's (origin 2).
    pub partners: u32,
    /// Offers of each small board.
    pub boards: usize,
    /// Files of real records of France Travail, instead of made ones: a page with `resultats`, or one record a line.
    pub records: Vec<Value>,
    /// Answers in a thousand that are a fault.
    pub faults: u32,
    /// Requests a second before 429.
    pub rate: u32,
    /// Life of a token, in seconds.
    pub token_life: i64,
    /// How many offers in a hundred have a text of more than 32 KiB.
    pub long: u32,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            seed: 1,
            now: Utc::now(),
            offers: 1_000,
            span: TimeDelta::days(30),
            partners: 40,
            boards: 250,
            records: Vec::new(),
            faults: 0,
            rate: 10,
            token_life: 1_499,
            long: 0,
        }
    }
}

/// Reads records from a file: a page with `resultats`, or one record a line.
pub fn records(path: &Path) -> io::Result<Vec<Value>> {
    let text = std::fs::read_to_string(path)?;
    if let Ok(mut page) = serde_json::from_str::<Value>(&text) {
        if let Some(list) = page.get_mut("resultats").and_then(Value::as_array_mut) {
            return Ok(std::mem::take(list));
        }
        return Ok(vec![page]);
    }
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).map_err(io::Error::from))
        .collect()
}

/// One offer: a record is made of it whenever it is asked for.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number: what its record is made from.
    pub index: u64,
    /// Its id at the site.
    pub id: String,
    /// When it was created.
    pub created: DateTime<Utc>,
    /// 1 France Travail's own, 2 a partner's.
    pub origin: u8,
    /// Rises with each change.
    pub revision: u32,
    /// Whether the site shows it.
    pub present: bool,
    /// Whether its own page is gone though the list shows it.
    pub buried: bool,
    /// What is wrong with its record.
    pub flaw: Option<Flaw>,
    /// Whether the list shows it twice, one behind the other.
    pub twice: bool,
    /// Whether its text is longer than 32 KiB, with signs of many alphabets.
    pub long: bool,
    /// A real record, when it was read from a file.
    pub record: Option<Value>,
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// It has no key.
    NoKey,
    /// Its key is an object.
    WrongKey,
    /// It has no title.
    NoTitle,
    /// Its title is an object.
    WrongTitle,
    /// One of its texts is [`REFUSED`](crate::REFUSED).
    Refused,
}

/// What is true of an offer.
#[derive(Clone, Debug)]
pub struct Truth {
    /// Its id at the site.
    pub id: String,
    /// Whether the site shows it.
    pub present: bool,
    /// Which revision the site has of it.
    pub revision: u32,
    /// What can be made of it.
    pub class: crate::ledger::Class,
    /// The record as served, that of its own page where the site has one.
    pub record: Value,
}

/// All offers of all sites.
#[derive(Debug)]
pub struct World {
    /// What it began with.
    pub options: Options,
    pub(crate) sites: HashMap<Site, Vec<Entry>>,
    pub(crate) random: fastrand::Rng,
    /// Requests served, by site.
    pub requests: HashMap<Site, u64>,
}

impl World {
    pub(crate) fn new(options: Options) -> Self {
        let mut world = World {
            random: fastrand::Rng::with_seed(options.seed),
            options,
            sites: HashMap::new(),
            requests: HashMap::new(),
        };
        let records = std::mem::take(&mut world.options.records);
        let count = if records.is_empty() { world.options.offers } else { 0 };
        let mut offers: Vec<Entry> = (0..count).map(|_| Entry::default()).collect();
        for entry in &mut offers {
            *entry = world.entry(Site::FranceTravail);
        }
        offers.extend(records.into_iter().enumerate().map(|(index, record)| real(index, record)));
        offers.sort_by(|a, b| b.created.cmp(&a.created).then(a.index.cmp(&b.index)));
        world.sites.insert(Site::FranceTravail, offers);
        for site in [Site::Arbeitnow, Site::Remotive, Site::SmartRecruiters] {
            let entries: Vec<Entry> = (0..world.options.boards).map(|_| world.entry(site)).collect();
            world.sites.insert(site, entries);
        }
        world
    }

    pub(crate) fn entry(&mut self, site: Site) -> Entry {
        let index = self.random.u64(..);
        let back = self.random.i64(0..self.options.span.num_seconds().max(1));
        let origin = if self.random.u32(0..100) < self.options.partners { 2 } else { 1 };
        let id = match (site, origin) {
            (Site::FranceTravail, 1) => code(index, b"BCDFGHJKLMNPQRSTVWXYZ0123456789"),
            (Site::FranceTravail, _) => code(index, b"0123456789"),
            _ => format!("{}", 1_000_000 + index % 9_000_000_000),
        };
        Entry {
            index,
            id,
            created: self.options.now - TimeDelta::seconds(back),
            origin,
            revision: 0,
            present: true,
            buried: false,
            flaw: None,
            twice: false,
            long: self.options.long > 0 && index % 100 < u64::from(self.options.long),
            record: None,
        }
    }

    /// Offers of a site that it shows, newest first.
    pub fn shown(&self, site: Site) -> impl Iterator<Item = &Entry> {
        self.sites.get(&site).into_iter().flatten().filter(|entry| entry.present)
    }

    /// All offers of a site, shown or not, with the record as served.
    pub fn truth(&self, site: Site) -> Vec<Truth> {
        let entries = self.sites.get(&site).into_iter().flatten();
        entries
            .map(|entry| Truth {
                id: key(site, entry),
                present: entry.present,
                revision: entry.revision,
                class: entry.flaw.map_or(crate::ledger::Class::Valid, Flaw::class),
                record: whole(site, entry),
            })
            .collect()
    }

    /// Changes the first offers of a site.
    pub fn revise(&mut self, site: Site, count: usize) {
        self.sites.entry(site).or_default().iter_mut().take(count).for_each(|entry| entry.revision += 1);
    }

    /// The own pages of the first offers of a site are gone, though its list shows them still.
    pub fn bury(&mut self, site: Site, count: usize) {
        self.sites.entry(site).or_default().iter_mut().take(count).for_each(|entry| entry.buried = true);
    }

    /// Hides the first offers of a site, or shows them again.
    pub fn show(&mut self, site: Site, count: usize, present: bool) {
        self.sites.entry(site).or_default().iter_mut().take(count).for_each(|entry| entry.present = present);
    }
}

impl Default for Entry {
    fn default() -> Self {
        Entry {
            index: 0,
            id: String::new(),
            created: DateTime::UNIX_EPOCH,
            origin: 1,
            revision: 0,
            present: true,
            buried: false,
            flaw: None,
            twice: false,
            long: false,
            record: None,
        }
    }
}

/// The key that the site itself gives.
pub(crate) fn key(site: Site, entry: &Entry) -> String {
    match site {
        Site::FranceTravail | Site::Remotive | Site::SmartRecruiters => entry.id.clone(),
        Site::Arbeitnow => boards::slug(entry),
    }
}

/// The record with all that the site says of it.
pub(crate) fn whole(site: Site, entry: &Entry) -> Value {
    if site == Site::SmartRecruiters { smartrecruiters::detail(entry) } else { record(site, entry) }
}

/// The record as the site's list serves it.
pub(crate) fn record(site: Site, entry: &Entry) -> Value {
    let mut record = sound(site, entry);
    if let Some(flaw) = entry.flaw {
        flaw.spoil(site, &mut record);
    }
    record
}

fn sound(site: Site, entry: &Entry) -> Value {
    match (site, &entry.record) {
        (_, Some(record)) => record.clone(),
        (Site::FranceTravail, None) => francetravail::record(entry),
        (Site::Arbeitnow, None) => boards::arbeitnow(entry),
        (Site::Remotive, None) => boards::remotive(entry),
        (Site::SmartRecruiters, None) => smartrecruiters::record(entry),
    }
}

fn real(index: usize, record: Value) -> Entry {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let origin = text(record.pointer("/origineOffre/origine")).parse().unwrap_or(1);
    let created = text(record.get("dateCreation")).parse().unwrap_or(DateTime::UNIX_EPOCH);
    Entry { index: index as u64, id: text(record.get("id")), created, origin, record: Some(record), ..Entry::default() }
}

/// Seven signs of an alphabet.
fn code(index: u64, alphabet: &[u8]) -> String {
    let mut rest = index;
    (0..9)
        .map(|_| {
            let sign = alphabet[(rest % alphabet.len() as u64) as usize];
            rest /= alphabet.len() as u64;
            sign as char
        })
        .collect()
}
