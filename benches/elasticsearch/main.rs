//! A plain loader against the store, over the same documents, on a real Elasticsearch and in one run.
//!
//! `cargo bench --bench elasticsearch [-- --offers N --batch N --rounds N --parallel 1,2,4 --only store]`
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

mod documents;
mod journal;
#[path = "../../tests/elasticsearch/node.rs"]
mod node;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use chrono::Utc;
use documents::Work;
use jobmarket::definition::{self, Text};
use jobmarket::offer::Version;
use jobmarket::plan::Server;
use jobmarket::schema::Schema;
use jobmarket::store::Written;
use jobmarket::store::elastic::Elastic;
use journal::Journal;
use node::Node;

/// What is measured; each round in another order.
const WAYS: [&str; 3] = ["loader", "store", "path"];

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let given = |name: &str| args.iter().position(|arg| arg == name).map(|at| args[at + 1].clone());
    let number = |name: &str, default: usize| given(name).map_or(default, |text| text.parse().unwrap());
    let (offers, batch, rounds) = (number("--offers", 60_000), number("--batch", 500), number("--rounds", 5));
    let parallel = given("--parallel").unwrap_or_else(|| "1,2,4".into());
    let only = given("--only");
    let node = Node::start();
    let work = Arc::new(Work::new(offers, batch));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let bench = Bench { url: node.url.clone(), client: client(), schema: schema(), work };
    println!(
        "{offers} documents of {} bytes on average, {batch} a request, {rounds} rounds",
        bench.work.bytes() / offers
    );
    // The server compiles what it does often: until that is done it is measured and not what it does.
    for way in WAYS.into_iter().cycle().take(6) {
        runtime.block_on(bench.measured(way, 2));
    }
    let mut order = fastrand::Rng::with_seed(1);
    for parallel in parallel.split(',').map(|text| text.parse().unwrap()) {
        let mut found: [Vec<(f64, f64)>; 3] = Default::default();
        for _ in 0..rounds {
            let mut ways = [0, 1, 2];
            order.shuffle(&mut ways);
            for way in ways {
                if only.as_deref().is_none_or(|only| only == WAYS[way]) {
                    found[way].push(runtime.block_on(bench.measured(WAYS[way], parallel)));
                }
            }
        }
        told(offers, parallel, found);
    }
}

/// Medians, and the ratios to the plain loader in the same round: what else the machine does meanwhile is in both.
fn told(offers: usize, parallel: usize, found: [Vec<(f64, f64)>; 3]) {
    println!("{parallel} requests at a time");
    let names =
        ["plain loader", "store: versions, outcomes of each item", "path of a run: admit, intent, write, commit"];
    let walls = found.each_ref().map(|rounds| rounds.iter().map(|(wall, _)| *wall).collect::<Vec<_>>());
    for ((name, rounds), walls) in names.into_iter().zip(&found).zip(&walls).filter(|(_, walls)| !walls.is_empty()) {
        let cpu = median(rounds.iter().map(|(_, cpu)| *cpu));
        let (least, wall, most) = spread(walls.iter().copied());
        let rate = offers as f64 / wall;
        println!("  {name:<44} {rate:>7.0} offers/s   {wall:.2} s ({least:.2} to {most:.2}), own CPU {cpu:.2} s");
    }
    let [loader, store, path] = walls;
    if !loader.is_empty() && store.len() == loader.len() && path.len() == loader.len() {
        let ratio = |way: &[f64]| spread(loader.iter().zip(way).map(|(loader, way)| loader / way));
        for (name, (least, ratio, most)) in [("store", ratio(&store)), ("path", ratio(&path))] {
            println!("  {name} / loader {ratio:.2} ({least:.2} to {most:.2}; mark 0.8)");
        }
    }
}

/// Least, median, greatest.
fn spread(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    spread(values).1
}

struct Bench {
    url: String,
    client: reqwest::Client,
    schema: Arc<Schema>,
    work: Arc<Work>,
}

fn client() -> reqwest::Client {
    // Brings the cryptography that the client asks for.
    drop(jobmarket::fetch::Fetch::new(None).unwrap());
    reqwest::Client::new()
}

fn schema() -> Arc<Schema> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/offer.yaml");
    let text = Text { path: "mappings/offer.yaml".into(), text: std::fs::read_to_string(path).unwrap() };
    definition::read(&[text]).0.schema
}

impl Bench {
    /// Wall and own CPU seconds of one way, into an index of its own.
    async fn measured(&self, way: &str, parallel: usize) -> (f64, f64) {
        let name = format!("bench-{:x}", fastrand::u64(..));
        let server = Server { urls: vec![self.url.clone()], name: name.clone(), ..Server::default() };
        let elastic = Arc::new(Elastic::to_write(&server, self.schema.clone()).await.unwrap());
        let (began, cpu) = (Instant::now(), cpu());
        match way {
            "loader" => self.load(&format!("{}/{name}/_bulk", self.url), parallel).await,
            "store" => self.store(&elastic, parallel).await,
            _ => self.path(&elastic, parallel).await,
        }
        let taken = (began.elapsed().as_secs_f64(), self::cpu() - cpu);
        elastic.refresh().await.unwrap();
        let count = self.asked(reqwest::Method::GET, &format!("{name}/_count")).await["count"].as_u64();
        let offers: usize = self.work.pages.iter().map(|page| page.offers.len()).sum();
        assert_eq!(count, Some(offers as u64), "{way}: every document is stored once");
        let index = self.asked(reqwest::Method::GET, &format!("_alias/{name}")).await;
        let index = index.as_object().unwrap().keys().next().unwrap().clone();
        self.asked(reqwest::Method::DELETE, &index).await;
        taken
    }

    async fn asked(&self, method: reqwest::Method, path: &str) -> serde_json::Value {
        let answer = self.client.request(method, format!("{}/{path}", self.url)).send().await.unwrap();
        serde_json::from_slice(&answer.error_for_status().unwrap().bytes().await.unwrap()).unwrap()
    }

    async fn load(&self, address: &str, parallel: usize) {
        let (client, address, work) = (self.client.clone(), address.to_owned(), self.work.clone());
        each(work.pages.len(), parallel, move |page| {
            let request = client.post(&address).header("Content-Type", "application/x-ndjson");
            let request = request.body(work.pages[page].body);
            async move {
                let answer = request.send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap();
                assert!(!serde_json::from_slice::<Loaded>(&answer).unwrap().errors);
            }
        })
        .await;
    }

    async fn store(&self, elastic: &Arc<Elastic>, parallel: usize) {
        let (elastic, work, fence) = (elastic.clone(), self.work.clone(), Utc::now().timestamp() as u64);
        each(work.pages.len(), parallel, move |page| {
            let (elastic, work) = (elastic.clone(), work.clone());
            async move {
                let batch = work.pages[page].batch(Version::new(fence, page as u64 + 1), Utc::now());
                assert_eq!(elastic.write(&batch).await.unwrap(), Written::default());
            }
        })
        .await;
    }

    async fn path(&self, elastic: &Arc<Elastic>, parallel: usize) {
        let dir = tempfile::tempdir().unwrap();
        let journal = Arc::new(Journal::begin(dir.path()).await);
        let (elastic, work, begun) = (elastic.clone(), self.work.clone(), journal.clone());
        each(work.pages.len(), parallel, move |page| {
            let (elastic, work, journal) = (elastic.clone(), work.clone(), begun.clone());
            async move { journal.page(&elastic, &work.pages[page], page).await }
        })
        .await;
        journal.end().await;
    }
}

/// What a plain loader reads of an answer.
#[derive(serde::Deserialize)]
struct Loaded {
    errors: bool,
}

/// Does a piece of work for each page, so many at a time.
async fn each<F: Future<Output = ()> + Send + 'static>(
    pages: usize,
    parallel: usize,
    work: impl Fn(usize) -> F + Send + Sync + 'static,
) {
    let (next, work) = (Arc::new(AtomicUsize::new(0)), Arc::new(work));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..parallel {
        let (next, work) = (next.clone(), work.clone());
        tasks.spawn(async move {
            loop {
                let page = next.fetch_add(1, Ordering::Relaxed);
                if page >= pages {
                    return;
                }
                work(page).await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

/// User and system time of this process, of Linux.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}
