//! A server that lost what it held: the index, the claims, or what searches would find.
use std::time::Duration;

use sandbox::Site;
use serde_json::Value;

use crate::proxy::Fault;
use crate::stage::Stage;

/// How long a run that was held may take to its end.
const LONG: Duration = Duration::from_secs(40);

/// Offers are stored that the site shows no more, and the index is gone.
async fn without_its_index(stage: &Stage) {
    stage.filled().await;
    stage.project.sites.world(|world| world.show(Site::Remotive, 5, false));
    let index = stage.index().await;
    stage.hand("DELETE", &index, Value::Null).await;
}

pub async fn of_the_index(stage: &mut Stage) {
    without_its_index(stage).await;
    let commands = ["search", "export", "verify", "status"];
    stage.shows("the index of offers is gone from the server", &commands).await;
    stage
        .shows("… offers that the store had lost, or somebody had changed there, are written again", &["run remotive"])
        .await;

    // What the archive had is gone too.
    without_its_index(stage).await;
    std::fs::remove_dir_all(stage.project.data().join("raw")).unwrap();
    stage.shows("the store has lost … offers", &["run remotive", "status"]).await;
}

pub async fn of_the_claims(stage: &mut Stage) {
    stage.empty().await;
    stage.at_proxy();
    stage.proxy.order(Fault::Status(503), 1_000);
    let mut running = stage.begin("run remotive");
    running.until(|said| said.contains("offers wait")).await;
    stage.hand("DELETE", "jobmarket-claims", Value::Null).await;
    stage.proxy.clear();
    let said = running.end_within(LONG).await;
    stage.holds("the claim of this source was gone from the server", "run remotive", &said);
}

/// The server does not refresh its index when a command ends.
pub async fn of_sight(stage: &mut Stage) {
    stage.filled().await;
    stage.at_proxy();
    stage.proxy.answer("/jobmarket-offers/_refresh", 503, "{}");
    stage.shows("what this run wrote last is stored, and not found by searches", &["close remotive --older-ask"]).await;
    stage.proxy.clear();
    stage.filled().await;
}
