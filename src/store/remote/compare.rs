//! A store that does not hold what it was told any more: noticed by which index it is and by the claim, and compared with
//! what is known.
use std::time::Duration;

use serde_json::Value;

use super::Remote;
use crate::schema::CLOSED_AT;
use crate::store::elastic::{Asker, Hold};
use crate::store::target::{Found, TargetError};
use crate::store::{ELASTIC, Store, StoreError};

/// How long the end of a run waits until searches find what it wrote.
const REFRESH: Duration = Duration::from_secs(10);
/// Offers of one comparison.
const LISTED: usize = 1_000;

/// The store that a source is written to, as the state remembers it: another index of the same name is another store.
pub fn name(incarnation: &str) -> String {
    format!("{ELASTIC} {incarnation}")
}

impl Remote {
    /// Looks whether the store is the one that was compared last, and compares it where it is not.
    pub(in crate::store) async fn look(&self) -> Result<Found, TargetError> {
        if self.hold().await? == Hold::Lost {
            return Ok(Found::Taken);
        }
        let here = self.patient(|| self.server.incarnation()).await?;
        if self.run.state.settled(&self.run.source).await? != name(&here) {
            self.compare(Some(&self.run.request)).await?;
        }
        Ok(Found::Whole)
    }

    /// Whether the claim is still ours. One that was gone is proof that the server holds something older: that is looked at.
    pub(super) async fn hold(&self) -> Result<Hold, TargetError> {
        let (state, source, fence) = (&self.run.state, &self.run.source, self.fence);
        let (_, owner) = state.owner(source).await?;
        let asker = Asker { source, ask: &self.run.request, owner: &owner, last: fence };
        let hold = self.patient(|| self.server.hold(&asker, fence)).await?;
        if hold == Hold::Retaken {
            let message = "the claim of this source was gone from the server, deleted or replaced by an older one: it is taken again, and what the server holds is compared with what is known".to_owned();
            self.run.warn(message);
            state.unsettle(source).await?;
        }
        Ok(hold)
    }

    /// What the store says is compared with what is known. What a version cannot fence, such as a document that was written by
    /// a process that is gone, or an index that was lost, is mended by the pages that come, and out of the archive.
    pub(in crate::store) async fn compare(&self, ask: Option<&str>) -> Result<(), TargetError> {
        let (state, source) = (&self.run.state, &self.run.source);
        let here = self.patient(|| self.server.incarnation()).await?;
        self.patient(|| self.server.refresh()).await?;
        let (mut rows, mut differ, mut lost, mut others) = (roaring::RoaringBitmap::new(), 0, 0, 0);
        let mut after = None;
        loop {
            let listing = self.patient(|| self.server.told(source, after.as_ref(), LISTED)).await?;
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
            self.run.warn(message);
        }
        if differ + lost > 0 {
            let message = format!(
                "the store differs from what is known: {differ} offers differ, {lost} are lost; what the site shows is written again, and what it does not show comes out of the archive at the end of this run"
            );
            self.run.warn(message);
        }
        Ok(state.settle(source, &name(&here)).await?)
    }

    /// Makes what a run wrote visible to searches. A server that cannot do it now fails no run: it does so by itself later.
    pub(in crate::store) async fn refresh(&self) {
        let slow = || StoreError::Unavailable(format!("no answer within {} seconds", REFRESH.as_secs()));
        let refreshed = tokio::time::timeout(REFRESH, self.server.refresh()).await.unwrap_or_else(|_| Err(slow()));
        if let Err(error) = refreshed {
            let message = format!(
                "what this run wrote last is stored, and not found by searches until the server refreshes its index: {error}"
            );
            self.run.warn(message);
        }
    }

    /// Looks at each open offer of the source. A listing is a search: what was written last is seen after a refresh.
    pub(in crate::store) async fn each_open(&self, each: &mut (dyn FnMut(&Value) + Send)) -> Result<(), TargetError> {
        self.patient(|| self.server.refresh()).await?;
        let (mut after, closed) = (None, format!("/{}", CLOSED_AT.replace('.', "/")));
        loop {
            let listed = self.patient(|| self.server.list(Some(&self.run.source), after, LISTED)).await?;
            let Some((last, _)) = listed.last() else { return Ok(()) };
            after = Some(*last);
            for (_, text) in &listed {
                let read = serde_json::from_str::<Value>(text.get());
                let offer =
                    read.map_err(|error| StoreError::Server(format!("an offer that cannot be read: {error}")))?;
                if offer.pointer(&closed).is_none_or(Value::is_null) {
                    each(&offer);
                }
            }
        }
    }
}
