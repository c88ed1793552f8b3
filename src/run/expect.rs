//! `expect`: what a run must have brought. A run that falls short is flagged, and closes nothing for not being seen.
use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{RunError, Shared};
use crate::definition::source::Expect;
use crate::event::{Alert, RunKind};
use crate::schema::ENGINE;

/// Share of offers that have a required field.
const REQUIRED: f64 = 0.99;

/// Judges the records of a sweep and, where fields are asked for, what is stored of the source.
pub(super) async fn judge(shared: &Shared, kind: RunKind) -> Result<Vec<Alert>, RunError> {
    let Some(expect) = shared.plan.expect.as_ref().filter(|_| matches!(kind, RunKind::Sweep | RunKind::Ordinary))
    else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    if kind == RunKind::Sweep {
        for (partition, keys) in shared.engine.state.keys_of(shared.run).await? {
            let of = if partition == "{}" { String::new() } else { format!(" of {partition}") };
            let wrong = match (expect.min, expect.max) {
                (Some(min), _) if keys < min => format!("at least {min}"),
                (_, Some(max)) if keys > max => format!("at most {max}"),
                _ => continue,
            };
            let message = format!("{keys} records{of}, {wrong} were expected");
            found.push(Alert::Records { partition, message });
        }
    }
    if !expect.required.is_empty() || expect.drift.is_some() || expect.fresh.is_some() {
        fields(shared, expect, &mut found).await?;
    }
    Ok(found)
}

/// What the open offers of a source say.
#[derive(Default)]
struct Looked {
    offers: u64,
    newest: Option<DateTime<Utc>>,
    /// Offers that have a field, by its dotted name.
    having: BTreeMap<String, u64>,
}

impl Looked {
    fn add(&mut self, offer: &Value) {
        self.offers += 1;
        let at = offer.pointer(&pointer(PUBLISHED)).and_then(Value::as_str);
        self.newest = self.newest.max(at.and_then(|text| text.parse().ok()));
        leaves(offer, "", &mut self.having);
    }

    fn shares(&self) -> BTreeMap<String, f64> {
        self.having.iter().map(|(field, count)| (field.clone(), *count as f64 / self.offers as f64)).collect()
    }
}

/// Looks at each open offer, in whichever store it is.
async fn look(shared: &Shared) -> Result<Looked, RunError> {
    let mut looked = Looked::default();
    shared.target.each_open(&mut |offer| looked.add(offer)).await?;
    Ok(looked)
}

async fn fields(shared: &Shared, expect: &Expect, found: &mut Vec<Alert>) -> Result<(), RunError> {
    let looked = look(shared).await?;
    if looked.offers == 0 {
        return Ok(());
    }
    let shares = looked.shares();
    for field in &expect.required {
        let share = shares.get(field).copied().unwrap_or(0.0);
        if share < REQUIRED {
            let message = format!("{:.1} % of the offers have `{field}`, 99 % were expected", share * 100.0);
            found.push(Alert::Fields { rule: format!("required: {field}"), message });
        }
    }
    let before = shared.engine.state.shares(&shared.plan.source, shares.clone()).await?;
    if let Some(most) = expect.drift.map(|share| share.fraction()) {
        for (field, was) in &before {
            let is = shares.get(field).copied().unwrap_or(0.0);
            if (is - was).abs() > most {
                let (was, is) = (was * 100.0, is * 100.0);
                let message = format!("the coverage of `{field}` went from {was:.0} % to {is:.0} %");
                found.push(Alert::Fields { rule: format!("drift: {field}"), message });
            }
        }
    }
    if let (Some(span), Some(newest)) = (expect.fresh, looked.newest) {
        let age = shared.now - newest;
        if age > span.delta() {
            let message = format!("the newest offer is {} old", spoken(age));
            found.push(Alert::Fields { rule: "fresh".into(), message });
        }
    }
    Ok(())
}

/// The place of the field that says when an offer was published.
const PUBLISHED: usize = 13;

/// Where a document has a field.
fn pointer(field: usize) -> String {
    format!("/{}", ENGINE[field].0.replace('.', "/"))
}

fn spoken(age: TimeDelta) -> String {
    if age.num_days() > 0 { format!("{} days", age.num_days()) } else { format!("{} hours", age.num_hours()) }
}

/// Counts the fields that a document has, by their dotted names.
fn leaves(value: &Value, name: &str, counted: &mut BTreeMap<String, u64>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                let name = if name.is_empty() { member.clone() } else { format!("{name}.{member}") };
                leaves(value, &name, counted);
            }
        }
        _ => *counted.entry(name.to_owned()).or_default() += 1,
    }
}
