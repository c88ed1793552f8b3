//! Which data directory writes a source: one document each, taken under a condition that only one taker can meet.
use elasticsearch::http::Method;
use serde_json::{Value, json};

use super::{Elastic, contract, refused};
use crate::search::MOST;
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

/// Whether a claim that was taken is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It stands as it was taken.
    Kept,
    /// It was gone, or an older one stood in its place; it is taken again. The server lost what was written since.
    Retaken,
    /// Another owner has taken the source.
    Lost,
}

/// A claim as it stands, with the place that a condition names.
struct Held {
    claim: Value,
    sequence: u64,
    term: u64,
}

impl Held {
    fn owner(&self) -> Option<&str> {
        self.claim["owner"].as_str()
    }
}

/// Somebody else who takes the same claim at the same time: so often it is tried again.
const TRIES: u32 = 20;

impl Elastic {
    /// Takes the right to write a source, under a fence of at least `floor`. Only the very claim that the owner took last
    /// is its own. A higher fence of the same owner means that its data directory is an older copy, or that it never heard
    /// of its last claim; a lower one, or none, that the server holds what it held before: then the store is looked at.
    pub async fn claim(&self, asker: &Asker<'_>, floor: u64) -> Result<Taken, StoreError> {
        let Asker { source, owner, last, .. } = *asker;
        for _ in 0..TRIES {
            let held = self.claimed(source).await?;
            let before = held.as_ref().map_or(Ok(0), |held| self.fence(source, held))?;
            let mine = held.as_ref().is_some_and(|held| held.owner() == Some(owner)) && before == last;
            let fence = floor.max(before + 1);
            if self.put_claim(asker, fence, held.as_ref()).await? {
                let ask = held.and_then(|held| held.claim["ask"].as_str().map(str::to_owned));
                return Ok(Taken { fence, strange: !mine, ask });
            }
        }
        Err(contended(source))
    }

    /// Whether the claim of a source is still the one with this fence. One that is gone, or of a lower fence, is nobody
    /// else's: it was deleted, or an older snapshot was put back. It is taken again under the same fence, whose writes
    /// are newer than all of an owner before.
    pub async fn hold(&self, asker: &Asker<'_>, fence: u64) -> Result<Hold, StoreError> {
        for _ in 0..TRIES {
            let held = self.claimed(asker.source).await?;
            match &held {
                None => self.make_claims().await?,
                Some(held) => match self.fence(asker.source, held)? {
                    there if there == fence && held.owner() == Some(asker.owner) => return Ok(Hold::Kept),
                    there if there >= fence => return Ok(Hold::Lost),
                    _ => {}
                },
            }
            if self.put_claim(asker, fence, held.as_ref()).await? {
                return Ok(Hold::Retaken);
            }
        }
        Err(contended(asker.source))
    }

    fn fence(&self, source: &str, held: &Held) -> Result<u64, StoreError> {
        contract::fence(&self.claims, source, &held.claim)
    }

    /// All sources that somebody writes here.
    pub async fn claimed_sources(&self) -> Result<Vec<String>, StoreError> {
        let (status, answer) = self.ask(Method::Post, &format!("/{}/_refresh", self.claims), None).await?;
        match status {
            200 => {}
            404 => return Ok(Vec::new()),
            _ => return Err(refused(status, &answer)),
        }
        let claims = self.searched_in(&self.claims, &json!({"size": MOST, "_source": false})).await?;
        Ok(claims.hits.hits.into_iter().map(|claim| claim.id).collect())
    }

    /// Writes a claim in the place of the one that was read; whether nobody else was first.
    async fn put_claim(&self, asker: &Asker<'_>, fence: u64, held: Option<&Held>) -> Result<bool, StoreError> {
        let Asker { source, ask, owner, .. } = *asker;
        let condition = match held {
            Some(held) => format!("if_seq_no={}&if_primary_term={}", held.sequence, held.term),
            None => "op_type=create".to_owned(),
        };
        let claim = json!({"source": source, "owner": owner, "fence": fence.to_string(), "ask": ask});
        let path = format!("/{}/_doc/{source}?{condition}", self.claims);
        let (status, answer) = self.ask(Method::Put, &path, Some(&claim)).await?;
        match status {
            200 | 201 => Ok(true),
            409 => Ok(false),
            _ => Err(refused(status, &answer)),
        }
    }

    /// The claim as it stands. Read by id, so never behind.
    async fn claimed(&self, source: &str) -> Result<Option<Held>, StoreError> {
        let (status, mut answer) = self.ask(Method::Get, &format!("/{}/_doc/{source}", self.claims), None).await?;
        match status {
            200 => {
                let number = |name: &str| answer[name].as_u64().unwrap_or_default();
                let (sequence, term) = (number("_seq_no"), number("_primary_term"));
                Ok(Some(Held { claim: answer["_source"].take(), sequence, term }))
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

fn contended(source: &str) -> StoreError {
    StoreError::Server(format!("the claim of `{source}` is taken over and over by others; who else runs it?"))
}
