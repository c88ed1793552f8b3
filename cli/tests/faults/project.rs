//! The project that the harness runs: three shipped sources, made small and fast, with secrets that must not be seen.
use std::path::{Path, PathBuf};

use sandbox::{Options, Sandbox, Site};
use tokio::process::Command;

/// The sources: windows that are halved, with a token; plain pages; pages with a second call for each record.
pub const SOURCES: [(&str, Site); 3] = [
    ("francetravail", Site::FranceTravail),
    ("arbeitnow", Site::Arbeitnow),
    ("smartrecruiters", Site::SmartRecruiters),
];

/// The API key that Elasticsearch is told.
pub const API_KEY: &str = "cGxhbnRlZDphcGkta2V5LW9mLW5vYm9keQ==";

/// What differs from the shipped sources.
const CHANGES: [(&str, &str, &str); 10] = [
    ("francetravail", "first: 365d", "first: 3d"),
    ("francetravail", "above: 3150", "above: 90"),
    ("francetravail", "size: 150", "size: 25"),
    (
        "francetravail",
        "rate: 10/s, parallel: 4, timeout: 60s",
        "rate: 1000/s, parallel: 4, timeout: 10s, retry: {wait: 0s}",
    ),
    ("francetravail", "expect: {min: 1000, required: [occupation.code, location.label], drift: 20%, fresh: 1d}", ""),
    ("arbeitnow", "rate: 1/s, parallel: 1", "rate: 1000/s, parallel: 1, timeout: 10s, retry: {wait: 0s}"),
    ("remotive", "quota: [4/d]", "quota: [4000/d]"),
    ("smartrecruiters", "size: 100", "size: 40"),
    ("smartrecruiters", "companies: [Ubisoft2]", "companies: [Ubisoft2, Accor2]"),
    ("smartrecruiters", "rate: 10/s, parallel: 8", "rate: 1000/s, parallel: 8, timeout: 10s, retry: {wait: 0s}"),
];

/// The world of a schedule: small, and all of it young enough for every run.
pub fn options(seed: u64) -> Options {
    Options {
        seed,
        offers: 240,
        boards: 130,
        long: 2,
        span: chrono::TimeDelta::days(1),
        rate: 1_000_000,
        ..Options::default()
    }
}

/// A project folder and its data directory.
pub struct Project {
    pub dir: tempfile::TempDir,
    pub data: PathBuf,
}

impl Project {
    /// The shipped project with these sources, its requests going to the simulated sites. `store` is what `store:` says.
    pub fn new(sites: &Sandbox, store: &str) -> Self {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let dir = tempfile::tempdir().unwrap();
        for folder in ["sources", "mappings", "mappings/lookups"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let copy = |path: String| {
            let text = std::fs::read_to_string(shipped.join(&path)).unwrap();
            let changes = CHANGES.iter().filter(|(source, ..)| path == format!("sources/{source}.yaml"));
            let text = changes.fold(text, |text, (source, from, to)| {
                assert!(text.contains(from), "{source} does not say `{from}` any more");
                text.replace(from, to)
            });
            std::fs::write(dir.path().join(path), text).unwrap();
        };
        SOURCES.iter().for_each(|(source, _)| copy(format!("sources/{source}.yaml")));
        copy("sources/remotive.yaml".into());
        ["offer", "francetravail"].iter().for_each(|mapping| copy(format!("mappings/{mapping}.yaml")));
        for lookup in std::fs::read_dir(shipped.join("mappings/lookups")).unwrap() {
            copy(format!("mappings/lookups/{}", lookup.unwrap().file_name().to_string_lossy()));
        }
        let origins = sites.origins().into_iter();
        let origins: Vec<String> =
            origins.map(|(from, to)| format!("  {from}: {{to: \"{to}\", limits: {{rate: 1000/s}}}}")).collect();
        let text = format!(
            "store: {store}\norigins:\n{}\npipelines:\n  - name: all\n    sources: [francetravail, arbeitnow, smartrecruiters, remotive]\n    sinks: [store, {{files: {{dir: normalized}}}}]\n",
            origins.join("\n")
        );
        std::fs::write(dir.path().join("pipelines.yaml"), text).unwrap();
        Project { data: dir.path().join("data"), dir }
    }

    /// The binary with arguments and secrets, ended when it is dropped.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobmarket"));
        command
            .args(["--project", &self.dir.path().display().to_string(), "--data", &self.data.display().to_string()])
            .args(args)
            .envs(secrets())
            .kill_on_drop(true);
        command
    }
}

/// What the environment says.
pub fn secrets() -> [(&'static str, &'static str); 3] {
    [
        ("FT_API_CLIENT_ID", sandbox::CLIENT_ID),
        ("FT_API_CLIENT_SECRET", sandbox::CLIENT_SECRET),
        ("ES_API_KEY", API_KEY),
    ]
}
