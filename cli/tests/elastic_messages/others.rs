//! Other processes at work on the same source, or with another schema.
use std::time::Duration;

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
    std::fs::write(stage.project.dir.path().join("mappings/offer.yaml"), before).unwrap();
    stage.filled().await;
}
