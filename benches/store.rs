//! The local store at 200,000 offers: stored and indexed per second, six facets over a filter, a text search.
//!
//! `cargo bench --bench store [-- --offers N]`
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use jobmarket::definition::{self, Text};
use jobmarket::event::RunKind;
use jobmarket::offer::{OfferId, content_hash};
use jobmarket::position::Position;
use jobmarket::schema::Schema;
use jobmarket::search::{Facet, Filter, Search};
use jobmarket::state::State;
use jobmarket::state::words::{Admit, Commit, Fate, Mapped, NewRun, PageKind, Record, Slice};
use jobmarket::store::Store;
use jobmarket::store::local::{Follower, Local};

const PAGE: usize = 150;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let offers = args.iter().position(|arg| arg == "--offers").map_or(200_000, |at| args[at + 1].parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let schema = schema();
    let began = Instant::now();
    runtime.block_on(fill(dir.path(), offers));
    told("stored", offers, began);
    let began = Instant::now();
    let taken = Follower::start(dir.path(), &schema).finish().unwrap();
    told("indexed behind", taken as usize, began);
    runtime.block_on(ask(dir.path(), &schema));
    let peak = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = peak.lines().find(|line| line.starts_with("RssAnon")).unwrap();
    println!("anonymous memory {} (mark 96 MiB at 1 M offers)", line.trim_start_matches("RssAnon:").trim());
}

fn told(what: &str, count: usize, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();
    println!("{what:<16} {count} in {seconds:.1} s: {:.0}/s", count as f64 / seconds);
}

fn schema() -> Arc<Schema> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/offer.yaml");
    let text = Text { path: "mappings/offer.yaml".into(), text: std::fs::read_to_string(path).unwrap() };
    definition::read(&[text]).0.schema
}

const TYPES: [&str; 4] = ["permanent", "fixed_term", "temporary", "freelance"];
const WORDS: [&str; 8] = ["données", "pipeline", "réseau", "projet", "équipe", "qualité", "production", "sécurité"];

fn offer(number: usize) -> String {
    let mut random = fastrand::Rng::with_seed(number as u64);
    let text: Vec<&str> = (0..300).map(|_| WORDS[random.usize(0..WORDS.len())]).collect();
    let published = DateTime::UNIX_EPOCH + TimeDelta::seconds(1_700_000_000 + random.i64(0..31_536_000));
    let pay = random.u32(20..90) * 1_000;
    serde_json::json!({
        "id": OfferId::new("bench", &number.to_string()).to_string(), "source": "bench", "source_id": number.to_string(),
        "title": format!("Ingénieur {} {number}", WORDS[number % 8]), "description": text.join(" "),
        "published_at": published.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        "location": {"department": format!("{:02}", random.u32(1..96)), "city": format!("Ville {}", random.u32(0..2_000)), "country": "FR",
            "point": {"lat": 42.0 + random.f64() * 9.0, "lon": -4.0 + random.f64() * 12.0}},
        "contract": {"type": TYPES[random.usize(0..4)]}, "salary": {"yearly_min": f64::from(pay), "period": "year"},
        "experience": {"level": (["junior", "mid", "senior"][random.usize(0..3)])},
        "remote": (["onsite", "hybrid", "full"][random.usize(0..3)])
    })
    .to_string()
}

/// Stores offers page by page, as a run does: admitted, then committed, a few pages on their way at a time.
async fn fill(dir: &Path, offers: usize) {
    let state = State::open(dir).unwrap();
    let now = Utc::now();
    let claim = state.claim("bench", "local", now.timestamp() as u64, false).await.unwrap();
    let new = NewRun {
        source: "bench".into(),
        pipeline: None,
        kind: RunKind::Sweep,
        ask: "ask".into(),
        meaning: "meaning".into(),
        now,
        span: None,
        origins: String::new(),
        texts: Vec::new(),
    };
    let run = state.begin_run(new).await.unwrap().run;
    let mut pending = std::collections::VecDeque::new();
    for page in 0..offers.div_ceil(PAGE) {
        let admit = admit(run, page, offers, claim.ticket(), now);
        let admitted = state.admit(Arc::new(admit.clone())).await.unwrap();
        let slice = Slice::open("0".into(), "{}".into(), None);
        let commit = Commit {
            admit,
            admitted,
            refused: Vec::new(),
            superseded: Vec::new(),
            kind: PageKind::List,
            position: Position::Number(page as u64),
            part: 0,
            request: "GET https://bench.example".into(),
            status: 200,
            archived: Vec::new(),
            ask: "ask".into(),
            meaning: "meaning".into(),
            slice,
            halves: Vec::new(),
            marks: Vec::new(),
            store: true,
            bytes: 0,
            quotas: Vec::new(),
            from: None,
            quality: Default::default(),
        };
        pending.push_back(state.commit(commit).await.unwrap());
        while pending.len() > 8 {
            pending.pop_front().unwrap().done().await.unwrap();
        }
    }
    for page in pending {
        page.done().await.unwrap();
    }
}

fn admit(run: i64, page: usize, offers: usize, version: jobmarket::offer::Version, at: DateTime<Utc>) -> Admit {
    let (mut records, mut written) = (Vec::new(), Vec::new());
    for number in page * PAGE..((page + 1) * PAGE).min(offers) {
        let start = written.len();
        written.extend_from_slice(offer(number).as_bytes());
        let (key, text) = (number.to_string(), start..written.len());
        records.push(Record {
            item: (number % PAGE) as u32,
            id: Some(OfferId::new("bench", &key)),
            key: Some(key),
            fate: Fate::Offer { content: content_hash(&written[text.clone()]), text },
            listed: None,
            raw: None,
            expires: None,
        });
    }
    let mapped = Mapped { records, text: written.into() };
    Admit { run, source: "bench".into(), version, page: Arc::new(mapped), at, again: false }
}

async fn ask(dir: &Path, schema: &Schema) {
    let store = Local::open(dir, schema).unwrap().unwrap();
    let facets = [
        "contract.type",
        "location.department",
        "experience.level",
        "remote",
        "published_at:month",
        "salary.yearly_min:10000",
    ];
    let facets: Vec<Facet> = facets.iter().map(|facet| Facet::parse(facet, schema).unwrap()).collect();
    let filter = |text: &str| Filter::parse(text, schema).unwrap();
    let searches = [
        (
            "six facets over a filter",
            Search { facets, filters: vec![filter("contract.type=permanent")], ..Search::default() },
        ),
        ("text search", Search { text: Some("ingénieur réseau sécurité".into()), limit: 20, ..Search::default() }),
        (
            "within 30 km",
            Search { filters: vec![filter("location.point=48.85,2.35,30km")], limit: 20, ..Search::default() },
        ),
    ];
    for (name, search) in searches {
        let mut times: Vec<f64> = Vec::new();
        let mut total = 0;
        for _ in 0..15 {
            let began = Instant::now();
            total = store.search(&search).await.unwrap().total;
            times.push(began.elapsed().as_secs_f64() * 1_000.0);
        }
        times.sort_by(f64::total_cmp);
        println!("{name:<26} {total} found: median {:.1} ms, slowest {:.1} ms", times[7], times[14]);
    }
}
