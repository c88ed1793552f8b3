//! What changes around a run that writes to Elasticsearch: its server, the owner of its source, the schema, its own end.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "elasticsearch/bench.rs"]
mod bench;
#[path = "elasticsearch/hand.rs"]
mod hand;
#[path = "elasticsearch/node.rs"]
mod node;
#[path = "elasticsearch/proxy.rs"]
mod proxy;
mod shipped;

use bench::Bench;
use chrono::{TimeDelta, Utc};
use hand::hand;
use jobmarket::event::{Event, EventKind, Outcome};
use jobmarket::offer::{Batch, Item, Lifecycle, OfferId, Version};
use jobmarket::run::{Asked, run};
use jobmarket::search::Search;
use jobmarket::state::Reader;
use jobmarket::state::words::{Brought, Intent};
use jobmarket::store::Store;
use jobmarket::store::elastic::Elastic;
use node::Node;
use proxy::{Fault, Proxy};
use sandbox::Site;
use tokio::sync::mpsc::UnboundedReceiver;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_ten_times_loses_and_doubles_nothing() {
    let mut bench = Bench::new(4_000).await;
    bench.node.kill();
    let (engine, mut heard) = bench.engine();
    let (plan, now, data) = (bench.plan("francetravail"), bench.now, bench.dir.path().to_owned());
    let running = tokio::spawn(async move { run(plan, engine, now, Asked::Due).await });
    let away = async |heard: &mut UnboundedReceiver<Event>| loop {
        match heard.recv().await.unwrap().kind {
            EventKind::StoreAway { why, offers } => break Some((why, offers)),
            EventKind::RunEnded { .. } => break None,
            _ => {}
        }
    };
    let (why, offers) = away(&mut heard).await.unwrap();
    assert!(why.contains("cannot be reached") && offers == 0, "{why}");
    // What waits is told to those who ask, and since when.
    let waiting = loop {
        let sources = Reader::open(&data).unwrap().unwrap().sources().unwrap();
        if let Some(waiting) = sources.into_iter().find_map(|source| source.waiting) {
            break waiting;
        }
        tokio::task::yield_now().await;
    };
    assert!(waiting.why.contains("cannot be reached") && waiting.since <= Utc::now(), "{waiting:?}");
    let mut deaths = 1;
    bench.node.up();
    while deaths < 10 {
        let committed = loop {
            match heard.recv().await.unwrap().kind {
                EventKind::PageCommitted { .. } => break true,
                EventKind::RunEnded { .. } => break false,
                _ => {}
            }
        };
        assert!(committed, "the run ended after {deaths} deaths");
        bench.node.kill();
        deaths += 1;
        bench.node.up();
    }
    let summary = running.await.unwrap().unwrap();
    assert!(summary.counts.add_up() && summary.outcome == Outcome::Complete, "{summary:?}");
    assert!(Reader::open(&data).unwrap().unwrap().sources().unwrap().iter().all(|source| source.waiting.is_none()));
    let stored = bench.stored("francetravail").await;
    let truths = bench.sites.world(|world| world.truth(Site::FranceTravail));
    assert_eq!(stored.len(), truths.len());
    truths.iter().for_each(|truth| assert_eq!(stored[&truth.id]["title"], truth.record["intitule"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_data_directory_takes_a_source_over() {
    let mut bench = Bench::new(0).await;
    bench.run("remotive").await;
    let first = std::mem::replace(&mut bench.dir, tempfile::tempdir().unwrap());
    // The claim as a program before wrote it: what it brought is of the same request, so sweeps of this one close it.
    let old = format!(r#"{{"doc": {{"ask": "{}"}}}}"#, bench.plan("remotive").legacy.request);
    hand(&bench.node, "POST", "jobmarket-claims/_update/remotive", &old).await;
    bench.sites.world(|world| world.show(Site::Remotive, 30, false));
    let (second, events) = bench.run("remotive").await;
    // Nothing is known here: all is written again, under a higher fence, and what is gone is found open.
    assert_eq!((second.counts.indexed, second.outcome), (220, Outcome::Complete));
    let said = |events: &[Event]| {
        events.iter().any(|event| matches!(&event.kind, EventKind::Warned { message } if message.contains("differs")))
    };
    assert!(said(&events));
    let (third, events) = bench.run("remotive").await;
    assert_eq!((third.counts.unchanged, third.counts.closed, said(&events)), (220, 30, false));
    // The first one comes back: what it knows is not so any more.
    bench.dir = first;
    let (back, events) = bench.run("remotive").await;
    assert_eq!((back.counts.indexed, said(&events)), (220, true), "{:?}", back.counts);
    assert_eq!(bench.stored("remotive").await.len(), 250);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_schema_takes_the_place_under_a_running_ingestion() {
    const OFFERS: usize = 50_000;
    let mut bench = Bench::new(OFFERS).await;
    let (first, _) = bench.run("francetravail").await;
    assert_eq!((first.counts.new as usize, first.outcome), (OFFERS, Outcome::Complete));
    let before = bench.store().await.search(&Search::default()).await.unwrap().total;
    let text = bench.texts.iter_mut().find(|text| text.path == "mappings/offer.yaml").unwrap();
    let line = text.text.lines().find(|line| line.starts_with("positions:")).unwrap().to_owned();
    text.text = text.text.replace(&line, "positions: {keyword: {doc: Retyped}}\nseniority: {keyword: {doc: Added}}");
    bench.sites.world(|world| world.revise(Site::FranceTravail, 3_000));

    let (engine, mut heard) = bench.engine();
    let (plan, now) = (bench.plan("francetravail"), bench.now + TimeDelta::hours(1));
    let store = Elastic::open(plan.server.as_ref().unwrap(), plan.schema.clone()).await.unwrap();
    let running =
        tokio::spawn(async move { run(plan, engine, now, Asked::Span((now - TimeDelta::days(60), now))).await });
    let (mut least, mut searches) = (usize::MAX, 0);
    while !running.is_finished() {
        least = least.min(store.search(&Search::default()).await.unwrap().total);
        searches += 1;
    }
    let summary = running.await.unwrap().unwrap();
    assert_eq!(summary.outcome, Outcome::Complete, "{:?}", summary.cause);
    assert!(least >= before && searches > 5, "{searches} searches, {least} of {before} offers");
    let events: Vec<EventKind> = std::iter::from_fn(|| heard.try_recv().ok()).map(|event| event.kind).collect();
    let place = |of: &dyn Fn(&EventKind) -> bool| events.iter().position(of);
    let copied = events.iter().rposition(|kind| matches!(kind, EventKind::StoreCopied { offers, of } if offers == of));
    let page = place(&|kind| matches!(kind, EventKind::PageCommitted { .. }));
    assert!(page < copied && page.is_some(), "pages are written while offers are copied");
    let stored = bench.stored("francetravail").await;
    assert_eq!(stored.len(), OFFERS);
    let truths = bench.sites.world(|world| world.truth(Site::FranceTravail));
    for truth in &truths {
        let stored = &stored[&truth.id];
        assert_eq!(stored["title"], truth.record["intitule"]);
        assert!(stored["positions"].is_string(), "{}", stored["positions"]);
    }
    assert_eq!(store.search(&Search::default()).await.unwrap().total, OFFERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_does_not_wait_for_the_copy_of_another_schema() {
    let node = Node::start();
    let proxy = Proxy::start(&node.url).await;
    let mut bench = Bench::at(node, &proxy.url, 0).await;
    bench.run("remotive").await;
    let text = bench.texts.iter_mut().find(|text| text.path == "mappings/offer.yaml").unwrap();
    text.text += "\nseniority: {keyword: {doc: Added}}\n";
    let (engine, mut heard) = bench.engine();
    let (plan, now, stop) = (bench.plan("remotive"), bench.now + TimeDelta::days(1), engine.clone());
    let running = tokio::spawn(async move { run(plan, engine, now, Asked::Due).await });
    while !matches!(heard.recv().await.unwrap().kind, EventKind::RunStarted { .. }) {}
    // Longer than the test may take: the copy is not over before it is left.
    proxy.order_all(Fault::Slow(30_000), 1_000);
    stop.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let summary = tokio::time::timeout(std::time::Duration::from_secs(20), running).await.unwrap().unwrap().unwrap();
    assert_eq!(summary.outcome, Outcome::Stopped);
    drop(stop);
    proxy.clear();
    assert!(bench.store().await.search(&Search { closed: true, ..Search::default() }).await.unwrap().total == 250);
    let (next, _) = bench.run("remotive").await;
    assert_eq!((next.outcome, next.counts.unchanged + next.counts.indexed), (Outcome::Complete, 250));
    assert_eq!(bench.stored("remotive").await.len(), 250);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_wrote_that_was_never_committed_is_closed_by_sweeps() {
    let mut bench = Bench::new(0).await;
    bench.run("remotive").await;
    let plan = bench.plan("remotive");
    let (engine, _heard) = bench.engine();
    let (id, version, at) = (OfferId::new("remotive", "lost"), Version::new(1_000_000_000, 1), Utc::now());
    let content = br#"{"id":"ID","source":"remotive","source_id":"lost","url":"u","title":"Lost"}"#;
    let content = String::from_utf8_lossy(content).replace("ID", &id.to_string());
    let brought = Brought { ask: plan.fingerprints.request.clone(), partition: "{}".into(), start: None, again: false };
    let intent = Intent {
        row: 100_000,
        source: "remotive".into(),
        id,
        key: "lost".into(),
        version,
        first_seen: at,
        brought: Some(brought),
    };
    engine.state.intent(vec![intent]).await.unwrap();
    let lifecycle = Lifecycle { first_seen_at: at, changed_at: at, closed: None, page: version, mapping: "m".into() };
    let item = Item { row: 100_000, id, content: 1, lifecycle, text: content.into() };
    let store = Elastic::to_write(plan.server.as_ref().unwrap(), plan.schema.clone()).await.unwrap();
    let batch = Batch { version, items: vec![item] };
    assert_eq!(store.write(&batch).await.unwrap().refused, []);
    drop(engine);
    // The sweep before it could not show it: two that began since are without it.
    for closed in [0, 1] {
        let (next, _) = bench.run("remotive").await;
        assert_eq!((next.counts.closed, next.counts.unchanged), (closed, 250), "{:?}", next.counts);
    }
    assert_eq!(bench.stored("remotive").await["lost"]["closed_reason"], "not_seen");
}
