//! What is wrong with a server or its index is said before anything is written, with what to do about it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "elasticsearch/node.rs"]
mod node;
#[path = "elasticsearch/proxy.rs"]
mod proxy;

use std::path::Path;
use std::sync::Arc;

use jobmarket::definition;
use jobmarket::files;
use jobmarket::plan::Server;
use jobmarket::schema::Schema;
use jobmarket::store::elastic::Elastic;
use node::Node;
use proxy::Proxy;
use reqwest::{Client, Method};
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};

fn schema() -> Arc<Schema> {
    let texts = files::project(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    definition::read(&texts).0.schema
}

fn server(url: &str, name: &str) -> Server {
    Server { urls: vec![url.to_owned()], name: name.to_owned(), ..Server::default() }
}

/// What is said when the server is opened and looked at: an error, or notices.
async fn said(server: &Server) -> Result<Vec<String>, String> {
    Elastic::to_write(server, schema()).await.map(|store| store.notices).map_err(|error| error.to_string())
}

/// Somebody does something at the server by hand.
async fn by_hand(node: &Node, method: Method, path: &str, body: Value) -> Value {
    // The client is made with a provider of cryptography, which another test may have installed before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let request =
        Client::new().request(method, format!("{}/{path}", node.url)).header("Content-Type", "application/json");
    let request = if body.is_null() { request } else { request.body(body.to_string()) };
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// The index behind an alias, as it is now.
async fn index(node: &Node, alias: &str) -> (String, Value) {
    let indices = by_hand(node, Method::GET, alias, Value::Null).await;
    let (name, index) = indices.as_object().unwrap().iter().next().unwrap();
    (name.clone(), index.clone())
}

fn check(said: &Result<Vec<String>, String>, expect: &[&str]) {
    let said = said.as_ref().unwrap_err();
    assert!(expect.iter().all(|part| said.contains(part)), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_answers_must_be_elasticsearch() {
    let nobody = said(&server("http://nobody.invalid:9200", "x")).await;
    check(&nobody, &["http://nobody.invalid:9200", "cannot be reached", "is its address right"]);
    let sites = Sandbox::start(Options::default()).await.unwrap();
    let site = sites.origins()[0].1.clone();
    check(&said(&server(&site, "x")).await, &["is not Elasticsearch", "usually 9200"]);

    let node = Node::start();
    let proxy = Proxy::start(&node.url).await;
    let mut info = by_hand(&node, Method::GET, "", Value::Null).await;
    // One that hides what it is is used all the same, and so is one without a licence.
    proxy.answer("/", 200, &info.to_string());
    let notices = said(&server(&proxy.url, "hidden")).await.unwrap();
    assert!(notices[0].contains("X-Elastic-Product"), "{notices:?}");
    assert!(notices[1].contains("`_license` is missing"), "{notices:?}");
    let notices = said(&server(&node.url, "hidden")).await.unwrap();
    assert_eq!(notices.len(), 1, "the real one says what it is: {notices:?}");
    proxy.answer("/_license", 200, r#"{"license":{"status":"expired","type":"platinum"}}"#);
    let notices = said(&server(&proxy.url, "hidden")).await.unwrap();
    assert!(notices[1].contains("(platinum) is expired"), "{notices:?}");

    info["version"]["number"] = "7.17.29".into();
    proxy.clear();
    proxy.answer("/", 200, &info.to_string());
    check(&said(&server(&proxy.url, "old")).await, &["7.17.29 is too old", "8 or 9 is needed"]);
    info["tagline"] = "The OpenSearch Project: https://opensearch.org/".into();
    proxy.clear();
    proxy.answer("/", 200, &info.to_string());
    check(&said(&server(&proxy.url, "other")).await, &["is not Elasticsearch"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_somebody_changed_is_told() {
    let node = Node::start();
    let ours = server(&node.url, "offers");
    assert_eq!(said(&ours).await.unwrap().len(), 1, "only the licence is missing");
    let (name, made) = index(&node, "offers").await;

    let mine =
        json!({"properties": {"mine": {"type": "keyword"}, "company": {"properties": {"mood": {"type": "text"}}}}});
    by_hand(&node, Method::PUT, &format!("{name}/_mapping"), mine).await;
    let notices = said(&ours).await.unwrap().join("\n");
    assert!(notices.contains("`mine`") && notices.contains("`company.mood`") && notices.contains(&name), "{notices}");

    // Made anew by hand, under the same name.
    let again = async |settings: Value, mappings: Value| {
        by_hand(&node, Method::DELETE, &name, Value::Null).await;
        let body = json!({"settings": settings, "mappings": mappings, "aliases": {"offers": {}}});
        by_hand(&node, Method::PUT, &format!("{name}?wait_for_active_shards=0"), body).await;
    };
    let settings = json!({"analysis": made["settings"]["index"]["analysis"]});
    let mut mappings = made["mappings"].clone();
    mappings["properties"]["published_at"] = json!({"type": "keyword"});
    mappings["properties"]["title"] = json!({"type": "text"});
    mappings["properties"].as_object_mut().unwrap().remove("skills");
    again(settings.clone(), mappings).await;
    let told = said(&ours).await;
    check(&told, &["`published_at` is keyword and not date", "`title` has `analyzer`: nothing and not french_text"]);
    check(&told, &["`skills` is missing", &format!("DELETE /{name}"), "`jobmarket replay SOURCE`"]);
    let mut mappings = made["mappings"].clone();
    mappings["dynamic"] = "true".into();
    again(settings.clone(), mappings).await;
    check(&said(&ours).await, &["`dynamic` is true and not strict"]);

    // A shard that no node may hold.
    let mut lost = settings.clone();
    lost["routing.allocation.require._name"] = "nobody".into();
    again(lost, made["mappings"].clone()).await;
    check(&said(&ours).await, &[&name, "is red", "_cluster/allocation/explain"]);
    again(settings, made["mappings"].clone()).await;
    assert_eq!(said(&ours).await.unwrap().len(), 1);
    let lost = json!({"settings": {"routing.allocation.require._name": "nobody"}, "aliases": {}});
    by_hand(&node, Method::PUT, "somebody-elses?wait_for_active_shards=0", lost).await;
    let notices = said(&ours).await.unwrap();
    assert!(notices[1].contains("the cluster is red"), "{notices:?}");

    by_hand(&node, Method::POST, &format!("{name}/_close"), Value::Null).await;
    check(&said(&ours).await, &[&name, "is closed", &format!("POST {name}/_open")]);
    by_hand(&node, Method::POST, &format!("{name}/_open"), Value::Null).await;

    by_hand(&node, Method::PUT, "another", json!({"aliases": {"offers": {}}})).await;
    check(&said(&ours).await, &["`offers` points to several indices", &name, "another", "remove it from all but one"]);
    by_hand(&node, Method::PUT, "taken", Value::Null).await;
    check(&said(&server(&node.url, "taken")).await, &["an index has the name `taken`", "DELETE /taken"]);
}
