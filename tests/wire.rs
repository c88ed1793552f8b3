//! Each fault of the wire by itself, between the store and a real Elasticsearch: nothing lost, nothing doubled.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "elasticsearch/node.rs"]
mod node;
#[path = "elasticsearch/numbered.rs"]
mod numbered;
#[path = "elasticsearch/proxy.rs"]
mod proxy;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jobmarket::offer::Version;
use jobmarket::plan::Server;
use jobmarket::search::Search;
use jobmarket::store::elastic::{Asker, Elastic, Hold};
use jobmarket::store::{Store, StoreError, Written};
use node::Node;
use numbered::{id, offers, schema};
use proxy::{Fault, Proxy};
use serde_json::{Value, json};

/// A store whose requests go through a proxy, and a way round it to see what is really there.
struct Bench {
    node: Node,
    proxy: Proxy,
    server: Server,
    store: Elastic,
    direct: Elastic,
    tickets: u64,
}

impl Bench {
    async fn new() -> Self {
        let node = Node::start();
        let proxy = Proxy::start(&node.url).await;
        let name = format!("wire-{:x}", fastrand::u64(..));
        let server = |url: &str| Server { urls: vec![url.to_owned()], name: name.clone(), ..Server::default() };
        let store = Elastic::to_write(&server(&proxy.url), schema()).await.unwrap();
        let direct = Elastic::to_write(&server(&node.url), schema()).await.unwrap();
        Bench { server: server(&proxy.url), node, proxy, store, direct, tickets: 0 }
    }

    /// Changes something at the server behind the store's back.
    async fn put(&self, path: &str, body: &str) {
        let request = reqwest::Client::new().put(format!("{}{path}", self.node.url)).body(body.to_owned());
        let answer = request.header("Content-Type", "application/json").send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
    }

    /// Writes offers under a version of their own.
    async fn write(&mut self, offers: &[(usize, Value)]) -> Result<Written, StoreError> {
        self.tickets += 1;
        numbered::write(&self.store, "wire", Version::new(7, self.tickets), offers).await
    }

    /// Titles by number, as the server has them.
    async fn stored(&self) -> BTreeMap<usize, String> {
        numbered::titles(&self.direct).await
    }

    /// The bulk requests behind the first so many.
    fn bulks(&self, after: usize) -> Vec<proxy::Asked> {
        self.proxy.asked().into_iter().filter(proxy::Asked::is_bulk).skip(after).collect()
    }

    /// How many documents each bulk request behind the first so many held.
    fn sizes(&self, after: usize) -> Vec<usize> {
        let lines = |asked: &proxy::Asked| asked.text().iter().filter(|byte| **byte == b'\n').count();
        self.bulks(after).iter().map(|asked| lines(asked) / 2).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_that_are_too_long_together_are_read_in_parts() {
    let mut bench = Bench::new().await;
    let long = |number: usize| json!({"title": format!("long {number}"), "description": "é".repeat(900 << 10)});
    let all: Vec<(usize, Value)> = (0..30).map(|number| (number, long(number))).collect();
    for some in all.chunks(5) {
        bench.write(some).await.unwrap();
    }
    bench.direct.refresh().await.unwrap();
    let asked = bench.proxy.asked().len();

    // 30 times 1.8 MB are more than 32 MiB.
    let ids: Vec<_> = (0..30).map(id).collect();
    let documents = bench.store.documents(&ids).await.unwrap();
    assert!(documents.iter().all(|text| text.as_ref().is_some_and(|text| text.len() > 1_800_000)));
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let some = bench.store.list(None, after, 1_000).await.unwrap();
        let Some((last, _)) = some.last() else { break };
        after = Some(*last);
        listed.extend(some.into_iter().map(|(id, _)| id));
    }
    assert_eq!(listed, ids);
    let asked = bench.proxy.asked().len() - asked;
    assert!((4..20).contains(&asked), "{asked} requests");

    let search = Search { limit: 30, ..Search::default() };
    let error = bench.store.search(&search).await.unwrap_err().to_string();
    assert!(error.contains("`--limit`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_only_takes_time() {
    let mut bench = Bench::new().await;
    // What the store waits for by itself, and what it hands to the run, which writes the same again.
    let faults = [
        (Fault::Status(404), false),
        (Fault::Status(429), false),
        (Fault::Status(502), false),
        (Fault::Status(503), false),
        (Fault::Status(504), false),
        (Fault::Block, true),
        (Fault::Reset, true),
        (Fault::ResetAfter, true),
        (Fault::Half, true),
        (Fault::Slow(300), false),
        (Fault::Items(429, 30), false),
        (Fault::Items(404, 50), false),
        (Fault::Items(503, 100), false),
    ];
    for (round, (fault, told)) in faults.into_iter().enumerate() {
        let title = format!("round {round}");
        bench.proxy.order(fault, 1);
        let mut outcome = bench.write(&offers(0..200, &title)).await;
        assert_eq!(outcome.is_err(), told, "{fault:?}: {outcome:?}");
        if told {
            bench.tickets -= 1;
            outcome = bench.write(&offers(0..200, &title)).await;
        }
        assert_eq!(outcome.unwrap(), Written::default(), "{fault:?}");
        let expect: BTreeMap<usize, String> = (0..200).map(|number| (number, format!("{title} {number}"))).collect();
        assert_eq!(bench.stored().await, expect, "{fault:?}");
        assert!(bench.proxy.seen().contains(&(fault, 1)), "{fault:?} was not injected: {:?}", bench.proxy.seen());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_failed_is_sent_again_and_only_what_is_wrong_is_refused() {
    let mut bench = Bench::new().await;
    // Half of the items fail for a moment; one is poison; the others are there at once, and never sent again.
    let mut batch = offers(0..100, "first");
    batch[40].1["published_at"] = "someday".into();
    bench.proxy.order(Fault::Items(503, 50), 2);
    let written = bench.write(&batch).await.unwrap();
    let refused: Vec<(usize, &str, Option<&str>)> =
        written.refused.iter().map(|(at, reject)| (*at, reject.reason.as_str(), reject.field.as_deref())).collect();
    assert_eq!(refused, [(40, "store_mapping", Some("published_at"))]);
    assert_eq!((written.superseded, written.fenced), (vec![], false));
    let sizes = bench.sizes(0);
    assert!(sizes[0] == 100 && sizes[1] < 80 && sizes[1] > 20 && sizes[2] < sizes[1], "{sizes:?}");
    let expect: BTreeMap<usize, String> =
        (0..100).filter(|number| *number != 40).map(|number| (number, format!("first {number}"))).collect();
    assert_eq!(bench.stored().await, expect);

    // What the server refuses for good is refused by item, and the run goes on.
    bench.proxy.order(Fault::Items(400, 100), 1);
    let written = bench.write(&offers(200..205, "poison")).await.unwrap();
    assert_eq!(written.refused.len(), 5);
    assert_eq!(bench.stored().await, expect);

    // An outcome that no table knows is tried ten times, then the offer is refused alone: each time one that was taken
    // before is taken again.
    bench.proxy.refuse_as("strange", 418);
    let before = bench.bulks(0).len();
    let written = bench.write(&offers(210..211, "strange")).await.unwrap();
    assert_eq!(written.refused[0].1.reason, "store_unknown");
    assert_eq!(bench.bulks(before).len(), 20);

    // A right that is missing is no fault of the offers, and nor is one that was withdrawn.
    for fault in [Fault::Items(403, 100), Fault::Status(403), Fault::Status(401)] {
        bench.proxy.order(fault, 1);
        let error = bench.write(&offers(300..310, "late")).await.unwrap_err();
        assert!(matches!(error, StoreError::Credentials(_)), "{fault:?}: {error}");
        assert!(error.to_string().contains("check `api_key` or `basic`"), "{error}");
    }
    assert_eq!(bench.write(&offers(300..310, "late")).await.unwrap(), Written::default());
    assert_eq!(bench.stored().await.len(), 109);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_too_large_are_split_until_they_fit() {
    let mut bench = Bench::new().await;
    let limit = 20_000;
    bench.proxy.order(Fault::TooLarge(limit), 1);
    let mut batch = offers(0..200, "x");
    batch.iter_mut().for_each(|(_, offer)| offer["description"] = "long ".repeat(120).into());
    batch[70].1["description"] = "longer ".repeat(limit / 4).into();
    let written = bench.write(&batch).await.unwrap();
    let refused: Vec<(usize, &str)> =
        written.refused.iter().map(|(at, reject)| (*at, reject.reason.as_str())).collect();
    assert_eq!(refused, [(70, "store_too_large")]);
    assert!(written.refused[0].1.message.contains("http.max_content_length"), "{:?}", written.refused);
    assert_eq!(bench.stored().await.len(), 199);
    let seen = bench.proxy.seen()[0].1;
    // Once for each halving, and once for the document alone: what fits is remembered.
    assert!((4..=8).contains(&seen), "{seen} requests were too large");
    bench.proxy.clear();
    assert_eq!(bench.write(&batch).await.unwrap(), Written::default());
    assert_eq!(bench.stored().await.len(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn pauses_are_kept_and_long_trouble_is_told() {
    let mut bench = Bench::new().await;
    for status in [429, 503] {
        let before = bench.bulks(0).len();
        bench.proxy.order(Fault::Status(status), 1);
        assert_eq!(bench.write(&offers(0..10, "x")).await.unwrap(), Written::default());
        let bulks = bench.bulks(before);
        // The proxy asks for a second; by itself the store would wait a fifth of one.
        assert!(bulks.len() == 2 && bulks[1].at - bulks[0].at >= Duration::from_secs(1), "{status}");
    }
    // An index that is read-only for a while: told by the real server, item by item, and nothing is refused.
    let name = bench.proxy.asked().iter().find(|asked| asked.is_bulk()).unwrap().path.clone();
    let name = name.split("/_bulk").next().unwrap().trim_end_matches("-here");
    for block in ["read_only_allow_delete", "read_only", "write"] {
        let set = |value: &str| format!("{{\"index.blocks.{block}\": {value}}}");
        bench.put(&format!("{name}/_settings"), &set("true")).await;
        let error = bench.write(&offers(0..10, "blocked")).await.unwrap_err();
        assert!(matches!(&error, StoreError::Blocked(_)), "{block}: {error}");
        assert!(error.to_string().contains(&name[1..]), "{error}");
        let error = bench.store.ready().await.unwrap_err().to_string();
        assert!(error.contains(&format!("{{\"index.blocks.{block}\": null}}")), "{error}");
        bench.put(&format!("{name}/_settings"), &set("null")).await;
    }
    assert_eq!(bench.write(&offers(0..10, "free")).await.unwrap(), Written::default());
    assert!(bench.stored().await.values().all(|title| title.starts_with("free")));
    // What does not end is handed to the caller, with the index and the status.
    bench.proxy.order(Fault::Status(502), 1_000);
    let start = Instant::now();
    let error = bench.write(&offers(0..10, "x")).await.unwrap_err().to_string();
    assert!(error.contains("502") && error.contains(&name[1..]), "{error}");
    assert!((3..60).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_looked_for_is_not_what_is_not_there() {
    let mut bench = Bench::new().await;
    bench.write(&offers(1..2, "x")).await.unwrap();
    let name = bench.proxy.asked().iter().find(|asked| asked.is_bulk()).unwrap().path.clone();
    let index = name.split("/_bulk").next().unwrap().trim_end_matches("-here").to_owned();
    let found = bench.store.documents(&[id(1), id(2)]).await.unwrap();
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false]);
    // The server is up, and its shard not yet: each document says so by itself, in an answer of 200.
    let away = |kind: &str| json!({"docs": [{"_id": "x", "error": {"type": kind, "reason": "away"}}]}).to_string();
    for (kind, expect) in
        [("no_shard_available_action_exception", "cannot do it now"), ("security_exception", "refuses")]
    {
        bench.proxy.clear();
        bench.proxy.answer(&format!("{index}/_mget"), 200, &away(kind));
        let error = bench.store.documents(&[id(1)]).await.unwrap_err().to_string();
        assert!(error.contains(expect) && error.contains("away"), "{error}");
    }
    // Whatever fails there for now is waited for by a run, and what is no answer is none.
    let claims = format!("/{}-claims/_doc/x", bench.server.name);
    let answers = [(500, r#"{"error":{"reason":"odd"}}"#), (507, ""), (408, ""), (200, "<html>"), (200, "")];
    let asker = Asker { source: "x", ask: "", owner: "one", last: 1 };
    for (status, body) in answers {
        bench.proxy.clear();
        bench.proxy.answer(&claims, status, body);
        let error = bench.store.hold(&asker, 1).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{status} {body}: {error}");
    }
    bench.proxy.clear();
    assert_eq!(bench.store.hold(&asker, 1).await.unwrap(), Hold::Retaken);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_to_another_machine_are_packed() {
    let mut bench = Bench::new().await;
    bench.write(&offers(0..300, "plain")).await.unwrap();
    bench.store = Elastic::to_write(&Server { compress: Some(true), ..bench.server.clone() }, schema()).await.unwrap();
    // The proxy looks into what is packed, too.
    bench.proxy.order(Fault::Items(503, 30), 1);
    assert_eq!(bench.write(&offers(0..300, "packed")).await.unwrap(), Written::default());
    assert!(bench.stored().await.values().all(|title| title.starts_with("packed")));
    let bulks = bench.bulks(0);
    assert_eq!(bulks[0].header("content-encoding"), None, "nothing is packed on this machine");
    assert!(bulks[1..].iter().all(|asked| asked.header("content-encoding") == Some("gzip")));
    assert!(bulks[1].body.len() * 4 < bulks[0].body.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_deleted_meanwhile_is_made_again_as_it_was() {
    let mut bench = Bench::new().await;
    assert_eq!(bench.write(&offers(0..10, "x")).await.unwrap(), Written::default());
    let index = format!("{}/{}-*", bench.node.url, bench.server.name);
    let deleted = reqwest::Client::new().delete(&index).send().await.unwrap();
    assert!(!deleted.status().is_success(), "a server deletes by name only");
    let indices = reqwest::get(&index).await.unwrap().text().await.unwrap();
    let indices: Value = serde_json::from_str(&indices).unwrap();
    let name = indices.as_object().unwrap().keys().next().unwrap();
    let deleted = reqwest::Client::new().delete(format!("{}/{name}", bench.node.url)).send().await.unwrap();
    assert!(deleted.status().is_success());
    // The server would make an index with mappings of its own: it is asked not to.
    assert_eq!(bench.write(&offers(10..20, "x")).await.unwrap(), Written::default());
    assert_eq!(bench.stored().await.keys().copied().collect::<Vec<_>>(), (10..20).collect::<Vec<_>>());
    let again = Elastic::to_write(&bench.server, schema()).await.unwrap();
    assert_eq!((again.notices, again.version), (bench.store.notices.clone(), bench.store.version.clone()));
}
