//! What a run says, and what stands in the store.
use std::collections::BTreeMap;

use chrono::TimeDelta;
use jobmarket::event::{Event, EventKind};
use jobmarket::run::{Asked, RunError, Summary, run};
use jobmarket::state::Reader;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::bench::Bench;
use crate::hand::{behind, hand};

/// A run an hour after the one before: it reads what is new, and is no sweep.
pub async fn soon(bench: &mut Bench, source: &str) -> (Summary, Vec<Event>) {
    bench.now += TimeDelta::hours(1);
    let (engine, mut heard) = bench.engine();
    let summary = run(bench.plan(source), engine, bench.now, Asked::Due).await.unwrap();
    (summary, std::iter::from_fn(|| heard.try_recv().ok()).collect())
}

/// A run that goes on by itself, once so many of its pages are committed.
pub async fn begun(bench: &mut Bench, source: &str, pages: u32) -> (JoinHandle<Result<Summary, RunError>>, Heard) {
    bench.now += TimeDelta::days(1);
    let (engine, mut heard) = bench.engine();
    let (plan, now) = (bench.plan(source), bench.now);
    let running = tokio::spawn(async move { run(plan, engine, now, Asked::Due).await });
    let (mut committed, mut events) = (0, Vec::new());
    while committed < pages {
        let event = heard.recv().await.expect("the run ended too soon");
        committed += u32::from(matches!(event.kind, EventKind::PageCommitted { .. }));
        events.push(event);
    }
    (running, Heard { events, heard })
}

pub struct Heard {
    events: Vec<Event>,
    heard: tokio::sync::mpsc::UnboundedReceiver<Event>,
}

impl Heard {
    pub fn all(mut self) -> Vec<Event> {
        self.events.extend(std::iter::from_fn(|| self.heard.try_recv().ok()));
        self.events
    }
}

/// The index that is written.
pub async fn index(bench: &Bench) -> String {
    behind(&bench.node, "jobmarket-offers-write").await
}

pub async fn delete_index(bench: &Bench) {
    let index = index(bench).await;
    hand(&bench.node, "DELETE", &index, "").await;
}

/// What stands in the store of a source but for what each writing stamps: content, and whether it is closed.
pub async fn standing(bench: &Bench, source: &str) -> BTreeMap<String, Value> {
    let mut stored = bench.stored(source).await;
    for document in stored.values_mut() {
        document.as_object_mut().unwrap().retain(|name, _| name != "changed_at" && name != "provenance");
    }
    stored
}

/// The first offer that stands otherwise than before.
pub fn changed(before: &BTreeMap<String, Value>, now: &BTreeMap<String, Value>) -> Option<String> {
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let key = keys.into_iter().find(|key| before.get(*key) != now.get(*key))?;
    let object = |all: &BTreeMap<String, Value>| all.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
    let (mut before, mut now) = (object(before), object(now));
    let same: Vec<String> = before.keys().filter(|name| before.get(*name) == now.get(*name)).cloned().collect();
    for name in same {
        before.shift_remove(&name);
        now.shift_remove(&name);
    }
    Some(format!("{key}: {before:?} is {now:?}"))
}

pub fn warned(events: &[Event], words: &str) -> usize {
    let told = |event: &&Event| matches!(&event.kind, EventKind::Warned { message } if message.contains(words));
    events.iter().filter(told).count()
}

/// What was told, without pages and slices.
pub fn warnings(events: &[Event]) -> Vec<&EventKind> {
    let pages = |kind: &EventKind| {
        matches!(kind, EventKind::PageCommitted { .. } | EventKind::SliceStarted { .. } | EventKind::SliceEnded { .. })
    };
    events.iter().map(|event| &event.kind).filter(|kind| !pages(kind)).collect()
}

/// Nothing of a source is left to be told.
pub fn alerts(bench: &Bench, source: &str) -> usize {
    Reader::open(bench.dir.path()).unwrap().unwrap().alerts(source).unwrap().len()
}
