//! Archived pages mapped again in the order of their versions, under new ones: an older page never wins.
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::Utc;

use super::detail;
use super::large::nth;
use super::page::{At, work};
use super::{Begin, Engine, RunError, Shared, Summary, begin, finished, opening, outside};
use crate::archive;
use crate::event::{EventKind, Outcome, RunKind};
use crate::offer::Version;
use crate::plan::{Meaning, Plan};
use crate::position::Position;
use crate::state::words::{Admit, Commit, Fate, Mapped, PageKind, Slice, SliceState};
use crate::state::{PageRow, Reader};

/// What is mapped again.
#[derive(Clone, Debug)]
pub enum Again {
    /// The whole archive.
    Everything,
    /// These records: the version of their page, and their number in it.
    Records(Vec<(String, u32)>),
}

struct Replay {
    shared: Arc<Shared>,
    reader: Reader,
}

/// Maps archived pages of a plan's source again. A record is mapped only from the page that its stored form came from; it
/// keeps when it was first seen. Pages that the archive has lost are counted in the cause.
pub async fn replay(plan: Arc<Plan>, engine: Arc<Engine>, again: Again) -> Result<Summary, RunError> {
    let kind = match &again {
        Again::Everything => RunKind::Replay,
        Again::Records(_) => RunKind::Retry,
    };
    let now = Utc::now();
    let Begin { shared, strange, began, .. } = begin(plan, engine, now, kind, Some((now, now))).await?;
    // A replay brings back what the store has lost.
    let copying = opening::prepared(&shared, &strange, kind == RunKind::Replay).await?;
    let reader = Reader::open(shared.engine.state.dir())?.ok_or_else(|| RunError::Lost("state.db".into()))?;
    let replay = Replay { shared, reader };
    let mut lost = 0;
    for (row, items) in replay.rows(&again)? {
        lost += u64::from(!replay.page(&row, items.as_ref()).await?);
    }
    copying.done().await?;
    let cause = (lost > 0).then(|| format!("{lost} pages are not in the archive any more"));
    let outcome = if lost > 0 { Outcome::Partial } else { Outcome::Complete };
    finished(&replay.shared, outcome, cause, began).await
}

type Rows = Vec<(PageRow, Option<HashSet<u32>>)>;

impl Replay {
    /// The pages to map, in the order of their versions, and which of their records when not all.
    fn rows(&self, again: &Again) -> Result<Rows, RunError> {
        let source = &self.shared.plan.source;
        let Again::Records(records) = again else {
            return Ok(self.reader.pages(source)?.into_iter().map(|row| (row, None)).collect());
        };
        let mut items: HashMap<&str, HashSet<u32>> = HashMap::new();
        for (page, item) in records {
            items.entry(page).or_default().insert(*item);
        }
        let mut rows: Rows = Vec::new();
        for (page, items) in items {
            rows.extend(self.reader.page(source, page)?.map(|row| (row, Some(items))));
        }
        rows.sort_by_key(|(row, _)| row.version.parse::<u64>().unwrap_or_default());
        Ok(rows)
    }

    /// Maps one page again; false when the archive does not hold it any more.
    async fn page(&self, row: &PageRow, items: Option<&HashSet<u32>>) -> Result<bool, RunError> {
        let first = row.archived.first().map(|at| archive::read(&self.shared.engine.archive, at));
        let Some(Ok(page)) = first else { return Ok(false) };
        let at = At {
            partition: row.partition.clone().unwrap_or_else(|| "{}".into()),
            window: row.span,
            position: position(row),
        };
        let details = detail::archived(&self.shared.engine.archive, &row.archived);
        let index = (row.part & 0xffff) as usize;
        let job = {
            let (plan, page, at) = (self.shared.plan.clone(), page.clone(), at.clone());
            move || {
                let mut worked = work(&plan, &page, &at, &Meaning::Records, &details);
                let flaws = std::mem::take(&mut worked.flaws);
                (nth(&plan, &page, &at, &details, worked, index), flaws)
            }
        };
        let lost = || RunError::Lost("a thread that maps pages panicked".into());
        let (mapped, flaws) = self.shared.engine.pool.work(job).await.ok_or_else(lost)?;
        let Some(mapped) = mapped else { return Ok(true) };
        let admit = Admit {
            run: self.shared.run,
            source: self.shared.plan.source.clone(),
            slice: "0".into(),
            version: self.shared.claim.ticket(),
            page: Arc::new(self.chosen(mapped, row, items)?),
            intent: false,
            again: true,
            at: page.fetched,
        };
        let admitted = self.shared.engine.state.admit(Arc::new(admit.clone())).await?;
        let slice = Slice {
            slice: "0".into(),
            partition: at.partition,
            window: at.window,
            state: SliceState::Open,
            total: None,
            position: None,
            progress: Default::default(),
            keys: 0,
        };
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
            ask: self.shared.plan.ask.clone(),
            meaning: self.shared.plan.meaning.clone(),
            slice,
            halves: Vec::new(),
            marks: Vec::new(),
            store: self.shared.plan.stores && self.shared.elastic.is_none(),
            bytes: 0,
            quotas: Vec::new(),
            from: row.version.parse().ok().map(Version),
            admit,
            admitted,
        };
        if let Some(elastic) = &self.shared.elastic {
            outside::page(&self.shared, elastic, &mut commit).await?;
        }
        let committed = self.shared.engine.state.commit(commit).await?.done().await?;
        self.shared.emit(EventKind::PageCommitted {
            slice: "0".into(),
            position: row.version.clone(),
            bytes: 0,
            counts: committed.counts,
            flaws,
            rejects,
        });
        Ok(true)
    }

    /// The records that are asked for; what is stored of another page is stale here.
    fn chosen(&self, mut mapped: Mapped, row: &PageRow, items: Option<&HashSet<u32>>) -> Result<Mapped, RunError> {
        if let Some(items) = items {
            mapped.records.retain(|record| items.contains(&record.item));
        }
        let version: u64 = row.version.parse().unwrap_or_default();
        for record in &mut mapped.records {
            let from = record.id.as_ref().map(|id| self.reader.page_of(id)).transpose()?.flatten();
            // A record that was rejected never was stored from its page: only a later page makes it stale.
            let stale = from.is_some_and(|from| if items.is_some() { from > version } else { from != version });
            if stale {
                record.fate = Fate::Stale;
            }
        }
        Ok(mapped)
    }
}

/// The page's place, as the journal holds it.
fn position(row: &PageRow) -> Position {
    serde_json::from_str(&row.position).unwrap_or(Position::Only)
}
