//! Documents that somebody changed, and documents that the server refuses.
use sandbox::Site;
use serde_json::{Value, json};

use crate::proxy::Fault;
use crate::stage::Stage;

/// Behind the program's back one is deleted and one is written.
pub async fn changed_by_hand(stage: &mut Stage) {
    let found = stage.hand("GET", "jobmarket-offers/_search?size=2", Value::Null).await;
    let id = |number: usize| found["hits"]["hits"][number]["_id"].as_str().unwrap();
    let index = stage.index().await;
    stage.hand("DELETE", &format!("{index}/_doc/{}?refresh=true", id(0)), Value::Null).await;
    stage.shows("known, and not stored", &["verify"]).await;
    let document = json!({"id": id(1), "source": "remotive", "source_id": "x", "title": "changed"});
    stage.hand("PUT", &format!("{index}/_doc/{}?refresh=true", id(1)), document).await;
    stage.shows("the store differs from what is known", &["sweep remotive"]).await;
    stage.filled().await;
}

/// A message that a command shows when the server refuses each item of its first request.
async fn shown_by_refused_items(stage: &mut Stage, message: &str, command: &str) {
    stage.at_proxy();
    stage.proxy.order(Fault::Items(400, 100), 1);
    stage.shows(message, &[command]).await;
    stage.proxy.clear();
}

/// What the site does not show is to be closed, and the server refuses that.
pub async fn not_closed(stage: &mut Stage) {
    stage.project.done(&["sweep", "remotive"]).await;
    stage.project.sites.world(|world| world.show(Site::Remotive, 5, false));
    stage.project.done(&["sweep", "remotive"]).await;
    shown_by_refused_items(stage, "the store refuses to close …", "sweep remotive").await;
    // One is closed, is to be deleted, and the server refuses that.
    stage.filled().await;
    stage.project.sites.world(|world| world.show(Site::Remotive, 1, false));
    stage.project.done(&["sweep", "remotive"]).await;
    stage.project.done(&["sweep", "remotive"]).await;
    shown_by_refused_items(stage, "… cannot be deleted: …", "retention --closed 0s").await;
    stage.filled().await;
}

/// Some are refused for good: they are in the quarantine.
pub async fn refused(stage: &mut Stage) {
    let offer = format!("\"source_id\":\"{}\"", stage.offer());
    for (status, message) in [(400, "store_mapping"), (413, "store_too_large"), (418, "store_unknown")] {
        stage.empty().await;
        stage.at_proxy();
        stage.proxy.refuse_as(&offer, status);
        stage.project.done(&["run", "remotive"]).await;
        let (list, _) = stage.project.done(&["quarantine", "list"]).await;
        let show = format!("quarantine show {}", list.split_whitespace().next().unwrap_or("0"));
        stage.shows(message, &[&show]).await;
    }
    stage.proxy.refuse_as("", 0);
    stage.filled().await;
}

/// An ingest pipeline that no offer gets through as it is, set under a run that is at work, and a server that refuses them
/// all.
pub async fn refused_all(stage: &mut Stage) {
    let settings = format!("{}/_settings", stage.index().await);
    let rename = json!({"processors": [{"set": {"field": "_id", "value": "one"}}]});
    stage.hand("PUT", "_ingest/pipeline/renames", rename).await;
    let messages = [
        ("enrich", "whatever is in it", "the index takes no offer … mend that pipeline"),
        ("renames", "is now in", "an offer that was sent to the index … is now in …"),
    ];
    stage.at_proxy();
    for (pipeline, words, message) in messages {
        stage.project.sites.world(|world| world.revise(Site::Remotive, 5));
        stage.proxy.order(Fault::Status(503), 1_000);
        let mut running = stage.begin("run remotive");
        running.until(|said| said.contains("offers wait")).await;
        stage.hand("PUT", &settings, json!({"index.default_pipeline": pipeline})).await;
        stage.proxy.clear();
        running.until(|said| said.contains(words)).await;
        let said = running.end().await;
        stage.holds(message, "run remotive", &said);
        stage.hand("PUT", &settings, json!({"index.default_pipeline": null})).await;
    }
    stage.proxy.order(Fault::Items(418, 100), 1_000);
    stage.shows("the index takes no offer … look at", &["run remotive"]).await;
    stage.proxy.clear();
    stage.filled().await;
}
