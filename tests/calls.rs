//! Calls besides the list: details of records, parent calls, files as partitions, and pages in parts.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::path::Path;
use std::sync::Arc;

use jobmarket::definition::{self, Text};
use jobmarket::event::{Event, EventKind, Outcome};
use jobmarket::files;
use jobmarket::plan::{Ask, Origins, Plan, Surroundings, compile};
use jobmarket::run::{Again, Engine, Summary, replay, run};
use jobmarket::state::Reader;
use sandbox::{Fault, Options, Sandbox, Site};
use tokio::sync::mpsc::unbounded_channel;

struct Bench {
    sites: Sandbox,
    dir: tempfile::TempDir,
    project: tempfile::TempDir,
    texts: Vec<Text>,
}

impl Bench {
    async fn new() -> Self {
        let options = Options { boards: 240, offers: 0, rate: 100_000, ..Options::default() };
        Bench {
            sites: Sandbox::start(options).await.unwrap(),
            dir: tempfile::tempdir().unwrap(),
            project: tempfile::tempdir().unwrap(),
            texts: files::project(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap(),
        }
    }

    fn text(&mut self, path: &str, change: impl Fn(&str) -> String) {
        let text = self.texts.iter_mut().find(|text| text.path == path).unwrap();
        text.text = change(&text.text);
    }

    fn plan(&self, source: &str) -> Plan {
        let (definitions, findings) = definition::read(&self.texts);
        assert_eq!(findings, []);
        let mut origins = Origins::default();
        for (from, to) in self.sites.origins() {
            origins.add(from, &to, Some("10000/s".parse().unwrap())).unwrap();
        }
        let ask = Ask { source, pipeline: None, origins };
        let mut plan = compile(&definitions, ask, &Surroundings::default()).unwrap();
        plan.call.limits.wait = std::time::Duration::from_millis(1);
        plan
    }

    fn engine(&self) -> (Arc<Engine>, tokio::sync::mpsc::UnboundedReceiver<Event>) {
        let (events, heard) = unbounded_channel();
        let data = self.dir.path();
        (Arc::new(Engine::start(data, data.join("raw"), self.project.path(), events).unwrap()), heard)
    }

    async fn run(&self, source: &str) -> (Summary, Vec<Event>) {
        let (engine, mut heard) = self.engine();
        let now = self.sites.world(|world| world.options.now);
        let summary = run(Arc::new(self.plan(source)), engine, now, None).await.unwrap();
        assert!(summary.counts.add_up(), "{:?}", summary.counts);
        (summary, std::iter::from_fn(|| heard.try_recv().ok()).collect())
    }

    /// Requests that the site got since the last time this was asked.
    fn requests(&self) -> u64 {
        self.sites.world(|world| world.requests.insert(Site::SmartRecruiters, 0)).unwrap_or_default()
    }

    /// Stored offers with this schedule.
    fn scheduled(&self, word: &str) -> usize {
        let mut found = 0;
        let reader = Reader::open(self.dir.path()).unwrap().unwrap();
        let mut count = |document: serde_json::Value| {
            found += usize::from(document["contract.schedule"] == word || document["contract"]["schedule"] == word)
        };
        reader.each("smartrecruiters", &mut count).unwrap();
        found
    }

    fn described(&self) -> usize {
        let reader = Reader::open(self.dir.path()).unwrap().unwrap();
        let truths = self.sites.world(|world| world.truth(Site::SmartRecruiters));
        let documents = truths.iter().filter_map(|truth| reader.offer(&truth.id).unwrap()?.document);
        documents
            .filter(|text| serde_json::from_str::<serde_json::Value>(text).unwrap().get("description").is_some())
            .count()
    }
}

const LIST: &str = "for:\n  company: ${param.companies}\n";

#[tokio::test(flavor = "multi_thread")]
async fn details_are_asked_for_new_and_changed_records_only() {
    let mut bench = Bench::new().await;
    let parent = "for:\n  company: {call: {request: {get: https://api.smartrecruiters.com/v1/companies}, records: \"$.content[*]\", value: $.identifier}}\n";
    bench.text("sources/smartrecruiters.yaml", |text| text.replace(LIST, parent));
    let (first, events) = bench.run("smartrecruiters").await;
    assert_eq!((first.outcome, first.counts.new), (Outcome::Complete, 240), "{:?} {events:#?}", first.cause);
    let first = bench.requests();
    assert!(first > 240 + 2, "{first} requests: a detail each, two companies, one parent call");
    assert_eq!(bench.described(), 240);

    let (second, _) = bench.run("smartrecruiters").await;
    assert_eq!((second.counts.unchanged, second.counts.fetched), (240, 240));
    assert!(bench.requests() < 10, "no detail is asked again");

    bench.sites.world(|world| world.revise(Site::SmartRecruiters, 7));
    let (third, _) = bench.run("smartrecruiters").await;
    assert_eq!((third.counts.indexed, third.counts.unchanged), (7, 233));
    let asked = bench.requests();
    assert!((7..20).contains(&asked), "{asked} requests");

    // Another mapping: what is archived is mapped again, without a request.
    bench.text("sources/smartrecruiters.yaml", |text| text.replace("title: $.name", "title: $.name | upper"));
    let (fourth, _) = bench.run("smartrecruiters").await;
    assert_eq!(fourth.counts.indexed, 240, "{:?}", fourth.counts);
    assert!(bench.requests() < 10, "details come out of the archive");
    let (fifth, _) = bench.run("smartrecruiters").await;
    assert_eq!(fifth.counts.unchanged, 240, "{:?}", fifth.counts);

    bench.text("sources/smartrecruiters.yaml", |text| text.replace("| upper", "| lower"));
    let (engine, _heard) = bench.engine();
    let again = replay(Arc::new(bench.plan("smartrecruiters")), engine, Again::Everything).await.unwrap();
    assert_eq!((again.counts.indexed, again.outcome), (240, Outcome::Complete), "{:?}", again.counts);
    assert_eq!(bench.described(), 240, "details are replayed too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_table_is_applied_to_archived_details_by_the_next_run() {
    let mut bench = Bench::new().await;
    let listed = "contract.schedule: $.typeOfEmployment.label";
    let of_detail = "contract.schedule: $.detail.typeOfEmployment.label";
    bench.text("sources/smartrecruiters.yaml", |text| text.replace(listed, of_detail));
    bench.run("smartrecruiters").await;
    let (full, part) = (bench.scheduled("full_time"), bench.scheduled("part_time"));
    assert!(full > 50, "{full}");
    bench.requests();
    bench.text("mappings/lookups/schedules.yaml", |text| text.replace("full-time: full_time", "full-time: part_time"));
    let (second, _) = bench.run("smartrecruiters").await;
    assert_eq!(second.counts.indexed, full as u64, "{:?}", second.counts);
    assert_eq!((bench.scheduled("full_time"), bench.scheduled("part_time")), (0, full + part));
    assert!(bench.requests() < 10, "details come out of the archive");
    // A table that the source does not name changes nothing of it.
    bench.text("mappings/lookups/periods.yaml", |text| text.to_owned() + "\nmore: {word: year}\n");
    let (third, _) = bench.run("smartrecruiters").await;
    assert_eq!(third.counts.unchanged, (full + part) as u64, "{:?}", third.counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detail_that_fails_is_kept_held_or_ends_the_run() {
    for (word, outcome) in [("keep", Outcome::Partial), ("quarantine", Outcome::Failed), ("fail", Outcome::Failed)] {
        let mut bench = Bench::new().await;
        let change = format!("on_error: {word}");
        bench.text("sources/smartrecruiters.yaml", |text| {
            text.replace("on_error: keep", &change)
                .replace("  gone: [404]\n", "")
                .replace("/${record.id}\n", "/x${record.id}\n")
        });
        let (summary, _) = bench.run("smartrecruiters").await;
        assert_eq!(summary.outcome, outcome, "{word}: {:?}", summary.cause);
        match word {
            "keep" => assert_eq!(summary.counts.new, summary.counts.fetched),
            "quarantine" => assert_eq!(summary.counts.rejected, summary.counts.fetched),
            _ => assert!(summary.cause.unwrap().contains("detail"), "{word}"),
        }
        let asked = bench.requests();
        assert!(asked < 60, "{word}: {asked} requests: after 20 failures in a row no more are sent");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_details_count_as_filtered() {
    let mut bench = Bench::new().await;
    bench.text("sources/smartrecruiters.yaml", |text| text.replace("/${record.id}\n", "/x${record.id}\n"));
    let (summary, _) = bench.run("smartrecruiters").await;
    assert_eq!((summary.counts.filtered, summary.counts.new), (summary.counts.fetched, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_of_a_file_is_a_partition_and_a_missing_one_is_said() {
    let mut bench = Bench::new().await;
    std::fs::write(bench.project.path().join("companies.csv"), "name,id\nUbisoft,Ubisoft2\nAccor,Accor2\n,\n").unwrap();
    let file = "for:\n  company: {file: {path: companies.csv, column: id}}\n";
    bench.text("sources/smartrecruiters.yaml", |text| text.replace(LIST, file));
    let (summary, _) = bench.run("smartrecruiters").await;
    assert_eq!((summary.outcome, summary.counts.new), (Outcome::Complete, 240), "{:?}", summary.cause);

    bench.text("sources/smartrecruiters.yaml", |text| text.replace("column: id", "column: key"));
    let (summary, _) = bench.run("smartrecruiters").await;
    assert_eq!(summary.outcome, Outcome::Failed);
    let cause = summary.cause.unwrap();
    assert!(cause.contains("no column `key` among the 2") && !cause.contains("Ubisoft"), "{cause}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_call_that_fails_ends_the_run_and_an_empty_one_is_a_warning() {
    let mut bench = Bench::new().await;
    let call = |records: &str| {
        format!(
            "for:\n  company: {{call: {{request: {{get: https://api.smartrecruiters.com/v1/companies}}, records: \"{records}\", value: $.identifier}}}}\n"
        )
    };
    bench.text("sources/smartrecruiters.yaml", |text| text.replace(LIST, &call("$.content[*]")));
    bench.sites.fault(Site::SmartRecruiters, Fault::Status(403), 1);
    let (summary, _) = bench.run("smartrecruiters").await;
    assert_eq!(summary.outcome, Outcome::Failed);
    assert!(summary.cause.as_ref().unwrap().contains("for.company"), "{:?}", summary.cause);

    bench.text("sources/smartrecruiters.yaml", |text| text.replace("$.content[*]", "$.nothing[*]"));
    let (summary, _) = bench.run("smartrecruiters").await;
    let cause = summary.cause.unwrap();
    assert_eq!(summary.outcome, Outcome::Failed);
    assert!(cause.contains("`$.nothing[*]` is not in the answer"), "{cause}");

    bench.text("sources/smartrecruiters.yaml", |text| text.replace("$.nothing[*]", "$.nothing[*] ?? []"));
    let (summary, events) = bench.run("smartrecruiters").await;
    assert_eq!((summary.outcome, summary.counts.fetched), (Outcome::Complete, 0));
    assert!(
        events
            .iter()
            .any(|event| matches!(&event.kind, EventKind::Warned { message } if message.contains("no values")))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_page_is_committed_in_parts() {
    let mut bench = Bench::new().await;
    bench.sites = Sandbox::start(Options { boards: 1_234, offers: 0, ..Options::default() }).await.unwrap();
    let (summary, events) = bench.run("remotive").await;
    assert_eq!((summary.outcome, summary.counts.new), (Outcome::Complete, 1_234), "{:?}", summary.cause);
    let parts = events.iter().filter(|event| matches!(event.kind, EventKind::PageCommitted { .. })).count();
    assert_eq!(parts, 3, "parts of at most 500 records");
    let (again, _) = bench.run("remotive").await;
    assert_eq!(again.counts.unchanged, 1_234);
    let held = Reader::open(bench.dir.path()).unwrap().unwrap();
    let versions: std::collections::HashSet<_> =
        held.pages_after("remotive", 0, 10_000).unwrap().into_iter().map(|row| row.version).collect();
    assert_eq!(versions.len(), 6, "each part has its own version");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_many_mebibytes_is_read_in_two_passes() {
    let mut bench = Bench::new().await;
    bench.sites = Sandbox::start(Options { boards: 9_400, offers: 0, ..Options::default() }).await.unwrap();
    let size: usize =
        bench.sites.world(|world| world.truth(Site::Remotive)).iter().map(|truth| truth.record.to_string().len()).sum();
    assert!(size > 8 << 20, "{size} bytes are too few");
    let (summary, events) = bench.run("remotive").await;
    assert_eq!((summary.outcome, summary.counts.new), (Outcome::Complete, 9_400), "{:?}", summary.cause);
    let parts = events.iter().filter(|event| matches!(event.kind, EventKind::PageCommitted { .. })).count();
    assert_eq!(parts, 19);
    let (again, _) = bench.run("remotive").await;
    assert_eq!(again.counts.unchanged, 9_400);
    let (engine, _heard) = bench.engine();
    bench.text("sources/remotive.yaml", |text| text.replace("title: $.title", "title: $.title | upper"));
    let replayed = replay(Arc::new(bench.plan("remotive")), engine, Again::Everything).await.unwrap();
    assert_eq!(replayed.counts.indexed, 9_400, "{:?}", replayed.counts);
}
