//! One page: fetched whole, given a ticket, archived, decoded, mapped and serialised once.
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use xxhash_rust::xxh3::xxh3_64;

use super::ask::Asker;
use super::detail::{self, Details};
use super::ground::Ground;
use super::mapping::{PageMapper, items};
use super::pager::{PageFault, sameness};
use super::partitions::values;
use super::permits::Permits;
use super::{BUDGET, RunError, Shared, large, unreadable};
use crate::archive;
use crate::bounds::{HELD, RECORDS, WHOLE_RECORDS};
use crate::crash;
use crate::decode::{self, DecodeError, Decoded, Text};
use crate::definition::source::Dedupe;
use crate::exchange::{Page, SharedPage};
use crate::extract::{Around, Flaw, Records};
use crate::fetch::{FetchError, Note};
use crate::offer::{OfferId, Version};
use crate::paginate::Announced;
use crate::plan::{Meaning, Place, Plan, Window};
use crate::position::Position;
use crate::state::words::{Archived, Fate, Mapped};
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
    /// Why records of it may be missing that nobody can count.
    pub gap: Option<String>,
    /// Why the page could not be used.
    pub fault: Option<PageFault>,
}

impl Work {
    /// Of a page of which nothing is read yet.
    fn of(page: &Page) -> Self {
        Work {
            parts: Parts::Here(vec![Mapped::default()]),
            records: 0,
            keyless: 0,
            gap: None,
            announced: Announced::default(),
            hash: xxh3_64(&page.body),
            flaws: Vec::new(),
            fault: None,
        }
    }
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
const LARGE: usize = HELD;

/// Pages with more records too: what is made of them takes memory as well.
const MANY: u32 = 5_000;

/// Held while a page is read whole that may take more memory than others.
static ALONE: Mutex<()> = Mutex::new(());

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
    shared.typical.fetch_max(page.held().min(BUDGET) as u32, Ordering::Relaxed);
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
    let meaning = shared.meaning(page);
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
    let whole = page.clone();
    let (plan, page, at, meaning) = (shared.plan.clone(), page.clone(), at.clone(), meaning.clone());
    let fetch = shared.engine.fetch.clone();
    let job = move || {
        let given = Given { plan: &plan, page: &page, at: &at, details: &details, folder: fetch.folder() };
        let mut worked = work(given, &meaning);
        if let Parts::Later(kept) = &mut worked.parts {
            *kept = details;
        }
        worked
    };
    // A page that ends the thread which maps it would do so in each run: it is as unreadable as one that is no JSON.
    let worked = shared.engine.pool.work(job).await;
    Ok(worked.unwrap_or_else(|| {
        undecoded(&shared.plan, Work::of(&whole), &whole, &"the thread that mapped the page panicked")
    }))
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

/// What a page is mapped from.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub plan: &'a Plan,
    pub page: &'a Page,
    pub at: &'a At,
    pub details: &'a Details,
    /// Where what is large lies while it is needed.
    pub folder: &'a Path,
}

/// Decodes and maps a page. Runs on a plain thread.
pub(super) fn work(given: Given<'_>, meaning: &Meaning) -> Work {
    let Given { plan, page, .. } = given;
    let mut work = Work::of(page);
    let text = match decode::text(page) {
        Ok(text) => text,
        Err(error) => return undecoded(plan, work, page, &error),
    };
    if *meaning != Meaning::Records {
        let body = decode::json(&text, None).unwrap_or_default().body;
        work.announced = Announced::read(plan.call.pages.rule(), page, &body);
        return work;
    }
    work.flaws.extend(unreadable::of_text(&text));
    let names = plan.extract.list();
    let _alone = names.is_none().then(|| ALONE.lock().unwrap_or_else(PoisonError::into_inner));
    match decoded(&text, names.as_deref()) {
        Ok(read) => {
            work.flaws.extend(unreadable::flaws(&read.notes));
            match read.list {
                Some(list) if !list.kept || list.count > MANY => large::surveyed(plan, page, &read.body, list, work),
                _ => map(given, &text, &read, work),
            }
        }
        Err(error) => undecoded(plan, work, page, &error),
    }
}

/// A body decoded; of a large one, or one whose records take too much memory together, what stands around its records.
pub(super) fn decoded<'b>(text: &'b Text<'_>, names: Option<&[&str]>) -> Result<Decoded<'b>, DecodeError> {
    match names {
        None => decode::whole(text, None),
        Some(names) if text.len() > LARGE => decode::envelope(text, names),
        Some(names) => match decode::json(text, Some(names)) {
            Err(DecodeError::TooMany { .. }) => decode::envelope(text, names),
            read => read,
        },
    }
}

/// A body that stays undecodable is one rejected record, and its slice is partial.
fn undecoded(plan: &Plan, mut work: Work, page: &Page, why: &dyn Display) -> Work {
    let why = plan.call.unusable(page, why);
    work.records = 1;
    work.parts = Parts::Here(vec![unreadable::page(&page.body, &why)]);
    work.fault = Some(PageFault::Unreadable(why));
    work
}

/// What an answer holds in place of the list of records.
fn instead(plan: &Plan, body: &Tree<'_>) -> String {
    let names = plan.extract.list().filter(|names| !names.is_empty());
    let found = names.and_then(|names| names.iter().try_fold(body, |at, name| at.get(name)).map(Tree::kind));
    match found.filter(|kind| *kind != "null") {
        Some(kind) => format!("a {kind} stands in its place"),
        None => plan.call.outline(body),
    }
}

/// A page has more records than are read.
pub(super) fn left_out(read: usize, all: usize) -> String {
    let hint =
        if read < RECORDS as usize { "; of a list that `records` names, as in `$.jobs[*]`, more are read" } else { "" };
    format!("the page has {all} records, and {read} of them are read{hint}")
}

fn map(given: Given<'_>, text: &Text<'_>, read: &Decoded<'_>, mut work: Work) -> Work {
    let (Given { plan, page, at, details, .. }, Decoded { body, unread, .. }) = (given, read);
    work.announced = Announced::read(plan.call.pages.rule(), page, body);
    let records = match plan.extract.records(body) {
        Records::List(records) => records,
        Records::Missing => {
            let why = format!("shape: the list of records is not in the answer: {}", instead(plan, body));
            return Work { fault: Some(PageFault::Shape(why)), ..work };
        }
    };
    let ground = Ground::new(plan, page.fetched, at);
    let around = Around { unfiltered: details.unfiltered, ..ground.around(plan, body) };
    let mut items = items(&records, unread);
    let uncounted = unread.iter().find(|unread| unread.item.is_none());
    work.gap = uncounted.map(|unread| format!("records cannot be counted: {}", unread.message));
    if items.len() > WHOLE_RECORDS {
        work.gap = Some(left_out(WHOLE_RECORDS, items.len()));
        items.truncate(WHOLE_RECORDS);
    }
    let mapper = PageMapper { given, text, around: &around };
    let mut parts = match mapper.parts(&items, &mut work.flaws) {
        Ok(parts) => parts,
        Err(error) => return undecoded(plan, work, page, &format!("its offers cannot be kept on the disk: {error}")),
    };
    if parts.is_empty() {
        parts.push(Mapped::default());
    }
    let mut won = Won::default();
    parts.iter_mut().for_each(|part| won.dedupe(part, plan.extract.dedupe));
    work.hash = sameness(&records, &parts).unwrap_or(work.hash);
    work.keyless = parts.iter().flat_map(|part| &part.records).filter(|record| record.key.is_none()).count() as u64;
    work.parts = Parts::Here(parts);
    work.records = items.len() as u64;
    work
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
