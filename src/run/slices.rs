//! The slices of a run, one at a time and in a fixed order: partitions are the outer loop, windows the inner.
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Shared;
use super::ask::Asker;
use super::partitions::{NoValues, Partitions};
use crate::event::{EventKind, RunKind};
use crate::fetch::Note;
use crate::plan::{Plan, Tiles, Window};
use crate::state::StateError;
use crate::state::words::{Slice, SliceState};

/// There is no next slice.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoSlice {
    /// The state.
    #[error(transparent)]
    State(#[from] StateError),
    /// Values of `for` could not be had: the run fails.
    #[error(transparent)]
    Values(#[from] NoValues),
    /// There are too many windows: the run fails.
    #[error("{0}")]
    Windows(String),
}

/// What is still to be read.
pub(super) struct Slices {
    kind: RunKind,
    now: DateTime<Utc>,
    span: Option<Window>,
    /// Slices of an earlier start that are open.
    open: VecDeque<Slice>,
    /// The partitions that an earlier start has begun, each with the end of its last window. Windows are begun in order
    /// and without a gap: what is left lies behind it.
    begun: HashMap<String, Option<DateTime<Utc>>>,
    partitions: Partitions,
    /// The partition at hand, and its windows.
    partition: String,
    windows: Windows,
    number: usize,
}

/// What is left of the windows of a partition.
enum Windows {
    None,
    /// It has no windows and is one slice.
    Whole,
    Tiles(Tiles),
}

impl Windows {
    fn next(&mut self) -> Option<Option<Window>> {
        match self {
            Windows::None => None,
            Windows::Whole => {
                *self = Windows::None;
                Some(None)
            }
            Windows::Tiles(tiles) => tiles.next().map(Some),
        }
    }
}

impl Slices {
    pub(super) fn new(
        plan: Arc<Plan>,
        kind: RunKind,
        now: DateTime<Utc>,
        span: Option<Window>,
        slices: Vec<Slice>,
    ) -> Self {
        let number = slices.iter().filter_map(|slice| slice.slice.split('.').next()?.parse::<usize>().ok()).max();
        let mut begun: HashMap<String, Option<DateTime<Utc>>> = HashMap::new();
        for slice in &slices {
            let end = begun.entry(slice.partition.clone()).or_default();
            *end = (*end).max(slice.window.map(|(_, end)| end));
        }
        let open = slices.into_iter().filter(|slice| slice.state == SliceState::Open).collect();
        Slices {
            kind,
            now,
            span,
            open,
            begun,
            partitions: Partitions::new(plan),
            partition: String::new(),
            windows: Windows::None,
            number: number.map_or(0, |last| last + 1),
        }
    }

    /// The next slice, written down before it is read.
    pub(super) async fn next(&mut self, shared: &Shared) -> Result<Option<Slice>, NoSlice> {
        if let Some(open) = self.open.pop_front() {
            return Ok(Some(open));
        }
        loop {
            if let Some(window) = self.windows.next() {
                let slice = Slice::open(self.number.to_string(), self.partition.clone(), window);
                self.number += 1;
                shared.engine.state.put_slice(shared.run, slice.clone()).await?;
                return Ok(Some(slice));
            }
            let note = |note: Note| shared.note(note);
            let asker = Asker { fetch: &shared.engine.fetch, origins: &shared.plan.origins, note: &note };
            let warn = |message: String| shared.emit(EventKind::Warned { message });
            let Some(partition) = self.partitions.next(&asker, &shared.engine.project, &warn).await? else {
                return Ok(None);
            };
            self.windows = self.windows_of(shared, &partition).await?;
            self.partition = partition;
        }
    }

    /// The windows of a partition that are still to be begun. Where the first one starts is asked once a run: what is
    /// covered and what is open change with each window that is read.
    async fn windows_of(&self, shared: &Shared, partition: &str) -> Result<Windows, NoSlice> {
        let plan = &shared.plan;
        let begun = self.begun.get(partition).copied();
        let Some(windows) = &plan.windows else {
            return Ok(if begun.is_some() { Windows::None } else { Windows::Whole });
        };
        let (start, end) = match (self.kind, self.span) {
            (RunKind::Backfill, Some(span)) => span,
            (RunKind::Ordinary, _) => {
                let covered = shared
                    .engine
                    .state
                    .covered(&plan.source, &plan.fingerprints.request, partition, windows.begin(self.now))
                    .await?;
                windows.ordinary(self.now, covered)
            }
            (RunKind::Sweep | RunKind::Backfill | RunKind::Replay | RunKind::Retry | RunKind::Close, _) => {
                // What an older window brought is looked for there, or it could never be missed.
                let oldest = shared.engine.state.oldest(&plan.source, &plan.fingerprints.request).await?;
                let begin = windows.begin(self.now);
                (oldest.map_or(begin, |oldest| oldest.min(begin)), windows.until.unwrap_or(self.now))
            }
        };
        let start = match begun.flatten() {
            Some(begun) if begun >= end => return Ok(Windows::None),
            begun => begun.unwrap_or(start),
        };
        windows.tile(start, end).map(Windows::Tiles).map_err(NoSlice::Windows)
    }
}
