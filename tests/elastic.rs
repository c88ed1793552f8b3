//! The engine with a real Elasticsearch as its store: everything is there once, equal to the site, through outages.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "elasticsearch/bench.rs"]
mod bench;
#[path = "elasticsearch/node.rs"]
mod node;
#[path = "elasticsearch/proxy.rs"]
mod proxy;
mod shipped;

use std::collections::BTreeMap;

use bench::Bench;
use jobmarket::event::{Event, EventKind, Outcome};
use jobmarket::run::{Again, Asked, replay, run};
use jobmarket::search::{Facet, Filter, Search};
use jobmarket::store::Store;
use node::Node;
use proxy::{Fault, Proxy};
use sandbox::Site;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_site_shows_is_stored_once_and_found() {
    let mut bench = Bench::new(1_200).await;
    let (first, _) = bench.run("francetravail").await;
    assert_eq!((first.outcome, first.counts.new), (Outcome::Complete, 1_200), "{:?}", first.cause);
    let (second, _) = bench.run("francetravail").await;
    assert_eq!((second.counts.unchanged, second.counts.indexed), (1_200, 0));
    let stored = bench.stored("francetravail").await;
    let truths = bench.sites.world(|world| world.truth(Site::FranceTravail));
    assert_eq!(stored.len(), truths.len());
    for truth in &truths {
        assert_eq!(stored[&truth.id]["title"], truth.record["intitule"]);
    }

    // Aggregations say what a count over the documents says.
    let plan = bench.plan("francetravail");
    let store = bench.store().await;
    for field in ["contract.type", "location.department"] {
        let facets = vec![Facet::parse(&format!("{field}:200"), &plan.schema).unwrap()];
        let found = store.search(&Search { facets, ..Search::default() }).await.unwrap();
        let mut direct: BTreeMap<String, u64> = BTreeMap::new();
        for document in stored.values() {
            let value = document.pointer(&format!("/{}", field.replace('.', "/"))).and_then(|value| value.as_str());
            value.into_iter().for_each(|value| *direct.entry(value.to_owned()).or_default() += 1);
        }
        let counted = found.facets[0].1.iter().map(|(value, count)| (value.clone(), count.as_u64().unwrap())).collect();
        assert_eq!(direct, counted, "{field}");
    }
    let near = Filter::parse("location.point=48.8566,2.3522,25km", &plan.schema).unwrap();
    let found = store.search(&Search { filters: vec![near], limit: 10, ..Search::default() }).await.unwrap();
    let direct = stored.values().filter(|document| {
        let at = &document["location"]["point"];
        let point = at["lat"].as_f64().zip(at["lon"].as_f64());
        let here = jobmarket::search::Point { lat: 48.8566, lon: 2.3522 };
        point.is_some_and(|(lat, lon)| jobmarket::search::distance(here, jobmarket::search::Point { lat, lon }) <= 25.0)
    });
    assert_eq!(found.total, direct.count());
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_close_open_again_and_are_mapped_again() {
    let mut bench = Bench::new(0).await;
    bench.run("remotive").await;
    bench.sites.world(|world| world.show(Site::Remotive, 30, false));
    bench.run("remotive").await;
    let (third, _) = bench.run("remotive").await;
    assert_eq!(third.counts.closed, 30);
    let closed = |stored: &BTreeMap<String, serde_json::Value>| {
        stored.values().filter(|document| document["closed_reason"] == "not_seen").count()
    };
    let stored = bench.stored("remotive").await;
    assert_eq!((stored.len(), closed(&stored)), (250, 30));
    assert!(stored.values().all(|document| document["description"].is_string()), "full documents only");
    bench.sites.world(|world| world.show(Site::Remotive, 10, true));
    let (fourth, _) = bench.run("remotive").await;
    assert_eq!((fourth.counts.indexed, fourth.counts.new), (10, 0));
    assert_eq!(closed(&bench.stored("remotive").await), 20);
    let (engine, _heard) = bench.engine();
    let again = replay(bench.plan("remotive"), engine, Again::Everything).await.unwrap();
    let equal = again.counts.unchanged + again.counts.duplicate;
    assert_eq!((again.counts.indexed, equal), (0, 250), "what the store was told of closed offers is known");
    let text = bench.texts.iter_mut().find(|text| text.path == "sources/remotive.yaml").unwrap();
    text.text = text.text.replace("title: $.title", "title: $.title | upper");
    let (engine, _heard) = bench.engine();
    let again = replay(bench.plan("remotive"), engine, Again::Everything).await.unwrap();
    assert_eq!(again.counts.indexed, 250, "{:?}", again.counts);
    let stored = bench.stored("remotive").await;
    assert_eq!((stored.len(), closed(&stored)), (250, 20));
    assert!(
        stored.values().all(|document| document["title"].as_str().unwrap().chars().all(|sign| !sign.is_lowercase()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_does_not_close_stays_open_and_is_closed_later() {
    let node = Node::start();
    let proxy = Proxy::start(&node.url).await;
    let mut bench = Bench::at(node, &proxy.url, 0).await;
    bench.run("remotive").await;
    bench.sites.world(|world| world.show(Site::Remotive, 30, false));
    bench.run("remotive").await;
    // Nothing but closings is written by this run, and the server refuses each.
    proxy.order(Fault::Items(400, 100), 1);
    let (third, events) = bench.run("remotive").await;
    assert_eq!((third.counts.closed, third.counts.unchanged), (0, 220));
    let told =
        |event: &Event| matches!(&event.kind, EventKind::Warned { message } if message.contains("refuses to close 30"));
    assert!(events.iter().any(told), "{events:?}");
    let closed = |stored: &BTreeMap<String, serde_json::Value>| {
        stored.values().filter(|document| document["closed_reason"] == "not_seen").count()
    };
    assert_eq!(closed(&bench.stored("remotive").await), 0);
    let (fourth, _) = bench.run("remotive").await;
    assert_eq!(fourth.counts.closed, 30);
    let stored = bench.stored("remotive").await;
    assert_eq!(closed(&stored), 30);
    // Somebody opens five of them behind our back: a sweep finds that, and they are written closed again, as they were.
    for document in stored.values().filter(|document| document["closed_reason"] == "not_seen").take(5) {
        let mut open = document.clone();
        open.as_object_mut().unwrap().retain(|name, _| !name.starts_with("closed_"));
        let address = format!("{}/jobmarket-offers/_doc/{}", bench.node.url, document["id"].as_str().unwrap());
        let open = open.to_string();
        let arguments = ["-fsS", "-X", "PUT", &address, "-H", "Content-Type: application/json", "-d", &open];
        assert!(std::process::Command::new("curl").args(arguments).output().unwrap().status.success());
    }
    let (fifth, events) = bench.run("remotive").await;
    let told =
        |event: &Event| matches!(&event.kind, EventKind::Warned { message } if message.contains("5 offers differ"));
    assert!(events.iter().any(told), "{events:?}");
    assert_eq!(fifth.counts.closed, 0, "they were closed before");
    assert_eq!(closed(&bench.stored("remotive").await), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_lost_or_changed_is_mended_by_a_sweep() {
    let mut bench = Bench::new(0).await;
    bench.run("remotive").await;
    let before = bench.stored("remotive").await;
    let ids: Vec<&str> = before.values().take(20).map(|document| document["id"].as_str().unwrap()).collect();
    // Behind our back: ten documents are deleted, ten are written by somebody else.
    for (number, id) in ids.iter().enumerate() {
        let address = format!("{}/jobmarket-offers/_doc/{id}", bench.node.url);
        let body =
            serde_json::json!({"id": id, "source": "remotive", "source_id": "x", "title": "changed"}).to_string();
        let arguments: Vec<&str> = match number < 10 {
            true => vec!["-fsS", "-X", "DELETE", &address],
            false => vec!["-fsS", "-X", "PUT", &address, "-H", "Content-Type: application/json", "-d", &body],
        };
        assert!(std::process::Command::new("curl").args(arguments).output().unwrap().status.success());
    }
    let (mended, events) = bench.run("remotive").await;
    assert_eq!((mended.counts.indexed, mended.counts.unchanged), (20, 230), "{:?}", mended.counts);
    assert!(
        events
            .iter()
            .any(|event| matches!(&event.kind, EventKind::Warned { message } if message.contains("10 are lost")))
    );
    let title = |stored: &BTreeMap<String, serde_json::Value>| {
        stored.iter().map(|(key, document)| (key.clone(), document["title"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(title(&bench.stored("remotive").await), title(&before));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_only_takes_time() {
    let mut bench = Bench::new(6_000).await;
    let (engine, mut heard) = bench.engine();
    let plan = bench.plan("francetravail");
    let now = bench.now;
    let running = tokio::spawn(async move { run(plan, engine, now, Asked::Due).await });
    // After the first pages the server dies, and comes back while the run waits.
    let mut pages = 0;
    while pages < 3 {
        let event = heard.recv().await.unwrap();
        pages += u32::from(matches!(event.kind, EventKind::PageCommitted { .. }));
    }
    bench.node.kill();
    let waits = loop {
        if let EventKind::StoreAway { why, offers } = heard.recv().await.unwrap().kind {
            assert!(offers > 0);
            break why;
        }
    };
    assert!(waits.contains("cannot be reached"), "{waits}");
    bench.node.up();
    let summary = running.await.unwrap().unwrap();
    assert_eq!(
        (summary.outcome, summary.counts.fetched),
        (Outcome::Complete, summary.counts.indexed + summary.counts.duplicate + summary.counts.unchanged),
        "{summary:?}"
    );
    let stored = bench.stored("francetravail").await;
    assert_eq!(stored.len(), 6_000);
}

/// A server that is not there when the run begins, and dies ten times while it writes.
/// A data directory that takes a source over looks at what the other one stored; the other one is told, and stops.
/// One field more and one retyped while a run writes: searches never see fewer offers, and in the end each is there once.
/// A process ended between its request and its commit: what it wrote is known, and gone when the site shows it no more.
#[tokio::test(flavor = "multi_thread")]
async fn the_newer_version_takes_runs_too() {
    let Some(node) = Node::start_version("9.2.0") else { return };
    let url = node.url.clone();
    let mut bench = Bench::at(node, &url, 600).await;
    let (first, _) = bench.run("francetravail").await;
    assert_eq!((first.outcome, first.counts.new), (Outcome::Complete, 600), "{:?}", first.cause);
    let (second, _) = bench.run("francetravail").await;
    assert_eq!((second.counts.unchanged, second.counts.indexed), (600, 0));
    assert_eq!(bench.stored("francetravail").await.len(), 600);
    bench.run("remotive").await;
    bench.sites.world(|world| world.show(Site::Remotive, 30, false));
    bench.run("remotive").await;
    assert_eq!(bench.run("remotive").await.0.counts.closed, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_through_faults_of_every_kind_loses_and_doubles_nothing() {
    let node = Node::start();
    let proxy = Proxy::start(&node.url).await;
    let url = proxy.url.clone();
    let mut bench = Bench::at(node, &url, 3_000).await;
    proxy.random(7, 400);
    let (first, _) = bench.run("francetravail").await;
    assert_eq!((first.outcome, first.counts.new), (Outcome::Complete, 3_000), "{:?}", first.cause);
    let kinds = proxy.seen();
    assert!(kinds.len() >= 5, "the faults were too few to say anything: {kinds:?}");
    proxy.clear();
    let stored = bench.stored("francetravail").await;
    let truths = bench.sites.world(|world| world.truth(Site::FranceTravail));
    assert_eq!(stored.len(), truths.len());
    for truth in &truths {
        assert_eq!(stored[&truth.id]["title"], truth.record["intitule"]);
    }
    let (second, events) = bench.run("francetravail").await;
    assert_eq!((second.counts.unchanged, second.counts.indexed), (3_000, 0), "{events:?}");

    // A credential that is withdrawn in the middle ends the run with a message; the next one goes on from there.
    bench.sites.world(|world| world.show(Site::Remotive, 30, true));
    proxy.order(Fault::Status(401), 1);
    let (engine, mut heard) = bench.engine();
    let outcome = run(bench.plan("remotive"), engine, bench.now, Asked::Due).await;
    let told = match outcome {
        Ok(summary) => format!("{:?}", summary.cause),
        Err(error) => error.to_string(),
    };
    assert!(told.contains("refuses the credential"), "{told}");
    while heard.try_recv().is_ok() {}
    let (next, _) = bench.run("remotive").await;
    assert_eq!(next.outcome, Outcome::Complete, "{:?}", next.cause);
    assert_eq!(bench.stored("remotive").await.len(), 250);
}
