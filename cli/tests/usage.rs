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
        // Secrets that are open to others are told.
        jobmarket::files::keep_private();
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

/// Commands that change something.
const ON_DATA: [&[&str]; 4] =
    [&["retention"], &["replay", "arbeitnow"], &["quarantine", "retry"], &["run", "arbeitnow"]];

/// Commands that show what is stored.
const ON_WHAT_IS_STORED: [&[&str]; 7] = [
    &["search", "data"],
    &["export"],
    &["status"],
    &["verify"],
    &["backup", "copy"],
    &["quarantine", "list"],
    &["why", "1"],
];

#[tokio::test]
async fn faults_that_concern_all_end_every_command_that_changes_something() {
    let project = Project::new();
    project.write("pipelines.yaml", "store: {elasticsearch: {url: 'http://127.0.0.1:9'}}\nfoo: [\n");
    for words in ON_DATA {
        project.refuses(words, "nothing was done").await;
        let err = project.say(words).await.err;
        assert!(err.contains("pipelines.yaml:"), "{words:?}: {err}");
    }
    for words in ON_WHAT_IS_STORED {
        let said = project.say(words).await;
        let line = said.err.lines().next().unwrap_or_default();
        assert!(line.starts_with("pipelines.yaml:2:6: this is not YAML"), "{words:?}: {}", said.err);
        assert!(said.err.contains("was run into") || said.err.contains("nothing is stored"), "{words:?}: {}", said.err);
        assert!(!project.path("data").exists(), "{words:?}");
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
async fn what_was_never_run_is_not_made() {
    let project = Project::new();
    for words in [
        &["replay", "arbeitnow"][..],
        &["close", "arbeitnow", "--all"],
        &["sweep", "arbeitnow", "--accept"],
        &["quarantine", "drop", "1"],
        &["quarantine", "retry"],
        &["quarantine", "list"],
        &["verify"],
        &["why", "1"],
    ] {
        project.refuses(words, "nothing was run into project/data yet; `jobmarket run SOURCE` first").await;
    }
}

#[tokio::test]
async fn names_and_dates_that_cannot_be_meant_are_refused() {
    let project = Project::new();
    project.write(".env", "FT_API_CLIENT_ID=a\nFT_API_CLIENT_SECRET=b\n");
    let day = |from, to| ["run", "francetravail", "--from", from, "--to", to];
    for (words, why) in [
        (&["run", "arbeitnov"][..], "did you mean `arbeitnow`? the sources are adzuna, apec, arbeitnow, "),
        (&["run", "arbeitnow", "--enable", "apek"], "there is no source `apek`; did you mean `apec`?"),
        (&["run", "arbeitnow", "--origin", "https://nosuch=http://127.0.0.1:9"], "no source asks `https://nosuch`"),
        (&["try", "arbeitnow", "--origin", "https://nosuch=http://127.0.0.1:9"], "no source asks `https://nosuch`"),
        (&["run", "apec"], "`apec` is switched off"),
        (&["sweep", "apec"], "with the site's consent: --enable apec"),
        (&["export", "nosuch"], "there is no source `nosuch`"),
        (&day("2026-03-01", "2026-02-01"), "--from 2026-03-01 is not before --to 2026-02-01"),
        (&["run", "arbeitnow", "--from", "2026-01-01", "--to", "2026-02-01"], "`arbeitnow` has no `windows`"),
        (&["search", "-f", "published_at<=2026-11-01"], "there are `=`, `>=` (at least) and `<` (below)"),
        (&["search", "-f", "contract.type=permanant"], "is never `permanant`; did you mean `permanent`?"),
        (&["search", "--facet", "published_at:x"], "`published_at:day`, `:week`, `:month` or `:year`\n"),
    ] {
        project.refuses(words, why).await;
    }
    for words in [
        &["explain", "date", "--json"][..],
        &["export", "--format", "csv", "--json"],
        &["completions", "zsh", "--json"],
    ] {
        let said = project.say(words).await;
        assert!(said.code == 2 && said.err.contains("there is no --json here"), "{words:?}: {}", said.err);
    }
    let file = project.done(&["explain", "source"]).await.out;
    assert!(file.contains("file sources/NAME.yaml") && file.contains("  request: "), "{file}");
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

#[tokio::test]
async fn check_tells_what_a_run_would_refuse() {
    let project = Project::new();
    let said = project.done(&["check"]).await.err;
    assert!(said.contains("note[secret]: the secret `FT_API_CLIENT_ID` is not set"), "{said}");
    assert!(said.contains("read: 0 findings, 2 notes"), "{said}");
    let check = async |text: &str, expect: &str| {
        let uses = "pipelines: [{name: p, sources: [arbeitnow]}]\n";
        project
            .write("pipelines.yaml", if text.contains("pipelines:") { text.into() } else { format!("{text}{uses}") });
        let said = project.say(&["check"]).await;
        assert!(said.code == 1 && said.err.contains(expect), "{text}: {}", said.err);
        said.err
    };
    let elastic = |given: &str| format!("store: {{elasticsearch: {{{given}}}}}\n");
    check(&elastic("url: '127.0.0.1:9200'"), "write `https://` or `http://` before its name").await;
    check(&elastic("url: 'ftp://x'"), "`ftp://x` is no address of a server").await;
    let said = check(&elastic("url: ''"), "`url` gives no address").await;
    assert!(said.contains("read: 1 finding\n"), "{said}");
    let said = check(&elastic("url: 'ftp://x', ca: none.crt"), "project/none.crt: No such file").await;
    assert!(said.contains("read: 2 findings"), "{said}");
    check(&elastic("url: 'https://x', fingerprint: zz"), "`fingerprint` is not a SHA-256").await;
    let steps = "pipelines: [{name: p, sources: [arbeitnow], steps: [{place: {}}]}]\n";
    check(steps, "`step: place` is not built yet").await;
    project.write("pipelines.yaml", elastic("url: '${env.PLACE}', api_key: '${secret.KEY}'"));
    let said = project.done(&["check"]).await.err;
    assert!(said.contains("`PLACE` is not set") && said.contains("`KEY` is not set"), "{said}");

    project.write("sources/remotive.yaml", b"source: \xff\n");
    std::fs::create_dir(project.path("mappings/dir.yaml")).unwrap();
    std::fs::remove_dir_all(project.path("sources/shared")).unwrap_or_default();
    project.write("sources/shared", "no folder");
    let said = check("foo: 1\n", "the file is not UTF-8 text").await;
    assert!(
        said.contains("there is no key `foo` here") && said.contains("it cannot be read: Not a directory"),
        "{said}"
    );
}

#[tokio::test]
async fn ctrl_c_ends_the_wait_for_a_store_as_it_ends_a_run() {
    let project = Project::new();
    project.write("pipelines.yaml", "store: {elasticsearch: {url: 'http://127.0.0.1:9'}}\n");
    let mut command = project.command(&["run", "arbeitnow", "--log", "text"]);
    let mut running = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stderr.take().unwrap()).lines();
    let mut said = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains("the run begins when it is there") {
            let pid = running.id().unwrap().to_string();
            assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
        }
        said += &line;
    }
    assert_eq!(running.wait().await.unwrap().code(), Some(130), "{said}");
    assert!(said.contains("stopped while it waited for the store") && !said.contains("error:"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_keeps_to_itself() {
    let project = Project::new();
    let uses = "pipelines: [{name: p, sources: [arbeitnow]}]\n";
    project.write("pipelines.yaml", format!("store: {{elasticsearch: {{url: 'http://127.0.0.1:9'}}}}\n{uses}"));
    let demo = project.done(&["demo", "--offers", "40", "--json"]).await;
    assert!(demo.out.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{}", demo.out);
    assert!(demo.err.contains("jobmarket --project project --data project/data-demo search"), "{}", demo.err);
    let on = |words: &[&'static str]| [&["--data", "project/data-demo"], words].concat();
    // Its offers are in the embedded store; they are mapped again without a word of where they came from.
    project.done(&on(&["replay", "arbeitnow"])).await;
    project.done(&on(&["quarantine", "retry"])).await;
    let status = project.done(&on(&["status"])).await.out;
    assert!(status.contains("in the local store") && !status.contains("another request"), "{status}");
    project.done(&on(&["search", "data -java"])).await;
    let found = project.done(&on(&["search", "--limit", "1", "--json"])).await.out;
    let found: Value = serde_json::from_str(&found).unwrap();
    let id = found["hits"][0]["id"].as_str().unwrap();
    let why = project.done(&["--data", "project/data-demo", "why", id, "--json"]).await.out;
    let why: Value = serde_json::from_str(&why).unwrap();
    for part in ["/offer/document/title", "/raw/id", "/raw/slug", "/page/partition"] {
        assert!(part.starts_with("/raw") || !why.pointer(part).unwrap().is_null(), "{part}: {why}");
    }
    assert!(why["raw"].is_object() && why["page"]["partition"].is_object(), "{why}");
    for words in [&["export"][..], &["search", "--limit", "500"], &["completions", "bash"], &["status"]] {
        let mut command = project.command(&[&["--data", "project/data-demo"], words].concat());
        let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(running.stdout.take());
        let said = Said::from(running.wait_with_output().await.unwrap());
        assert!(
            said.code == 0 && !said.err.contains("panicked") && !said.err.contains("error"),
            "{words:?}: {}",
            said.err
        );
    }
    for (words, why) in [
        (&["quarantine", "list", "nosuch"][..], "there is no source `nosuch`"),
        (&["quarantine", "show", "99"], "the quarantine has no entry 99"),
        (&["quarantine", "retry", "99"], "the quarantine has no entry 99"),
        (&["quarantine", "drop", "98", "99"], "the quarantine has no entry 98, 99"),
        (&["replay", "apec"], "`apec` was never run into project/data-demo; it holds: arbeitnow, "),
    ] {
        project.refuses(&on(words), why).await;
    }
    // The server is asked before anything is deleted.
    std::fs::remove_file(project.path("data-demo/made-by-jobmarket-demo")).unwrap();
    for words in [&["retention"][..], &["retention", "--dry-run"]] {
        let said = project.say(&on(words)).await;
        assert!(said.code == 1 && said.out.is_empty() && said.err.contains("nothing was deleted"), "{}", said.err);
    }
    project.write("demo", "");
    let said = project.say(&["--data", "project/demo/x", "demo"]).await.err;
    assert!(said.contains("project/demo/x cannot be made") && said.matches("directory (os").count() == 1, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_are_given_events_and_numbers() {
    let project = Project::new();
    let truths = Sandbox::start(Options { offers: 3, boards: 0, ..Options::default() }).await.unwrap();
    let mut records: Vec<Value> =
        truths.world(|world| world.truth(Site::FranceTravail)).into_iter().map(|truth| truth.record).collect();
    records[0]["intitule"] = Value::Null;
    let sites = Sandbox::start(Options { records, boards: 3, rate: 1_000_000, ..Options::default() }).await.unwrap();
    let origins = sites.origins().into_iter();
    let origins: String =
        origins.map(|(from, to)| format!("  {from}: {{to: '{to}', limits: {{rate: 1000/s}}}}\n")).collect();
    project.write("pipelines.yaml", format!("origins:\n{origins}"));
    project.write(
        ".env",
        format!("FT_API_CLIENT_ID={}\nFT_API_CLIENT_SECRET={}\n", sandbox::CLIENT_ID, sandbox::CLIENT_SECRET),
    );
    let events = async |words: &[&str]| -> Vec<String> {
        let said = project.say(words).await;
        let kinds = said.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let kinds = kinds.map(|event| event["event"].as_str().unwrap_or_default().to_owned()).collect();
        assert!(!said.out.is_empty() && said.err.is_empty(), "{words:?}: {}{}", said.out, said.err);
        kinds
    };
    let ran = events(&["run", "arbeitnow", "arbeitnow", "--json"]).await;
    assert_eq!(ran.iter().filter(|kind| *kind == "run_started").count(), 1, "{ran:?}");
    for words in [
        &["sweep", "arbeitnow", "--json"][..],
        &["replay", "arbeitnow", "--json"],
        &["close", "arbeitnow", "--all", "--log", "json"],
        &["run", "francetravail", "--json"],
        &["quarantine", "retry", "--json"],
    ] {
        assert!(events(words).await.contains(&"run_ended".to_owned()), "{words:?}");
    }
    let held = project.done(&["quarantine", "list", "--json"]).await.out;
    let number = serde_json::from_str::<Value>(&held).unwrap()["q"].to_string();
    assert_eq!(project.done(&["quarantine", "drop", &number, "--json"]).await.out, "{\"dropped\":1}\n");
    let verify = project.done(&["verify"]).await.err;
    assert!(verify.contains("raw pages and ") && verify.contains(": 0 differences"), "{verify}");

    sites.fault(Site::Arbeitnow, Fault::Status(500), 1);
    let tried = project.done(&["try", "arbeitnow"]).await.err;
    assert!(tried.contains("arbeitnow: ") && tried.contains("attempt 2 in"), "{tried}");
}
