//! Offers deleted under a version, and indices of older schemas: what retention asks of the server.
use std::time::Duration;

use chrono::{DateTime, Utc};
use elasticsearch::http::Method;
use serde_json::Value;

use super::outcome::{self, Outcome, Whole};
use super::{Elastic, refused};
use crate::offer::{OfferId, Version};
use crate::store::StoreError;

/// What became of offers that were to be deleted: those that are in no list are gone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deleted {
    /// Offers of which the server holds a higher version: they stay.
    pub kept: Vec<OfferId>,
    /// Whether another owner writes the source: a higher fence was met.
    pub fenced: bool,
}

/// Requests until the server counts as away.
const TRIES: u32 = 8;
/// The first wait before something is sent again; each is twice the last.
const WAIT: Duration = Duration::from_millis(200);

impl Elastic {
    /// Deletes offers. Every one is final when this returns; one that was not there is gone too. After an error the same
    /// may be deleted again under the same version.
    pub async fn delete(&self, ids: &[OfferId], version: Version) -> Result<Deleted, StoreError> {
        let (mut deleted, mut open, mut wait) = (Deleted::default(), ids.to_vec(), WAIT);
        let mut why = String::new();
        for _ in 0..TRIES {
            if open.is_empty() {
                return Ok(deleted);
            }
            let lines: String = open.iter().map(|id| line(id, version)).collect();
            let path = format!("/{}/_bulk", self.index);
            let (status, text) = self.send(Method::Post, &path, "application/x-ndjson", Some(lines)).await?;
            let body = serde_json::from_str::<Value>(&text).ok();
            why = match outcome::request(status, body.as_ref(), open.len()) {
                Whole::Items => {
                    let (again, why) = judged(&open, &body.unwrap_or_default(), version, &mut deleted)?;
                    open = again;
                    why
                }
                Whole::Credentials(why) => return Err(StoreError::Credentials(why)),
                Whole::Blocked(why) => return Err(StoreError::Blocked(why)),
                Whole::SetupLost => return Err(refused(status, &body.unwrap_or_default())),
                Whole::TooLarge => "the request is larger than the server takes".into(),
                Whole::Again(why) => why,
            };
            if !open.is_empty() {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
        }
        if open.is_empty() { Ok(deleted) } else { Err(StoreError::Unreached(why)) }
    }

    /// Indices of offers that no alias points to and that are not of the schema at hand: their names, and when each was
    /// made.
    pub async fn old_indices(&self) -> Result<Vec<(String, DateTime<Utc>)>, StoreError> {
        let ask = async |what: &str| {
            let (status, answer) = self.ask(Method::Get, &format!("/{}-*/{what}", self.alias), None).await?;
            if status == 200 { Ok(answer) } else { Err(refused(status, &answer)) }
        };
        let (aliased, settings) = (ask("_alias").await?, ask("_settings/index.creation_date").await?);
        let mut old = Vec::new();
        for (name, setting) in settings.as_object().into_iter().flatten() {
            let free = aliased[name]["aliases"].as_object().is_some_and(|aliases| aliases.is_empty());
            let made = setting.pointer("/settings/index/creation_date").and_then(Value::as_str);
            let made = made.and_then(|millis| DateTime::from_timestamp_millis(millis.parse().ok()?));
            if let (true, true, Some(made)) = (free && *name != self.index, self.is_ours(name), made) {
                old.push((name.clone(), made));
            }
        }
        old.sort();
        Ok(old)
    }

    /// Deletes an index that [`Elastic::old_indices`] named.
    pub async fn delete_index(&self, name: &str) -> Result<(), StoreError> {
        let (status, answer) = self.ask(Method::Delete, &format!("/{name}"), None).await?;
        if matches!(status, 200 | 404) { Ok(()) } else { Err(refused(status, &answer)) }
    }

    /// Whether a name is one that the program gives to indices of offers: the alias and 16 hexadecimal digits.
    fn is_ours(&self, name: &str) -> bool {
        let hash = name.strip_prefix(&self.alias).and_then(|rest| rest.strip_prefix('-'));
        hash.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|sign| sign.is_ascii_hexdigit()))
    }
}

fn line(id: &OfferId, version: Version) -> String {
    format!("{{\"delete\":{{\"_id\":\"{id}\",\"version\":{version},\"version_type\":\"external_gte\"}}}}\n")
}

/// Judges the items of an answer: those that are sent again, and why.
fn judged(
    sent: &[OfferId],
    body: &Value,
    version: Version,
    deleted: &mut Deleted,
) -> Result<(Vec<OfferId>, String), StoreError> {
    let (mut again, mut because) = (Vec::new(), String::new());
    let answers = body["items"].as_array().into_iter().flatten();
    for (id, answer) in sent.iter().zip(answers) {
        let answer = &answer["delete"];
        let status = answer["status"].as_u64().unwrap_or(0) as u16;
        if status == 404 && answer["error"].is_null() {
            continue;
        }
        match outcome::item(status, &answer["error"], version) {
            Outcome::Done => {}
            Outcome::Superseded => deleted.kept.push(*id),
            Outcome::Fenced => {
                deleted.kept.push(*id);
                deleted.fenced = true;
            }
            Outcome::Blocked(why) => return Err(StoreError::Blocked(why)),
            Outcome::Rejected(reject) => return Err(StoreError::Server(reject.message)),
            Outcome::Unknown(why) => {
                again.push(*id);
                because = why;
            }
            Outcome::Pressure | Outcome::Transient | Outcome::SetupLost => {
                again.push(*id);
                because = format!("status {status} for an offer");
            }
        }
    }
    Ok((again, because))
}
