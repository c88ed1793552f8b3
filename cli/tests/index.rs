//! The search index of the embedded store: broken, being built, of another schema, and read by who may not write.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod project;

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jobmarket::state::Reader;
use project::{Project, error, out};
use tokio::process::Command;

/// A project with a store alone, its sites asked at a rate.
async fn begun(offers: usize, boards: usize, rate: &str) -> Project {
    let project = Project::new(offers, boards).await;
    project.pipelines(rate, "", "sinks: [store]");
    project
}

/// How many offers a search finds, and what it says.
async fn found(project: &Project) -> (u64, String) {
    let (out, said) = project.done(&["search", "--limit", "1", "--json"]).await;
    (total(&out), said)
}

/// The folders of indices.
fn indices(project: &Project) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(project.data().join("index")).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Files of all indices whose names end so.
fn files(project: &Project, end: &str) -> Vec<PathBuf> {
    let entries = indices(project).into_iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.to_string_lossy().ends_with(end)).collect()
}

fn total(out: &str) -> u64 {
    serde_json::from_str::<serde_json::Value>(out).unwrap()["total"].as_u64().unwrap()
}

/// What is done to a file of the index.
fn damage(path: &Path, how: &str) {
    let bytes = std::fs::read(path).unwrap();
    let junk = |from: usize, to: usize| {
        let mut bytes = bytes.clone();
        bytes[from..to].fill(0xa5);
        bytes
    };
    match how {
        "gone" => std::fs::remove_file(path).unwrap(),
        "empty" => std::fs::write(path, "").unwrap(),
        "all junk" => std::fs::write(path, junk(0, bytes.len())).unwrap(),
        _ => std::fs::write(path, junk(0, bytes.len() / 2)).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_cannot_be_read_is_built_again() {
    let project = begun(0, 250, "1000/s").await;
    project.done(&["run", "remotive"]).await;
    let damages = [
        (".store", "gone"),
        (".store", "half junk"),
        (".idx", "empty"),
        (".idx", "half junk"),
        (".term", "all junk"),
        (".term", "half junk"),
        (".fast", "half junk"),
        (".pos", "gone"),
        ("meta.json", "all junk"),
        ("meta.json", "gone"),
    ];
    for (file, how) in damages {
        let files = files(&project, file);
        assert!(!files.is_empty(), "{file}");
        files.iter().for_each(|path| damage(path, how));
        let (out, said) = project.done(&["search", "engineer", "--json", "--facet", "contract.type"]).await;
        assert!(total(&out) > 0, "{file} {how}: {said}");
        assert_eq!(found(&project).await, (250, String::new()), "{file} {how}");
        assert_eq!(project.done(&["verify"]).await.0, "", "{file} {how}");
    }
    // What no search has read yet is told too.
    files(&project, ".pos").iter().for_each(|path| damage(path, "half junk"));
    let told = project.told(&["verify"]).await;
    assert!(!told.status.success() && out(&told).contains(".pos"), "{}", out(&told));
    std::fs::remove_dir_all(project.data().join("index")).unwrap();
    assert_eq!(found(&project).await, (250, String::new()));
    // Before that it is told, and by a run it is mended too.
    for mends in ["search", "replay"] {
        files(&project, ".store").iter().for_each(|path| damage(path, "gone"));
        let told = project.told(&["verify"]).await;
        assert!(!told.status.success() && out(&told).contains("the search index is broken: "), "{}", out(&told));
        assert_eq!(project.done(&["export"]).await.0.lines().count(), 250);
        let argument = if mends == "search" { "--json" } else { "remotive" };
        let (_, said) = project.done(&[mends, argument]).await;
        let notice = said.lines().filter(|line| line.contains("it was built again")).count();
        assert_eq!(notice, usize::from(mends == "search"), "{said}");
        assert_eq!(project.done(&["verify"]).await.0, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_can_be_read_while_its_first_run_goes_on() {
    let project = begun(6_000, 0, "10/s").await;
    let mut running = project.command(&["run", "francetravail", "--log", "text"]).spawn().unwrap();
    let pages = || {
        let reader = Reader::open(&project.data()).ok().flatten();
        reader.and_then(|reader| reader.page_count("francetravail").ok()).unwrap_or(0)
    };
    let begun = Instant::now();
    while pages() < 3 || files(&project, "meta.json").is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(120) && running.try_wait().unwrap().is_none());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let stored = project.done(&["export"]).await.0.lines().count();
    assert!(stored > 0);
    let (early, _) = found(&project).await;
    assert!(early < 6_000, "{early}");
    let verified = project.told(&["verify"]).await;
    assert!(!error(&verified).contains("error"), "{}", error(&verified));
    assert!(!out(&verified).contains("index"), "{}", out(&verified));
    assert!(running.try_wait().unwrap().is_none(), "the run writes still");
    assert!(running.wait().await.unwrap().success());
    assert_eq!(found(&project).await, (6_000, String::new()));
    assert_eq!(project.done(&["verify"]).await.0, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_read_reads_what_is_there() {
    let project = begun(0, 250, "1000/s").await;
    project.done(&["run", "remotive"]).await;
    let (data, binary) = (project.data(), project.dir.path().join("jobmarket"));
    std::fs::copy(env!("CARGO_BIN_EXE_jobmarket"), &binary).unwrap();
    let told = async |arguments: &[&str]| {
        let mut command = Command::new(&binary);
        command.args(["--project", &project.dir.path().display().to_string()]);
        command.args(["--data", &data.display().to_string()]).args(arguments);
        // Root may write everywhere: it asks as somebody else.
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.uid(65_534).gid(65_534);
        }
        let output = command.output().await.unwrap();
        (output.status.success(), out(&output), error(&output))
    };
    let access = async |mode: &str| {
        let done = Command::new("chmod").args(["-R", mode]).arg(project.dir.path()).status().await.unwrap();
        assert!(done.success());
    };
    access("a+rX,a-w").await;
    let (read, found, said) = told(&["search", "--json", "--limit", "1"]).await;
    assert!(read && total(&found) == 250, "{found}{said}");
    let (read, exported, said) = told(&["export"]).await;
    assert!(read && exported.lines().count() == 250, "{said}");
    let (read, differences, said) = told(&["verify"]).await;
    assert!(read && differences.is_empty(), "{differences}{said}");
    assert!(told(&["status"]).await.0);
    access("u+w").await;
    std::fs::remove_dir_all(data.join("index")).unwrap();
    access("a-w").await;
    let (read, _, said) = told(&["search"]).await;
    assert!(!read && said.contains("let someone search once who may write there"), "{said}");
    assert_eq!(told(&["export"]).await.1.lines().count(), 250);
    access("u+w").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_with_another_schema_does_not_cost_the_index_of_this_one() {
    let project = begun(0, 250, "1000/s").await;
    project.done(&["run", "remotive"]).await;
    let schema = project.dir.path().join("mappings/offer.yaml");
    let text = std::fs::read_to_string(&schema).unwrap();
    let made = |path: &Path| std::fs::metadata(path.join("meta.json")).unwrap().ino();
    let first = indices(&project).pop_first().unwrap();
    let ours = made(&first);
    for (number, count) in [(1, 2), (2, 2)] {
        std::fs::write(
            &schema,
            text.replace("\nremote:", &format!("\nother{number}: {{keyword: {{doc: x}}}}\nremote:")),
        )
        .unwrap();
        assert_eq!((found(&project).await.0, indices(&project).len()), (250, count));
        std::fs::write(&schema, &text).unwrap();
        assert_eq!(found(&project).await.0, 250);
        if number == 1 {
            assert_eq!(made(&first), ours, "the index of this schema was not built again");
        }
    }
    assert_eq!(indices(&project).len(), 2, "what was written last stays, and one more");
}
