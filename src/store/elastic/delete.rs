//! Offers deleted under a version, and indices of older schemas: what retention asks of the server.
use chrono::{DateTime, Utc};
use elasticsearch::http::Method;
use serde_json::Value;

use super::bulk::{Actions, action};
use super::index::guard;
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

impl Elastic {
    /// Deletes offers. Every one is final when this returns; one that was not there is gone too. After an error the same
    /// may be deleted again under the same version.
    pub async fn delete(&self, ids: &[OfferId], version: Version) -> Result<Deleted, StoreError> {
        let print = |index: usize, text: &mut Vec<u8>| action("delete", ids[index], version, text);
        let written = self.carry_out(&Actions { count: ids.len(), version: &|_| version, print: &print }).await?;
        if let Some((_, reject)) = written.refused.first() {
            return Err(StoreError::Server(format!("an offer cannot be deleted: {}", reject.message)));
        }
        Ok(Deleted { kept: written.superseded.iter().map(|index| ids[*index]).collect(), fenced: written.fenced })
    }

    /// Indices of offers that no alias points to and that are not of the schema at hand: their names, and since when that
    /// is so. Of one that does not say, when it was made.
    pub async fn old_indices(&self) -> Result<Vec<(String, DateTime<Utc>)>, StoreError> {
        let ask = async |what: &str| {
            let (status, answer) = self.ask(Method::Get, &format!("/{}-*/{what}", self.alias), None).await?;
            if status == 200 { Ok(answer) } else { Err(refused(status, &answer)) }
        };
        let (aliased, settings) = (ask("_alias").await?, ask("_settings/index.creation_date").await?);
        let mappings = ask("_mapping").await?;
        let mut old = Vec::new();
        for (name, setting) in settings.as_object().into_iter().flatten() {
            let aliases = aliased[name]["aliases"].as_object();
            let free = aliases.is_some_and(|aliases| aliases.keys().all(|alias| *alias == guard(name)));
            let made = setting.pointer("/settings/index/creation_date").and_then(Value::as_str);
            let made = made.and_then(|millis| DateTime::from_timestamp_millis(millis.parse().ok()?));
            let left = mappings[name]["mappings"]["_meta"]["left"].as_str().and_then(|at| at.parse().ok());
            let used = *name == self.index || self.older.contains(name);
            if let (true, true, Some(since)) = (free && !used, self.is_ours(name), left.or(made)) {
                old.push((name.clone(), since));
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
