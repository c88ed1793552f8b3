//! Offers that are gone are closed softly, for a reason, and come back when they return; what is doubtful closes nothing.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod shipped;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use jobmarket::definition::Text;
use jobmarket::event::{Event, EventKind, HeldBack, Outcome, RunKind};
use jobmarket::plan::Plan;
use jobmarket::run::{Again, Asked, Closes, Engine, Summary, close, replay, run};
use jobmarket::state::Reader;
use jobmarket::store::{AnyStore, Purpose};
use jobmarket::verify;
use sandbox::{Fault, Options, Sandbox, Site};
use tokio::sync::mpsc::UnboundedReceiver;

struct Bench {
    sites: Sandbox,
    dir: tempfile::TempDir,
    texts: Vec<Text>,
    now: DateTime<Utc>,
}

impl Bench {
    async fn new() -> Self {
        let options = Options { boards: 250, offers: 400, rate: 100_000, ..Options::default() };
        let now = options.now;
        let texts = shipped::texts(
            "pipelines:\n  - {name: p, sources: [remotive, francetravail, smartrecruiters, arbeitnow], sinks: [store, {files: {dir: log}}]}\n",
        );
        Bench { sites: Sandbox::start(options).await.unwrap(), dir: tempfile::tempdir().unwrap(), texts, now }
    }

    fn text(&mut self, source: &str, from: &str, to: &str) {
        let path = format!("sources/{source}.yaml");
        let text = self.texts.iter_mut().find(|text| text.path == path).unwrap();
        assert!(text.text.contains(from), "{from}");
        text.text = text.text.replace(from, to);
    }

    fn plan(&self, source: &str) -> Arc<Plan> {
        let mut plan = shipped::plan(&self.texts, &self.sites, source);
        plan.call.limits.wait = std::time::Duration::from_millis(1);
        Arc::new(plan)
    }

    fn engine(&self) -> (Arc<Engine>, UnboundedReceiver<Event>) {
        shipped::engine(self.dir.path())
    }

    /// A run a day later than the last.
    async fn run(&mut self, source: &str) -> (Summary, Vec<Event>) {
        self.now += TimeDelta::days(1);
        let (engine, mut heard) = self.engine();
        let summary = run(self.plan(source), engine, self.now, Asked::Due).await.unwrap();
        assert!(summary.counts.add_up(), "{:?}", summary.counts);
        (summary, std::iter::from_fn(|| heard.try_recv().ok()).collect())
    }

    fn show(&self, site: Site, count: usize, present: bool) {
        self.sites.world(|world| world.show(site, count, present));
    }

    /// Stored offers by the reason that they are closed for; open ones under "open".
    fn stored(&self, source: &str) -> BTreeMap<String, usize> {
        let reader = Reader::open(self.dir.path()).unwrap().unwrap();
        let mut counted = BTreeMap::new();
        reader
            .each(source, &mut |document| {
                let reason = document["closed_reason"].as_str().unwrap_or("open").to_owned();
                assert_eq!(document["closed_at"].is_null(), reason == "open");
                *counted.entry(reason).or_default() += 1;
            })
            .unwrap();
        counted
    }

    fn logged(&self, source: &str) -> usize {
        let files = std::fs::read_dir(self.dir.path().join("log").join(source)).unwrap();
        let texts = files.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
        texts.map(|text| text.lines().filter(|line| line.contains("closed_reason")).count()).sum()
    }
}

fn counted(pairs: &[(&str, usize)]) -> BTreeMap<String, usize> {
    pairs.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_that_two_sweeps_miss_are_closed_and_open_again_when_they_return() {
    let mut bench = Bench::new().await;
    bench.run("remotive").await;
    bench.show(Site::Remotive, 30, false);
    let (second, _) = bench.run("remotive").await;
    assert_eq!(
        (second.counts.closed, bench.stored("remotive")),
        (0, counted(&[("open", 250)])),
        "one sweep is not two"
    );
    let (third, events) = bench.run("remotive").await;
    assert_eq!((third.counts.closed, third.outcome), (30, Outcome::Complete));
    assert!(events.iter().any(|event| matches!(event.kind, EventKind::OffersClosed { count: 30, .. })));
    assert_eq!(bench.stored("remotive"), counted(&[("not_seen", 30), ("open", 220)]));
    assert_eq!(bench.logged("remotive"), 30, "the change log has a line for each");
    bench.show(Site::Remotive, 10, true);
    let (fourth, _) = bench.run("remotive").await;
    assert_eq!((fourth.counts.indexed, fourth.counts.new, fourth.counts.closed), (10, 0, 0), "{:?}", fourth.counts);
    assert_eq!(bench.stored("remotive"), counted(&[("not_seen", 20), ("open", 230)]));
    // A mended mapping changes what is stored, and not that it is closed.
    bench.text("remotive", "title: $.title", "title: $.title | upper");
    let (engine, _heard) = bench.engine();
    let again = replay(bench.plan("remotive"), engine, Again::Everything).await.unwrap();
    assert_eq!((again.counts.indexed, again.counts.closed), (250, 0));
    assert_eq!(bench.stored("remotive"), counted(&[("not_seen", 20), ("open", 230)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_are_swept_once_a_day_and_old_offers_are_looked_for() {
    let mut bench = Bench::new().await;
    for _ in 0..2 {
        let (summary, events) = bench.run("francetravail").await;
        assert_eq!(summary.outcome, Outcome::Complete, "{:?}", summary.cause);
        assert!(matches!(events[0].kind, EventKind::RunStarted { kind: RunKind::Sweep, .. }));
    }
    bench.show(Site::FranceTravail, 40, false);
    bench.run("francetravail").await;
    let (last, _) = bench.run("francetravail").await;
    assert_eq!((last.counts.closed, bench.stored("francetravail")), (40, counted(&[("not_seen", 40), ("open", 360)])));
    // Within the day only what is new is read: that closes nothing.
    bench.show(Site::FranceTravail, 60, false);
    bench.now -= TimeDelta::hours(23);
    let (soon, events) = bench.run("francetravail").await;
    assert!(matches!(events[0].kind, EventKind::RunStarted { kind: RunKind::Ordinary, .. }));
    assert_eq!(soon.counts.closed, 0);
    // A year later the old windows lie before `first`: they are looked for all the same.
    bench.now += TimeDelta::days(500);
    bench.run("francetravail").await;
    let (late, _) = bench.run("francetravail").await;
    assert_eq!(late.counts.closed, 20, "{:?}", bench.stored("francetravail"));
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_closings_are_held_until_they_are_accepted() {
    let mut bench = Bench::new().await;
    bench.run("remotive").await;
    bench.show(Site::Remotive, 100, false);
    bench.run("remotive").await;
    let (held, events) = bench.run("remotive").await;
    assert_eq!(held.counts.closed, 0);
    let held = HeldBack { offers: 100, open: 250, most: 50, partitions: Vec::new() };
    assert!(events.iter().any(|event| event.kind == EventKind::ClosingsHeld(held.clone())));
    let (engine, _heard) = bench.engine();
    let accepted = close(bench.plan("remotive"), engine, bench.now, Closes::Held).await.unwrap();
    assert_eq!((accepted.counts.closed, bench.stored("remotive")), (100, counted(&[("not_seen", 100), ("open", 150)])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_that_is_not_whole_closes_nothing() {
    let mut bench = Bench::new().await;
    bench.run("remotive").await;
    bench.show(Site::Remotive, 30, false);
    for fault in [Fault::BrokenJson, Fault::HtmlWall, Fault::Status(403)] {
        // A body that is cut is asked again, as often as the source allows.
        bench.sites.fault(Site::Remotive, fault, 9);
        let (broken, _) = bench.run("remotive").await;
        assert_ne!(broken.outcome, Outcome::Complete, "{fault:?}");
        assert_eq!(broken.counts.closed, 0, "{fault:?}");
    }
    bench.sites.fault(Site::Remotive, Fault::Status(403), 0);
    assert_eq!(bench.stored("remotive"), counted(&[("open", 250)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_filter_keeps_aside_is_closed_and_what_its_site_ended_too() {
    let mut bench = Bench::new().await;
    bench.run("remotive").await;
    bench.text("remotive", "key: $.id", "only: $.job_type\nkey: $.id");
    let (filtered, _) = bench.run("remotive").await;
    let gone = filtered.counts.filtered as usize;
    assert!(gone > 20 && filtered.counts.closed == filtered.counts.filtered, "{:?}", filtered.counts);
    assert_eq!(bench.stored("remotive"), counted(&[("filtered", gone), ("open", 250 - gone)]));
    assert_eq!(bench.logged("remotive"), gone);
    bench.text("remotive", "only: $.job_type\n", "");
    let (back, _) = bench.run("remotive").await;
    assert_eq!((back.counts.indexed as usize, bench.stored("remotive")), (gone, counted(&[("open", 250)])));

    bench.text(
        "arbeitnow",
        "  title: $.title",
        "  expires_at: ${\"2020-01-01T00:00:00Z\" if record.remote else none}\n  title: $.title",
    );
    let (first, _) = bench.run("arbeitnow").await;
    let ended = first.counts.closed as usize;
    assert!(ended > 20, "{:?}", first.counts);
    assert_eq!(bench.stored("arbeitnow"), counted(&[("expired", ended), ("open", 250 - ended)]));
    let (second, _) = bench.run("arbeitnow").await;
    assert_eq!((second.counts.unchanged, second.counts.closed), (250, 0), "equal content is not written again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detail_that_is_gone_closes_its_offer() {
    let mut bench = Bench::new().await;
    let (first, _) = bench.run("smartrecruiters").await;
    let all = first.counts.new as usize;
    // The list shows them still, changed; their own pages are gone.
    bench.sites.world(|world| world.revise(Site::SmartRecruiters, 40));
    bench.sites.world(|world| world.bury(Site::SmartRecruiters, 20));
    let (second, _) = bench.run("smartrecruiters").await;
    let gone = second.counts.closed as usize;
    assert!(gone > 0 && second.counts.filtered as usize == gone, "{:?}", second.counts);
    assert_eq!(bench.stored("smartrecruiters"), counted(&[("gone", gone), ("open", all - gone)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_of_an_older_request_are_closed_on_request_alone() {
    let mut bench = Bench::new().await;
    bench.run("remotive").await;
    bench.text("remotive", "category: null", "category: software-dev");
    bench.show(Site::Remotive, 40, false);
    for _ in 0..3 {
        let (summary, _) = bench.run("remotive").await;
        assert_eq!(
            (summary.counts.closed, summary.counts.unchanged),
            (0, 210),
            "another request's offers are not judged by this one"
        );
    }
    let older = Reader::open(bench.dir.path()).unwrap().unwrap().sources().unwrap().remove(0).older;
    assert_eq!(older, 40, "what the new request shows is its own, though nothing of it is written");
    let (engine, _heard) = bench.engine();
    let closed = close(bench.plan("remotive"), engine, bench.now, Closes::OlderAsk).await.unwrap();
    assert_eq!((closed.counts.closed, bench.stored("remotive")), (40, counted(&[("not_seen", 40), ("open", 210)])));
    // What the new request has shown is judged by its sweeps.
    bench.show(Site::Remotive, 52, false);
    bench.run("remotive").await;
    let (last, _) = bench.run("remotive").await;
    assert_eq!(last.counts.closed, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_brings_too_little_is_flagged_and_closes_nothing() {
    let mut bench = Bench::new().await;
    bench.text("remotive", "expire:", "expect: {min: 240, required: [company.name], fresh: 3650d}\nexpire:");
    bench.run("remotive").await;
    bench.show(Site::Remotive, 30, false);
    bench.run("remotive").await;
    let (flagged, events) = bench.run("remotive").await;
    assert_eq!((flagged.counts.closed, flagged.outcome), (0, Outcome::Partial));
    assert_eq!(flagged.cause.as_deref(), Some("expect: 220 records, at least 240 were expected"));
    let said: Vec<String> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Alerted(alert) => Some(alert.text()),
            _ => None,
        })
        .collect();
    assert_eq!(said, ["expect: 220 records, at least 240 were expected"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_rejects_fail_a_run() {
    let mut bench = Bench::new().await;
    bench.sites = Sandbox::start(Options { boards: 600, offers: 0, ..Options::default() }).await.unwrap();
    bench.text("remotive", "title: $.title", "title: $.job_type");
    let (summary, _) = bench.run("remotive").await;
    assert_eq!(summary.outcome, Outcome::Failed);
    assert!(summary.cause.as_ref().unwrap().contains("were rejected, more than 20 %"), "{:?}", summary.cause);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_an_hour_ahead_does_not_hold_closings_back() {
    let mut bench = Bench::new().await;
    bench.run("remotive").await;
    // A run of the future saw what is gone now; the clock is right again behind it.
    bench.now += TimeDelta::days(5);
    bench.run("remotive").await;
    bench.now -= TimeDelta::days(6);
    bench.show(Site::Remotive, 12, false);
    bench.run("remotive").await;
    let (second, _) = bench.run("remotive").await;
    assert_eq!((second.counts.closed, bench.stored("remotive")), (12, counted(&[("not_seen", 12), ("open", 238)])));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_mapped_again_stays_with_the_request_that_brought_it() {
    let mut bench = Bench::new().await;
    bench.text("remotive", "title: $.title", "title: $.job_type");
    let (first, _) = bench.run("remotive").await;
    let held = first.counts.rejected as usize;
    assert!(held > 20, "{:?}", first.counts);
    // Another request, and a mended mapping: what the first one brought is stored, and no sweep of the second closes it.
    bench.text("remotive", "category: null", "category: software-dev");
    bench.text("remotive", "title: $.job_type", "title: $.title");
    bench.show(Site::Remotive, 250, false);
    let reader = Reader::open(bench.dir.path()).unwrap().unwrap();
    let entries = reader.held(None, None, 1_000).unwrap();
    let records = entries.into_iter().map(|held| (held.page, held.item as u32)).collect();
    for again in [Again::Records(records), Again::Everything] {
        let (engine, _heard) = bench.engine();
        let again = replay(bench.plan("remotive"), engine, again).await.unwrap();
        assert!(again.counts.indexed >= held as u64, "{:?}", again.counts);
    }
    bench.text("remotive", "expire:", "expire: {not_seen: 2 sweeps, at_most: 100%} #");
    for _ in 0..3 {
        let (summary, _) = bench.run("remotive").await;
        assert_eq!(summary.counts.closed, 0);
    }
    assert_eq!(reader.sources().unwrap()[0].older, 250);
    assert_eq!(bench.stored("remotive"), counted(&[("open", 250)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_the_site_with_the_name_of_one_of_the_program_is_the_site_s() {
    let mut bench = Bench::new().await;
    let lines = "  title: $.title\n  extra.first_seen_at: $.publication_date\n  extra.closed_at: $.publication_date\n";
    bench.text("remotive", "  title: $.title\n", lines);
    bench.run("remotive").await;
    let mut differences = Vec::new();
    let reader = Reader::open(bench.dir.path()).unwrap().unwrap();
    let schema = bench.plan("remotive").schema.clone();
    let store = AnyStore::open(None, bench.dir.path(), &schema, Purpose::List).await.unwrap().unwrap();
    let mut tell = |difference| differences.push(difference);
    let offers = verify::offers(&reader, &store, "remotive", &mut tell).await.unwrap();
    assert_eq!((offers, differences), (250, Vec::new()));
    let (engine, _heard) = bench.engine();
    let again = replay(bench.plan("remotive"), engine, Again::Everything).await.unwrap();
    assert_eq!((again.counts.unchanged, again.counts.indexed), (250, 0), "{:?}", again.counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_behind_one_that_cannot_be_read_closes_nothing_and_says_which_row_it_is() {
    let mut bench = Bench::new().await;
    bench.run("remotive").await;
    bench.show(Site::Remotive, 30, false);
    let (second, _) = bench.run("remotive").await;
    let state = rusqlite::Connection::open(bench.dir.path().join("state.db")).unwrap();
    let kept = "CREATE TABLE kept AS SELECT * FROM sweeps; UPDATE sweeps SET seen = x'00' WHERE run = ?1";
    let kept = kept.replace("?1", &second.run.to_string());
    state.execute_batch(&kept).unwrap();
    bench.now += TimeDelta::days(1);
    let (engine, _heard) = bench.engine();
    let fault = run(bench.plan("remotive"), engine, bench.now, Asked::Due).await.unwrap_err().to_string();
    let row = format!("row {} of the table sweeps cannot be read", second.run);
    assert!(fault.contains(&row) && fault.contains("from a backup"), "{fault}");
    assert_eq!(bench.stored("remotive"), counted(&[("open", 250)]));
    state.execute_batch("DELETE FROM sweeps; INSERT INTO sweeps SELECT * FROM kept; DROP TABLE kept").unwrap();
    let (mended, _) = bench.run("remotive").await;
    assert_eq!((mended.counts.closed, bench.stored("remotive")), (30, counted(&[("not_seen", 30), ("open", 220)])));
}
