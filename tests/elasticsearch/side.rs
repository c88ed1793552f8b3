//! A store of its own on a node, behind a proxy of its own, for tests of what becomes of single requests.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use jobmarket::offer::Version;
use jobmarket::plan::Server;
use jobmarket::store::elastic::Elastic;
use jobmarket::store::{StoreError, Written};
use serde_json::Value;

use crate::hand::behind;
use crate::node::Node;
use crate::numbered::{self, offers, schema, titles};
use crate::proxy::{Asked, Proxy};

/// The store, its proxy, and what its versions are counted by.
pub struct Side {
    pub url: String,
    pub proxy: Proxy,
    pub server: Server,
    pub store: Elastic,
    pub tickets: AtomicU64,
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
        numbered::write(&self.store, "side", version, offers).await
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
        titles(&Elastic::open(&server, schema()).await.unwrap()).await
    }

    /// The index that is written.
    pub async fn index(&self, node: &Node) -> String {
        behind(node, &format!("{}-write", self.server.name)).await
    }

    /// How many bytes each bulk request behind the first so many had.
    pub fn sizes(&self, after: usize) -> Vec<usize> {
        let bulks = self.proxy.asked().into_iter().filter(Asked::is_bulk).skip(after);
        bulks.map(|asked| asked.text().len()).collect()
    }
}
