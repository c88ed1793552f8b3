//! Rounds of another hand: a deed between runs or in the middle of one, runs that meet it, then nothing disturbs any more
//! and all must be right again.
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::deeds::{DEEDS, Deed};
use crate::drive::{Disturb, Ended, drive};
use crate::hand::Hand;
use crate::journal::Journal;
use crate::judge::of;
use crate::model::Model;
use crate::project::SOURCES;
use crate::proxy::Fault;
use crate::schedule::Schedule;
use crate::verdict::{Verdict, Wrong};
use crate::whole::{Whole, shown, whole};
use crate::workload;

/// A run that waits is ended after so long, or the hand takes its deed back.
const WAITED: Duration = Duration::from_millis(2_500);

/// A run of a start.
struct Said {
    source: String,
    run: i64,
    /// Whether it says `complete`.
    complete: bool,
    /// Whether it is a sweep that began with this start: it compares the store with what is known.
    compares: bool,
}

/// What a run said, in the order in which they ended.
fn said(ended: &Ended) -> Vec<Said> {
    let of = |kind| ended.events.iter().filter(move |event| event["event"] == kind);
    let ends = of("run_ended").map(|end| {
        let started = of("run_started").find(|started| started["run"] == end["run"]).unwrap_or(&Value::Null);
        Said {
            source: end["source"].as_str().unwrap_or_default().to_owned(),
            run: end["run"].as_i64().unwrap_or_default(),
            complete: end["outcome"] == "complete",
            compares: started["kind"] == "sweep" && started["resumed"] == false,
        }
    });
    ends.collect()
}

impl Schedule<'_> {
    /// So many deeds, until something is wrong; then the judge of all schedules.
    pub async fn hands(mut self, hand: &mut Hand, deeds: u64, wanted: &dyn Fn(&str) -> bool) -> Verdict {
        let mut verdict = Verdict::default();
        for (source, _) in SOURCES {
            self.begun(&["sweep", source, "--log", "json"], &Disturb::Nothing).await;
        }
        hand.remember().await;
        for _ in 0..deeds {
            self.round(hand, wanted, &mut verdict).await;
            if verdict.count() > 0 {
                let kept = self.project.dir.keep();
                eprintln!("seed {}: {verdict}\n  the project is kept in {}", self.seed, kept.display());
                return verdict;
            }
        }
        let verified = self.begun(&["verify"], &Disturb::Nothing).await;
        hand.take_away(&verified.said, &mut verdict).await;
        let mut closed = self.close().await;
        closed.merge(verdict);
        closed
    }

    async fn round(&mut self, hand: &mut Hand, wanted: &dyn Fn(&str) -> bool, verdict: &mut Verdict) {
        if self.random.bool() {
            hand.remember().await;
        }
        workload::change(&self.sites, &mut self.random);
        let name = self.tally.hands.draw(&mut self.random, wanted);
        let deed = DEEDS.into_iter().find(|deed| Some(deed.name) == name.as_deref()).unwrap();
        let (source, _) = SOURCES[self.random.usize(..SOURCES.len())];
        let kind = if self.random.bool() { "run" } else { "sweep" };
        if self.random.bool() {
            self.meanwhile(hand, deed, [kind, source], verdict).await;
        } else {
            hand.act(deed).await;
        }
        self.tally.hands.meet(deed.name, 1);
        if deed.hides() {
            let ended = self.begun(&["search", "data"], &Disturb::Nothing).await;
            met(deed, &ended, &format!("{}, then `search`", deed.name), verdict);
        }
        self.meets(hand, deed, [kind, source], verdict).await;
        hand.undo(deed).await;
        let mut done = deed.name.to_owned();
        let more: Vec<Deed> = DEEDS.into_iter().filter(|deed| !deed.lasts() && wanted(deed.name)).collect();
        if self.random.u32(0..4) == 0 && !more.is_empty() {
            let more = more[self.random.usize(..more.len())];
            hand.act(more).await;
            done = format!("{done}, {}", more.name);
        }
        if self.random.bool() {
            self.due(hand, &done, verdict).await;
        }
        let calm = Instant::now();
        workload::settle(&self.sites);
        for number in 0..SOURCES.len() {
            self.sweep(hand, &done, number, verdict).await;
        }
        self.tally.calm = self.tally.calm.max(calm.elapsed());
    }

    /// A start; what it printed is kept.
    async fn begun(&mut self, args: &[&str], disturb: &Disturb) -> Ended {
        self.sites.ledger(sandbox::Ledger::new_client);
        let ended = drive(&self.project, args, disturb).await;
        self.hear(ended.said.clone());
        ended
    }

    /// The deed in the middle of a run, which is killed in some cases.
    async fn meanwhile(&mut self, hand: &mut Hand, deed: Deed, [kind, source]: [&str; 2], verdict: &mut Verdict) {
        let after = Duration::from_millis(self.random.u64(30..900));
        let disturb = match self.random.u32(0..4) {
            0 => Disturb::Signal("KILL", after + Duration::from_millis(self.random.u64(0..500))),
            _ if deed.lasts() => Disturb::Signal("INT", after + WAITED),
            _ => Disturb::Nothing,
        };
        let proxy = &self.outside.as_ref().unwrap().proxy;
        if self.random.bool() {
            proxy.order(Fault::Slow(300), 3);
        }
        let act = async {
            tokio::time::sleep(after).await;
            hand.act(deed).await;
            Instant::now()
        };
        self.sites.ledger(sandbox::Ledger::new_client);
        let args = [kind, source, "--log", "json"];
        let (ended, done) = tokio::join!(drive(&self.project, &args, &disturb), act);
        let proxy = &self.outside.as_ref().unwrap().proxy;
        proxy.clear();
        let heard = proxy.asked().iter().any(|asked| asked.at > done && looks(&asked.path));
        self.hear(ended.said.clone());
        let what = format!("{}, {after:?} after the begin of `{kind} {source}`", deed.name);
        hand.check(&what, verdict).await;
        untrue(&ended, &what, verdict);
        if deed.named.is_none() && heard {
            // What it compared, it compared before the deed or behind it.
            let said = said(&ended).into_iter().map(|said| Said { compares: false, ..said }).collect();
            self.judge(hand, said, &what, verdict).await;
        }
    }

    /// A run that begins behind the deed; what must not go on beside it is taken back, or the run ended.
    async fn meets(&mut self, hand: &mut Hand, deed: Deed, [kind, source]: [&str; 2], verdict: &mut Verdict) {
        let args = [kind, source, "--log", "json"];
        let what = format!("{}, then `{kind} {source}`", deed.name);
        if !deed.lasts() || self.random.bool() {
            let disturb = if deed.lasts() { Disturb::Signal("INT", WAITED) } else { Disturb::Nothing };
            let ended = self.begun(&args, &disturb).await;
            hand.check(&what, verdict).await;
            untrue(&ended, &what, verdict);
            met(deed, &ended, &what, verdict);
            hand.undo(deed).await;
            return self.judge(hand, said(&ended), &what, verdict).await;
        }
        self.sites.ledger(sandbox::Ledger::new_client);
        let began = Instant::now();
        let undo = async {
            tokio::time::sleep(WAITED).await;
            hand.undo(deed).await;
        };
        let start = async { (drive(&self.project, &args, &Disturb::Nothing).await, began.elapsed()) };
        let ((ended, took), ()) = tokio::join!(start, undo);
        self.hear(ended.said.clone());
        let what = format!("{what}, undone after {WAITED:?}");
        hand.check(&what, verdict).await;
        untrue(&ended, &what, verdict);
        if took < WAITED {
            met(deed, &ended, &what, verdict);
        }
        self.judge(hand, said(&ended), &what, verdict).await;
    }

    /// A due run of all sources: it may be the first that could notice.
    async fn due(&mut self, hand: &mut Hand, done: &str, verdict: &mut Verdict) {
        let [(a, _), (b, _), (c, _)] = SOURCES;
        let ended = self.begun(&["run", a, b, c, "--log", "json"], &Disturb::Nothing).await;
        let what = format!("{done}, undone, then `run {a} {b} {c}`");
        hand.check(&what, verdict).await;
        self.judge(hand, said(&ended), &what, verdict).await;
    }

    /// Sweeps that nothing disturbs: what the site shows is stored, and either the sweep is complete and nothing is missing,
    /// or it names the call that brings the rest, and then it is so.
    async fn sweep(&mut self, hand: &mut Hand, done: &str, number: usize, verdict: &mut Verdict) {
        let (source, _) = SOURCES[number];
        let args = ["sweep", source, "--log", "json"];
        let mut what = format!("{done}, undone, then `sweep {source}`");
        for last in [false, false, false, true] {
            let ended = self.begun(&args, &Disturb::Nothing).await;
            hand.check(&what, verdict).await;
            self.judge(hand, said(&ended), &what, verdict).await;
            let ends = said(&ended);
            let Some(end) = ends.last().filter(|end| end.compares) else {
                // What was cut off goes on first; the sweep is the next one.
                if last || ends.is_empty() {
                    return verdict.add(Wrong::Stuck, format!("{what}: no sweep: {}", told(&ended)));
                }
                continue;
            };
            self.shows(hand, number, &what, verdict).await;
            if end.complete {
                return;
            }
            if last {
                return verdict.add(Wrong::Stuck, format!("{what}: never complete: {}", told(&ended)));
            }
            let replay = format!("jobmarket replay {source}");
            if ended.last("closings_held").is_some() {
                self.begun(&["sweep", source, "--accept", "--log", "json"], &Disturb::Nothing).await;
            } else if ended.said.contains(&replay) {
                self.begun(&["replay", source, "--log", "json"], &Disturb::Nothing).await;
                what = format!("{what}, `replay {source}`, `sweep {source}`");
            } else {
                let cause = &ended.last("run_ended").unwrap()["cause"];
                verdict.add(Wrong::Stuck, format!("{what}: not complete, and no call is named: {cause}"));
            }
        }
    }

    /// What the site shows is stored so.
    async fn shows(&mut self, hand: &mut Hand, number: usize, what: &str, verdict: &mut Verdict) {
        let (source, site) = SOURCES[number];
        let stored = hand.stored(what, verdict).await;
        let journal = Journal::read(&self.project.data);
        let stored = of(&stored, source, verdict);
        self.sites.world(|world| {
            self.sites.ledger(|ledger| {
                let model = &Model::new(source, site, true, &journal, ledger);
                shown(world, &Whole { model, stored: &stored, excused: &hand.touched }, what, verdict);
            });
        });
    }

    /// Runs that say `complete`: the store lacks nothing of their source.
    async fn judge(&mut self, hand: &mut Hand, said: Vec<Said>, what: &str, verdict: &mut Verdict) {
        let complete: Vec<Said> = said.into_iter().filter(|said| said.complete).collect();
        if complete.is_empty() {
            return;
        }
        let all = hand.stored(what, verdict).await;
        let journal = Journal::read(&self.project.data);
        for said in complete {
            if said.compares {
                hand.touched.retain(|(source, _)| *source != said.source);
            }
            let Some((source, site)) = SOURCES.into_iter().find(|(source, _)| *source == said.source) else { continue };
            let stored = of(&all, source, verdict);
            let what = format!("{what}: run {} is complete", said.run);
            self.sites.world(|world| {
                self.sites.ledger(|ledger| {
                    let model = &Model::new(source, site, true, &journal, ledger);
                    whole(world, &Whole { model, stored: &stored, excused: &hand.touched }, &what, verdict);
                });
            });
        }
    }
}

/// Whether a request would have shown what became of the index: all but the last things that a run asks.
fn looks(path: &str) -> bool {
    path.contains("jobmarket-offers") && !path.contains("_refresh")
}

/// Nobody else writes: a run that says so is wrong.
fn untrue(ended: &Ended, what: &str, verdict: &mut Verdict) {
    if ended.said.contains("another process writes") {
        verdict.add(Wrong::Unclear, format!("{what}: nobody else writes: {}", told(ended)));
    }
}

/// What lasts and hinders is told by the run that meets it, which does not end well.
fn met(deed: Deed, ended: &Ended, what: &str, verdict: &mut Verdict) {
    let Some(named) = deed.named else { return };
    if ended.code == Some(0) {
        verdict.add(Wrong::Unclear, format!("{what}: exit code 0"));
    }
    if !ended.said.contains(named) {
        verdict.add(Wrong::Unclear, format!("{what}: `{named}` is not named: {}", told(ended)));
    }
}

/// What a start told a person, without its pages.
fn told(ended: &Ended) -> String {
    let events = ended.events.iter().flat_map(|event| ["why", "message", "cause"].map(|name| event[name].as_str()));
    let lines = ended.said.lines().filter(|line| !line.starts_with('{'));
    events.flatten().chain(lines).collect::<Vec<&str>>().join(" | ")
}
