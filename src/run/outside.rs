//! Writing to a store outside: intent first, then the offers, until each has its outcome. An outage only takes time.
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};

use super::closing::batch;
use super::outage::patient;
use super::writing::items;
use super::{RunError, Shared, loss};
use crate::crash;
use crate::document::Document;
use crate::event::EventKind;
use crate::offer::{Batch, Version};
use crate::state::words::{Brought, Closing, Commit, Intent};
use crate::store::elastic::{Elastic, Hold, Written};

/// Writes the offers of a page, and what it closes; what the store refused or knows better goes into the commit.
pub(super) async fn page(shared: &Shared, elastic: &Elastic, commit: &mut Commit) -> Result<(), RunError> {
    let (numbers, own): (Vec<usize>, Vec<_>) = items(commit).into_iter().unzip();
    let mut closings: Vec<Closing> = commit.admitted.closings.iter().map(|(_, closing)| closing.clone()).collect();
    contents(shared, elastic, &mut closings).await?;
    for ((_, own), read) in commit.admitted.closings.iter_mut().zip(&closings) {
        own.content.clone_from(&read.content);
    }
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
            brought: Some(Brought {
                ask: commit.ask.clone(),
                partition: commit.slice.partition.clone(),
                start: commit.slice.window.map(|(start, _)| start),
                again: admit.again,
            }),
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
    let open = stay_open(shared, &closings, &closed);
    commit.admitted.closings.retain(|(_, closing)| !open.contains(&closing.row));
    Ok(())
}

/// The rows of closings that the store refuses: they stay open, for the next sweep to try again.
fn stay_open(shared: &Shared, closings: &[Closing], written: &Written) -> Vec<u64> {
    if let Some((at, reject)) = written.refused.first() {
        let message = format!(
            "the store refuses to close {} offers; they stay open, and the next sweep tries again. Of {}: {}",
            written.refused.len(),
            closings[*at].key,
            reject.message
        );
        shared.emit(EventKind::Warned { message });
    }
    written.refused.iter().map(|(at, _)| closings[*at].row).collect()
}

/// Writes offers that are closed, before the state knows that they are. The rows of those that stay open.
pub(super) async fn close(
    shared: &Shared,
    elastic: &Elastic,
    closings: &[Closing],
    version: Version,
    at: DateTime<Utc>,
) -> Result<Vec<u64>, RunError> {
    if loss::hold(shared, elastic).await? == Hold::Lost {
        return Err(RunError::Fenced);
    }
    let stored: Vec<Closing> = closings.iter().filter(|closing| closing.content.is_some()).cloned().collect();
    let intents = stored.iter().map(|closing| intent(shared, closing, version)).collect();
    shared.engine.state.intent(intents).await?;
    crash::point("intended");
    let (text, items) = batch(&stored, at);
    let written = write(shared, elastic, &Batch { version, text: &text, items }).await?;
    crash::point("written");
    if written.fenced { Err(RunError::Fenced) } else { Ok(stay_open(shared, &stored, &written)) }
}

fn intent(shared: &Shared, closing: &Closing, version: Version) -> Intent {
    Intent {
        row: closing.row,
        source: shared.plan.source.clone(),
        id: closing.id,
        key: closing.key.clone(),
        version,
        first_seen: closing.first_seen,
        brought: None,
    }
}

/// The contents of offers that are closed: full documents are written, so they are read back first.
pub(super) async fn contents(shared: &Shared, elastic: &Elastic, closings: &mut [Closing]) -> Result<(), RunError> {
    if closings.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = closings.iter().map(|closing| closing.id).collect();
    let documents = patient(shared, || elastic.documents(&ids)).await?;
    for (closing, document) in closings.iter_mut().zip(documents) {
        closing.content = document.as_deref().and_then(Document::read).map(|read| read.content().into_bytes());
    }
    Ok(())
}

/// Writes a batch until each item is final. While the server is away nothing is lost: the writer waits, and with it, by
/// back-pressure, everything that fetches.
pub(super) async fn write(shared: &Shared, elastic: &Elastic, batch: &Batch<'_>) -> Result<Written, RunError> {
    if batch.items.is_empty() {
        return Ok(Written::default());
    }
    let offers = batch.items.len() as u64;
    shared.sending.fetch_add(offers, Ordering::Relaxed);
    let written = patient(shared, || elastic.write(batch)).await;
    shared.sending.fetch_sub(offers, Ordering::Relaxed);
    written
}
