//! Offers written: bulk requests by count and bytes, judged item by item, sent again where that helps.
use std::time::Duration;

use elasticsearch::http::Method;
use serde_json::Value;

use super::index::guard;
use super::node::{Answer, NodeRequest};
use super::outcome::{self, Outcome, Sent, Whole};
use super::pace::{self, Pace};
use super::{Elastic, blocks, refused};
use crate::bounds::WRITTEN;
use crate::offer::{Batch, Item, OfferId, Reject, Version};
use crate::store::{StoreError, Written};

/// Seconds that the server waits for a shard that is missing: it says so before we would stop to wait for its answer.
const SHARDS: u32 = 30;

/// What is read of an answer. What it says of a request that failed as a whole comes in full.
const ASKED: &str = "items.*.status,items.*.error,items.*._index,items.*._id,items.*.result";

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

/// What came back of a request.
#[derive(Default)]
struct Reply {
    status: u16,
    retry_after: Option<Duration>,
    body: Value,
}

/// A request below so many bytes is not cut off for its size.
const SMALL: usize = 16 << 10;
/// How long a server is asked whether it is there, when a request of more bytes had no answer.
const LOOK: Duration = Duration::from_secs(5);

/// What bulk requests are made of: so many actions, each with its id and version and the lines that it is sent as.
pub(super) struct Actions<'a> {
    pub count: usize,
    pub key: &'a (dyn Fn(usize) -> (OfferId, Version) + Sync),
    pub print: &'a (dyn Fn(usize, &mut Vec<u8>) + Sync),
}

impl Elastic {
    /// Writes a batch. Every item is final when this returns; an error means that nothing is known of those not written,
    /// and that they may be written again under the same version.
    pub async fn write(&self, batch: &Batch) -> Result<Written, StoreError> {
        let print = |index: usize, text: &mut Vec<u8>| line(batch.version, &batch.items[index], text);
        let key = |index: usize| (batch.items[index].id, batch.version);
        self.carry_out(&Actions { count: batch.items.len(), key: &key, print: &print }).await
    }

    /// Carries actions out, until each is final.
    pub(super) async fn carry_out(&self, actions: &Actions<'_>) -> Result<Written, StoreError> {
        let mut written = Written::default();
        let mut open: Vec<(usize, u32)> = (0..actions.count).map(|index| (index, 0)).collect();
        let mut pace = Pace::new();
        while !open.is_empty() {
            let (text, taken) = request(actions, &open, pace.documents, self.room.most());
            let bytes = text.len();
            let (whole, reply) = self.answered(text, taken).await?;
            match whole {
                Whole::Credentials(why) => return Err(StoreError::Credentials(self.named(&why))),
                Whole::Blocked(why) => return Err(self.blocked(&why).await),
                Whole::SetupLost => {
                    pace.barren(refused(reply.status, &reply.body))?;
                    self.set_up_again().await?;
                }
                Whole::Again(why) => {
                    let why = self.named(&why);
                    if let Some(pause) = reply.retry_after.filter(|pause| *pause > pace::LONGEST) {
                        return Err(StoreError::Later(why, pause));
                    }
                    pace.barren(StoreError::Unavailable(why))?;
                    pace.wait(reply.retry_after).await;
                }
                Whole::TooLarge(_) | Whole::Refused(_) if taken > 1 => {
                    self.room.refused(bytes, matches!(whole, Whole::TooLarge(_)));
                }
                Whole::Pressed(why) if taken > 1 => {
                    self.room.refused(bytes, false);
                    pace.barren(StoreError::Unavailable(self.named(&why)))?;
                    pace.wait(reply.retry_after).await;
                }
                Whole::Items | Whole::TooLarge(_) | Whole::Refused(_) | Whole::Pressed(_) => {
                    let outcomes = self.outcomes(actions, &open[..taken], whole, &reply.body, bytes);
                    let again = match self.items(actions, &open[..taken], outcomes, bytes, &mut written).await {
                        Err(StoreError::Blocked(why)) => return Err(self.blocked(&why).await),
                        judged => judged?,
                    };
                    self.settle(&mut pace, &again, taken).await?;
                    open.splice(..taken, again.items);
                }
            }
        }
        Ok(written)
    }

    /// One bulk request, without a judgement of what comes back.
    pub(super) async fn send_bulk(&self, text: Vec<u8>) -> Result<Answer, StoreError> {
        let path = format!("/{}/_bulk?require_alias=true&timeout={SHARDS}s&filter_path={ASKED}", guard(&self.index));
        let sent =
            NodeRequest { method: Method::Post, path: &path, media: MEDIA, body: Some(text.into()), most: WRITTEN };
        self.nodes.send(&sent).await
    }

    /// Sends a request. What the network says is for the caller to wait for: the same may be written again under the same
    /// version. Unless a large request has no answer for the second time, from a server that answers small ones: then it is
    /// its size that something on the way does not take.
    async fn answered(&self, text: Vec<u8>, sent: usize) -> Result<(Whole, Reply), StoreError> {
        let bytes = text.len();
        match self.send_bulk(text).await {
            Ok(answer) => {
                let body = serde_json::from_str::<Value>(&answer.text).ok();
                let whole = outcome::request(answer.status, body.as_ref(), sent);
                if whole == Whole::Items {
                    self.room.passed(bytes);
                }
                let (status, retry_after) = (answer.status, answer.retry_after);
                Ok((whole, Reply { status, retry_after, body: body.unwrap_or_default() }))
            }
            Err(StoreError::Unreached(why)) if bytes >= SMALL && self.room.cut(bytes) && self.is_there().await => {
                Ok((Whole::Pressed(format!("no answer to {bytes} bytes: {why}")), Reply::default()))
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the server answers at all.
    async fn is_there(&self) -> bool {
        let sent = NodeRequest::json(Method::Get, "/", None);
        matches!(tokio::time::timeout(LOOK, self.nodes.send(&sent)).await, Ok(Ok(_)))
    }

    /// What became of each action of a request; of one that is alone the answer to the whole says it.
    fn outcomes(
        &self,
        actions: &Actions<'_>,
        sent: &[(usize, u32)],
        whole: Whole,
        body: &Value,
        bytes: usize,
    ) -> Vec<Outcome> {
        match whole {
            Whole::TooLarge(why) => vec![Outcome::Rejected(too_large(bytes, &why))],
            Whole::Pressed(why) => vec![Outcome::Pressed(why)],
            Whole::Refused(why) => vec![Outcome::Unknown(why)],
            _ => {
                let answers = body["items"].as_array().into_iter().flatten();
                let answers = answers.map(|item| item.as_object().and_then(|action| action.values().next()));
                let judged = sent.iter().zip(answers).map(|((index, _), answer)| {
                    let (id, version) = (actions.key)(*index);
                    outcome::item(answer.unwrap_or(&Value::Null), &Sent { index: &self.index, id, version })
                });
                judged.collect()
            }
        }
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
    pub(super) fn named(&self, why: &str) -> String {
        if why.contains(&self.index) { why.to_owned() } else { format!("index [{}]: {why}", self.index) }
    }

    /// What is final of a request, and what is sent again.
    async fn items(
        &self,
        actions: &Actions<'_>,
        sent: &[(usize, u32)],
        outcomes: Vec<Outcome>,
        bytes: usize,
        written: &mut Written,
    ) -> Result<Again, StoreError> {
        self.blame(actions, sent, &outcomes).await?;
        self.remember(actions, sent, &outcomes);
        let mut again = Again { items: Vec::new(), why: String::new(), setup_lost: false, unknown: false };
        for ((index, tries), outcome) in sent.iter().zip(outcomes) {
            let last = *tries + 1 >= TRIES;
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
                Outcome::Elsewhere(place) => return Err(StoreError::Altered(place)),
                Outcome::Unknown(why) if last => written.refused.push((*index, reject("store_unknown", why))),
                Outcome::Pressed(why) if last && sent.len() == 1 => {
                    written.refused.push((*index, too_large(bytes, &why)));
                }
                Outcome::Unknown(why) => again.of(*index, *tries, why, true),
                Outcome::Pressed(why) => again.of(*index, *tries, why, sent.len() == 1),
                Outcome::Again(why) => again.of(*index, *tries, why, false),
                Outcome::SetupLost => {
                    again.of(*index, *tries, "the index is gone".into(), false);
                    again.setup_lost = true;
                }
            }
        }
        Ok(again)
    }
}

impl Again {
    /// One action more, because of this; `unknown` counts as a try.
    fn of(&mut self, index: usize, tries: u32, why: String, unknown: bool) {
        self.items.push((index, tries + u32::from(unknown)));
        self.why = why;
        self.unknown |= unknown;
    }
}

const MEDIA: &str = "application/x-ndjson";

fn reject(reason: &str, message: String) -> Reject {
    Reject { reason: reason.into(), stage: "store".into(), field: None, path: None, message }
}

fn too_large(bytes: usize, why: &str) -> Reject {
    let message = format!(
        "the document alone makes a request of {bytes} bytes, more than is taken there ({why}); shorten its fields, or raise \
         the limit of whoever refuses it: Elasticsearch (`http.max_content_length`, `network.breaker.inflight_requests.limit`), \
         or a proxy before it (nginx: `client_max_body_size`)"
    );
    reject("store_too_large", message)
}

/// The first open actions as one request, by count and bytes; how many they are.
fn request(actions: &Actions<'_>, open: &[(usize, u32)], documents: usize, most: usize) -> (Vec<u8>, usize) {
    let (mut text, mut taken) = (Vec::new(), 0);
    for (index, _) in open.iter().take(documents) {
        let before = text.len();
        (actions.print)(*index, &mut text);
        if taken > 0 && text.len() > most {
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
fn line(version: Version, item: &Item, text: &mut Vec<u8>) {
    action("index", item.id, version, text);
    item.document(text);
    // The document is an object: its content joins it before the last brace.
    text.pop();
    text.extend_from_slice(format!(",\"content\":\"{:016x}\"}}\n", item.content).as_bytes());
}
