//! Which data directory writes a source: one document each, taken under a condition that only one taker can meet.
use elasticsearch::http::Method;
use serde_json::{Value, json};

use super::{Elastic, contract, refused};
use crate::store::StoreError;

/// Who takes a claim.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The source.
    pub source: &'a str,
    /// Fingerprint of what it asks the site.
    pub ask: &'a str,
    /// The name of its data directory.
    pub owner: &'a str,
    /// The fence of its own last claim, 0 without one.
    pub last: u64,
}

/// What a taker found and got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The fence of the claim: above that of every earlier one.
    pub fence: u64,
    /// Whether the last claim is not the one that the taker knows: what the store holds must be looked at.
    pub strange: bool,
    /// What the last owner asked the site.
    pub ask: Option<String>,
}

/// Somebody else who takes the same claim at the same time: so often it is tried again.
const TRIES: u32 = 20;

impl Elastic {
    /// Takes the right to write a source, under a fence of at least `floor`. A higher fence of the same owner than the
    /// last that it knows means that its data directory is an older copy, or that it never heard of its last claim: both
    /// are strange, and then the store is looked at.
    pub async fn claim(&self, asker: &Asker<'_>, floor: u64) -> Result<Taken, StoreError> {
        let Asker { source, ask, owner, last } = *asker;
        for _ in 0..TRIES {
            let (held, condition) = match self.claimed(source).await? {
                Some((held, sequence, term)) => (Some(held), format!("if_seq_no={sequence}&if_primary_term={term}")),
                None => (None, "op_type=create".to_owned()),
            };
            let before = held.as_ref().map_or(Ok(0), |held| contract::fence(&self.claims, source, held))?;
            let mine = held.as_ref().is_some_and(|held| held["owner"] == owner) && before <= last;
            let fence = floor.max(before + 1);
            let claim = json!({"source": source, "owner": owner, "fence": fence.to_string(), "ask": ask});
            let before = held.as_ref().and_then(|held| held["ask"].as_str()).map(str::to_owned);
            let path = format!("/{}/_doc/{source}?{condition}", self.claims);
            let (status, answer) = self.ask(Method::Put, &path, Some(&claim)).await?;
            match status {
                200 | 201 => return Ok(Taken { fence, strange: !mine, ask: before }),
                409 => {}
                _ => return Err(refused(status, &answer)),
            }
        }
        Err(StoreError::Server(format!("the claim of `{source}` is taken over and over by others; who else runs it?")))
    }

    /// Whether the claim of a source is still the one with this fence.
    pub async fn holds(&self, source: &str, fence: u64) -> Result<bool, StoreError> {
        let held = self.claimed(source).await?;
        let held = held.map(|(held, ..)| contract::fence(&self.claims, source, &held)).transpose()?;
        Ok(held == Some(fence))
    }

    /// The claim as it stands, with the place that a condition names. Read by id, so never behind.
    async fn claimed(&self, source: &str) -> Result<Option<(Value, u64, u64)>, StoreError> {
        let (status, mut answer) = self.ask(Method::Get, &format!("/{}/_doc/{source}", self.claims), None).await?;
        match status {
            200 => {
                let number = |name: &str| answer[name].as_u64().unwrap_or_default();
                let (sequence, term) = (number("_seq_no"), number("_primary_term"));
                Ok(Some((answer["_source"].take(), sequence, term)))
            }
            404 => Ok(None),
            _ => Err(refused(status, &answer)),
        }
    }

    /// Makes the index of claims where it is missing.
    pub(super) async fn make_claims(&self) -> Result<(), StoreError> {
        let index = json!({
            "settings": {"number_of_shards": 1, "auto_expand_replicas": "0-1"},
            "mappings": {"dynamic": false, "properties": {"source": {"type": "keyword"}, "owner": {"type": "keyword"}}}
        });
        if self.claims_fit().await?.is_none() {
            self.make(&self.claims, &index).await?;
            // A template may have had its say.
            self.claims_fit().await?;
        }
        Ok(())
    }
}
