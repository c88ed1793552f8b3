//! The engine against the simulated sites, over real HTTP.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use jobmarket::definition::{self, Text};
use jobmarket::event::{Event, EventKind, Outcome, SliceEnd};
use jobmarket::files;
use jobmarket::plan::{Ask, Origins, Plan, Surroundings, compile};
use jobmarket::run::{Again, Engine, Summary, replay, run};
use jobmarket::state::Reader;
use sandbox::{Fault, Options, Sandbox, Site};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

struct Bench {
    sites: Sandbox,
    dir: tempfile::TempDir,
    texts: Vec<Text>,
}

impl Bench {
    async fn new(options: Options) -> Self {
        let texts = files::project(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        Bench { sites: Sandbox::start(options).await.unwrap(), dir: tempfile::tempdir().unwrap(), texts }
    }

    fn plan(&self, source: &str, secret: &str) -> Plan {
        let (definitions, findings) = definition::read(&self.texts);
        assert_eq!(findings, []);
        let mut origins = Origins::default();
        for (from, to) in self.sites.origins() {
            origins.add(from, &to, Some("1000/s".parse().unwrap())).unwrap();
        }
        let env = [("FT_API_CLIENT_ID", sandbox::CLIENT_ID), ("FT_API_CLIENT_SECRET", secret)];
        let env = Surroundings::new(env.map(|(name, value)| (name.to_owned(), value.to_owned())));
        // Small sites do not bring what is expected of the real ones.
        Plan { expect: None, ..compile(&definitions, Ask { source, pipeline: None, origins }, &env).unwrap() }
    }

    async fn run(&self, source: &str) -> (Summary, Vec<Event>) {
        self.run_with(self.plan(source, sandbox::CLIENT_SECRET), None).await
    }

    async fn run_with(&self, mut plan: Plan, span: Option<(DateTime<Utc>, DateTime<Utc>)>) -> (Summary, Vec<Event>) {
        plan.call.limits.wait = std::time::Duration::from_millis(1);
        let (engine, heard) = self.engine();
        let now = self.sites.world(|world| world.options.now);
        let summary = run(Arc::new(plan), Arc::new(engine), now, span).await.unwrap();
        assert!(summary.counts.add_up(), "{:?}", summary.counts);
        (summary, all(heard))
    }

    async fn replay(&self, source: &str) -> (Summary, Vec<Event>) {
        let (engine, heard) = self.engine();
        let summary = replay(Arc::new(self.plan(source, sandbox::CLIENT_SECRET)), Arc::new(engine), Again::Everything)
            .await
            .unwrap();
        assert!(summary.counts.add_up(), "{:?}", summary.counts);
        (summary, all(heard))
    }

    fn engine(&self) -> (Engine, UnboundedReceiver<Event>) {
        let (events, heard) = unbounded_channel();
        let data = self.dir.path();
        let engine = Engine::start(data, data.join("raw"), Path::new("."), events).unwrap();
        (engine, heard)
    }

    fn stored(&self) -> i64 {
        Reader::open(self.dir.path()).unwrap().unwrap().store().unwrap().1
    }

    /// Every offer that the site shows is stored and equals it.
    fn equals(&self, site: Site, title: &str, text: &str) {
        let reader = Reader::open(self.dir.path()).unwrap().unwrap();
        for truth in self.sites.world(|world| world.truth(site)).into_iter().filter(|truth| truth.present) {
            let offer = reader.offer(&truth.id).unwrap().unwrap_or_else(|| panic!("{} is stored", truth.id));
            let document: serde_json::Value = serde_json::from_str(&offer.document.unwrap()).unwrap();
            let served = truth.record[text].as_str().unwrap();
            let (stored, revision) =
                (document["description"].as_str().unwrap(), served.rsplit("vision").next().unwrap());
            let revision: String = revision.chars().filter(char::is_ascii_digit).collect();
            assert!(
                stored.trim_end_matches('.').ends_with(&revision),
                "{}: {stored:?} is revision {revision}",
                truth.id
            );
            assert_eq!(document["title"], truth.record[title], "{}", truth.id);
        }
    }
}

fn all(mut heard: UnboundedReceiver<Event>) -> Vec<Event> {
    std::iter::from_fn(|| heard.try_recv().ok()).collect()
}

fn options(offers: usize) -> Options {
    Options { offers, rate: 100_000, ..Options::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_sources_are_read_whole_and_a_second_run_changes_nothing() {
    let bench = Bench::new(options(1_200)).await;
    for source in ["francetravail", "arbeitnow", "remotive"] {
        let (first, events) = bench.run(source).await;
        assert_eq!((first.outcome, first.cause.clone()), (Outcome::Complete, None), "{source}: {events:#?}");
        assert_eq!((first.counts.new, first.counts.rejected), (first.counts.fetched, 0), "{source}");
        let (second, _) = bench.run(source).await;
        assert_eq!(second.counts.indexed, 0, "{source}: {:?}", second.counts);
        assert_eq!(second.counts.unchanged, second.counts.fetched, "{source}");
    }
    assert_eq!(bench.stored(), 1_200 + 500);
    bench.equals(Site::FranceTravail, "intitule", "description");
    bench.equals(Site::Arbeitnow, "title", "description");
    bench.equals(Site::Remotive, "title", "description");
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_split_under_the_cap_and_each_offer_is_stored_once() {
    let dense = Options { span: TimeDelta::days(1), partners: 0, ..options(12_000) };
    let bench = Bench::new(dense).await;
    let (summary, events) = bench.run("francetravail").await;
    assert_eq!(summary.outcome, Outcome::Complete, "{:?}", summary.cause);
    let ends = events.iter().filter_map(|event| match &event.kind {
        EventKind::SliceEnded { end, total, keys, .. } => Some((end, total, keys)),
        _ => None,
    });
    let (mut splits, mut complete) = (0, 0);
    for (end, total, keys) in ends {
        match end {
            SliceEnd::Split => splits += 1,
            SliceEnd::Complete(_) => {
                complete += 1;
                assert!(total.unwrap_or(0) <= *keys, "{total:?} announced, {keys} received");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(splits >= 3 && complete >= 4, "{splits} splits, {complete} windows");
    assert_eq!((bench.stored(), summary.counts.new), (12_000, 12_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_site_lose_nothing() {
    let bench = Bench::new(options(600)).await;
    let faults = [
        Fault::Status(500),
        Fault::Reset,
        Fault::Truncated,
        Fault::Status(429),
        Fault::RevokeTokens,
        Fault::Status(503),
    ];
    for fault in faults {
        bench.sites.fault(Site::FranceTravail, fault, 1);
    }
    let (summary, events) = bench.run("francetravail").await;
    assert_eq!((summary.outcome, summary.counts.new), (Outcome::Complete, 600), "{:?}", summary.cause);
    let retries = events.iter().filter(|event| matches!(event.kind, EventKind::Retried { .. })).count();
    assert!(retries >= 4, "{retries} retries");
    assert_eq!(bench.stored(), 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_used_leaves_the_slice_partial() {
    let bench = Bench::new(options(100)).await;
    bench.sites.fault(Site::Remotive, Fault::HtmlWall, 2);
    let (summary, _) = bench.run("remotive").await;
    assert_eq!(summary.outcome, Outcome::Partial, "{:?}", summary.cause);
    assert!(summary.cause.unwrap().contains("wall"));
    let held = Reader::open(bench.dir.path()).unwrap().unwrap().held(Some("remotive"), None, 10).unwrap();
    assert_eq!(held.len(), 1, "the answer is in the quarantine once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_ends_too_early_is_asked_for_again() {
    for fault in [Fault::BrokenJson, Fault::TruncatedGzip] {
        let bench = Bench::new(options(100)).await;
        bench.sites.fault(Site::Remotive, fault, 2);
        let (summary, events) = bench.run("remotive").await;
        assert_eq!(summary.outcome, Outcome::Complete, "{fault:?}: {:?}", summary.cause);
        let retries = events.iter().filter(|event| matches!(event.kind, EventKind::Retried { .. })).count();
        assert_eq!(retries, 2, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_the_site_s_own_message_after_one_try() {
    let bench = Bench::new(options(10)).await;
    let (summary, events) = bench.run_with(bench.plan("francetravail", "wrong-secret"), None).await;
    assert_eq!(summary.outcome, Outcome::Failed);
    let cause = summary.cause.unwrap();
    assert!(cause.contains("Client authentication failed") && !cause.contains("wrong-secret"), "{cause}");
    assert!(!events.iter().any(|event| matches!(event.kind, EventKind::Retried { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_changes_between_runs_is_followed() {
    let bench = Bench::new(options(400)).await;
    for _ in 0..6 {
        let (summary, _) = bench.run("francetravail").await;
        assert!(matches!(summary.outcome, Outcome::Complete), "{:?}", summary.cause);
        bench.sites.world(|world| {
            world.options.now += TimeDelta::days(2);
            world.change(Site::FranceTravail, 40);
        });
    }
    bench.sites.world(|world| world.options.now += TimeDelta::days(2));
    bench.run("francetravail").await;
    bench.equals(Site::FranceTravail, "intitule", "description");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mended_mapping_is_replayed_over_the_archive() {
    let mut bench = Bench::new(options(300)).await;
    let (first, _) = bench.run("francetravail").await;
    assert_eq!(first.counts.new, 300);
    let seen = |bench: &Bench| {
        let reader = Reader::open(bench.dir.path()).unwrap().unwrap();
        let ids: Vec<String> =
            bench.sites.world(|world| world.truth(Site::FranceTravail)).into_iter().map(|truth| truth.id).collect();
        ids.into_iter().map(|id| reader.offer(&id).unwrap().unwrap()).collect::<Vec<_>>()
    };
    let before = seen(&bench);
    let mapping = bench.texts.iter_mut().find(|text| text.path == "mappings/francetravail.yaml").unwrap();
    mapping.text = mapping.text.replace("title: $.intitule", "title: $.intitule | upper");
    let (again, _) = bench.replay("francetravail").await;
    assert_eq!(
        (again.outcome, again.counts.indexed, again.counts.new),
        (Outcome::Complete, 300, 0),
        "{:?}",
        again.counts
    );
    let after = seen(&bench);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.first_seen, after.first_seen);
        let title = |row: &jobmarket::state::OfferRow| {
            let document: serde_json::Value = serde_json::from_str(row.document.as_ref().unwrap()).unwrap();
            document["title"].as_str().unwrap().to_owned()
        };
        assert_eq!(title(before).to_uppercase(), title(after));
    }
    let (third, _) = bench.replay("francetravail").await;
    assert_eq!(
        (third.counts.indexed, third.counts.superseded + third.counts.unchanged),
        (0, 300),
        "{:?}",
        third.counts
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_holds_across_starts() {
    let mut bench = Bench::new(options(10)).await;
    let source = bench.texts.iter_mut().find(|text| text.path == "sources/arbeitnow.yaml").unwrap();
    source.text = source.text.replace("limits: {", "limits: {quota: [2/d], ");
    assert!(source.text.contains("2/d"));
    let requests = |bench: &Bench| bench.sites.world(|world| world.requests.get(&Site::Arbeitnow).copied());
    for _ in 0..3 {
        let (summary, _) = bench.run("arbeitnow").await;
        assert_eq!(summary.outcome, Outcome::Partial);
        assert!(summary.cause.as_ref().unwrap().starts_with("quota: the quota of 2 requests a day"), "{summary:?}");
        assert_eq!(requests(&bench), Some(2), "what an earlier start spent is known");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_cannot_be_reached_costs_no_quota_and_says_so() {
    let mut bench = Bench::new(options(1)).await;
    let source = bench.texts.iter_mut().find(|text| text.path == "sources/arbeitnow.yaml").unwrap();
    source.text = source.text.replace("limits: {", "limits: {quota: [2/d], ");
    let mut plan = bench.plan("arbeitnow", "");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("http://{closed}");
    plan.origins.add("https://www.arbeitnow.com", &nobody, Some("1000/s".parse().unwrap())).unwrap();
    let (summary, _) = bench.run_with(plan, None).await;
    let cause = summary.cause.unwrap();
    assert!(cause.contains("cannot be reached") && cause.contains("after 5 attempts"), "{cause}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_is_no_reason_to_leave_out_what_lies_between() {
    let bench = Bench::new(options(300)).await;
    let now = bench.sites.world(|world| world.options.now);
    let span = (now - TimeDelta::days(29), now - TimeDelta::days(25));
    let (old, _) = bench.run_with(bench.plan("francetravail", sandbox::CLIENT_SECRET), Some(span)).await;
    assert!(old.counts.new < 300);
    let (next, _) = bench.run("francetravail").await;
    assert_eq!((next.outcome, bench.stored()), (Outcome::Complete, 300));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_secrets_that_are_missing_are_named_at_once() {
    let bench = Bench::new(options(1)).await;
    let (definitions, _) = definition::read(&bench.texts);
    let ask = Ask { source: "francetravail", pipeline: None, origins: Origins::default() };
    let findings = compile(&definitions, ask, &Surroundings::default()).unwrap_err();
    let said: Vec<(&str, usize)> = findings.iter().map(|found| (found.message.as_str(), found.place.line)).collect();
    let expect = ["FT_API_CLIENT_ID", "FT_API_CLIENT_SECRET"].map(|name| format!("the secret `{name}` is not set"));
    assert_eq!(said.iter().map(|(message, _)| *message).collect::<Vec<_>>(), expect);
    assert!(said[0].1 > 1 && said[1].1 == said[0].1 + 1, "{said:?}");
}

/// The real offers beside the project, where they are: all stored, none rejected.
#[tokio::test(flavor = "multi_thread")]
async fn the_real_offers_are_all_stored() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples/france-travail");
    let paths =
        ["search-150-nofilter-2024-10-23.json", "offres-dept01-455-2025-08-21.ndjson"].map(|name| samples.join(name));
    if !paths.iter().all(|path| path.exists()) {
        eprintln!("the real samples are not here: nothing was compared with them");
        return;
    }
    let records = paths.iter().flat_map(|path| sandbox::world::records(path).unwrap()).collect();
    let bench = Bench::new(Options { records, ..options(0) }).await;
    let span = ("2020-01-01T00:00:00Z".parse().unwrap(), "2026-01-01T00:00:00Z".parse().unwrap());
    let (summary, events) = bench.run_with(bench.plan("francetravail", sandbox::CLIENT_SECRET), Some(span)).await;
    assert_eq!((summary.outcome, summary.counts.rejected), (Outcome::Complete, 0), "{:?} {events:#?}", summary.cause);
    assert_eq!((bench.stored(), summary.counts.fetched), (605, 605));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_a_site_asks_for_is_kept_for_tokens_and_for_pages() {
    let bench = Bench::new(options(40)).await;
    // The first request asks for the token, the next ones for pages.
    bench.sites.fault(Site::FranceTravail, Fault::Wait(503, 1), 1);
    bench.sites.fault_after(Site::FranceTravail, 1, Fault::Wait(429, 1), 1);
    let (summary, _) = bench.run("francetravail").await;
    assert_eq!(summary.outcome, Outcome::Complete, "{:?}", summary.cause);
    assert_eq!(bench.sites.ledger(|ledger| (ledger.waits, ledger.early)), (2, 0));
}
