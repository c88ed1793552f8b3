//! A run that was interrupted goes on where it stood: with the ends of its slices, and without a gap.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod shipped;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jobmarket::definition::Text;
use jobmarket::event::{Event, EventKind, Outcome, SliceEnd};
use jobmarket::plan::Plan;
use jobmarket::run::{Again, Asked, Closes, Engine, Summary, close, replay, run};
use jobmarket::state::Reader;
use sandbox::{Fault, Options, Sandbox, Site};
use tokio::sync::mpsc::UnboundedReceiver;

/// Long enough for any of these runs; one that does not end is told as such.
const LONG: Duration = Duration::from_secs(60);

struct Bench {
    sites: Sandbox,
    dir: tempfile::TempDir,
    texts: Vec<Text>,
    now: DateTime<Utc>,
}

type Change<'c> = (&'c str, &'c str);

impl Bench {
    async fn new(source: &str, changes: &[Change<'_>]) -> Self {
        Bench::of(source, 100, changes).await
    }

    async fn of(source: &str, boards: usize, changes: &[Change<'_>]) -> Self {
        let options = Options { boards, offers: 400, rate: 100_000, ..Options::default() };
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
        self.run_until(source, move |events| ends(events).len() == slices).await
    }

    /// A run that is interrupted when its events say so.
    async fn run_until(
        &self,
        source: &str,
        interrupts: impl Fn(&[Event]) -> bool + Send + 'static,
    ) -> (Summary, Vec<Event>) {
        let (engine, mut heard) = shipped::engine(self.dir.path());
        let stop = engine.stop.clone();
        let listening = tokio::spawn(async move {
            let mut events = Vec::new();
            while let Some(event) = heard.recv().await {
                events.push(event);
                if interrupts(&events) {
                    stop.store(true, Ordering::Relaxed);
                }
            }
            events
        });
        let run = tokio::time::timeout(LONG, run(self.plan(source), engine, self.now, Asked::Due));
        let summary = run.await.expect("the run does not end").unwrap();
        assert!(summary.counts.add_up(), "{:?}", summary.counts);
        (summary, listening.await.unwrap())
    }

    fn plan(&self, source: &str) -> Arc<Plan> {
        Arc::new(shipped::plan(&self.texts, &self.sites, source))
    }

    /// The engine after Ctrl-C.
    fn interrupted(&self) -> (Arc<Engine>, UnboundedReceiver<Event>) {
        let (engine, heard) = shipped::engine(self.dir.path());
        engine.stop.store(true, Ordering::Relaxed);
        (engine, heard)
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

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_does_not_wait_for_a_pause_of_its_site() {
    let waits = |events: &[Event]| events.iter().any(|event| matches!(event.kind, EventKind::Retried { .. }));
    let bench = Bench::new("francetravail", &[]).await;
    bench.sites.fault_after(Site::FranceTravail, 1, Fault::Wait(429, 600), 1);
    let (summary, _) = bench.run_until("francetravail", waits).await;
    assert_eq!((summary.outcome, summary.cause.as_deref()), (Outcome::Stopped, Some("interrupted")));
    // The same while the values of a partition are asked for.
    let call = "{call: {request: {get: https://api.smartrecruiters.com/v1/companies}, records: \"$.content[*]\", value: $.identifier}}";
    let bench = Bench::new("smartrecruiters", &[("company: ${param.companies}", &format!("company: {call}"))]).await;
    bench.sites.fault(Site::SmartRecruiters, Fault::Wait(429, 10), 1);
    let (summary, _) = bench.run_until("smartrecruiters", waits).await;
    assert_eq!((summary.outcome, summary.cause.as_deref()), (Outcome::Stopped, Some("interrupted")));
    // The pause holds for the next run too.
    let (summary, _) = bench.run("smartrecruiters", usize::MAX).await;
    assert_eq!((summary.outcome, summary.counts.new), (Outcome::Complete, 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_replay_and_an_interrupted_close_do_no_more() {
    let bench = Bench::new("remotive", &[]).await;
    bench.run("remotive", usize::MAX).await;
    let (engine, _heard) = bench.interrupted();
    let again = replay(bench.plan("remotive"), engine, Again::Everything).await.unwrap();
    assert_eq!((again.outcome, again.cause.as_deref()), (Outcome::Stopped, Some("interrupted")));
    assert_eq!(again.counts.fetched, 0);
    let (engine, _heard) = bench.interrupted();
    let closed = close(bench.plan("remotive"), engine, bench.now, Closes::Everything).await.unwrap();
    assert_eq!((closed.outcome, closed.counts.closed), (Outcome::Stopped, 0));
    assert_eq!(bench.open("remotive"), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_interrupted_while_it_closes_goes_on_closing() {
    let mut bench = Bench::of("remotive", 4_000, &[("at_most: 20%", "at_most: 100%")]).await;
    bench.run("remotive", usize::MAX).await;
    bench.sites.world(|world| world.show(Site::Remotive, 3_900, false));
    bench.now += TimeDelta::days(1);
    bench.run("remotive", usize::MAX).await;
    bench.now += TimeDelta::days(1);
    let closes = |events: &[Event]| matches!(events.last().unwrap().kind, EventKind::OffersClosed { .. });
    let (first, _) = bench.run_until("remotive", closes).await;
    assert_eq!((first.outcome, first.cause.as_deref()), (Outcome::Stopped, Some("interrupted")));
    assert!((1..3_900).contains(&first.counts.closed), "{:?}", first.counts);
    let (second, _) = bench.run("remotive", usize::MAX).await;
    assert_eq!((second.run, second.outcome, second.counts.closed), (first.run, Outcome::Complete, 3_900));
}
