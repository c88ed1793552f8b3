//! Writing to a store outside: intent first, then the offers, until each has its outcome. An outage only takes time.
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::closing::batch;
use super::writing::items;
use super::{RunError, Shared};
use crate::crash;
use crate::event::EventKind;
use crate::offer::{Batch, Version, content_of};
use crate::state::words::{Closing, Commit, Intent, Outside};
use crate::store::StoreError;
use crate::store::elastic::{Elastic, Written};

/// How long a server that does not answer is left alone, first and at most.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Writes the offers of a page, and what it closes; what the store refused or knows better goes into the commit.
pub(super) async fn page(shared: &Shared, elastic: &Elastic, commit: &mut Commit) -> Result<(), RunError> {
    let (numbers, own): (Vec<usize>, Vec<_>) = items(commit).into_iter().unzip();
    let mut closings: Vec<Closing> = commit.admitted.closings.iter().map(|(_, closing)| closing.clone()).collect();
    contents(elastic, &mut closings).await?;
    // What the store never had is closed in the state alone.
    closings.retain(|closing| closing.content.is_some());
    let (more, closed) = batch(&closings, commit.admit.at);
    let admit = &commit.admit;
    let mut intents: Vec<Intent> = numbers
        .iter()
        .zip(&own)
        .map(|(index, item)| Intent {
            row: item.row,
            source: admit.source.clone(),
            id: item.id,
            key: admit.page.records[*index].key.clone().unwrap_or_default(),
            version: admit.version,
            first_seen: item.lifecycle.first_seen_at,
        })
        .collect();
    intents.extend(closings.iter().map(|closing| intent(shared, closing, admit.version)));
    if intents.is_empty() {
        return Ok(());
    }
    shared.engine.state.intent(intents).await?;
    crash::point("intended");
    let own = write(shared, elastic, &Batch { version: admit.version, text: &admit.page.text, items: own }).await?;
    let closed = write(shared, elastic, &Batch { version: admit.version, text: &more, items: closed }).await?;
    crash::point("written");
    if own.fenced || closed.fenced {
        return Err(RunError::Fenced);
    }
    commit.superseded = own.superseded.into_iter().map(|at| numbers[at]).collect();
    commit.refused = own.refused.into_iter().map(|(at, reject)| (numbers[at], reject)).collect();
    Ok(())
}

/// Writes offers that are closed, before the state knows that they are.
pub(super) async fn close(
    shared: &Shared,
    elastic: &Elastic,
    closings: &[Closing],
    version: Version,
    at: DateTime<Utc>,
) -> Result<(), RunError> {
    let stored: Vec<Closing> = closings.iter().filter(|closing| closing.content.is_some()).cloned().collect();
    let intents = stored.iter().map(|closing| intent(shared, closing, version)).collect();
    shared.engine.state.intent(intents).await?;
    crash::point("intended");
    let (text, items) = batch(&stored, at);
    let written = write(shared, elastic, &Batch { version, text: &text, items }).await?;
    crash::point("written");
    if written.fenced { Err(RunError::Fenced) } else { Ok(()) }
}

fn intent(shared: &Shared, closing: &Closing, version: Version) -> Intent {
    Intent {
        row: closing.row,
        source: shared.plan.source.clone(),
        id: closing.id,
        key: closing.key.clone(),
        version,
        first_seen: closing.first_seen,
    }
}

/// The contents of offers that are closed: full documents are written, so they are read back first.
pub(super) async fn contents(elastic: &Elastic, closings: &mut [Closing]) -> Result<(), StoreError> {
    if closings.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = closings.iter().map(|closing| closing.id).collect();
    let documents = elastic.documents(&ids).await?;
    for (closing, document) in closings.iter_mut().zip(documents) {
        closing.content = document.as_deref().and_then(content_of).map(String::into_bytes);
    }
    Ok(())
}

/// Writes a batch until each item is final. While the server is away nothing is lost: the writer waits, and with it, by
/// back-pressure, everything that fetches.
async fn write(shared: &Shared, elastic: &Elastic, batch: &Batch<'_>) -> Result<Written, RunError> {
    let (mut told, mut pause) = (false, PAUSE);
    loop {
        if batch.items.is_empty() {
            return Ok(Written::default());
        }
        match elastic.write(batch).await {
            Ok(written) => return Ok(written),
            Err(error) if shared.stopped() => return Err(error.into()),
            Err(error @ (StoreError::Unreached(_) | StoreError::Blocked(_) | StoreError::Server(_))) => {
                if !told {
                    let message = format!("{error}; {} offers wait, nothing is lost", batch.items.len());
                    shared.emit(EventKind::Warned { message });
                }
                told = true;
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Offers of one comparison.
const LISTED: usize = 1_000;

/// Before a sweep: what the store says is compared with what is known. What a version cannot fence, such as a document that
/// was written by a process that is gone, or an index that was lost, is mended by the pages of the sweep.
pub(super) async fn reconcile(shared: &Shared, elastic: &Elastic) -> Result<(), RunError> {
    let (state, source) = (&shared.engine.state, &shared.plan.source);
    elastic.refresh().await?;
    let (mut rows, mut differ, mut after) = (roaring::RoaringBitmap::new(), 0, None);
    loop {
        let told = elastic.told(source, after, LISTED).await?;
        let Some(last) = told.last() else { break };
        after = Some(last.id);
        let outside = told.into_iter().map(|told| Outside {
            id: told.id,
            key: told.key,
            version: told.version,
            content: told.content,
            closed: told.closed,
        });
        let (found, different) = state.reconcile(source, outside.collect()).await?;
        rows |= found;
        differ += different;
    }
    let lost = state.lost(source, rows).await?;
    if differ + lost > 0 {
        let message = format!(
            "the store differs from what is known: {differ} offers differ, {lost} are lost; this sweep mends them"
        );
        shared.emit(EventKind::Warned { message });
    }
    Ok(())
}
