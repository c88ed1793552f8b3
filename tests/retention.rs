//! What retention deletes and what it keeps, and stores that are built again out of what it kept.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod shipped;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, TimeDelta, Utc};
use jobmarket::archive;
use jobmarket::definition::Text;
use jobmarket::event::{Event, EventKind, Outcome};
use jobmarket::offer::{content_hash, content_of};
use jobmarket::plan::Plan;
use jobmarket::retention::{Thinning, closed, delete_local, thin};
use jobmarket::run::{Again, Asked, Engine, Summary, replay, run};
use jobmarket::search::Search;
use jobmarket::state::{Reader, State};
use jobmarket::store::Store;
use jobmarket::store::local::Local;
use jobmarket::verify::{self, Difference};
use rusqlite::Connection;
use sandbox::{Options, Sandbox, Site};
use tokio::sync::mpsc::UnboundedReceiver;

const SOURCES: [&str; 4] = ["remotive", "arbeitnow", "smartrecruiters", "francetravail"];

struct Bench {
    sites: Sandbox,
    dir: tempfile::TempDir,
    texts: Vec<Text>,
    now: DateTime<Utc>,
}

impl Bench {
    async fn new(offers: usize) -> Self {
        let options = Options { boards: 250, offers, rate: 100_000, ..Options::default() };
        let now = options.now;
        let texts = shipped::texts(&format!(
            "pipelines:\n  - {{name: p, sources: [{}], sinks: [store, {{files: {{dir: log}}}}]}}\n",
            SOURCES.join(", ")
        ));
        Bench { sites: Sandbox::start(options).await.unwrap(), dir: tempfile::tempdir().unwrap(), texts, now }
    }

    fn text(&mut self, path: &str, from: &str, to: &str) {
        let path = format!("{path}.yaml");
        let text = self.texts.iter_mut().find(|text| text.path == path).unwrap();
        assert!(text.text.contains(from), "{from}");
        text.text = text.text.replace(from, to);
    }

    fn plan(&self, source: &str) -> Arc<Plan> {
        Arc::new(shipped::plan(&self.texts, &self.sites, source))
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("raw")
    }

    fn engine(&self) -> (Arc<Engine>, UnboundedReceiver<Event>) {
        shipped::engine(self.dir.path())
    }

    /// A run a day later than the last.
    async fn run(&mut self, source: &str) -> Summary {
        self.now += TimeDelta::days(1);
        let (engine, _heard) = self.engine();
        let summary = run(self.plan(source), engine, self.now, Asked::Due).await.unwrap();
        assert!(summary.counts.add_up(), "{:?}", summary.counts);
        summary
    }

    async fn replay(&self, source: &str) -> Summary {
        let (engine, _heard) = self.engine();
        replay(self.plan(source), engine, Again::Everything).await.unwrap()
    }

    fn reader(&self) -> Reader {
        Reader::open(self.dir.path()).unwrap().unwrap()
    }

    /// Plans with nothing kept for its age, and carries it out.
    async fn thin(&self, source: &str) -> Thinning {
        let state = State::open(self.dir.path()).unwrap();
        let plan =
            |reader: &Reader| Thinning::plan(reader, &self.root(), source, TimeDelta::zero(), Utc::now()).unwrap();
        let before = disk(&self.root().join(source));
        let planned = plan(&self.reader());
        thin(&state, &self.root(), planned.clone()).await.unwrap();
        assert_eq!(disk(&self.root().join(source)), before - planned.bytes, "what was said is what was freed");
        let again = plan(&self.reader());
        assert_eq!((again.records, again.bytes, again.kept_records), (0, 0, planned.kept_records), "{again:?}");
        assert_eq!(planned.faults, [""; 0]);
        planned
    }

    /// All that `verify` finds.
    fn differences(&self) -> Vec<Difference> {
        let (reader, mut found) = (self.reader(), Vec::new());
        for source in SOURCES {
            verify::totals(&reader, source, &mut |difference| found.push(difference)).unwrap();
            verify::records(&reader, &self.root(), source, &|| (), &mut |difference| found.push(difference)).unwrap();
            verify::held(&reader, &self.root(), source, &mut |difference| found.push(difference)).unwrap();
            verify::local(&reader, source, &mut |difference| found.push(difference)).unwrap();
        }
        assert_eq!(self.store().differences().unwrap(), [""; 0]);
        found
    }

    fn store(&self) -> Local {
        Local::open(self.dir.path(), &self.plan("remotive").schema).unwrap().unwrap()
    }

    /// Content, first seen, closed and why, of each stored offer by its id.
    fn stored(&self, source: &str) -> BTreeMap<String, (u64, String, String, String)> {
        let mut stored = BTreeMap::new();
        let text = |document: &serde_json::Value, name: &str| document[name].as_str().unwrap_or_default().to_owned();
        self.reader()
            .each(source, &mut |document| {
                let content = content_hash(content_of(&document.to_string()).unwrap().as_bytes());
                let facts = ["first_seen_at", "closed_at", "closed_reason"].map(|name| text(&document, name));
                let [first, closed, reason] = facts;
                stored.insert(text(&document, "id"), (content, first, closed, reason));
            })
            .unwrap();
        stored
    }

    /// Offers by the reason that they are closed for.
    fn reasons(&self, source: &str) -> BTreeMap<String, usize> {
        let mut counted = BTreeMap::new();
        self.stored(source).into_values().for_each(|(.., reason)| *counted.entry(reason).or_default() += 1);
        counted
    }

    fn behind_our_back(&self, sql: &str) -> usize {
        Connection::open(self.dir.path().join("state.db")).unwrap().execute(sql, []).unwrap()
    }

    /// As if the sites had said that all offers are gone.
    fn close_all(&self) {
        self.behind_our_back("UPDATE known SET closed_at = 5, reason = 'gone'");
        let closed = r#","closed_at":"1970-01-01T00:00:00.005Z","closed_reason":"gone","provenance":"#;
        self.behind_our_back(&format!("UPDATE offers SET doc = replace(doc, ',\"provenance\":', '{closed}')"));
    }
}

/// Bytes of the files in a folder.
fn disk(folder: &Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_lost_all_is_built_again_out_of_the_archive() {
    let mut bench = Bench::new(300).await;
    bench.text(
        "sources/arbeitnow",
        "  title: $.title",
        "  expires_at: ${\"2020-01-01T00:00:00Z\" if record.remote else none}\n  title: $.title",
    );
    for source in SOURCES {
        bench.run(source).await;
    }
    bench.sites.world(|world| {
        world.show(Site::Remotive, 30, false);
        world.revise(Site::Remotive, 90);
        world.revise(Site::SmartRecruiters, 40);
        world.bury(Site::SmartRecruiters, 20);
    });
    for source in ["remotive", "smartrecruiters", "remotive", "francetravail"] {
        bench.run(source).await;
    }
    bench.text("sources/remotive", "key: $.id", "only: $.job_type\nkey: $.id");
    bench.run("remotive").await;
    let before = SOURCES.map(|source| bench.stored(source));
    let reasons = SOURCES.map(|source| bench.reasons(source));
    assert!(reasons[0]["not_seen"] == 30 && reasons[0]["filtered"] > 20, "{reasons:?}");
    assert!(reasons[1]["expired"] > 20 && reasons[2]["gone"] > 0, "{reasons:?}");
    assert_eq!(bench.differences(), []);
    let details = |bench: &Bench| bench.sites.world(|world| world.requests.clone());
    let asked = details(&bench);

    let lost = bench.behind_our_back("DELETE FROM offers");
    assert_eq!(lost, before.iter().map(BTreeMap::len).sum::<usize>());
    assert!(bench.reader().lost_documents("remotive").unwrap().len() as usize == before[0].len());
    for source in SOURCES {
        let again = bench.replay(source).await;
        assert_eq!((again.outcome, again.cause), (Outcome::Complete, None), "{source}");
    }
    assert_eq!(SOURCES.map(|source| bench.stored(source)), before);
    assert_eq!(bench.differences(), []);
    assert_eq!(details(&bench), asked, "a replay asks no site");
    let again = bench.run("smartrecruiters").await;
    let more = details(&bench)[&Site::SmartRecruiters] - asked[&Site::SmartRecruiters];
    assert_eq!(again.counts.indexed, 0, "{:?}", again.counts);
    assert!(more < again.counts.fetched / 2, "{more}: details are asked for those that are gone alone");

    // One that was changed behind our back, one that is lost alone, one that is open in the store alone.
    bench.behind_our_back("UPDATE offers SET doc = replace(doc, '\"title\":\"', '\"title\":\"x') WHERE n = 1");
    bench.behind_our_back("DELETE FROM offers WHERE n = 2");
    bench.behind_our_back(
        "UPDATE known SET closed_at = 5, reason = 'gone'
         WHERE n = (SELECT max(n) FROM known WHERE source = 'remotive' AND closed_at IS NULL)",
    );
    assert_eq!(bench.reader().lost_documents("remotive").unwrap().len(), 3);
    assert_eq!(bench.replay("remotive").await.counts.indexed, 3);
    assert_eq!(bench.differences(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_nothing_needs_go_and_what_an_open_offer_came_from_stays() {
    let mut bench = Bench::new(900).await;
    bench.run("francetravail").await;
    let whole = bench.thin("francetravail").await;
    assert_eq!((whole.records, whole.deleted), (0, 0), "{whole:?}");
    // Two thirds come in another form: what they came from first is not needed any more.
    bench.sites.world(|world| world.revise(Site::FranceTravail, 600));
    bench.run("francetravail").await;
    let kept = bench.stored("francetravail");
    let thinned = bench.thin("francetravail").await;
    assert!(thinned.records > 0 && thinned.kept_records > 0 && thinned.rewritten > 0, "{thinned:?}");
    assert_eq!(bench.differences(), []);
    bench.text("mappings/francetravail", "title: $.intitule", "title: $.intitule | upper");
    let again = bench.replay("francetravail").await;
    assert_eq!((again.outcome, again.counts.indexed), (Outcome::Complete, 900), "{again:?}");
    assert_eq!(bench.stored("francetravail").len(), kept.len());
    // All are closed: of the archive nothing is left, and a replay says so.
    bench.close_all();
    let thinned = bench.thin("francetravail").await;
    assert_eq!(thinned.kept_records, 0, "{thinned:?}");
    let closed = bench.replay("francetravail").await;
    assert_eq!((closed.outcome, closed.counts.fetched), (Outcome::Complete, 0), "they stay as they are stored");
    assert_eq!(bench.stored("francetravail").len(), 900);
    bench.behind_our_back("DELETE FROM offers WHERE n <= 10");
    let lost = bench.replay("francetravail").await;
    assert_eq!(lost.outcome, Outcome::Partial);
    assert_eq!(lost.cause.unwrap(), "10 records cannot be mapped again: they are not in the archive any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn young_pages_details_and_what_waits_in_the_quarantine_stay() {
    let mut bench = Bench::new(0).await;
    bench.run("smartrecruiters").await;
    let details =
        bench.reader().pages("smartrecruiters").unwrap().iter().map(|page| page.archived.len()).sum::<usize>();
    bench.close_all();
    let keep = |days| {
        let (reader, now) = (bench.reader(), Utc::now() + TimeDelta::days(89));
        Thinning::plan(&reader, &bench.root(), "smartrecruiters", TimeDelta::days(days), now).unwrap()
    };
    assert_eq!((keep(90).records, keep(90).kept_records), (0, details as u64));
    assert_eq!((keep(88).records, keep(88).kept_records), (details as u64, 0));
    // One open offer keeps its page, with what belongs to it.
    bench.behind_our_back("UPDATE known SET closed_at = NULL WHERE n = 1");
    let thinned = bench.thin("smartrecruiters").await;
    assert!(thinned.kept_records > 1 && thinned.records > 0, "{thinned:?}");
    bench.behind_our_back("UPDATE known SET content = 0 WHERE n = 1");
    bench.text("sources/smartrecruiters", "title: $.name", "title: $.name | upper");
    assert!(bench.replay("smartrecruiters").await.counts.indexed >= 1);
    let described = bench.stored("smartrecruiters").len();
    let mut full = 0;
    bench
        .reader()
        .each("smartrecruiters", &mut |document| full += usize::from(document["description"].is_string()))
        .unwrap();
    assert_eq!(full, described, "what is mapped again has its detail");

    // Rejected records wait for a mended mapping, and for nothing else.
    bench.text("sources/remotive", "title: $.title", "title: $.nothing");
    let rejected = bench.run("remotive").await;
    assert_eq!(rejected.counts.rejected, 250);
    let thinned = bench.thin("remotive").await;
    assert_eq!((thinned.records, thinned.kept_records), (0, 1), "{thinned:?}");
    bench.text("sources/remotive", "title: $.nothing", "title: $.title");
    let held = bench.reader().held(Some("remotive"), None, 1_000).unwrap();
    let records = held.into_iter().map(|held| (held.page, held.item as u32)).collect();
    let (engine, _heard) = bench.engine();
    let again = replay(bench.plan("remotive"), engine, Again::Records(records)).await.unwrap();
    assert_eq!((again.outcome, again.counts.indexed), (Outcome::Complete, 250), "{again:?}");
    // The page is that of open offers now; when they are closed it goes.
    assert_eq!(bench.thin("remotive").await.records, 0);
    bench.close_all();
    assert_eq!(bench.thin("remotive").await.records, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_may_go_on_keeps_what_it_received() {
    let mut bench = Bench::new(2_000).await;
    bench.now += TimeDelta::days(1);
    let (engine, mut heard) = bench.engine();
    let (plan, stop, now) = (bench.plan("francetravail"), engine.stop.clone(), bench.now);
    let running = tokio::spawn(async move { run(plan, engine, now, Asked::Due).await.unwrap() });
    while !matches!(heard.recv().await.unwrap().kind, EventKind::PageCommitted { .. }) {}
    stop.store(true, Ordering::Relaxed);
    assert_eq!(running.await.unwrap().outcome, Outcome::Stopped);
    bench.close_all();
    let thinned = bench.thin("francetravail").await;
    assert!(thinned.records == 0 && thinned.kept_records > 0, "{thinned:?}");
    let (engine, _heard) = bench.engine();
    let ended = run(bench.plan("francetravail"), engine, now, Asked::Due).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Complete, "{:?}", ended.cause);
    bench.close_all();
    assert_eq!(bench.thin("francetravail").await.kept_records, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_that_were_closed_long_ago_go_and_their_rows_are_never_given_again() {
    let mut bench = Bench::new(0).await;
    bench.run("remotive").await;
    let rows = |bench: &Bench| {
        let mut rows = BTreeMap::new();
        bench
            .reader()
            .each_known(Some("remotive"), &mut |known, _| {
                rows.insert(known.key.clone(), known.row);
            })
            .unwrap();
        rows
    };
    let first = rows(&bench);
    bench.sites.world(|world| world.show(Site::Remotive, 30, false));
    bench.run("remotive").await;
    assert_eq!(bench.run("remotive").await.counts.closed, 30);
    let found = async |bench: &Bench| {
        let search = Search { closed: true, ..Search::default() };
        bench.store().search(&search).await.unwrap().total
    };
    assert_eq!(found(&bench).await, 250);
    let (reader, state) = (bench.reader(), State::open(bench.dir.path()).unwrap());
    let (past, future) = (Utc::now() - TimeDelta::days(1), Utc::now() + TimeDelta::days(1));
    assert_eq!((closed(&reader, "remotive", past).unwrap(), closed(&reader, "remotive", future).unwrap()), (0, 30));
    assert_eq!(closed(&reader, "arbeitnow", future).unwrap(), 0);
    assert_eq!(delete_local(&state, &reader, "remotive", past).await.unwrap(), 0);
    assert_eq!(delete_local(&state, &reader, "remotive", future).await.unwrap(), 30);
    drop(state);
    assert_eq!((found(&bench).await, bench.stored("remotive").len()), (220, 220));
    assert_eq!(bench.differences(), []);
    // The highest rows are gone too; what returns, and what is new, has rows that nobody had.
    let state = State::open(bench.dir.path()).unwrap();
    bench.behind_our_back("UPDATE known SET closed_at = 5, reason = 'gone' WHERE n > 100");
    delete_local(&state, &reader, "remotive", future).await.unwrap();
    drop(state);
    bench.sites.world(|world| world.show(Site::Remotive, 250, true));
    let back = bench.run("remotive").await;
    assert!(back.counts.new > 100, "{:?}", back.counts);
    let given: HashSet<u64> = first.values().copied().collect();
    let (kept, new): (Vec<_>, Vec<_>) = rows(&bench).into_iter().partition(|(key, row)| first.get(key) == Some(row));
    assert_eq!(kept.len() + new.len(), 250);
    assert!(new.len() as u64 == back.counts.new && new.iter().all(|(_, row)| !given.contains(row)), "{new:?}");
    assert_eq!((found(&bench).await, bench.differences()), (250, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_that_were_deleted_stay_deleted_until_the_site_brings_them_again() {
    let mut bench = Bench::new(0).await;
    // None has a key under this mapping: nothing is known of them, and the page is read twice.
    bench.text("sources/remotive", "key: $.id", "key: $.nothing");
    assert_eq!(bench.run("remotive").await.counts.rejected, 500);
    bench.text("sources/remotive", "key: $.nothing", "key: $.id");
    bench.run("remotive").await;
    bench.sites.world(|world| world.show(Site::Remotive, 30, false));
    bench.run("remotive").await;
    assert_eq!(bench.run("remotive").await.counts.closed, 30);
    let delete = async |bench: &Bench| {
        let (reader, state) = (bench.reader(), State::open(bench.dir.path()).unwrap());
        delete_local(&state, &reader, "remotive", Utc::now() + TimeDelta::days(1)).await.unwrap()
    };
    let marks = |bench: &Bench| {
        let state = Connection::open(bench.dir.path().join("state.db")).unwrap();
        state.query_row("SELECT count(*) FROM deleted", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((delete(&bench).await, marks(&bench)), (30, 30));
    for lost in [0, 1] {
        // A store that lost all is written again, and they are not among it.
        bench.behind_our_back(&format!("DELETE FROM offers WHERE {lost}"));
        let again = bench.replay("remotive").await;
        assert_eq!((again.outcome, again.counts.new, bench.stored("remotive").len()), (Outcome::Complete, 0, 220));
    }
    // Their pages are young, or those of open offers: they are remembered.
    let reader = bench.reader();
    let young = Thinning::plan(&reader, &bench.root(), "remotive", TimeDelta::days(90), Utc::now()).unwrap();
    thin(&State::open(bench.dir.path()).unwrap(), &bench.root(), young).await.unwrap();
    assert_eq!(marks(&bench), 30);
    // What the site shows again is an offer like any other, and is mapped again as one.
    bench.sites.world(|world| world.show(Site::Remotive, 250, true));
    assert_eq!(bench.run("remotive").await.counts.new, 30);
    bench.text("sources/remotive", "title: $.title", "title: $.title | upper");
    assert_eq!(bench.replay("remotive").await.counts.indexed, 250);
    // The page without keys waits in the quarantine and may hold them; when no page does, nothing is left of them.
    bench.close_all();
    assert_eq!(delete(&bench).await, 250);
    assert!(bench.thin("remotive").await.records > 0);
    let again = bench.replay("remotive").await;
    assert_eq!((marks(&bench), again.counts.fetched, again.counts.superseded), (280, 500, 500));
    bench.behind_our_back("UPDATE quarantine SET state = 'dropped'");
    assert!(bench.thin("remotive").await.records > 0);
    assert_eq!((marks(&bench), bench.replay("remotive").await.counts.fetched), (0, 0));
    assert_eq!(bench.differences(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_were_never_known_are_indexed_by_a_replay() {
    let mut bench = Bench::new(0).await;
    bench.text("sources/remotive", "title: $.title", "title: $.nothing");
    assert_eq!(bench.run("remotive").await.counts.rejected, 250);
    bench.text("sources/remotive", "title: $.nothing", "title: $.title");
    assert_eq!(bench.replay("remotive").await.counts.new, 250);
    assert_eq!(bench.differences(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_says_what_differs() {
    let mut bench = Bench::new(0).await;
    bench.run("remotive").await;
    bench.sites.world(|world| world.revise(Site::Remotive, 100));
    bench.run("remotive").await;
    assert_eq!(bench.differences(), []);
    bench.behind_our_back("UPDATE runs SET indexed = indexed + 1 WHERE run = 1");
    let said = |bench: &Bench| {
        let mut said: Vec<String> = bench.differences().iter().map(ToString::to_string).collect();
        said.sort();
        said
    };
    assert!(said(&bench).len() == 2 && said(&bench)[0].contains("run 1: "), "{:?}", said(&bench));
    bench.behind_our_back("UPDATE runs SET indexed = indexed - 1 WHERE run = 1");
    // A record that is another one's, one that is broken, and one whose segment is gone.
    let segments = archive::segments(&bench.root(), "remotive").unwrap();
    let path = |number: usize| bench.root().join(&segments[number].name);
    let (first, second) = (std::fs::read(path(0)).unwrap(), std::fs::read(path(1)).unwrap());
    let mut broken = second.clone();
    let middle = broken.len() / 2;
    broken[middle] ^= 1;
    std::fs::write(path(1), broken).unwrap();
    assert!(said(&bench).len() == 1 && said(&bench)[0].contains("is broken"), "{:?}", said(&bench));
    std::fs::remove_file(path(0)).unwrap();
    std::fs::write(path(1), &second).unwrap();
    assert!(said(&bench).len() == 1 && said(&bench)[0].contains("is not there"), "{:?}", said(&bench));
    std::fs::write(path(0), first).unwrap();
    bench.behind_our_back("UPDATE pages SET version = version + 1 WHERE run = 1");
    assert!(said(&bench).len() == 1 && said(&bench)[0].contains("is that of page"), "{:?}", said(&bench));
}
