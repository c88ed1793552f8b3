//! The index is gone, blocked, closed, on no node, or not the one that the program made.
use serde_json::{Value, json};

use crate::stage::Stage;

/// Nothing was stored yet.
pub async fn not_there(stage: &mut Stage) {
    stage.shows("no offers are stored there yet", &["search", "export"]).await;
}

/// Somebody blocked or closed it, or its shard has no node.
pub async fn blocked(stage: &mut Stage) {
    let index = stage.index().await;
    let settings = format!("{index}/_settings");
    stage.hand("PUT", &settings, json!({"index.blocks.write": true})).await;
    stage.shows("the index … is read-only", &["run remotive"]).await;
    stage.hand("PUT", &settings, json!({"index.blocks.write": null})).await;
    stage.hand("POST", &format!("{index}/_close"), Value::Null).await;
    stage.shows("the index … is closed", &["run remotive"]).await;
    stage.hand("POST", &format!("{index}/_open"), Value::Null).await;
}

/// The index as it was made, made again by hand under its own name.
async fn again(stage: &Stage, change: impl FnOnce(&mut Value)) {
    let index = stage.index().await;
    let mut made = stage.hand("GET", &index, Value::Null).await[&index].take();
    let settings = json!({"index": {"analysis": made["settings"]["index"]["analysis"]}});
    made["settings"] = settings;
    change(&mut made);
    stage.hand("DELETE", &index, Value::Null).await;
    stage.hand("PUT", &format!("{index}?wait_for_active_shards=0"), made).await;
}

pub async fn made_by_hand(stage: &mut Stage) {
    again(stage, |made| made["mappings"]["properties"]["title"] = json!({"type": "keyword"})).await;
    stage.shows("the index … has another mapping than the schema", &["run remotive"]).await;
    stage.filled().await;
    again(stage, |made| made["settings"]["index"]["routing.allocation.require._name"] = "nobody".into()).await;
    stage.shows("the index … is red", &["run remotive"]).await;
    stage.filled().await;
}

/// The alias is on other indices too, or on one of another program.
pub async fn behind_other_aliases(stage: &mut Stage) {
    stage.hand("PUT", "jobmarket-more", json!({"aliases": {"jobmarket-offers": {}}})).await;
    stage.shows("the alias … points to several indices", &["run remotive"]).await;
    stage.hand("DELETE", "jobmarket-more", Value::Null).await;

    let (index, newer) = (stage.index().await, "jobmarket-offers-00000000000000ff");
    let aliases = json!({"jobmarket-offers": {}, "jobmarket-offers-write": {"is_write_index": true}});
    let made = json!({"mappings": {"_meta": {"layout": 1_000}}, "aliases": aliases});
    stage.hand("DELETE", &index, Value::Null).await;
    stage.hand("PUT", newer, made).await;
    stage.shows("the index … was made by a newer version of the program", &["run remotive"]).await;
    stage.filled().await;
}
