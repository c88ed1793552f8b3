//! Replay: archived pages mapped again in the order of their versions, under new ones; an older page never wins.
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;

use super::page::{At, work};
use super::{Engine, RunError, Summary, new_run};
use crate::archive;
use crate::event::{Event, EventKind, Outcome, RunKind};
use crate::offer::Version;
use crate::plan::{Meaning, Plan};
use crate::position::Position;
use crate::state::words::{Admit, Commit, Ended, Fate, PageKind, Slice, SliceState};
use crate::state::{PageRow, Reader};

/// Maps the archive of a plan's source again. A record is mapped only from the page that its stored form came from; it
/// keeps when it was first seen. Pages that the archive has lost are counted in the cause.
pub async fn replay(plan: Arc<Plan>, engine: Arc<Engine>) -> Result<Summary, RunError> {
    let began = Instant::now();
    let (now, claim) = (Utc::now(), engine.state.claim(&plan.source, Utc::now()).await?);
    let begun = engine.state.begin_run(new_run(&plan, RunKind::Replay, now, Some((now, now)))).await?;
    let emit = |kind: EventKind| {
        // Nobody listens any more: the facts are in the journal all the same.
        let _ = engine.events.send(Event { at: Utc::now(), run: begun.run, source: plan.source.clone(), kind });
    };
    emit(EventKind::RunStarted { kind: RunKind::Replay, now, resumed: begun.resumed, later: Vec::new() });
    let reader = Reader::open(engine.state.dir())?.ok_or_else(|| RunError::Lost("state.db".into()))?;
    let mut lost = 0;
    for row in reader.pages(&plan.source)? {
        let page = row.archived.first().map(|at| archive::read(&engine.archive, at));
        let Some(Ok(page)) = page else {
            lost += 1;
            continue;
        };
        let at = At {
            partition: row.partition.clone().unwrap_or_else(|| "{}".into()),
            window: row.span,
            position: position(&row),
        };
        let job = {
            let (plan, page, at) = (plan.clone(), page.clone(), at.clone());
            move || work(&plan, &page, &at, &Meaning::Records)
        };
        let worked =
            engine.pool.work(job).await.ok_or_else(|| RunError::Lost("a thread that maps pages panicked".into()))?;
        let mut mapped = worked.mapped;
        for record in &mut mapped.records {
            let from = record.id.as_ref().map(|id| reader.page_of(id)).transpose()?.flatten();
            if from.is_some_and(|from| from.to_string() != row.version) {
                record.fate = Fate::Stale;
            }
        }
        let admit = Admit {
            run: begun.run,
            source: plan.source.clone(),
            slice: "0".into(),
            version: claim.ticket(),
            page: Arc::new(mapped),
            intent: false,
            at: page.fetched,
        };
        let admitted = engine.state.admit(Arc::new(admit.clone())).await?;
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
        let commit = Commit {
            refused: Vec::new(),
            superseded: Vec::new(),
            kind: PageKind::Replay,
            position: Position::Cursor(Some(row.version.clone())),
            part: 0,
            request: row.request.clone(),
            status: page.status,
            archived: row.archived.clone(),
            meaning: plan.meaning.clone(),
            slice,
            halves: Vec::new(),
            marks: Vec::new(),
            store: plan.stores,
            bytes: 0,
            from: row.version.parse().ok().map(Version),
            admit,
            admitted,
        };
        let committed = engine.state.commit(commit).await?.done().await?;
        emit(EventKind::PageCommitted {
            slice: "0".into(),
            position: row.version,
            bytes: 0,
            counts: committed.counts,
            flaws: super::slice::most(&worked.flaws),
            rejects: Vec::new(),
        });
    }
    let cause = (lost > 0).then(|| format!("{lost} pages are not in the archive any more"));
    let outcome = if lost > 0 { Outcome::Partial } else { Outcome::Complete };
    let counts = engine.state.end_run(Ended { run: begun.run, outcome, cause: cause.clone(), at: Utc::now() }).await?;
    emit(EventKind::RunEnded { outcome, cause: cause.clone(), counts, seconds: began.elapsed().as_secs_f64() });
    Ok(Summary { run: begun.run, outcome, cause, counts })
}

/// The page's place, as the journal holds it.
fn position(row: &PageRow) -> Position {
    serde_json::from_str(&row.position).unwrap_or(Position::Only)
}
