//! Each fault of the wire by itself, between the store and a real Elasticsearch: nothing lost, nothing doubled.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "elasticsearch/node.rs"]
mod node;
#[path = "elasticsearch/proxy.rs"]
mod proxy;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono::DateTime;
use jobmarket::definition;
use jobmarket::files;
use jobmarket::offer::{Batch, Item, Lifecycle, OfferId, Version};
use jobmarket::plan::Server;
use jobmarket::schema::Schema;
use jobmarket::store::elastic::{Elastic, Written};
use jobmarket::store::{Store, StoreError};
use node::Node;
use proxy::{Fault, Proxy};
use serde_json::{Value, json};

/// A store whose requests go through a proxy, and a way round it to see what is really there.
struct Bench {
    _node: Node,
    proxy: Proxy,
    store: Elastic,
    direct: Elastic,
    tickets: u64,
}

fn schema() -> Arc<Schema> {
    let texts = files::project(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    definition::read(&texts).0.schema
}

fn id(number: usize) -> OfferId {
    OfferId((number as u128).to_be_bytes())
}

impl Bench {
    async fn new() -> Self {
        let node = Node::start();
        let proxy = Proxy::start(&node.url).await;
        let name = format!("wire-{:x}", fastrand::u64(..));
        let server = |url: &str| Server { urls: vec![url.to_owned()], name: name.clone(), ..Server::default() };
        let store = Elastic::open(&server(&proxy.url), schema()).await.unwrap();
        let direct = Elastic::open(&server(&node.url), schema()).await.unwrap();
        Bench { _node: node, proxy, store, direct, tickets: 0 }
    }

    /// Writes offers under a version of their own; an offer is its number and what it says.
    async fn write(&mut self, offers: &[(usize, Value)]) -> Result<Written, StoreError> {
        self.tickets += 1;
        let version = Version::new(7, self.tickets);
        let (mut text, mut items) = (Vec::new(), Vec::new());
        for (number, offer) in offers {
            let mut offer = offer.clone();
            offer["id"] = id(*number).to_string().into();
            offer["source"] = "wire".into();
            let start = text.len();
            text.extend_from_slice(offer.to_string().as_bytes());
            let at = DateTime::UNIX_EPOCH;
            let lifecycle =
                Lifecycle { first_seen_at: at, changed_at: at, closed: None, page: version, mapping: "m".into() };
            let range = start..text.len();
            items.push(Item { row: *number as u64, id: id(*number), content: *number as u64, lifecycle, range });
        }
        self.store.write(&Batch { version, text: &text, items }).await
    }

    /// Titles by number, as the server has them.
    async fn stored(&self) -> BTreeMap<usize, String> {
        self.direct.refresh().await.unwrap();
        let listed = self.direct.list(Some("wire"), None, 10_000).await.unwrap();
        let titles = listed.iter().map(|(id, text)| {
            let document: Value = serde_json::from_str(text.get()).unwrap();
            (u128::from_be_bytes(id.0) as usize, document["title"].as_str().unwrap().to_owned())
        });
        let titles: BTreeMap<usize, String> = titles.collect();
        assert_eq!(titles.len(), listed.len(), "an offer is stored twice");
        titles
    }

    /// How often the server has written anything, doubled writes of equal versions counted.
    fn bulks(&self) -> Vec<proxy::Asked> {
        self.proxy.asked().into_iter().filter(proxy::Asked::is_bulk).collect()
    }
}

fn offers(numbers: std::ops::Range<usize>, title: &str) -> Vec<(usize, Value)> {
    numbers.map(|number| (number, json!({"title": format!("{title} {number}")}))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_only_takes_time() {
    let mut bench = Bench::new().await;
    // What the store waits for by itself, and what it hands to the run, which writes the same again.
    let faults = [
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
