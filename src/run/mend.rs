//! What a store lost is written again out of the archive: from the pages that it came from, closed where it was closed.
use std::collections::HashMap;
use std::sync::Arc;

use super::replay::{Mapping, Replay};
use super::{RunError, Shared};
use crate::crash;
use crate::event::{Alert, AlertKind, EventKind};
use crate::offer::{Batch, Item, Lifecycle, OfferId, Version};
use crate::state::LostRow;
use crate::state::words::{Fate, Intent};
use crate::store::target::Found;

/// Looks whether the store still holds what it was told; what it lost is written again out of the archive.
pub(super) async fn look(shared: &Arc<Shared>) -> Result<(), RunError> {
    match shared.target.look().await? {
        Found::Whole if shared.target.is_remote() => lost(shared).await,
        Found::Whole | Found::Taken => Ok(()),
    }
}

/// What is lost and not written again: told, and kept for `status` until a run ends without it.
pub(super) async fn told(shared: &Shared) -> Result<Option<Alert>, RunError> {
    let (offers, archived) = shared.target.lost().await?;
    let alert = (offers > 0).then_some(Alert::Lost { offers, archived });
    if let Some(alert) = &alert {
        shared.emit(EventKind::Alerted(alert.clone()));
    }
    let found = alert.clone().into_iter().collect();
    let (state, source) = (&shared.engine.state, &shared.plan.source);
    state.alert(source, (shared.run, shared.now), vec![AlertKind::Lost], found).await?;
    Ok(alert)
}

/// Writes what is lost again, page by page. It is no part of what the run fetched: that is counted nowhere but here.
async fn lost(shared: &Arc<Shared>) -> Result<(), RunError> {
    let source = &shared.plan.source;
    let mut replay = Replay::of(shared.clone())?;
    let mut written = 0;
    for page in replay.reader.lost_pages(source)? {
        if shared.stopped() {
            break;
        }
        let Some(row) = replay.reader.page(source, &page.to_string())? else { continue };
        let Some(mapping) = replay.mapping(&row, None).await? else { continue };
        let rows = replay.reader.lost_of(source, page)?;
        written += write(shared, &mapping, Lost { page: Version(page), rows }).await?;
    }
    if written > 0 {
        let message = format!(
            "{written} offers that the store had lost, or somebody had changed there, are written again from the archive"
        );
        shared.emit(EventKind::Warned { message });
    }
    Ok(())
}

/// What is lost of a page.
struct Lost {
    page: Version,
    rows: HashMap<OfferId, LostRow>,
}

/// Writes what is lost of a page: intent first, then the offers, then what is known of them. How many there are.
async fn write(shared: &Shared, mapping: &Mapping, lost: Lost) -> Result<u64, RunError> {
    let (state, plan, version) = (&shared.engine.state, &shared.plan, shared.claim.ticket());
    let (mut items, mut intents) = (Vec::new(), Vec::new());
    for record in &mapping.mapped.records {
        let (Some(id), Fate::Offer { content, text }) = (record.id, &record.fate) else { continue };
        let Some(row) = lost.rows.get(&id) else { continue };
        intents.push(Intent {
            row: row.row,
            source: plan.source.clone(),
            id,
            key: row.key.clone(),
            version,
            first_seen: row.first_seen,
            // It stays with what brought it, and closed where it is.
            brought: None,
        });
        let lifecycle = Lifecycle {
            first_seen_at: row.first_seen,
            changed_at: row.closed.map_or(mapping.page.fetched, |(at, _)| at),
            closed: row.closed,
            page: lost.page,
            mapping: plan.fingerprints.mapping.clone(),
        };
        items.push(Item {
            row: row.row,
            id,
            content: *content,
            lifecycle,
            text: mapping.mapped.text.slice(text.clone()),
        });
    }
    if items.is_empty() {
        return Ok(0);
    }
    state.intent(intents).await?;
    crash::point("intended");
    let rows: Vec<(u64, u64)> = items.iter().map(|item| (item.row, item.content)).collect();
    let batch = Batch { version, items };
    let written = shared.target.restore(&batch).await?;
    crash::point("written");
    if written.fenced {
        return Err(RunError::Fenced);
    }
    let refused = |at: &usize| written.refused.iter().any(|(refused, _)| refused == at);
    let newer = written.superseded.iter().map(|at| rows[*at].0).collect();
    state.found_again(newer).await?;
    let stored = rows.iter().enumerate().filter(|(at, _)| !refused(at) && !written.superseded.contains(at));
    let stored: Vec<(u64, u64)> = stored.map(|(_, row)| *row).collect();
    let count = stored.len() as u64;
    state.restore_lost(version, &plan.fingerprints.mapping, stored).await?;
    Ok(count)
}
