//! Data directories of programs that made fingerprints another way: a source goes on where it stood.
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use jobmarket::event::{Event, EventKind, Outcome, RunKind};
use jobmarket::plan::Plan;
use jobmarket::run::{Again, Asked, Summary, replay, run};
use rusqlite::{Connection, params};
use sandbox::{Options, Sandbox, Site};

use crate::{project, shipped};

/// What the last program that printed types wrote into its state: source, variable, origins on this machine, both values.
const PRINTED: [(&str, &str, &[&str], [&str; 2]); 6] = [
    ("x", "", &["https://a.example"], ["6799d0c03d4de127", "ed6a2e6df7edbac7"]),
    ("x", "https://b.example", &["https://a.example"], ["25015b5ad75f3156", "ed6a2e6df7edbac7"]),
    ("remotive", "", &["https://remotive.com"], ["6605236ceb595083", "93e92e2b9dfcceeb"]),
    ("arbeitnow", "", &["https://www.arbeitnow.com"], ["fcb50914f917f78c", "3df087cad036048d"]),
    ("smartrecruiters", "", &["https://api.smartrecruiters.com"], ["79cd33fe33ab328e", "34c2cbfffe9f3bda"]),
    (
        "francetravail",
        "",
        &["https://api.francetravail.io", "https://entreprise.francetravail.fr"],
        ["31647ab9ec254903", "dfc396668e58bddb"],
    ),
];

/// The values are of the files as they were: where a shipped source is changed, its line goes.
#[test]
fn what_earlier_programs_wrote_down_is_known() {
    for (source, home, origins, [request, mapping]) in PRINTED {
        let texts = if source == "x" { project::whole() } else { project::shipped() };
        for port in [9, 10] {
            let here = format!("http://127.0.0.1:{port}");
            let origins: Vec<(&str, &str)> = origins.iter().map(|origin| (*origin, here.as_str())).collect();
            let plan = project::of(&texts, source, &origins, &[("HOME_PAGE", home)]);
            let legacy = (plan.legacy.request.as_str(), plan.legacy.mapping.as_str());
            assert_eq!(legacy, (request, mapping), "{source} {home}");
            assert_eq!(plan.request_written(request.to_owned()), plan.fingerprints.request, "as a claim has it");
            assert_eq!(plan.request_written("another".to_owned()), "another");
        }
    }
}

struct Bench {
    sites: Sandbox,
    dir: tempfile::TempDir,
    texts: Vec<jobmarket::definition::Text>,
    now: DateTime<Utc>,
}

impl Bench {
    async fn new(source: &str, changes: &[(&str, &str)]) -> Self {
        let options = Options { boards: 40, offers: 400, rate: 100_000, ..Options::default() };
        let now = options.now;
        let mut texts = shipped::texts(&format!("pipelines:\n  - {{name: p, sources: [{source}], sinks: [store]}}\n"));
        let text = texts.iter_mut().find(|text| text.path == format!("sources/{source}.yaml")).unwrap();
        for (from, to) in changes {
            assert!(text.text.contains(from), "{from}");
            text.text = text.text.replace(from, to);
        }
        Bench { sites: Sandbox::start(options).await.unwrap(), dir: tempfile::tempdir().unwrap(), texts, now }
    }

    fn plan(&self, source: &str) -> Arc<Plan> {
        Arc::new(shipped::plan(&self.texts, &self.sites, source))
    }

    /// A run that is interrupted when so many slices have ended.
    async fn run(&self, source: &str, slices: usize) -> (Summary, Vec<Event>) {
        let (engine, mut heard) = shipped::engine(self.dir.path());
        let stop = engine.stop.clone();
        let listening = tokio::spawn(async move {
            let (mut events, mut ended) = (Vec::new(), 0);
            while let Some(event) = heard.recv().await {
                ended += usize::from(matches!(event.kind, EventKind::SliceEnded { .. }));
                events.push(event);
                if ended == slices {
                    stop.store(true, Ordering::Relaxed);
                }
            }
            events
        });
        let summary = run(self.plan(source), engine, self.now, Asked::Due).await.unwrap();
        (summary, listening.await.unwrap())
    }

    /// Requests since this was asked last.
    fn requests(&self, site: Site) -> u64 {
        self.sites.world(|world| world.requests.insert(site, 0)).unwrap_or_default()
    }

    /// Writes down what the program before would have written: how many rows that are.
    fn grow_old(&self, source: &str) -> usize {
        let (plan, connection) = (self.plan(source), open(self.dir.path()));
        let pairs = [
            (&plan.fingerprints.request, &plan.legacy.request, "ask", &["runs", "coverage", "known", "sweeps"][..]),
            (&plan.fingerprints.mapping, &plan.legacy.mapping, "meaning", &["runs", "pages", "known"]),
        ];
        let mut rows = 0;
        for (new, old, column, tables) in pairs {
            for table in tables {
                let sql = format!("UPDATE {table} SET {column} = ?2 WHERE {column} = ?1");
                rows += connection.execute(&sql, params![new, old]).unwrap();
            }
        }
        let sql = "UPDATE OR REPLACE plans SET fingerprint = replace(fingerprint, ?1, ?2)";
        connection.execute(sql, params![plan.fingerprints.mapping, plan.legacy.mapping]).unwrap();
        assert_eq!(self.bearing(&plan.fingerprints.request) + self.bearing(&plan.fingerprints.mapping), 0);
        rows
    }

    /// Rows of the whole state that bear a fingerprint, `plans` left out.
    fn bearing(&self, fingerprint: &str) -> i64 {
        let connection = open(self.dir.path());
        let columns = "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
                       WHERE m.type = 'table' AND m.name <> 'plans'";
        let mut statement = connection.prepare(columns).unwrap();
        let columns: Vec<(String, String)> =
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap();
        let count = |(table, column): &(String, String)| {
            let sql = format!("SELECT count(*) FROM {table} WHERE {column} = ?1");
            connection.query_row(&sql, [fingerprint], |row| row.get::<_, i64>(0)).unwrap()
        };
        columns.iter().map(count).sum()
    }
}

fn open(dir: &Path) -> Connection {
    Connection::open(dir.join("state.db")).unwrap()
}

fn kind(events: &[Event]) -> (RunKind, bool) {
    let began = events.iter().find_map(|event| match event.kind {
        EventKind::RunStarted { kind, resumed, .. } => Some((kind, resumed)),
        _ => None,
    });
    began.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_of_an_earlier_program_is_resumed_and_nothing_is_read_again() {
    let days =
        [("first: 365d", "first: 30d\n  step: 1d"), ("lookback: 2d", "lookback: 6h"), ("parallel: 4", "parallel: 1")];
    let [bench, usual] = [Bench::new("francetravail", &days).await, Bench::new("francetravail", &days).await];
    // What an interruption costs where no fingerprint changes.
    usual.run("francetravail", 6).await;
    usual.requests(Site::FranceTravail);
    usual.run("francetravail", usize::MAX).await;
    let rest = usual.requests(Site::FranceTravail);

    let (first, _) = bench.run("francetravail", 6).await;
    assert_eq!(first.outcome, Outcome::Stopped);
    bench.requests(Site::FranceTravail);
    assert!(bench.grow_old("francetravail") > 10);
    let (second, events) = bench.run("francetravail", usize::MAX).await;
    assert_eq!((second.run, second.outcome, kind(&events)), (first.run, Outcome::Complete, (RunKind::Sweep, true)));
    assert_eq!(bench.requests(Site::FranceTravail), rest);
    let plan = bench.plan("francetravail");
    assert_eq!(bench.bearing(&plan.legacy.request) + bench.bearing(&plan.legacy.mapping), 0);
    // What was written of that run names its files still.
    let texts =
        "SELECT count(*) FROM runs JOIN plans ON plans.fingerprint = runs.meaning || ':sources/francetravail.yaml'";
    let texts: i64 = open(bench.dir.path()).query_row(texts, [], |row| row.get(0)).unwrap();
    assert_eq!(texts, 1);

    // No sweep is due under the same request, what is covered is not read again, and every offer is of this request.
    bench.grow_old("francetravail");
    let (third, events) = bench.run("francetravail", usize::MAX).await;
    assert_eq!((third.outcome, kind(&events)), (Outcome::Complete, (RunKind::Ordinary, false)));
    assert!(bench.requests(Site::FranceTravail) < rest, "what is covered is not read again");
    let older = "SELECT count(*) FROM known WHERE ask <> ?1";
    let older: i64 = open(bench.dir.path()).query_row(older, [&plan.fingerprints.request], |row| row.get(0)).unwrap();
    assert_eq!(older, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn details_of_an_earlier_program_are_not_asked_again_and_its_archive_is_mapped() {
    let bench = Bench::new("smartrecruiters", &[]).await;
    let (first, _) = bench.run("smartrecruiters", usize::MAX).await;
    let all = first.counts.new;
    assert!(first.outcome == Outcome::Complete && all > 10, "{:?}", first.cause);
    bench.requests(Site::SmartRecruiters);
    bench.grow_old("smartrecruiters");
    let (second, _) = bench.run("smartrecruiters", usize::MAX).await;
    assert_eq!((second.counts.unchanged, second.counts.indexed), (all, 0));
    assert!(bench.requests(Site::SmartRecruiters) < 5, "no detail is asked again");
    // A replay that comes first leaves a state of this program too.
    bench.grow_old("smartrecruiters");
    let (engine, _heard) = shipped::engine(bench.dir.path());
    let again = replay(bench.plan("smartrecruiters"), engine, Again::Everything).await.unwrap();
    assert_eq!(again.outcome, Outcome::Complete, "{:?}", again.cause);
    let plan = bench.plan("smartrecruiters");
    assert_eq!(bench.bearing(&plan.legacy.request) + bench.bearing(&plan.legacy.mapping), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_request_stays_one() {
    let mut bench = Bench::new("remotive", &[]).await;
    bench.run("remotive", usize::MAX).await;
    bench.grow_old("remotive");
    let old = bench.plan("remotive").legacy.request.clone();
    let text = &mut bench.texts.iter_mut().find(|text| text.path == "sources/remotive.yaml").unwrap().text;
    *text = text.replacen("key: $.id", "key: $.id | text", 1);
    bench.run("remotive", usize::MAX).await;
    assert!(bench.bearing(&old) > 0);
}
