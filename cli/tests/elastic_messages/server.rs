//! The server is there and does not do it now.
use serde_json::{Value, json};

use crate::proxy::Fault;
use crate::stage::Stage;

/// It is overloaded, starts, or asks for a pause.
pub async fn cannot_now(stage: &mut Stage) {
    stage.at_proxy();
    stage.proxy.order_all(Fault::Status(502), 1_000);
    stage.shows("the server cannot do it now", &["run remotive", "search", "export", "verify", "status"]).await;
    stage.proxy.clear();

    stage.empty().await;
    stage.at_proxy();
    stage.proxy.order(Fault::Later(600), 1);
    stage.shows("the server asks for a pause of …", &["run remotive"]).await;
    stage.proxy.clear();
    stage.proxy.order(Fault::Block, 1_000);
    stage.shows("the index … takes no documents … flood stage", &["run remotive"]).await;
    stage.proxy.clear();
    stage.filled().await;
}

/// What a run can live with, and tells.
pub async fn notices(stage: &mut Stage) {
    stage.shows("the server does not tell its licence", &["run remotive"]).await;
    stage.at_proxy();
    let info = stage.hand("GET", "", Value::Null).await;
    stage.proxy.answer("/", 200, &info.to_string());
    stage.proxy.answer("/_license", 200, r#"{"license": {"status": "expired", "type": "platinum"}}"#);
    stage.shows("the server does not say that it is Elasticsearch", &["run remotive"]).await;
    stage.shows("the server's licence … is …", &["run remotive"]).await;
    stage.proxy.clear();
    stage.at_node();

    let nowhere = json!({"settings": {"routing.allocation.require._name": "nobody"}});
    stage.hand("PUT", "somebody-elses?wait_for_active_shards=0", nowhere).await;
    stage.shows("the cluster is red", &["run remotive"]).await;
    stage.hand("DELETE", "somebody-elses", Value::Null).await;
}

/// `status` asks for some seconds alone, and tells of a run that waited and was ended.
pub async fn status(stage: &mut Stage) {
    stage.at_proxy();
    stage.proxy.order_all(Fault::Slow(6_000), 1);
    stage.shows("the store does not answer within … seconds", &["status"]).await;
    stage.proxy.clear();
    stage.proxy.order_all(Fault::Status(502), 1_000);
    let mut waiting = stage.begin("run remotive");
    waiting.until(|said| said.contains("cannot do it now")).await;
    waiting.end().await;
    stage.shows("… for the store, for … minutes", &["status"]).await;
    stage.proxy.clear();
    stage.filled().await;
}
