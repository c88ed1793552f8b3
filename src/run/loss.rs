//! A store that does not hold what it was told any more: noticed by which index it is and by the claim, compared with what
//! is known, written again where the archive has it, and told until all of it is there.
use std::sync::Arc;
use std::time::Duration;

use super::outage::patient;
use super::{RunError, Shared, mend};
use crate::event::{Alert, AlertKind, EventKind};
use crate::store::elastic::{Asker, Elastic, Hold};
use crate::store::{self, StoreError};

/// How long the end of a run waits until searches find what it wrote.
const REFRESH: Duration = Duration::from_secs(10);
/// Offers of one comparison.
const LISTED: usize = 1_000;

/// The store that a source is written to, as the state remembers it: another index of the same name is another store.
pub(super) fn name(incarnation: &str) -> String {
    format!("{} {incarnation}", store::ELASTIC)
}

/// Looks whether the store is the one that was compared last, and compares it where it is not; then what is lost is
/// written again out of the archive.
pub(super) async fn look(shared: &Arc<Shared>) -> Result<(), RunError> {
    let Some(elastic) = &shared.elastic else { return Ok(()) };
    let (state, source) = (&shared.engine.state, &shared.plan.source);
    if hold(shared, elastic).await? == Hold::Lost {
        // Whoever has the source now has looked at it.
        return Ok(());
    }
    let here = patient(shared, || elastic.incarnation()).await?;
    if state.settled(source).await? != name(&here) {
        compare(shared, elastic, Some(&shared.plan.ask)).await?;
    }
    mend::lost(shared, elastic).await
}

/// Whether the claim is still ours. One that was gone is proof that the server holds something older: that is looked at.
pub(super) async fn hold(shared: &Shared, elastic: &Elastic) -> Result<Hold, RunError> {
    let (state, plan, fence) = (&shared.engine.state, &shared.plan, shared.claim.fence);
    let (_, owner) = state.owner(&plan.source).await?;
    let asker = Asker { source: &plan.source, ask: &plan.ask, owner: &owner, last: fence };
    let hold = patient(shared, || elastic.hold(&asker, fence)).await?;
    if hold == Hold::Retaken {
        let message = "the claim of this source was gone from the server, deleted or replaced by an older one: it is taken again, and what the server holds is compared with what is known".to_owned();
        shared.emit(EventKind::Warned { message });
        state.unsettle(&plan.source).await?;
    }
    Ok(hold)
}

/// What the store says is compared with what is known. What a version cannot fence, such as a document that was written by
/// a process that is gone, or an index that was lost, is mended by the pages that come, and out of the archive.
pub(super) async fn compare(shared: &Shared, elastic: &Elastic, ask: Option<&str>) -> Result<(), RunError> {
    let (state, source) = (&shared.engine.state, &shared.plan.source);
    let here = patient(shared, || elastic.incarnation()).await?;
    patient(shared, || elastic.refresh()).await?;
    let (mut rows, mut differ, mut lost, mut others) = (roaring::RoaringBitmap::new(), 0, 0, 0);
    let mut after = None;
    loop {
        let listing = patient(shared, || elastic.told(source, after.as_ref(), LISTED)).await?;
        others += listing.others.len();
        let compared = state.reconcile(source, ask, listing.told).await?;
        rows |= compared.rows;
        differ += compared.differ;
        lost += compared.lost;
        after = listing.next;
        if after.is_none() {
            break;
        }
    }
    lost += state.lost(source, rows).await?;
    if others > 0 {
        let message = format!(
            "{others} documents of {source} in the store are not as this program writes offers: somebody put them there, or changed them; `jobmarket verify` names them"
        );
        shared.emit(EventKind::Warned { message });
    }
    if differ + lost > 0 {
        let message = format!(
            "the store differs from what is known: {differ} offers differ, {lost} are lost; what the site shows is written again, and what it does not show comes out of the archive at the end of this run"
        );
        shared.emit(EventKind::Warned { message });
    }
    Ok(state.settle(source, &name(&here)).await?)
}

/// What is lost and not written again: told, and kept for `status` until a run ends without it.
pub(super) async fn told(shared: &Shared) -> Result<Option<Alert>, RunError> {
    let (state, source) = (&shared.engine.state, &shared.plan.source);
    let (offers, archived) = match &shared.elastic {
        Some(_) => state.count_lost(source).await?,
        None => (0, 0),
    };
    let alert = (offers > 0).then_some(Alert::Lost { offers, archived });
    if let Some(alert) = &alert {
        shared.emit(EventKind::Alerted(alert.clone()));
    }
    let found = alert.clone().into_iter().collect();
    state.alert(source, (shared.run, shared.now), vec![AlertKind::Lost], found).await?;
    Ok(alert)
}

/// Makes what a run wrote visible to searches. A server that cannot do it now fails no run: it does so by itself later.
pub(super) async fn refresh(shared: &Shared) {
    let Some(elastic) = &shared.elastic else { return };
    let slow = || StoreError::Unavailable(format!("no answer within {} seconds", REFRESH.as_secs()));
    let refreshed = tokio::time::timeout(REFRESH, elastic.refresh()).await.unwrap_or_else(|_| Err(slow()));
    if let Err(error) = refreshed {
        let message = format!(
            "what this run wrote last is stored, and not found by searches until the server refreshes its index: {error}"
        );
        shared.emit(EventKind::Warned { message });
    }
}
