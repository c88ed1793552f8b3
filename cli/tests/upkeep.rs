//! Commands that keep a data directory small, safe and true: killed at each step, beside a run that writes, interrupted.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod project;

use std::path::Path;
use std::time::{Duration, Instant};

use jobmarket::archive::segments;
use jobmarket::crash::RETENTION;
use jobmarket::state::Reader;
use project::{Project, error, out};
use sandbox::{Fault, Site};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// A project whose raw pages are not kept, with a change log.
async fn begun(offers: usize, boards: usize, rate: &str) -> Project {
    let project = Project::new(offers, boards).await;
    project.pipelines(rate, "archive: {keep: 0d}\n", "sinks: [store, {files: {dir: normalized}}]");
    project
}

/// Every offer that the site shows is stored once and equals it, and the change log says nothing twice.
fn judge(project: &Project, data: &Path) {
    let reader = Reader::open(data).unwrap().unwrap();
    let truth = project.sites.world(|world| world.truth(Site::FranceTravail));
    for truth in &truth {
        let offer = reader.offer(&truth.id).unwrap().unwrap();
        let document: serde_json::Value = serde_json::from_str(&offer.document.unwrap()).unwrap();
        assert_eq!(document["title"], truth.record["intitule"]);
    }
    assert_eq!(reader.store().unwrap().1 as usize, truth.len());
    let mut lines = std::collections::HashSet::new();
    for file in std::fs::read_dir(data.join("normalized/francetravail")).unwrap() {
        for line in std::fs::read_to_string(file.unwrap().path()).unwrap().lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(lines.insert((line["id"].to_string(), line["provenance"]["page"].to_string())));
        }
    }
    assert_eq!(lines.len(), truth.len());
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_that_ends_at_any_step_loses_nothing() {
    let project = begun(1_500, 0, "1000/s").await;
    let data = project.data();
    let run = ["run", "francetravail", "--from", "2020-01-01", "--to", "2100-01-01", "--log", "text"];
    project.done_on(&data, &run).await;
    let mut ended = 0;
    for round in 0..10 {
        let point = RETENTION[round % 2];
        // Fewer come in another form each time: of the last run some pages are needed still, and some are not.
        project.sites.world(|world| world.revise(Site::FranceTravail, 1_300 - 120 * round));
        project.done_on(&data, &run).await;
        let plan = json(&project.done_on(&data, &["retention", "--dry-run", "--json"]).await.0);
        assert!(plan["rewritten"].as_u64().unwrap() > 0 && plan["records"].as_u64().unwrap() > 0, "{plan}");
        let mut command = project.command_on(&data, &["retention"]);
        ended += u32::from(!command.env("JOBMARKET_CRASH", point).output().await.unwrap().status.success());
        assert_eq!(project.done_on(&data, &["verify"]).await.0, "", "{point}");
        project.done_on(&data, &["retention"]).await;
        let plan = json(&project.done_on(&data, &["retention", "--dry-run", "--json"]).await.0);
        assert_eq!((&plan["records"], &plan["bytes"]), (&0.into(), &0.into()), "{plan}");
        assert_eq!(project.done_on(&data, &["verify"]).await.0, "", "{point}");
    }
    assert_eq!(ended, 10, "each point was come to");
    project.done_on(&data, &["replay", "francetravail"]).await;
    // What a crash left of a segment is gone too: each that is there is named.
    let reader = Reader::open(&data).unwrap().unwrap();
    let pages = reader.pages_after("francetravail", 0, 10_000).unwrap();
    let named: std::collections::HashSet<&str> =
        pages.iter().flat_map(|page| &page.archived).map(|at| at.segment.as_str()).collect();
    let there = segments(&data.join("raw"), "francetravail").unwrap();
    assert!(there.iter().all(|segment| named.contains(segment.name.as_str())), "{named:?} {there:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_which_a_part_is_committed_is_kept_for_nothing_else() {
    let project = begun(0, 1_700, "1000/s").await;
    let data = project.data();
    let requests = || project.sites.world(|world| world.requests.get(&Site::Remotive).copied().unwrap_or_default());
    let crashed =
        project.command_on(&data, &["run", "remotive"]).env("JOBMARKET_CRASH", "committed").output().await.unwrap();
    assert!(!crashed.status.success());
    let plan = json(&project.done_on(&data, &["retention", "--json"]).await.0);
    assert_eq!((&plan["records"], &plan["kept_records"]), (&0.into(), &1.into()), "{plan}");
    project.done_on(&data, &["run", "remotive"]).await;
    let runs = Reader::open(&data).unwrap().unwrap().runs(None, 10).unwrap();
    assert_eq!((runs.len(), runs[0].counts.new, requests()), (1, 1_700, 1), "{runs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_beside_a_run_is_whole_and_goes_on() {
    let project = begun(6_000, 0, "10/s").await;
    let (data, copies) = (project.data(), project.dir.path().join("copies"));
    let mut running = project.command_on(&data, &["run", "francetravail", "--log", "text"]).spawn().unwrap();
    let pages = || {
        let reader = Reader::open(&data).ok().flatten();
        reader.and_then(|reader| reader.page_count("francetravail").ok()).unwrap_or(0)
    };
    let begun = Instant::now();
    let mut made = Vec::new();
    for (number, most) in [3, 10, 16].into_iter().enumerate() {
        while pages() < most {
            assert!(begun.elapsed() < Duration::from_secs(120) && running.try_wait().unwrap().is_none(), "{number}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let copy = copies.join(number.to_string());
        project.done_on(&data, &["backup", &copy.display().to_string()]).await;
        assert!(running.try_wait().unwrap().is_none(), "the run writes still");
        made.push(copy);
    }
    assert!(running.wait().await.unwrap().success());
    judge(&project, &data);
    for copy in made {
        let before = Reader::open(&copy).unwrap().unwrap().store().unwrap().1;
        assert!(before > 0 && before < 6_000, "{before}");
        assert_eq!(project.done_on(&copy, &["verify"]).await.0, "");
        let requests = || project.sites.world(|world| world.requests.values().sum::<u64>());
        let asked = requests();
        project.done_on(&copy, &["run", "francetravail", "--log", "text"]).await;
        assert!(requests() > asked, "what was not copied is asked for");
        judge(&project, &copy);
        assert_eq!(project.done_on(&copy, &["verify"]).await.0, "");
        let runs = Reader::open(&copy).unwrap().unwrap().runs(None, 10).unwrap();
        assert_eq!((runs.len(), runs[0].outcome.as_deref()), (1, Some("complete")), "{runs:?}");
    }
    assert_eq!(std::fs::read_dir(&copies).unwrap().count(), 3, "nothing is left beside them");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_without_the_archive_names_nothing_of_it_and_places_that_cannot_take_one_are_refused() {
    let project = begun(0, 1_700, "1000/s").await;
    let (data, copy) = (project.data(), project.dir.path().join("copy"));
    let refused = project.told_on(&data, &["backup", "x"]).await;
    assert!(error(&refused).contains("there is nothing to copy"), "{}", error(&refused));
    let crashed =
        project.command_on(&data, &["run", "remotive"]).env("JOBMARKET_CRASH", "committed").output().await.unwrap();
    assert!(!crashed.status.success());
    // What an earlier backup left behind when it was killed is no backup, and is replaced.
    std::fs::create_dir(project.dir.path().join("copy.unfinished")).unwrap();
    std::fs::write(project.dir.path().join("copy.unfinished/unfinished-backup"), "").unwrap();
    let name = copy.display().to_string();
    let made = json(&project.done_on(&data, &["backup", &name, "--without-archive", "--json"]).await.0);
    assert_eq!((&made["files"], copy.join("raw").exists()), (&2.into(), false), "{made}");
    assert!(!project.dir.path().join("copy.unfinished").exists());
    assert_eq!(project.done_on(&copy, &["verify"]).await.0, "");
    // Its unfinished run would go on with a page that is not there: it begins anew.
    project.sites.world(|world| world.revise(Site::Remotive, 1_700));
    project.done_on(&copy, &["run", "remotive"]).await;
    assert_eq!(Reader::open(&copy).unwrap().unwrap().runs(None, 10).unwrap().len(), 2);
    assert_eq!(Reader::open(&copy).unwrap().unwrap().store().unwrap().1, 1_700);
    assert_eq!(project.done_on(&copy, &["verify"]).await.0, "");
    for (place, why) in [(copy.clone(), "is not empty"), (data.join("copy"), "lies in the data directory")] {
        let refused = project.told_on(&data, &["backup", &place.display().to_string()]).await;
        assert!(!refused.status.success() && error(&refused).contains(why), "{}", error(&refused));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_copied_over_a_data_directory_brings_back_what_it_holds() {
    let project = begun(400, 250, "1000/s").await;
    let data = project.data();
    let log = |data: &Path| std::fs::metadata(data.join("state.db-wal")).map_or(0, |log| log.len());
    project.done_on(&data, &["run", "remotive"]).await;
    assert_eq!(log(&data), 0, "a clean end leaves no log beside the state");
    let copy = project.dir.path().join("copy");
    let said = project.done_on(&data, &["backup", &copy.display().to_string()]).await.0;
    assert!(said.contains("move the data directory away first: mv "), "{said}");
    let open = |data: &Path, source: &str| {
        let sources = Reader::open(data).unwrap().unwrap().sources().unwrap();
        sources.iter().find(|row| row.source == source).map(|row| row.open)
    };
    let restored = async || {
        let copied = Command::new("cp").arg("-r").arg(copy.join(".")).arg(&data).status().await.unwrap();
        assert!(copied.success());
        assert_eq!((open(&data, "remotive"), open(&data, "francetravail")), (Some(250), None));
        let state = rusqlite::Connection::open(data.join("state.db")).unwrap();
        let sound: String = state.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        drop(state);
        assert_eq!((sound.as_str(), project.done_on(&data, &["verify"]).await.0.as_str()), ("ok", ""));
    };
    project.done_on(&data, &["run", "francetravail", "--from", "2020-01-01", "--to", "2100-01-01"]).await;
    assert_eq!((open(&data, "francetravail"), log(&data)), (Some(400), 0));
    restored().await;
    // A process that was killed leaves its log, and the copy lays an empty one over it.
    let mut killed = project.command_on(&data, &["run", "francetravail", "--from", "2020-01-01", "--to", "2100-01-01"]);
    assert!(!killed.env("JOBMARKET_CRASH", "committed").output().await.unwrap().status.success());
    assert!(log(&data) > 0);
    restored().await;
    project.done_on(&data, &["run", "francetravail", "--from", "2020-01-01", "--to", "2100-01-01"]).await;
    assert_eq!(open(&data, "francetravail"), Some(400));
    assert_eq!(project.done_on(&data, &["verify"]).await.0, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_offers_go_on_request_and_verify_says_what_mends() {
    let project = begun(0, 250, "1000/s").await;
    let data = project.data();
    project.done_on(&data, &["run", "remotive"]).await;
    project.sites.world(|world| world.show(Site::Remotive, 30, false));
    for _ in 0..2 {
        project.done_on(&data, &["sweep", "remotive"]).await;
    }
    let deleted =
        async |arguments: &[&str]| json(&project.done_on(&data, arguments).await.0)["offers"].as_u64().unwrap();
    assert_eq!(deleted(&["retention", "--json"]).await, 0, "never without being asked");
    assert_eq!(deleted(&["retention", "--json", "--closed", "1d"]).await, 0);
    assert_eq!(deleted(&["retention", "--json", "--closed", "0s", "--dry-run"]).await, 30);
    let pipelines = project.dir.path().join("pipelines.yaml");
    let text = std::fs::read_to_string(&pipelines).unwrap();
    std::fs::write(&pipelines, format!("retention: {{closed: 0s}}\n{text}")).unwrap();
    assert_eq!(deleted(&["retention", "--json", "remotive"]).await, 30);
    assert_eq!(project.done_on(&data, &["export", "--closed"]).await.0.lines().count(), 220);
    assert_eq!(project.done_on(&data, &["verify"]).await.0, "");
    let wrong = project.told_on(&data, &["retention", "nowhere"]).await;
    assert!(error(&wrong).contains("it holds: remotive"), "{}", error(&wrong));
    let wrong = project.told_on(&data, &["retention", "--closed", "soon"]).await;
    assert!(error(&wrong).contains("such as `365d`"), "{}", error(&wrong));

    let state = rusqlite::Connection::open(data.join("state.db")).unwrap();
    let lost = state.execute("DELETE FROM offers WHERE n % 10 = 0", []).unwrap();
    drop(state);
    let told = project.told_on(&data, &["verify", "--json"]).await;
    let lines: Vec<serde_json::Value> = out(&told).lines().map(json).collect();
    assert!(!told.status.success() && lines.len() as u64 == lines.last().unwrap()["differences"].as_u64().unwrap() + 1);
    assert_eq!(lines.iter().filter(|line| line["kind"] == "store").count(), lost);
    assert!(lines[0]["mend"].as_str().unwrap().contains("replay"), "{}", lines[0]);
    let told = project.told_on(&data, &["verify"]).await;
    assert!(out(&told).contains(&format!("{lost} in the store: `jobmarket replay SOURCE`")), "{}", out(&told));
    project.done_on(&data, &["replay", "remotive"]).await;
    assert_eq!(project.done_on(&data, &["verify"]).await.0, "");
}

/// Reads what a process says until it says this.
async fn until(said: &mut (impl AsyncBufRead + Unpin), text: &str) {
    loop {
        let mut line = String::new();
        assert!(said.read_line(&mut line).await.unwrap() > 0, "`{text}` is never said");
        if line.contains(text) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_interrupt_ends_at_once() {
    let project = begun(0, 10, "1000/s").await;
    let data = project.data();
    project.sites.fault(Site::Remotive, Fault::Wait(429, 600), 1);
    let run = ["run", "remotive", "--log", "json"];
    let mut command = project.command_on(&data, &run);
    let mut child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let (mut out, mut err) =
        (BufReader::new(child.stdout.take().unwrap()), BufReader::new(child.stderr.take().unwrap()));
    let process = child.id().unwrap().to_string();
    let interrupt = || std::process::Command::new("kill").args(["-INT", &process]).status().unwrap();
    until(&mut out, "\"retried\"").await;
    // The run cannot be ended cleanly while somebody else writes to the state.
    let state = rusqlite::Connection::open(data.join("state.db")).unwrap();
    state.execute_batch("BEGIN IMMEDIATE").unwrap();
    interrupt();
    until(&mut err, "Ctrl-C again ends at once").await;
    interrupt();
    assert_eq!(child.wait().await.unwrap().code(), Some(130));
    state.execute_batch("ROLLBACK").unwrap();
    project.done_on(&data, &run).await;
    assert_eq!(Reader::open(&data).unwrap().unwrap().store().unwrap().1, 10);
}
