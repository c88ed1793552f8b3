//! Windows of time: which a run reads, and how one is halved.
use chrono::{DateTime, Datelike, TimeDelta, Utc};

use super::compile::Values;
use crate::finding::Finding;
use crate::scalar::{Given, Span, Template};

/// A half-open window, UTC.
pub type Window = (DateTime<Utc>, DateTime<Utc>);

/// Windows of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Windows {
    /// How far the first run and each sweep go back; else from an instant.
    pub first: First,
    /// Up to which instant, instead of now.
    pub until: Option<DateTime<Utc>>,
    /// How far later runs go back behind the coverage.
    pub lookback: TimeDelta,
    /// Length of each window.
    pub step: Option<TimeDelta>,
    /// When a window is halved: above this total, down to this length.
    pub split: Option<(u64, TimeDelta)>,
}

/// Where the whole begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum First {
    /// So long ago.
    Ago(Span),
    /// At this instant.
    At(DateTime<Utc>),
}

impl Windows {
    /// Where the whole begins for a run of this `now`.
    pub fn begin(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self.first {
            First::Ago(span) => now - span.delta(),
            First::At(at) => at,
        }
    }

    /// The windows of a span, oldest first, tiled by `step`; an error where there are too many.
    pub fn tile(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Tiles, String> {
        let step = self.step.filter(|step| *step > TimeDelta::zero());
        match step.and_then(|step| too_many(end - start, step)) {
            Some(message) => Err(message),
            None => Ok(Tiles { at: Some(start), end, step }),
        }
    }

    /// The halves of a window, the middle rounded to `until`; `None` when it cannot be made shorter.
    pub fn halve(&self, (start, end): Window) -> Option<[Window; 2]> {
        let until = self.split?.1.num_seconds().max(1);
        let length = (end - start).num_seconds();
        if length <= until {
            return None;
        }
        let half = (length / 2 / until * until).max(until);
        let middle = start + TimeDelta::seconds(half);
        Some([(start, middle), (middle, end)])
    }

    /// What an ordinary run reads: from the end of the coverage without a gap, less `lookback`.
    pub fn ordinary(&self, now: DateTime<Utc>, covered: Option<DateTime<Utc>>) -> Window {
        let begin = self.begin(now);
        let start = covered.map_or(begin, |covered| (covered - self.lookback).max(begin).min(now));
        (start, self.until.unwrap_or(now))
    }
}

/// Windows of a span, each made when it is asked for.
#[derive(Debug)]
pub struct Tiles {
    at: Option<DateTime<Utc>>,
    end: DateTime<Utc>,
    step: Option<TimeDelta>,
}

impl Iterator for Tiles {
    type Item = Window;

    fn next(&mut self) -> Option<Window> {
        let start = self.at.take()?;
        let Some(step) = self.step else { return Some((start, self.end)) };
        if start >= self.end {
            return None;
        }
        let next = start.checked_add_signed(step).map_or(self.end, |next| next.min(self.end));
        self.at = Some(next);
        Some((start, next))
    }
}

/// Most windows of a span: each is a slice of its own.
const MOST: i64 = 1_000_000;

fn too_many(span: TimeDelta, step: TimeDelta) -> Option<String> {
    let windows = span.num_seconds() / step.num_seconds().max(1);
    (windows > MOST).then(|| {
        format!("`windows` of {} s over {} s are {windows}: {MOST} at most", step.num_seconds(), span.num_seconds())
    })
}

/// Windows as they are written, compiled.
pub(super) fn windows(
    windows: &crate::definition::source::Windows,
    values: &mut Values<'_>,
) -> Result<Windows, Finding> {
    let mut instant = |template: &Option<Template>, name: &str| -> Result<Option<DateTime<Utc>>, Finding> {
        let Some(template) = template else { return Ok(None) };
        let text = values.text(template, &["windows", name])?;
        let found = text.parse().ok().filter(|at: &DateTime<Utc>| (1..=9999).contains(&at.year()));
        found.map(Some).ok_or_else(|| values.finding(&["windows", name], format!("`{text}` is not an instant")))
    };
    let from = instant(&windows.from, "from")?;
    let until = instant(&windows.until, "until")?;
    let mut span = |given: &Option<Given<Span>>, name: &str| {
        given.as_ref().map(|given| values.given(given, &["windows", name])).transpose()
    };
    let first = match (span(&windows.first, "first")?, from) {
        (Some(span), _) => First::Ago(span),
        (None, at) => First::At(at.unwrap_or(DateTime::UNIX_EPOCH)),
    };
    let lookback = span(&windows.lookback, "lookback")?.map_or(TimeDelta::zero(), Span::delta);
    let step = span(&windows.step, "step")?.map(Span::delta);
    let split = match &windows.split {
        None => None,
        Some(split) => {
            let above = values.given(&split.above, &["windows", "split", "above"])?;
            Some((above, values.given(&split.until, &["windows", "split", "until"])?.delta()))
        }
    };
    let whole = match (first, until) {
        (First::Ago(span), _) => Some(span.delta()),
        (First::At(from), Some(until)) => Some(until - from),
        (First::At(_), None) => None,
    };
    match whole.zip(step).and_then(|(whole, step)| too_many(whole, step)) {
        Some(message) => Err(values.finding(&["windows", "step"], message)),
        None => Ok(Windows { first, until, lookback, step, split }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_halved_down_to_a_minute() {
        let windows = Windows {
            first: First::Ago(Span::seconds(86_400)),
            until: None,
            lookback: TimeDelta::zero(),
            step: None,
            split: Some((10, TimeDelta::minutes(1))),
        };
        let start = DateTime::UNIX_EPOCH;
        let mut open = vec![(start, start + TimeDelta::seconds(3_601))];
        let mut smallest = Vec::new();
        while let Some(window) = open.pop() {
            match windows.halve(window) {
                Some(halves) => {
                    assert_eq!((halves[0].0, halves[1].1, halves[0].1), (window.0, window.1, halves[1].0));
                    open.extend(halves);
                }
                None => smallest.push(window),
            }
        }
        assert!(smallest.iter().all(|(start, end)| *end - *start <= TimeDelta::minutes(1)));
        assert_eq!(smallest.iter().map(|(start, end)| (*end - *start).num_seconds()).sum::<i64>(), 3_601);
    }
}
