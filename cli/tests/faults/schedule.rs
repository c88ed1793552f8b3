//! One schedule: a world, a data directory, cycles of change and fault drawn from a seed, a quiet end, and the judge.
use std::collections::BTreeMap;
use std::time::Duration;

use sandbox::{Sandbox, Site};

use crate::clock::Jump;
use crate::drive::{Disturb, Ended, KILLED, drive};
use crate::journal::Journal;
use crate::judge::{Case, judge};
use crate::outside::Outside;
use crate::project::{Project, SOURCES, options};
use crate::shown::{self, Shown};
use crate::stored::stored;
use crate::tally::{REPLAYED, STILL, Tally};
use crate::verdict::{Verdict, Wrong};
use crate::{secrets, site, workload};

/// Kills of one schedule.
pub const KILLS: u64 = 25;

/// A schedule on its way.
pub struct Schedule<'s> {
    pub seed: u64,
    pub random: fastrand::Rng,
    pub sites: Sandbox,
    pub project: Project,
    /// The server that is the store, behind its proxy; `None` for the embedded store.
    pub outside: Option<&'s mut Outside>,
    pub tally: &'s mut Tally,
    /// What starts on the data directory printed.
    said: Vec<String>,
    /// What other processes printed.
    others: Vec<String>,
    /// Faults of the sites that the tally knows of.
    told: BTreeMap<String, u64>,
    /// What runs were shown that nothing changed meanwhile.
    shown: Vec<Shown>,
    /// Milliseconds that a start of each source takes when nothing disturbs it.
    took: [u64; SOURCES.len()],
}

impl<'s> Schedule<'s> {
    pub async fn new(seed: u64, mut outside: Option<&'s mut Outside>, tally: &'s mut Tally) -> Self {
        let sites = Sandbox::start(options(seed)).await.unwrap();
        let store = match &mut outside {
            Some(outside) => outside.fresh().await,
            None => "local".into(),
        };
        let project = Project::new(&sites, &store);
        let random = fastrand::Rng::with_seed(seed);
        Schedule {
            seed,
            random,
            sites,
            project,
            outside,
            tally,
            said: Vec::new(),
            others: Vec::new(),
            told: BTreeMap::new(),
            shown: Vec::new(),
            took: [600; SOURCES.len()],
        }
    }

    /// Cycles until so many starts were killed and, in the last schedule, everything was met; then the judge.
    pub async fn run(mut self, kills: u64, last: bool) -> Verdict {
        let (before, mut cycles) = (self.tally.kills, 0);
        while self.tally.kills - before < kills || last && !self.tally.missing().is_empty() {
            cycles += 1;
            assert!(cycles < 12 * kills + 200, "seed {}: not met: {:?}", self.seed, self.tally.missing());
            // When enough starts were killed, what is missing comes first.
            let missing = self.tally.missing().into_iter().map(str::to_owned).collect();
            self.cycle(if self.tally.kills - before < kills { Vec::new() } else { missing }).await;
        }
        self.close().await
    }

    /// Takes in what a start on the data directory printed.
    pub fn hear(&mut self, said: String) {
        self.said.push(said);
    }

    /// Takes in what another process printed: secrets are looked for in it.
    pub fn overhear(&mut self, said: String) {
        self.others.push(said);
    }

    /// One start, disturbed; of what is missing where something is.
    async fn cycle(&mut self, missing: Vec<String>) {
        let wanted = |name: &str| missing.is_empty() || missing.iter().any(|missing| missing == name);
        workload::change(&self.sites, &mut self.random);
        let number = self.number(&missing);
        let (source, of) = SOURCES[number];
        self.tally.cycles += 1;
        self.sites.calm();
        self.sites.ledger(sandbox::Ledger::new_client);
        let faults = if missing.is_empty() { self.random.u32(0..3) } else { 3 };
        let draw = |_| self.tally.sites.draw(&mut self.random, |name| site::can(of, name) && wanted(name));
        let mut names: Vec<String> = (0..faults).filter_map(draw).collect();
        // A start asks for its token first.
        names.sort_by_key(|name| !site::is_of_token(name));
        for name in names {
            site::order(&self.sites, of, &name, &mut self.random);
        }
        if let Some(outside) = &mut self.outside {
            outside.disturb(&mut self.random, self.tally, &wanted).await;
        }
        let disturb = self.disturb(number, &wanted);
        let args: &[&str] = match (&disturb, self.random.u32(0..12)) {
            (Disturb::Crash(..), 0..11) | (_, 0..6) => &["sweep", source, "--log", "json"],
            (_, 6..11) => &["run", source, "--log", "json"],
            _ => &["replay", source, "--log", "json"],
        };
        let replays = !missing.is_empty() && wanted(REPLAYED);
        let args = if replays { &["replay", source, "--log", "json"] } else { args };
        let keys = shown::keys(&self.sites, of);
        let (ended, shaken) = self.start(args, &disturb).await;
        self.met(&disturb, &ended);
        let met = self.tally.site(&self.sites, &mut self.told);
        if !shaken && !matches!(disturb, Disturb::Clock(_)) {
            let unseen = met.iter().any(|name| site::UNSEEN.contains(&name.as_str()));
            let shown = Shown::new(&ended, of, keys, !unseen);
            self.tally.seen.meet(STILL, u64::from(shown.is_some()));
            self.shown.extend(shown);
        }
        if let Some(outside) = &mut self.outside {
            outside.calm(self.tally).await;
        }
    }

    /// The source of a cycle: one whose site can have a fault that is missing, where some are.
    fn number(&mut self, missing: &[String]) -> usize {
        let faults: Vec<String> = site::names().into_iter().filter(|name| missing.contains(name)).collect();
        let can = |number: &usize| faults.iter().any(|name| site::can(SOURCES[*number].1, name));
        let open: Vec<usize> = (0..SOURCES.len()).filter(|number| faults.is_empty() || can(number)).collect();
        open[self.random.usize(..open.len())]
    }

    /// Starts the binary; in half of the cycles the sites change while it reads. How it ended, and whether they
    /// did.
    async fn start(&mut self, args: &[&str], disturb: &Disturb) -> (Ended, bool) {
        let mut random = self.random.fork();
        let shakes = random.bool().then(|| Duration::from_millis(random.u64(50..500)));
        let (sites, began) = (&self.sites, std::time::Instant::now());
        let shake = async {
            let after = shakes?;
            tokio::time::sleep(after).await;
            workload::shake(sites, &mut random);
            Some(after)
        };
        let start = async { (drive(&self.project, args, disturb).await, began.elapsed()) };
        let ((ended, took), shaken) = tokio::join!(start, shake);
        if !ended.met
            && args[0] != "replay"
            && let Some(number) = SOURCES.iter().position(|(source, _)| *source == args[1])
        {
            self.took[number] = (self.took[number] + began.elapsed().as_millis() as u64) / 2;
        }
        self.said.push(ended.said.clone());
        (ended, shaken.is_some_and(|after| after <= took))
    }

    fn disturb(&mut self, number: usize, wanted: &dyn Fn(&str) -> bool) -> Disturb {
        let (random, took) = (&mut self.random, self.took[number].clamp(200, 3_000));
        let moment = |random: &mut fastrand::Rng| Duration::from_millis(random.u64(30..took * 5 / 4));
        let kinds = ["SIGKILL", "SIGINT", "SIGTERM", "SIGSTOP", "clock"].into_iter().filter(|kind| wanted(kind));
        let kinds: Vec<&str> = kinds.collect();
        let point = self.tally.points.draw(random, wanted);
        let kind = match random.u32(0..20) {
            0..9 if wanted("SIGKILL") => "SIGKILL",
            0..16 if point.is_some() => "point",
            0..19 if !kinds.is_empty() => kinds[random.usize(..kinds.len())],
            _ => "",
        };
        match kind {
            "point" => {
                let point = self.tally.point(&point.unwrap_or_default());
                Disturb::Crash(point, if random.bool() { 1 } else { random.u32(1..5) })
            }
            "SIGKILL" => Disturb::Signal("KILL", moment(random)),
            "SIGINT" => Disturb::Signal("INT", moment(random)),
            "SIGTERM" => Disturb::Signal("TERM", moment(random)),
            "SIGSTOP" => Disturb::Hold(moment(random), Duration::from_millis(random.u64(100..1_200))),
            "clock" => {
                let from = random.u32(0..60);
                let seconds = if random.bool() { 3_600 } else { -3_600 };
                Disturb::Clock(Jump { seconds, from, until: from + random.u32(20..400) })
            }
            _ => Disturb::Nothing,
        }
    }

    fn met(&mut self, disturb: &Disturb, ended: &Ended) {
        let killed = ended.signal.is_some_and(|signal| KILLED.contains(&signal));
        let name = match disturb {
            Disturb::Signal("KILL", _) if killed => "SIGKILL",
            Disturb::Signal("INT", _) if ended.met => "SIGINT",
            Disturb::Signal("TERM", _) if ended.met => "SIGTERM",
            Disturb::Hold(..) if ended.met => "SIGSTOP",
            Disturb::Clock(_) => "clock",
            Disturb::Crash(point, _) if killed => {
                self.tally.points.meet(point, 1);
                "end at a named point"
            }
            _ => "nothing",
        };
        self.tally.kills += u64::from(ended.met && killed);
        self.tally.process.meet(name, 1);
        if let Some(started) = ended.last("run_started") {
            self.tally.seen.meet("resumed run", u64::from(started["resumed"] == true));
            self.tally.seen.meet(REPLAYED, u64::from(started["kind"] == "replay"));
        }
        if !killed && ended.signal.is_none() && ended.code.is_none_or(|code| ![0, 1, 130].contains(&code)) {
            panic!("seed {}: {disturb:?} ended with {:?}: {}", self.seed, ended.code, ended.said);
        }
    }

    /// Quiet sweeps until what is gone is closed, then everything is compared.
    pub async fn close(mut self) -> Verdict {
        workload::settle(&self.sites);
        if let Some(outside) = &mut self.outside {
            outside.calm(self.tally).await;
        }
        let mut verdict = Verdict::default();
        let calm = std::time::Instant::now();
        for (source, site) in SOURCES {
            if let Some(outside) = &self.outside {
                let lost = outside.lose(source, site, &self.sites).await;
                self.tally.seen.meet("document lost by the server", lost);
            }
            self.sweeps(source, site, &mut verdict).await;
        }
        self.tally.calm = self.tally.calm.max(calm.elapsed());
        self.compare(verdict).await
    }

    /// Compares everything that was written with what the sites served.
    pub async fn compare(mut self, mut verdict: Verdict) -> Verdict {
        let journal = Journal::read(&self.project.data);
        for run in &journal.runs {
            self.tally.seen.meet(REPLAYED, run.counts.superseded);
            self.tally.seen.meet("unchanged record", run.counts.unchanged);
            self.tally.seen.meet("duplicate record", run.counts.duplicate);
            self.tally.seen.meet("rejected record", run.counts.rejected);
            self.tally.seen.meet("closed offer", run.counts.closed);
        }
        let stored = stored(&self.project).await;
        let refuses = self.outside.is_some();
        verdict.merge(judge(&Case {
            sites: &self.sites,
            journal: &journal,
            stored: &stored,
            shown: &self.shown,
            refuses,
        }));
        self.told(&journal, &mut verdict).await;
        let tokens = self.sites.ledger(|ledger| ledger.tokens.clone());
        self.said.append(&mut self.others);
        secrets::look(&self.project.data, &self.said, &tokens, &mut verdict);
        if verdict.count() > 0 {
            let kept = self.project.dir.keep();
            eprintln!("seed {}: {verdict}\n  the project is kept in {}", self.seed, kept.display());
        }
        verdict
    }

    async fn sweeps(&mut self, source: &str, site: Site, verdict: &mut Verdict) {
        let mut complete = 0;
        for _ in 0..6 {
            self.sites.ledger(sandbox::Ledger::new_client);
            let ended = drive(&self.project, &["sweep", source, "--log", "json"], &Disturb::Nothing).await;
            self.said.push(ended.said.clone());
            self.shown.extend(Shown::new(&ended, site, shown::keys(&self.sites, site), true));
            let is_complete = ended.last("run_ended").is_some_and(|event| event["outcome"] == "complete");
            let resumed = ended.last("run_started").is_some_and(|event| event["resumed"] == true);
            complete += u32::from(is_complete && !resumed);
            let held = ended.last("closings_held").is_some();
            self.tally.seen.meet("closings held", u64::from(held));
            if complete >= 2 && held {
                let args = ["sweep", source, "--accept", "--log", "json"];
                let accepted = drive(&self.project, &args, &Disturb::Nothing).await;
                assert_eq!(accepted.code, Some(0), "seed {}: {}", self.seed, accepted.said);
            }
            if complete >= 3 {
                return;
            }
        }
        verdict.add(Wrong::Lifecycle, format!("{site:?}: no three complete sweeps: {}", self.said.last().unwrap()));
    }

    /// What the program itself says: its last events, `status`, and `verify`.
    async fn told(&mut self, journal: &Journal, verdict: &mut Verdict) {
        for said in &self.said {
            let events = said.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
            let ends: Vec<serde_json::Value> = events.filter(|event| event["event"] == "run_ended").collect();
            for end in ends {
                // A run that goes on ends again, with more.
                let run = journal.runs.iter().find(|run| Some(run.run) == end["run"].as_i64());
                let goes_on = end["outcome"] == "stopped";
                if let Some(run) = run.filter(|_| !goes_on) {
                    let told = serde_json::from_value(end["counts"].clone()).ok();
                    verdict.same(Wrong::Ledger, format!("run {} and its last event", run.run), Some(run.counts), told);
                }
            }
        }
        let status = drive(&self.project, &["status", "--json"], &Disturb::Nothing).await;
        for row in &status.events {
            let Some(run) = journal.runs.iter().rev().find(|run| row["source"] == run.source.as_str()) else {
                continue;
            };
            let told = serde_json::from_value(row["last"]["counts"].clone()).ok();
            verdict.same(Wrong::Ledger, format!("run {} and `status`", run.run), Some(run.counts), told);
        }
        let verify = drive(&self.project, &["verify"], &Disturb::Nothing).await;
        if verify.code != Some(0) {
            verdict.add(Wrong::Verify, verify.said);
        }
    }
}
