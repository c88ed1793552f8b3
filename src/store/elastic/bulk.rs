//! Offers written: bulk requests by count and bytes, judged item by item, sent again where that helps.
use elasticsearch::http::Method;
use serde_json::Value;

use super::outcome::{self, Outcome, Whole};
use super::pace::Pace;
use super::{Elastic, refused};
use crate::offer::{Batch, Item, Reject};
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

/// Seconds that the server waits for a shard that is missing: it says so before we would stop to wait for its answer.
const SHARDS: u32 = 30;

/// An outcome that is not known is tried so often before the offer is refused.
const TRIES: u32 = 10;

/// Items that are sent again, each with how often its outcome was not known.
struct Again {
    items: Vec<(usize, u32)>,
    /// Why, of the last of them.
    why: String,
    /// Whether the index is gone.
    setup_lost: bool,
    /// Whether an outcome is not known: that ends after so many tries, whatever the others do.
    unknown: bool,
}

impl Elastic {
    /// Writes a batch. Every item is final when this returns; an error means that nothing is known of those not written,
    /// and that they may be written again under the same version.
    pub async fn write(&self, batch: &Batch<'_>) -> Result<Written, StoreError> {
        let mut written = Written::default();
        let mut open: Vec<(usize, u32)> = (0..batch.items.len()).map(|index| (index, 0)).collect();
        let mut pace = Pace::new();
        while !open.is_empty() {
            let (text, taken) = request(batch, &open, &pace);
            let bytes = text.len();
            // What the network says is for the caller to wait for: the same may be written again under the same version.
            let path = format!("/{}/_bulk?timeout={SHARDS}s", self.index);
            let answer = self.nodes.send(Method::Post, &path, MEDIA, Some(text)).await?;
            let body = serde_json::from_str::<Value>(&answer.text).ok();
            match outcome::request(answer.status, body.as_ref(), taken) {
                Whole::Items => {
                    let again = self.items(batch, &open[..taken], &body.unwrap_or_default(), &mut written)?;
                    self.settle(&mut pace, &again, taken).await?;
                    open.splice(..taken, again.items);
                }
                Whole::TooLarge if taken == 1 => {
                    written.refused.push((open[0].0, too_large(bytes)));
                    open.remove(0);
                }
                Whole::TooLarge => pace.split(bytes),
                Whole::Credentials(why) => return Err(StoreError::Credentials(self.named(&why))),
                Whole::Blocked(why) => return Err(StoreError::Blocked(self.named(&why))),
                Whole::SetupLost => {
                    pace.barren(refused(answer.status, &body.unwrap_or_default()))?;
                    self.set_up().await?;
                }
                Whole::Again(why) => {
                    pace.barren(StoreError::Server(self.named(&why)))?;
                    pace.wait(answer.retry_after).await;
                }
            }
        }
        Ok(written)
    }

    /// What is done before the next request.
    async fn settle(&self, pace: &mut Pace, again: &Again, sent: usize) -> Result<(), StoreError> {
        match again.items.len() {
            0 => pace.faster(),
            waiting => {
                pace.slower(waiting == sent && !again.unknown, StoreError::Server(self.named(&again.why)))?;
                if again.setup_lost {
                    self.set_up().await?;
                }
                pace.wait(None).await;
            }
        }
        Ok(())
    }

    /// What the server says, with the index it is about.
    fn named(&self, why: &str) -> String {
        if why.contains(&self.index) { why.to_owned() } else { format!("index [{}]: {why}", self.index) }
    }

    /// Judges the items of an answer; those that are sent again.
    fn items(
        &self,
        batch: &Batch<'_>,
        sent: &[(usize, u32)],
        body: &Value,
        written: &mut Written,
    ) -> Result<Again, StoreError> {
        let mut again = Again { items: Vec::new(), why: String::new(), setup_lost: false, unknown: false };
        let answers = body["items"].as_array().into_iter().flatten();
        for ((index, tries), answer) in sent.iter().zip(answers) {
            let answer = &answer["index"];
            let status = answer["status"].as_u64().unwrap_or(0) as u16;
            let outcome = outcome::item(status, &answer["error"], batch.version);
            again.setup_lost |= outcome == Outcome::SetupLost;
            match outcome {
                Outcome::Done => {}
                Outcome::Superseded => written.superseded.push(*index),
                Outcome::Fenced => {
                    written.superseded.push(*index);
                    written.fenced = true;
                }
                Outcome::Rejected(reject) => written.refused.push((*index, reject)),
                Outcome::Blocked(why) => return Err(StoreError::Blocked(self.named(&why))),
                Outcome::Credentials(why) => return Err(StoreError::Credentials(self.named(&why))),
                Outcome::Unknown(why) if *tries + 1 >= TRIES => {
                    written.refused.push((*index, reject("store_unknown", why)));
                }
                Outcome::Unknown(why) => {
                    again.items.push((*index, tries + 1));
                    (again.why, again.unknown) = (why, true);
                }
                Outcome::Pressure | Outcome::Transient | Outcome::SetupLost => {
                    again.items.push((*index, *tries));
                    again.why = format!("status {status}: {}", answer["error"]["reason"].as_str().unwrap_or_default());
                }
            }
        }
        Ok(again)
    }
}

const MEDIA: &str = "application/x-ndjson";

fn reject(reason: &str, message: String) -> Reject {
    Reject { reason: reason.into(), stage: "store".into(), field: None, path: None, message }
}

fn too_large(bytes: usize) -> Reject {
    let message = format!(
        "the document alone makes a request of {bytes} bytes, more than the server takes; shorten its fields, or raise \
         `http.max_content_length` there"
    );
    reject("store_too_large", message)
}

/// The first open items as one request, by count and bytes; how many they are.
fn request(batch: &Batch<'_>, open: &[(usize, u32)], pace: &Pace) -> (String, usize) {
    let (mut text, mut taken) = (Vec::new(), 0);
    for (index, _) in open.iter().take(pace.documents) {
        let item = &batch.items[*index];
        if taken > 0 && text.len() + item.range.len() > pace.bytes {
            break;
        }
        line(batch, item, &mut text);
        taken += 1;
    }
    (String::from_utf8_lossy(&text).into_owned(), taken)
}

/// An action and its document, which carries the hash of its content.
fn line(batch: &Batch<'_>, item: &Item, text: &mut Vec<u8>) {
    let action = format!(
        "{{\"index\":{{\"_id\":\"{}\",\"version\":{},\"version_type\":\"external_gte\"}}}}\n",
        item.id, batch.version
    );
    text.extend_from_slice(action.as_bytes());
    batch.document(item, text);
    // The document is an object: its content joins it before the last brace.
    text.pop();
    text.extend_from_slice(format!(",\"content\":\"{:016x}\"}}\n", item.content).as_bytes());
}
