//! The server is there and does not do it now.
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
    stage.shows("the server takes no documents: … flood-stage", &["run remotive"]).await;
    stage.proxy.clear();
    stage.filled().await;
}
