//! What the events add up to: the state of everything, at a glance.
use std::collections::BTreeMap;

use serde::Serialize;

use crate::event::{Alert, Counts, Event, EventKind, HeldBack, Outcome, RunId, SliceEnd};

/// All sources that were heard of.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Board {
    /// One row a source.
    pub rows: BTreeMap<String, Row>,
}

/// A source's last run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    /// Its run.
    pub run: RunId,
    /// Whether this start goes on with what an earlier one began.
    pub resumed: bool,
    /// Sum of its committed pages since this start; those of the whole run when it has ended.
    pub counts: Counts,
    /// Pages committed since this start.
    pub pages: u64,
    /// Records of these pages.
    pub records: u64,
    /// Bytes received since this start.
    pub bytes: u64,
    /// Records announced by slices that are not split.
    pub announced: u64,
    /// Slices that ended, by how.
    pub complete: u64,
    /// Slices that were halved.
    pub split: u64,
    /// Slices that are partial, failed or skipped, with why.
    pub others: Vec<(String, String)>,
    /// Requests asked again.
    pub retries: u64,
    /// Tokens renewed.
    pub renewals: u64,
    /// Flaws by field and message.
    pub flaws: BTreeMap<String, u64>,
    /// Rejects by reason and field.
    pub rejects: BTreeMap<String, u64>,
    /// Offers closed, by reason.
    pub closed: BTreeMap<String, u64>,
    /// Closings that are held.
    pub held: Option<HeldBack>,
    /// What is wrong, and lasts until a later run is without it.
    pub alerts: Vec<Alert>,
    /// Why the store is away, while it is, and how many offers wait.
    pub away: Option<(String, u64)>,
    /// Seconds that the store was away.
    pub waited: f64,
    /// Offers copied into the index of this schema, of how many.
    pub copied: Option<(u64, u64)>,
    /// Warnings.
    pub warnings: Vec<String>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why, unless complete.
    pub cause: Option<String>,
    /// Seconds it took.
    pub seconds: f64,
}

impl Board {
    /// Takes a fact in.
    pub fn apply(&mut self, event: &Event) {
        let row = self.rows.entry(event.source.clone()).or_default();
        match &event.kind {
            EventKind::RunStarted { resumed, .. } => {
                *row = Row { run: event.run, resumed: *resumed, ..Row::default() };
            }
            EventKind::SliceStarted { .. } => {}
            EventKind::TotalAnnounced { total, .. } => row.announced = row.announced.saturating_add(*total),
            EventKind::NoTotal { .. } => {}
            EventKind::Retried { .. } => row.retries += 1,
            EventKind::TokenRenewed => row.renewals += 1,
            EventKind::Waiting { .. } => {}
            EventKind::PageCommitted { bytes, counts, flaws, rejects, .. } => {
                row.pages += 1;
                row.records += counts.fetched;
                row.bytes += bytes;
                row.counts.add(counts);
                flaws.iter().for_each(|(flaw, count)| *row.flaws.entry(flaw.clone()).or_default() += count);
                rejects.iter().for_each(|(reject, count)| *row.rejects.entry(reject.clone()).or_default() += count);
            }
            EventKind::SliceEnded { slice, end, .. } => match end {
                SliceEnd::Complete(_) => row.complete += 1,
                SliceEnd::Split => row.split += 1,
                SliceEnd::Partial(why) | SliceEnd::Failed(why) | SliceEnd::Skipped(why) => {
                    row.others.push((slice.clone(), why.clone()));
                }
            },
            EventKind::OffersClosed { count, reason } => {
                row.counts.closed += count;
                *row.closed.entry(reason.word().to_owned()).or_default() += count;
            }
            EventKind::ClosingsHeld(held) => row.held = Some(held.clone()),
            EventKind::Alerted(alert) => row.alerts.push(alert.clone()),
            EventKind::StoreAway { why, offers } => row.away = Some((why.clone(), *offers)),
            EventKind::StoreBack { seconds } => {
                row.away = None;
                row.waited += seconds;
            }
            EventKind::StoreCopied { offers, of } => row.copied = Some((*offers, *of)),
            EventKind::Warned { message } => row.warnings.push(message.clone()),
            EventKind::RunEnded { outcome, cause, counts, seconds } => {
                // The journal's own sum: a run that goes on counts what it did before.
                row.counts = *counts;
                row.outcome = Some(*outcome);
                row.cause.clone_from(cause);
                row.seconds = *seconds;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_adds_up() {
        let mut board = Board::default();
        let counts = Counts { fetched: 3, indexed: 2, new: 2, rejected: 1, ..Counts::default() };
        let flaws = vec![("salary: x".to_owned(), 2)];
        let page = EventKind::PageCommitted {
            slice: "0".into(),
            position: "only".into(),
            bytes: 10,
            counts,
            flaws,
            rejects: vec![],
        };
        let at = chrono::DateTime::UNIX_EPOCH;
        for kind in [page.clone(), page, EventKind::TokenRenewed] {
            board.apply(&Event { at, run: 1, source: "a".into(), kind });
        }
        let row = &board.rows["a"];
        assert_eq!((row.pages, row.counts.indexed, row.flaws["salary: x"], row.renewals), (2, 4, 4, 1));
    }
}
