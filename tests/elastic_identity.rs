//! Aliases and indices that other hands moved on a real Elasticsearch: what is not ours is never touched, what is ours is
//! never taken for old, and the call that a message names mends it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "elasticsearch/bench.rs"]
mod bench;
#[path = "elasticsearch/hand.rs"]
mod hand;
#[path = "elasticsearch/node.rs"]
mod node;
mod shipped;

use bench::Bench;
use chrono::TimeDelta;
use jobmarket::event::{EventKind, Outcome};
use jobmarket::run::{Asked, run};
use jobmarket::store::elastic::Elastic;
use serde_json::{Value, json};

const OFFERS: usize = 250;
const SEARCH: &str = "jobmarket-offers";
const WRITE: &str = "jobmarket-offers-write";

impl Bench {
    /// Something by hand; an empty body is none.
    async fn hand(&self, method: &str, path: &str, body: Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        hand::hand(&self.node, method, path, &body).await
    }

    async fn aliases(&self, actions: Value) {
        self.hand("POST", "_aliases", json!({"actions": actions})).await;
    }

    /// The index that an alias points to.
    async fn behind(&self, alias: &str) -> String {
        hand::behind(&self.node, alias).await
    }

    async fn count(&self, index: &str) -> u64 {
        self.hand("POST", &format!("{index}/_refresh"), Value::Null).await;
        self.hand("GET", &format!("{index}/_count"), Value::Null).await["count"].as_u64().unwrap()
    }

    /// Why a run does not begin.
    async fn refused(&mut self) -> String {
        self.now += TimeDelta::days(1);
        let (engine, _heard) = self.engine();
        run(self.plan("remotive"), engine, self.now, Asked::Due).await.unwrap_err().to_string()
    }

    /// A run that does not begin and says all of this; then the call that it names is carried out.
    async fn refused_and_mended(&mut self, words: &[&str]) {
        let said = self.refused().await;
        words.iter().for_each(|word| assert!(said.contains(word), "{word}: {said}"));
        let call = said.split('`').find(|part| part.starts_with("POST /_aliases ")).unwrap();
        let body = call.strip_prefix("POST /_aliases ").unwrap();
        self.hand("POST", "_aliases", serde_json::from_str(body).unwrap()).await;
    }

    /// A run that ends well, after which all offers are there.
    async fn whole(&mut self) {
        let (summary, events) = self.run("remotive").await;
        assert_eq!(summary.outcome, Outcome::Complete, "{:?}", summary.cause);
        assert_eq!(self.stored("remotive").await.len(), OFFERS);
        // Its own block is never told as somebody's.
        assert!(!events.iter().any(|event| matches!(event.kind, EventKind::StoreAway { .. })), "{events:?}");
    }

    /// An index as another one is, with its documents.
    async fn copy(&self, from: &str, to: &str) {
        let said = self.hand("GET", from, Value::Null).await[from].take();
        let analysis = &said["settings"]["index"]["analysis"];
        let body = json!({"settings": {"analysis": analysis}, "mappings": said["mappings"]});
        self.hand("PUT", to, body).await;
        self.hand("POST", &format!("{from}/_refresh"), Value::Null).await;
        let found = self.hand("POST", &format!("{from}/_search"), json!({"size": 10_000})).await;
        for hit in found["hits"]["hits"].as_array().unwrap().iter().take(20) {
            let id = hit["_id"].as_str().unwrap();
            self.hand("PUT", &format!("{to}/_doc/{id}"), hit["_source"].clone()).await;
        }
    }

    /// The schema with a field more, or as it was before.
    fn change(&mut self, more: bool) {
        const MORE: &str = "\nseniority: {keyword: {doc: Added}}\n";
        let text = self.texts.iter_mut().find(|text| text.path == "mappings/offer.yaml").unwrap();
        text.text = if more { text.text.clone() + MORE } else { text.text.replace(MORE, "") };
    }
}

/// One action of `_aliases`.
fn act(what: &str, index: &str, alias: &str) -> Value {
    json!({what: {"index": index, "alias": alias}})
}

/// A stranger's index with one document, as it must stay.
async fn foreign(bench: &Bench) -> Value {
    let mapping = json!({"mappings": {"properties": {"id": {"type": "keyword"}}}});
    bench.hand("PUT", "my-index", mapping).await;
    bench.hand("PUT", "my-index/_doc/1?refresh=true", json!({"id": "1", "title": "mine"})).await;
    as_it_is(bench).await
}

async fn as_it_is(bench: &Bench) -> Value {
    let said = bench.hand("GET", "my-index", Value::Null).await;
    json!([said["my-index"]["settings"], said["my-index"]["mappings"], bench.count("my-index").await])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_on_a_foreign_index_is_named_and_that_index_stays_as_it_is() {
    let mut bench = Bench::new(0).await;
    bench.whole().await;
    let (own, before) = (bench.behind(WRITE).await, foreign(&bench).await);
    let moved = "points to `my-index`, which this program did not make";
    for aliases in [&[SEARCH][..], &[WRITE], &[SEARCH, WRITE]] {
        let there = aliases.iter().flat_map(|alias| [act("remove", &own, alias), act("add", "my-index", alias)]);
        bench.aliases(there.collect()).await;
        for alias in aliases {
            bench.refused_and_mended(&[&format!("`{alias}` {moved}"), &own]).await;
        }
        bench.whole().await;
        assert_eq!(as_it_is(&bench).await, before, "{aliases:?}");
    }
    // Beside ours, hidden or not; and instead of ours where ours is written through it.
    for index in ["my-index", "hidden"] {
        if index == "hidden" {
            bench.hand("PUT", "hidden", json!({"settings": {"index.hidden": true}})).await;
        }
        bench.aliases(json!([act("add", index, SEARCH)])).await;
        bench.refused_and_mended(&["points to several indices", index, &own]).await;
        bench.whole().await;
        let guard = json!({"add": {"index": index, "alias": format!("{own}-here"), "is_hidden": true}});
        bench.aliases(json!([guard])).await;
        bench.refused_and_mended(&[&format!("`{own}-here` points to `{index}`"), &own]).await;
        bench.whole().await;
    }
    assert_eq!(as_it_is(&bench).await, before);
    assert_eq!(bench.behind(SEARCH).await, own);
}

#[tokio::test(flavor = "multi_thread")]
async fn aliases_on_a_copy_of_ours_are_named_and_ours_stays() {
    let mut bench = Bench::new(0).await;
    bench.whole().await;
    let own = bench.behind(WRITE).await;
    bench.copy(&own, "jobmarket-offers-v2").await;
    let both = |from: &str, to: &str| {
        json!([act("remove", from, SEARCH), act("remove", from, WRITE), act("add", to, SEARCH), act("add", to, WRITE)])
    };
    bench.aliases(both(&own, "jobmarket-offers-v2")).await;
    for alias in [SEARCH, WRITE] {
        bench.refused_and_mended(&[&format!("`{alias}` points to `jobmarket-offers-v2`"), &own]).await;
    }
    bench.whole().await;
    // A lifecycle policy rolls over.
    bench.hand("POST", &format!("{WRITE}/_rollover/jobmarket-offers-000002"), Value::Null).await;
    bench.refused_and_mended(&[WRITE, "jobmarket-offers-000002", "lifecycle policy"]).await;
    bench.whole().await;
    assert_eq!(bench.count("jobmarket-offers-000002").await, 0);
    // A filter hides offers.
    let hides = json!({"add": {"index": own, "alias": SEARCH, "filter": {"term": {"source": "x"}}}});
    bench.aliases(json!([hides])).await;
    bench.refused_and_mended(&["`filter` that hides offers", &own]).await;
    bench.whole().await;
    // The alias is taken away: it is put back, and nothing is lost.
    bench.aliases(json!([act("remove", &own, SEARCH)])).await;
    bench.whole().await;
    assert_eq!((bench.behind(SEARCH).await, bench.count(&own).await), (own.clone(), OFFERS as u64));
    // Indices that did not say that they were left are no old ones, whatever their names and age.
    bench.hand("PUT", "jobmarket-offers-0123456789abcdef", json!({"mappings": {"_meta": {"layout": 1}}})).await;
    bench.hand("PUT", "jobmarket-offers-mine", Value::Null).await;
    let plan = bench.plan("remotive");
    let store = Elastic::to_write(plan.server.as_ref().unwrap(), plan.schema.clone()).await.unwrap();
    assert_eq!(store.old_indices().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_schema_takes_nothing_by_where_an_alias_points() {
    let mut bench = Bench::new(0).await;
    bench.whole().await;
    let first = bench.behind(WRITE).await;
    bench.change(true);
    bench.whole().await;
    let second = bench.behind(WRITE).await;
    assert_ne!(first, second);
    // Somebody goes back to the index that was left, for searches or for both.
    bench.aliases(json!([act("remove", &second, SEARCH), act("add", &first, SEARCH)])).await;
    bench.refused_and_mended(&["was left on", &first, &second]).await;
    bench.whole().await;
    bench.aliases(json!([act("remove", &second, WRITE), act("add", &first, WRITE)])).await;
    bench.whole().await;
    assert_eq!((bench.behind(SEARCH).await, bench.behind(WRITE).await), (second.clone(), second.clone()));
    // To an older one that does not say that it was left: ours holds the newest, and is not deleted for that.
    let meta = json!({"_meta": {"layout": 1}});
    bench.hand("PUT", &format!("{first}/_mapping"), meta).await;
    let there = [SEARCH, WRITE].map(|alias| [act("remove", &second, alias), act("add", &first, alias)]);
    bench.aliases(json!(there.concat())).await;
    bench.refused_and_mended(&["was never left", &first, &second]).await;
    bench.whole().await;
    assert_eq!(bench.count(&second).await, OFFERS as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_does_not_come_back_with_a_schema_that_comes_back() {
    let mut bench = Bench::new(0).await;
    bench.whole().await;
    let first = bench.behind(WRITE).await;
    let plan = |bench: &Bench| {
        let plan = bench.plan("remotive");
        (plan.server.clone().unwrap(), plan.schema.clone())
    };
    // A copy is begun, comes to some documents and to no mark, and the files are taken back.
    bench.change(true);
    let (server, schema) = plan(&bench);
    assert!(Elastic::to_write(&server, schema).await.unwrap().is_copying());
    let second = bench.behind(WRITE).await;
    let found = bench.hand("POST", &format!("{first}/_search"), json!({"size": 50})).await;
    for hit in found["hits"]["hits"].as_array().unwrap() {
        let path = format!("{second}/_doc/{}?version=5&version_type=external_gte", hit["_id"].as_str().unwrap());
        bench.hand("PUT", &path, hit["_source"].clone()).await;
    }
    bench.change(false);
    bench.whole().await;
    assert_eq!(bench.behind(WRITE).await, first);
    // Some of these are deleted where they are known, and the same change comes again.
    let deleted: Vec<&str> =
        found["hits"]["hits"].as_array().unwrap().iter().take(30).map(|hit| hit["_id"].as_str().unwrap()).collect();
    for id in deleted {
        bench.hand("DELETE", &format!("{first}/_doc/{id}"), Value::Null).await;
    }
    bench.change(true);
    let (server, schema) = plan(&bench);
    let store = Elastic::to_write(&server, schema).await.unwrap();
    store.rebuild(&|_, _| {}).await.unwrap();
    assert_eq!((bench.behind(SEARCH).await, bench.count(&second).await), (second.clone(), OFFERS as u64 - 30));
    // An end before the first document leaves an empty index, which is as good as new.
    bench.change(false);
    let (server, schema) = plan(&bench);
    assert!(Elastic::to_write(&server, schema.clone()).await.unwrap().is_copying());
    assert!(Elastic::to_write(&server, schema.clone()).await.unwrap().is_copying());
    Elastic::to_write(&server, schema).await.unwrap().rebuild(&|_, _| {}).await.unwrap();
    assert_eq!((bench.behind(SEARCH).await, bench.count(&first).await), (first, OFFERS as u64 - 30));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_others_took_first_are_told() {
    let mut bench = Bench::new(0).await;
    bench.hand("PUT", "jobmarket-offers/_doc/1", json!({"title": "auto-created"})).await;
    let said = bench.refused().await;
    assert!(
        said.contains("an index has the name `jobmarket-offers`") && said.contains("DELETE /jobmarket-offers"),
        "{said}"
    );
    bench.hand("DELETE", "jobmarket-offers", Value::Null).await;
    bench.whole().await;
    // The same name as ours, and not made by the program.
    let own = bench.behind(WRITE).await;
    bench.hand("PUT", &format!("{own}/_mapping"), json!({"_meta": {"owner": "me"}})).await;
    let said = bench.refused().await;
    let call = said.split('`').find_map(|part| part.strip_prefix(&format!("PUT /{own}/_mapping "))).unwrap();
    assert!(said.contains("does not say that this program made it"), "{said}");
    bench.hand("PUT", &format!("{own}/_mapping"), serde_json::from_str(call).unwrap()).await;
    bench.whole().await;
}
