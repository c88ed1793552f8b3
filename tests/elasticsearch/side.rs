//! A store of its own on a node, behind a proxy of its own, for tests of what becomes of single requests.
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::DateTime;
use jobmarket::definition::{self, Text};
use jobmarket::files;
use jobmarket::offer::{Batch, Item, Lifecycle, OfferId, Version};
use jobmarket::plan::Server;
use jobmarket::schema::Schema;
use jobmarket::store::elastic::{Elastic, Written};
use jobmarket::store::{Store, StoreError};
use serde_json::{Value, json};

use crate::hand::hand;
use crate::node::Node;
use crate::proxy::{Asked, Proxy};

/// The store, its proxy, and what its versions are counted by.
pub struct Side {
    pub url: String,
    pub proxy: Proxy,
    pub server: Server,
    pub store: Elastic,
    pub tickets: AtomicU64,
}

pub fn texts() -> Vec<Text> {
    files::project(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap()
}

pub fn schema() -> Arc<Schema> {
    definition::read(&texts()).0.schema
}

fn id(number: usize) -> OfferId {
    OfferId((number as u128 + 1).to_be_bytes())
}

impl Side {
    pub async fn new(node: &Node) -> Self {
        let proxy = Proxy::start(&node.url).await;
        let name = format!("side-{:x}", fastrand::u64(..));
        let server = Server { urls: vec![proxy.url.clone()], name, ..Server::default() };
        let store = Elastic::to_write(&server, schema()).await.unwrap();
        Side { url: node.url.clone(), proxy, server, store, tickets: AtomicU64::new(0) }
    }

    pub async fn write(&self, offers: &[(usize, Value)]) -> Result<Written, StoreError> {
        let version = Version::new(7, self.tickets.fetch_add(1, Ordering::Relaxed) + 1);
        let (mut text, mut items) = (Vec::new(), Vec::new());
        for (number, offer) in offers {
            let mut offer = offer.clone();
            (offer["id"], offer["source"]) = (id(*number).to_string().into(), "side".into());
            let start = text.len();
            text.extend_from_slice(offer.to_string().as_bytes());
            let at = DateTime::UNIX_EPOCH;
            let lifecycle =
                Lifecycle { first_seen_at: at, changed_at: at, closed: None, page: version, mapping: "m".into() };
            let range = start..text.len();
            items.push(Item { row: *number as u64, id: id(*number), content: 1, lifecycle, range });
        }
        self.store.write(&Batch { version, text: &text, items }).await
    }

    /// Offers of which each is stored now, under a title.
    pub async fn is_written(&self, numbers: std::ops::Range<usize>, title: &str) {
        assert_eq!(self.write(&offers(numbers.clone(), title)).await.unwrap(), Written::default(), "{title}");
        let stored = self.stored().await;
        numbers.for_each(|number| assert_eq!(stored[&number], format!("{title} {number}")));
    }

    /// Why the index takes nothing.
    pub async fn refuses(&self, numbers: std::ops::Range<usize>, title: &str) -> String {
        match self.write(&offers(numbers, title)).await {
            Err(error @ StoreError::Refused(_)) => error.to_string(),
            other => panic!("{title}: {other:?}"),
        }
    }

    pub async fn stored(&self) -> BTreeMap<usize, String> {
        let server = Server { urls: vec![self.url.clone()], ..self.server.clone() };
        let direct = Elastic::open(&server, schema()).await.unwrap();
        direct.refresh().await.unwrap();
        let listed = direct.list(None, None, 10_000).await.unwrap();
        let titles = listed.iter().map(|(id, text)| {
            let document: Value = serde_json::from_str(text.get()).unwrap();
            (u128::from_be_bytes(id.0) as usize - 1, document["title"].as_str().unwrap().to_owned())
        });
        titles.collect()
    }

    /// The index that is written.
    pub async fn index(&self, node: &Node) -> String {
        let found = hand(node, "GET", &format!("_alias/{}-write", self.server.name), "").await;
        found.as_object().unwrap().keys().next().unwrap().clone()
    }

    /// How many bytes each bulk request behind the first so many had.
    pub fn sizes(&self, after: usize) -> Vec<usize> {
        let bulks = self.proxy.asked().into_iter().filter(Asked::is_bulk).skip(after);
        bulks.map(|asked| asked.text().len()).collect()
    }
}

pub fn offers(numbers: std::ops::Range<usize>, title: &str) -> Vec<(usize, Value)> {
    numbers.map(|number| (number, json!({"title": format!("{title} {number}")}))).collect()
}
