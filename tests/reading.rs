//! How a slice ends: by what is known, by a count that holds, by a second reading.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod shipped;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jobmarket::definition::Text;
use jobmarket::event::{Event, EventKind, Outcome, SliceEnd};
use jobmarket::run::{Asked, Summary, run};
use jobmarket::state::Reader;
use sandbox::{Fault, Options, Sandbox, Site};
use tokio::sync::Semaphore;

struct Bench {
    sites: Sandbox,
    dir: tempfile::TempDir,
    texts: Vec<Text>,
    now: DateTime<Utc>,
    /// How much later than the last a run is.
    step: TimeDelta,
}

impl Bench {
    async fn new(offers: usize, changes: &[(&str, &str, &str)]) -> Self {
        let options = Options { boards: 600, offers, partners: 0, rate: 100_000, ..Options::default() };
        let now = options.now;
        let mut texts =
            shipped::texts("pipelines:\n  - {name: p, sources: [francetravail, smartrecruiters], sinks: [store]}\n");
        for (source, from, to) in changes {
            let path = format!("sources/{source}.yaml");
            let text = texts.iter_mut().find(|text| text.path == path).unwrap();
            assert!(text.text.contains(from), "{from}");
            text.text = text.text.replace(from, to);
        }
        let (dir, step) = (tempfile::tempdir().unwrap(), TimeDelta::hours(1));
        Bench { sites: Sandbox::start(options).await.unwrap(), dir, texts, now, step }
    }

    /// The next run.
    async fn run(&mut self, source: &str) -> (Summary, Vec<Event>) {
        self.now += self.step;
        let (engine, mut heard) = shipped::engine(self.dir.path());
        let plan = shipped::plan(&self.texts, &self.sites, source);
        let summary = run(plan.into(), engine, self.now, Asked::Due).await.unwrap();
        assert!(summary.counts.add_up(), "{:?}", summary.counts);
        (summary, std::iter::from_fn(|| heard.try_recv().ok()).collect())
    }

    fn stored(&self) -> i64 {
        Reader::open(self.dir.path()).unwrap().unwrap().store().unwrap().1
    }
}

/// How slices ended, in the order in which they did.
fn ends(events: &[Event]) -> Vec<SliceEnd> {
    let ends = events.iter().filter_map(|event| match &event.kind {
        EventKind::SliceEnded { end, .. } => Some(end.clone()),
        _ => None,
    });
    ends.collect()
}

fn pages(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event.kind, EventKind::PageCommitted { .. })).count()
}

const KNOWN: [(&str, &str, &str); 3] = [
    ("smartrecruiters", "expire:", "sweep: {every: 1d}\nexpire:"),
    ("smartrecruiters", "total: $.totalFound", "total: $.totalFound, stop: known"),
    ("smartrecruiters", "parallel: 8", "parallel: 2"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_slice_that_ends_by_what_is_known_is_complete() {
    let mut bench = Bench::new(0, &KNOWN).await;
    let (first, events) = bench.run("smartrecruiters").await;
    assert_eq!((first.outcome, pages(&events)), (Outcome::Complete, 4), "the first run reads all: {:?}", first.counts);
    for _ in 0..2 {
        let (next, events) = bench.run("smartrecruiters").await;
        assert_eq!((next.outcome, next.cause), (Outcome::Complete, None));
        assert_eq!((next.counts.unchanged, pages(&events)), (100, 1), "one page of known keys is enough");
        assert_eq!(ends(&events), [SliceEnd::Complete("all known".into())]);
    }
}

/// A source of one partition and one window, read page after page.
const ONE: [(&str, &str, &str); 2] =
    [("francetravail", "for: {origin: [1, 2]}", "for: {origin: [1]}"), ("francetravail", "parallel: 4", "parallel: 1")];

#[tokio::test(flavor = "multi_thread")]
async fn a_slice_whose_totals_differ_is_read_once_more() {
    let mut bench = Bench::new(400, &ONE).await;
    // Page 1 says 300: they come, and 100 are left.
    bench.sites.fault_after(Site::FranceTravail, 1, Fault::LyingTotal(-100), 1);
    let (summary, events) = bench.run("francetravail").await;
    assert_eq!(ends(&events), [SliceEnd::Complete("total reached".into())]);
    assert_eq!((summary.outcome, summary.counts.new, bench.stored()), (Outcome::Complete, 400, 400));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_is_split_in_its_second_reading_counts_as_swept() {
    let split = ("francetravail", "above: 3150, until: 1m", "above: 350, until: 1m");
    let mut bench = Bench::new(400, &[&ONE[..], &[split]].concat()).await;
    bench.step = TimeDelta::days(1);
    bench.run("francetravail").await;
    bench.sites.world(|world| world.show(Site::FranceTravail, 30, false));
    // Page 1 says 300, which is not above the cap; page 2 and the second reading are told the truth.
    bench.sites.fault_after(Site::FranceTravail, 1, Fault::LyingTotal(-70), 1);
    let (second, events) = bench.run("francetravail").await;
    assert!(ends(&events).contains(&SliceEnd::Split) && pages(&events) > 5, "{:?}", ends(&events));
    assert_eq!((second.outcome, second.counts.closed), (Outcome::Complete, 0), "{:?}", second.cause);
    let (third, _) = bench.run("francetravail").await;
    assert_eq!((third.outcome, third.counts.closed), (Outcome::Complete, 30), "both sweeps were whole");
}

/// Long enough for any of these runs; a run that hangs is told as such.
const LONG: Duration = Duration::from_secs(60);

/// Room for one page, packed and unpacked, and not for two.
const SHARE: usize = 400 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_are_read_ahead_never_keep_the_first_one_waiting() {
    let bench = Bench::new(3_000, &[]).await;
    let (mut engine, _heard) = shipped::engine(bench.dir.path());
    // One page has its share of the memory for bodies, two have none.
    Arc::get_mut(&mut engine).unwrap().bytes = Arc::new(Semaphore::new(SHARE));
    let plan = shipped::plan(&bench.texts, &bench.sites, "francetravail");
    let run = tokio::time::timeout(LONG, run(plan.into(), engine.clone(), bench.now, Asked::Due));
    let summary = run.await.expect("the run hangs").unwrap();
    assert_eq!((summary.outcome, bench.stored()), (Outcome::Complete, 3_000), "{:?}", summary.cause);
    assert_eq!(engine.bytes.available_permits(), SHARE, "every page gave its share back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_leaves_no_page_behind() {
    let bench = Bench::new(100, &[]).await;
    // The token comes, then one of two pages takes ten minutes, and the other one cannot be archived.
    bench.sites.fault_after(Site::FranceTravail, 1, Fault::Slow(600_000), 1);
    std::fs::write(bench.dir.path().join("raw"), "no folder").unwrap();
    let (engine, mut heard) = shipped::engine(bench.dir.path());
    let plan = shipped::plan(&bench.texts, &bench.sites, "francetravail");
    let failed = run(plan.into(), engine, bench.now, Asked::Due).await;
    assert!(failed.is_err(), "{failed:?}");
    let told = tokio::time::timeout(LONG / 2, async { while heard.recv().await.is_some() {} }).await;
    assert!(told.is_ok(), "a page of the run is still on its way");
}
