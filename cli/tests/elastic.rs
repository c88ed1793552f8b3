//! The program against a real Elasticsearch, from an empty server to searchable offers: what each command prints.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "../../tests/elasticsearch/node.rs"]
mod node;
#[path = "../../tests/elasticsearch/proxy.rs"]
mod proxy;
#[path = "../../tests/elasticsearch/role.rs"]
mod role;

use std::collections::BTreeSet;
use std::path::Path;

use node::Node;
use proxy::Proxy;
use role::Role;
use sandbox::{Options, Sandbox, Site};
use serde_json::Value;
use tokio::process::Command;

/// Offers of the site, and how many of them have no title.
const OFFERS: usize = 1_200;
const SPOILED: usize = 3;

/// The key that the server knows, where it knows one.
const KEY: &str = "anVzdDphdGVzdA==";

/// What a command printed.
struct Said {
    well: bool,
    out: String,
    err: String,
}

struct Bench {
    sites: Sandbox,
    project: tempfile::TempDir,
    records: Vec<Value>,
}

impl Bench {
    /// The shipped project, its requests going to simulated sites and its offers to the server.
    async fn new(store: &str) -> Self {
        let options = Options { offers: OFFERS, boards: 0, ..Options::default() };
        let truths = Sandbox::start(options).await.unwrap().world(|world| world.truth(Site::FranceTravail));
        let mut records: Vec<Value> = truths.into_iter().map(|truth| truth.record).collect();
        records.iter_mut().take(SPOILED).for_each(|record| record["intitule"] = Value::Null);
        let options = Options { records: records.clone(), boards: 0, rate: 1_000_000, ..Options::default() };
        let sites = Sandbox::start(options).await.unwrap();
        let project = tempfile::tempdir().unwrap();
        for folder in ["sources", "mappings", "mappings/lookups"] {
            copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder), &project.path().join(folder));
        }
        // Small sites do not bring what is expected of the real ones.
        let source = project.path().join("sources/francetravail.yaml");
        let text = std::fs::read_to_string(&source).unwrap();
        let lines = text.split_inclusive('\n').filter(|line| !line.starts_with("expect:"));
        std::fs::write(source, lines.collect::<String>()).unwrap();
        let limits = "limits: {rate: 1000/s}";
        let origins = sites.origins().into_iter().map(|(from, to)| format!("  {from}: {{to: \"{to}\", {limits}}}\n"));
        let pipelines = format!(
            "store: {{elasticsearch: {store}}}\norigins:\n{}pipelines:\n  - {{name: p, sources: [francetravail]}}\n",
            origins.collect::<String>()
        );
        std::fs::write(project.path().join("pipelines.yaml"), pipelines).unwrap();
        Bench { sites, project, records }
    }

    async fn say(&self, words: &[&str]) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_jobmarket"))
            .current_dir(self.project.path())
            .args(words)
            .env("FT_API_CLIENT_ID", sandbox::CLIENT_ID)
            .env("FT_API_CLIENT_SECRET", sandbox::CLIENT_SECRET)
            .env("ES_API_KEY", KEY)
            // A proxy of the environment, which is not there, stands before nothing on this machine.
            .env("HTTP_PROXY", "http://127.0.0.1:1")
            .output()
            .await
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { well: output.status.success(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// What a command that must succeed printed.
    async fn well(&self, words: &[&str]) -> Said {
        let said = self.say(words).await;
        assert!(said.well, "{words:?}: {}{}", said.out, said.err);
        said
    }

    /// Records that became offers.
    fn sound(&self) -> &[Value] {
        &self.records[SPOILED..]
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for path in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

fn key(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_an_empty_server_to_searchable_offers() {
    let node = Node::start();
    let bench = Bench::new(&format!("{{url: \"{}\"}}", node.url)).await;
    let stored = OFFERS - SPOILED;

    let run = bench.well(&["run", "francetravail"]).await;
    let numbers =
        format!("{OFFERS} fetched = {stored} indexed ({stored} new) + 0 unchanged + 0 superseded + {SPOILED} rejected");
    assert!(run.err.contains("run 1 complete") && run.err.contains(&numbers), "{}", run.err);
    assert!(run.err.contains(&format!("rejected {SPOILED}: ")), "{}", run.err);

    searches(&bench).await;
    tells_where_an_offer_came_from(&bench).await;

    let status = bench.well(&["status"]).await;
    let line = status.out.lines().find(|line| line.starts_with("francetravail")).unwrap();
    let columns: Vec<&str> = line.split_whitespace().take(5).collect();
    assert_eq!(columns, ["francetravail", &stored.to_string(), "0", &SPOILED.to_string(), "1"], "{line}");
    assert!(line.contains("complete"), "{line}");

    exports(&bench).await;
    let list = bench.well(&["quarantine", "list"]).await;
    assert_eq!(list.out.lines().count(), SPOILED, "{}", list.out);
    for record in &bench.records[..SPOILED] {
        let line = list.out.lines().find(|line| line.contains(record["id"].as_str().unwrap())).unwrap();
        assert!(line.contains("required") && line.contains("title"), "{line}");
    }

    verifies(&bench, &node).await;
    drop(bench.sites);
}

async fn searches(bench: &Bench) {
    let says = |record: &&Value| record["description"].as_str().unwrap().contains("Kubernetes");
    let direct = bench.sound().iter().filter(says).filter(|record| record["typeContrat"] == "CDI").count();
    let asked = ["search", "kubernetes", "-f", "contract.type=permanent", "--limit", "3", "--facet", "contract.type"];
    // What a run wrote is found when it has ended.
    let found = bench.well(&asked).await;
    assert!(found.err.contains(&format!("{direct} offers\n")), "{direct}: {}", found.err);
    assert_eq!(found.out.matches("https://candidat.francetravail.fr/").count(), 3, "{}", found.out);
    assert!(found.out.ends_with(&format!("contract.type\n  {direct:>8}  permanent\n")), "{}", found.out);

    let more = found.err.lines().find_map(|line| line.strip_prefix("more: --after ")).unwrap();
    let ids = |out: &str| out.lines().filter(|line| !line.starts_with(' ')).map(|line| line[..32].to_owned()).collect();
    let next =
        bench.well(&["search", "kubernetes", "-f", "contract.type=permanent", "--limit", "3", "--after", more]).await;
    let (first, next): (BTreeSet<String>, BTreeSet<String>) =
        (ids(&found.out.replace("contract.type\n", "")), ids(&next.out));
    assert!(next.len() == 3 && first.is_disjoint(&next), "{first:?} {next:?}");

    let typo = bench.say(&["search", "-f", "contract.typ=permanent"]).await;
    assert!(!typo.well && typo.err.contains("did you mean `contract.type`"), "{}", typo.err);
}

async fn tells_where_an_offer_came_from(bench: &Bench) {
    let record = &bench.sound()[7];
    let name = key(&record["id"]);
    let why = bench.well(&["why", &name]).await.out;
    for part in [
        format!("francetravail · key {name}"),
        "request   GET http".into(),
        "run       1 slice ".into(),
        "archive   francetravail".into(),
        "mapping   mappings/francetravail.yaml".into(),
        format!("raw       {{\"id\":\"{name}\""),
        "document  {\"id\":".into(),
    ] {
        assert!(why.contains(&part), "{part}: {why}");
    }
    let document = why.lines().find_map(|line| line.strip_prefix("document  ")).unwrap();
    let document: Value = serde_json::from_str(document).unwrap();
    assert_eq!((&document["source_id"], &document["title"]), (&record["id"], &record["intitule"]));
    let known: Value = serde_json::from_str(&bench.well(&["--json", "why", &name]).await.out).unwrap();
    assert_eq!(known["offer"]["document"], document, "a script is told what the server has, too");
}

async fn exports(bench: &Bench) {
    let export = bench.well(&["export"]).await;
    let documents: Vec<Value> = export.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let keys: BTreeSet<String> = documents.iter().map(|document| key(&document["source_id"])).collect();
    assert_eq!(keys, bench.sound().iter().map(|record| key(&record["id"])).collect());
    assert_eq!((documents.len(), export.err.as_str()), (keys.len(), format!("{} offers\n", keys.len()).as_str()));
    let table = bench.well(&["export", "francetravail", "--format", "csv"]).await;
    let mut table = csv::Reader::from_reader(table.out.as_bytes());
    let column = table.headers().unwrap().iter().position(|name| name == "source_id").unwrap();
    assert_eq!(keys, table.records().map(|row| row.unwrap()[column].to_owned()).collect());
}

async fn verifies(bench: &Bench, node: &Node) {
    let verify = bench.well(&["verify"]).await;
    let stored = OFFERS - SPOILED;
    assert!(verify.err.contains(&format!("{stored} offers compared: 0 differences")), "{}", verify.err);
    // One offer goes behind our back.
    let document = bench.well(&["why", bench.sound()[0]["id"].as_str().unwrap()]).await.out;
    let address = format!("{}/jobmarket-offers/_doc/{}", node.url, document.split_whitespace().nth(1).unwrap());
    let gone = Command::new("curl").args(["-fsS", "-X", "DELETE", &address]).output().await.unwrap();
    assert!(gone.status.success(), "{}", String::from_utf8_lossy(&gone.stderr));
    let verify = bench.say(&["verify"]).await;
    let name = key(&bench.sound()[0]["id"]);
    assert!(!verify.well && verify.out.contains(&format!("{name}: known, and not stored")), "{}", verify.out);
    // The next sweep brings it back.
    let sweep = bench.well(&["sweep", "francetravail"]).await;
    assert!(sweep.err.contains("= 1 indexed (0 new)"), "{}", sweep.err);
    bench.well(&["verify"]).await;
}

/// The whole life of the program with a key of the role of `deploy/role.json`, and no call more than that grants.
#[tokio::test(flavor = "multi_thread")]
async fn the_documented_role_is_enough_and_no_more_is_asked_for() {
    let node = Node::start();
    let proxy = Proxy::start(&node.url).await;
    proxy.demand("authorization", &format!("ApiKey {KEY}"));
    let role = Role::read();
    proxy.restrict(move |asked| role.judge(asked));
    let bench = Bench::new(&format!("{{url: \"{}\", api_key: \"${{secret.ES_API_KEY}}\"}}", proxy.url)).await;
    let offer = key(&bench.sound()[0]["id"]);
    let granted = async |words: &[&str]| {
        let said = bench.say(words).await;
        assert_eq!(proxy.forbidden(), Vec::<String>::new(), "{words:?}: {}", said.err);
        assert!(said.well || words.contains(&"retry"), "{words:?}: {}", said.err);
    };
    for words in [
        &["run", "francetravail"][..],
        &["search", "kubernetes", "--facet", "contract.type"],
        &["why", &offer],
        &["status"],
        &["export"],
        &["verify"],
        &["quarantine", "retry"],
        &["replay", "francetravail"],
        &["sweep", "francetravail"],
    ] {
        granted(words).await;
    }
    // Another schema: a new index beside, the documents copied, the alias moved.
    let schema = bench.project.path().join("mappings/offer.yaml");
    let text = std::fs::read_to_string(&schema).unwrap() + "\nbadge: {keyword: {doc: What the site awards}}\n";
    std::fs::write(schema, text).unwrap();
    for words in [
        &["run", "francetravail"][..],
        &["close", "francetravail", "--all"],
        &["retention", "--closed", "0s", "--dry-run"],
        &["retention", "--closed", "0s"],
        &["export", "--closed"],
    ] {
        granted(words).await;
    }
    // It was not for nothing.
    for part in [
        "/_bulk",
        "/_search",
        "/_mget",
        "/_doc/",
        "/_refresh",
        "/_aliases",
        "/jobmarket-offers,",
        "/_block/write",
        "/_count",
    ] {
        assert!(proxy.asked().iter().any(|asked| asked.path.contains(part)), "{part}");
    }

    // Who may only read is told so.
    let role = Role::parse(
        r#"{"cluster": ["monitor"], "indices": [{"names": ["jobmarket-*"], "privileges": ["read", "view_index_metadata"]}]}"#,
    );
    proxy.restrict(move |asked| role.judge(asked));
    let run = bench.say(&["run", "francetravail"]).await;
    assert!(!run.well && run.err.contains("what its role may do"), "{}", run.err);
    assert!(!proxy.forbidden().is_empty());
    let others = [
        "PUT /other",
        "DELETE /*",
        "GET /_all/_search",
        "PUT /_security/user/me",
        "PUT /_cluster/settings",
        "POST /_reindex",
    ];
    for call in others {
        let (method, path) = call.split_once(' ').unwrap();
        let asked = proxy::Asked { method: method.into(), path: path.into(), ..proxy.asked()[0].clone() };
        assert!(Role::read().judge(&asked).is_err(), "{call}");
    }
}
