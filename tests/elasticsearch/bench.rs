//! The engine on the simulated sites with a real Elasticsearch behind it, for tests.
#![allow(dead_code)]
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use jobmarket::definition::Text;
use jobmarket::event::Event;
use jobmarket::plan::Plan;
use jobmarket::run::{Asked, Engine, Summary, run};
use jobmarket::store::Store;
use jobmarket::store::elastic::Elastic;
use sandbox::{Options, Sandbox};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::node::Node;
use crate::shipped;

/// The engine on the simulated sites, with a real server as its store.
pub struct Bench {
    pub node: Node,
    pub sites: Sandbox,
    pub dir: tempfile::TempDir,
    pub texts: Vec<Text>,
    pub now: DateTime<Utc>,
}

impl Bench {
    pub async fn new(offers: usize) -> Self {
        let node = Node::start();
        let url = node.url.clone();
        Self::at(node, &url, offers).await
    }

    /// With a node that is asked at an address.
    pub async fn at(node: Node, url: &str, offers: usize) -> Self {
        let options = Options { boards: 250, offers, rate: 100_000, ..Options::default() };
        let now = options.now;
        let texts = shipped::texts(&format!(
            "store: {{elasticsearch: {{url: \"{url}\"}}}}\npipelines:\n  - {{name: p, sources: [remotive, francetravail], sinks: [store, {{files: {{dir: log}}}}]}}\n"
        ));
        Bench { node, sites: Sandbox::start(options).await.unwrap(), dir: tempfile::tempdir().unwrap(), texts, now }
    }

    pub fn plan(&self, source: &str) -> Arc<Plan> {
        Arc::new(shipped::plan(&self.texts, &self.sites, source))
    }

    pub fn engine(&self) -> (Arc<Engine>, UnboundedReceiver<Event>) {
        shipped::engine(self.dir.path())
    }

    pub async fn run(&mut self, source: &str) -> (Summary, Vec<Event>) {
        self.now += TimeDelta::days(1);
        let (engine, mut heard) = self.engine();
        let summary = run(self.plan(source), engine, self.now, Asked::Due).await.unwrap();
        assert!(summary.counts.add_up(), "{:?}", summary.counts);
        (summary, std::iter::from_fn(|| heard.try_recv().ok()).collect())
    }

    pub async fn store(&self) -> Elastic {
        let plan = self.plan("remotive");
        let store = Elastic::open(plan.server.as_ref().unwrap(), plan.schema.clone()).await.unwrap();
        store.refresh().await.unwrap();
        store
    }

    /// Stored offers of a source by their key.
    pub async fn stored(&self, source: &str) -> BTreeMap<String, serde_json::Value> {
        let (store, mut all, mut after) = (self.store().await, BTreeMap::new(), None);
        loop {
            let listed = store.list(Some(source), after, 500).await.unwrap();
            let Some((last, _)) = listed.last() else { return all };
            after = Some(*last);
            for (_, text) in &listed {
                let document: serde_json::Value = serde_json::from_str(text.get()).unwrap();
                let key = document["source_id"].as_str().unwrap().to_owned();
                assert!(all.insert(key, document).is_none(), "an offer is stored twice");
            }
        }
    }
}
