//! A server that loses what it held: noticed by the next run at the latest, told, and written again; until then nothing
//! says that all is there.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "../elasticsearch/bench.rs"]
mod bench;
#[path = "../elasticsearch/hand.rs"]
mod hand;
#[path = "../elasticsearch/node.rs"]
mod node;
#[path = "../elasticsearch/proxy.rs"]
mod proxy;
#[path = "../shipped/mod.rs"]
mod shipped;
mod watch;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bench::Bench;
use hand::hand;
use jobmarket::event::{Event, EventKind, Outcome};
use jobmarket::run::{Closes, RunError, close};
use jobmarket::search::Search;
use jobmarket::store::Store;
use jobmarket::store::elastic::Elastic;
use node::Node;
use proxy::{Fault, Proxy};
use sandbox::Site;
use serde_json::Value;
use watch::{alerts, begun, changed, delete_index, index, soon, standing, warned, warnings};

const FT: &str = "francetravail";

/// Closes 40 offers of France Travail.
async fn close_some(bench: &mut Bench) {
    bench.sites.world(|world| world.show(Site::FranceTravail, 40, false));
    bench.run(FT).await;
    assert_eq!(bench.run(FT).await.0.counts.closed, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_deleted_comes_back_whole() {
    let node = Node::start();
    let proxy = Proxy::start(&node.url).await;
    let mut bench = Bench::at(node, &proxy.url, 3_000).await;

    // In the middle of a run.
    proxy.order(Fault::Slow(150), 1_000);
    let (running, heard) = begun(&mut bench, FT, 5).await;
    delete_index(&bench).await;
    proxy.clear();
    let summary = running.await.unwrap().unwrap();
    let events = heard.all();
    assert_eq!(bench.stored(FT).await.len(), 3_000, "{summary:?}");
    assert_eq!((summary.outcome, alerts(&bench, FT)), (Outcome::Complete, 0), "{:?}", summary.cause);
    assert_eq!(
        (warned(&events, "are lost"), warned(&events, "written again from the archive")),
        (1, 1),
        "{:?}",
        warnings(&events)
    );
    assert_eq!((summary.counts.fetched, summary.counts.new), (3_000, 3_000), "what is mended is not fetched");

    // Between two runs: the next one reads only what is new, and closed offers are on no page any more.
    close_some(&mut bench).await;
    let before = standing(&bench, FT).await;
    delete_index(&bench).await;
    let (summary, events) = soon(&mut bench, FT).await;
    assert_eq!((summary.outcome, warned(&events, "are lost")), (Outcome::Complete, 1), "{:?}", summary.cause);
    assert_eq!(changed(&before, &standing(&bench, FT).await), None);
    let (summary, events) = soon(&mut bench, FT).await;
    assert_eq!((summary.counts.indexed, warned(&events, "are lost")), (0, 0), "it is told once");

    // By the run of another source, and by another data directory: each source looks at its own.
    delete_index(&bench).await;
    bench.run("remotive").await;
    let (summary, events) = soon(&mut bench, FT).await;
    assert_eq!((summary.outcome, warned(&events, "are lost")), (Outcome::Complete, 1), "{:?}", summary.cause);
    assert_eq!(changed(&before, &standing(&bench, FT).await), None);
    delete_index(&bench).await;
    let first = std::mem::replace(&mut bench.dir, tempfile::tempdir().unwrap());
    bench.run("remotive").await;
    bench.dir = first;
    let (summary, events) = soon(&mut bench, FT).await;
    assert_eq!((summary.outcome, warned(&events, "are lost")), (Outcome::Complete, 1), "{:?}", summary.cause);
    assert_eq!(changed(&before, &standing(&bench, FT).await), None);

    // After the last page of a run, and before a command that asks no site.
    proxy.order_all(Fault::Slow(300), 1_000);
    let (running, _heard) = begun(&mut bench, "remotive", 1).await;
    delete_index(&bench).await;
    proxy.clear();
    let summary = running.await.unwrap().unwrap();
    assert_eq!((summary.outcome, bench.stored("remotive").await.len()), (Outcome::Complete, 250));
    soon(&mut bench, FT).await;
    delete_index(&bench).await;
    let (engine, mut heard) = bench.engine();
    let summary = close(bench.plan(FT), engine, bench.now, Closes::OlderAsk).await.unwrap();
    let events: Vec<Event> = std::iter::from_fn(|| heard.try_recv().ok()).collect();
    assert_eq!((summary.outcome, warned(&events, "are lost")), (Outcome::Complete, 1), "{:?}", summary.cause);
    assert_eq!(changed(&before, &standing(&bench, FT).await), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changed_of_documents_is_taken_back_whether_the_site_shows_them_or_not() {
    let mut bench = Bench::new(1_000).await;
    bench.run(FT).await;
    close_some(&mut bench).await;
    // These leave the site now, and are no more than not seen at the next sweep.
    let shown = bench.stored(FT).await;
    bench.sites.world(|world| world.show(Site::FranceTravail, 60, false));
    let before = standing(&bench, FT).await;
    let index = index(&bench).await;
    let is_closed = |document: &Value| document["closed_at"].is_string();
    let ids = |closed: bool| shown.values().filter(move |offer| is_closed(offer) == closed).map(|offer| &offer["id"]);
    let id = |id: &Value| id.as_str().unwrap().to_owned();
    // Edited in place, replaced as a whole, opened again.
    for of in ids(false).take(150).chain(ids(true).take(10)).map(id) {
        let body = r#"{"doc": {"title": "by hand"}}"#;
        hand(&bench.node, "POST", &format!("{index}/_update/{of}"), body).await;
    }
    for of in ids(true).skip(10).take(10).map(id) {
        let mut whole = hand(&bench.node, "GET", &format!("{index}/_source/{of}"), "").await;
        whole.as_object_mut().unwrap().retain(|name, _| !name.starts_with("closed"));
        hand(&bench.node, "PUT", &format!("{index}/_doc/{of}"), &whole.to_string()).await;
    }
    let (summary, events) = bench.run(FT).await;
    assert_eq!((summary.outcome, alerts(&bench, FT)), (Outcome::Complete, 0), "{:?}", summary.cause);
    assert_eq!((warned(&events, "170 offers differ"), summary.counts.closed), (1, 0), "{:?}", warnings(&events));
    assert_eq!(changed(&before, &standing(&bench, FT).await), None);
    // None of it is new for the sweep after it, which closes what it sees no more.
    let (summary, events) = bench.run(FT).await;
    assert_eq!((warned(&events, "differ"), summary.counts.closed), (0, 20), "{:?}", warnings(&events));
    assert!(bench.stored(FT).await.values().all(|offer| offer["title"] != "by hand"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_archive_cannot_bring_back_is_told_until_it_is_there() {
    let mut bench = Bench::new(1_200).await;
    bench.run(FT).await;
    let archive = bench.dir.path().join("raw");
    let aside = bench.dir.path().join("aside");
    std::fs::rename(&archive, &aside).unwrap();
    delete_index(&bench).await;
    let (summary, _) = soon(&mut bench, FT).await;
    assert_eq!(summary.outcome, Outcome::Partial);
    let cause = summary.cause.unwrap();
    assert!(cause.contains("the store has lost"), "{cause}");
    let lost = 1_200 - bench.stored(FT).await.len();
    assert!(lost > 0 && cause.contains(&lost.to_string()), "{lost}: {cause}");
    assert_eq!(alerts(&bench, FT), 1);
    // It stays so: a run that finds nothing new is not complete either.
    let (summary, _) = soon(&mut bench, FT).await;
    assert_eq!((summary.outcome, alerts(&bench, FT)), (Outcome::Partial, 1));
    // The archive is found again.
    std::fs::remove_dir_all(&archive).unwrap();
    std::fs::rename(&aside, &archive).unwrap();
    let (summary, _) = soon(&mut bench, FT).await;
    assert_eq!((summary.outcome, alerts(&bench, FT)), (Outcome::Complete, 0), "{:?}", summary.cause);
    assert_eq!(bench.stored(FT).await.len(), 1_200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_snapshot_that_is_put_back_is_noticed_at_once() {
    let node = Node::start();
    let proxy = Proxy::start(&node.url).await;
    let mut bench = Bench::at(node, &proxy.url, 1_500).await;
    let repository = r#"{"type":"fs","settings":{"location":"kept"}}"#;
    hand(&bench.node, "PUT", "_snapshot/kept", repository).await;
    let names = r#"{"persistent":{"action.destructive_requires_name":false}}"#;
    hand(&bench.node, "PUT", "_cluster/settings", names).await;
    bench.run(FT).await;
    hand(&bench.node, "PUT", "_snapshot/kept/one?wait_for_completion=true", r#"{"indices":"jobmarket-*"}"#).await;
    // Since then: closed, changed and new ones.
    close_some(&mut bench).await;
    bench.sites.world(|world| world.revise(Site::FranceTravail, 50));
    bench.run(FT).await;
    let before = standing(&bench, FT).await;

    // All of it, over what is there; then the offers alone, and the claims alone.
    for (number, what) in ["jobmarket-*", "jobmarket-offers-*", "jobmarket-claims"].into_iter().enumerate() {
        hand(&bench.node, "POST", &format!("{what}/_close"), "").await;
        let body = format!(r#"{{"indices":"{what}"}}"#);
        hand(&bench.node, "POST", "_snapshot/kept/one/_restore?wait_for_completion=true", &body).await;
        let (summary, events) = soon(&mut bench, FT).await;
        assert_eq!(summary.outcome, Outcome::Complete, "{what}: {:?}", summary.cause);
        assert_eq!(warned(&events, "are lost"), usize::from(number < 2), "{what}: {:?}", warnings(&events));
        assert_eq!(changed(&before, &standing(&bench, FT).await), None, "{what}");
    }

    // In the middle of a run.
    bench.sites.world(|world| world.revise(Site::FranceTravail, 1_000));
    proxy.order(Fault::Slow(300), 1_000);
    let (running, heard) = begun(&mut bench, FT, 3).await;
    hand(&bench.node, "POST", "jobmarket-*/_close", "").await;
    assert!(!running.is_finished());
    proxy.clear();
    hand(&bench.node, "POST", "_snapshot/kept/one/_restore?wait_for_completion=true", r#"{"indices":"jobmarket-*"}"#)
        .await;
    let summary = running.await.unwrap().unwrap();
    assert_eq!((summary.outcome, alerts(&bench, FT)), (Outcome::Complete, 0), "{:?}", summary.cause);
    let events = heard.all();
    let stored = bench.stored(FT).await;
    let truths = bench.sites.world(|world| world.truth(Site::FranceTravail));
    // What the site does not show any more was not read again.
    for truth in truths.iter().filter(|truth| truth.present) {
        let revision = truth.record["description"].as_str().unwrap().lines().last().unwrap();
        assert!(stored[&truth.id]["description"].as_str().unwrap().ends_with(revision), "{}: {revision}", truth.id);
    }
    let closed = |stored: &BTreeMap<String, Value>| {
        stored
            .iter()
            .filter(|(_, offer)| offer["closed_at"].is_string())
            .map(|(key, _)| key.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(closed(&stored), closed(&before), "{:?}", warnings(&events));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_is_gone_is_nobody_elses() {
    let node = Node::start();
    let proxy = Proxy::start(&node.url).await;
    let mut bench = Bench::at(node, &proxy.url, 1_500).await;
    bench.run(FT).await;
    bench.sites.world(|world| world.show(Site::FranceTravail, 40, false));
    bench.run(FT).await;
    // The claim of the source, then all claims, in the middle of a run that closes offers at its end.
    for (path, closed) in [("jobmarket-claims/_doc/francetravail", 40), ("jobmarket-claims", 30)] {
        proxy.order_all(Fault::Slow(100), 1_000);
        let (running, heard) = begun(&mut bench, FT, 3).await;
        hand(&bench.node, "DELETE", path, "").await;
        proxy.clear();
        let summary = running.await.unwrap().unwrap();
        let events = heard.all();
        assert_eq!((summary.outcome, summary.counts.closed), (Outcome::Complete, closed), "{:?}", summary.cause);
        assert_eq!(warned(&events, "claim"), 1, "{:?}", warnings(&events));
        bench.sites.world(|world| world.show(Site::FranceTravail, 70, false));
        bench.run(FT).await;
    }
    // Between two runs: what is stored is looked at.
    let before = standing(&bench, FT).await;
    let id = before.values().next().unwrap()["id"].as_str().unwrap().to_owned();
    hand(&bench.node, "DELETE", &format!("jobmarket-offers/_doc/{id}?refresh=true"), "").await;
    hand(&bench.node, "DELETE", "jobmarket-claims", "").await;
    let (summary, _) = soon(&mut bench, FT).await;
    assert_eq!(summary.outcome, Outcome::Complete, "{:?}", summary.cause);
    assert_eq!(changed(&before, &standing(&bench, FT).await), None);
    // Somebody else who really took it is told as such.
    bench.sites.world(|world| world.show(Site::FranceTravail, 90, false));
    bench.run(FT).await;
    proxy.order_all(Fault::Slow(100), 1_000);
    let (running, _heard) = begun(&mut bench, FT, 3).await;
    let taken = r#"{"source":"francetravail","owner":"else","fence":"9999999999","ask":""}"#;
    hand(&bench.node, "PUT", "jobmarket-claims/_doc/francetravail", taken).await;
    let error = running.await.unwrap().unwrap_err();
    assert!(matches!(error, RunError::Fenced), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_told_once_and_lasts_as_long_as_it_lasts() {
    let mut bench = Bench::new(4_000).await;
    let (running, heard) = begun(&mut bench, FT, 3).await;
    let began = Instant::now();
    bench.node.kill();
    // Long enough for each of four pages to try again several times.
    tokio::time::sleep(Duration::from_secs(4)).await;
    bench.node.up();
    let summary = running.await.unwrap().unwrap();
    let wall = began.elapsed().as_secs_f64();
    assert_eq!((summary.outcome, summary.counts.new), (Outcome::Complete, 4_000), "{:?}", summary.cause);
    let events = heard.all();
    let away = events.iter().filter(|event| matches!(event.kind, EventKind::StoreAway { .. })).count();
    let back: Vec<f64> = events
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::StoreBack { seconds } => Some(seconds),
            _ => None,
        })
        .collect();
    assert_eq!((away, back.len()), (1, 1), "{:?}", warnings(&events));
    assert!((3.0..=wall).contains(&back[0]), "{back:?} of {wall}");
    assert_eq!(bench.stored(FT).await.len(), 4_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_wrote_is_found_when_it_ends() {
    let node = Node::start();
    let proxy = Proxy::start(&node.url).await;
    let mut bench = Bench::at(node, &proxy.url, 0).await;
    bench.run("remotive").await;
    let index = index(&bench).await;
    let never = r#"{"index.refresh_interval": -1}"#;
    hand(&bench.node, "PUT", &format!("{index}/_settings"), never).await;
    let plan = bench.plan("remotive");
    let store = Elastic::open(plan.server.as_ref().unwrap(), plan.schema.clone()).await.unwrap();
    let open = async || store.search(&Search::default()).await.unwrap().total;
    assert_eq!(open().await, 250);
    bench.sites.world(|world| world.show(Site::Remotive, 30, false));
    bench.run("remotive").await;
    assert_eq!(bench.run("remotive").await.0.counts.closed, 30);
    assert_eq!(open().await, 220, "closings of a run");
    let (engine, _heard) = bench.engine();
    close(bench.plan("remotive"), engine, bench.now, Closes::Everything).await.unwrap();
    assert_eq!(open().await, 0, "closings by hand");
    bench.sites.world(|world| world.show(Site::Remotive, 10, true));
    assert_eq!(bench.run("remotive").await.0.counts.indexed, 230);
    assert_eq!(open().await, 230, "a run");
    // A server that cannot do it fails no run, and is told.
    proxy.answer("/jobmarket-offers/_refresh", 503, "{}");
    let (engine, mut heard) = bench.engine();
    let summary = close(bench.plan("remotive"), engine, bench.now, Closes::OlderAsk).await.unwrap();
    let events: Vec<Event> = std::iter::from_fn(|| heard.try_recv().ok()).collect();
    assert_eq!(summary.outcome, Outcome::Complete, "{:?}", summary.cause);
    assert_eq!(warned(&events, "not found by searches"), 1, "{:?}", warnings(&events));
}
