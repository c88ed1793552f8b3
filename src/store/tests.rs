//! The conformance suite of stores: searches as pairs of text, the same for each. A store joins by a bench of its own.
#[path = "../../tests/elasticsearch/node.rs"]
mod node;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, params};
use serde_json::Value;

use super::elastic::{Asker, Elastic, Taken, Written};
use super::local::Local;
use super::{Store, StoreError};
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

fn server(node: &Node) -> Server {
    Server { urls: vec![node.url.clone()], name: format!("test-{:x}", fastrand::u64(..)), ..Server::default() }
}

/// The offers as a batch, each with the lifecycle that its text has.
fn written(version: Version, offers: &[(i64, String)]) -> (Vec<u8>, Vec<Item>) {
    let (mut text, mut items) = (Vec::new(), Vec::new());
    for (row, offer) in offers {
        let mut offer: Value = serde_json::from_str(offer).unwrap();
        let members = offer.as_object_mut().unwrap();
        let closed = members.remove("closed_at").map(|_| (chrono::Utc::now(), Closed::Gone));
        members.remove("closed_reason");
        members.insert("id".into(), id(*row).to_string().into());
        let start = text.len();
        text.extend_from_slice(offer.to_string().as_bytes());
        let range = start..text.len();
        let at = chrono::DateTime::UNIX_EPOCH;
        let lifecycle = Lifecycle { first_seen_at: at, changed_at: at, closed, page: version, mapping: "m".into() };
        items.push(Item { row: *row as u64, id: id(*row), content: 1, lifecycle, range });
    }
    (text, items)
}

async fn write_all(store: &Elastic, version: Version, offers: &[(i64, String)]) -> Written {
    let (text, items) = written(version, offers);
    let written = store.write(&Batch { version, text: &text, items }).await.unwrap();
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
    assert_eq!((again.older(), again.search(&Search::default()).await.unwrap().total), (None, 5));
}

#[tokio::test]
async fn a_claim_has_one_owner_and_its_fence_rises() {
    let node = Node::start();
    let store = Elastic::to_write(&server(&node), schema()).await.unwrap();
    let taken = |fence, strange, ask: Option<&str>| Taken { fence, strange, ask: ask.map(str::to_owned) };
    let claim = async |source: &str, owner: &str, last: u64, floor: u64| {
        let ask = format!("what {owner} asks");
        store.claim(&Asker { source, ask: &ask, owner, last }, floor).await.unwrap()
    };
    let (of_one, of_two) = (Some("what one asks"), Some("what two asks"));
    // Nobody is known: what is stored may be anything.
    assert_eq!(claim("a", "one", 0, 100).await, taken(100, true, None));
    assert_eq!(claim("a", "one", 100, 90).await, taken(101, false, of_one));
    assert!(store.holds("a", 101).await.unwrap());
    // Another owner, and the first one back again: each must look at what the other wrote.
    assert_eq!(claim("a", "two", 0, 90).await, taken(102, true, of_one));
    assert!(!store.holds("a", 101).await.unwrap());
    assert_eq!(claim("a", "one", 101, 200).await, taken(200, true, of_two));
    // A data directory that was brought back from a copy knows a lower fence than it once had.
    assert_eq!(claim("a", "one", 101, 90).await, taken(201, true, of_one));
    assert_eq!(claim("b", "one", 101, 90).await, taken(90, true, None));
    // At the same time only one gets each fence.
    let all = (0..8).map(|number| {
        let claim = &claim;
        async move { claim("a", &format!("owner {number}"), 0, 1).await.fence }
    });
    let mut fences = join(all.collect()).await;
    fences.sort_unstable();
    assert_eq!(fences, (202..210).collect::<Vec<_>>());
}

/// Waits for all, at the same time.
async fn join<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, done) in futures.iter_mut().filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *done = Some(value);
            }
        }
        let all = futures.iter().all(|(_, done)| done.is_some());
        if all { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    futures.into_iter().map(|(_, done)| done.unwrap()).collect()
}

/// The schema with one field more, one retyped and one that is gone.
fn another() -> Arc<Schema> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/offer.yaml");
    let text = fs::read_to_string(path).unwrap();
    let line = |name: &str| text.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap();
    let text = text
        .replace(line("salary.yearly_min"), "salary.yearly_min: {keyword: {by: engine, facet: true, doc: d}}")
        .replace(line("location.point"), "level: {keyword: {doc: Added}}");
    definition::read(&[Text { path: "mappings/offer.yaml".into(), text }]).0.schema
}

#[tokio::test]
async fn another_schema_takes_the_place_when_every_offer_is_over() {
    let node = Node::start();
    let server = server(&node);
    let old = Elastic::to_write(&server, schema()).await.unwrap();
    let offers: Vec<(i64, String)> = (1..).zip(OFFERS.map(str::to_owned)).collect();
    write_all(&old, Version::new(7, 1), &offers).await;
    let told = old.told("a", None, 10).await.unwrap();

    let new = Elastic::to_write(&server, another()).await.unwrap();
    assert!(new.older().is_some());
    // The old index takes no writes, and who writes it is told why. Searches see it still, and only it.
    let (text, items) = written(Version::new(7, 2), &offers[..1]);
    let blocked = old.write(&Batch { version: Version::new(7, 2), text: &text, items }).await;
    assert!(matches!(blocked, Err(StoreError::Blocked(_))), "{blocked:?}");
    assert!(old.is_replaced().await.unwrap() && !new.is_replaced().await.unwrap());
    let newer = [(4, offers[3].1.replace("Maçon", "Maçonne")), (7, offers[3].1.replace("Maçon", "Carreleur"))];
    assert_eq!(write_all(&new, Version::new(8, 1), &newer).await, Written::default());
    let searched = new.search(&Search::default()).await.unwrap();
    assert_eq!((searched.total, new.documents(&[id(2), id(7)]).await.unwrap().iter().flatten().count()), (5, 2));
    // Another process that starts meanwhile joins in.
    let beside = Elastic::to_write(&server, another()).await.unwrap();
    assert_eq!(beside.older(), new.older());

    let rebuilt = new.rebuild(&|_, _| {}).await.unwrap();
    assert_eq!((rebuilt.documents, rebuilt.newer, rebuilt.refused.len()), (6, 1, 0));
    // Pay is read anew as text, and the place is no field any more: one document only is what it was.
    assert_eq!(rebuilt.conformed, 5);
    beside.rebuild(&|_, _| {}).await.unwrap();
    let new = Elastic::to_write(&server, another()).await.unwrap();
    assert_eq!(new.older(), None);
    let all = Search { closed: true, limit: 10, ..Search::default() };
    let expect = "Carreleur, Comptable, Développeur Rust (H/F), Graphiste web, Ingénieur data, Maçonne, Pêcheur";
    assert_eq!(titles(&new, &all).await, expect);
    let facets = vec![Facet::parse("salary.yearly_min", &another()).unwrap()];
    let found = new.search(&Search { facets, ..Search::default() }).await.unwrap();
    assert_eq!(found.facets[0].1.len(), 3, "{:?}", found.facets);
    // Versions are what they were; what lost a value is not what is known of it any more.
    let after = new.told("a", None, 10).await.unwrap();
    for (before, after) in told.iter().zip(&after) {
        assert_eq!(
            (before.id, before.version, before.closed, before.first_seen),
            (after.id, after.version, after.closed, after.first_seen)
        );
    }
    assert_eq!(after.iter().filter(|told| told.content.is_some()).count(), 1, "{after:?}");
    // And back again: the first index is out of date by now, and made anew.
    let back = Elastic::to_write(&server, schema()).await.unwrap();
    back.rebuild(&|_, _| {}).await.unwrap();
    assert_eq!(titles(&back, &all).await, expect);
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
    assert_eq!((titles(&store, &all).await, store.behind().unwrap()), (expect.to_owned(), 0));
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
