//! How the offers change: they appear, change, go, return, are spoilt and mended, move in the list, come twice.
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::REFUSED;
use crate::ledger::{Class, Line, line};
use crate::world::{Entry, Flaw, Site, World, key, record, whole};

impl World {
    /// Changes so many offers at random: they change, go, return, or new ones appear.
    pub fn change(&mut self, site: Site, times: usize) {
        for _ in 0..times {
            let count = self.sites.get(&site).map_or(0, Vec::len);
            let (kind, at) = (self.random.u32(0..10), self.random.usize(0..count.max(1)));
            if kind < 2 {
                let mut entry = self.entry(site);
                entry.created = self.options.now - TimeDelta::seconds(self.random.i64(1..3_600));
                let entries = self.sites.entry(site).or_default();
                let place = entries.partition_point(|other| other.created > entry.created);
                entries.insert(place, entry);
            } else if let Some(entry) = self.sites.get_mut(&site).and_then(|entries| entries.get_mut(at)) {
                match kind {
                    2..=3 => entry.present = !entry.present,
                    _ => entry.revision += 1,
                }
            }
        }
    }

    /// Offers of a site as its list shows them, newest first, some of them twice.
    pub(crate) fn listed(&self, site: Site) -> impl Iterator<Item = &Entry> {
        self.shown(site).flat_map(|entry| std::iter::repeat_n(entry, 1 + usize::from(entry.twice)))
    }

    fn some(&mut self, site: Site, count: usize, mut each: impl FnMut(&mut Entry)) {
        let entries = self.sites.entry(site).or_default();
        for _ in 0..count.min(entries.len()) {
            let at = self.random.usize(0..entries.len());
            each(&mut entries[at]);
        }
    }

    /// Spoils the records of so many offers at random; each is a revision of its own.
    pub fn spoil(&mut self, site: Site, count: usize, flaw: Flaw) {
        self.some(site, count, |entry| {
            entry.revision += 1;
            entry.flaw = Some(flaw);
        });
    }

    /// Shows so many offers twice in the list.
    pub fn repeat(&mut self, site: Site, count: usize) {
        self.some(site, count, |entry| entry.twice = true);
    }

    /// Changes so many sound offers at random, in a way that [`World::revert`] takes back.
    pub fn update(&mut self, site: Site, count: usize) -> Vec<String> {
        let mut changed = Vec::new();
        self.some(site, count, |entry| {
            let id = entry.id.clone();
            if entry.present && entry.flaw.is_none() && !changed.contains(&id) {
                entry.revision += 1;
                changed.push(id);
            }
        });
        changed
    }

    /// Takes the last change of these offers back: their records are as they were.
    pub fn revert(&mut self, site: Site, ids: &[String]) {
        let entries = self.sites.entry(site).or_default().iter_mut();
        entries.filter(|entry| ids.contains(&entry.id)).for_each(|entry| entry.revision -= 1);
    }

    /// Mends the records that these flaws spoilt.
    pub fn mend(&mut self, site: Site, flaws: &[Flaw]) {
        let entries = self.sites.entry(site).or_default();
        for entry in entries.iter_mut().filter(|entry| entry.flaw.is_some_and(|flaw| flaws.contains(&flaw))) {
            entry.revision += 1;
            entry.flaw = None;
        }
    }

    /// Shows each offer once.
    pub fn once(&mut self, site: Site) {
        self.sites.entry(site).or_default().iter_mut().for_each(|entry| entry.twice = false);
    }

    /// Moves so many offers to another place of the list.
    pub fn shift(&mut self, site: Site, count: usize) {
        let entries = self.sites.entry(site).or_default();
        for _ in 0..if entries.len() > 1 { count } else { 0 } {
            let (from, to) = (self.random.usize(0..entries.len()), self.random.usize(0..entries.len()));
            let entry = entries.remove(from);
            entries.insert(to, entry);
        }
    }

    /// An offer's record in a revision that was sound.
    pub fn record_at(&self, site: Site, id: &str, revision: u32) -> Option<Value> {
        let entry = self.sites.get(&site)?.iter().find(|entry| key(site, entry) == id)?;
        Some(whole(site, &Entry { revision, flaw: None, ..entry.clone() }))
    }
}

/// Records of a page, and their lines in the ledger.
pub(crate) fn pages<'e>(site: Site, entries: impl IntoIterator<Item = &'e Entry>) -> (Vec<Value>, Vec<Line>) {
    let of = |entry: &Entry| {
        let record = record(site, entry);
        let line = line(entry, key(site, entry), &record);
        (record, line)
    };
    entries.into_iter().map(of).unzip()
}

impl Flaw {
    /// What can be made of a record with it.
    pub fn class(self) -> Class {
        match self {
            Flaw::NoKey | Flaw::WrongKey => Class::Keyless,
            Flaw::NoTitle | Flaw::WrongTitle => Class::Rejected,
            Flaw::Refused => Class::Poison,
        }
    }

    pub(crate) fn spoil(self, site: Site, record: &mut Value) {
        let (key, title, other) = match site {
            Site::FranceTravail => ("id", "intitule", ("appellationlibelle", json!(REFUSED))),
            Site::Arbeitnow => ("slug", "title", ("company_name", json!(REFUSED))),
            Site::Remotive => ("id", "title", ("company_name", json!(REFUSED))),
            Site::SmartRecruiters => ("id", "name", ("company", json!({"name": REFUSED}))),
        };
        let Some(members) = record.as_object_mut() else { return };
        match self {
            Flaw::NoKey => members.shift_remove(key),
            Flaw::WrongKey => members.insert(key.into(), json!({"is": "an object"})),
            Flaw::NoTitle => members.shift_remove(title),
            Flaw::WrongTitle => members.insert(title.into(), json!({"is": "an object"})),
            Flaw::Refused => members.insert(other.0.into(), other.1),
        };
    }
}

/// More than 32 KiB of many alphabets, where an offer is long.
pub(crate) fn long(entry: &Entry) -> Option<&'static str> {
    static TEXT: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| "Ça œuvre où naïveté, Ünïcødé, 漢字, Ελλάδα, עברית, e\u{301}tude 😀. ".repeat(400));
    entry.long.then(|| TEXT.as_str())
}
