//! Other processes at work on the same source, or with another schema.
use std::time::Duration;

use serde_json::json;

use crate::proxy::Fault;
use crate::stage::{Running, Stage};

/// How long a run that was held may take to its end.
const LONG: Duration = Duration::from_secs(40);

/// A first run that cannot write yet.
async fn held(stage: &Stage) -> Running {
    stage.empty().await;
    stage.at_proxy();
    stage.proxy.order(Fault::Status(503), 1_000);
    let mut running = stage.begin("run remotive");
    running.until(|said| said.contains("offers wait")).await;
    stage.at_node();
    running
}

/// A run with another data directory that comes to its end.
async fn other(stage: &Stage) {
    let data = stage.project.dir.path().join("other");
    let _ = std::fs::remove_dir_all(&data);
    stage.project.done_on(&data, &["run", "remotive"]).await;
}

pub async fn take_the_source(stage: &mut Stage) {
    stage.filled().await;
    stage.at_proxy();
    stage.proxy.answer("PUT /jobmarket-claims/_doc/remotive", 409, "{}");
    stage.shows("the claim of … is taken over and over by others", &["run remotive", "sweep remotive"]).await;
    stage.proxy.clear();
    stage.at_node();
    let running = held(stage).await;
    other(stage).await;
    stage.proxy.clear();
    let said = running.end_within(LONG).await;
    stage.holds("another process writes this source", "run remotive", &said);
}

/// Changes the schema; its text before.
fn schema(stage: &Stage, from: &str, to: &str) -> String {
    let path = stage.project.dir.path().join("mappings/offer.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
    text
}

pub async fn change_the_schema(stage: &mut Stage) {
    let running = held(stage).await;
    let before = schema(stage, "\ntitle:", "\nbadge: {keyword: {doc: What the site awards}}\ntitle:");
    other(stage).await;
    stage.proxy.clear();
    let said = running.end_within(LONG).await;
    stage.holds("the store has an index of another schema now", "run remotive", &said);

    // What is stored does not fit the next one, and one offer is refused.
    stage.at_proxy();
    let offer = format!("\"source_id\":\"{}\"", stage.offer());
    stage.proxy.refuse_as(&offer, 400);
    schema(stage, "categories:    {list: {of: keyword, facet: true,", "categories:    {list: {of: number,");
    let mut running = stage.begin("run remotive");
    running.until(|said| said.contains("does not fit the new schema")).await;
    let said = running.end_within(LONG).await;
    for message in [
        "another schema: … stored offers are in the new index",
        "… stored offers had values that the new schema does not take",
        "offer … does not fit the new schema: …",
    ] {
        stage.holds(message, "run remotive", &said);
    }
    stage.proxy.refuse_as("", 0);
    std::fs::write(stage.project.dir.path().join("mappings/offer.yaml"), &before).unwrap();
    stage.filled().await;
    stage.at_proxy();

    // The new index seems to lack documents; then the server refuses to move the alias to it.
    let whole = json!({"total": 1, "successful": 1, "failed": 0});
    schema(stage, "\ntitle:", "\nbadge: {keyword: {doc: What the site awards}}\ntitle:");
    let alias = r#""alias":"jobmarket-offers"}"#;
    stage.proxy.answer_to("POST /_aliases", alias, 400, r#"{"error": {"type": "x", "reason": "not this alias"}}"#);
    let mut running = stage.begin("run remotive");
    running.until(|said| said.contains("the alias cannot be moved")).await;
    let said = running.end_within(LONG).await;
    stage.holds("the alias cannot be moved: …", "run remotive", &said);
    stage.proxy.clear();
    let next = stage.index().await;
    stage.proxy.answer(&format!("/{next}/_count"), 200, &json!({"count": 0, "_shards": whole}).to_string());
    let mut running = stage.begin("run remotive");
    running.until(|said| said.contains("they are copied again")).await;
    stage.proxy.clear();
    let said = running.end_within(LONG).await;
    stage.holds("… documents of … are in the new index …: they are copied again", "run remotive", &said);
    std::fs::write(stage.project.dir.path().join("mappings/offer.yaml"), before).unwrap();
    stage.filled().await;
}
