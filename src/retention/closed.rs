//! Offers that were closed long ago: deleted from the store, then from what is known.
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::RetentionError;
use crate::crash;
use crate::state::{Claim, ClosedRow, Reader, State};
use crate::store::elastic::{Asker, Elastic};
use crate::store::{AnyStore, remote};

/// Offers that are deleted at a time.
const BATCH: usize = 500;

/// Indices of older schemas are deleted when they were left longer ago than this: a schema that is taken back finds them.
const INDEX_AGE: TimeDelta = TimeDelta::days(7);

/// An index of an older schema, that nothing points to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OldIndex {
    /// Its name.
    pub name: String,
    /// When it was left; of one that does not say, when it was made.
    pub left: DateTime<Utc>,
    /// Whether it is old enough to go.
    pub due: bool,
}

/// How many offers of a source were closed before an instant.
pub fn closed(reader: &Reader, source: &str, before: DateTime<Utc>) -> Result<u64, RetentionError> {
    let (mut after, mut count) = (0, 0);
    loop {
        let rows = reader.closed_before(source, before, after, BATCH)?;
        let Some(last) = rows.last() else { return Ok(count) };
        after = last.row;
        count += rows.len() as u64;
    }
}

/// Deletes the offers of a source that were closed before an instant, from the store and from what is known; how many.
pub async fn delete(
    (state, reader): (&State, &Reader),
    store: &AnyStore,
    source: &str,
    (before, now): (DateTime<Utc>, DateTime<Utc>),
) -> Result<u64, RetentionError> {
    match store {
        AnyStore::Local(_) => delete_local(state, reader, source, before).await,
        AnyStore::Elastic(elastic) => delete_remote((state, reader), elastic, source, (before, now)).await,
    }
}

/// From the embedded store.
async fn delete_local(
    state: &State,
    reader: &Reader,
    source: &str,
    before: DateTime<Utc>,
) -> Result<u64, RetentionError> {
    let (mut after, mut deleted) = (0, 0);
    loop {
        let rows = reader.closed_before(source, before, after, BATCH)?;
        let Some(last) = rows.last() else { return Ok(deleted) };
        after = last.row;
        deleted += state.delete_closed(rows.iter().map(|closed| closed.row).collect(), None).await?;
    }
}

/// From a server: the intent first, then the documents, then what is known. One of which the server holds a later version
/// stays.
async fn delete_remote(
    (state, reader): (&State, &Reader),
    elastic: &Elastic,
    source: &str,
    (before, now): (DateTime<Utc>, DateTime<Utc>),
) -> Result<u64, RetentionError> {
    if elastic.is_copying() {
        return Err(RetentionError::OtherSchema);
    }
    let (mut after, mut deleted, mut claim) = (0, 0, None);
    loop {
        let rows = reader.closed_before(source, before, after, BATCH)?;
        let Some(last) = rows.last() else { return Ok(deleted) };
        after = last.row;
        let held = match claim.take() {
            Some(claim) => claim,
            None => taken(state, elastic, source, now).await?,
        };
        let version = held.ticket();
        state.intent(rows.iter().map(|closed| closed.intent(source, version)).collect()).await?;
        crash::point("intended");
        let ids: Vec<_> = rows.iter().map(|closed| closed.id).collect();
        let gone = elastic.delete(&ids, version).await?;
        crash::point("written");
        if gone.fenced {
            return Err(RetentionError::Fenced(source.to_owned()));
        }
        let stays = |closed: &&ClosedRow| !gone.kept.contains(&closed.id);
        let rows = rows.iter().filter(stays).map(|closed| closed.row).collect();
        deleted += state.delete_closed(rows, Some(version)).await?;
        claim = Some(held);
    }
}

/// The claim of a source on a server; it says again what the last run asked.
async fn taken(state: &State, elastic: &Elastic, source: &str, now: DateTime<Utc>) -> Result<Claim, RetentionError> {
    let (last, owner) = state.owner(source).await?;
    let ask = state.last_ask(source).await?;
    let asker = Asker { source, ask: &ask, owner: &owner, last };
    let taken = elastic.claim(&asker, (last + 1).max(now.timestamp() as u64)).await?;
    let here = remote::name(&elastic.incarnation().await?);
    let claim = state.claim(source, &here, taken.fence, taken.strange).await?;
    if claim.strange { Err(RetentionError::Fenced(source.to_owned())) } else { Ok(claim) }
}

/// Deletes the indices of older schemas that nothing has pointed to for seven days, or only looks; all that there are.
pub async fn delete_indices(store: &AnyStore, now: DateTime<Utc>, look: bool) -> Result<Vec<OldIndex>, RetentionError> {
    let AnyStore::Elastic(elastic) = store else { return Ok(Vec::new()) };
    let mut told = Vec::new();
    for (name, left) in elastic.old_indices().await? {
        let due = left + INDEX_AGE < now;
        if due && !look {
            elastic.delete_index(&name).await?;
        }
        told.push(OldIndex { name, left, due });
    }
    Ok(told)
}
