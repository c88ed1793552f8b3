//! What only a server has: claims of several data directories, and an index of another schema that takes the place.
use reqwest::Method;
use serde_json::json;

use super::*;
use crate::document::Document;

/// Somebody does something at the server by hand.
async fn by_hand(node: &Node, method: Method, path: &str, body: &Value) -> Value {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let request = reqwest::Client::new().request(method, format!("{}/{path}", node.url));
    let request = if body.is_null() {
        request
    } else {
        request.header("Content-Type", "application/json").body(body.to_string())
    };
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// All offers on a server under the schema, before another one comes.
async fn filled_server(server: &Server) -> (Elastic, Vec<(i64, String)>) {
    let store = Elastic::to_write(server, schema()).await.unwrap();
    let offers: Vec<(i64, String)> = (1..).zip(OFFERS.map(str::to_owned)).collect();
    write_all(&store, Version::new(7, 1), &offers).await;
    (store, offers)
}

/// The index that is written now.
async fn written_index(node: &Node, server: &Server) -> String {
    let found = by_hand(node, Method::GET, &format!("_alias/{}-write", server.name), &Value::Null).await;
    found.as_object().unwrap().keys().next().unwrap().clone()
}

#[tokio::test]
async fn a_claim_has_one_owner_and_its_fence_rises() {
    let node = Node::start();
    let server = server(&node);
    let store = Elastic::to_write(&server, schema()).await.unwrap();
    let taken = |fence, strange, ask: Option<&str>| Taken { fence, strange, ask: ask.map(str::to_owned) };
    let claim = async |source: &str, owner: &str, last: u64, floor: u64| {
        let ask = format!("what {owner} asks");
        store.claim(&Asker { source, ask: &ask, owner, last }, floor).await.unwrap()
    };
    let (of_one, of_two) = (Some("what one asks"), Some("what two asks"));
    // Nobody is known: what is stored may be anything.
    assert_eq!(claim("a", "one", 0, 100).await, taken(100, true, None));
    assert_eq!(claim("a", "one", 100, 90).await, taken(101, false, of_one));
    let hold = async |owner: &str, fence: u64| {
        store.hold(&Asker { source: "a", ask: "x", owner, last: fence }, fence).await.unwrap()
    };
    assert_eq!(hold("one", 101).await, Hold::Kept);
    // Another owner, and the first one back again: each must look at what the other wrote.
    assert_eq!(claim("a", "two", 0, 90).await, taken(102, true, of_one));
    assert_eq!(hold("one", 101).await, Hold::Lost);
    assert_eq!(claim("a", "one", 101, 200).await, taken(200, true, of_two));
    // A data directory that was brought back from a copy knows a lower fence than it once had.
    assert_eq!(claim("a", "one", 101, 90).await, taken(201, true, of_one));
    assert_eq!(claim("b", "one", 101, 90).await, taken(90, true, None));
    // One that is lower than what was taken last is of a server that was put back: looked at, and taken again.
    assert_eq!(claim("b", "one", 150, 151).await, taken(151, true, of_one));
    by_hand(&node, Method::DELETE, &format!("{}-claims/_doc/a", server.name), &Value::Null).await;
    assert_eq!([hold("one", 201).await, hold("one", 201).await], [Hold::Retaken, Hold::Kept]);
    // The same fence of another owner is not ours.
    assert_eq!(hold("two", 201).await, Hold::Lost);
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
    changed("level")
}

fn changed(added: &str) -> Arc<Schema> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/offer.yaml");
    let text = fs::read_to_string(path).unwrap();
    let line = |name: &str| text.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap();
    let text = text
        .replace(line("salary.yearly_min"), "salary.yearly_min: {keyword: {by: engine, facet: true, doc: d}}")
        .replace(line("location.point"), &format!("{added}: {{keyword: {{doc: Added}}}}"));
    definition::read(&[Text { path: "mappings/offer.yaml".into(), text }]).0.schema
}

#[tokio::test]
async fn another_schema_takes_the_place_when_every_offer_is_over() {
    let node = Node::start();
    let server = server(&node);
    let (old, offers) = filled_server(&server).await;
    let told = old.told("a", None, 10).await.unwrap().told;
    // By hand: one without an id, and one whose id is none.
    for (path, body) in [("_doc/x", json!({"title": "x"})), ("_doc/by-hand", json!({"id": "zz", "title": "x"}))] {
        by_hand(&node, Method::PUT, &format!("{}/{path}?refresh=true", server.name), &body).await;
    }
    assert_eq!(old.told("a", None, 10).await.unwrap().told.len(), told.len());

    let new = Elastic::to_write(&server, another()).await.unwrap();
    assert!(new.is_copying());
    // The old index takes no writes, and who writes it is told why. Searches see it still, and only it.
    let blocked = old.write(&written(Version::new(7, 2), &offers[..1])).await;
    assert!(matches!(blocked, Err(StoreError::Replaced)), "{blocked:?}");
    assert!(old.is_replaced().await.unwrap() && !new.is_replaced().await.unwrap());
    let newer = [(4, offers[3].1.replace("Maçon", "Maçonne")), (7, offers[3].1.replace("Maçon", "Carreleur"))];
    assert_eq!(write_all(&new, Version::new(8, 1), &newer).await, Written::default());
    let searched = new.search(&Search::default()).await.unwrap();
    assert_eq!((searched.total, new.documents(&[id(2), id(7)]).await.unwrap().iter().flatten().count()), (7, 2));
    // A field that no index has yet can be sorted by.
    let sort = Some(Sort { field: "level".into(), descending: true });
    assert_eq!(new.search(&Search { sort, ..Search::default() }).await.unwrap().total, 7);
    // What is closed before it is copied is written as our schema wants it.
    let read = new.documents(&[id(3)]).await.unwrap();
    assert_eq!(
        write_all(&new, Version::new(8, 2), &[(3, Document::read(read[0].as_deref().unwrap()).unwrap().content())])
            .await,
        Written::default()
    );
    // Another process that starts meanwhile joins in.
    let beside = Elastic::to_write(&server, another()).await.unwrap();
    assert!(beside.is_copying());

    let rebuilt = new.rebuild(&|_, _| {}).await.unwrap();
    // What somebody put there by hand is no offer, but is told where it says that it is one.
    assert_eq!((rebuilt.documents, rebuilt.newer, rebuilt.refused), (7, 2, 1));
    assert_eq!(rebuilt.examples[0].0, "by-hand");
    // Pay is read anew as text, and the place is no field any more: one document only is what it was.
    assert_eq!(rebuilt.conformed, 5);
    let since = chrono::Utc::now();
    beside.rebuild(&|_, _| {}).await.unwrap();
    let new = Elastic::to_write(&server, another()).await.unwrap();
    assert!(!new.is_copying());
    let all = Search { closed: true, limit: 10, ..Search::default() };
    let expect = "Carreleur, Comptable, Développeur Rust (H/F), Graphiste web, Ingénieur data, Maçonne, Pêcheur";
    assert_eq!(titles(&new, &all).await, expect);
    let facets = vec![Facet::parse("salary.yearly_min", &another()).unwrap()];
    let found = new.search(&Search { facets, ..Search::default() }).await.unwrap();
    assert_eq!(found.facets[0].1.len(), 3, "{:?}", found.facets);
    // Versions are what they were; what lost a value is not what is known of it any more.
    let after = new.told("a", None, 10).await.unwrap().told;
    for (before, after) in told.iter().zip(&after) {
        assert_eq!(
            (before.id, before.version, before.closed, before.first_seen),
            (after.id, after.version, after.closed, after.first_seen)
        );
    }
    assert_eq!(after.iter().filter(|told| told.content.is_some()).count(), 1, "{after:?}");
    // The first one is kept for a week from now on, whenever it was made.
    let left = new.old_indices().await.unwrap();
    assert!(left.len() == 1 && left[0].1 >= since, "{left:?} {since}");
    // And back again: the first index is out of date by now, and made anew.
    let back = Elastic::to_write(&server, schema()).await.unwrap();
    back.rebuild(&|_, _| {}).await.unwrap();
    assert_eq!(titles(&back, &all).await, expect);
}

#[tokio::test]
async fn a_schema_that_changes_before_the_copy_is_over_takes_all_with_it() {
    let node = Node::start();
    let server = server(&node);
    let (first, offers) = filled_server(&server).await;
    // A run of the second schema writes, and its copy does not even begin.
    let second = Elastic::to_write(&server, changed("second")).await.unwrap();
    let newer = [(4, offers[3].1.replace("Maçon", "Maçonne")), (7, offers[3].1.replace("Maçon", "Carreleur"))];
    write_all(&second, Version::new(8, 1), &newer).await;
    let name = written_index(&node, &server).await;
    // So does one of the third; and then somebody takes it all back to the first.
    let third = Elastic::to_write(&server, changed("third")).await.unwrap();
    let more = [(8, offers[3].1.replace("Maçon", "Plâtrier"))];
    write_all(&third, Version::new(9, 1), &more).await;
    let found = third.documents(&[id(1), id(4), id(7), id(8)]).await.unwrap();
    let titles_of = |found: Vec<Option<String>>| found.iter().flatten().map(|text| title(text)).collect::<Vec<_>>();
    assert_eq!(titles_of(found), ["Développeur Rust (H/F)", "Maçonne", "Carreleur", "Plâtrier"]);
    let back = Elastic::to_write(&server, schema()).await.unwrap();
    assert_eq!(back.notices, first.notices, "it takes writes again");
    write_all(&back, Version::new(9, 2), &[(9, offers[3].1.replace("Maçon", "Couvreur"))]).await;
    back.rebuild(&|_, _| {}).await.unwrap();
    let all = Search { closed: true, limit: 20, ..Search::default() };
    let expect = "Carreleur, Comptable, Couvreur, Développeur Rust (H/F), Graphiste web, Ingénieur data, Maçonne, Plâtrier, Pêcheur";
    assert_eq!(titles(&back, &all).await, expect);
    let again = Elastic::to_write(&server, changed("third")).await.unwrap();
    again.rebuild(&|_, _| {}).await.unwrap();
    assert_eq!(titles(&again, &all).await, expect);
    assert!(!Elastic::to_write(&server, changed("third")).await.unwrap().is_copying());
    // Who writes an index that nothing points to any more is told so, when it is gone, and does not bring it back.
    by_hand(&node, Method::DELETE, &name, &Value::Null).await;
    let late = second.write(&written(Version::new(9, 3), &offers[..1])).await;
    assert!(matches!(late, Err(StoreError::Replaced)), "{late:?}");
    assert_eq!(titles(&again, &all).await, expect);
}

#[tokio::test]
async fn a_schema_that_is_taken_back_keeps_what_was_written_meanwhile() {
    let node = Node::start();
    let server = server(&node);
    let (_, offers) = filled_server(&server).await;
    // The second schema writes, the third begins, and the second is back: its own index holds what no other does.
    let second = Elastic::to_write(&server, changed("second")).await.unwrap();
    write_all(&second, Version::new(8, 1), &[(7, offers[3].1.replace("Maçon", "Carreleur"))]).await;
    Elastic::to_write(&server, changed("third")).await.unwrap();
    let back = Elastic::to_write(&server, changed("second")).await.unwrap();
    back.rebuild(&|_, _| {}).await.unwrap();
    let all = Search { closed: true, limit: 20, ..Search::default() };
    let expect = "Carreleur, Comptable, Développeur Rust (H/F), Graphiste web, Ingénieur data, Maçon, Pêcheur";
    assert_eq!(titles(&back, &all).await, expect);
    // A copy that stopped, and an index that was left so: taken up again much later it begins anew.
    let left = Elastic::to_write(&server, changed("fourth")).await.unwrap();
    assert!(left.is_copying());
    let index = written_index(&node, &server).await;
    let mut meta =
        by_hand(&node, Method::GET, &format!("{index}/_mapping"), &Value::Null).await[&index]["mappings"]["_meta"]
            .take();
    meta["rebuild"]["after"] = json!({"index": 0, "id": id(5).to_string()});
    by_hand(&node, Method::PUT, &format!("{index}/_mapping"), &json!({"_meta": meta})).await;
    let back = Elastic::to_write(&server, changed("second")).await.unwrap();
    back.rebuild(&|_, _| {}).await.unwrap();
    write_all(&back, Version::new(9, 1), &[(1, offers[3].1.replace("Maçon", "Zingueur"))]).await;
    let again = Elastic::to_write(&server, changed("fourth")).await.unwrap();
    again.rebuild(&|_, _| {}).await.unwrap();
    let expect = expect.replace("Développeur Rust (H/F), ", "") + ", Zingueur";
    assert_eq!(titles(&again, &all).await, expect);
}
