//! A hard-coded loop against the engine from YAML, in one run, over the same pages served on loopback by a child process.
//!
//! `cargo bench --bench throughput [-- --offers N]`
#![allow(clippy::unwrap_used, missing_docs, clippy::disallowed_methods)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jobmarket::definition::{self, Text};
use jobmarket::plan::{Ask, Origins, Surroundings, compile};
use jobmarket::run::{Engine, run};

const PAGE: usize = 150;

const SOURCE: &str = "source: bench
request: {get: https://bench.example/offers, query: {offset: \"${page.offset}\"}}
pages: {offset: {size: 150, total: $.total}}
limits: {rate: 1000000/s, parallel: 4}
records: $.resultats[*]
key: $.id
map:
  title: $.intitule
  description: $.description
  url: $.url
  published_at: $.dateCreation | date
  company.name: $.entreprise.nom
  location: {label: $.lieu.libelle, postcode: $.lieu.codePostal}
  contract.type: $.typeContrat | lookup(contracts.francetravail)
  skills: $.competences[*].libelle
";

const WITH_LOG: &str = "pipelines:
  - {name: bench, sources: [bench], sinks: [{files: {dir: out}}]}
";
const JOURNAL_ALONE: &str = "pipelines:
  - {name: bench, sources: [bench], sinks: []}
";

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let offers = args.iter().position(|arg| arg == "--offers").map_or(60_000, |at| args[at + 1].parse().unwrap());
    if args.iter().any(|arg| arg == "--serve") {
        return serve(offers);
    }
    let runs = 5;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--serve", "--offers", &offers.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let address = first_line(&mut child);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("{offers} offers, {runs} runs each, wall s / CPU s");
    if args.iter().any(|arg| arg == "--engine-alone") {
        // For a profile of the engine and nothing else.
        (0..runs).for_each(|_| runtime.block_on(by_engine(&address, offers, WITH_LOG)));
        child.kill().unwrap();
        return;
    }
    let (mut hard, mut engine, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        hard.push(measured(|| runtime.block_on(hard_coded(&address, offers))));
    }
    // Only the engine's memory is asked for.
    watch();
    for _ in 0..runs {
        engine.push(measured(|| runtime.block_on(by_engine(&address, offers, WITH_LOG))));
        alone.push(measured(|| runtime.block_on(by_engine(&address, offers, JOURNAL_ALONE))));
        hard.push(measured(|| runtime.block_on(hard_coded(&address, offers))));
    }
    let (hard, engine, alone) = (median(hard), median(engine), median(alone));
    let rows =
        [("hard-coded loop", hard), ("engine, archive, known, journal and log", engine), ("engine, no sink", alone)];
    for (name, (wall, cpu)) in rows {
        println!("{name:<40} {wall:.2} / {cpu:.2}   {:.0} offers/s", offers as f64 / wall);
    }
    println!("ratio wall {:.2} (mark 1.5), CPU {:.2} (mark 2)", engine.0 / hard.0, engine.1 / hard.1);
    let peak = PEAK.load(std::sync::atomic::Ordering::Relaxed) as f64 / 1_024.0;
    println!("no sink: wall {:.2}, CPU {:.2}", alone.0 / hard.0, alone.1 / hard.1);
    println!("peak anonymous memory {peak:.0} MiB (mark 64)");
    child.kill().unwrap();
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

/// Wall and CPU seconds of a piece of work.
fn measured(work: impl FnOnce()) -> (f64, f64) {
    let (wall, cpu) = (Instant::now(), cpu());
    work();
    (wall.elapsed().as_secs_f64(), self::cpu() - cpu)
}

fn median(mut runs: Vec<(f64, f64)>) -> (f64, f64) {
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    println!("  spread {:.2} to {:.2} s", runs[0].0, runs[runs.len() - 1].0);
    runs[runs.len() / 2]
}

/// User and system time of this process, of Linux.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// The most anonymous memory that was seen, looked at every two milliseconds by a thread of its own.
static PEAK: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

fn watch() {
    std::thread::spawn(|| {
        loop {
            PEAK.fetch_max((anonymous() * 1_024.0) as u64, std::sync::atomic::Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(2));
        }
    });
}

/// Anonymous memory now, in MiB.
fn anonymous() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1_024.0
}

#[derive(serde::Deserialize)]
struct Page<'p> {
    total: usize,
    #[serde(borrow)]
    resultats: Vec<Record<'p>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'p> {
    id: &'p str,
    intitule: &'p str,
    #[serde(borrow)]
    description: std::borrow::Cow<'p, str>,
    url: &'p str,
    date_creation: &'p str,
    #[serde(borrow)]
    entreprise: Employer<'p>,
    #[serde(borrow)]
    lieu: Town<'p>,
    type_contrat: &'p str,
    #[serde(borrow)]
    competences: Vec<Skill<'p>>,
}

#[derive(serde::Deserialize)]
struct Employer<'p> {
    nom: &'p str,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Town<'p> {
    libelle: &'p str,
    code_postal: &'p str,
}

#[derive(serde::Deserialize)]
struct Skill<'p> {
    libelle: &'p str,
}

/// What a programmer would write for this one site: typed structs, the same client, the same pages, the same lines.
async fn hard_coded(address: &str, offers: usize) {
    let _ = jobmarket::fetch::Fetch::new(None).unwrap();
    let client = reqwest::Client::new();
    let dir = tempfile::tempdir().unwrap();
    let mut out = std::io::BufWriter::new(std::fs::File::create(dir.path().join("out.ndjson")).unwrap());
    let mut read = 0;
    while read < offers {
        let body = client.get(format!("{address}/offers?offset={read}")).send().await.unwrap().bytes().await.unwrap();
        let page: Page<'_> = serde_json::from_slice(&body).unwrap();
        assert_eq!(page.total, offers);
        for record in &page.resultats {
            let kind = match record.type_contrat {
                "CDI" => "permanent",
                "CDD" => "fixed_term",
                _ => "temporary",
            };
            let skills: Vec<&str> = record.competences.iter().map(|skill| skill.libelle).collect();
            let line = serde_json::json!({
                "source_id": record.id, "title": record.intitule, "description": record.description, "url": record.url,
                "published_at": record.date_creation, "company": {"name": record.entreprise.nom},
                "location": {"label": record.lieu.libelle, "postcode": record.lieu.code_postal},
                "contract": {"type": kind}, "skills": skills
            });
            serde_json::to_writer(&mut out, &line).unwrap();
            out.write_all(b"\n").unwrap();
        }
        read += page.resultats.len();
    }
    out.flush().unwrap();
}

async fn by_engine(address: &str, offers: usize, pipelines: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| Text { path: path.into(), text: std::fs::read_to_string(root.join(path)).unwrap() };
    let mut texts = vec![read("mappings/offer.yaml"), read("mappings/lookups/contracts.yaml")];
    texts.push(Text { path: "sources/bench.yaml".into(), text: SOURCE.into() });
    texts.push(Text { path: "pipelines.yaml".into(), text: pipelines.into() });
    let (definitions, findings) = definition::read(&texts);
    assert_eq!(findings, []);
    let mut origins = Origins::default();
    origins.add("https://bench.example", address, "1000000/s".parse().ok()).unwrap();
    let pipeline = Some((0, &definitions.pipelines.pipelines[0]));
    let plan = compile(&definitions, Ask { source: "bench", pipeline, origins }, &Surroundings::default()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (events, _heard) = tokio::sync::mpsc::unbounded_channel();
    let data = dir.path();
    let engine = Engine::start(data, data.join("raw"), std::path::Path::new("."), events).unwrap();
    let summary = run(Arc::new(plan), Arc::new(engine), chrono::Utc::now(), None).await.unwrap();
    assert_eq!(summary.counts.new as usize, offers, "{summary:?}");
}

/// Serves the pages from memory, one thread a connection.
fn serve(offers: usize) {
    let pages: Arc<Vec<Vec<u8>>> = Arc::new((0..offers.div_ceil(PAGE)).map(|page| page_of(page, offers)).collect());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    for stream in listener.incoming() {
        let pages = pages.clone();
        std::thread::spawn(move || connection(stream.unwrap(), &pages));
    }
}

fn connection(mut stream: TcpStream, pages: &[Vec<u8>]) {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut buffer = [0; 4_096];
    loop {
        let Ok(read) = stream.read(&mut buffer) else { return };
        if read == 0 {
            return;
        }
        let head = String::from_utf8_lossy(&buffer[..read]).into_owned();
        let offset: usize = head.split("offset=").nth(1).unwrap().split([' ', '&']).next().unwrap().parse().unwrap();
        if stream.write_all(&pages[offset / PAGE]).is_err() {
            return;
        }
    }
}

fn page_of(page: usize, offers: usize) -> Vec<u8> {
    let text = "Vous prenez part à chaque étape du projet, de l'étude à la mise en production.\n".repeat(32);
    let record = |number: usize| {
        serde_json::json!({
            "id": format!("{number:07}"), "intitule": format!("Ingénieur data {number} (H/F)"), "description": text,
            "url": format!("https://bench.example/offers/{number}"), "dateCreation": "2026-11-01T10:00:00.123Z",
            "entreprise": {"nom": "ATELIERS DU FLEUVE"}, "lieu": {"libelle": "75 - PARIS", "codePostal": "75001"},
            "typeContrat": (["CDI", "CDD", "MIS"][number % 3]), "competences": [{"libelle": "SQL"}, {"libelle": "Rust"}]
        })
    };
    let records: Vec<serde_json::Value> = (page * PAGE..((page + 1) * PAGE).min(offers)).map(record).collect();
    let body = serde_json::json!({"total": offers, "resultats": records}).to_string();
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}
