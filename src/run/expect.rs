//! `expect`: what a run must have brought. A run that falls short is flagged, closes nothing and drops nothing.
use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{RunError, Shared};
use crate::definition::source::Expect;
use crate::event::RunKind;
use crate::schema::ENGINE;
use crate::state::Reader;

/// What was found.
pub(super) struct Judged {
    /// What is to be said.
    pub said: Vec<String>,
    /// Whether offers may be closed.
    pub closes: bool,
    /// Why the run fails.
    pub fails: Option<String>,
}

/// From this many records on a share of rejects fails a run.
const RECORDS: u64 = 500;
/// The share that does, unless `expect.rejects` says otherwise.
const REJECTS: f64 = 0.2;
/// Share of offers that have a required field.
const REQUIRED: f64 = 0.99;

/// Judges a run by its pages and, where fields are asked for, by what is stored of its source.
pub(super) async fn judge(shared: &Shared, kind: RunKind) -> Result<Judged, RunError> {
    let mut judged = Judged { said: Vec::new(), closes: true, fails: None };
    let expect = shared.plan.expect.as_ref();
    let counts = reader(shared)?.run(shared.run)?.unwrap_or_default();
    let share = counts.rejected as f64 / counts.fetched.max(1) as f64;
    let most = expect.and_then(|expect| expect.rejects).map_or(REJECTS, |share| share.fraction());
    if counts.fetched >= RECORDS && share > most {
        let why = format!(
            "{} of {} records were rejected, more than {:.0} %: `jobmarket quarantine list {}`",
            counts.rejected,
            counts.fetched,
            most * 100.0,
            shared.plan.source
        );
        judged.fails = Some(why);
        judged.closes = false;
    }
    let Some(expect) = expect else { return Ok(judged) };
    if kind == RunKind::Sweep {
        for (partition, keys) in shared.engine.state.keys_of(shared.run).await? {
            let of = if partition == "{}" { String::new() } else { format!(" of {partition}") };
            if let Some(min) = expect.min.filter(|min| keys < *min) {
                judged.said.push(format!("expect: {keys} records{of}, at least {min} were expected"));
            }
            if let Some(max) = expect.max.filter(|max| keys > *max) {
                judged.said.push(format!("expect: {keys} records{of}, at most {max} were expected"));
            }
        }
    }
    if !expect.required.is_empty() || expect.drift.is_some() || expect.fresh.is_some() {
        fields(shared, expect, &mut judged).await?;
    }
    judged.closes &= judged.said.is_empty();
    Ok(judged)
}

fn reader(shared: &Shared) -> Result<Reader, RunError> {
    Reader::open(shared.engine.state.dir())?.ok_or_else(|| RunError::Lost("state.db".into()))
}

/// What the open offers of a source say.
struct Looked {
    offers: u64,
    newest: Option<DateTime<Utc>>,
    shares: BTreeMap<String, f64>,
}

fn look(shared: &Shared) -> Result<Looked, RunError> {
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    let (mut offers, mut newest): (u64, Option<DateTime<Utc>>) = (0, None);
    let published = format!("/{}", ENGINE[PUBLISHED].0.replace('.', "/"));
    reader(shared)?.each_open(&shared.plan.source, &mut |document| {
        offers += 1;
        let at = document.pointer(&published).and_then(|value| value.as_str());
        newest = newest.max(at.and_then(|text| text.parse().ok()));
        leaves(&document, "", &mut counted);
    })?;
    let shares = counted.into_iter().map(|(field, count)| (field, count as f64 / offers as f64)).collect();
    Ok(Looked { offers, newest, shares })
}

async fn fields(shared: &Shared, expect: &Expect, judged: &mut Judged) -> Result<(), RunError> {
    let Looked { offers, newest, shares } = look(shared)?;
    if offers == 0 {
        return Ok(());
    }
    for field in &expect.required {
        let share = shares.get(field).copied().unwrap_or(0.0);
        if share < REQUIRED {
            judged
                .said
                .push(format!("expect: {:.1} % of the offers have `{field}`, 99 % were expected", share * 100.0));
        }
    }
    let before = shared.engine.state.shares(&shared.plan.source, shares.clone()).await?;
    if let Some(most) = expect.drift.map(|share| share.fraction()) {
        for (field, was) in &before {
            let is = shares.get(field).copied().unwrap_or(0.0);
            if (is - was).abs() > most {
                let (was, is) = (was * 100.0, is * 100.0);
                judged.said.push(format!("expect: the coverage of `{field}` went from {was:.0} % to {is:.0} %"));
            }
        }
    }
    if let (Some(span), Some(newest)) = (expect.fresh, newest) {
        let age = shared.now - newest;
        if age > span.delta() {
            judged.said.push(format!("expect: the newest offer is {} old", spoken(age)));
        }
    }
    Ok(())
}

/// The place of the field that says when an offer was published.
const PUBLISHED: usize = 13;

fn spoken(age: TimeDelta) -> String {
    if age.num_days() > 0 { format!("{} days", age.num_days()) } else { format!("{} hours", age.num_hours()) }
}

/// Counts the fields that a document has, by their dotted names.
fn leaves(value: &serde_json::Value, name: &str, counted: &mut BTreeMap<String, u64>) {
    match value {
        serde_json::Value::Object(members) => {
            for (member, value) in members {
                let name = if name.is_empty() { member.clone() } else { format!("{name}.{member}") };
                leaves(value, &name, counted);
            }
        }
        _ => *counted.entry(name.to_owned()).or_default() += 1,
    }
}
