//! The records of a page mapped one by one, each with its detail where there is one.
use std::io;

use super::detail::{self, Answer};
use super::page::{Given, PART};
use super::part::PartWriter;
use super::unreadable;
use crate::bounds::{RAW, RECORD_FLAWS, WAITING};
use crate::decode::{self, Row, Text, Unread};
use crate::exchange::Page;
use crate::extract::{Around, Flaw, Made};
use crate::files::spool;
use crate::offer::{OfferId, Reject, content_hash};
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
    pub given: Given<'a>,
    pub text: &'a Text<'a>,
    pub around: &'a Around<'a>,
}

/// What a record is written to.
#[derive(Default)]
pub(super) struct Out {
    /// The content of its offer.
    pub text: Vec<u8>,
    /// The record itself as JSON, where it is kept.
    pub raw: Vec<u8>,
    pub flaws: Vec<Flaw>,
}

impl Out {
    /// Takes another record.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.raw.clear();
        self.flaws.clear();
    }

    /// Keeps a record, as much of it as may be.
    fn keep(&mut self, record: &Tree<'_>) {
        // Writing ends where there is no room for more of it: what is cut is kept as far as it goes.
        let _ = serde_json::to_writer(Short(&mut self.raw), record);
    }
}

/// Takes so many bytes and then no more.
struct Short<'o>(&'o mut Vec<u8>);

impl io::Write for Short<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        // `write_all` takes nothing written as an error.
        let room = RAW.saturating_sub(self.0.len()).min(piece.len());
        self.0.extend_from_slice(&piece[..room]);
        Ok(room)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl PageMapper<'_> {
    /// The parts of these records. They wait for each other: behind the first few megabytes they do so in files.
    pub(super) fn parts(&self, items: &[Item<'_, '_>], flaws: &mut Vec<Flaw>) -> io::Result<Vec<Mapped>> {
        let (mut parts, mut held) = (Vec::new(), 0);
        for (number, records) in items.chunks(PART).enumerate() {
            let mut part = PartWriter::new(self, number);
            records.iter().try_for_each(|record| part.take(record))?;
            let (mut mapped, own) = part.done()?;
            flaws.extend(own);
            held += mapped.text.len();
            if held > WAITING {
                mapped.text = spool::laid_down(&mapped.text, self.given.folder)?;
            }
            parts.push(mapped);
        }
        Ok(parts)
    }

    /// One record, with its detail where there is one.
    pub(super) fn record(&self, item: u32, raw: &Tree<'_>, out: &mut Out) -> Record {
        // What is null is no record at all, with a detail or without.
        if let Some(reject) = detail::misfit(self.given.plan, raw).filter(|_| !raw.is_null()) {
            return self.rejected(item, raw, &reject, out);
        }
        let second = self.given.details.seconds.get(&item);
        let listed = second.and_then(|second| second.listed);
        let plain = |record: Record| Record { listed, ..record };
        match second.map(|second| &second.answer) {
            None if !self.given.details.kept.is_empty() => {
                let id = self
                    .given
                    .plan
                    .extract
                    .key_of(raw, self.around)
                    .map(|key| OfferId::new(&self.given.plan.source, &key));
                match id.and_then(|id| self.given.details.kept.get(&id)) {
                    Some(page) => self.with_detail(item, raw, page, out),
                    None => self.made(item, raw, out),
                }
            }
            None | Some(Answer::Without(_)) => plain(self.made(item, raw, out)),
            Some(Answer::Body(page)) => plain(self.with_detail(item, raw, page, out)),
            Some(Answer::Unchanged) => plain(self.fated(item, raw, Fate::Listed)),
            Some(Answer::Gone) => self.fated(item, raw, Fate::Gone),
            Some(Answer::Rejected { reject, .. }) => self.rejected(item, raw, reject, out),
        }
    }

    fn with_detail(&self, item: u32, raw: &Tree<'_>, page: &Page, out: &mut Out) -> Record {
        // Whether it can be decoded was seen when it was fetched.
        let Ok(text) = decode::text(page) else { return self.made(item, raw, out) };
        let read = decode::json(&text, None).unwrap_or_default();
        let notes = unreadable::flaws(&read.notes).map(|flaw| Flaw { field: detail_of(&flaw.field), ..flaw });
        out.flaws.extend(unreadable::of_text(&text).into_iter().chain(notes));
        self.made(item, &detail::merged(self.given.plan, raw, &read.body), out)
    }

    /// A record that is not mapped.
    fn fated(&self, item: u32, raw: &Tree<'_>, fate: Fate) -> Record {
        let key = self.given.plan.extract.key_of(raw, self.around);
        let id = key.as_ref().map(|key| OfferId::new(&self.given.plan.source, key));
        Record { item, key, id, fate, listed: None, raw: None, expires: None }
    }

    fn rejected(&self, item: u32, raw: &Tree<'_>, reject: &Reject, out: &mut Out) -> Record {
        out.keep(raw);
        self.fated(item, raw, Fate::Rejected(reject.clone()))
    }

    fn made(&self, item: u32, raw: &Tree<'_>, out: &mut Out) -> Record {
        let worked = self.given.plan.extract.work(raw, self.around, &mut out.text, &mut out.flaws);
        out.flaws.truncate(RECORD_FLAWS);
        let id = worked.key.as_ref().map(|key| OfferId::new(&self.given.plan.source, key));
        let (fate, expires) = match worked.made {
            Made::Offer(range, expires) => {
                (Fate::Offer { content: content_hash(&out.text[range.clone()]), text: range }, expires)
            }
            Made::Filtered => (Fate::Filtered, None),
            Made::Rejected(reject) => (Fate::Rejected(reject), None),
        };
        // A store outside may refuse what could be mapped.
        if self.given.plan.server.is_some() || matches!(fate, Fate::Rejected(_)) {
            out.keep(raw);
        }
        Record { item, key: worked.key, id, fate, listed: None, raw: None, expires }
    }
}

/// The path of a flaw in a detail, as a mapping would write it.
fn detail_of(path: &str) -> String {
    format!("$.detail{}", path.strip_prefix("answer").unwrap_or(path))
}
