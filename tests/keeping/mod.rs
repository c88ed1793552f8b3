//! A data directory of simulated sites, whose archive is thinned out and whose store loses what it holds.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use jobmarket::definition::Text;
use jobmarket::document::Document;
use jobmarket::event::Event;
use jobmarket::plan::Plan;
use jobmarket::retention::{Thinning, thin};
use jobmarket::run::{Again, Asked, Engine, Summary, replay, run};
use jobmarket::state::{Reader, State};
use jobmarket::store::AnyStore;
use jobmarket::store::local::Local;
use jobmarket::verify::{self, Difference};
use rusqlite::Connection;
use sandbox::{Options, Sandbox};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::shipped;

pub const SOURCES: [&str; 4] = ["remotive", "arbeitnow", "smartrecruiters", "francetravail"];

pub struct Bench {
    pub sites: Sandbox,
    pub dir: tempfile::TempDir,
    pub texts: Vec<Text>,
    pub now: DateTime<Utc>,
}

impl Bench {
    pub async fn new(offers: usize) -> Self {
        let options = Options { boards: 250, offers, rate: 100_000, ..Options::default() };
        let now = options.now;
        let texts = shipped::texts(&format!(
            "pipelines:\n  - {{name: p, sources: [{}], sinks: [store, {{files: {{dir: log}}}}]}}\n",
            SOURCES.join(", ")
        ));
        Bench { sites: Sandbox::start(options).await.unwrap(), dir: tempfile::tempdir().unwrap(), texts, now }
    }

    pub fn text(&mut self, path: &str, from: &str, to: &str) {
        let path = format!("{path}.yaml");
        let text = self.texts.iter_mut().find(|text| text.path == path).unwrap();
        assert!(text.text.contains(from), "{from}");
        text.text = text.text.replace(from, to);
    }

    pub fn plan(&self, source: &str) -> Arc<Plan> {
        Arc::new(shipped::plan(&self.texts, &self.sites, source))
    }

    pub fn root(&self) -> PathBuf {
        self.dir.path().join("raw")
    }

    pub fn engine(&self) -> (Arc<Engine>, UnboundedReceiver<Event>) {
        shipped::engine(self.dir.path())
    }

    /// A run a day later than the last.
    pub async fn run(&mut self, source: &str) -> Summary {
        self.now += TimeDelta::days(1);
        let (engine, _heard) = self.engine();
        let summary = run(self.plan(source), engine, self.now, Asked::Due).await.unwrap();
        assert!(summary.counts.add_up(), "{:?}", summary.counts);
        summary
    }

    pub async fn replay(&self, source: &str) -> Summary {
        let (engine, _heard) = self.engine();
        replay(self.plan(source), engine, Again::Everything).await.unwrap()
    }

    pub fn reader(&self) -> Reader {
        Reader::open(self.dir.path()).unwrap().unwrap()
    }

    /// Plans with nothing kept for its age, and carries it out.
    pub async fn thin(&self, source: &str) -> Thinning {
        let state = State::open(self.dir.path()).unwrap();
        let plan =
            |reader: &Reader| Thinning::plan(reader, &self.root(), source, TimeDelta::zero(), Utc::now()).unwrap();
        let before = disk(&self.root().join(source));
        let planned = plan(&self.reader());
        thin(&state, &self.root(), planned.clone()).await.unwrap();
        assert_eq!(disk(&self.root().join(source)), before - planned.bytes, "what was said is what was freed");
        let again = plan(&self.reader());
        assert_eq!((again.records, again.bytes, again.kept_records), (0, 0, planned.kept_records), "{again:?}");
        assert_eq!(planned.faults, [""; 0]);
        planned
    }

    /// All that `verify` finds.
    pub async fn differences(&self) -> Vec<Difference> {
        let (reader, mut found) = (self.reader(), Vec::new());
        for source in SOURCES {
            verify::totals(&reader, source, &mut |difference| found.push(difference)).unwrap();
            verify::records(&reader, &self.root(), source, &|| (), &mut |difference| found.push(difference)).unwrap();
            verify::held(&reader, &self.root(), source, &mut |difference| found.push(difference)).unwrap();
            let store = AnyStore::Local(self.store());
            verify::offers(&reader, &store, source, &mut |difference| found.push(difference)).await.unwrap();
        }
        assert_eq!(self.store().differences().unwrap(), [""; 0]);
        found
    }

    pub fn store(&self) -> Local {
        Local::open(self.dir.path(), &self.plan("remotive").schema).unwrap().unwrap()
    }

    /// Content, first seen, closed and why, of each stored offer by its id.
    pub fn stored(&self, source: &str) -> BTreeMap<String, (u64, String, String, String)> {
        let mut stored = BTreeMap::new();
        let text = |document: &serde_json::Value, name: &str| document[name].as_str().unwrap_or_default().to_owned();
        self.reader()
            .each(source, &mut |document| {
                let content = Document::read(&document.to_string()).unwrap().content_hash();
                let facts = ["first_seen_at", "closed_at", "closed_reason"].map(|name| text(&document, name));
                let [first, closed, reason] = facts;
                stored.insert(text(&document, "id"), (content, first, closed, reason));
            })
            .unwrap();
        stored
    }

    /// Offers by the reason that they are closed for.
    pub fn reasons(&self, source: &str) -> BTreeMap<String, usize> {
        let mut counted = BTreeMap::new();
        self.stored(source).into_values().for_each(|(.., reason)| *counted.entry(reason).or_default() += 1);
        counted
    }

    pub fn behind_our_back(&self, sql: &str) -> usize {
        Connection::open(self.dir.path().join("state.db")).unwrap().execute(sql, []).unwrap()
    }

    /// As if the sites had said that all offers are gone.
    pub fn close_all(&self) {
        self.behind_our_back("UPDATE known SET closed_at = 5, reason = 'gone'");
        let closed = r#","closed_at":"1970-01-01T00:00:00.005Z","closed_reason":"gone","provenance":"#;
        self.behind_our_back(&format!("UPDATE offers SET doc = replace(doc, ',\"provenance\":', '{closed}')"));
    }
}

/// Bytes of the files in a folder.
pub fn disk(folder: &Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}
