//! The second call of a record: asked for what is new or changed, archived beside its page, merged as `$.detail`.
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::ask::Asker;
use super::ground::Ground;
use super::page::{At, NoPage, decoded};
use super::part::on_disk;
use super::partitions::values;
use super::{RunError, Shared};
use crate::archive;
use crate::bounds::WAITING;
use crate::decode::{self, DecodeError, Row};
use crate::definition::source::OnError;
use crate::event::EventKind;
use crate::exchange::{Request, SharedPage};
use crate::extract::{Around, Made, Records};
use crate::fetch::{FetchError, Note, prepare};
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
    /// Calls that were due.
    pub due: u64,
    /// Of these, those that failed, by reason.
    pub failed: BTreeMap<String, u64>,
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
    /// Mapped without it for this reason, and asked again in the next run.
    Without(String),
    Gone,
    Rejected {
        /// As it is counted.
        reason: String,
        reject: Reject,
    },
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
/// Failed calls of a run that are told one by one.
const EXAMPLES: u32 = 3;

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
    let (mut details, held) = (Details::default(), Arc::new(AtomicUsize::new(0)));
    let mut tasks = JoinSet::new();
    let flight = Arc::new(Semaphore::new(detail.call.limits.parallel));
    for (listed, known) in listed.into_iter().zip(known) {
        let same = known.as_ref().filter(|known| known.meaning == shared.plan.fingerprints.mapping);
        if same.is_some_and(|known| known.open && known.listed == Some(listed.hash)) {
            details.seconds.insert(listed.item, Second { listed: Some(listed.hash), answer: Answer::Unchanged });
            continue;
        }
        // Under another meaning what is archived is mapped again.
        let kept =
            known.filter(|known| known.meaning != shared.plan.fingerprints.mapping).and_then(|known| known.detail);
        let kept = kept.and_then(|at| Some((archive::read(&shared.engine.archive, &at).ok()?, at)));
        if let Some((answer, archived)) = kept {
            details.archived.push(archived);
            let answer = Answer::Body(Arc::new(answer));
            details.seconds.insert(listed.item, Second { listed: Some(listed.hash), answer });
            continue;
        }
        // They leave in the order of their records.
        let permit = flight.clone().acquire_owned().await;
        let (shared, held) = (shared.clone(), held.clone());
        tasks.spawn(async move {
            let _permit = permit;
            let answer = one(&shared, &listed, version).await;
            let answer = answer.and_then(|(answer, at)| match answer {
                Answer::Body(page) => {
                    let page = waiting(shared.engine.fetch.folder(), page, &held)
                        .map_err(|error| NoPage::Run(on_disk(error)))?;
                    Ok((Answer::Body(page), at))
                }
                other => Ok((other, at)),
            });
            (listed, answer)
        });
    }
    while let Some(done) = tasks.join_next().await {
        let (listed, answer) = done.map_err(|error| NoPage::Run(RunError::Lost(error.to_string())))?;
        let (answer, archived) = answer?;
        details.archived.extend(archived);
        details.due += 1;
        if let Answer::Without(reason) | Answer::Rejected { reason, .. } = &answer {
            *details.failed.entry(reason.clone()).or_default() += 1;
        }
        let listed_hash = matches!(answer, Answer::Body(_)).then_some(listed.hash);
        details.seconds.insert(listed.item, Second { listed: listed_hash, answer });
    }
    Ok(details)
}

/// A detail that waits for the others of its page: behind the first few megabytes they wait in files.
fn waiting(folder: &FilePath, page: SharedPage, held: &AtomicUsize) -> io::Result<SharedPage> {
    let own = page.held();
    if held.fetch_add(own, Ordering::Relaxed) + own <= WAITING {
        return Ok(page);
    }
    held.fetch_sub(own, Ordering::Relaxed);
    prepare::page_laid_down(&page, folder).map(Arc::new)
}

/// Asks for one detail; what a failure means is the source's word.
async fn one(shared: &Shared, listed: &Listed, version: Version) -> Result<(Answer, Option<Archived>), NoPage> {
    let Some(detail) = &shared.plan.detail else { return Ok((Answer::Unchanged, None)) };
    if shared.failures.load(Ordering::Relaxed) >= FAILURES {
        let why = format!("not asked after {FAILURES} failures in a row");
        return Ok((failed(detail, Failure { message: why.clone(), reason: why })?, None));
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
                Err(failure) => Ok((told(shared, detail, failure)?, None)),
            }
        }
        Err(failure) => Ok((told(shared, detail, failure)?, None)),
    }
}

/// Counts a call that failed, and tells the first ones with all that is known of them.
fn told(shared: &Shared, detail: &Detail, failure: Failure) -> Result<Answer, NoPage> {
    shared.failures.fetch_add(1, Ordering::Relaxed);
    if shared.failed_details.fetch_add(1, Ordering::Relaxed) < EXAMPLES {
        shared.emit(EventKind::Warned { message: format!("the detail call: {}", failure.message) });
    }
    failed(detail, failure)
}

async fn ask(shared: &Shared, detail: &Detail, listed: &Listed) -> Result<SharedPage, Failure> {
    let request = listed.request.clone().map_err(|why| Failure::new("no request could be made", why))?;
    let note = |note: Note| shared.note(note);
    let asker = Asker { fetch: &shared.engine.fetch, origins: &shared.plan.origins, note: &note };
    let page = asker.ask(&detail.call, &request).await;
    Ok(Arc::new(page.map_err(|error| Failure::new(unanswered(&error), error))?))
}

/// Why a call brought nothing that can be used.
struct Failure {
    /// Equal for all records with this fault: no address, and nothing that the site wrote.
    reason: String,
    /// All that is known of it.
    message: String,
}

impl Failure {
    fn new(reason: impl Into<String>, message: impl ToString) -> Self {
        Failure { reason: reason.into(), message: message.to_string() }
    }
}

/// The kind of an error of the network.
fn unanswered(error: &FetchError) -> &'static str {
    match error {
        FetchError::Gone { .. } => "without an answer",
        FetchError::Credentials(_) | FetchError::NoToken(_) => "credential refused",
        FetchError::Quota { .. } => "quota spent",
        FetchError::Closed(_) => "closed network",
        FetchError::Address(..) => "no address",
        FetchError::Client(_) => "no HTTP client",
    }
}

/// Whether an answer can be merged.
fn usable(detail: &Detail, page: &SharedPage) -> Result<(), Failure> {
    let at = |why: &dyn std::fmt::Display| detail.call.unusable(page, why);
    if detail.call.meaning(page) != Meaning::Records {
        return Err(Failure::new(format!("status {}", page.status), detail.call.failure(page)));
    }
    let undecoded = |error: DecodeError| {
        let reason = if matches!(error, DecodeError::Wall(_)) { "HTML" } else { "unreadable" };
        Failure::new(reason, at(&error))
    };
    let text = decode::text(page).map_err(undecoded)?;
    let read = decode::json(&text, None).map_err(undecoded)?;
    if let Some(unread) = read.unread.first() {
        return Err(Failure::new("unreadable", at(&unread.message)));
    }
    let (nothing, path) = match &detail.merge {
        Some(path) => (path.read(&read.body).iter().all(|found| is_nothing(found)), path.as_str()),
        None => (is_nothing(&read.body), "$"),
    };
    match nothing {
        true => Err(Failure::new("empty", at(&format_args!("`{path}` finds nothing in the answer")))),
        false => Ok(()),
    }
}

/// Whether there is nothing to merge, as `??` sees it.
fn is_nothing(value: &Tree<'_>) -> bool {
    matches!(value, Tree::Null) || matches!(value, Tree::List(items) if items.is_empty())
}

fn failed(detail: &Detail, failure: Failure) -> Result<Answer, NoPage> {
    let Failure { reason, message } = failure;
    match detail.on_error {
        OnError::Keep => Ok(Answer::Without(reason)),
        OnError::Quarantine => {
            let message = format!("the detail call: {message}");
            let reject = Reject { reason: "detail".into(), stage: "detail".into(), field: None, path: None, message };
            Ok(Answer::Rejected { reason, reject })
        }
        OnError::Fail => Err(NoPage::Detail(format!("a detail call failed: {message}"))),
    }
}

/// The listed forms of a page's records, each with the request for its detail.
fn listed(plan: &Plan, page: &SharedPage, at: &At) -> Vec<Listed> {
    let Some(detail) = &plan.detail else { return Vec::new() };
    let Ok(text) = decode::text(page) else { return Vec::new() };
    let Ok(read) = decoded(&text, plan.extract.list().as_deref()) else { return Vec::new() };
    let ground = Ground::new(plan, page.fetched, at);
    let around = Around { listed: true, ..ground.around(plan, &read.body) };
    let partition = values(&at.partition);
    let form = |item: u32, record: &Tree<'_>| {
        let (mut text, mut flaws) = (Vec::new(), Vec::new());
        let worked = plan.extract.work(record, &around, &mut text, &mut flaws);
        let (Some(key), Made::Offer(range, _)) = (worked.key, worked.made) else { return None };
        let place = Place { partition: &partition, window: at.window, position: &at.position, record: Some(record) };
        let request = detail.call.request(&place).map_err(|error| error.to_string());
        let id = OfferId::new(&plan.source, &key);
        Some(Listed { item, id, hash: content_hash(&text[range]), request })
    };
    let (mut listed, mut item) = (Vec::new(), 0);
    let mut take = |record: &Tree<'_>| {
        listed.extend(takes_detail(record).then(|| form(item, record)).flatten());
        item += 1;
    };
    match read.list.filter(|list| !list.kept) {
        Some(list) => {
            // What is wrong with it is said where it is mapped.
            let _ = decode::records(&text, list, &mut |row| {
                take(if let Row::Read(record, _) = &row { record } else { &Tree::Null });
                true
            });
        }
        None => match plan.extract.records(&read.body) {
            Records::List(records) => records.into_iter().for_each(take),
            Records::Missing => {}
        },
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
    let held = AtomicUsize::new(0);
    let read = |at| waiting(root, Arc::new(archive::read(root, at).ok()?), &held).ok();
    let kept = archived.iter().filter_map(|at| Some((of(at)?, read(at)?)));
    Details { kept: kept.collect(), ..Details::default() }
}
