//! The stores against what is known of their offers.
use super::{Difference, Kind, VerifyError};
use crate::bounds::MESSAGE;
use crate::offer::OfferId;
use crate::printable::excerpt;
use crate::state::words::Told;
use crate::state::{KnownRow, Reader};
use crate::store::AnyStore;
use crate::store::elastic::Elastic;

/// Offers of one comparison.
const LISTED: usize = 1_000;

/// Compares the offers of a source in the store with what is known of them; how many there are.
pub async fn offers(
    reader: &Reader,
    store: &AnyStore,
    source: &str,
    each: &mut dyn FnMut(Difference),
) -> Result<u64, VerifyError> {
    match store {
        AnyStore::Local(_) => local(reader, source, each),
        AnyStore::Elastic(elastic) => remote(reader, elastic, source, each).await,
    }
}

/// Tells what the store holds that nobody who is known here wrote; `sources` are those that are known.
pub async fn others(
    reader: &Reader,
    store: &AnyStore,
    sources: &[String],
    each: &mut dyn FnMut(Difference),
) -> Result<(), VerifyError> {
    match store {
        AnyStore::Local(_) => Ok(()),
        AnyStore::Elastic(elastic) => strangers(reader, elastic, sources, each).await,
    }
}

/// Compares the offers of a source in the embedded store with what is known of them; how many there are.
fn local(reader: &Reader, source: &str, each: &mut dyn FnMut(Difference)) -> Result<u64, VerifyError> {
    let mut offers = 0;
    reader.each_known(Some(source), &mut |known, document| {
        offers += 1;
        if let Some(how) = known.differs(document) {
            each(tell(source, &known.key, how));
        }
    })?;
    Ok(offers)
}

/// Compares the offers of a source on a server with what is known of them, both in the order of their ids, in flat
/// memory; how many the server has.
async fn remote(
    reader: &Reader,
    store: &Elastic,
    source: &str,
    each: &mut dyn FnMut(Difference),
) -> Result<u64, VerifyError> {
    let mut known = Known { reader, source, rows: Vec::new().into_iter(), after: None, ended: false };
    let mut next = known.next()?;
    let (mut after, mut offers) = (None, 0);
    loop {
        let listing = store.told(source, after.as_ref(), LISTED).await?;
        for id in listing.others {
            foreign(reader, store, source, &id, each)?;
        }
        for told in listing.told {
            offers += 1;
            while let Some(row) = next.take_if(|row| row.id < told.id) {
                missing(source, &row, each);
                next = known.next()?;
            }
            match next.take_if(|row| row.id == told.id) {
                Some(row) => {
                    if let Some(how) = difference(&row, &told) {
                        each(tell(source, &row.key, how));
                    }
                    next = known.next()?;
                }
                None => each(tell(source, &told.key, "stored, and not known")),
            }
        }
        after = listing.next;
        if after.is_none() {
            break;
        }
    }
    while let Some(row) = next {
        missing(source, &row, each);
        next = known.next()?;
    }
    Ok(offers)
}

/// Tells documents on a server that are of no source that is known here, and that nobody else claims.
async fn strangers(
    reader: &Reader,
    store: &Elastic,
    sources: &[String],
    each: &mut dyn FnMut(Difference),
) -> Result<(), VerifyError> {
    // What another data directory writes is not foreign.
    let mut sources = sources.to_vec();
    sources.extend(store.claimed_sources().await?);
    let mut after = None;
    loop {
        let (ids, next) = store.strangers(&sources, after.as_ref(), LISTED).await?;
        for id in ids {
            foreign(reader, store, "", &id, each)?;
        }
        after = next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// A document that is no offer. One under the id of an offer that is known is told as missing, and a sweep writes it again.
fn foreign(
    reader: &Reader,
    store: &Elastic,
    source: &str,
    id: &str,
    each: &mut dyn FnMut(Difference),
) -> Result<(), VerifyError> {
    if OfferId::parse(id).is_some() && reader.offer(id)?.is_some_and(|offer| offer.stored) {
        return Ok(());
    }
    let message = format!(
        "the document `{}` is no offer that was read; `DELETE {}` takes it away",
        excerpt(id, MESSAGE),
        store.address(id)
    );
    each(Difference { kind: Kind::Foreign, source: source.to_owned(), message });
    Ok(())
}

fn tell(source: &str, key: &str, how: &str) -> Difference {
    Difference { kind: Kind::Store, source: source.to_owned(), message: format!("{key}: {how}") }
}

/// How what is stored differs, as sweeps judge it. While it is not certain what the store was told last, only an offer that
/// searches find though it is closed does.
fn difference(row: &KnownRow, told: &Told) -> Option<&'static str> {
    if row.closed && told.closed.is_none() {
        return Some("closed, and stored as open");
    }
    row.content?;
    if (row.content, row.closed) != (told.content, told.closed.is_some()) {
        return Some("what is stored is not what is known of it");
    }
    (row.version != told.version).then_some("somebody wrote it again: its version is not the one that is known")
}

fn missing(source: &str, row: &KnownRow, each: &mut dyn FnMut(Difference)) {
    if row.content.is_some() {
        each(tell(source, &row.key, "known, and not stored"));
    }
}

/// What is known of a source's offers, in the order of their ids, read some at a time.
struct Known<'r> {
    reader: &'r Reader,
    source: &'r str,
    rows: std::vec::IntoIter<KnownRow>,
    after: Option<OfferId>,
    ended: bool,
}

impl Known<'_> {
    fn next(&mut self) -> Result<Option<KnownRow>, VerifyError> {
        if let Some(row) = self.rows.next() {
            return Ok(Some(row));
        }
        if !self.ended {
            let rows = self.reader.known_after(self.source, self.after, LISTED)?;
            self.ended = rows.len() < LISTED;
            self.after = rows.last().map(|row| row.id).or(self.after);
            self.rows = rows.into_iter();
        }
        Ok(self.rows.next())
    }
}
