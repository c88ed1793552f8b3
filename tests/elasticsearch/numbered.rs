//! Offers that are no more than a number and what they say, for tests of what becomes of single requests.
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use chrono::DateTime;
use jobmarket::definition::{self, Text};
use jobmarket::files;
use jobmarket::offer::{Batch, Item, Lifecycle, OfferId, Version};
use jobmarket::schema::Schema;
use jobmarket::store::elastic::Elastic;
use jobmarket::store::{Store, StoreError, Written};
use serde_json::{Value, json};

/// The files of this project.
pub fn texts() -> Vec<Text> {
    files::project(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap()
}

pub fn schema() -> Arc<Schema> {
    definition::read(&texts()).0.schema
}

/// The id of an offer; none is all zeros.
pub fn id(number: usize) -> OfferId {
    OfferId((number as u128 + 1).to_be_bytes())
}

pub fn offers(numbers: Range<usize>, title: &str) -> Vec<(usize, Value)> {
    numbers.map(|number| (number, json!({"title": format!("{title} {number}")}))).collect()
}

/// Writes offers of a source under a version of their own.
pub async fn write(
    store: &Elastic,
    source: &str,
    version: Version,
    offers: &[(usize, Value)],
) -> Result<Written, StoreError> {
    let mut items = Vec::new();
    for (number, offer) in offers {
        let mut offer = offer.clone();
        (offer["id"], offer["source"]) = (id(*number).to_string().into(), source.into());
        let at = DateTime::UNIX_EPOCH;
        let lifecycle =
            Lifecycle { first_seen_at: at, changed_at: at, closed: None, page: version, mapping: "m".into() };
        let text = offer.to_string().into();
        items.push(Item { row: *number as u64, id: id(*number), content: *number as u64, lifecycle, text });
    }
    store.write(&Batch { version, items }).await
}

/// Titles by number, as the server has them.
pub async fn titles(store: &Elastic) -> BTreeMap<usize, String> {
    store.refresh().await.unwrap();
    let listed = store.list(None, None, 10_000).await.unwrap();
    let all = listed.iter().map(|(id, text)| {
        let document: Value = serde_json::from_str(text.get()).unwrap();
        (u128::from_be_bytes(id.0) as usize - 1, document["title"].as_str().unwrap().to_owned())
    });
    let all: BTreeMap<usize, String> = all.collect();
    assert_eq!(all.len(), listed.len(), "an offer is stored twice");
    all
}
