//! Archived pages mapped again in the order of their versions, under new ones: an older page never wins.
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use chrono::Utc;

use super::detail::{self, Details};
use super::large::nth;
use super::page::{At, Given, work};
use super::part::on_disk;
use super::{Begin, Engine, RunError, Shared, Summary, begin, finished, interrupted, replace_legacy};
use crate::archive;
use crate::event::{EventKind, Outcome, RunKind};
use crate::exchange::SharedPage;
use crate::extract::Flaw;
use crate::files::spool;
use crate::offer::{OfferId, Version};
use crate::plan::{Meaning, Plan};
use crate::position::Position;
use crate::state::words::{Admit, Commit, Fate, Mapped, PageKind, Quality, Slice};
use crate::state::{PageRow, Reader, StateError};

/// What is mapped again.
#[derive(Clone, Debug)]
pub enum Again {
    /// The whole archive.
    Everything,
    /// These records: the version of their page, and their number in it.
    Records(Vec<(String, u32)>),
}

/// A walk through archived pages.
pub(super) struct Replay {
    shared: Arc<Shared>,
    pub reader: Reader,
    /// Pages that the archive does not hold any more.
    gone: HashSet<u64>,
    /// Records that cannot be mapped, because they or their details are gone.
    lost: u64,
}

/// A page (or part) of the archive as it is mapped now.
pub(super) struct Mapping {
    pub page: SharedPage,
    pub mapped: Mapped,
    at: At,
    flaws: Vec<Flaw>,
}

/// Maps archived pages of a plan's source again. A record is mapped only from the page that its stored form came from; it
/// keeps when it was first seen. What the embedded store has lost is written again. What cannot be mapped, because the
/// archive has lost it, is counted in the cause.
pub async fn replay(plan: Arc<Plan>, engine: Arc<Engine>, again: Again) -> Result<Summary, RunError> {
    let kind = match &again {
        Again::Everything => RunKind::Replay,
        Again::Records(_) => RunKind::Retry,
    };
    let now = Utc::now();
    replace_legacy(&engine, &plan).await?;
    let Begin { shared, brought, began, .. } = begin(plan, engine, now, kind, Some((now, now))).await?;
    // A replay brings back what the store has lost.
    let copying = shared.prepare(brought, kind == RunKind::Replay).await?;
    let mut replay = Replay::of(shared)?;
    if kind == RunKind::Replay {
        replay.forget_lost().await?;
    }
    match &again {
        Again::Everything => replay.everything().await?,
        Again::Records(records) => replay.records(records).await?,
    }
    if kind == RunKind::Replay && !replay.gone.is_empty() {
        replay.tell_gone()?;
    }
    copying.done().await?;
    let end = match replay.lost {
        _ if replay.shared.stopped() => interrupted(),
        0 => (Outcome::Complete, None),
        lost => {
            let why = format!("{lost} records cannot be mapped again: they are not in the archive any more");
            (Outcome::Partial, Some(why))
        }
    };
    finished(&replay.shared, end.into(), began).await
}

/// Page rows of one read: a long history is not held in memory.
const ROWS: usize = 500;

impl Replay {
    pub(super) fn of(shared: Arc<Shared>) -> Result<Self, RunError> {
        let reader = Reader::open(shared.engine.state.dir())?.ok_or_else(|| RunError::Lost("state.db".into()))?;
        Ok(Replay { shared, reader, gone: HashSet::new(), lost: 0 })
    }

    /// Maps all pages, in the order of their versions.
    async fn everything(&mut self) -> Result<(), RunError> {
        let mut after = 0;
        loop {
            let rows = self.reader.pages_after(&self.shared.plan.source, after, ROWS)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = version(last);
            for row in &rows {
                if self.shared.stopped() {
                    return Ok(());
                }
                self.page(row, None).await?;
            }
        }
    }

    /// Maps some records, in the order of the versions of their pages.
    async fn records(&mut self, records: &[(String, u32)]) -> Result<(), RunError> {
        let mut pages: BTreeMap<u64, HashSet<u32>> = BTreeMap::new();
        for (page, item) in records {
            pages.entry(page.parse().unwrap_or_default()).or_default().insert(*item);
        }
        for (page, items) in pages {
            if self.shared.stopped() {
                return Ok(());
            }
            if let Some(row) = self.reader.page(&self.shared.plan.source, &page.to_string())? {
                self.page(&row, Some(&items)).await?;
            }
        }
        Ok(())
    }

    /// What the embedded store lost, or holds otherwise than it is known, is not known any more: it is written again.
    async fn forget_lost(&self) -> Result<(), RunError> {
        let lost = self.shared.target.forget_lost().await?;
        if lost > 0 {
            let message = format!("the store has lost {lost} offers, or holds them otherwise: they are written again");
            self.shared.emit(EventKind::Warned { message });
        }
        Ok(())
    }

    /// What the pages that are gone brought: closed offers stay as they are stored, others are lost to this replay.
    fn tell_gone(&mut self) -> Result<(), RunError> {
        let (needed, closed) = self.reader.offers_of(&self.shared.plan.source, &self.gone)?;
        self.lost += needed;
        if closed > 0 {
            let message =
                format!("{closed} closed offers stay as they are stored: their pages are not in the archive any more");
            self.shared.emit(EventKind::Warned { message });
        }
        Ok(())
    }

    /// A page as it is mapped now; `None` when it is gone.
    pub(super) async fn mapping(
        &mut self,
        row: &PageRow,
        items: Option<&HashSet<u32>>,
    ) -> Result<Option<Mapping>, RunError> {
        let shared = self.shared.clone();
        let first = row.archived.first().map(|at| archive::read(&shared.engine.archive, at));
        let Some(Ok(page)) = first else {
            self.gone.extend(row.version.parse::<u64>());
            self.lost += items.map_or(0, |items| items.len() as u64);
            return Ok(None);
        };
        let page = Arc::new(page);
        let at = At {
            partition: row.partition.clone().unwrap_or_else(|| "{}".into()),
            window: row.span,
            position: position(row)?,
        };
        let details = detail::archived(&shared.engine.archive, &row.archived);
        let index = (row.part & 0xffff) as usize;
        let (mapped, flaws, details) = map(&shared, &page, &at, details, index).await?;
        let Some(mapped) = mapped else { return Ok(None) };
        let mut mapped = self.chosen(mapped, row, items, &details)?;
        let behind = if items.is_none() { self.lost_behind_a_filter(&mapped, row)? } else { HashSet::new() };
        if !behind.is_empty() {
            let unfiltered = Details { unfiltered: true, ..details };
            let (more, ..) = map(&shared, &page, &at, unfiltered, index).await?;
            if let Some(more) = more {
                put(&mut mapped, more, &behind, shared.engine.fetch.folder())?;
            }
        }
        Ok(Some(Mapping { page, mapped, at, flaws }))
    }

    /// Maps one page again, and writes what is other than it is known.
    async fn page(&mut self, row: &PageRow, items: Option<&HashSet<u32>>) -> Result<(), RunError> {
        let Some(Mapping { page, mapped, at, flaws }) = self.mapping(row, items).await? else { return Ok(()) };
        let admit = Admit {
            run: self.shared.run,
            source: self.shared.plan.source.clone(),
            version: self.shared.claim.ticket(),
            page: Arc::new(mapped),
            again: true,
            at: page.fetched,
        };
        let admitted = self.shared.engine.state.admit(Arc::new(admit.clone())).await?;
        let slice = Slice::open("0".into(), at.partition, at.window);
        let flaws = if items.is_none() { super::told::most(&flaws) } else { Vec::new() };
        let rejects = super::told::rejects(&admit);
        let mut commit = Commit {
            refused: Vec::new(),
            superseded: Vec::new(),
            kind: PageKind::Replay,
            position: Position::Cursor(Some(row.version.clone())),
            part: row.part,
            request: row.request.clone(),
            status: page.status,
            archived: row.archived.clone(),
            // What is not known yet, such as a record of the quarantine, belongs to the request that brought it too.
            ask: row.ask.clone().unwrap_or_else(|| self.shared.plan.fingerprints.request.clone()),
            meaning: self.shared.plan.fingerprints.mapping.clone(),
            slice,
            halves: Vec::new(),
            marks: Vec::new(),
            store: self.shared.target.in_transaction(),
            bytes: 0,
            quotas: Vec::new(),
            from: row.version.parse().ok().map(Version),
            quality: Quality::default(),
            admit,
            admitted,
        };
        self.shared.target.write_page(&mut commit).await?;
        let committed = self.shared.engine.state.commit(commit).await?.done().await?;
        self.shared.emit(EventKind::PageCommitted {
            slice: "0".into(),
            position: row.version.clone(),
            bytes: 0,
            counts: committed.counts,
            flaws,
            rejects,
        });
        Ok(())
    }

    /// The records that are asked for; what is stored of another page is stale here, and so is what would be mapped
    /// without the detail that it had.
    fn chosen(
        &mut self,
        mut mapped: Mapped,
        row: &PageRow,
        items: Option<&HashSet<u32>>,
        details: &Details,
    ) -> Result<Mapped, RunError> {
        if let Some(items) = items {
            mapped.records.retain(|record| items.contains(&record.item));
        }
        let version = version(row);
        let named = row.archived.iter().filter_map(|at| OfferId::parse(at.of.as_deref()?));
        let without: HashSet<OfferId> = named.filter(|id| !details.kept.contains_key(id)).collect();
        for record in &mut mapped.records {
            let from = record.id.as_ref().map(|id| self.reader.page_of(id)).transpose()?.flatten();
            // A record that was rejected never was stored from its page: only a later page makes it stale.
            let stale = from.is_some_and(|from| if items.is_some() { from > version } else { from != version });
            // What retention deleted stays deleted, until the site brings it again.
            let deleted = record.id.as_ref().map(|id| self.reader.is_deleted(id, version)).transpose()?;
            let stale = stale || deleted.unwrap_or(false);
            let without = record.id.is_some_and(|id| without.contains(&id));
            self.lost += u64::from(without && !stale);
            if stale || without {
                record.fate = Fate::Stale;
            }
        }
        Ok(mapped)
    }

    /// Offers that the store lost and that a filter keeps aside now: they are closed, and written as such.
    fn lost_behind_a_filter(&self, mapped: &Mapped, row: &PageRow) -> Result<HashSet<OfferId>, RunError> {
        let version = version(row);
        let mut lost = HashSet::new();
        for record in mapped.records.iter().filter(|record| record.fate == Fate::Filtered) {
            if let Some(id) = record.id.filter(|_| self.shared.plan.stores)
                && self.reader.is_lost_behind_a_filter(&id, version)?
            {
                lost.insert(id);
            }
        }
        Ok(lost)
    }
}

/// A part of a page, its flaws, and the details that it was mapped with.
type Part = (Option<Mapped>, Vec<Flaw>, Details);

/// One part of a page on a plain thread, with its flaws; the details come back.
async fn map(shared: &Shared, page: &SharedPage, at: &At, details: Details, index: usize) -> Result<Part, RunError> {
    let (plan, page, at, fetch) = (shared.plan.clone(), page.clone(), at.clone(), shared.engine.fetch.clone());
    let job = move || {
        let given = Given { plan: &plan, page: &page, at: &at, details: &details, folder: fetch.folder() };
        let mut worked = work(given, &Meaning::Records);
        let flaws = std::mem::take(&mut worked.flaws);
        (nth(given, worked, index), flaws, details)
    };
    let lost = || RunError::Lost("a thread that maps pages panicked".into());
    shared.engine.pool.work(job).await.ok_or_else(lost)
}

/// Puts the offers of these ids, out of the same part mapped without filters, in the place of what was kept aside.
fn put(mapped: &mut Mapped, more: Mapped, ids: &HashSet<OfferId>, folder: &Path) -> Result<(), RunError> {
    let from = mapped.text.len();
    for record in more.records {
        let wanted = record.id.is_some_and(|id| ids.contains(&id));
        let Some(place) = mapped.records.iter_mut().find(|own| wanted && own.item == record.item) else { continue };
        let Fate::Offer { content, text } = record.fate else { continue };
        place.fate = Fate::Offer { content, text: text.start + from..text.end + from };
    }
    mapped.text = spool::joined(&[&mapped.text, &more.text], folder).map_err(on_disk)?;
    Ok(())
}

fn version(row: &PageRow) -> u64 {
    row.version.parse().unwrap_or_default()
}

/// The page's place, as the journal holds it.
fn position(row: &PageRow) -> Result<Position, StateError> {
    let unreadable = |_| StateError::Corrupt { table: "pages", row: row.version.clone() };
    serde_json::from_str(&row.position).map_err(unreadable)
}
