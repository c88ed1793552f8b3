//! All slices of a run, as many at a time as pages may be in flight, and what they come to.
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::slices::NoSlice;
use super::{Back, RunError, Shared, interrupted, slice, slices};
use crate::crash;
use crate::event::{EventKind, Outcome, SliceEnd};
use crate::state::words::{GONE, Slice, SliceState};

/// Reads all slices, as many at a time as pages may be in flight; those that ended in an earlier start count as they did.
pub(super) async fn all(shared: &Arc<Shared>, mut slices: slices::Slices, mut tally: Tally) -> Result<How, RunError> {
    let mut tasks: JoinSet<Result<(Slice, Back), RunError>> = JoinSet::new();
    let mut halves: VecDeque<Slice> = VecDeque::new();
    loop {
        while tasks.len() < shared.plan.call.limits.parallel && !shared.stopped() && tally.refused.is_none() {
            let next = match halves.pop_front() {
                Some(half) => Some(half),
                None => next(shared, &mut slices, &mut tally).await?,
            };
            let Some(slice) = next else { break };
            let shared = shared.clone();
            tasks.spawn(async move { slice::read(shared, slice).await });
        }
        let Some(done) = tasks.join_next().await else { break };
        let (slice, back) = done.map_err(|error| RunError::Lost(error.to_string()))??;
        match back {
            Back::Split(parts) => {
                shared.emit(ended(&slice, SliceEnd::Split));
                halves.extend(parts);
            }
            Back::Stopped => tally.stopped = true,
            Back::Refused(why) => tally.refused = Some(why),
            Back::Ended(end) => {
                let partition = slice.partition.clone();
                finish(shared, slice, &end).await?;
                tally.add(&partition, end);
            }
        }
    }
    let gone = tally.gone();
    let (outcome, cause) = tally.outcome(shared.plan.call.skip_share(), shared.stopped());
    Ok((outcome, cause, gone))
}

/// The next slice that is not begun. Its partition may be asked for, which takes as long as its site wants.
async fn next(shared: &Shared, slices: &mut slices::Slices, tally: &mut Tally) -> Result<Option<Slice>, RunError> {
    let next = tokio::select! {
        biased;
        next = slices.next(shared) => next,
        () = shared.stops() => Ok(None),
    };
    match next {
        Ok(next) => Ok(next),
        Err(NoSlice::State(error)) => Err(error.into()),
        Err(error @ (NoSlice::Values(_) | NoSlice::Windows(_))) => {
            tally.refused = Some(error.to_string());
            Ok(None)
        }
    }
}

async fn finish(shared: &Shared, mut slice: Slice, end: &SliceEnd) -> Result<(), RunError> {
    slice.state = SliceState::Ended(end.clone());
    shared.engine.state.put_slice(shared.run, slice.clone()).await?;
    if let (SliceEnd::Complete(_), Some(window)) = (end, slice.window) {
        shared
            .engine
            .state
            .cover(&shared.plan.source, &shared.plan.fingerprints.request, &slice.partition, window)
            .await?;
    }
    crash::point("slice_ended");
    shared.emit(ended(&slice, end.clone()));
    Ok(())
}

fn ended(slice: &Slice, end: SliceEnd) -> EventKind {
    EventKind::SliceEnded { slice: slice.slice.clone(), end, total: slice.total, keys: slice.keys }
}

/// How all slices ended, why, and the partitions that are gone.
pub(super) type How = (Outcome, Option<String>, Vec<String>);

/// Why a partition is not whole that the site calls gone in one window and shows in another.
const BOTH: &str = "gone: the list is gone in one window, and there in another; where a window without records is meant, write `empty` in place of `gone`";

/// How slices ended.
#[derive(Default)]
pub(super) struct Tally {
    complete: u64,
    skipped: u64,
    others: Vec<String>,
    failed: u64,
    stopped: bool,
    refused: Option<String>,
    /// Partitions that the site says are gone.
    gone: BTreeSet<String>,
    /// Partitions of which a slice ended otherwise.
    there: BTreeSet<String>,
}

impl Tally {
    /// How the slices of a run ended so far.
    pub(super) fn of(slices: &[Slice]) -> Self {
        let mut tally = Tally::default();
        for slice in slices {
            if let SliceState::Ended(end) = &slice.state {
                tally.add(&slice.partition, end.clone());
            }
        }
        tally
    }

    fn add(&mut self, partition: &str, end: SliceEnd) {
        match &end {
            // Its halves count.
            SliceEnd::Split => {}
            SliceEnd::Complete(rule) if rule == GONE => _ = self.gone.insert(partition.to_owned()),
            _ => _ = self.there.insert(partition.to_owned()),
        }
        match end {
            SliceEnd::Split => {}
            SliceEnd::Complete(_) => self.complete += 1,
            SliceEnd::Skipped(why) => {
                self.skipped += 1;
                self.others.push(why);
            }
            SliceEnd::Partial(why) => self.others.push(why),
            SliceEnd::Failed(why) => {
                self.failed += 1;
                self.others.push(why);
            }
        }
    }

    /// The partitions that are gone. One is not that the site calls gone in one window and shows in another.
    fn gone(&mut self) -> Vec<String> {
        let (both, gone) = std::mem::take(&mut self.gone).into_iter().partition(|name| self.there.contains(name));
        let both: Vec<String> = both;
        self.others.extend(both.iter().map(|_| BOTH.to_owned()));
        gone
    }

    fn outcome(self, share: Option<f64>, stopped: bool) -> (Outcome, Option<String>) {
        let slices = self.complete + self.others.len() as u64;
        if let Some(why) = self.refused {
            return (Outcome::Failed, Some(why));
        }
        if self.stopped || stopped {
            return interrupted();
        }
        if slices > 20 && share.is_some_and(|share| self.skipped as f64 > share * slices as f64) {
            return (Outcome::Failed, Some(format!("{} of {slices} slices were skipped", self.skipped)));
        }
        let cause = self.others.first().map(|why| match self.others.len() {
            1 => why.clone(),
            more => format!("{why} (and {} more slices)", more - 1),
        });
        match cause {
            None => (Outcome::Complete, None),
            Some(why) if self.complete == 0 && self.failed > 0 => (Outcome::Failed, Some(why)),
            Some(why) => (Outcome::Partial, Some(why)),
        }
    }
}
