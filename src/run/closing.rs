//! The end of a run: partitions that are gone are closed, what it must have brought is judged, then what was not seen is
//! closed.
use chrono::Utc;

use super::judge::{Judged, judge};
use super::{RunError, Shared};
use crate::definition::source::NotSeen;
use crate::event::{EventKind, HeldBack, Outcome, RunKind};
use crate::offer::{Batch, Closed};
use crate::scalar::Share;
use crate::sink::batch::closed;
use crate::sink::files::Files;
use crate::state::words::{Close, Due, DueSince, Found};

/// Offers that are closed in one transaction.
const BATCH: usize = 500;
/// One run closes at most this share of the open offers, unless `expire.at_most` says otherwise,
const SHARE: f64 = 0.2;
/// where more than so many are open.
const FEW: u64 = 20;

/// What is to be closed besides what was not seen.
pub(super) struct Ending<'e> {
    pub kind: RunKind,
    pub outcome: Outcome,
    /// Partitions that the site says are gone.
    pub gone: &'e [String],
}

/// Closes partitions that are gone, judges, and closes what was not seen. A run that was stopped or failed is not judged,
/// and one that was only asked for some windows closes nothing.
pub(super) async fn end(shared: &Shared, files: Option<&Files>, ending: Ending<'_>) -> Result<Judged, RunError> {
    let state = &shared.engine.state;
    let whole = matches!(ending.kind, RunKind::Sweep | RunKind::Ordinary);
    let ended = matches!(ending.outcome, Outcome::Complete | Outcome::Partial);
    if !ended {
        return Ok(Judged::default());
    }
    for partition in ending.gone.iter().filter(|_| whole) {
        let rows = state.open_rows(&shared.plan.source, Some(partition), None).await?;
        close(shared, files, &rows, Closed::Gone).await?;
    }
    if shared.stopped() {
        return Ok(Judged::default());
    }
    let judged = judge(shared, ending.kind, ending.outcome).await?;
    if ending.kind == RunKind::Sweep && judged.counts {
        state.end_sweep(shared.run).await?;
    }
    if whole && judged.closes {
        not_seen(shared, files, false).await?;
    }
    Ok(judged)
}

/// Closes what was not seen, as `expire` says.
pub(super) async fn not_seen(shared: &Shared, files: Option<&Files>, accept: bool) -> Result<(), RunError> {
    let plan = &shared.plan;
    let Some(expire) = &plan.expire else {
        if accept {
            let message = "nothing is held: the source has no `expire`, so absence closes nothing".to_owned();
            shared.emit(EventKind::Warned { message });
        }
        return Ok(());
    };
    if plan.call.pages.total().is_some_and(|total| total.approximate) {
        let message = "expire: the total is approximate, so absence closes nothing".to_owned();
        shared.emit(EventKind::Warned { message });
        return Ok(());
    }
    let since = match expire.not_seen {
        NotSeen::Sweeps(count) => DueSince::Sweeps(count),
        NotSeen::For(span) => DueSince::Instant(shared.now - span.delta()),
    };
    let due = Due { source: plan.source.clone(), ask: plan.fingerprints.request.clone(), since };
    let found = shared.engine.state.due(due).await?;
    let (rows, held) = if accept { accepted(found) } else { allowed(found, expire.at_most) };
    match &held {
        Some(held) => shared.emit(EventKind::ClosingsHeld(held.clone())),
        None if accept && rows.is_empty() => {
            let message = "nothing is held: no open offer was missing for as long as `expire` says".to_owned();
            shared.emit(EventKind::Warned { message });
        }
        None => {}
    }
    shared.engine.state.hold(&plan.source, held).await?;
    close(shared, files, &rows, Closed::NotSeen).await
}

/// All that is due: somebody has looked at it.
fn accepted(found: Found) -> (Vec<u64>, Option<HeldBack>) {
    ([found.rows, found.empty].concat(), None)
}

/// What one run may close unasked, and what is held: all of it above `at_most`, and the offers of a partition of which
/// nothing was seen at any number.
fn allowed(found: Found, at_most: Option<Share>) -> (Vec<u64>, Option<HeldBack>) {
    let share = match at_most {
        Some(share) => share.fraction(),
        None if found.open > FEW => SHARE,
        None => 1.0,
    };
    // A share such as 29 % of 100 is 29, though its product is a little less.
    let most = (found.open as f64 * share + 1e-6) as u64;
    let (count, empty) = (found.rows.len() as u64, found.empty.len() as u64);
    let held = |offers| HeldBack { offers, open: found.open, most, partitions: found.partitions.clone() };
    match (count > most, empty) {
        (true, _) => (Vec::new(), Some(held(count + empty))),
        (false, 0) => (found.rows, None),
        (false, _) => {
            let held = held(empty);
            (found.rows, Some(held))
        }
    }
}

/// Closes offers, some hundred at a time until the run is interrupted: the change log first, then one transaction.
pub(super) async fn close(
    shared: &Shared,
    files: Option<&Files>,
    rows: &[u64],
    reason: Closed,
) -> Result<(), RunError> {
    let (state, at) = (&shared.engine.state, Utc::now());
    for rows in rows.chunks(BATCH) {
        if shared.stopped() {
            return Ok(());
        }
        let mut closings = state.closings(rows.to_vec(), reason).await?;
        let version = shared.claim.ticket();
        shared.target.close(&mut closings, version, at).await?;
        let mut marks = Vec::new();
        if let Some(files) = files
            && let Some(lines) = files.write(&Batch { version, items: closed(&closings, at) }).await?
        {
            marks.push(lines.mark().await?);
        }
        let counts = state
            .close(Close {
                run: shared.run,
                source: shared.plan.source.clone(),
                version,
                at,
                meaning: shared.plan.fingerprints.mapping.clone(),
                store: shared.target.in_transaction(),
                closings,
                marks,
            })
            .await?;
        shared.emit(EventKind::OffersClosed { count: counts.closed, reason });
    }
    Ok(())
}

/// Offers that are closed without a run of the site.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Closes {
    /// What the last sweeps missed, though it is more than `expire.at_most` allows.
    Held,
    /// What another request brought: it is in no sweep any more.
    OlderAsk,
    /// All of the source.
    Everything,
}
