//! One page: fetched whole, given a ticket, archived, decoded, mapped and serialised once.
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use xxhash_rust::xxh3::xxh3_64;

use super::ask::Asker;
use super::detail::{self, Answer, Details};
use super::ground::Ground;
use super::pager::{PageFault, sameness};
use super::partitions::values;
use super::permits::Permits;
use super::{BUDGET, RunError, Shared, large};
use crate::archive;
use crate::crash;
use crate::decode::{self, DecodeError};
use crate::definition::source::Dedupe;
use crate::exchange::{Page, SharedPage};
use crate::extract::{Around, Flaw, Made, Records};
use crate::fetch::{FetchError, Note};
use crate::offer::{OfferId, Reject, Version, content_hash};
use crate::paginate::Announced;
use crate::plan::{Meaning, Place, Plan, Window};
use crate::position::Position;
use crate::state::words::{Archived, Fate, Mapped, Record};
use crate::tree::Tree;

/// A page that was worked on and waits to be committed.
pub(super) struct Ready {
    pub page: SharedPage,
    pub version: Version,
    pub meaning: Meaning,
    /// The page itself, then its details.
    pub archived: Vec<Archived>,
    pub worked: Work,
    /// Detail calls that were due, and why some failed.
    pub details: (u64, BTreeMap<String, u64>),
    /// Parts of it that an earlier start committed.
    pub done: u32,
    /// Given back when it is handed over.
    pub _permits: Permits,
}

/// What a page holds.
#[derive(Debug)]
pub(super) struct Work {
    /// Its records, mapped.
    pub parts: Parts,
    /// Number of its records.
    pub records: u64,
    /// Those of them that have no key.
    pub keyless: u64,
    /// What its answer says of the slice.
    pub announced: Announced,
    /// Equal for pages with equal records.
    pub hash: u64,
    pub flaws: Vec<Flaw>,
    /// Why the page could not be used.
    pub fault: Option<PageFault>,
}

/// The records of a page, at most [`PART`] at a time.
#[derive(Debug)]
pub(super) enum Parts {
    /// Mapped; one empty part of a page without records.
    Here(Vec<Mapped>),
    /// Too large for that: mapped part by part while they are written. Holds the second calls.
    Later(Details),
}

/// Bodies above this are mapped part by part, in a second pass.
const LARGE: usize = 8 << 20;

/// Most records of a part: the unit of mapping, writing and commit.
pub(super) const PART: usize = 500;

/// Why there is no page.
pub(super) enum NoPage {
    Fetch(FetchError),
    Request(String),
    /// A detail call failed, and the source says that the run fails with it.
    Detail(String),
    Run(RunError),
}

impl From<RunError> for NoPage {
    fn from(error: RunError) -> Self {
        NoPage::Run(error)
    }
}

/// Which page.
#[derive(Clone)]
pub(super) struct At {
    pub partition: String,
    pub window: Option<Window>,
    pub position: Position,
}

/// Fetches a page and works on it.
pub(super) async fn ready(shared: Arc<Shared>, at: At, permits: Permits) -> Result<Ready, NoPage> {
    let page = Arc::new(fetch(&shared, &at).await?);
    crash::point("fetched");
    shared.typical.fetch_max(page.body.len().min(BUDGET) as u32, Ordering::Relaxed);
    let version = shared.claim.ticket();
    let keep = shared.archive.append(&page, version, None);
    let (archived, worked) = tokio::join!(keep, worked(&shared, &page, &at, version));
    let archived = archived.map_err(|error| NoPage::Run(error.into()))?;
    crash::point("archived");
    let Worked { work: worked, meaning, archived: details_at, details } = worked?;
    crash::point("mapped");
    let archived = [archived].into_iter().chain(details_at).collect();
    Ok(Ready { page, version, meaning, archived, worked, details, done: 0, _permits: permits })
}

/// A page of which some parts are committed, out of the archive: it is never asked again.
pub(super) async fn again(
    shared: Arc<Shared>,
    at: At,
    archived: Vec<Archived>,
    done: u32,
    permits: Permits,
) -> Result<Ready, NoPage> {
    let first = archived.first().map(|first| archive::read(&shared.engine.archive, first));
    let Some(Ok(page)) = first else { return ready(shared, at, permits).await };
    let page = Arc::new(page);
    let meaning = shared.plan.call.meaning(&page);
    let details = detail::archived(&shared.engine.archive, &archived);
    let worked = pooled(&shared, &page, &at, &meaning, details).await?;
    let version = shared.claim.ticket();
    let details = Default::default();
    Ok(Ready { page, version, meaning, archived, worked, details, done, _permits: permits })
}

/// A page that was worked on, and what its detail calls brought.
struct Worked {
    work: Work,
    meaning: Meaning,
    archived: Vec<Archived>,
    details: (u64, BTreeMap<String, u64>),
}

/// Its details where the source has some, then the work itself, on a plain thread.
async fn worked(shared: &Arc<Shared>, page: &SharedPage, at: &At, version: Version) -> Result<Worked, NoPage> {
    let meaning = shared.plan.call.meaning(page);
    let details = match (&shared.plan.detail, &meaning) {
        (Some(detail), Meaning::Records) => detail::details(shared, detail, page, at, version).await?,
        _ => Details::default(),
    };
    let (archived, counted) = (details.archived.clone(), (details.due, details.failed.clone()));
    let work = pooled(shared, page, at, &meaning, details).await?;
    Ok(Worked { work, meaning, archived, details: counted })
}

async fn pooled(
    shared: &Shared,
    page: &SharedPage,
    at: &At,
    meaning: &Meaning,
    details: Details,
) -> Result<Work, NoPage> {
    let (plan, page, at, meaning) = (shared.plan.clone(), page.clone(), at.clone(), meaning.clone());
    let job = move || {
        let mut worked = work(&plan, &page, &at, &meaning, &details);
        if let Parts::Later(kept) = &mut worked.parts {
            *kept = details;
        }
        worked
    };
    let worked = shared.engine.pool.work(job).await;
    worked.ok_or_else(|| NoPage::Run(RunError::Lost("a thread that maps pages panicked".into())))
}

async fn fetch(shared: &Shared, at: &At) -> Result<Page, NoPage> {
    let call = &shared.plan.call;
    let partition = values(&at.partition);
    let place = Place { partition: &partition, window: at.window, position: &at.position, record: None };
    let request = call.request(&place).map_err(|error| NoPage::Request(error.to_string()))?;
    let note = |note: Note| shared.note(note);
    let asker = Asker { fetch: &shared.engine.fetch, origins: &shared.plan.origins, note: &note };
    asker.ask(call, &request).await.map_err(NoPage::Fetch)
}

/// Decodes and maps a page. Pure: runs on a plain thread.
pub(super) fn work(plan: &Plan, page: &Page, at: &At, meaning: &Meaning, details: &Details) -> Work {
    let mut work = Work {
        parts: Parts::Here(vec![Mapped::default()]),
        records: 0,
        keyless: 0,
        announced: Announced::default(),
        hash: xxh3_64(&page.body),
        flaws: Vec::new(),
        fault: None,
    };
    let plain = match decode::plain(page) {
        Ok(plain) => plain,
        Err(error) => return undecoded(work, page, &error),
    };
    if *meaning != Meaning::Records {
        let body = decode::json(&plain).unwrap_or_default();
        work.announced = Announced::read(plan.call.pages.rule(), page, &body);
        return work;
    }
    if let (true, Some(names)) = (plain.len() > LARGE, plan.extract.list()) {
        return match decode::stream::envelope(&plain, &names) {
            Ok((body, count)) => large::surveyed(plan, page, &body, count, work),
            Err(error) => undecoded(work, page, &error),
        };
    }
    match decode::json(&plain) {
        Ok(body) => {
            map(plan, page, at, &body, details, &mut work);
            work
        }
        Err(error) => undecoded(work, page, &error),
    }
}

/// A body that stays undecodable is one rejected record, and its slice is partial.
fn undecoded(mut work: Work, page: &Page, error: &DecodeError) -> Work {
    let reject =
        Reject { reason: "decode".into(), stage: "decode".into(), field: None, path: None, message: error.to_string() };
    let raw = page.body[..page.body.len().min(64 << 10)].to_vec();
    work.records = 1;
    let record = Record {
        item: 0,
        key: None,
        id: None,
        fate: Fate::Rejected(reject),
        listed: None,
        raw: Some(raw),
        expires: None,
    };
    work.parts = Parts::Here(vec![Mapped { records: vec![record], text: Vec::new() }]);
    work.fault = Some(PageFault::Unreadable(error.to_string()));
    work
}

fn map(plan: &Plan, page: &Page, at: &At, body: &Tree<'_>, details: &Details, work: &mut Work) {
    work.announced = Announced::read(plan.call.pages.rule(), page, body);
    let records = match plan.extract.records(body) {
        Records::List(records) => records,
        Records::Missing => {
            work.fault = Some(PageFault::Shape("shape: the list of records is not in the answer".into()));
            return;
        }
        Records::Wrong(kind) => {
            work.fault = Some(PageFault::Shape(format!("shape: a {kind} where a record was expected")));
            return;
        }
    };
    let ground = Ground::new(plan, page.fetched, at);
    let around = Around { unfiltered: details.unfiltered, ..ground.around(plan, body) };
    let chunks = records.chunks(PART).enumerate();
    let mut parts: Vec<Mapped> =
        chunks.map(|(number, records)| part(plan, number, records, &around, details, &mut work.flaws)).collect();
    if parts.is_empty() {
        parts.push(Mapped::default());
    }
    let mut won = Won::default();
    parts.iter_mut().for_each(|part| won.dedupe(part, plan.extract.dedupe));
    work.hash = sameness(&records, &parts).unwrap_or(work.hash);
    work.keyless = parts.iter().flat_map(|part| &part.records).filter(|record| record.key.is_none()).count() as u64;
    work.parts = Parts::Here(parts);
    work.records = records.len() as u64;
}

/// One part of a page, mapped.
pub(super) fn part(
    plan: &Plan,
    number: usize,
    records: &[&Tree<'_>],
    around: &Around<'_>,
    details: &Details,
    flaws: &mut Vec<Flaw>,
) -> Mapped {
    let mut mapped = Mapped { records: Vec::with_capacity(records.len()), text: Vec::new() };
    for (index, record) in records.iter().enumerate() {
        let item = (number * PART + index) as u32;
        let made = self::record(plan, item, record, around, details, &mut mapped.text, flaws);
        mapped.records.push(made);
    }
    mapped
}

/// One record, with its detail where there is one.
fn record(
    plan: &Plan,
    item: u32,
    raw: &Tree<'_>,
    around: &Around<'_>,
    details: &Details,
    text: &mut Vec<u8>,
    flaws: &mut Vec<Flaw>,
) -> Record {
    if let Some(reject) = detail::misfit(plan, raw) {
        return fated(plan, item, raw, around, Fate::Rejected(reject), None);
    }
    let second = details.seconds.get(&item);
    let listed = second.and_then(|second| second.listed);
    let plain = |record: Record| Record { listed, ..record };
    match second.map(|second| &second.answer) {
        None if !details.kept.is_empty() => {
            let id = plan.extract.key_of(raw, around).map(|key| OfferId::new(&plan.source, &key));
            match id.and_then(|id| details.kept.get(&id)) {
                Some(page) => with_detail(plan, item, raw, page, around, text, flaws),
                None => made(plan, item, raw, around, text, flaws),
            }
        }
        None | Some(Answer::Without(_)) => plain(made(plan, item, raw, around, text, flaws)),
        Some(Answer::Body(page)) => plain(with_detail(plan, item, raw, page, around, text, flaws)),
        Some(Answer::Unchanged) => fated(plan, item, raw, around, Fate::Listed, listed),
        Some(Answer::Gone) => fated(plan, item, raw, around, Fate::Gone, None),
        Some(Answer::Rejected { reject, .. }) => fated(plan, item, raw, around, Fate::Rejected(reject.clone()), None),
    }
}

fn with_detail(
    plan: &Plan,
    item: u32,
    raw: &Tree<'_>,
    page: &Page,
    around: &Around<'_>,
    text: &mut Vec<u8>,
    flaws: &mut Vec<Flaw>,
) -> Record {
    // Whether it can be decoded was seen when it was fetched.
    let bytes = decode::plain(page).unwrap_or_default();
    let body = decode::json(&bytes).unwrap_or_default();
    made(plan, item, &detail::merged(plan, raw, &body), around, text, flaws)
}

/// A record that is not mapped.
fn fated(plan: &Plan, item: u32, raw: &Tree<'_>, around: &Around<'_>, fate: Fate, listed: Option<u64>) -> Record {
    let key = plan.extract.key_of(raw, around);
    let id = key.as_ref().map(|key| OfferId::new(&plan.source, key));
    let raw = matches!(fate, Fate::Rejected(_)).then(|| raw.to_string().into_bytes());
    Record { item, key, id, fate, listed, raw, expires: None }
}

fn made(
    plan: &Plan,
    item: u32,
    raw: &Tree<'_>,
    around: &Around<'_>,
    text: &mut Vec<u8>,
    flaws: &mut Vec<Flaw>,
) -> Record {
    let worked = plan.extract.work(raw, around, text, flaws);
    let id = worked.key.as_ref().map(|key| OfferId::new(&plan.source, key));
    let (fate, expires) = match worked.made {
        Made::Offer(range, expires) => {
            (Fate::Offer { content: content_hash(&text[range.clone()]), text: range }, expires)
        }
        Made::Filtered => (Fate::Filtered, None),
        Made::Rejected(reject) => (Fate::Rejected(reject), None),
    };
    // A store outside may refuse what could be mapped.
    let kept = plan.server.is_some() || matches!(fate, Fate::Rejected(_));
    let raw = kept.then(|| raw.to_string().into_bytes());
    Record { item, key: worked.key, id, fate, listed: None, raw, expires }
}

/// Keys of a page that were seen, with the record that won.
#[derive(Default)]
pub(super) struct Won(HashMap<OfferId, usize>);

impl Won {
    /// Among equal keys of one page the first wins, or of one part the last: across parts that is an ordinary later
    /// write.
    pub(super) fn dedupe(&mut self, part: &mut Mapped, winner: Dedupe) {
        if winner == Dedupe::Last {
            self.0.clear();
        }
        for index in 0..part.records.len() {
            let (Some(id), Fate::Offer { .. }) = (part.records[index].id, &part.records[index].fate) else { continue };
            let loser = match self.0.entry(id) {
                Entry::Vacant(vacant) => {
                    vacant.insert(index);
                    continue;
                }
                Entry::Occupied(mut occupied) => match winner {
                    Dedupe::First => index,
                    Dedupe::Last => occupied.insert(index),
                },
            };
            part.records[loser].fate = Fate::Repeated;
        }
    }
}
