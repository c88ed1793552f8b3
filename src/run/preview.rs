//! One page looked at: fetched, mapped, shown; nothing is written.
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::ask::Asker;
use super::detail::Details;
use super::large::nth;
use super::page::{At, Given, decoded, work};
use super::pager::Pager;
use super::partitions::{Partitions, values};
use crate::decode::{self, Row, Text};
use crate::extract::{Flaw, Records};
use crate::fetch::{Fetch, FetchError, Note};
use crate::paginate::{Next, PageSeen, Progress};
use crate::plan::{Meaning, Place, Plan};
use crate::state::words::Fate;

/// What a page holds.
#[derive(Debug)]
pub struct Preview {
    /// Each raw record, and what became of it.
    pub records: Vec<(String, String)>,
    /// Records announced.
    pub total: Option<u64>,
    /// What was found in place of a total.
    pub no_total: Option<String>,
    /// Where the slice goes from here.
    pub next: Next,
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

/// Fetches the first page of the first slice. `project` is the folder that files of `for` are relative to; `note` is told
/// of retries and waits.
pub async fn preview(
    plan: &Arc<Plan>,
    fetch: &Fetch,
    project: &Path,
    now: DateTime<Utc>,
    note: &(dyn Fn(Note) + Sync),
) -> Result<Preview, PreviewError> {
    let answer = |message: String| PreviewError::Answer(message);
    let asker = Asker { fetch, origins: &plan.origins, note };
    let first = Partitions::new(plan.clone()).next(&asker, project, &|_| {}).await;
    let partition = first.map_err(|error| answer(error.to_string()))?.unwrap_or_else(|| "{}".into());
    let window = plan.windows.as_ref().map(|windows| (windows.begin(now), now));
    let at = At { partition: partition.clone(), window, position: plan.call.pages.rule().start() };
    let values = values(&partition);
    let place = Place { partition: &values, window, position: &at.position, record: None };
    let request = plan.call.request(&place).map_err(|error| answer(error.to_string()))?;
    let page = asker.ask(&plan.call, &request).await?;
    let meaning = plan.call.meaning(&page);
    if !matches!(meaning, Meaning::Records | Meaning::Empty) {
        return Err(PreviewError::Answer(plan.call.failure(&page)));
    }
    let details = Details::default();
    let given = Given { plan, page: &page, at: &at, details: &details, folder: fetch.folder() };
    let mut worked = work(given, &meaning);
    if let Some(fault) = worked.fault.take() {
        return Err(PreviewError::Answer(fault.to_string()));
    }
    let mut progress = Progress::default();
    let seen = PageSeen { records: worked.records, keyless: worked.keyless, hash: 0, announced: &worked.announced };
    let next = Pager { pages: &plan.call.pages, progress: &mut progress }.advance(&at.position, &seen);
    let Progress { total, no_total, .. } = progress;
    let flaws = std::mem::take(&mut worked.flaws);
    let mapped = nth(given, worked, 0);
    let mapped = mapped.ok_or_else(|| answer("the page has no records".into()))?;
    let text = decode::text(&page).map_err(|error| PreviewError::Answer(error.to_string()))?;
    let raws = raws(plan, &text, mapped.records.len());
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    let mut offers = 0;
    let mut records = Vec::new();
    for (raw, record) in raws.into_iter().zip(&mapped.records) {
        let made = match &record.fate {
            Fate::Offer { text, .. } => {
                let text = String::from_utf8_lossy(&mapped.text[text.clone()]).into_owned();
                offers += 1;
                count(&serde_json::from_str(&text).unwrap_or_default(), "", &mut counted);
                text
            }
            Fate::Rejected(reject) => format!("rejected: {}", reject.message),
            Fate::Filtered | Fate::Gone => "filtered".into(),
            Fate::Repeated | Fate::Stale => "its key comes again".into(),
            Fate::Listed => "unchanged".into(),
        };
        records.push((raw, made));
    }
    let coverage = counted.into_iter().map(|(field, count)| (field, count as f64 / f64::from(offers.max(1)))).collect();
    Ok(Preview { records, total, no_total, next, flaws, coverage })
}

/// The first records of an answer, as JSON.
fn raws(plan: &Plan, text: &Text<'_>, most: usize) -> Vec<String> {
    let read = decoded(text, plan.extract.list().as_deref()).unwrap_or_default();
    let mut raws = Vec::new();
    match read.list.filter(|list| !list.kept) {
        Some(list) => {
            // What is wrong with it was said where it was mapped.
            let _ = decode::records(text, list, &mut |row| {
                raws.push(match &row {
                    Row::Read(record, _) => record.to_string(),
                    Row::Unread(unread) => text.get(unread.raw.clone()).unwrap_or_default().to_owned(),
                });
                raws.len() < most
            });
        }
        None => match plan.extract.records(&read.body) {
            Records::List(list) => raws.extend(list.iter().map(|record| record.to_string())),
            Records::Missing => {}
        },
    }
    raws
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
