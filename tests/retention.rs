//! What retention deletes and what it keeps, and stores that are built again out of what it kept.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod keeping;
mod shipped;

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::Ordering;

use chrono::{TimeDelta, Utc};
use jobmarket::archive;
use jobmarket::event::{EventKind, Outcome};
use jobmarket::retention::{Thinning, closed, delete};
use jobmarket::run::{Again, Asked, replay, run};
use jobmarket::search::Search;
use jobmarket::state::State;
use jobmarket::store::{AnyStore, Store};
use keeping::{Bench, SOURCES};
use sandbox::Site;

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
    assert_eq!(bench.differences().await, []);
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
    assert_eq!(bench.differences().await, []);
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
    assert_eq!(bench.differences().await, []);
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
    assert_eq!(bench.differences().await, []);
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
    let details = bench
        .reader()
        .pages_after("smartrecruiters", 0, 10_000)
        .unwrap()
        .iter()
        .map(|page| page.archived.len())
        .sum::<usize>();
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
    assert_eq!(
        delete((&state, &reader), &AnyStore::Local(bench.store()), "remotive", (past, Utc::now())).await.unwrap(),
        0
    );
    assert_eq!(
        delete((&state, &reader), &AnyStore::Local(bench.store()), "remotive", (future, Utc::now())).await.unwrap(),
        30
    );
    drop(state);
    assert_eq!((found(&bench).await, bench.stored("remotive").len()), (220, 220));
    assert_eq!(bench.differences().await, []);
    // The highest rows are gone too; what returns, and what is new, has rows that nobody had.
    let state = State::open(bench.dir.path()).unwrap();
    bench.behind_our_back("UPDATE known SET closed_at = 5, reason = 'gone' WHERE n > 100");
    delete((&state, &reader), &AnyStore::Local(bench.store()), "remotive", (future, Utc::now())).await.unwrap();
    drop(state);
    bench.sites.world(|world| world.show(Site::Remotive, 250, true));
    let back = bench.run("remotive").await;
    assert!(back.counts.new > 100, "{:?}", back.counts);
    let given: HashSet<u64> = first.values().copied().collect();
    let (kept, new): (Vec<_>, Vec<_>) = rows(&bench).into_iter().partition(|(key, row)| first.get(key) == Some(row));
    assert_eq!(kept.len() + new.len(), 250);
    assert!(new.len() as u64 == back.counts.new && new.iter().all(|(_, row)| !given.contains(row)), "{new:?}");
    assert_eq!((found(&bench).await, bench.differences().await), (250, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_says_what_differs() {
    let mut bench = Bench::new(0).await;
    bench.run("remotive").await;
    bench.sites.world(|world| world.revise(Site::Remotive, 100));
    bench.run("remotive").await;
    assert_eq!(bench.differences().await, []);
    bench.behind_our_back("UPDATE runs SET indexed = indexed + 1 WHERE run = 1");
    let said = async |bench: &Bench| {
        let mut said: Vec<String> = bench.differences().await.iter().map(ToString::to_string).collect();
        said.sort();
        said
    };
    let told = said(&bench).await;
    assert!(told.len() == 2 && told[0].contains("run 1: "), "{told:?}");
    bench.behind_our_back("UPDATE runs SET indexed = indexed - 1 WHERE run = 1");
    // A record that is another one's, one that is broken, and one whose segment is gone.
    let segments = archive::segments(&bench.root(), "remotive").unwrap();
    let path = |number: usize| bench.root().join(&segments[number].name);
    let (first, second) = (std::fs::read(path(0)).unwrap(), std::fs::read(path(1)).unwrap());
    let mut broken = second.clone();
    let middle = broken.len() / 2;
    broken[middle] ^= 1;
    std::fs::write(path(1), broken).unwrap();
    let told = said(&bench).await;
    assert!(told.len() == 1 && told[0].contains("is broken"), "{told:?}");
    std::fs::remove_file(path(0)).unwrap();
    std::fs::write(path(1), &second).unwrap();
    let told = said(&bench).await;
    assert!(told.len() == 1 && told[0].contains("is not there"), "{told:?}");
    std::fs::write(path(0), first).unwrap();
    bench.behind_our_back("UPDATE pages SET version = version + 1 WHERE run = 1");
    let told = said(&bench).await;
    assert!(told.len() == 1 && told[0].contains("is that of page"), "{told:?}");
}
