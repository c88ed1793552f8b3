//! Offers written: bulk requests by count and bytes, judged item by item, sent again where that helps.
use std::time::Duration;

use elasticsearch::http::Method;
use serde_json::Value;

use super::outcome::{self, Outcome, Whole};
use super::{Elastic, refused};
use crate::offer::{Batch, Item, OfferId, Reject, Version};
use crate::store::StoreError;

/// What became of a batch: every item that is in none of these lists is stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// Items of which a higher version is stored, by their place in the batch.
    pub superseded: Vec<usize>,
    /// Items that the store refuses for good.
    pub refused: Vec<(usize, Reject)>,
    /// Whether another owner writes the source: a higher fence was met.
    pub fenced: bool,
}

/// Most documents and bytes of a request.
const DOCUMENTS: usize = 1_000;
const BYTES: usize = 5 << 20;
/// An outcome that is not known is tried so often before the offer is refused.
const TRIES: u32 = 10;
/// The first and the longest wait before something is sent again.
const WAIT: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(30);

/// What bulk requests are made of: so many actions, each with its version and the lines that it is sent as.
pub(super) struct Actions<'a> {
    pub count: usize,
    pub version: &'a (dyn Fn(usize) -> Version + Sync),
    pub print: &'a (dyn Fn(usize, &mut Vec<u8>) + Sync),
}

impl Elastic {
    /// Writes a batch. Every item is final when this returns; an error means that nothing is known of those not written,
    /// and that they may be written again under the same version.
    pub async fn write(&self, batch: &Batch<'_>) -> Result<Written, StoreError> {
        let print = |index: usize, text: &mut Vec<u8>| line(batch, &batch.items[index], text);
        self.carry_out(&Actions { count: batch.items.len(), version: &|_| batch.version, print: &print }).await
    }

    /// Carries actions out, until each is final.
    pub(super) async fn carry_out(&self, actions: &Actions<'_>) -> Result<Written, StoreError> {
        let mut written = Written::default();
        let mut open: Vec<(usize, u32)> = (0..actions.count).map(|index| (index, 0)).collect();
        let (mut most, mut wait) = (DOCUMENTS, WAIT);
        while !open.is_empty() {
            let (text, taken) = request(actions, &open, most);
            // What the network says is for the caller to wait for: the same may be written again under the same version.
            let (status, text) = self.send(Method::Post, &format!("/{}/_bulk", self.index), MEDIA, Some(text)).await?;
            let body = serde_json::from_str::<Value>(&text).ok();
            match outcome::request(status, body.as_ref(), taken) {
                Whole::Items => {
                    let body = body.unwrap_or_default();
                    let again = judged(actions, &open[..taken], &body, &mut written)?;
                    let waits = !again.is_empty();
                    open.splice(..taken, again);
                    if waits {
                        most = (most / 2).max(1);
                        pause(&mut wait).await;
                    } else {
                        (most, wait) = ((most * 2).min(DOCUMENTS), WAIT);
                    }
                }
                Whole::TooLarge if taken == 1 => {
                    let message = "the document alone is larger than the server takes".to_owned();
                    written.refused.push((open[0].0, reject("store_too_large", message)));
                    open.remove(0);
                }
                Whole::TooLarge => most = (taken / 2).max(1),
                Whole::Credentials(why) => return Err(StoreError::Credentials(why)),
                Whole::Blocked(why) => return Err(StoreError::Blocked(why)),
                Whole::SetupLost => {
                    tried(&mut open[..taken], &refused(status, &body.unwrap_or_default()))?;
                    self.make_index(None).await?;
                }
                Whole::Again(why) => {
                    tried(&mut open[..taken], &StoreError::Server(why))?;
                    pause(&mut wait).await;
                }
            }
        }
        Ok(written)
    }
}

/// Judges the items of an answer; those that are sent again.
fn judged(
    actions: &Actions<'_>,
    sent: &[(usize, u32)],
    body: &Value,
    written: &mut Written,
) -> Result<Vec<(usize, u32)>, StoreError> {
    let mut again = Vec::new();
    let answers = body["items"].as_array().into_iter().flatten();
    for ((index, tries), answer) in sent.iter().zip(answers) {
        let answer = answer.as_object().and_then(|action| action.values().next()).unwrap_or(&Value::Null);
        let status = answer["status"].as_u64().unwrap_or(0) as u16;
        match outcome::item(status, &answer["error"], (actions.version)(*index)) {
            Outcome::Done => {}
            Outcome::Superseded => written.superseded.push(*index),
            Outcome::Fenced => {
                written.superseded.push(*index);
                written.fenced = true;
            }
            Outcome::Rejected(reject) => written.refused.push((*index, reject)),
            Outcome::Blocked(why) => return Err(StoreError::Blocked(why)),
            Outcome::Unknown(why) if *tries + 1 >= TRIES => {
                written.refused.push((*index, reject("store_unknown", why)));
            }
            Outcome::Unknown(_) => again.push((*index, tries + 1)),
            Outcome::Pressure | Outcome::Transient | Outcome::SetupLost => again.push((*index, *tries)),
        }
    }
    Ok(again)
}

const MEDIA: &str = "application/x-ndjson";

fn reject(reason: &str, message: String) -> Reject {
    Reject { reason: reason.into(), stage: "store".into(), field: None, path: None, message }
}

/// One more try of these; an error when the server does not answer properly any more.
fn tried(open: &mut [(usize, u32)], error: &StoreError) -> Result<(), StoreError> {
    for (_, tries) in open.iter_mut() {
        *tries += 1;
        if *tries >= TRIES {
            return Err(StoreError::Unreached(error.to_string()));
        }
    }
    Ok(())
}

/// Waits, longer each time, and a random part of it.
async fn pause(wait: &mut Duration) {
    tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
    *wait = (*wait * 2).min(LONGEST);
}

/// The first open actions as one request, by count and bytes; how many they are.
fn request(actions: &Actions<'_>, open: &[(usize, u32)], most: usize) -> (String, usize) {
    let (mut text, mut taken) = (Vec::new(), 0);
    for (index, _) in open.iter().take(most) {
        let before = text.len();
        (actions.print)(*index, &mut text);
        if taken > 0 && text.len() > BYTES {
            text.truncate(before);
            break;
        }
        taken += 1;
    }
    (String::from_utf8_lossy(&text).into_owned(), taken)
}

/// The line of an action on a document: `index`, or `delete`.
pub(super) fn action(verb: &str, id: OfferId, version: Version, text: &mut Vec<u8>) {
    let line = format!("{{\"{verb}\":{{\"_id\":\"{id}\",\"version\":{version},\"version_type\":\"external_gte\"}}}}\n");
    text.extend_from_slice(line.as_bytes());
}

/// An action and its document, which carries the hash of its content.
fn line(batch: &Batch<'_>, item: &Item, text: &mut Vec<u8>) {
    action("index", item.id, batch.version, text);
    batch.document(item, text);
    // The document is an object: its content joins it before the last brace.
    text.pop();
    text.extend_from_slice(format!(",\"content\":\"{:016x}\"}}\n", item.content).as_bytes());
}
