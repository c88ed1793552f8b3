//! Whose fault a refusal is: the document's, or the index's. A document that was taken before is the witness.
use std::sync::PoisonError;

use serde_json::{Value, json};

use super::Elastic;
use super::bulk::Actions;
use super::indices::Index;
use super::outcome::{self, Outcome, Sent, Whole};
use crate::offer::{OfferId, Version};
use crate::store::StoreError;

/// A place in the history of a document that none has: what is written under this condition meets a conflict at the very
/// end, behind pipelines and mapping, and is never stored.
const NEVER: &str = "\"if_seq_no\":4611686018427387904,\"if_primary_term\":1";

/// A small document that every index of offers takes, where none is stored.
const SMALL: &str = "00000000000000000000000000000000";

/// What became of the witness.
enum Heard {
    /// It would have been stored. `stored` when it is a document that the index took before.
    Taken { stored: bool },
    /// It is refused as well, and why.
    Refused(String),
}

/// A document that is sent to see whether it would be taken.
#[derive(Clone, Debug)]
pub(super) struct Witness {
    id: String,
    /// One line.
    text: String,
    /// Whether it was taken before.
    stored: bool,
}

impl Witness {
    fn small(source: &Value) -> Self {
        Witness { id: SMALL.into(), text: json!({"id": SMALL, "source": source}).to_string(), stored: false }
    }
}

impl Elastic {
    /// Looks at what a request came to, before any of it is final. An error when what was refused is the index's fault:
    /// when it was changed, or nothing was taken and it does not take either what it took before.
    pub(super) async fn blame(
        &self,
        actions: &Actions<'_>,
        sent: &[(usize, u32)],
        outcomes: &[Outcome],
    ) -> Result<(), StoreError> {
        if let Some(place) = outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Elsewhere(place) => Some(place),
            _ => None,
        }) {
            return Err(self.put_elsewhere(place).await?);
        }
        let Some(first) = outcomes.iter().position(Outcome::is_refusal) else { return Ok(()) };
        let barren = !outcomes.iter().any(Outcome::is_taken);
        if !barren && !outcomes.iter().any(Outcome::lacks_field) {
            return Ok(());
        }
        let there = self.indices().await?;
        let own = there.named(&self.index);
        self.mapping_fits(&there).await?;
        if !barren {
            return Ok(());
        }
        let pressed = matches!(outcomes[first], Outcome::Pressed(_));
        let why = match self.hear(actions, sent[first].0, &outcomes[first]).await? {
            Heard::Taken { stored: true } => return Ok(()),
            Heard::Taken { stored: false } => match self.doubt(actions, sent, outcomes) {
                Some(why) => why,
                None => return Ok(()),
            },
            Heard::Refused(why) if pressed => return Err(StoreError::Unavailable(self.named(&why))),
            Heard::Refused(why) => why,
        };
        Err(StoreError::Refused(format!("{}; {}", self.named(&why), hint(&self.index, own))))
    }

    /// Nothing is stored that could be a witness: two offers or more that are refused for nothing of theirs, one after the
    /// other or at once, are not at fault; one may be. Why they are refused.
    fn doubt(&self, actions: &Actions<'_>, sent: &[(usize, u32)], outcomes: &[Outcome]) -> Option<String> {
        let mut doubted = self.doubted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = None;
        for ((index, _), outcome) in sent.iter().zip(outcomes).filter(|(_, outcome)| !outcome.names_field()) {
            if let Outcome::Unknown(why) = outcome {
                doubted.insert((actions.key)(*index).0);
                last = Some(why.clone());
            }
        }
        last.filter(|_| doubted.len() > 1)
    }

    /// Sends a witness for an action that was refused.
    async fn hear(&self, actions: &Actions<'_>, refused: usize, outcome: &Outcome) -> Result<Heard, StoreError> {
        let mut line = Vec::new();
        (actions.print)(refused, &mut line);
        let witness = self.witness(&line, if outcome.is_size() { line.len() } else { usize::MAX }).await?;
        let text = format!("{{\"index\":{{\"_id\":\"{}\",{NEVER}}}}}\n{}\n", witness.id, witness.text);
        let answer = self.send_bulk(text.into_bytes()).await?;
        let body = serde_json::from_str::<Value>(&answer.text).ok();
        let unavailable = |why: String| StoreError::Unavailable(self.named(&why));
        match outcome::request(answer.status, body.as_ref(), 1) {
            Whole::Items => self.heard(&body.unwrap_or_default()["items"][0]["index"], &witness),
            Whole::TooLarge(why) | Whole::Pressed(why) | Whole::Refused(why) => Ok(Heard::Refused(why)),
            Whole::Credentials(why) => Err(StoreError::Credentials(self.named(&why))),
            Whole::Blocked(why) => Err(StoreError::Blocked(self.named(&why))),
            Whole::SetupLost => Err(unavailable("it is gone".into())),
            Whole::Again(why) => Err(unavailable(why)),
        }
    }

    fn heard(&self, answer: &Value, witness: &Witness) -> Result<Heard, StoreError> {
        let taken = Ok(Heard::Taken { stored: witness.stored });
        if answer["status"] == 409 {
            return taken;
        }
        let id = OfferId::parse(&witness.id).unwrap_or(OfferId([0; 16]));
        match outcome::item(answer, &Sent { index: &self.index, id, version: Version(0) }) {
            Outcome::Done | Outcome::Superseded | Outcome::Fenced => taken,
            Outcome::Rejected(reject) => Ok(Heard::Refused(reject.message)),
            Outcome::Unknown(why) | Outcome::Pressed(why) => Ok(Heard::Refused(why)),
            Outcome::Elsewhere(place) => Ok(Heard::Refused(format!("it would be stored in {place}"))),
            Outcome::Blocked(why) => Err(StoreError::Blocked(self.named(&why))),
            Outcome::Credentials(why) => Err(StoreError::Credentials(self.named(&why))),
            Outcome::Again(why) => Err(StoreError::Unavailable(self.named(&why))),
            Outcome::SetupLost => Err(StoreError::Unavailable(self.named("it is gone"))),
        }
    }

    /// Keeps a document of a request that was taken, as it was sent.
    pub(super) fn remember(&self, actions: &Actions<'_>, sent: &[(usize, u32)], outcomes: &[Outcome]) {
        let Some(at) = outcomes.iter().position(|outcome| *outcome == Outcome::Done) else { return };
        let mut line = Vec::new();
        (actions.print)(sent[at].0, &mut line);
        // What deletes has no document.
        if let Some(document) = document(&line) {
            let (id, text) = ((actions.key)(sent[at].0).0.to_string(), String::from_utf8_lossy(document).into_owned());
            *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(Witness { id, text, stored: true });
        }
    }

    /// The last document that was taken, or else one that is stored, of the same source where there is one (what deletes an
    /// offer names none); a small one
    /// instead of one that has more bytes than `most`.
    async fn witness(&self, refused: &[u8], most: usize) -> Result<Witness, StoreError> {
        let source = document(refused).and_then(|document| serde_json::from_slice::<Value>(document).ok());
        let source = source.unwrap_or_default()["source"].clone();
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let known = match taken {
            Some(taken) => Some(taken),
            None => self.stored_one(&source).await?,
        };
        Ok(match known {
            Some(known) if known.text.len() <= most => known,
            Some(_) => Witness { stored: true, ..Witness::small(&source) },
            None => Witness::small(&source),
        })
    }

    async fn stored_one(&self, source: &Value) -> Result<Option<Witness>, StoreError> {
        let mut query = json!({"bool": {"must": {"exists": {"field": "id"}}}});
        if !source.is_null() {
            query["bool"]["should"] = json!({"term": {"source": source}});
        }
        let body = json!({"size": 1, "query": query, "track_total_hits": false});
        let hit = self.searched_in(&self.index, &body).await?.hits.hits.into_iter().next();
        // As it was sent: in one line.
        let line = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default().to_string();
        Ok(hit.map(|hit| Witness { id: hit.id, text: line(hit.source.get()), stored: true }))
    }

    /// An offer is not where it was sent: the run ends, so that no more go there.
    async fn put_elsewhere(&self, place: &str) -> Result<StoreError, StoreError> {
        let there = self.indices().await?;
        self.aliases_stand(&there)?;
        let hint = hint(&self.index, there.named(&self.index));
        Ok(StoreError::Altered(format!(
            "an offer that was sent to the index `{}` is now in {place}: an ingest pipeline sends it there; {hint}. This \
             run has stopped, so that no more go there; what is there already is yours to delete",
            self.index
        )))
    }
}

/// The line behind an action.
fn document(action: &[u8]) -> Option<&[u8]> {
    action.split(|byte| *byte == b'\n').nth(1).filter(|document| !document.is_empty())
}

/// What to look at when an index takes nothing.
fn hint(name: &str, own: Option<&Index>) -> String {
    let pipelines = ["index.default_pipeline", "index.final_pipeline"].into_iter().filter_map(|setting| {
        let pipeline = own?.settings.get(setting)?.as_str().filter(|pipeline| *pipeline != "_none")?;
        Some(format!(
            "its `{setting}` is `{pipeline}`: mend that pipeline (`GET /_ingest/pipeline/{pipeline}`), or take it away: \
             `PUT /{name}/_settings {{\"{setting}\": null}}`"
        ))
    });
    let pipelines: Vec<String> = pipelines.collect();
    if pipelines.is_empty() {
        return format!("somebody changed the index or the server: look at `GET /{name}` there");
    }
    pipelines.join("; ")
}
