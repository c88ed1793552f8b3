//! Choices that leave nothing out: what was drawn least often is drawn first, so that a seed gives the same choices.
use std::collections::BTreeMap;

/// How often a thing was chosen, and how often it was really met.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    drawn: u64,
    met: u64,
    /// Whether it must be met.
    needed: bool,
}

/// Counts how often each thing was chosen and met.
#[derive(Clone, Debug, Default)]
pub struct Deck {
    counts: BTreeMap<String, Count>,
}

impl Deck {
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Deck {
            counts: names
                .into_iter()
                .map(|name| (name.to_owned(), Count { needed: true, ..Count::default() }))
                .collect(),
        }
    }

    /// One of those that are allowed, of the ones that were drawn least often.
    pub fn draw(&mut self, random: &mut fastrand::Rng, allowed: impl Fn(&str) -> bool) -> Option<String> {
        let open: Vec<(&String, u64)> =
            self.counts.iter().filter(|(name, _)| allowed(name)).map(|(name, count)| (name, count.drawn)).collect();
        let least = open.iter().map(|(_, drawn)| *drawn).min()?;
        let rarest: Vec<&String> = open.iter().filter(|(_, drawn)| *drawn == least).map(|(name, _)| *name).collect();
        let name = rarest[random.usize(..rarest.len())].clone();
        self.counts.entry(name.clone()).or_default().drawn += 1;
        Some(name)
    }

    pub fn meet(&mut self, name: &str, times: u64) {
        self.counts.entry(name.to_owned()).or_default().met += times;
    }

    /// How often something was met.
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).map_or(0, |count| count.met)
    }

    /// Those that must be met and were met less often than this.
    pub fn missing(&self, least: u64) -> Vec<&str> {
        let missing = self.counts.iter().filter(|(_, count)| count.needed && count.met < least);
        missing.map(|(name, _)| name.as_str()).collect()
    }

    /// How often anything was met.
    pub fn sum(&self) -> u64 {
        self.counts.values().map(|count| count.met).sum()
    }

    pub fn least(&self) -> u64 {
        self.counts.values().filter(|count| count.needed).map(|count| count.met).min().unwrap_or(0)
    }

    pub fn met(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts.iter().map(|(name, count)| (name.as_str(), count.met))
    }
}
