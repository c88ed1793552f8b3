//! One page looked at: fetched, mapped, shown; nothing is written.
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::page::{At, work};
use super::slices;
use crate::decode;
use crate::extract::{Flaw, Records};
use crate::fetch::{Ask, Fetch, FetchError, Heard, Verdict};
use crate::plan::{Meaning, Place, Plan, said};
use crate::state::words::Fate;

/// What a page holds.
#[derive(Debug)]
pub struct Preview {
    /// Each raw record, and what became of it.
    pub records: Vec<(String, String)>,
    /// Records announced.
    pub total: Option<u64>,
    /// Flaws.
    pub flaws: Vec<Flaw>,
    /// Share of offers that have each field.
    pub coverage: Vec<(String, f64)>,
}

/// There is nothing to look at.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// No page.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The request could not be made, or the answer cannot be used.
    #[error("{0}")]
    Answer(String),
}

/// Fetches the first page of the first slice.
pub async fn preview(plan: &Plan, fetch: &Fetch, now: DateTime<Utc>) -> Result<Preview, PreviewError> {
    let partition = slices::product(&plan.partitions, 0).unwrap_or_else(|| "{}".into());
    let window = plan.windows.as_ref().map(|windows| (windows.begin(now), now));
    let at = At { partition: partition.clone(), window, position: plan.pages.rule().start() };
    let values = slices::values(&partition);
    let place = Place { partition: &values, window, position: &at.position };
    let request = plan.request(&place).map_err(|error| PreviewError::Answer(error.to_string()))?;
    let judge = |heard: Heard<'_>| match heard {
        Heard::Page(page) => match plan.meaning(page) {
            Meaning::Retry => Verdict::Retry,
            Meaning::Renew => Verdict::Renew,
            _ => Verdict::Take,
        },
        Heard::Dns | Heard::Timeout => Verdict::Retry,
    };
    let ask = Ask {
        request: &request,
        credential: &plan.credential,
        origins: &plan.origins,
        limits: &plan.limits,
        judge: &judge,
        note: &|_| {},
        secrets: &plan.secrets,
    };
    let page = fetch.fetch(&ask).await?;
    let meaning = plan.meaning(&page);
    if !matches!(meaning, Meaning::Records | Meaning::Empty) {
        return Err(PreviewError::Answer(format!("status {}: {}", page.status, said(&page))));
    }
    let worked = work(plan, &page, &at, &meaning);
    if let Some(fault) = worked.fault {
        return Err(PreviewError::Answer(fault));
    }
    let plain = decode::plain(&page).map_err(|error| PreviewError::Answer(error.to_string()))?;
    let body = decode::json(&plain).unwrap_or_default();
    let raws: Vec<String> = match plan.extract.records(&body) {
        Records::List(list) => list.iter().map(|record| record.to_string()).collect(),
        Records::Missing | Records::Wrong(_) => Vec::new(),
    };
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    let mut offers = 0;
    let mut records = Vec::new();
    for (raw, record) in raws.into_iter().zip(&worked.mapped.records) {
        let made = match &record.fate {
            Fate::Offer { text, .. } => {
                let text = String::from_utf8_lossy(&worked.mapped.text[text.clone()]).into_owned();
                offers += 1;
                count(&serde_json::from_str(&text).unwrap_or_default(), "", &mut counted);
                text
            }
            Fate::Rejected(reject) => format!("rejected: {}", reject.message),
            Fate::Filtered | Fate::Gone => "filtered".into(),
            Fate::Repeated => "its key comes again".into(),
            Fate::Listed => "unchanged".into(),
        };
        records.push((raw, made));
    }
    let coverage = counted.into_iter().map(|(field, count)| (field, count as f64 / f64::from(offers.max(1)))).collect();
    Ok(Preview { records, total: worked.total.ok().flatten(), flaws: worked.flaws, coverage })
}

fn count(value: &serde_json::Value, name: &str, counted: &mut BTreeMap<String, usize>) {
    match value {
        serde_json::Value::Object(members) => {
            for (member, value) in members {
                let name = if name.is_empty() { member.clone() } else { format!("{name}.{member}") };
                count(value, &name, counted);
            }
        }
        _ => *counted.entry(name.to_owned()).or_default() += 1,
    }
}
