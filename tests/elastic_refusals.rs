//! Whose fault a refusal is: what only one document cannot have goes to the quarantine, what none can have is the index's.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "elasticsearch/bench.rs"]
mod bench;
#[path = "elasticsearch/hand.rs"]
mod hand;
#[path = "elasticsearch/node.rs"]
mod node;
#[path = "elasticsearch/numbered.rs"]
mod numbered;
#[path = "elasticsearch/proxy.rs"]
mod proxy;
mod shipped;
#[path = "elasticsearch/side.rs"]
mod side;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bench::Bench;
use hand::{behind, hand};
use jobmarket::definition;
use jobmarket::event::{Event, EventKind, Outcome};
use jobmarket::run::{Asked, Engine, RunError, Summary, run};
use jobmarket::state::Reader;
use jobmarket::store::elastic::Elastic;
use jobmarket::store::{Store, StoreError, Written};
use node::Node;
use numbered::{offers, schema, texts};
use proxy::{Fault, Large, Proxy};
use sandbox::Site;
use serde_json::{Value, json};
use side::Side;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

/// The reason of each offer that is refused, by its place.
fn reasons(written: &Written) -> Vec<(usize, &str)> {
    written.refused.iter().map(|(at, reject)| (*at, reject.reason.as_str())).collect()
}

async fn pipeline(node: &Node, name: &str, processor: &Value) {
    let body = json!({"processors": [processor]}).to_string();
    hand(node, "PUT", &format!("_ingest/pipeline/{name}"), &body).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_none_gets_through_is_told_and_what_one_cannot_have_is_its_own() {
    let node = Node::start();
    let side = Side::new(&node).await;
    let index = side.index(&node).await;
    let processors = [
        ("fails", json!({"fail": {"message": "not today"}})),
        ("drops", json!({"drop": {}})),
        ("adds", json!({"set": {"field": "ingested_at", "value": "x"}})),
        ("spoils", json!({"set": {"field": "published_at", "value": "someday"}})),
        ("lacks", json!({"remove": {"field": "positions"}})),
        ("sends", json!({"set": {"field": "_index", "value": "nowhere"}})),
        ("moves", json!({"set": {"field": "_index", "value": "aside-here"}})),
        ("renames", json!({"set": {"field": "_id", "value": "one"}})),
    ];
    for (name, processor) in &processors {
        pipeline(&node, name, processor).await;
    }
    let set = async |setting: &str, value: Value| {
        let body = json!({setting: value}).to_string();
        hand(&node, "PUT", &format!("{index}/_settings"), &body).await;
    };
    let situations = [
        ("index.default_pipeline", "enrich", "pipeline with id [enrich] does not exist"),
        ("index.final_pipeline", "enrich", "pipeline with id [enrich] does not exist"),
        ("index.default_pipeline", "fails", "not today"),
        ("index.default_pipeline", "drops", "drops it"),
        ("index.final_pipeline", "drops", "drops it"),
        ("index.default_pipeline", "adds", "introduction of [ingested_at]"),
        ("index.default_pipeline", "spoils", "failed to parse field [published_at]"),
        ("index.default_pipeline", "lacks", "field [positions] not present"),
        ("index.default_pipeline", "sends", "no such index [nowhere]"),
        ("index.final_pipeline", "sends", "can't change the target index"),
    ];
    // Nothing is stored yet, then something is; many at once, or one alone; and by a process that wrote nothing yet.
    for (round, (setting, value, words)) in situations.into_iter().enumerate() {
        let title = format!("round {round}");
        let fresh = Elastic::to_write(&side.server, schema()).await.unwrap();
        set(setting, value.into()).await;
        let side = Side {
            store: fresh,
            proxy: Proxy::start(&node.url).await,
            server: side.server.clone(),
            tickets: AtomicU64::new(100 * (round as u64 + 1)),
            url: side.url.clone(),
        };
        for numbers in [0..50, 3..4] {
            let told = side.refuses(numbers, &title).await;
            let mend = format!("PUT /{index}/_settings {{\"{setting}\": null}}");
            for part in [words, &format!("`{value}`"), &mend, "takes no offer"] {
                assert!(told.contains(part), "{part}: {told}");
            }
        }
        set(setting, Value::Null).await;
        assert_eq!(side.stored().await.len(), if round == 0 { 0 } else { 50 });
        side.is_written(0..50, &title).await;
    }

    // An offer that comes to be somewhere else ends the run.
    hand(&node, "PUT", "aside", r#"{"aliases": {"aside-here": {}}, "mappings": {"dynamic": false}}"#).await;
    let (before, _) = (side.stored().await, side.tickets.store(10_000, Ordering::Relaxed));
    for (name, place) in [("moves", "`aside` as "), ("renames", " as `one`")] {
        set("index.default_pipeline", name.into()).await;
        let error = side.write(&offers(100..110, name)).await.unwrap_err();
        assert!(!error.passes() && error.to_string().contains(place), "{error}");
        assert!(error.to_string().contains(&format!("`index.default_pipeline` is `{name}`")), "{error}");
        set("index.default_pipeline", Value::Null).await;
    }
    hand(&node, "DELETE", &format!("{index}/_doc/one?refresh=true"), "").await;
    assert_eq!(side.stored().await, before);

    // What only some cannot have is theirs, with others beside them or alone.
    set("index.default_pipeline", "lacks".into()).await;
    let mut some = offers(200..210, "some");
    some.iter_mut().filter(|(number, _)| number % 5 != 0).for_each(|(_, offer)| offer["positions"] = 2.into());
    let written = side.write(&some).await.unwrap();
    assert_eq!(reasons(&written), [(0, "store_mapping"), (5, "store_mapping")]);
    assert_eq!(reasons(&side.write(&some[5..6]).await.unwrap()), [(0, "store_mapping")]);
    assert_eq!(side.stored().await.len(), 58);
    set("index.default_pipeline", Value::Null).await;

    // A change of the schema copies nothing into an index that takes nothing, and loses nothing.
    let mut texts = texts();
    let text = texts.iter_mut().find(|text| text.path == "mappings/offer.yaml").unwrap();
    text.text += "\nseniority: {keyword: {doc: Added}}\n";
    let next = Elastic::to_write(&side.server, definition::read(&texts).0.schema).await.unwrap();
    let index = side.index(&node).await;
    hand(&node, "PUT", &format!("{index}/_settings"), r#"{"index.default_pipeline": "enrich"}"#).await;
    let error = next.rebuild(&|_, _| {}).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
    hand(&node, "PUT", &format!("{index}/_settings"), r#"{"index.default_pipeline": null}"#).await;
    let rebuilt = next.rebuild(&|_, _| {}).await.unwrap();
    assert_eq!((rebuilt.documents, rebuilt.refused), (58, 0));
    next.refresh().await.unwrap();
    assert_eq!(next.list(None, None, 1_000).await.unwrap().len(), 58);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_without_a_field_is_the_indexs_when_it_meets_all_and_unknown_when_it_meets_some() {
    let node = Node::start();
    let side = Side::new(&node).await;
    side.is_written(0..50, "first").await;
    let words = [
        (400, "illegal_argument_exception", "number of documents in the index cannot exceed [2147483519]"),
        (400, "illegal_argument_exception", "Limit of total fields [1000] has been exceeded"),
        (400, "script_exception", "runtime error"),
        (400, "routing_missing_exception", "routing is required for [x]/[1]"),
        (500, "ingest_processor_exception", "a processor failed"),
        (418, "something_new_exception", "of a later version"),
    ];
    for (status, kind, reason) in words {
        side.proxy.say(status, kind, reason);
        for numbers in [100..150, 100..101] {
            side.proxy.order(Fault::Items(status, 100), 1_000);
            let told = side.refuses(numbers, kind).await;
            assert!(told.contains(reason) && told.contains("look at `GET /side-"), "{told}");
            side.proxy.clear();
        }
        side.is_written(100..150, kind).await;
    }

    // The three at the same time: each has to be tried ten times.
    let (some, alone, empty) = (Side::new(&node).await, Side::new(&node).await, Side::new(&node).await);
    for side in [&some, &alone, &empty] {
        side.proxy.say(400, "illegal_argument_exception", "not this one");
        side.proxy.refuse_as("poison", 400);
    }
    let of_some = async {
        let mut batch = offers(0..50, "good");
        batch[7].1["title"] = "poison 7".into();
        let written = some.write(&batch).await.unwrap();
        assert_eq!((reasons(&written), some.stored().await.len()), (vec![(7, "store_unknown")], 49));
    };
    // Alone in its batch it does not keep the source from what comes behind it.
    let of_one = async {
        alone.is_written(0..5, "good").await;
        assert_eq!(reasons(&alone.write(&offers(7..8, "poison")).await.unwrap()), [(0, "store_unknown")]);
        alone.is_written(8..9, "good").await;
    };
    // Where nothing is stored to compare with, the first may be at fault, and a second is not.
    let of_none = async {
        assert_eq!(reasons(&empty.write(&offers(0..1, "poison")).await.unwrap()), [(0, "store_unknown")]);
        assert!(empty.refuses(1..2, "poison").await.contains("not this one"));
        empty.is_written(2..3, "good").await;
    };
    tokio::join!(of_some, of_one, of_none);

    // A mapping that lacks a field of ours was changed by somebody: the run ends with both names.
    let index = side.index(&node).await;
    let mut mapping = hand(&node, "GET", &index, "").await[&index]["mappings"].take();
    mapping["properties"].as_object_mut().unwrap().remove("positions");
    hand(&node, "DELETE", &index, "").await;
    let aliases = json!({format!("{}", side.server.name): {}, format!("{}-write", side.server.name): {},
        format!("{index}-here"): {}});
    let body = json!({"mappings": mapping, "aliases": aliases, "settings": {"analysis": {"analyzer": {"french_text":
        {"type": "standard"}}}}});
    hand(&node, "PUT", &index, &body.to_string()).await;
    let mut batch = offers(0..10, "x");
    batch[3].1["positions"] = 2.into();
    let error = side.write(&batch).await.unwrap_err().to_string();
    assert!(error.contains("`positions` is missing") && error.contains(&index), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_too_much_is_halved_by_whatever_word() {
    let node = Node::start();
    let long = |numbers: std::ops::Range<usize>, title: &str| {
        let mut batch = offers(numbers, title);
        batch.iter_mut().for_each(|(_, offer)| offer["description"] = "long ".repeat(120).into());
        batch
    };
    // The breaker of the real server.
    let side = Side::new(&node).await;
    let breaker = |limit: Value| json!({"persistent": {"network.breaker.inflight_requests.limit": limit}}).to_string();
    hand(&node, "PUT", "_cluster/settings", &breaker("60kb".into())).await;
    let written = side.write(&long(0..2_000, "x")).await.unwrap();
    assert_eq!((written, side.stored().await.len()), (Written::default(), 2_000));
    let sizes = side.sizes(0);
    assert!(sizes[0] > 600_000 && sizes.len() < 100, "{sizes:?}");
    assert!(sizes[10..].iter().all(|size| *size < 62_000), "what was refused is not sent again: {sizes:?}");
    hand(&node, "PUT", "_cluster/settings", &breaker(Value::Null)).await;
    let before = side.sizes(0).len();
    for round in 0..4 {
        side.write(&long(0..2_000, &format!("y {round}"))).await.unwrap();
    }
    let sizes = side.sizes(before);
    assert!(*sizes.last().unwrap() > 120_000, "it was over, and is tried again: {sizes:?}");

    // Memory that is short for whatever is sent: nothing is refused for good.
    let total = |limit: Value| json!({"persistent": {"indices.breaker.total.limit": limit}}).to_string();
    hand(&node, "PUT", "_cluster/settings", &total("1kb".into())).await;
    let error = side.write(&long(0..3, "z")).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable(why) if why.contains("Data too large")), "{error}");
    hand(&node, "PUT", "_cluster/settings", &total(Value::Null)).await;
    assert_eq!(side.write(&long(0..3, "z")).await.unwrap(), Written::default());

    // What stands before a server, and later ones, each in its own words; those of a limit that stays at once, the others
    // when they say it again and again.
    let larges = [Large::Empty, Large::Page, Large::TooLong, Large::Breaker, Large::Closed];
    let mut played = tokio::task::JoinSet::new();
    for large in larges {
        let (side, long) = (Side::new(&node).await, long(0..200, "x"));
        played.spawn(async move {
            side.proxy.limit(20_000, large);
            let mut batch = long;
            batch[70].1["description"] = "longer ".repeat(5_000).into();
            let mut outcome = side.write(&batch).await;
            for _ in 0..3 {
                // A connection that was closed is told, and what was sent is sent again by the run.
                match &outcome {
                    Err(StoreError::Unreached(_)) => outcome = side.write(&batch).await,
                    _ => break,
                }
            }
            let written = outcome.unwrap();
            assert_eq!(reasons(&written), [(70, "store_too_large")], "{large:?}");
            let told = &written.refused[0].1.message;
            let parts = ["http.max_content_length", "client_max_body_size", "inflight_requests.limit"];
            parts.iter().for_each(|part| assert!(told.contains(part), "{told}"));
            assert_eq!(side.stored().await.len(), 199, "{large:?}");
            let seen = side.proxy.seen()[0].1;
            assert!(seen < 30, "{large:?}: {seen} requests were too large");
            // What was learnt is kept for the batches that follow.
            let before = side.sizes(0).len();
            batch.remove(70);
            assert_eq!(side.write(&batch).await.unwrap(), Written::default());
            assert!(side.sizes(before).iter().filter(|size| **size > 20_000).count() <= 1, "{large:?}");
        });
    }
    while let Some(ended) = played.join_next().await {
        ended.unwrap();
    }

    // A limit below whatever is sent is no fault of the documents.
    let side = Side::new(&node).await;
    side.proxy.limit(100, Large::Page);
    assert!(side.refuses(0..5, "x").await.contains("status 413"));
    side.proxy.clear();
    side.is_written(0..5, "x").await;
}

/// Waits until a run that goes on says that the store is away.
async fn away(heard: &mut UnboundedReceiver<Event>) -> String {
    loop {
        match heard.recv().await.unwrap().kind {
            EventKind::StoreAway { why, .. } => return why,
            EventKind::RunEnded { .. } => panic!("the run ended"),
            _ => {}
        }
    }
}

async fn begun(bench: &Bench) -> (JoinHandle<Result<Summary, RunError>>, UnboundedReceiver<Event>) {
    let (engine, mut heard): (Arc<Engine>, _) = bench.engine();
    let (plan, now) = (bench.plan("francetravail"), bench.now);
    let running = tokio::spawn(async move { run(plan, engine, now, Asked::Due).await });
    while !matches!(heard.recv().await.unwrap().kind, EventKind::PageCommitted { .. }) {}
    (running, heard)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_an_index_that_takes_nothing_and_goes_on_when_it_is_mended() {
    let bench = Bench::new(3_000).await;
    let (running, mut heard) = begun(&bench).await;
    let settings = format!("{}/_settings", behind(&bench.node, "jobmarket-offers-write").await);
    pipeline(&bench.node, "drops", &json!({"drop": {}})).await;
    for pipeline in ["nothing", "drops"] {
        hand(&bench.node, "PUT", &settings, &json!({"index.default_pipeline": pipeline}).to_string()).await;
        let why = away(&mut heard).await;
        assert!(why.contains(&format!("`index.default_pipeline` is `{pipeline}`")), "{why}");
        let waiting = loop {
            let sources = Reader::open(bench.dir.path()).unwrap().unwrap().sources().unwrap();
            match sources.into_iter().find_map(|source| source.waiting) {
                Some(waiting) => break waiting,
                None => tokio::task::yield_now().await,
            }
        };
        assert!(waiting.why.contains("takes no offer") && waiting.offers > 0, "{waiting:?}");
        hand(&bench.node, "PUT", &settings, r#"{"index.default_pipeline": null}"#).await;
        while !matches!(heard.recv().await.unwrap().kind, EventKind::StoreBack { .. }) {}
    }
    let summary = running.await.unwrap().unwrap();
    assert_eq!((summary.outcome, summary.counts.rejected), (Outcome::Complete, 0), "{:?}", summary.cause);
    let stored = bench.stored("francetravail").await;
    let truths = bench.sites.world(|world| world.truth(Site::FranceTravail));
    assert_eq!(stored.len(), truths.len());
    truths.iter().for_each(|truth| assert_eq!(stored[&truth.id]["title"], truth.record["intitule"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_offers_are_sent_elsewhere_ends_and_the_next_one_brings_them() {
    let mut bench = Bench::new(3_000).await;
    hand(&bench.node, "PUT", "aside", r#"{"aliases": {"aside-here": {}}, "mappings": {"dynamic": false}}"#).await;
    pipeline(&bench.node, "moves", &json!({"set": {"field": "_index", "value": "aside-here"}})).await;
    let (running, _heard) = begun(&bench).await;
    let settings = format!("{}/_settings", behind(&bench.node, "jobmarket-offers-write").await);
    hand(&bench.node, "PUT", &settings, r#"{"index.default_pipeline": "moves"}"#).await;
    let error = running.await.unwrap().unwrap_err().to_string();
    assert!(
        error.contains("is now in `aside` as ") && error.contains("`index.default_pipeline` is `moves`"),
        "{error}"
    );
    hand(&bench.node, "PUT", &settings, r#"{"index.default_pipeline": null}"#).await;
    let (next, _) = bench.run("francetravail").await;
    assert_eq!((next.outcome, next.counts.rejected), (Outcome::Complete, 0), "{:?}", next.cause);
    assert_eq!(bench.stored("francetravail").await.len(), 3_000);
}
