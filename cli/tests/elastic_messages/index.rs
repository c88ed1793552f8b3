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
    stage.shows("the index … is closed", &["run remotive", "search", "export", "verify", "status"]).await;
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
    stage.shows("the index … is red", &["run remotive", "search", "export", "verify", "status"]).await;
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

/// Aliases and indices that somebody moved, made or changed.
pub async fn moved_by_hand(stage: &mut Stage) {
    let (own, both) = (stage.index().await, ["jobmarket-offers", "jobmarket-offers-write"]);
    let moved = |from: &str, to: &str, aliases: &[&str]| {
        let of = |what: &str, index: &str, alias: &&str| json!({what: {"index": index, "alias": alias}});
        let actions = aliases.iter().flat_map(|alias| [of("remove", from, alias), of("add", to, alias)]);
        json!({"actions": actions.collect::<Vec<_>>()})
    };
    stage.hand("PUT", "my-index", Value::Null).await;
    stage.hand("POST", "_aliases", moved(&own, "my-index", &both[..1])).await;
    stage.shows("the alias … points to …, which this program did not make", &["run remotive"]).await;
    stage.hand("POST", "_aliases", moved("my-index", &own, &both[..1])).await;

    let guard = json!({"add": {"index": "my-index", "alias": format!("{own}-here"), "is_hidden": true}});
    stage.hand("POST", "_aliases", json!({"actions": [guard]})).await;
    stage.shows("the alias … points to …, and belongs on … alone", &["run remotive"]).await;
    stage.hand("DELETE", "my-index", Value::Null).await;

    let filtered = json!({"add": {"index": own, "alias": both[0], "filter": {"term": {"source": "x"}}}});
    stage.hand("POST", "_aliases", json!({"actions": [filtered]})).await;
    stage.shows("the alias … has a … that hides offers", &["run remotive"]).await;
    stage.hand("POST", "_aliases", json!({"actions": [{"add": {"index": own, "alias": both[0]}}]})).await;

    // An index of an earlier schema, first one that was left.
    let (older, mapping) = ("jobmarket-offers-00000000000000ff", format!("{own}/_mapping"));
    let meta = json!({"layout": 1, "left": "2026-01-02T03:04:05Z"});
    stage.hand("PUT", older, json!({"mappings": {"_meta": meta}})).await;
    stage.hand("POST", "_aliases", moved(&own, older, &both)).await;
    stage.shows("the alias … points to …, which was left on …", &["run remotive"]).await;
    stage.hand("PUT", &format!("{older}/_mapping"), json!({"_meta": {"layout": 1}})).await;
    let instead = "the index … holds offers and was never left, and the aliases point to … instead";
    stage.shows(instead, &["run remotive"]).await;
    let away = both.map(|alias| json!({"remove": {"index": older, "alias": alias}}));
    stage.hand("POST", "_aliases", json!({"actions": away})).await;
    stage.shows("the alias … is gone, and several indices were never left", &["run remotive"]).await;
    stage.hand("DELETE", older, Value::Null).await;

    stage.hand("PUT", &mapping, json!({"_meta": {"owner": "me"}})).await;
    stage.shows("the index … does not say that this program made it", &["run remotive"]).await;
    stage.hand("DELETE", &own, Value::Null).await;
    stage.hand("PUT", "jobmarket-offers/_doc/1", json!({"title": "x"})).await;
    stage.shows("an index has the name …, where this program keeps an alias", &["run remotive"]).await;
    stage.filled().await;
}

/// What a hand changed of it, or of the claims.
pub async fn changed_by_hand(stage: &mut Stage) {
    let index = stage.index().await;
    let settings = format!("{index}/_settings");
    stage.hand("PUT", &settings, json!({"index.default_pipeline": "enrich"})).await;
    stage.shows("the index … has settings that a run cannot live with", &["run remotive"]).await;
    stage.hand("PUT", &settings, json!({"index.default_pipeline": null, "index.translog.durability": "async"})).await;
    stage.shows("the index … has … set to …", &["run remotive"]).await;
    let slow = json!({"index.translog.durability": null, "index.refresh_interval": "-1"});
    stage.hand("PUT", &settings, slow).await;
    stage.shows("the index … has `index.refresh_interval` set to …", &["run remotive"]).await;
    stage.hand("PUT", &settings, json!({"index.refresh_interval": "1s"})).await;
    let added = json!({"properties": {"team": {"type": "keyword"}}});
    stage.hand("PUT", &format!("{index}/_mapping"), added).await;
    stage.shows("the index … has fields that are not of the schema", &["run remotive"]).await;
    let raw = json!({"type": "keyword", "ignore_above": 8_000, "fields": {"raw": {"type": "keyword"}}});
    stage.hand("PUT", &format!("{index}/_mapping"), json!({"properties": {"url": raw}})).await;
    stage.shows("the field … of the index … has …, which the schema does not say", &["run remotive"]).await;

    stage.hand("PUT", "jobmarket-claims/_doc/remotive", json!({"source": "remotive", "fence": "x"})).await;
    stage.shows("the claim of … in the index … has `fence`", &["run remotive"]).await;
    stage.hand("DELETE", "jobmarket-claims", Value::Null).await;
    for name in ["one", "two"] {
        stage.hand("PUT", name, json!({"aliases": {"jobmarket-claims": {}}})).await;
    }
    stage.shows("… is an alias of several indices", &["run remotive"]).await;
}

/// The server does not make the index, or has no place for it.
pub async fn not_made(stage: &mut Stage) {
    stage.empty().await;
    let limit = json!({"settings": {"index.mapping.total_fields.limit": 30}});
    let theirs = json!({"index_patterns": ["jobmarket-offers-*"], "template": limit});
    stage.hand("PUT", "_index_template/theirs", theirs).await;
    stage.shows("the index … cannot be made: the server says: …", &["run remotive"]).await;
    stage.hand("DELETE", "_index_template/theirs", Value::Null).await;

    stage.empty().await;
    stage.hand("PUT", "full", json!({"settings": {"number_of_replicas": 0}})).await;
    let cluster = |setting: &str, value: Value| json!({"persistent": {setting: value}});
    stage.hand("PUT", "_cluster/settings", cluster("cluster.max_shards_per_node", json!(1))).await;
    stage.shows("the index … cannot be made: … shards open", &["run remotive"]).await;
    stage.hand("PUT", "_cluster/settings", cluster("cluster.max_shards_per_node", Value::Null)).await;

    stage.empty().await;
    let allocation = "cluster.routing.allocation.enable";
    stage.hand("PUT", "_cluster/settings", cluster(allocation, json!("none"))).await;
    stage.shows("the index … was made, and no node has taken its shard yet", &["run remotive"]).await;
    stage.hand("PUT", "_cluster/settings", cluster(allocation, Value::Null)).await;
    stage.filled().await;
}
