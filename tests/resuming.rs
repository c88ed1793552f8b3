//! A run that was interrupted goes on where it stood: with the ends of its slices, and without a gap.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod shipped;

use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use jobmarket::definition::Text;
use jobmarket::event::{Event, EventKind, Outcome, SliceEnd};
use jobmarket::run::{Asked, Summary, run};
use jobmarket::state::Reader;
use sandbox::{Fault, Options, Sandbox, Site};

struct Bench {
    sites: Sandbox,
    dir: tempfile::TempDir,
    texts: Vec<Text>,
    now: DateTime<Utc>,
}

type Change<'c> = (&'c str, &'c str);

impl Bench {
    async fn new(source: &str, changes: &[Change<'_>]) -> Self {
        let options = Options { boards: 100, offers: 400, rate: 100_000, ..Options::default() };
        let now = options.now;
        let mut texts = shipped::texts(&format!("pipelines:\n  - {{name: p, sources: [{source}], sinks: [store]}}\n"));
        let path = format!("sources/{source}.yaml");
        let text = texts.iter_mut().find(|text| text.path == path).unwrap();
        for (from, to) in changes {
            assert!(text.text.contains(from), "{from}");
            text.text = text.text.replace(from, to);
        }
        Bench { sites: Sandbox::start(options).await.unwrap(), dir: tempfile::tempdir().unwrap(), texts, now }
    }

    /// A run that is interrupted when so many slices have ended, if ever.
    async fn run(&self, source: &str, slices: usize) -> (Summary, Vec<Event>) {
        let (engine, mut heard) = shipped::engine(self.dir.path());
        let plan = shipped::plan(&self.texts, &self.sites, source);
        let stop = engine.stop.clone();
        let listening = tokio::spawn(async move {
            let mut events = Vec::new();
            while let Some(event) = heard.recv().await {
                events.push(event);
                if ends(&events).len() == slices {
                    stop.store(true, Ordering::Relaxed);
                }
            }
            events
        });
        let summary = run(plan.into(), engine, self.now, Asked::Due).await.unwrap();
        assert!(summary.counts.add_up(), "{:?}", summary.counts);
        (summary, listening.await.unwrap())
    }

    fn stored(&self) -> i64 {
        Reader::open(self.dir.path()).unwrap().unwrap().store().unwrap().1
    }

    fn open(&self, source: &str) -> usize {
        let mut open = 0;
        let reader = Reader::open(self.dir.path()).unwrap().unwrap();
        reader.each(source, &mut |document| open += usize::from(document["closed_at"].is_null())).unwrap();
        open
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

const DAYS: [Change<'_>; 3] =
    [("first: 365d", "first: 30d\n  step: 1d"), ("lookback: 2d", "lookback: 6h"), ("parallel: 4", "parallel: 1")];

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_goes_on_remembers_the_slices_that_failed() {
    let bench = Bench::new("francetravail", &DAYS).await;
    // The token, three pages of three days, then one that is refused.
    bench.sites.fault_after(Site::FranceTravail, 4, Fault::Status(403), 1);
    let (first, events) = bench.run("francetravail", 6).await;
    assert_eq!((first.outcome, first.cause.as_deref()), (Outcome::Stopped, Some("interrupted")));
    let failed = |end: &SliceEnd| matches!(end, SliceEnd::Failed(_));
    assert_eq!(ends(&events).iter().filter(|end| failed(end)).count(), 1, "{:?}", ends(&events));
    let (second, events) = bench.run("francetravail", usize::MAX).await;
    assert!(!ends(&events).iter().any(failed), "what is left is read without a fault");
    assert_eq!((second.run, second.outcome), (first.run, Outcome::Partial), "{:?}", second.cause);
    assert!(second.cause.unwrap().contains("403"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_goes_on_remembers_the_partitions_that_are_gone() {
    // Companies without postings come behind: the run is interrupted among them.
    let others: Vec<String> = (0..100).map(|number| format!("None{number}")).collect();
    let companies = format!("[Ubisoft2, Accor2, {}]", others.join(", "));
    let companies = ("[Ubisoft2]", companies.as_str());
    let gone = ("pages:", "responses: {410: gone}\npages:");
    let bench = Bench::new("smartrecruiters", &[companies, gone, ("parallel: 8", "parallel: 1")]).await;
    bench.run("smartrecruiters", usize::MAX).await;
    let all = bench.open("smartrecruiters");
    bench.sites.fault(Site::SmartRecruiters, Fault::Status(410), 1);
    let (first, events) = bench.run("smartrecruiters", 1).await;
    assert_eq!((first.outcome, &ends(&events)[0]), (Outcome::Stopped, &SliceEnd::Complete("gone".into())));
    let (second, _) = bench.run("smartrecruiters", usize::MAX).await;
    assert_eq!((second.run, second.outcome), (first.run, Outcome::Complete));
    let closed = second.counts.closed as usize;
    assert!(closed > 20, "{:?}", second.counts);
    assert_eq!(bench.open("smartrecruiters"), all - closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_goes_on_leaves_no_gap_between_its_windows() {
    let ordinary = [("sweep: {every: 1d}", ""), ("expire: {not_seen: 2 sweeps, at_most: 20%}", "")];
    let bench = Bench::new("francetravail", &[&DAYS[..], &ordinary].concat()).await;
    for slices in [8, 20] {
        let (stopped, _) = bench.run("francetravail", slices).await;
        assert_eq!(stopped.outcome, Outcome::Stopped, "{:?}", stopped.cause);
    }
    let (last, _) = bench.run("francetravail", usize::MAX).await;
    assert_eq!((last.outcome, bench.stored()), (Outcome::Complete, 400), "{:?}", last.cause);
}
