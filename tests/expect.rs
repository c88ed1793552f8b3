//! What `expect` says of the offers of a source is the same in the embedded store and in Elasticsearch.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "elasticsearch/node.rs"]
mod node;
mod shipped;

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use jobmarket::definition::Text;
use jobmarket::event::{EventKind, Outcome};
use jobmarket::files;
use jobmarket::plan::Plan;
use jobmarket::run::{Asked, Engine, Summary, run};
use node::Node;
use sandbox::{Options, Sandbox, Site};

/// More than one page of a listing.
const OFFERS: usize = 1_100;

struct Bench {
    sites: Sandbox,
    dir: tempfile::TempDir,
    texts: Vec<Text>,
    now: DateTime<Utc>,
}

impl Bench {
    async fn new(store: &str) -> Self {
        let options = Options { boards: OFFERS, offers: 0, ..Options::default() };
        let now = options.now;
        let texts = files::project(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let mut bench =
            Bench { sites: Sandbox::start(options).await.unwrap(), dir: tempfile::tempdir().unwrap(), texts, now };
        let pipelines = format!("store: {store}\npipelines:\n  - {{name: p, sources: [remotive], sinks: [store]}}\n");
        bench.text("pipelines.yaml").text = pipelines;
        bench.replace("quota: [4/d]", "quota: [400/d]");
        bench
    }

    fn text(&mut self, path: &str) -> &mut Text {
        self.texts.iter_mut().find(|text| text.path == path).unwrap()
    }

    /// Changes the source.
    fn replace(&mut self, from: &str, to: &str) {
        let source = self.text("sources/remotive.yaml");
        assert!(source.text.contains(from), "{from}");
        source.text = source.text.replace(from, to);
    }

    fn plan(&self) -> Arc<Plan> {
        Arc::new(shipped::plan(&self.texts, &self.sites, "remotive"))
    }

    /// A run so many hours later, and what `expect` says of it.
    async fn run(&mut self, hours: i64) -> (Summary, Vec<String>) {
        self.now += TimeDelta::hours(hours);
        let (events, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let data = self.dir.path();
        let engine = Engine::start(data, data.join("raw"), Path::new("."), events).unwrap();
        let summary = run(self.plan(), Arc::new(engine), self.now, Asked::Due).await.unwrap();
        let said = std::iter::from_fn(|| heard.try_recv().ok()).filter_map(|event| match event.kind {
            EventKind::Alerted(alert) => Some(alert.text()),
            _ => None,
        });
        let said: Vec<String> = said.collect();
        let outcome = if said.is_empty() { Outcome::Complete } else { Outcome::Partial };
        assert_eq!(summary.outcome, outcome, "{:?}", summary.cause);
        (summary, said)
    }

    /// The share of shown offers whose member is not empty, in percent.
    fn share(&self, member: &str) -> f64 {
        let truths = self.sites.world(|world| world.truth(Site::Remotive));
        let shown = truths.iter().filter(|truth| truth.present);
        let having = shown.clone().filter(|truth| truth.record[member] != "").count();
        100.0 * having as f64 / shown.count() as f64
    }
}

/// Fields that are required, fields whose share moves, and the age of the newest offer; closed offers do not count.
async fn judges(store: &str) {
    let mut bench = Bench::new(store).await;
    let expect = "expect: {required: [title, company.name, salary.raw], drift: 20%, fresh: 48h}\nexpire:";
    bench.replace("expire:", expect);
    let lacking = |share: f64| format!("expect: {share:.1} % of the offers have `salary.raw`, 99 % were expected");
    let (_, said) = bench.run(24).await;
    assert_eq!(said, [lacking(bench.share("salary"))], "{store}");

    // What falls short closes nothing.
    bench.sites.world(|world| world.show(Site::Remotive, 200, false));
    let before = bench.share("salary");
    bench.run(1).await;
    let (kept, _) = bench.run(1).await;
    assert_eq!(kept.counts.closed, 0, "{store}");
    bench.replace(expect, "expire:");
    let (closed, _) = bench.run(1).await;
    assert_eq!(closed.counts.closed, 200, "{store}");

    // The closed ones are stored still, and are not counted.
    bench.replace("expire:", expect);
    let (_, said) = bench.run(1).await;
    assert_eq!(said, [lacking(before)], "{store}");

    // A field that the site gives no more.
    bench.replace("company: {name: $.company_name,", "company: {name: $.employer,");
    let (_, said) = bench.run(1).await;
    let gone = [
        "expect: 0.0 % of the offers have `company.name`, 99 % were expected".to_owned(),
        lacking(before),
        "expect: the coverage of `company.name` went from 100 % to 0 %".to_owned(),
    ];
    assert_eq!(said, gone, "{store}");

    // A site that stands still.
    let (_, said) = bench.run(40 * 24).await;
    assert_eq!(said.last().unwrap(), "expect: the newest offer is 41 days old", "{store}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_is_judged() {
    judges("local").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn elasticsearch_is_judged() {
    let node = Node::start();
    judges(&format!("{{elasticsearch: {{url: \"{}\"}}}}", node.url)).await;
}
