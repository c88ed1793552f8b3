//! One page: fetched whole, given a ticket, archived, decoded, mapped and serialised once.
use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use xxhash_rust::xxh3::xxh3_64;

use super::slices::values;
use super::{RunError, Shared};
use crate::convert::Moment;
use crate::convert::render::Scope;
use crate::decode::{self, DecodeError};
use crate::definition::responses::Code;
use crate::definition::source::Dedupe;
use crate::event::EventKind;
use crate::exchange::{Page, SharedPage};
use crate::extract::{Around, Flaw, Made, Records, Worked};
use crate::fetch::{Ask, FetchError, Heard, Note, Verdict};
use crate::offer::{OfferId, Reject, Version, content_hash, instant};
use crate::paginate::{Next, Seen};
use crate::plan::{Meaning, Place, Plan, Window};
use crate::position::Position;
use crate::state::words::{Archived, Fate, Mapped, Record};
use crate::tree::Tree;

/// A page that was worked on and waits to be committed.
pub(super) struct Ready {
    pub page: SharedPage,
    pub version: Version,
    pub meaning: Meaning,
    pub archived: Option<Archived>,
    pub worked: Work,
    /// Holds its place among the pages in flight.
    pub _permit: OwnedSemaphorePermit,
}

/// What a page holds.
#[derive(Debug)]
pub(super) struct Work {
    pub mapped: Mapped,
    /// Records announced; an error names what could not be read.
    pub total: Result<Option<u64>, String>,
    pub next: Option<Next>,
    pub hash: u64,
    pub flaws: Vec<Flaw>,
    /// Why the page could not be used.
    pub fault: Option<String>,
}

/// Why there is no page.
pub(super) enum NoPage {
    Fetch(FetchError),
    Request(String),
    Run(RunError),
}

/// Which page.
#[derive(Clone)]
pub(super) struct At {
    pub partition: String,
    pub window: Option<Window>,
    pub position: Position,
}

/// Fetches a page and works on it.
pub(super) async fn ready(shared: Arc<Shared>, at: At) -> Result<Ready, NoPage> {
    let lost = |what: &str| NoPage::Run(RunError::Lost(what.to_owned()));
    let permit = shared.flight.clone().acquire_owned().await.map_err(|_| lost("pages in flight"))?;
    let page = Arc::new(fetch(&shared, &at).await?);
    let version = shared.claim.ticket();
    let meaning = shared.plan.meaning(&page);
    let keep = shared.archive.append(&page, version);
    let work = {
        let (plan, page, meaning) = (shared.plan.clone(), page.clone(), meaning.clone());
        shared.engine.pool.work(move || work(&plan, &page, &at, &meaning))
    };
    let (archived, worked) = tokio::join!(keep, work);
    let archived = archived.map_err(|error| NoPage::Run(error.into()))?;
    let worked = worked.ok_or_else(|| lost("a thread that maps pages panicked"))?;
    Ok(Ready { page, version, meaning, archived: Some(archived), worked, _permit: permit })
}

async fn fetch(shared: &Shared, at: &At) -> Result<Page, NoPage> {
    let plan = &shared.plan;
    let partition = values(&at.partition);
    let place = Place { partition: &partition, window: at.window, position: &at.position };
    let request = plan.request(&place).map_err(|error| NoPage::Request(error.to_string()))?;
    let judge = |heard: Heard<'_>| {
        let meaning = match heard {
            Heard::Page(page) => plan.meaning(page),
            Heard::Dns => plan.silence(Code::Dns),
            Heard::Timeout => plan.silence(Code::Timeout),
        };
        match meaning {
            Meaning::Retry => Verdict::Retry,
            Meaning::Renew => Verdict::Renew,
            _ => Verdict::Take,
        }
    };
    let note = |note: Note| {
        shared.emit(match note {
            Note::Retry { attempt, wait, why } => EventKind::Retried { attempt, wait: wait.as_secs_f64(), why },
            Note::Renewed => EventKind::TokenRenewed,
            Note::Wait { wait, why } => EventKind::Waiting { wait: wait.as_secs_f64(), why: why.to_owned() },
        });
    };
    let ask = Ask {
        request: &request,
        credential: &plan.credential,
        origins: &plan.origins,
        limits: &plan.limits,
        judge: &judge,
        note: &note,
        secrets: &plan.secrets,
    };
    shared.engine.fetch.fetch(&ask).await.map_err(NoPage::Fetch)
}

/// Decodes and maps a page. Pure: runs on a plain thread.
pub(super) fn work(plan: &Plan, page: &Page, at: &At, meaning: &Meaning) -> Work {
    let mut work = Work {
        mapped: Mapped { records: Vec::new(), text: Vec::new() },
        total: Ok(None),
        next: None,
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
        work.total = Ok(plan.pages.total().and_then(|total| total.at.number(page, &body)));
        return work;
    }
    match decode::json(&plain) {
        Ok(body) => {
            map(plan, page, at, &body, &mut work);
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
    work.mapped.records.push(Record {
        item: 0,
        key: None,
        id: None,
        fate: Fate::Rejected(reject),
        listed: None,
        raw: Some(raw),
        expires: None,
    });
    work.fault = Some(error.to_string());
    work
}

fn map(plan: &Plan, page: &Page, at: &At, body: &Tree<'_>, work: &mut Work) {
    if let Some(total) = plan.pages.total() {
        work.total = total.at.number(page, body).map(Some).ok_or_else(|| total.at.as_str().to_owned());
    }
    let records = match plan.extract.records(body) {
        Records::List(records) => records,
        Records::Missing => {
            work.fault = Some("shape: the list of records is not in the answer".into());
            return;
        }
        Records::Wrong(kind) => {
            work.fault = Some(format!("shape: a {kind} where a record was expected"));
            return;
        }
    };
    let moment = Moment { fetched: page.fetched, lookups: plan.lookups.clone() };
    let partition = values(&at.partition);
    let window: Vec<(&str, Tree<'static>)> = at
        .window
        .map(|(start, end)| vec![("start", Tree::from(instant(start))), ("end", Tree::from(instant(end)))])
        .unwrap_or_default();
    let named = |entries: &'_ [(String, Tree<'static>)]| {
        entries.iter().map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>()
    };
    let (params, env, partition) = (named(&plan.params), named(&plan.env), named(&partition));
    let scope = Scope::new(&moment)
        .with("param", params.iter().map(|(name, value)| (name.as_str(), value)))
        .with("env", env.iter().map(|(name, value)| (name.as_str(), value)))
        .with("for", partition.iter().map(|(name, value)| (name.as_str(), value)))
        .with("window", window.iter().map(|(name, value)| (*name, value)))
        .tree("answer", body);
    let around = Around { scope, moment: &moment, source: &plan.source, keeps: &plan.keeps };
    work.mapped.text.reserve(page.body.len());
    for (item, record) in records.iter().enumerate() {
        let worked = plan.extract.work(record, &around, &mut work.mapped.text, &mut work.flaws);
        let record = self::record(plan, item as u32, record, worked, &work.mapped.text);
        work.mapped.records.push(record);
    }
    dedupe(&mut work.mapped.records, plan.extract.dedupe);
    let records = records.len() as u64;
    let seen = Seen { records, received: records, body, page, total: None };
    work.next = Some(plan.pages.rule().next(&at.position, &seen));
}

fn record(plan: &Plan, item: u32, raw: &Tree<'_>, worked: Worked, text: &[u8]) -> Record {
    let id = worked.key.as_ref().map(|key| OfferId::new(&plan.source, key));
    let (fate, expires) = match worked.made {
        Made::Offer(range, expires) => {
            (Fate::Offer { content: content_hash(&text[range.clone()]), text: range }, expires)
        }
        Made::Filtered => (Fate::Filtered, None),
        Made::Rejected(reject) => (Fate::Rejected(reject), None),
    };
    let raw = matches!(fate, Fate::Rejected(_)).then(|| raw.to_string().into_bytes());
    Record { item, key: worked.key, id, fate, listed: None, raw, expires }
}

/// Among equal keys of one page one wins; the others are repeats.
fn dedupe(records: &mut [Record], winner: Dedupe) {
    let mut first: HashMap<OfferId, usize> = HashMap::with_capacity(records.len());
    for index in 0..records.len() {
        let (Some(id), Fate::Offer { .. }) = (records[index].id, &records[index].fate) else { continue };
        match first.get(&id).copied() {
            None => {
                first.insert(id, index);
            }
            Some(earlier) => {
                let loser = if winner == Dedupe::First { index } else { earlier };
                records[loser].fate = Fate::Repeated;
                if winner == Dedupe::Last {
                    first.insert(id, index);
                }
            }
        }
    }
}
