//! The conformance suite of stores: searches as pairs of text, the same for each. A store joins by a bench of its own.
#[path = "../../tests/elasticsearch/node.rs"]
mod node;
#[path = "../../tests/elasticsearch/hand.rs"]
mod hand;
mod outside;
mod words;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::elastic::{Asker, Elastic, Hold, Taken};
use super::local::Local;
use super::{Store, StoreError, Written};
use crate::bounds::OFFER;
use crate::definition::{self, Text};
use crate::offer::{Batch, Closed, Item, Lifecycle, OfferId, Version};
use crate::plan::Server;
use crate::schema::Schema;
use crate::search::{Facet, Filter, Search, Sort};
use crate::state::State;
use node::Node;

const OFFERS: [&str; 6] = [
    r#"{"source":"a","title":"Développeur Rust (H/F)","description":"Chez l'éditeur","contract":{"type":"permanent"},"salary":{"yearly_min":42000.0},"published_at":"2026-11-01T00:00:00Z","location":{"point":{"lat":48.8566,"lon":2.3522}}}"#,
    r#"{"source":"a","title":"Graphiste web","description":"Sécurité des réseaux","contract":{"type":"fixed_term"},"published_at":"2026-10-01T12:00:00Z","location":{"point":{"lat":48.80,"lon":2.13}}}"#,
    r#"{"source":"b","title":"Ingénieur data","description":"Développement de pipelines","skills":["SQL","Rust"],"salary":{"yearly_min":55000.0},"published_at":"2026-10-31T23:59:59Z","location":{"point":{"lat":45.76,"lon":4.84}}}"#,
    r#"{"source":"b","title":"Maçon","description":"Vous aimez l'ingénierie","contract":{"type":"permanent"},"salary":{"yearly_min":24000.0}}"#,
    r#"{"source":"b","title":"Pêcheur","location":{"point":{"lat":-17.5,"lon":179.9}},"published_at":"2025-12-31T00:00:00Z"}"#,
    r#"{"source":"a","title":"Comptable","description":"fermée","closed_at":"2026-11-02T00:00:00Z","closed_reason":"gone"}"#,
];

fn id(row: i64) -> OfferId {
    OfferId([row as u8; 16])
}

fn schema() -> Arc<Schema> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/offer.yaml");
    let text = Text { path: "mappings/offer.yaml".into(), text: fs::read_to_string(path).unwrap() };
    definition::read(&[text]).0.schema
}

/// What a store is asked, and what it must answer.
async fn conforms(store: &impl Store, schema: &Schema) {
    let search = |text: &str, filters: &[&str]| Search {
        text: Some(text.to_owned()),
        filters: filters.iter().map(|filter| Filter::parse(filter, schema).unwrap()).collect(),
        limit: 10,
        ..Search::default()
    };
    for (text, filters, expect) in SEARCHES {
        assert_eq!(titles(store, &search(text, filters)).await, *expect, "{text} {filters:?}");
    }
    for (facet, expect) in FACETS {
        let facets = vec![Facet::parse(facet, schema).unwrap()];
        let found = store.search(&Search { facets, ..search("", &[]) }).await.unwrap();
        let counted: Vec<String> = found.facets[0].1.iter().map(|(value, count)| format!("{value} {count}")).collect();
        assert_eq!(counted.join(", "), *expect, "{facet}");
    }
    for (sort, expect) in SORTS {
        let (mut after, mut pages) = (None, Vec::new());
        loop {
            let sort = Some(Sort::parse(sort, schema).unwrap());
            let found = store.search(&Search { sort, after, limit: 2, ..search("", &[]) }).await.unwrap();
            pages.push(found.hits.iter().map(|hit| title(hit.get())).collect::<Vec<_>>().join(", "));
            after = found.after;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(pages.join(" | "), *expect, "{sort}");
    }
    let all = store.search(&Search { closed: true, ..search("", &[]) }).await.unwrap();
    assert_eq!(all.total, OFFERS.len());
    assert_eq!(title(store.get(id(4)).await.unwrap().unwrap().get()), "Maçon");
    assert!(store.get(id(99)).await.unwrap().is_none());
    let listed = store.list(Some("b"), Some(id(3)), 10).await.unwrap();
    assert_eq!(listed.iter().map(|(_, text)| title(text.get())).collect::<Vec<_>>(), ["Maçon", "Pêcheur"]);
    assert_eq!(store.list(None, None, 4).await.unwrap().len(), 4);
}

const SEARCHES: &[(&str, &[&str], &str)] = &[
    ("developpeurs", &[], "Développeur Rust (H/F)"),
    ("developpements", &[], "Ingénieur data"),
    ("securite reseau", &[], "Graphiste web"),
    ("ingénieur", &[], "Ingénieur data"),
    ("développeur -web: (", &[], "Développeur Rust (H/F)"),
    ("", &["contract.type=permanent"], "Développeur Rust (H/F), Maçon"),
    ("", &["contract.type=permanent,fixed_term", "published_at>=2026-10-15"], "Développeur Rust (H/F)"),
    ("", &["salary.yearly_min>=50000"], "Ingénieur data"),
    ("", &["salary.yearly_min<42000"], "Maçon"),
    ("", &["skills=Rust"], "Ingénieur data"),
    ("", &["salary.yearly_min=none"], "Graphiste web, Pêcheur"),
    ("", &["closed_at=any"], "Comptable"),
    ("", &["location.point=48.85,2.35,10km"], "Développeur Rust (H/F)"),
    ("", &["location.point=48.85,2.35,20km"], "Développeur Rust (H/F), Graphiste web"),
    ("", &["location.point=48.8566,2.3522,900m"], "Développeur Rust (H/F)"),
    ("", &["location.point=49,2,45,5"], "Développeur Rust (H/F), Graphiste web, Ingénieur data"),
    ("", &["location.point=-10,170,-20,-170"], "Pêcheur"),
    ("", &["location.point=none"], "Maçon"),
];

const FACETS: &[(&str, &str)] = &[
    ("contract.type", "permanent 2, fixed_term 1"),
    ("contract.type:1", "permanent 2"),
    ("published_at:month", "2025-12 1, 2026-10 2, 2026-11 1"),
    ("published_at:year", "2025 1, 2026 3"),
    ("published_at:day", "2025-12-31 1, 2026-10-01 1, 2026-10-31 1, 2026-11-01 1"),
    ("published_at:week", "2025-12-29 1, 2026-09-28 1, 2026-10-26 2"),
    ("salary.yearly_min:20000", "20000 1, 40000 2"),
    ("location.point:5", "5/16/11 3, 5/31/17 1"),
];

const SORTS: &[(&str, &str)] = &[
    ("-salary.yearly_min", "Ingénieur data, Développeur Rust (H/F) | Maçon, Graphiste web | Pêcheur"),
    ("salary.yearly_min", "Maçon, Développeur Rust (H/F) | Ingénieur data, Graphiste web | Pêcheur"),
    ("-published_at", "Développeur Rust (H/F), Ingénieur data | Graphiste web, Pêcheur | Maçon"),
];

fn title(text: &str) -> String {
    serde_json::from_str::<Value>(text).unwrap()["title"].as_str().unwrap().to_owned()
}

async fn titles(store: &impl Store, search: &Search) -> String {
    let found = store.search(search).await.unwrap();
    let mut titles: Vec<String> = found.hits.iter().map(|hit| title(hit.get())).collect();
    titles.sort();
    assert_eq!(titles.len(), found.total);
    titles.join(", ")
}

fn write(dir: &Path, row: i64, change: i64, doc: &str) {
    let truth = Connection::open(dir.join("state.db")).unwrap();
    let source = serde_json::from_str::<Value>(doc).unwrap()["source"].as_str().unwrap_or("a").to_owned();
    truth
        .execute(
            "INSERT OR IGNORE INTO known(n, source, id, key, version, first_seen) VALUES(?1, ?2, ?3, ?1, 1, 0)",
            params![row, source, id(row).0],
        )
        .unwrap();
    let sql = "INSERT INTO offers VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(n) DO UPDATE SET change = ?2, doc = ?5";
    truth.execute(sql, params![row, change, id(row).0, source, doc]).unwrap();
}

fn filled() -> (tempfile::TempDir, Arc<Schema>) {
    let dir = tempfile::tempdir().unwrap();
    drop(State::open(dir.path()).unwrap());
    OFFERS.iter().enumerate().for_each(|(row, doc)| write(dir.path(), row as i64 + 1, row as i64 + 1, doc));
    (dir, schema())
}

#[tokio::test]
async fn the_embedded_store_conforms() {
    let (dir, schema) = filled();
    let store = Local::open(dir.path(), &schema).unwrap().unwrap();
    conforms(&store, &schema).await;
}

#[tokio::test]
async fn large_offers_are_listed_a_few_at_a_time_until_all_are() {
    let (dir, schema) = filled();
    for row in 7..=12 {
        let text = json!({"source": "large", "title": row.to_string(), "description": "d".repeat(OFFER)});
        write(dir.path(), row, row, &text.to_string());
    }
    let store = Local::open(dir.path(), &schema).unwrap().unwrap();
    let (mut after, mut times) = (None, Vec::new());
    loop {
        let listed = store.list(Some("large"), after, 100).await.unwrap();
        let Some((last, _)) = listed.last() else { break };
        after = Some(*last);
        times.push(listed.len());
    }
    assert_eq!(times, [2, 2, 2]);
}

fn server(node: &Node) -> Server {
    Server { urls: vec![node.url.clone()], name: format!("test-{:x}", fastrand::u64(..)), ..Server::default() }
}

/// The offers as a batch, each with the lifecycle that its text has.
fn written(version: Version, offers: &[(i64, String)]) -> Batch {
    let mut items = Vec::new();
    for (row, offer) in offers {
        let mut offer: Value = serde_json::from_str(offer).unwrap();
        let members = offer.as_object_mut().unwrap();
        let closed = members.remove("closed_at").map(|_| (chrono::Utc::now(), Closed::Gone));
        members.remove("closed_reason");
        members.insert("id".into(), id(*row).to_string().into());
        let text = offer.to_string().into();
        let at = chrono::DateTime::UNIX_EPOCH;
        let lifecycle = Lifecycle { first_seen_at: at, changed_at: at, closed, page: version, mapping: "m".into() };
        items.push(Item { row: *row as u64, id: id(*row), content: 1, lifecycle, text });
    }
    Batch { version, items }
}

async fn write_all(store: &Elastic, version: Version, offers: &[(i64, String)]) -> Written {
    let written = store.write(&written(version, offers)).await.unwrap();
    store.refresh().await.unwrap();
    written
}

#[tokio::test]
async fn elasticsearch_conforms() {
    outside_conforms(&Node::start(), "8.").await;
}

#[tokio::test]
async fn elasticsearch_9_conforms() {
    if let Some(node) = Node::start_version("9.2.0") {
        outside_conforms(&node, "9.").await;
    }
}

async fn outside_conforms(node: &Node, version: &str) {
    let schema = schema();
    let server = server(node);
    let store = Elastic::to_write(&server, schema.clone()).await.unwrap();
    // A server that somebody names may be of either version.
    let named = std::env::var("JOBMARKET_TEST_ELASTICSEARCH").is_ok();
    assert!(named || store.version.starts_with(version), "{}", store.version);
    let offers: Vec<(i64, String)> = (1..).zip(OFFERS.map(str::to_owned)).collect();
    let first = Version::new(7, 1);
    assert_eq!(write_all(&store, first, &offers).await, Written::default());
    conforms(&store, &schema).await;

    // An equal version is written again, a lower one of the same claim is superseded, a higher fence is another owner.
    assert_eq!(write_all(&store, first, &offers[..2]).await, Written::default());
    let changed = [(4, offers[3].1.replace("Maçon", "Maçonne"))];
    assert_eq!(write_all(&store, Version::new(8, 1), &changed).await, Written::default());
    let late = write_all(&store, first, &offers[3..4]).await;
    assert_eq!(late, Written { superseded: vec![0], refused: vec![], fenced: true });
    assert_eq!(write_all(&store, Version::new(7, 2), &offers[..1]).await, Written::default());
    let older = write_all(&store, first, &offers[..1]).await;
    assert_eq!(older, Written { superseded: vec![0], refused: vec![], fenced: false });
    assert_eq!(title(store.get(id(4)).await.unwrap().unwrap().get()), "Maçonne");

    // A poison document is refused alone, with its field.
    let poison = offers[1].1.replace("\"2026-10-01T12:00:00Z\"", "\"someday\"");
    let batch = [offers[0].clone(), (2, poison), offers[2].clone()];
    let partly = write_all(&store, Version::new(9, 1), &batch).await;
    let refused: Vec<(usize, &str, Option<&str>)> =
        partly.refused.iter().map(|(at, reject)| (*at, reject.reason.as_str(), reject.field.as_deref())).collect();
    assert_eq!(refused, [(1, "store_mapping", Some("published_at"))]);

    // What is there already is found.
    let again = Elastic::to_write(&server, schema.clone()).await.unwrap();
    assert_eq!((again.is_copying(), again.search(&Search::default()).await.unwrap().total), (false, 5));
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_told_apart() {
    let open = async |url: String, more: Server| {
        let server = Server { urls: vec![url], name: "x".into(), ..more };
        Elastic::open(&server, schema()).await.unwrap_err().to_string()
    };
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = open(format!("http://{closed}"), Server::default()).await;
    assert!(nobody.contains("cannot be reached") && nobody.contains("is it running"), "{nobody}");
    let basic = Server { basic: Some(("user".into(), "secret".to_owned().into())), ..Server::default() };
    let plain = open("http://elasticsearch.example:9200".into(), basic).await;
    assert!(plain.contains("unencrypted") && !plain.contains("secret"), "{plain}");
    assert!(open("nothing".into(), Server::default()).await.contains("is no address"));
    let ca = Server { ca: Some("/nowhere/ca.pem".into()), ..Server::default() };
    assert!(open("https://127.0.0.1:1".into(), ca).await.contains("/nowhere/ca.pem"));
    let (listener, answer) =
        (std::net::TcpListener::bind("127.0.0.1:0").unwrap(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 4_096];
        let _ = std::io::Read::read(&mut stream, &mut buffer);
        let _ = std::io::Write::write_all(&mut stream, answer.as_bytes());
    });
    let other = open(format!("http://{address}"), Server::default()).await;
    assert!(other.contains("is not Elasticsearch"), "{other}");
}

#[tokio::test]
async fn the_index_follows_the_truth_and_is_built_anew_when_it_is_lost() {
    let (dir, schema) = filled();
    let all = Search { limit: 10, closed: true, ..Search::default() };
    let expect = "Comptable, Développeur Rust (H/F), Graphiste web, Ingénieur data, Maçonne, Pêcheur";
    drop(Local::open(dir.path(), &schema).unwrap().unwrap());
    write(dir.path(), 4, 7, r#"{"source":"b","title":"Maçonne"}"#);
    let follower = super::local::Follower::start(dir.path(), &schema);
    assert_eq!(follower.finish().unwrap(), 1);
    let store = Local::open(dir.path(), &schema).unwrap().unwrap();
    assert_eq!((titles(&store, &all).await, store.behind().unwrap()), (expect.to_owned(), Some(0)));
    drop(store);
    let folder = fs::read_dir(dir.path().join("index")).unwrap().next().unwrap().unwrap().path();
    fs::write(folder.join("meta.json"), "broken").unwrap();
    let store = Local::open(dir.path(), &schema).unwrap().unwrap();
    assert_eq!((titles(&store, &all).await, store.differences().unwrap()), (expect.to_owned(), Vec::new()));
    // Behind the truth's back: what `verify` is for.
    Connection::open(dir.path().join("state.db")).unwrap().execute("UPDATE offers SET n = 9 WHERE n = 1", []).unwrap();
    assert_eq!(store.differences().unwrap().len(), 2);
}

#[test]
fn what_cannot_be_searched_is_said() {
    let schema = schema();
    let filter = |text: &str| Filter::parse(text, &schema).unwrap_err().to_string();
    let facet = |text: &str| Facet::parse(text, &schema).unwrap_err().to_string();
    let check = |said: String, expect: &str| assert!(said.contains(expect), "{said}");
    check(filter("contract.typ=x"), "did you mean `contract.type`");
    check(filter("contract.type"), "is no condition");
    check(filter("location.point>=4"), "is a point");
    check(filter("location.point=48,2,far"), "is no place");
    check(filter("location.point=91,2,3km"), "is no place");
    check(filter("title=x"), "searched by words");
    check(facet("published_at:decade"), "published_at:day");
    check(facet("salary.yearly_min:-1"), "percentiles");
    check(facet("description"), "is text");
    check(Sort::parse("location.point", &schema).unwrap_err().to_string(), "cannot be sorted");
}
