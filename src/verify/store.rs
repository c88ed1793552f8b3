//! The stores against what is known of their offers.
use super::{Difference, Kind, VerifyError};
use crate::offer::OfferId;
use crate::state::words::Told;
use crate::state::{KnownRow, Reader};
use crate::store::elastic::Elastic;

/// Offers of one comparison.
const LISTED: usize = 1_000;

/// Compares the offers of a source in the embedded store with what is known of them; how many there are.
pub fn local(reader: &Reader, source: &str, each: &mut dyn FnMut(Difference)) -> Result<u64, VerifyError> {
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
pub async fn outside(
    reader: &Reader,
    store: &Elastic,
    source: &str,
    each: &mut dyn FnMut(Difference),
) -> Result<u64, VerifyError> {
    let mut known = Known { reader, source, rows: Vec::new().into_iter(), after: None, ended: false };
    let mut next = known.next()?;
    let (mut after, mut offers) = (None, 0);
    loop {
        let listed = store.told(source, after, LISTED).await?;
        let Some(last) = listed.last() else { break };
        after = Some(last.id);
        for told in listed {
            offers += 1;
            while let Some(row) = next.take_if(|row| row.id < told.id) {
                missing(source, &row, each);
                next = known.next()?;
            }
            match next.take_if(|row| row.id == told.id) {
                Some(row) => {
                    if is_other(&row, &told) {
                        each(tell(source, &row.key, "what is stored is not what is known of it"));
                    }
                    next = known.next()?;
                }
                None => each(tell(source, &told.key, "stored, and not known")),
            }
        }
    }
    while let Some(row) = next {
        missing(source, &row, each);
        next = known.next()?;
    }
    Ok(offers)
}

fn tell(source: &str, key: &str, how: &str) -> Difference {
    Difference { kind: Kind::Store, source: source.to_owned(), message: format!("{key}: {how}") }
}

/// While it is not certain what the store was told last, nothing differs.
fn is_other(row: &KnownRow, told: &Told) -> bool {
    row.content.is_some() && (row.content, row.closed) != (told.content, told.closed.is_some())
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
