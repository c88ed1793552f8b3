//! The second call of a record: asked for what is new or changed, archived beside its page, merged as `$.detail`.
use std::collections::HashMap;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::ask::Asker;
use super::ground::Ground;
use super::page::{At, NoPage};
use super::partitions::values;
use super::{RunError, Shared};
use crate::archive;
use crate::decode;
use crate::definition::source::OnError;
use crate::exchange::{Request, SharedPage};
use crate::extract::{Made, Records};
use crate::fetch::Note;
use crate::offer::{OfferId, Reject, Version, content_hash};
use crate::plan::{Detail, Meaning, Place, Plan};
use crate::state::words::Archived;
use crate::tree::Tree;

/// The second calls of a page.
#[derive(Debug, Default)]
pub(super) struct Details {
    /// By number of the record in its page.
    pub seconds: HashMap<u32, Second>,
    /// Answers out of the archive, by offer.
    pub kept: HashMap<OfferId, SharedPage>,
    /// Where their answers lie.
    pub archived: Vec<Archived>,
    /// Whether records that a filter keeps aside are mapped too.
    pub unfiltered: bool,
}

/// The second call of a record.
#[derive(Debug)]
pub(super) struct Second {
    /// Hash of the listed form, when it may be compared with in the next run.
    pub listed: Option<u64>,
    pub answer: Answer,
}

/// What the second call brought.
#[derive(Debug)]
pub(super) enum Answer {
    /// Not asked: the listed form is the one that is known.
    Unchanged,
    Body(SharedPage),
    /// Mapped without it, and asked again in the next run.
    Without,
    Gone,
    Rejected(Reject),
}

/// A record in its listed form.
struct Listed {
    item: u32,
    id: OfferId,
    hash: u64,
    request: Result<Request, String>,
}

/// After so many failures in a row no details are asked for in this run.
const FAILURES: u32 = 20;

/// Asks for the details of a page's records that are new, or whose listed form changed.
pub(super) async fn details(
    shared: &Arc<Shared>,
    detail: &Detail,
    page: &SharedPage,
    at: &At,
    version: Version,
) -> Result<Details, NoPage> {
    let job = {
        let (plan, page, at) = (shared.plan.clone(), page.clone(), at.clone());
        move || listed(&plan, &page, &at)
    };
    let lost = || NoPage::Run(RunError::Lost("a thread that maps pages panicked".into()));
    let listed = shared.engine.pool.work(job).await.ok_or_else(lost)?;
    let ids = listed.iter().map(|listed| listed.id).collect();
    let known = shared.engine.state.listed(ids).await.map_err(|error| NoPage::Run(error.into()))?;
    let mut details = Details::default();
    let mut tasks = JoinSet::new();
    let flight = Arc::new(Semaphore::new(detail.call.limits.parallel));
    for (listed, known) in listed.into_iter().zip(known) {
        let same = known.as_ref().filter(|known| known.meaning == shared.plan.meaning);
        if same.is_some_and(|known| known.open && known.listed == Some(listed.hash)) {
            details.seconds.insert(listed.item, Second { listed: Some(listed.hash), answer: Answer::Unchanged });
            continue;
        }
        // Under another meaning what is archived is mapped again.
        let kept = known.filter(|known| known.meaning != shared.plan.meaning).and_then(|known| known.detail);
        let kept = kept.and_then(|at| Some((archive::read(&shared.engine.archive, &at).ok()?, at)));
        if let Some((answer, archived)) = kept {
            details.archived.push(archived);
            let answer = Answer::Body(Arc::new(answer));
            details.seconds.insert(listed.item, Second { listed: Some(listed.hash), answer });
            continue;
        }
        let (shared, flight) = (shared.clone(), flight.clone());
        tasks.spawn(async move {
            let _permit = flight.acquire_owned().await;
            let answer = one(&shared, &listed, version).await;
            (listed, answer)
        });
    }
    while let Some(done) = tasks.join_next().await {
        let (listed, answer) = done.map_err(|error| NoPage::Run(RunError::Lost(error.to_string())))?;
        let (answer, archived) = answer?;
        details.archived.extend(archived);
        let listed_hash = matches!(answer, Answer::Body(_)).then_some(listed.hash);
        details.seconds.insert(listed.item, Second { listed: listed_hash, answer });
    }
    Ok(details)
}

/// Asks for one detail; what a failure means is the source's word.
async fn one(shared: &Shared, listed: &Listed, version: Version) -> Result<(Answer, Option<Archived>), NoPage> {
    let Some(detail) = &shared.plan.detail else { return Ok((Answer::Without, None)) };
    if shared.failures.load(Ordering::Relaxed) >= FAILURES {
        return Ok((failed(detail, format!("{FAILURES} detail calls failed in a row"))?, None));
    }
    match ask(shared, detail, listed).await {
        Ok(page) if detail.gone.contains(&page.status) => Ok((Answer::Gone, None)),
        Ok(page) => {
            let kept = shared.archive.append(&page, version, Some(listed.id)).await;
            let archived = kept.map_err(|error| NoPage::Run(error.into()))?;
            match usable(detail, &page) {
                Ok(()) => {
                    shared.failures.store(0, Ordering::Relaxed);
                    Ok((Answer::Body(page), Some(archived)))
                }
                Err(why) => {
                    shared.failures.fetch_add(1, Ordering::Relaxed);
                    Ok((failed(detail, why)?, None))
                }
            }
        }
        Err(why) => {
            shared.failures.fetch_add(1, Ordering::Relaxed);
            Ok((failed(detail, why)?, None))
        }
    }
}

async fn ask(shared: &Shared, detail: &Detail, listed: &Listed) -> Result<SharedPage, String> {
    let request = listed.request.clone()?;
    let note = |note: Note| shared.note(note);
    let asker = Asker { fetch: &shared.engine.fetch, origins: &shared.plan.origins, note: &note };
    let page = asker.ask(&detail.call, &request).await.map_err(|error| error.to_string())?;
    Ok(Arc::new(page))
}

/// Whether an answer can be merged.
fn usable(detail: &Detail, page: &SharedPage) -> Result<(), String> {
    if detail.call.meaning(page) != Meaning::Records {
        return Err(detail.call.failure(page));
    }
    let plain = decode::plain(page).map_err(|error| error.to_string())?;
    let body = decode::json(&plain).map_err(|error| error.to_string())?;
    match &detail.merge {
        Some(path) if path.read(&body).iter().all(|found| found.is_null()) => {
            Err(format!("`{}` finds nothing in the answer", path.as_str()))
        }
        None if body.is_null() => Err("the answer is null".into()),
        _ => Ok(()),
    }
}

fn failed(detail: &Detail, why: String) -> Result<Answer, NoPage> {
    match detail.on_error {
        OnError::Keep => Ok(Answer::Without),
        OnError::Quarantine => {
            let message = format!("the detail call: {why}");
            let reject = Reject { reason: "detail".into(), stage: "detail".into(), field: None, path: None, message };
            Ok(Answer::Rejected(reject))
        }
        OnError::Fail => Err(NoPage::Detail(format!("a detail call failed: {why}"))),
    }
}

/// The listed forms of a page's records, each with the request for its detail.
fn listed(plan: &Plan, page: &SharedPage, at: &At) -> Vec<Listed> {
    let Some(detail) = &plan.detail else { return Vec::new() };
    let Ok(plain) = decode::plain(page) else { return Vec::new() };
    let Ok(body) = decode::json(&plain) else { return Vec::new() };
    let Records::List(records) = plan.extract.records(&body) else { return Vec::new() };
    let ground = Ground::new(plan, page.fetched, at);
    let mut around = ground.around(plan, &body);
    around.listed = true;
    let partition = values(&at.partition);
    let mut listed = Vec::new();
    for (item, record) in records.iter().enumerate().filter(|(_, record)| takes_detail(record)) {
        let (mut text, mut flaws) = (Vec::new(), Vec::new());
        let worked = plan.extract.work(record, &around, &mut text, &mut flaws);
        let (Some(key), Made::Offer(range, _)) = (worked.key, worked.made) else { continue };
        let place = Place { partition: &partition, window: at.window, position: &at.position, record: Some(record) };
        let request = detail.call.request(&place).map_err(|error| error.to_string());
        let id = OfferId::new(&plan.source, &key);
        listed.push(Listed { item: item as u32, id, hash: content_hash(&text[range]), request });
    }
    listed
}

/// Whether `$.detail` has a place in a record: a text or a list has no members.
fn takes_detail(record: &Tree<'_>) -> bool {
    matches!(record, Tree::Object(_))
}

/// Why a record has no place for `$.detail`, where it has none.
pub(super) fn misfit(plan: &Plan, record: &Tree<'_>) -> Option<Reject> {
    (plan.detail.is_some() && !takes_detail(record)).then(|| Reject {
        reason: "shape".into(),
        stage: "detail".into(),
        field: None,
        path: None,
        message: format!("a {} has no place for `$.detail`: with `detail`, `records` leads to objects", record.kind()),
    })
}

/// A record with the part of the answer that is kept as `$.detail`.
pub(super) fn merged<'a>(plan: &Plan, record: &Tree<'a>, body: &Tree<'a>) -> Tree<'a> {
    let merge = plan.detail.as_ref().and_then(|detail| detail.merge.as_ref());
    let part = merge.map_or_else(|| body.clone(), |path| path.value(body));
    let mut members = match record {
        Tree::Object(members) => members.clone(),
        _ => return record.clone(),
    };
    // A record may have a member of that name; what was asked for wins.
    members.retain(|(name, _)| name != "detail");
    members.push(("detail".into(), part));
    Tree::Object(members)
}

/// The details of an archived page, by the offers that they belong to.
pub(super) fn archived(root: &FilePath, archived: &[Archived]) -> Details {
    let of = |at: &Archived| at.of.as_deref().and_then(OfferId::parse);
    let kept = archived.iter().filter_map(|at| Some((of(at)?, Arc::new(archive::read(root, at).ok()?))));
    Details { kept: kept.collect(), ..Details::default() }
}
