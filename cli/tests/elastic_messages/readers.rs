//! What commands that only read are told, and blocks of all kinds.
use serde_json::{Value, json};

use crate::stage::Stage;

/// Blocks that hinder readers, and those of the whole cluster.
pub async fn blocks(stage: &mut Stage) {
    let index = stage.index().await;
    for (block, message) in
        [("read", "the index … cannot be read"), ("metadata", "the index … does not show what it is")]
    {
        let setting = format!("index.blocks.{block}");
        stage.hand("PUT", &format!("{index}/_settings"), json!({&setting: true})).await;
        stage.shows(message, &["run remotive", "search", "export", "status"]).await;
        stage.hand("PUT", &format!("{index}/_settings"), json!({setting: null})).await;
    }
    let block = |block: &str, value: Value| json!({"persistent": {format!("cluster.blocks.{block}"): value}});
    stage.hand("PUT", "_cluster/settings", block("read_only", true.into())).await;
    stage.shows("the whole cluster is read-only", &["run remotive"]).await;
    stage.hand("PUT", "_cluster/settings", block("read_only", Value::Null)).await;
}

/// What a real server answers that this one cannot be brought to, and a facet that is too large for it.
pub async fn answers(stage: &mut Stage) {
    stage.at_proxy();
    let look = "/jobmarket-offers,jobmarket-offers-*";
    let none = json!({"error": {"type": "master_not_discovered_exception", "reason": null}, "status": 503});
    stage.proxy.answer(look, 503, &none.to_string());
    stage.shows("its cluster has no master node now", &["run remotive", "search"]).await;
    stage.proxy.clear();
    let of = json!({"aliases": {}, "mappings": {}, "settings": {}, "data_stream": "jobmarket-offers"});
    stage.proxy.answer(look, 200, &json!({".ds-jobmarket-offers-000001": of}).to_string());
    let stream = "a data stream has the name …, where this program keeps an alias";
    stage.shows(stream, &["run remotive", "search"]).await;
    stage.proxy.clear();
    let part = json!({"timed_out": true, "_shards": {"total": 1, "successful": 1, "failed": 0}, "hits": {"hits": []}});
    stage.proxy.answer("/jobmarket-offers/_search", 200, &part.to_string());
    stage.shows("its answer is only a part of what was asked", &["search", "export", "verify", "status"]).await;
    stage.proxy.clear();
    let new = json!({"error": {"type": "of_a_later_version_exception", "reason": "cannot do this"}, "status": 418});
    stage.proxy.answer("/jobmarket-offers/_search", 418, &new.to_string());
    stage.shows("the server: status …", &["search", "export", "verify", "status"]).await;
    stage.proxy.clear();
    stage.at_node();
    let port: u16 = stage.node.url.rsplit(':').next().unwrap().parse().unwrap();
    stage.at(&format!("http://127.0.0.1:{}", port + 100));
    stage.shows("… does not speak HTTP", &["run remotive", "search"]).await;
    stage.at_node();
    stage.hand("PUT", "_cluster/settings", json!({"persistent": {"search.max_buckets": 2}})).await;
    let facet = "search --facet company.name:100";
    stage.shows("the facets have more different values than the server counts", &[facet]).await;
    stage.hand("PUT", "_cluster/settings", json!({"persistent": {"search.max_buckets": null}})).await;
}

/// Documents that somebody put there, wrote again or deleted, and a store that is away.
pub async fn documents(stage: &mut Stage) {
    let index = stage.index().await;
    let alias = json!({"remove": {"index": index, "alias": "jobmarket-offers"}});
    stage.hand("POST", "_aliases", json!({"actions": [alias]})).await;
    stage.shows("the alias … is gone, and … holds the offers", &["search", "export", "verify"]).await;
    stage.filled().await;
    let index = stage.index().await;
    let found = stage.hand("GET", "jobmarket-offers/_search?size=2&sort=id", Value::Null).await;
    let [first, second] = [0, 1].map(|number| found["hits"]["hits"][number].clone());
    let id = |hit: &Value| hit["_id"].as_str().unwrap().to_owned();
    stage.hand("PUT", &format!("{index}/_doc/{}", id(&first)), first["_source"].clone()).await;
    stage.hand("DELETE", &format!("{index}/_doc/{}", id(&second)), Value::Null).await;
    stage.shows("known, and not in the store", &[&format!("why {}", id(&second))]).await;
    let foreign = json!({"id": "abc", "source": "remotive"});
    stage.hand("PUT", &format!("{index}/_doc/abc"), foreign).await;
    stage.shows("the document … is no offer that was read", &["verify"]).await;
    let row = "documents of … in the store are not as this program writes offers";
    stage.shows(row, &["sweep remotive"]).await;
    stage.filled().await;
    let index = stage.index().await;
    stage.hand("PUT", &format!("{index}/_doc/{}", id(&first)), first["_source"].clone()).await;
    stage.shows("somebody wrote it again", &["verify"]).await;
    stage.at("http://127.0.0.1:9");
    stage.shows("(the store cannot be asked)", &[&format!("why {}", id(&first))]).await;
    stage.filled().await;
}
