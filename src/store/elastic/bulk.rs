//! Offers written: bulk requests by count and bytes, judged item by item, sent again where that helps.
use elasticsearch::http::Method;
use serde_json::Value;

use super::index::guard;
use super::outcome::{self, Outcome, Whole};
use super::pace::{self, Pace};
use super::{Elastic, blocks, refused};
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

/// Seconds that the server waits for a shard that is missing: it says so before we would stop to wait for its answer.
const SHARDS: u32 = 30;

/// What is read of an answer. What it says of a request that failed as a whole comes in full.
const ASKED: &str = "items.*.status,items.*.error";

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
        let mut pace = Pace::new();
        while !open.is_empty() {
            let (text, taken) = request(actions, &open, &pace);
            let bytes = text.len();
            // What the network says is for the caller to wait for: the same may be written again under the same version.
            let path =
                format!("/{}/_bulk?require_alias=true&timeout={SHARDS}s&filter_path={ASKED}", guard(&self.index));
            let answer = self.nodes.send(Method::Post, &path, MEDIA, Some(text.into())).await?;
            let body = serde_json::from_str::<Value>(&answer.text).ok();
            match outcome::request(answer.status, body.as_ref(), taken) {
                Whole::Items => {
                    let judged = self.items(actions, &open[..taken], &body.unwrap_or_default(), &mut written);
                    let again = match judged {
                        Err(StoreError::Blocked(why)) => return Err(self.blocked(&why).await),
                        judged => judged?,
                    };
                    self.settle(&mut pace, &again, taken).await?;
                    open.splice(..taken, again.items);
                }
                Whole::TooLarge if taken == 1 => {
                    written.refused.push((open[0].0, too_large(bytes)));
                    open.remove(0);
                }
                Whole::TooLarge => pace.split(bytes),
                Whole::Credentials(why) => return Err(StoreError::Credentials(self.named(&why))),
                Whole::Blocked(why) => return Err(self.blocked(&why).await),
                Whole::SetupLost => {
                    pace.barren(refused(answer.status, &body.unwrap_or_default()))?;
                    self.set_up_again().await?;
                }
                Whole::Again(why) => {
                    let why = self.named(&why);
                    if let Some(pause) = answer.retry_after.filter(|pause| *pause > pace::LONGEST) {
                        return Err(StoreError::Later(why, pause));
                    }
                    pace.barren(StoreError::Unavailable(why))?;
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
                pace.slower(waiting == sent && !again.unknown, StoreError::Unavailable(self.named(&again.why)))?;
                if again.setup_lost {
                    self.set_up_again().await?;
                }
                pace.wait(None).await;
            }
        }
        Ok(())
    }

    /// The index is gone: it is made again, unless nobody writes it any more.
    pub(super) async fn set_up_again(&self) -> Result<(), StoreError> {
        if self.is_replaced().await? {
            return Err(StoreError::Replaced);
        }
        self.set_up().await.map(|_| ())
    }

    /// Who keeps the documents out: another schema that took over, or the server.
    async fn blocked(&self, why: &str) -> StoreError {
        match self.is_replaced().await {
            Ok(true) => StoreError::Replaced,
            _ => blocks::worded(why, &self.index),
        }
    }

    /// What the server says, with the index it is about.
    fn named(&self, why: &str) -> String {
        if why.contains(&self.index) { why.to_owned() } else { format!("index [{}]: {why}", self.index) }
    }

    /// Judges the items of an answer; those that are sent again.
    fn items(
        &self,
        actions: &Actions<'_>,
        sent: &[(usize, u32)],
        body: &Value,
        written: &mut Written,
    ) -> Result<Again, StoreError> {
        let mut again = Again { items: Vec::new(), why: String::new(), setup_lost: false, unknown: false };
        let answers = body["items"].as_array().into_iter().flatten();
        for ((index, tries), answer) in sent.iter().zip(answers) {
            let answer = answer.as_object().and_then(|action| action.values().next()).unwrap_or(&Value::Null);
            let status = answer["status"].as_u64().unwrap_or(0) as u16;
            let outcome = outcome::item(status, &answer["error"], (actions.version)(*index));
            again.setup_lost |= outcome == Outcome::SetupLost;
            match outcome {
                Outcome::Done => {}
                Outcome::Superseded => written.superseded.push(*index),
                Outcome::Fenced => {
                    written.superseded.push(*index);
                    written.fenced = true;
                }
                Outcome::Rejected(reject) => written.refused.push((*index, reject)),
                Outcome::Blocked(why) => return Err(StoreError::Blocked(why)),
                Outcome::Credentials(why) => return Err(StoreError::Credentials(self.named(&why))),
                Outcome::Unknown(why) if *tries + 1 >= TRIES => {
                    written.refused.push((*index, reject("store_unknown", why)));
                }
                Outcome::Unknown(why) => {
                    again.items.push((*index, tries + 1));
                    (again.why, again.unknown) = (why, true);
                }
                Outcome::Again | Outcome::SetupLost => {
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

/// The first open actions as one request, by count and bytes; how many they are.
fn request(actions: &Actions<'_>, open: &[(usize, u32)], pace: &Pace) -> (Vec<u8>, usize) {
    let (mut text, mut taken) = (Vec::new(), 0);
    for (index, _) in open.iter().take(pace.documents) {
        let before = text.len();
        (actions.print)(*index, &mut text);
        if taken > 0 && text.len() > pace.bytes {
            text.truncate(before);
            break;
        }
        taken += 1;
    }
    (text, taken)
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
