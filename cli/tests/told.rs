//! What commands say of a data directory: `why`, `status`, closings that are held, and a run that went on.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod project;

use jobmarket::state::Reader;
use project::{Project, error, out};
use sandbox::Site;
use serde_json::Value;

/// A project with a store alone.
async fn begun(offers: usize, boards: usize) -> Project {
    let project = Project::new(offers, boards).await;
    steps(&project, "");
    project
}

fn steps(project: &Project, steps: &str) {
    project.pipelines("1000/s", "", &format!("{steps}sinks: [store]"));
}

/// Changes a file of the project.
fn edit(project: &Project, path: &str, from: &str, to: &str) {
    let path = project.dir.path().join(path);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

/// What is known of an offer, for a script.
async fn why(project: &Project, key: &str) -> Value {
    serde_json::from_str(&project.done(&["why", key, "--json"]).await.0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn why_says_what_keeps_a_record_aside_and_tells_the_rest_when_a_segment_is_gone() {
    let project = begun(0, 100).await;
    steps(&project, "steps: [{keep: '${offer.title | matches(\"(?i)data\")}'}], ");
    project.done(&["run", "remotive"]).await;
    let keys = |sql: &str| {
        let state = rusqlite::Connection::open(project.data().join("state.db")).unwrap();
        state.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap()
    };
    let aside = keys("SELECT key FROM known WHERE version = 0 LIMIT 1");
    let stored = keys("SELECT key FROM known WHERE version > 0 LIMIT 1");
    let (said, _) = project.done(&["why", &aside]).await;
    for part in [
        "aside     a filter keeps it aside: `keep` of pipeline p",
        "request   GET http",
        "archive   remotive/",
        "raw       {\"id\":",
        "document  (not in the store)",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let known = why(&project, &aside).await;
    assert!(known["kept_aside"].as_str().unwrap().contains("keep") && known["page"]["run"] == 1, "{known}");
    let known = why(&project, &stored).await;
    assert!(known["kept_aside"].is_null() && known["offer"]["document"].is_object(), "{known}");

    std::fs::remove_dir_all(project.data().join("raw")).unwrap();
    let told = project.told(&["why", &stored]).await;
    let (said, fault) = (out(&told), error(&told));
    assert!(!told.status.success() && fault.contains("the raw record cannot be read: "), "{fault}");
    assert!(said.contains("request   GET http") && said.contains("document  {\"id\":"), "{said}");

    // One that the site shows in a form that cannot be mapped is in the quarantine.
    edit(&project, "sources/remotive.yaml", "title: $.title", "title: $.nothing");
    steps(&project, "");
    project.told(&["run", "remotive"]).await;
    let (said, _) = project.done(&["why", &aside]).await;
    assert!(said.contains("aside     rejected (") && said.contains("`jobmarket quarantine show "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn closings_that_are_held_are_told_until_they_are_accepted() {
    let project = begun(0, 250).await;
    project.done(&["run", "remotive"]).await;
    let (_, said) = project.done(&["sweep", "remotive", "--accept"]).await;
    assert!(said.contains("warning: nothing is held: "), "{said}");
    project.sites.world(|world| world.show(Site::Remotive, 100, false));
    project.done(&["sweep", "remotive"]).await;
    let held = |reader: Reader| reader.sources().unwrap()[0].held.clone();
    assert_eq!(held(Reader::open(&project.data()).unwrap().unwrap()), None, "once is not enough");
    let (_, said) = project.done(&["sweep", "remotive"]).await;
    let told = "held: 100 of 250 open offers were not seen, one run may close 50; nothing of that was closed: look at the site, then `jobmarket sweep remotive --accept` closes them";
    assert!(said.contains(told), "{said}");
    let (status, _) = project.done(&["status"]).await;
    assert!(status.contains(told) && status.lines().next().unwrap().contains("quarantine"), "{status}");
    let status: Value = serde_json::from_str(&project.done(&["status", "--json"]).await.0).unwrap();
    assert_eq!((&status["held"]["offers"], &status["quarantine"]), (&100.into(), &0.into()), "{status}");
    let (_, said) = project.done(&["sweep", "remotive", "--accept"]).await;
    assert!(said.contains("closed: 100 not_seen") && !said.contains("nothing is held"), "{said}");
    assert!(!project.done(&["status"]).await.0.contains("held: "));
    assert!(project.done(&["sweep", "remotive", "--accept"]).await.1.contains("nothing is held"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_went_on_says_what_came_since() {
    let project = begun(0, 1_700).await;
    // Its first part is committed, and the rest comes out of the archive.
    let crashed = project.command(&["run", "remotive"]).env("JOBMARKET_CRASH", "committed").output().await.unwrap();
    assert!(!crashed.status.success());
    let (_, said) = project.done(&["run", "remotive"]).await;
    assert!(said.contains("1700 fetched = 1700 indexed"), "{said}");
    let line = said.lines().find(|line| line.starts_with("  resumed; since then 3 pages, ")).unwrap();
    let number = |unit: &str| -> f64 {
        line.split(", ").find_map(|part| part.split(';').next()?.strip_suffix(unit)).unwrap().trim().parse().unwrap()
    };
    let (seconds, rate) = (number(" s"), number(" records/s"));
    // The rate is that of the 1,200 that came since, as well as rounded seconds say it.
    assert!(rate * (seconds + 0.05) >= 1_199.0 && rate * (seconds - 0.05).max(0.0) <= 1_201.0, "{line}");
}
