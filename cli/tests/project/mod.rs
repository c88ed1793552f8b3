//! The shipped project in a folder of its own, with its requests going to simulated sites, and the program run on it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]
#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::Output;

use chrono::TimeDelta;
use sandbox::{Options, Sandbox};
use tokio::process::Command;

/// The project and its sites.
pub struct Project {
    pub sites: Sandbox,
    pub dir: tempfile::TempDir,
}

impl Project {
    /// The shipped sources and mappings; what uses them is said by [`Project::pipelines`].
    pub async fn new(offers: usize, boards: usize) -> Self {
        let options = Options { offers, boards, span: TimeDelta::days(1), rate: 1_000_000, ..Options::default() };
        let sites = Sandbox::start(options).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for folder in ["sources", "mappings", "mappings/lookups"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
            let entries = std::fs::read_dir(shipped.join(folder)).unwrap().map(Result::unwrap);
            for entry in entries.filter(|entry| entry.path().is_file()) {
                let text = std::fs::read_to_string(entry.path()).unwrap();
                // Small sites do not bring what is expected of the real ones.
                let lines = text.split_inclusive('\n').filter(|line| !line.starts_with("expect:"));
                let text = lines.collect::<String>().replace("quota: [4/d]", "quota: [400/d]");
                std::fs::write(dir.path().join(folder).join(entry.file_name()), text).unwrap();
            }
        }
        Project { sites, dir }
    }

    /// Writes `pipelines.yaml`: the sites at a rate, lines of its own, and one pipeline with steps and sinks.
    pub fn pipelines(&self, rate: &str, own: &str, steps_and_sinks: &str) {
        let origins = self.sites.origins();
        let origins =
            origins.iter().map(|(from, to)| format!("  {from}: {{to: \"{to}\", limits: {{rate: {rate}}}}}\n"));
        let pipelines = format!(
            "{own}origins:\n{}pipelines:\n  - {{name: p, sources: [francetravail, remotive], {steps_and_sinks}}}\n",
            origins.collect::<String>()
        );
        std::fs::write(self.dir.path().join("pipelines.yaml"), pipelines).unwrap();
    }

    /// The data directory, where no other one is named.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The program with its data somewhere.
    pub fn command_on(&self, data: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobmarket"));
        command
            .args(["--project", &self.dir.path().display().to_string(), "--data", &data.display().to_string()])
            .args(arguments)
            .env("FT_API_CLIENT_ID", sandbox::CLIENT_ID)
            .env("FT_API_CLIENT_SECRET", sandbox::CLIENT_SECRET)
            .kill_on_drop(true);
        command
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_on(&self.data(), arguments)
    }

    pub async fn told_on(&self, data: &Path, arguments: &[&str]) -> Output {
        self.command_on(data, arguments).output().await.unwrap()
    }

    pub async fn told(&self, arguments: &[&str]) -> Output {
        self.told_on(&self.data(), arguments).await
    }

    /// What a command that succeeds prints, and what it says.
    pub async fn done_on(&self, data: &Path, arguments: &[&str]) -> (String, String) {
        let output = self.told_on(data, arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}{}", out(&output), error(&output));
        (out(&output), error(&output))
    }

    pub async fn done(&self, arguments: &[&str]) -> (String, String) {
        self.done_on(&self.data(), arguments).await
    }
}

/// What a command printed.
pub fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What it said.
pub fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
