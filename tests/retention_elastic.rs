//! Retention with a real Elasticsearch: closed offers go for good, what somebody else wrote later stays, old indices go.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "elasticsearch/node.rs"]
mod node;
mod shipped;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use jobmarket::definition::Text;
use jobmarket::offer::Version;
use jobmarket::plan::Plan;
use jobmarket::retention::{OldIndex, RetentionError, delete, delete_indices};
use jobmarket::run::{Asked, Engine, Summary, run};
use jobmarket::state::{Reader, State};
use jobmarket::store::elastic::Elastic;
use jobmarket::store::{AnyStore, Store};
use jobmarket::verify;
use node::Node;
use sandbox::{Options, Sandbox, Site};
use tokio::sync::mpsc::unbounded_channel;

struct Bench {
    node: Node,
    sites: Sandbox,
    dir: tempfile::TempDir,
    texts: Vec<Text>,
    now: DateTime<Utc>,
}

impl Bench {
    async fn new() -> Self {
        let node = Node::start();
        let options = Options { boards: 250, offers: 0, rate: 100_000, ..Options::default() };
        let now = options.now;
        let texts = shipped::texts(&format!(
            "store: {{elasticsearch: {{url: \"{}\"}}}}\npipelines:\n  - {{name: p, sources: [remotive]}}\n",
            node.url
        ));
        Bench { node, sites: Sandbox::start(options).await.unwrap(), dir: tempfile::tempdir().unwrap(), texts, now }
    }

    fn plan(&self) -> Arc<Plan> {
        Arc::new(shipped::plan(&self.texts, &self.sites, "remotive"))
    }

    async fn run(&mut self) -> Summary {
        self.now += TimeDelta::days(1);
        let (events, _heard) = unbounded_channel();
        let data = self.dir.path();
        let engine = Engine::start(data, data.join("raw"), Path::new("."), events).unwrap();
        run(self.plan(), Arc::new(engine), self.now, Asked::Due).await.unwrap()
    }

    /// Runs until 30 offers are closed.
    async fn close_some(&mut self) {
        self.run().await;
        self.sites.world(|world| world.show(Site::Remotive, 30, false));
        self.run().await;
        assert_eq!(self.run().await.counts.closed, 30);
    }

    async fn store(&self) -> Elastic {
        let plan = self.plan();
        let store = Elastic::to_write(plan.server.as_ref().unwrap(), plan.schema.clone()).await.unwrap();
        store.refresh().await.unwrap();
        store
    }

    fn reader(&self) -> Reader {
        Reader::open(self.dir.path()).unwrap().unwrap()
    }

    /// Deletes what was closed before an instant.
    async fn delete(&self, before: DateTime<Utc>) -> Result<u64, RetentionError> {
        let state = State::open(self.dir.path()).unwrap();
        let store = AnyStore::Elastic(self.store().await);
        delete((&state, &self.reader()), &store, "remotive", (before, Utc::now())).await
    }

    /// Documents of the store, and rows that are known.
    async fn counted(&self) -> (usize, usize) {
        let stored = self.store().await.list(Some("remotive"), None, 1_000).await.unwrap().len();
        (stored, self.reader().known_after("remotive", None, 1_000).unwrap().len())
    }

    async fn differences(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut tell = |difference: verify::Difference| found.push(difference.to_string());
        verify::offers(&self.reader(), &AnyStore::Elastic(self.store().await), "remotive", &mut tell).await.unwrap();
        found
    }

    fn curl(&self, method: &str, path: &str, body: &str) {
        let address = format!("{}/{path}", self.node.url);
        let arguments = ["-fsS", "-X", method, &address, "-H", "Content-Type: application/json", "-d", body];
        let answered = Command::new("curl").args(arguments).output().unwrap();
        assert!(answered.status.success(), "{}", String::from_utf8_lossy(&answered.stderr));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_offers_go_unless_somebody_wrote_them_later() {
    let mut bench = Bench::new().await;
    bench.close_some().await;
    let soon = Utc::now() + TimeDelta::days(1);
    assert_eq!(bench.delete(Utc::now() - TimeDelta::days(1)).await.unwrap(), 0);
    let closed = bench.reader().closed_before("remotive", soon, 0, 1_000).unwrap();
    assert_eq!(closed.len(), 30);
    // Under a lower version of the same claim nothing goes.
    let told = bench.store().await.told("remotive", None, 1).await.unwrap().told.remove(0);
    let kept = bench.store().await.delete(&[told.id], Version(told.version - 1)).await.unwrap();
    assert_eq!((kept.kept, kept.fenced), (vec![told.id], false));
    // One is gone already; of one the server holds the version of a later claim.
    bench.curl("DELETE", &format!("jobmarket-offers/_doc/{}", closed[0].id), "");
    let told = bench.store().await.told("remotive", None, 1_000).await.unwrap().told;
    let fence = told.iter().map(|told| told.version >> 29).max().unwrap();
    let later = (fence + 1_000) << 29 | 1;
    let body =
        format!("{{\"id\":\"{0}\",\"source\":\"remotive\",\"source_id\":\"x\",\"title\":\"later\"}}", closed[1].id);
    let path = format!("jobmarket-offers/_doc/{}?version={later}&version_type=external_gte", closed[1].id);
    bench.curl("PUT", &path, &body);
    let fenced = bench.delete(soon).await;
    assert!(matches!(fenced, Err(RetentionError::Fenced(source)) if source == "remotive"));
    assert_eq!(bench.counted().await, (221, 250), "what is known stays until it is certain");
    // Under a later claim the rest goes; it is as if it had ended in the middle before.
    let at = (soon, Utc::now() + TimeDelta::days(400));
    {
        let (state, store) = (State::open(bench.dir.path()).unwrap(), AnyStore::Elastic(bench.store().await));
        assert_eq!(delete((&state, &bench.reader()), &store, "remotive", at).await.unwrap(), 30);
    }
    assert_eq!((bench.counted().await, bench.differences().await), ((220, 220), vec![]));
    // What returns is new.
    bench.sites.world(|world| world.show(Site::Remotive, 30, true));
    assert_eq!(bench.run().await.counts.new, 30);
    assert_eq!((bench.counted().await, bench.differences().await), ((250, 250), vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_compares_in_the_order_of_ids() {
    let mut bench = Bench::new().await;
    bench.run().await;
    assert_eq!(bench.differences().await, [""; 0]);
    let known = bench.reader().known_after("remotive", None, 1_000).unwrap();
    let ours = |place: usize| known[place].id;
    for place in [0, 100, 249] {
        bench.curl("DELETE", &format!("jobmarket-offers/_doc/{}", ours(place)), "");
    }
    let body =
        |id: &str| format!("{{\"id\":\"{id}\",\"source\":\"remotive\",\"source_id\":\"other\",\"title\":\"x\"}}");
    for id in ["0".repeat(32), "f".repeat(32), ours(7).to_string()] {
        bench.curl("PUT", &format!("jobmarket-offers/_doc/{id}"), &body(&id));
    }
    let mut found = bench.differences().await;
    found.sort();
    let lost = |place: usize| format!("remotive: {}: known, and not stored", known[place].key);
    let mut expect = vec![
        lost(0),
        lost(100),
        lost(249),
        format!("remotive: {}: what is stored is not what is known of it", known[7].key),
        "remotive: other: stored, and not known".to_owned(),
        "remotive: other: stored, and not known".to_owned(),
    ];
    expect.sort();
    assert_eq!(found, expect);
}

#[tokio::test(flavor = "multi_thread")]
async fn indices_of_older_schemas_are_named_and_go() {
    let bench = Bench::new().await;
    let store = AnyStore::Elastic(bench.store().await);
    assert_eq!(delete_indices(&store, Utc::now(), true).await.unwrap(), []);
    let left = format!("{{\"mappings\":{{\"_meta\":{{\"layout\":1,\"left\":\"{}\"}}}}}}", Utc::now().to_rfc3339());
    for name in ["00000000000000aa", "00000000000000bb", "00000000000000cc", "claims"] {
        bench.curl("PUT", &format!("jobmarket-offers-{name}"), &left);
    }
    // One of ours by its name that does not say that it was left.
    bench.curl("PUT", "jobmarket-offers-00000000000000dd", "{\"mappings\":{\"_meta\":{\"layout\":1}}}");
    // One is in use, and one is not ours by its name.
    bench.curl("PUT", "jobmarket-offers-00000000000000cc/_alias/mine", "{}");
    let names = |told: &[OldIndex]| told.iter().map(|index| (index.name.clone(), index.due)).collect::<Vec<_>>();
    let expect = |due| ["aa", "bb"].map(|end| (format!("jobmarket-offers-00000000000000{end}"), due)).to_vec();
    let later = Utc::now() + TimeDelta::days(8);
    assert_eq!(
        names(&delete_indices(&store, Utc::now(), false).await.unwrap()),
        expect(false),
        "seven days are not over"
    );
    assert_eq!(names(&delete_indices(&store, later, true).await.unwrap()), expect(true), "nothing is deleted yet");
    assert_eq!(names(&delete_indices(&store, later, false).await.unwrap()), expect(true));
    assert_eq!(delete_indices(&store, later, false).await.unwrap(), []);
    bench.curl("GET", "jobmarket-offers-claims", "");
    bench.curl("GET", "jobmarket-offers-00000000000000cc", "");
    bench.curl("GET", "jobmarket-offers-00000000000000dd", "");
    bench.curl("GET", "jobmarket-offers", "");
}
