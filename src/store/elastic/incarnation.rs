//! Which index ours is, among all that ever had its name: how a run notices that the server lost what it held.
use elasticsearch::http::Method;

use super::{Elastic, refused};
use crate::store::StoreError;

/// What is read of the statistics: the id of the index, and that of the history of each shard.
const ASKED: &str =
    "indices.*.uuid,indices.*.shards.*.routing.primary,indices.*.shards.*.commit.user_data.history_uuid";

impl Elastic {
    /// The index that offers are written to, by the ids that the server gave it: one that was deleted and made again has
    /// another UUID, and one that was restored from a snapshot, or of which a shard was forced to begin empty or from a
    /// stale copy, has another history. Restarts, replicas and moves keep both. An index that is gone is made again.
    pub async fn incarnation(&self) -> Result<String, StoreError> {
        if let Some(here) = self.incarnated().await? {
            return Ok(here);
        }
        self.set_up_again().await?;
        let gone = || StoreError::Unavailable(format!("the index `{}` is gone, and was made again", self.index));
        self.incarnated().await?.ok_or_else(gone)
    }

    /// The same; `None` where there is no such index.
    async fn incarnated(&self) -> Result<Option<String>, StoreError> {
        let path = format!("/{}/_stats/docs?level=shards&filter_path=error,{ASKED}", self.index);
        let (status, answer) = self.ask(Method::Get, &path, None).await?;
        match status {
            200 => {}
            404 => return Ok(None),
            _ => return Err(refused(status, &answer)),
        }
        let index = &answer["indices"][&self.index];
        let copies = index["shards"].as_object().into_iter().flat_map(|shards| shards.values());
        let primaries = copies.flat_map(|copies| copies.as_array().into_iter().flatten());
        let mut histories: Vec<&str> = primaries
            .filter(|copy| copy["routing"]["primary"] == true)
            .map(|copy| copy["commit"]["user_data"]["history_uuid"].as_str().unwrap_or_default())
            .collect();
        if histories.is_empty() {
            return Err(StoreError::Unavailable(format!("no shard of the index `{}` is on a node", self.index)));
        }
        histories.sort_unstable();
        Ok(Some(format!("{} {}", index["uuid"].as_str().unwrap_or_default(), histories.join(" "))))
    }
}
