//! What was met over all schedules of a store: nothing may be left out, and the table says how often.
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jobmarket::crash::{OUTSIDE, POINTS};
use sandbox::Sandbox;

use crate::deck::Deck;
use crate::deeds::DEEDS;
use crate::site;
use crate::verdict::Verdict;

/// Points that only the embedded store comes to.
const EMBEDDED: [&str; 1] = ["indexed"];

/// A run that began afresh and ended, on a site that did not change meanwhile: what it says can be held against it.
pub const STILL: &str = "run of a site that stood still";

/// A record that an older page brings, as when the archive is mapped again.
pub const REPLAYED: &str = "superseded or replayed";

/// Counters of one store.
#[derive(Debug)]
pub struct Tally {
    pub store: &'static str,
    pub schedules: u64,
    pub cycles: u64,
    /// Starts that were killed by SIGKILL or ended at a named point before they had ended by themselves.
    pub kills: u64,
    /// Crossings of each named point.
    pub points: Deck,
    /// What happened to processes.
    pub process: Deck,
    /// Faults of the sites.
    pub sites: Deck,
    /// Faults of the store's server.
    pub server: Deck,
    /// Deeds of another hand at the server.
    pub hands: Deck,
    /// What must have come up, or nothing was tried.
    pub seen: Deck,
    /// The longest time from the end of all faults until everything was as the sites say, of any schedule.
    pub calm: Duration,
    /// How often each named point must be crossed.
    least: u64,
}

impl Tally {
    pub fn new(store: &'static str, outside: bool, server: Vec<String>, least: u64) -> Self {
        let embedded = POINTS.into_iter().filter(|point| !outside || !EMBEDDED.contains(point));
        let points = embedded.chain(OUTSIDE.into_iter().filter(|_| outside));
        let process = ["SIGKILL", "SIGINT", "SIGTERM", "SIGSTOP", "clock", "end at a named point"];
        let seen =
            [STILL, "resumed run", "unchanged record", REPLAYED, "duplicate record", "rejected record", "closed offer"];
        let own: &[&str] = if outside { &["takeover", "document lost by the server"] } else { &["full disk"] };
        Tally {
            store,
            schedules: 0,
            cycles: 0,
            kills: 0,
            points: Deck::of(points),
            process: Deck::of(process),
            sites: Deck::of(site::names().iter().map(String::as_str)),
            server: Deck::of(server.iter().map(String::as_str)),
            hands: Deck::of(DEEDS.iter().map(|deed| deed.name)),
            seen: Deck::of(seen.iter().chain(own).copied()),
            calm: Duration::ZERO,
            least,
        }
    }

    /// Takes the faults over that a schedule's sites met since it was last asked; their names.
    pub fn site(&mut self, sites: &Sandbox, told: &mut BTreeMap<String, u64>) -> Vec<String> {
        let met = sites.met();
        let mut new = Vec::new();
        for (name, count) in &met {
            let times = count - told.get(name).copied().unwrap_or(0);
            self.sites.meet(name, times);
            new.extend((times > 0).then(|| name.clone()));
        }
        *told = met;
        new
    }

    /// The name of a point as the program knows it.
    pub fn point(&self, name: &str) -> &'static str {
        POINTS.into_iter().chain(OUTSIDE).find(|point| *point == name).unwrap_or("")
    }

    /// What was not met, or not often enough.
    pub fn missing(&self) -> Vec<&str> {
        let once = [&self.process, &self.server, &self.sites].into_iter().flat_map(|deck| deck.missing(1));
        let replayed = self.seen.missing(1).into_iter().filter(|name| *name == REPLAYED);
        self.points.missing(self.least).into_iter().chain(once).chain(replayed).collect()
    }

    /// What was not met at the very end: without it the schedules show nothing.
    pub fn vacuous(&self) -> Vec<&str> {
        self.missing().into_iter().chain(self.seen.missing(1)).collect()
    }

    /// The table of another hand.
    pub fn hands(&self, verdict: &Verdict) -> String {
        let met: Vec<String> = self.hands.met().map(|(name, met)| format!("{name} {met}")).collect();
        let calm = self.calm.as_secs_f64();
        format!("\n{}: {} schedules\n  {}\n", self.store, self.schedules, met.join(" · "))
            + &format!("  {calm:.1} s at most until all was right · {} records compared\n", verdict.compared)
            + &format!("  violations: {verdict}\n")
    }

    /// The table of a store.
    pub fn table(&self, verdict: &Verdict) -> String {
        let row = |name: &str, deck: &Deck| {
            let met: Vec<String> = deck.met().map(|(name, met)| format!("{name} {met}")).collect();
            format!("  {name:<22} {}\n", met.join(" · "))
        };
        format!("\n{self}")
            + &row("named points crossed", &self.points)
            + &row("processes", &self.process)
            + &row("faults of sites", &self.sites)
            + &row("faults of the server", &self.server)
            + &row("came up", &self.seen)
            + &format!("  {:<22} {:.1} s at most\n", "calm to convergence", self.calm.as_secs_f64())
            + &format!("  {:<22} {}, {} ahead of the journal\n", "records compared", verdict.compared, verdict.ahead)
            + &format!("  {:<22} {verdict}\n", "violations")
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { store, schedules, cycles, kills, points, .. } = self;
        let least = points.least();
        writeln!(
            f,
            "{store}: {schedules} schedules, {cycles} cycles, {kills} kills, each point crossed {least} times or more"
        )
    }
}
