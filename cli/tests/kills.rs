//! Runs killed with SIGKILL at random moments while the site changes: nothing is lost, doubled or wrong.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "../../tests/elasticsearch/node.rs"]
mod node;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use jobmarket::crash::{OUTSIDE, POINTS};
use jobmarket::state::Reader;
use jobmarket::store::Store;
use jobmarket::store::elastic::Elastic;
use jobmarket::store::local::Local;
use sandbox::{Options, Sandbox, Site};
use tokio::process::Command;

/// A project that is the shipped one, with its requests going to the simulated sites, and fast.
fn project(sites: &Sandbox, store: &str) -> tempfile::TempDir {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let dir = tempfile::tempdir().unwrap();
    for folder in ["sources", "mappings", "mappings/lookups"] {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        for entry in
            std::fs::read_dir(shipped.join(folder)).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file())
        {
            std::fs::copy(entry.path(), dir.path().join(folder).join(entry.file_name())).unwrap();
        }
    }
    let origins: Vec<String> = sites
        .origins()
        .into_iter()
        .map(|(from, to)| format!("  {from}: {{to: \"{to}\", limits: {{rate: 1000/s}}}}"))
        .collect();
    let pipelines = format!(
        "store: {store}\norigins:\n{}\npipelines:\n  - {{name: france, sources: [francetravail], sinks: [store, {{files: {{dir: normalized}}}}]}}\n",
        origins.join("\n")
    );
    std::fs::write(dir.path().join("pipelines.yaml"), pipelines).unwrap();
    dir
}

fn command(project: &Path, source: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobmarket"));
    command
        .args(["--project", &project.display().to_string(), "--data", &project.join("data").display().to_string()])
        .args(["run", source, "--log", "text"])
        .args(more)
        .env("FT_API_CLIENT_ID", sandbox::CLIENT_ID)
        .env("FT_API_CLIENT_SECRET", sandbox::CLIENT_SECRET)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// A last run that nothing disturbs, over all that the site shows.
async fn last(sites: &Sandbox, project: &Path, seed: u64) {
    let (from, to) = ((Utc::now() - TimeDelta::days(3)).to_rfc3339(), (Utc::now() + TimeDelta::hours(1)).to_rfc3339());
    let last = command(project, "francetravail", &["--from", &from, "--to", &to]).output().await.unwrap();
    assert!(last.status.success(), "seed {seed}: {}", String::from_utf8_lossy(&last.stderr));
    judge(sites, &project.join("data"), seed);
    assert_eq!(told(project, "verify").await, (true, String::new()), "seed {seed}");
    let (_, exported) = told(project, "export").await;
    let (_, stored) = Reader::open(&project.join("data")).unwrap().unwrap().store().unwrap();
    assert!(exported.lines().count() as i64 <= stored && exported.lines().count() > 1_000, "seed {seed}");
}

fn options(seed: u64) -> Options {
    Options { seed, offers: 2_500, span: TimeDelta::days(1), rate: 1_000_000, ..Options::default() }
}

/// `JOBMARKET_KILLS=300` is the long form.
fn kills() -> u32 {
    std::env::var("JOBMARKET_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(24)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_runs_lose_nothing() {
    let (kills, seed) = (kills(), fastrand::u64(..));
    eprintln!("seed {seed}, {kills} kills");
    let mut random = fastrand::Rng::with_seed(seed);
    let sites = Sandbox::start(options(seed)).await.unwrap();
    let project = project(&sites, "local");
    let mut killed = 0;
    for _ in 0..kills {
        let mut child = command(project.path(), "francetravail", &[]).spawn().unwrap();
        let moment = Duration::from_millis(random.u64(20..700));
        if tokio::time::timeout(moment, child.wait()).await.is_err() {
            child.kill().await.unwrap();
            killed += 1;
        }
        sites.world(|world| world.change(Site::FranceTravail, random.usize(1..20)));
    }
    assert!(killed > kills / 4, "{killed} of {kills} runs were killed before they ended");
    last(&sites, project.path(), seed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_after_each_step_of_a_page_s_life_loses_nothing() {
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let sites = Sandbox::start(options(seed)).await.unwrap();
    let project = project(&sites, "local");
    let times = (kills() / 12).max(2);
    for point in POINTS {
        let mut crossed = 0;
        for round in 0.. {
            assert!(round < times * 10, "seed {seed}: {point} was crossed {crossed} times only");
            sites.world(|world| world.change(Site::FranceTravail, random.usize(20..200)));
            // A backfill reads everything: each point is come to.
            let (from, to) = ("2020-01-01", "2100-01-01");
            let order = format!("{point}:{}", random.u32(1..5));
            let more = ["--from", from, "--to", to];
            let ended = command(project.path(), "francetravail", &more).env("JOBMARKET_CRASH", order).output().await;
            crossed += u32::from(!ended.unwrap().status.success());
            if crossed == times {
                break;
            }
        }
    }
    last(&sites, project.path(), seed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_which_a_part_is_committed_is_never_asked_again() {
    let sites = Sandbox::start(Options { boards: 1_700, offers: 0, ..Options::default() }).await.unwrap();
    let project = project(&sites, "local");
    let text = std::fs::read_to_string(project.path().join("pipelines.yaml")).unwrap();
    std::fs::write(project.path().join("pipelines.yaml"), text.replace("[francetravail]", "[remotive]")).unwrap();
    let data = project.path().join("data");
    let requests = || sites.world(|world| world.requests.get(&Site::Remotive).copied().unwrap_or_default());
    let run = command(project.path(), "remotive", &[]).env("JOBMARKET_CRASH", "committed:1").output().await.unwrap();
    assert!(!run.status.success());
    let (_, stored) = Reader::open(&data).unwrap().unwrap().store().unwrap();
    assert!(stored >= 500, "{stored} offers are stored");
    // The site is another one now: what was received before counts.
    sites.world(|world| world.revise(Site::Remotive, 1_700));
    let run = command(project.path(), "remotive", &[]).output().await.unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let reader = Reader::open(&data).unwrap().unwrap();
    let runs = reader.runs(None, 10).unwrap();
    assert_eq!((runs.len(), runs[0].counts.new, requests()), (1, 1_700, 1), "{runs:?}");
}

/// Every offer that the site shows is stored once and equals it; numbers add up; the index and the log equal the store.
fn judge(sites: &Sandbox, data: &Path, seed: u64) {
    let reader = Reader::open(data).unwrap().unwrap();
    let truth = sites.world(|world| world.truth(Site::FranceTravail));
    let present = truth.iter().filter(|truth| truth.present).count();
    for truth in truth.iter().filter(|truth| truth.present) {
        let offer =
            reader.offer(&truth.id).unwrap().unwrap_or_else(|| panic!("seed {seed}: {} is not stored", truth.id));
        let document: serde_json::Value = serde_json::from_str(&offer.document.unwrap()).unwrap();
        assert_eq!(document["description"].as_str().unwrap(), text(truth), "seed {seed}: {}", truth.id);
        assert_eq!(document["provenance"]["page"].as_str(), offer.page.as_deref(), "seed {seed}: {}", truth.id);
    }
    let (_, stored) = reader.store().unwrap();
    assert!(
        stored as usize >= present && stored as usize <= truth.len(),
        "seed {seed}: {stored} stored, {present} shown"
    );
    for run in reader.runs(None, 10_000).unwrap() {
        assert!(run.counts.add_up(), "seed {seed}: run {}: {:?}", run.run, run.counts);
    }
    let store = Local::open(data, &schema()).unwrap().unwrap();
    assert_eq!(store.differences().unwrap(), Vec::<String>::new(), "seed {seed}: the index equals the store");
    let mut lines = std::collections::HashSet::new();
    for file in std::fs::read_dir(data.join("normalized/francetravail")).unwrap().map(|entry| entry.unwrap().path()) {
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            let line: serde_json::Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("seed {seed}: {}: {error}", file.display()));
            let once = (line["id"].to_string(), line["provenance"]["page"].to_string());
            assert!(lines.insert(once.clone()), "seed {seed}: {once:?} is in the change log twice");
        }
    }
}

/// What `verify` and `export` say of a project.
async fn told(project: &Path, command: &str) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_jobmarket"))
        .args(["--project", &project.display().to_string(), "--data", &project.join("data").display().to_string()])
        .arg(command)
        .output()
        .await
        .unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn schema() -> std::sync::Arc<jobmarket::schema::Schema> {
    let texts = jobmarket::files::project(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
    jobmarket::definition::read(&texts).0.schema
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_after_each_step_loses_nothing_with_elasticsearch() {
    let node = node::Node::start();
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let sites = Sandbox::start(options(seed)).await.unwrap();
    let project = project(&sites, &format!("{{elasticsearch: {{url: \"{}\"}}}}", node.url));
    let times = (kills() / 12).max(2);
    // What follows the index of the embedded store has no part in it.
    for point in POINTS.into_iter().filter(|point| *point != "indexed").chain(OUTSIDE) {
        let mut crossed = 0;
        for round in 0.. {
            assert!(round < times * 10, "seed {seed}: {point} was crossed {crossed} times only");
            sites.world(|world| world.change(Site::FranceTravail, random.usize(20..200)));
            let order = format!("{point}:{}", random.u32(1..5));
            let more = ["--from", "2020-01-01", "--to", "2100-01-01"];
            let ended = command(project.path(), "francetravail", &more).env("JOBMARKET_CRASH", order).output().await;
            crossed += u32::from(!ended.unwrap().status.success());
            if crossed == times {
                break;
            }
        }
    }
    // Another span is another run: one that goes on would not read again what it read before the site changed.
    let more = ["--from", "2020-01-02", "--to", "2100-01-01"];
    let last = command(project.path(), "francetravail", &more).output().await.unwrap();
    assert!(last.status.success(), "seed {seed}: {}", String::from_utf8_lossy(&last.stderr));
    let server =
        jobmarket::plan::Server { urls: vec![node.url.clone()], name: "jobmarket-offers".into(), ..Default::default() };
    let store = Elastic::open(&server, schema()).await.unwrap();
    store.refresh().await.unwrap();
    let truth = sites.world(|world| world.truth(Site::FranceTravail));
    let mut stored = std::collections::HashMap::new();
    let mut after = None;
    loop {
        let listed = store.list(None, after, 1_000).await.unwrap();
        let Some((last, _)) = listed.last() else { break };
        after = Some(*last);
        for (_, text) in listed {
            let document: serde_json::Value = serde_json::from_str(text.get()).unwrap();
            let key = document["source_id"].as_str().unwrap().to_owned();
            assert!(stored.insert(key, document).is_none(), "seed {seed}: an offer is stored twice");
        }
    }
    assert!(stored.len() <= truth.len(), "seed {seed}: {} stored, {} were ever shown", stored.len(), truth.len());
    for truth in truth.iter().filter(|truth| truth.present) {
        let document = stored.get(&truth.id).unwrap_or_else(|| panic!("seed {seed}: {} is not stored", truth.id));
        assert_eq!(document["description"].as_str().unwrap(), text(truth), "seed {seed}: {}", truth.id);
        assert!(document["closed_at"].is_null(), "seed {seed}: {}", truth.id);
    }
    assert_eq!(told(project.path(), "verify").await, (true, String::new()), "seed {seed}");
    for run in Reader::open(&project.path().join("data")).unwrap().unwrap().runs(None, 10_000).unwrap() {
        assert!(run.counts.add_up(), "seed {seed}: run {}: {:?}", run.run, run.counts);
    }
}

/// The description as it is stored.
fn text(truth: &sandbox::Truth) -> String {
    let served = truth.record["description"].as_str().unwrap();
    served.replace("&amp;", "&").replace("&gt;", ">").replace("&apos;", "'").trim().to_owned()
}
