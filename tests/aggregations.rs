//! What both stores count over a run is what a direct count over the site's own records gives.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "elasticsearch/node.rs"]
mod node;
mod shipped;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use jobmarket::definition::Text;
use jobmarket::event::Outcome;
use jobmarket::files;
use jobmarket::plan::Plan;
use jobmarket::run::{Asked, Engine, run};
use jobmarket::schema::Schema;
use jobmarket::search::{Facet, Filter, Search};
use jobmarket::store::Store;
use jobmarket::store::elastic::Elastic;
use jobmarket::store::local::Local;
use node::Node;
use sandbox::{Options, Sandbox, Site};
use serde_json::{Value, json};

/// More than the site serves for one window.
const OFFERS: usize = 4_000;

/// Records of ten months: those that the sandbox makes, some with pay of their own and each a little beside its town.
async fn records(now: DateTime<Utc>) -> Vec<Value> {
    let options = Options { offers: OFFERS, boards: 0, span: TimeDelta::days(300), now, ..Options::default() };
    let truths = Sandbox::start(options).await.unwrap().world(|world| world.truth(Site::FranceTravail));
    let mut random = fastrand::Rng::with_seed(7);
    let mut records: Vec<Value> = truths.into_iter().map(|truth| truth.record).collect();
    for record in &mut records {
        for member in ["latitude", "longitude"] {
            if let Some(degrees) = record["lieuTravail"][member].as_f64() {
                record["lieuTravail"][member] = json!(degrees + random.f64() - 0.5);
            }
        }
        if random.u32(0..3) > 0 {
            let pay = random.u32(1_900_000..9_500_000);
            record["salaire"] =
                json!({"libelle": format!("Annuel de {}.{:02} Euros sur 12.0 mois", pay / 100, pay % 100)});
        }
    }
    records
}

/// What a year's work is paid by the words of the site, worked out by hand: 1,820 hours, twelve months.
fn pay(record: &Value) -> Option<f64> {
    let text = record["salaire"]["libelle"].as_str()?;
    let written: [(&str, Option<f64>); 11] = [
        ("Mensuel de 2000.0 Euros à 2500.0", Some(24_000.0)),
        ("Horaire de 11.88", Some(21_621.6)),
        ("Horaire de 12.5 Euros à 14.0", Some(22_750.0)),
        ("Mensuel de 1850.00", Some(22_200.0)),
        ("Mensuel de 2300.0", Some(27_600.0)),
        ("Horaire de 13.2", Some(24_024.0)),
        ("Horaire de 12,13", Some(22_076.6)),
        ("Mensuel de 2060,00", Some(24_720.0)),
        ("Autre de", None),
        ("Annuel de 12,00 Euros", None),
        ("Annuel de ", None),
    ];
    match written.iter().find(|(begin, _)| text.starts_with(begin)) {
        Some(("Annuel de ", _)) => text.split(' ').nth(2).and_then(|amount| amount.replace(',', ".").parse().ok()),
        Some((_, pay)) => *pay,
        None if text == "Annuel de" => None,
        None => panic!("{text}"),
    }
}

fn point(record: &Value) -> Option<(f64, f64)> {
    record["lieuTravail"]["latitude"].as_f64().zip(record["lieuTravail"]["longitude"].as_f64())
}

/// The tile of a point, `zoom/x/y`: Web Mercator as the OpenStreetMap wiki writes it.
fn tile((lat, lon): (f64, f64), zoom: i32) -> String {
    let tiles = 2_f64.powi(zoom);
    let lat = lat.to_radians();
    let y = (1.0 - (lat.tan() + 1.0 / lat.cos()).ln() / std::f64::consts::PI) / 2.0 * tiles;
    format!("{zoom}/{}/{}", ((lon + 180.0) / 360.0 * tiles) as u32, y as u32)
}

/// Kilometres between two points, by the law of cosines.
fn kilometres(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (la, lb, turn) = (a.0.to_radians(), b.0.to_radians(), (b.1 - a.1).to_radians());
    (la.sin() * lb.sin() + la.cos() * lb.cos() * turn.cos()).acos() * 6_371.0
}

struct Bench {
    sites: Sandbox,
    records: Vec<Value>,
    texts: Vec<Text>,
    now: DateTime<Utc>,
}

impl Bench {
    async fn new() -> Self {
        let now = Utc::now();
        let records = records(now).await;
        let options = Options { records: records.clone(), boards: 0, rate: 1_000_000, now, ..Options::default() };
        let texts = files::project(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        Bench { sites: Sandbox::start(options).await.unwrap(), records, texts, now }
    }

    fn plan(&self, store: &str) -> Arc<Plan> {
        let mut texts = self.texts.clone();
        let pipelines = texts.iter_mut().find(|text| text.path == "pipelines.yaml").unwrap();
        pipelines.text =
            format!("store: {store}\npipelines:\n  - {{name: p, sources: [francetravail], sinks: [store]}}\n");
        Arc::new(shipped::plan(&texts, &self.sites, "francetravail"))
    }

    /// A run from nothing into a store.
    async fn run(&self, plan: &Arc<Plan>, data: &Path) {
        let (events, _heard) = tokio::sync::mpsc::unbounded_channel();
        let engine = Engine::start(data, data.join("raw"), Path::new("."), events).unwrap();
        let summary = run(plan.clone(), Arc::new(engine), self.now, Asked::Due).await.unwrap();
        assert_eq!((summary.outcome, summary.counts.new), (Outcome::Complete, OFFERS as u64), "{summary:?}");
    }

    /// How many records have each value.
    fn counted(&self, value: impl Fn(&Value) -> Option<String>) -> BTreeMap<String, u64> {
        let mut counted = BTreeMap::new();
        self.records.iter().filter_map(value).for_each(|value| *counted.entry(value).or_default() += 1);
        counted
    }

    fn having(&self, holds: impl Fn(&Value) -> bool) -> usize {
        self.records.iter().filter(|record| holds(record)).count()
    }

    /// The value below which a share of the yearly pay lies: linear between the nearest two.
    fn percentile(&self, percent: f64) -> f64 {
        let mut pays: Vec<f64> = self.records.iter().filter_map(pay).collect();
        pays.sort_by(f64::total_cmp);
        let at = percent / 100.0 * (pays.len() - 1) as f64;
        let (below, above) = (pays[at.floor() as usize], pays[at.ceil() as usize]);
        below + (above - below) * at.fract()
    }

    /// Asks a store, and counts the records.
    async fn compare(&self, name: &str, store: &impl Store, schema: &Schema) {
        let contract = |record: &Value| {
            let word = match record["typeContrat"].as_str()? {
                "CDI" => "permanent",
                "CDD" => "fixed_term",
                "MIS" => "temporary",
                "SAI" => "seasonal",
                other => panic!("{other}"),
            };
            Some(word.to_owned())
        };
        let department =
            |record: &Value| Some(record["lieuTravail"]["libelle"].as_str()?.split(" - ").next()?.to_owned());
        let month = |record: &Value| Some(record["dateCreation"].as_str()?[..7].to_owned());
        let thousands = |record: &Value| Some(((pay(record)? / 5_000.0).floor() * 5_000.0).to_string());
        let expected = [
            ("contract.type:200", self.counted(contract), 4),
            ("location.department:200", self.counted(department), 14),
            ("published_at:month", self.counted(month), 10),
            ("salary.yearly_min:5000", self.counted(thousands), 16),
            ("location.point:6", self.counted(|record| Some(tile(point(record)?, 6))), 8),
            ("location.point:10", self.counted(|record| Some(tile(point(record)?, 10))), 80),
        ];
        for (facet, direct, least) in expected {
            assert!(direct.len() >= least, "{facet}: {} values show little", direct.len());
            let facets = vec![Facet::parse(facet, schema).unwrap()];
            let found = store.search(&Search { facets, ..Search::default() }).await.unwrap();
            assert_eq!(found.total, OFFERS, "{name}");
            let counted = found.facets[0].1.iter().map(|(value, count)| (value.clone(), count.as_u64().unwrap()));
            assert_eq!(counted.collect::<BTreeMap<_, _>>(), direct, "{name}: {facet}");
        }
        let facets = vec![Facet::parse("salary.yearly_min:percentiles", schema).unwrap()];
        let found = store.search(&Search { facets, ..Search::default() }).await.unwrap();
        assert_eq!(found.facets[0].1.len(), 5);
        for (percent, value) in &found.facets[0].1 {
            let (value, direct) = (value.as_f64().unwrap(), self.percentile(percent.parse().unwrap()));
            assert!((value / direct - 1.0).abs() < 0.01, "{name}: {percent} % lie below {value}, directly {direct}");
        }
        self.compare_searches(name, store, schema).await;
    }

    async fn compare_searches(&self, name: &str, store: &impl Store, schema: &Schema) {
        let text = |record: &Value, words: &str| record["description"].as_str().unwrap().contains(words);
        let title = |record: &Value, words: &str| record["intitule"].as_str().unwrap().contains(words);
        let words = [
            ("kubernetes", self.having(|record| text(record, "Kubernetes"))),
            ("boulangerie", self.having(|record| title(record, "boulangerie"))),
            ("INFIRMIÈRES", self.having(|record| title(record, "Infirmière"))),
            ("infirmieres", self.having(|record| title(record, "Infirmière"))),
            ("rust -python", self.having(|record| text(record, "Rust") && !text(record, "Python"))),
            (
                "\"expérience sur un poste\" comptable",
                self.having(|record| text(record, "expérience sur un poste") && title(record, "Comptable")),
            ),
            ("astrophysique", 0),
        ];
        for (words, direct) in words {
            let found = store.search(&Search { text: Some(words.into()), ..Search::default() }).await.unwrap();
            assert_eq!(found.total, direct, "{name}: {words}");
        }
        let lyon = (45.75, 4.85);
        for radius in [10.0, 40.0, 300.0] {
            let filter = Filter::parse(&format!("location.point={},{},{radius}km", lyon.0, lyon.1), schema).unwrap();
            let found = store.search(&Search { filters: vec![filter], ..Search::default() }).await.unwrap();
            let direct = self.having(|record| point(record).is_some_and(|at| kilometres(lyon, at) <= radius));
            assert!(direct > 0);
            assert_eq!(found.total, direct, "{name}: within {radius} km");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_stores_count_what_the_site_s_records_say() {
    let (bench, node) = (Bench::new().await, Node::start());
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let plan = bench.plan("local");
    bench.run(&plan, here.path()).await;
    let local = Local::open(here.path(), &plan.schema).unwrap().unwrap();
    bench.compare("the embedded store", &local, &plan.schema).await;

    let plan = bench.plan(&format!("{{elasticsearch: {{url: \"{}\"}}}}", node.url));
    bench.run(&plan, there.path()).await;
    let elastic = Elastic::open(plan.server.as_ref().unwrap(), plan.schema.clone()).await.unwrap();
    elastic.refresh().await.unwrap();
    bench.compare("Elasticsearch", &elastic, &plan.schema).await;
}
