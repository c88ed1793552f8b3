//! The records of a page mapped one by one, each with its detail where there is one.
use super::detail::{self, Answer, Details};
use super::page::PART;
use super::unreadable;
use crate::bounds::{RAW, RECORD_FLAWS};
use crate::decode::{self, Row, Text, Unread};
use crate::exchange::Page;
use crate::extract::{Around, Flaw, Made};
use crate::offer::{OfferId, content_hash};
use crate::plan::Plan;
use crate::state::words::{Fate, Mapped, Record};
use crate::tree::Tree;

/// One element of the list of records.
pub(super) enum Item<'t, 'p> {
    Read(&'t Tree<'p>),
    Unread(&'t Unread),
}

impl<'t, 'p> From<&'t Row<'p>> for Item<'t, 'p> {
    fn from(row: &'t Row<'p>) -> Self {
        match row {
            Row::Read(tree, _) => Item::Read(tree),
            Row::Unread(unread) => Item::Unread(unread),
        }
    }
}

/// The records of an answer in order. Those that cannot be read stand at their places, or behind the others where these
/// are not known.
pub(super) fn items<'t, 'p>(records: &[&'t Tree<'p>], unread: &'t [Unread]) -> Vec<Item<'t, 'p>> {
    let mut items: Vec<Item<'t, 'p>> = records.iter().map(|record| Item::Read(record)).collect();
    for unread in unread {
        match unread.item.and_then(|item| items.get_mut(item as usize)) {
            Some(item) => *item = Item::Unread(unread),
            None => items.push(Item::Unread(unread)),
        }
    }
    items
}

/// Maps the records of a page.
pub(super) struct PageMapper<'a> {
    pub plan: &'a Plan,
    pub text: &'a Text<'a>,
    pub around: &'a Around<'a>,
    pub details: &'a Details,
}

/// What a part's records are written to.
struct Out<'o> {
    text: &'o mut Vec<u8>,
    flaws: &'o mut Vec<Flaw>,
}

impl PageMapper<'_> {
    /// One part of a page, mapped.
    pub(super) fn part(&self, number: usize, items: &[Item<'_, '_>], flaws: &mut Vec<Flaw>) -> Mapped {
        let mut mapped = Mapped { records: Vec::with_capacity(items.len()), text: Vec::new() };
        let mut out = Out { text: &mut mapped.text, flaws };
        for (index, item) in items.iter().enumerate() {
            let number = (number * PART + index) as u32;
            mapped.records.push(match item {
                Item::Read(raw) => self.record(number, raw, &mut out),
                Item::Unread(unread) => unreadable::element(number, self.text, unread),
            });
        }
        mapped
    }

    /// One record, with its detail where there is one.
    fn record(&self, item: u32, raw: &Tree<'_>, out: &mut Out<'_>) -> Record {
        // What is null is no record at all, with a detail or without.
        if let Some(reject) = detail::misfit(self.plan, raw).filter(|_| !raw.is_null()) {
            return self.fated(item, raw, Fate::Rejected(reject), None);
        }
        let second = self.details.seconds.get(&item);
        let listed = second.and_then(|second| second.listed);
        let plain = |record: Record| Record { listed, ..record };
        match second.map(|second| &second.answer) {
            None if !self.details.kept.is_empty() => {
                let id = self.plan.extract.key_of(raw, self.around).map(|key| OfferId::new(&self.plan.source, &key));
                match id.and_then(|id| self.details.kept.get(&id)) {
                    Some(page) => self.with_detail(item, raw, page, out),
                    None => self.made(item, raw, out),
                }
            }
            None | Some(Answer::Without(_)) => plain(self.made(item, raw, out)),
            Some(Answer::Body(page)) => plain(self.with_detail(item, raw, page, out)),
            Some(Answer::Unchanged) => self.fated(item, raw, Fate::Listed, listed),
            Some(Answer::Gone) => self.fated(item, raw, Fate::Gone, None),
            Some(Answer::Rejected { reject, .. }) => self.fated(item, raw, Fate::Rejected(reject.clone()), None),
        }
    }

    fn with_detail(&self, item: u32, raw: &Tree<'_>, page: &Page, out: &mut Out<'_>) -> Record {
        // Whether it can be decoded was seen when it was fetched.
        let Ok(text) = decode::text(page) else { return self.made(item, raw, out) };
        let read = decode::json(&text, None).unwrap_or_default();
        let notes = unreadable::flaws(&read.notes).map(|flaw| Flaw { field: detail_of(&flaw.field), ..flaw });
        out.flaws.extend(unreadable::of_text(&text).into_iter().chain(notes));
        self.made(item, &detail::merged(self.plan, raw, &read.body), out)
    }

    /// A record that is not mapped.
    fn fated(&self, item: u32, raw: &Tree<'_>, fate: Fate, listed: Option<u64>) -> Record {
        let key = self.plan.extract.key_of(raw, self.around);
        let id = key.as_ref().map(|key| OfferId::new(&self.plan.source, key));
        let raw = matches!(fate, Fate::Rejected(_)).then(|| bytes(raw));
        Record { item, key, id, fate, listed, raw, expires: None }
    }

    fn made(&self, item: u32, raw: &Tree<'_>, out: &mut Out<'_>) -> Record {
        let mut flaws = Vec::new();
        let worked = self.plan.extract.work(raw, self.around, out.text, &mut flaws);
        out.flaws.extend(flaws.into_iter().take(RECORD_FLAWS));
        let id = worked.key.as_ref().map(|key| OfferId::new(&self.plan.source, key));
        let (fate, expires) = match worked.made {
            Made::Offer(range, expires) => {
                (Fate::Offer { content: content_hash(&out.text[range.clone()]), text: range }, expires)
            }
            Made::Filtered => (Fate::Filtered, None),
            Made::Rejected(reject) => (Fate::Rejected(reject), None),
        };
        // A store outside may refuse what could be mapped.
        let kept = self.plan.server.is_some() || matches!(fate, Fate::Rejected(_));
        let raw = kept.then(|| bytes(raw));
        Record { item, key: worked.key, id, fate, listed: None, raw, expires }
    }
}

/// A raw record as JSON, as much of it as is kept.
fn bytes(raw: &Tree<'_>) -> Vec<u8> {
    struct Kept(Vec<u8>);
    impl std::io::Write for Kept {
        fn write(&mut self, piece: &[u8]) -> std::io::Result<usize> {
            // Writing ends here: `write_all` takes nothing written as an error.
            let room = RAW.saturating_sub(self.0.len()).min(piece.len());
            self.0.extend_from_slice(&piece[..room]);
            Ok(room)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut kept = Kept(Vec::new());
    // What is cut is kept as far as it goes.
    let _ = serde_json::to_writer(&mut kept, raw);
    kept.0
}

/// The path of a flaw in a detail, as a mapping would write it.
fn detail_of(path: &str) -> String {
    format!("$.detail{}", path.strip_prefix("answer").unwrap_or(path))
}
