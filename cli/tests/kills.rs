//! Runs killed with SIGKILL at random moments while the site changes: nothing is lost, doubled or wrong.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use jobmarket::state::Reader;
use sandbox::{Options, Sandbox, Site};
use tokio::process::{Child, Command};

/// A project that is the shipped one, with its requests going to the simulated sites, and fast.
fn project(sites: &Sandbox) -> tempfile::TempDir {
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
        "store: local\norigins:\n{}\npipelines:\n  - {{name: france, sources: [francetravail], sinks: [store, {{files: {{dir: normalized}}}}]}}\n",
        origins.join("\n")
    );
    std::fs::write(dir.path().join("pipelines.yaml"), pipelines).unwrap();
    dir
}

fn start(project: &Path, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_jobmarket"))
        .args(["--project", &project.display().to_string(), "--data", &project.join("data").display().to_string()])
        .args(["run", "francetravail", "--log", "text"])
        .args(more)
        .env("FT_API_CLIENT_ID", sandbox::CLIENT_ID)
        .env("FT_API_CLIENT_SECRET", sandbox::CLIENT_SECRET)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_runs_lose_nothing() {
    let kills: u32 = std::env::var("JOBMARKET_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(24);
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}, {kills} kills");
    let mut random = fastrand::Rng::with_seed(seed);
    let options = Options { seed, offers: 2_500, span: TimeDelta::days(1), rate: 1_000_000, ..Options::default() };
    let sites = Sandbox::start(options).await.unwrap();
    let project = project(&sites);
    let data = project.path().join("data");
    let mut killed = 0;
    for _ in 0..kills {
        let mut child = start(project.path(), &[]);
        let moment = Duration::from_millis(random.u64(20..700));
        if tokio::time::timeout(moment, child.wait()).await.is_err() {
            child.kill().await.unwrap();
            killed += 1;
        }
        sites.world(|world| world.change(Site::FranceTravail, random.usize(1..20)));
    }
    assert!(killed > kills / 4, "{killed} of {kills} runs were killed before they ended");
    let (from, to) = ((Utc::now() - TimeDelta::days(3)).to_rfc3339(), (Utc::now() + TimeDelta::hours(1)).to_rfc3339());
    let last = start(project.path(), &["--from", &from, "--to", &to]).wait_with_output().await.unwrap();
    assert!(last.status.success(), "seed {seed}: {}", String::from_utf8_lossy(&last.stderr));
    judge(&sites, &data, seed);
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
        let served = truth.record["description"]
            .as_str()
            .unwrap()
            .replace("&amp;", "&")
            .replace("&gt;", ">")
            .replace("&apos;", "'");
        assert_eq!(document["description"].as_str().unwrap(), served.trim(), "seed {seed}: {}", truth.id);
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
    let logged = std::fs::read_dir(data.join("normalized/francetravail")).unwrap();
    for file in logged.map(|entry| entry.unwrap().path()) {
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            serde_json::from_str::<serde_json::Value>(line)
                .unwrap_or_else(|error| panic!("seed {seed}: {}: {error}", file.display()));
        }
    }
}
