//! Every message that `docs/elasticsearch.md` lists, produced on a real node and seen in what the commands print: with the
//! words of its row, with the call that it says to make, and without advice of another case.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "../../../tests/elasticsearch/certificates.rs"]
mod certificates;
mod connecting;
mod documents;
#[path = "../../../tests/elasticsearch/hand.rs"]
mod hand;
mod index;
mod loss;
#[path = "../../../tests/elasticsearch/node.rs"]
mod node;
mod others;
#[path = "../project/mod.rs"]
mod project;
#[path = "../../../tests/elasticsearch/proxy.rs"]
mod proxy;
mod readers;
mod rows;
mod server;
mod stage;

use stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn each_message_of_the_table_is_shown_with_its_remedy() {
    let mut stage = Stage::new().await;
    connecting::without_a_server(&mut stage).await;
    index::not_there(&mut stage).await;
    stage.filled().await;
    connecting::what_answers(&mut stage).await;
    connecting::who_asks(&mut stage).await;
    connecting::whom_to_trust(&mut stage).await;
    server::notices(&mut stage).await;
    server::cannot_now(&mut stage).await;
    server::status(&mut stage).await;
    index::blocked(&mut stage).await;
    readers::blocks(&mut stage).await;
    readers::answers(&mut stage).await;
    readers::documents(&mut stage).await;
    index::made_by_hand(&mut stage).await;
    index::behind_other_aliases(&mut stage).await;
    index::moved_by_hand(&mut stage).await;
    index::changed_by_hand(&mut stage).await;
    index::not_made(&mut stage).await;
    documents::changed_by_hand(&mut stage).await;
    documents::not_closed(&mut stage).await;
    documents::refused(&mut stage).await;
    documents::refused_all(&mut stage).await;
    loss::of_the_index(&mut stage).await;
    loss::of_the_claims(&mut stage).await;
    loss::of_sight(&mut stage).await;
    others::take_the_source(&mut stage).await;
    others::change_the_schema(&mut stage).await;
    stage.judge();
}
