//! What a page writes, whichever sink takes it: its offers, and the offers that it closes.
use chrono::{DateTime, Utc};

use crate::offer::{Item, Lifecycle, content_hash};
use crate::state::words::{Closing, Commit, Fate, Verdict};

/// The offers of a page: the number of each record, with what is written of it.
pub fn items(commit: &Commit) -> Vec<(usize, Item)> {
    let admit = &commit.admit;
    let records = admit.page.records.iter().zip(&commit.admitted.verdicts).enumerate();
    let kept_closed =
        |index: usize| commit.admitted.closed.iter().find(|(at, _)| *at == index).map(|(_, closed)| *closed);
    let items = records.filter_map(|(index, (record, verdict))| {
        let (Verdict::Write { row, first_seen, .. }, Fate::Offer { content, text }) = (verdict, &record.fate) else {
            return None;
        };
        let lifecycle = Lifecycle {
            first_seen_at: *first_seen,
            changed_at: admit.at,
            closed: kept_closed(index).or_else(|| admit.expired(record)),
            page: commit.from.unwrap_or(admit.version),
            mapping: commit.meaning.clone(),
        };
        Some((
            index,
            Item { row: *row, id: record.id?, content: *content, lifecycle, text: admit.page.text.slice(text.clone()) },
        ))
    });
    items.collect()
}

/// What is written of offers that are closed; one that is not stored is known by its id alone.
pub fn closed<'c>(closings: impl IntoIterator<Item = &'c Closing>, at: DateTime<Utc>) -> Vec<Item> {
    let item = |closing: &Closing| {
        let named = || format!("{{\"id\":\"{}\"}}", closing.id).into();
        let text = closing.content.clone().unwrap_or_else(named);
        let (content, lifecycle) = (content_hash(&text), closing.lifecycle(at));
        Item { row: closing.row, id: closing.id, content, lifecycle, text }
    };
    closings.into_iter().map(item).collect()
}
