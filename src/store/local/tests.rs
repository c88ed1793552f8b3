//! Searches as pairs of text, and an index that always equals the truth.
use super::*;
use crate::definition::{self, Text};
use crate::search::Filter;
use crate::state::State;

fn schema() -> std::sync::Arc<Schema> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/offer.yaml");
    let text = Text { path: "mappings/offer.yaml".into(), text: fs::read_to_string(path).unwrap() };
    definition::read(&[text]).0.schema
}

const OFFERS: [&str; 5] = [
    r#"{"title":"Développeur Rust (H/F)","description":"Chez l'éditeur","contract":{"type":"permanent"},"salary":{"yearly_min":42000.0},"published_at":"2026-11-01T00:00:00Z"}"#,
    r#"{"title":"Développeuse web","description":"Sécurité des réseaux","contract":{"type":"fixed_term"},"published_at":"2026-10-01T00:00:00Z"}"#,
    r#"{"title":"Ingénieur data","description":"Développement de pipelines","skills":["SQL","Rust"],"salary":{"yearly_min":55000.0}}"#,
    r#"{"title":"Maçon","description":"Vous aimez l'ingénierie","contract":{"type":"permanent"}}"#,
    r#"{"title":"Comptable","description":"fermée","closed_at":"2026-11-02T00:00:00Z","closed_reason":"gone"}"#,
];

fn write(dir: &Path, row: i64, change: i64, doc: &str) {
    let truth = Connection::open(dir.join("state.db")).unwrap();
    let sql =
        "INSERT INTO offers VALUES(?1, ?2, zeroblob(16), 'x', ?3) ON CONFLICT(n) DO UPDATE SET change = ?2, doc = ?3";
    truth.execute(sql, params![row, change, doc]).unwrap();
}

fn filled() -> (tempfile::TempDir, std::sync::Arc<Schema>) {
    let dir = tempfile::tempdir().unwrap();
    drop(State::open(dir.path()).unwrap());
    OFFERS.iter().enumerate().for_each(|(row, doc)| write(dir.path(), row as i64 + 1, row as i64 + 1, doc));
    (dir, schema())
}

fn titles(store: &Local, search: &Search) -> String {
    let found = store.search(search).unwrap();
    let mut titles: Vec<String> = found
        .hits
        .iter()
        .map(|hit| serde_json::from_str::<serde_json::Value>(hit.get()).unwrap()["title"].as_str().unwrap().to_owned())
        .collect();
    titles.sort();
    assert_eq!(titles.len(), found.total);
    titles.join(", ")
}

#[test]
fn searches_find_what_they_should() {
    let (dir, schema) = filled();
    let mut store = Local::open(dir.path(), &schema).unwrap().unwrap();
    assert_eq!((store.behind().unwrap(), store.catch_up().unwrap(), store.behind().unwrap()), (5, 5, 0));
    let check = |text: &str, filters: &[&str], expect: &str| {
        let filters = filters.iter().map(|filter| Filter::parse(filter, &schema).unwrap()).collect();
        let search = Search { text: Some(text.to_owned()), filters, limit: 10, ..Search::default() };
        assert_eq!(titles(&store, &search), expect, "{text} {:?}", search.filters);
    };
    check("developpeurs", &[], "Développeur Rust (H/F)");
    check("developpement", &[], "Développeuse web, Ingénieur data");
    check("securite reseau", &[], "Développeuse web");
    check("ingénieur", &[], "Ingénieur data");
    check("développeur -web: (", &[], "Développeur Rust (H/F)");
    check("", &["contract.type=permanent"], "Développeur Rust (H/F), Maçon");
    check("", &["contract.type=permanent,fixed_term", "published_at>=2026-10-15"], "Développeur Rust (H/F)");
    check("", &["salary.yearly_min>=50000"], "Ingénieur data");
    check("", &["skills=Rust"], "Ingénieur data");
    check("", &["salary.yearly_min=none"], "Développeuse web, Maçon");
    check("", &["closed_at=any"], "Comptable");
    let facets = Search { facets: vec!["contract.type".into()], limit: 0, ..Search::default() };
    let found = store.search(&facets).unwrap();
    assert_eq!(found.facets[0].1, [("permanent".to_owned(), 2), ("fixed_term".to_owned(), 1)]);
    assert!(Filter::parse("contract.typ=x", &schema).unwrap_err().to_string().contains("contract.type"));
}

#[test]
fn the_index_follows_the_truth_and_is_built_anew_when_it_is_lost() {
    let (dir, schema) = filled();
    let all = Search { limit: 10, closed: true, ..Search::default() };
    Local::open(dir.path(), &schema).unwrap().unwrap().catch_up().unwrap();
    write(dir.path(), 4, 6, r#"{"title":"Maçonne"}"#);
    let mut store = Local::open(dir.path(), &schema).unwrap().unwrap();
    assert_eq!(store.catch_up().unwrap(), 1);
    let expect = "Comptable, Développeur Rust (H/F), Développeuse web, Ingénieur data, Maçonne";
    assert_eq!(titles(&store, &all), expect);
    drop(store);
    let folder = folder(dir.path(), &schema);
    fs::write(folder.join("meta.json"), "broken").unwrap();
    let mut store = Local::open(dir.path(), &schema).unwrap().unwrap();
    assert_eq!((store.catch_up().unwrap(), titles(&store, &all)), (5, expect.to_owned()));
}
