//! The slices of a run, one at a time and in a fixed order: partitions are the outer loop, windows the inner.
use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use super::Shared;
use crate::event::RunKind;
use crate::plan::Window;
use crate::state::StateError;
use crate::state::words::{Slice, SliceState};
use crate::tree::Tree;

/// What is still to be read.
pub(super) struct Slices {
    kind: RunKind,
    now: DateTime<Utc>,
    span: Option<Window>,
    /// Slices of an earlier start that are open.
    open: VecDeque<Slice>,
    /// Windows of each partition that an earlier start has begun.
    begun: Vec<(String, Option<Window>)>,
    /// The next partition.
    partition: usize,
    /// Windows of the partition at hand.
    windows: VecDeque<(String, Option<Window>)>,
    number: usize,
}

impl Slices {
    pub(super) fn new(kind: RunKind, now: DateTime<Utc>, span: Option<Window>, slices: Vec<Slice>) -> Self {
        let number = slices.iter().filter_map(|slice| slice.slice.split('.').next()?.parse::<usize>().ok()).max();
        let begun = slices.iter().map(|slice| (slice.partition.clone(), slice.window)).collect();
        let open = slices.into_iter().filter(|slice| slice.state == SliceState::Open).collect();
        Slices {
            kind,
            now,
            span,
            open,
            begun,
            partition: 0,
            windows: VecDeque::new(),
            number: number.map_or(0, |last| last + 1),
        }
    }

    /// The next slice, written down before it is read.
    pub(super) async fn next(&mut self, shared: &Shared) -> Result<Option<Slice>, StateError> {
        if let Some(open) = self.open.pop_front() {
            return Ok(Some(open));
        }
        loop {
            if let Some((partition, window)) = self.windows.pop_front() {
                if self.has_begun(&partition, window) {
                    continue;
                }
                let slice = Slice {
                    slice: self.number.to_string(),
                    partition,
                    window,
                    state: SliceState::Open,
                    total: None,
                    position: None,
                    progress: Default::default(),
                    keys: 0,
                };
                self.number += 1;
                shared.engine.state.put_slice(shared.run, slice.clone()).await?;
                return Ok(Some(slice));
            }
            let Some(partition) = product(&shared.plan.partitions, self.partition) else { return Ok(None) };
            self.partition += 1;
            let windows = self.windows_of(shared, &partition).await?;
            self.windows.extend(windows.into_iter().map(|window| (partition.clone(), window)));
        }
    }

    /// Whether an earlier start began this window, or one that lies in it.
    fn has_begun(&self, partition: &str, window: Option<Window>) -> bool {
        self.begun.iter().any(|(known, begun)| {
            known == partition
                && match (window, begun) {
                    (Some(window), Some(begun)) => begun.0 < window.1 && begun.1 > window.0,
                    _ => true,
                }
        })
    }

    async fn windows_of(&self, shared: &Shared, partition: &str) -> Result<Vec<Option<Window>>, StateError> {
        let plan = &shared.plan;
        let Some(windows) = &plan.windows else { return Ok(vec![None]) };
        let (start, end) = match (self.kind, self.span) {
            (RunKind::Backfill, Some(span)) => span,
            (RunKind::Ordinary, _) => {
                let covered = shared.engine.state.covered(&plan.source, &plan.ask, partition).await?;
                windows.ordinary(self.now, covered)
            }
            (RunKind::Sweep | RunKind::Backfill, _) => (windows.begin(self.now), windows.until.unwrap_or(self.now)),
        };
        Ok(windows.tile(start, end).into_iter().map(Some).collect())
    }
}

/// The partition of a number, as JSON: the last name varies fastest. `None` behind the last one.
pub(super) fn product(partitions: &[(String, Vec<Tree<'static>>)], number: usize) -> Option<String> {
    let mut rest = number;
    let mut members = Vec::new();
    for (name, values) in partitions.iter().rev() {
        if values.is_empty() {
            return None;
        }
        members.push((name.clone().into(), values[rest % values.len()].clone()));
        rest /= values.len();
    }
    members.reverse();
    (rest == 0).then(|| Tree::Object(members).to_string())
}

/// A partition as names and values.
pub(super) fn values(partition: &str) -> Vec<(String, Tree<'static>)> {
    let tree: Tree<'_> = serde_json::from_str(partition).unwrap_or_default();
    match tree.into_owned() {
        Tree::Object(members) => members.into_iter().map(|(name, value)| (name.into_owned(), value)).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_a_product() {
        let numbers = |last: i64| (1..=last).map(Tree::Int).collect::<Vec<_>>();
        let partitions = vec![("a".to_owned(), numbers(2)), ("b".to_owned(), numbers(3))];
        let all: Vec<String> = (0..).map_while(|number| product(&partitions, number)).collect();
        assert_eq!(all.len(), 6);
        assert_eq!(
            (all[0].as_str(), all[1].as_str(), all[5].as_str()),
            (r#"{"a":1,"b":1}"#, r#"{"a":1,"b":2}"#, r#"{"a":2,"b":3}"#)
        );
        assert_eq!(product(&[], 0).as_deref(), Some("{}"));
        assert_eq!(product(&[], 1), None);
    }
}
