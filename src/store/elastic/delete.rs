//! Offers deleted under a version, and indices of older schemas: what retention asks of the server.
use chrono::{DateTime, Utc};
use elasticsearch::http::Method;

use super::bulk::{Actions, action};
use super::indices::Index;
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
        let written =
            self.carry_out(&Actions { count: ids.len(), key: &|index| (ids[index], version), print: &print }).await?;
        if let Some((index, reject)) = written.refused.first() {
            return Err(StoreError::Server(format!(
                "offer {} cannot be deleted: {}; mend what that names, then `jobmarket retention` goes on from there",
                ids[*index], reject.message
            )));
        }
        Ok(Deleted { kept: written.superseded.iter().map(|index| ids[*index]).collect(), fenced: written.fenced })
    }

    /// Indices of ours that say that they were left and that no alias points to: their names, and since when that is so.
    pub async fn old_indices(&self) -> Result<Vec<(String, DateTime<Utc>)>, StoreError> {
        let there = self.indices().await?;
        let old = |index: &Index| {
            let used = index.name == self.index || self.older.contains(&index.name);
            let left = index.meta.left.filter(|_| self.is_ours(index) && index.is_aside() && !used)?;
            Some((index.name.clone(), left))
        };
        let mut old: Vec<_> = there.iter().filter_map(old).collect();
        old.sort();
        Ok(old)
    }

    /// Deletes an index that [`Elastic::old_indices`] named.
    pub async fn delete_index(&self, name: &str) -> Result<(), StoreError> {
        let (status, answer) = self.ask(Method::Delete, &format!("/{name}"), None).await?;
        if matches!(status, 200 | 404) { Ok(()) } else { Err(refused(status, &answer)) }
    }
}
