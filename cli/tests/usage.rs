//! What a command refuses, and how it says so: faults in files, names that are not there, places where nothing was run.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use sandbox::{Fault, Options, Sandbox, Site};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// The shipped project, in a folder of its own below the one that commands run in.
struct Project {
    dir: tempfile::TempDir,
}

/// What a command said.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Project {
    fn new() -> Self {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let project = Project { dir: tempfile::tempdir().unwrap() };
        for folder in ["sources", "mappings", "mappings/lookups"] {
            std::fs::create_dir_all(project.path(folder)).unwrap();
            let paths = std::fs::read_dir(shipped.join(folder)).unwrap().map(|entry| entry.unwrap().path());
            for path in paths.filter(|path| path.is_file()) {
                std::fs::copy(&path, project.path(folder).join(path.file_name().unwrap())).unwrap();
            }
        }
        project.write("pipelines.yaml", "pipelines:\n  - {name: p, sources: [francetravail, arbeitnow]}\n");
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("project").join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobmarket"));
        let unset = ["INGEST_OUTPUT_DIR", "CREDENTIALS_DIRECTORY", "FT_API_CLIENT_ID", "FT_API_CLIENT_SECRET", "PLACE"];
        unset.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.current_dir(self.dir.path()).args(["--project", "project"]).args(words).kill_on_drop(true);
        command
    }

    async fn say(&self, words: &[&str]) -> Said {
        self.command(words).output().await.unwrap().into()
    }

    /// A command that is refused with these words, and makes no data directory.
    async fn refuses(&self, words: &[&str], why: &str) {
        let said = self.say(words).await;
        assert!(said.code == 1 && said.err.contains(why), "{words:?}: {} {}{}", said.code, said.out, said.err);
        assert!(!self.path("data").exists() && !self.dir.path().join("data").exists(), "{words:?}");
    }

    /// What a command that succeeds prints.
    async fn done(&self, words: &[&str]) -> Said {
        let said = self.say(words).await;
        assert_eq!(said.code, 0, "{words:?}: {}{}", said.out, said.err);
        said
    }
}

/// Commands that work on data.
const ON_DATA: [&[&str]; 10] = [
    &["search", "data"],
    &["export"],
    &["status"],
    &["verify"],
    &["backup", "copy"],
    &["quarantine", "list"],
    &["why", "1"],
    &["retention"],
    &["replay", "arbeitnow"],
    &["run", "arbeitnow"],
];

#[tokio::test]
async fn faults_in_the_files_end_every_command_that_works_on_data() {
    let project = Project::new();
    project.write("pipelines.yaml", "store: {elasticsearch: {url: 'http://127.0.0.1:9'}}\nfoo: [\n");
    for words in ON_DATA {
        project.refuses(words, "nothing was done").await;
        let err = project.say(words).await.err;
        assert!(err.contains("pipelines.yaml:"), "{words:?}: {err}");
    }
    assert!(!project.dir.path().join("copy").exists());
}

#[tokio::test]
async fn a_folder_without_a_project_is_said_to_be_one() {
    let project = Project::new();
    std::fs::rename(project.path(""), project.dir.path().join("away")).unwrap();
    std::fs::create_dir(project.path("")).unwrap();
    for words in ON_DATA.into_iter().chain([&["check"][..], &["demo"]]) {
        project.refuses(words, "there is no project in project").await;
        assert!(project.say(words).await.err.contains("`--project DIR`"));
    }
    // What is known without one is said all the same.
    project.done(&["explain", "pages.offset"]).await;
}

#[tokio::test]
async fn the_data_directory_is_where_the_project_says() {
    let project = Project::new();
    let place = async |more: &str, env: &str, expect: &str| {
        project.write("pipelines.yaml", more);
        project.write(".env", env);
        let said = project.say(&["status"]).await.err;
        assert!(said.contains(expect), "{said}");
    };
    place("data: here\n", "", "into project/here yet").await;
    place("data: \"${env.PLACE}/jm\"\n", "PLACE=/nowhere\n", "into /nowhere/jm yet").await;
    place("data: \"${env.PLACE}/jm\"\n", "", "`PLACE` is not set").await;
    place("retention: {}\n", "INGEST_OUTPUT_DIR=there\n", "into project/there yet").await;
    place("retention: {}\n", "", "into project/data yet").await;
    let said = project.say(&["--data", "other", "status"]).await.err;
    assert!(said.contains("into other yet"), "{said}");
}
