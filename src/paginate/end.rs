//! Why paging ends, the stop rules that a source may choose, and the order in which they are asked.
use std::fmt;

use serde::{Deserialize, Serialize};

use super::progress::{BARREN, Repeat};
use super::{Common, Figure, Next, Pointer, Seen};
use crate::position::Position;

/// Why a slice ends. Guards are no honest ends: the slice is partial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// There is one page only.
    Single,
    /// A page without records.
    Empty,
    /// As many records as were announced.
    Total,
    /// As many pages as were announced.
    Count,
    /// No cursor or address of a next page.
    NoNext,
    /// A page shorter than its size.
    Short,
    /// A page whose keys were all read before.
    Known,
    /// The page before came again, which is this site's end (`stop: repeated`).
    Again,
    /// As many pages as are wanted (`stop: max`).
    Wanted,
    /// `more` was false, or `last` true.
    Last,
    /// An answer that means the end.
    Answer,
    /// Guard: most pages were read.
    Max,
    /// Guard: the same cursor, address or page again.
    Repeated,
    /// Guard: so many pages in a row brought nothing new, though the site says that there is more.
    Barren,
    /// Guard: what says how to go on could not be read.
    Unreadable(String),
    /// Guard: the next page is on another origin.
    OtherOrigin(String),
}

impl End {
    /// Whether it is the site's own end, or one that the source chose.
    pub fn is_honest(&self) -> bool {
        !matches!(self, End::Max | End::Repeated | End::Barren | End::Unreadable(_) | End::OtherOrigin(_))
    }

    /// Whether what lies behind it was left unread by choice: nothing is compared with a total, and no sweep is judged.
    pub fn is_chosen(&self) -> bool {
        matches!(self, End::Known | End::Wanted)
    }
}

/// What to do about the address of a next page that leads nowhere.
pub const WRONG_ADDRESS: &str = "where its address is wrong, take what changes out of it, such as `cursor: {next: '$.next ~ \"page=([0-9]+)\"'}` with `page: ${page.cursor}` in `query`";

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Single => f.write_str("single page"),
            End::Empty => f.write_str("empty page"),
            End::Total => f.write_str("total reached"),
            End::Count => f.write_str("count of pages reached"),
            End::NoNext => f.write_str("no next page"),
            End::Short => f.write_str("short page"),
            End::Known => f.write_str("all known"),
            End::Again => f.write_str("the page before again"),
            End::Wanted => f.write_str("as many pages as wanted"),
            End::Last => f.write_str("last page"),
            End::Answer => f.write_str("answer says empty"),
            End::Max => f.write_str("most pages reached"),
            End::Repeated => f.write_str(
                "page repeated: the page, or what it points to, was read before; where this is the end of the list, \
                 write `stop: repeated`",
            ),
            End::Barren => write!(
                f,
                "{BARREN} pages in a row brought nothing new, though the site says that there is more: its end is \
                 not where `pages` looks for it"
            ),
            End::Unreadable(reader) => write!(f, "unreadable {reader}"),
            End::OtherOrigin(origin) => {
                write!(f, "other origin {origin}: the next page is not asked there; {WRONG_ADDRESS}")
            }
        }
    }
}

/// Stop rules that are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// A page shorter than its size is the last.
    Short,
    /// Newest first: a page whose keys were all read before is the last.
    Known,
    /// A page equal to the one before is this site's end.
    Repeated,
    /// Reaching `max` is the wanted end: the slice is complete, and it closes nothing.
    Max,
}

/// One stop rule, or a list of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stops(pub Vec<Stop>);

impl<'de> Deserialize<'de> for Stops {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StopsVisitor;
        impl<'de> serde::de::Visitor<'de> for StopsVisitor {
            type Value = Stops;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`short`, `known`, `repeated`, `max`, or a list of these")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Stops, E> {
                Stop::deserialize(serde::de::value::StrDeserializer::new(text)).map(|stop| Stops(vec![stop]))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, seq: A) -> Result<Stops, A::Error> {
                Vec::deserialize(serde::de::value::SeqAccessDeserializer::new(seq)).map(Stops)
            }
        }
        deserializer.deserialize_any(StopsVisitor)
    }
}

/// Where a slice goes after a page: what the site says comes first, then what the page itself shows, then the place
/// behind it.
pub(super) fn next(common: Common<'_>, behind: Option<Position>, at: &Position, seen: &Seen<'_>) -> Next {
    match site_end(seen).or_else(|| page_end(&common, at, seen)) {
        Some(end) => Next::End(end),
        None => step(&common, behind, at, seen),
    }
}

/// The end that the site states.
fn site_end(seen: &Seen<'_>) -> Option<End> {
    match &seen.announced.more {
        Some(Err(found)) => return Some(End::Unreadable(found.clone())),
        Some(Ok(false)) => return Some(End::Last),
        Some(Ok(true)) | None => {}
    }
    match &seen.announced.count {
        Some(Figure::TooLarge(found)) => Some(End::Unreadable(found.clone())),
        _ => None,
    }
}

/// The end that the page shows: it repeats an earlier one, is empty or short, or completes the total.
fn page_end(common: &Common<'_>, at: &Position, seen: &Seen<'_>) -> Option<End> {
    let (progress, stop) = (seen.progress, common.stop);
    // A total that the site rounds ends nothing.
    let total = progress.total.filter(|_| common.total.is_none_or(|total| !total.approximate));
    let brings_nothing = seen.records == 0 || progress.repeat != Repeat::New;
    if progress.repeat == Repeat::Before && stop.contains(&Stop::Repeated) {
        return Some(End::Again);
    }
    // More records than announced came: what brings nothing new shows that they were all.
    if brings_nothing && total.is_some_and(|total| progress.received >= total) {
        return Some(End::Total);
    }
    if progress.repeat != Repeat::New && !seen.announced.says_more() {
        return Some(End::Repeated);
    }
    if seen.records == 0 && !leads_on(common, at, seen) {
        return Some(End::Empty);
    }
    if progress.is_barren() {
        return Some(End::Barren);
    }
    if stop.contains(&Stop::Short) && seen.records < common.size() && !seen.announced.says_more() {
        return Some(End::Short);
    }
    (total == Some(progress.received) && !contradicts_total(common, seen)).then_some(End::Total)
}

/// Whether the site says that there is more behind an empty page.
fn leads_on(common: &Common<'_>, at: &Position, seen: &Seen<'_>) -> bool {
    let counted = || {
        let (_, first) = common.count?;
        let Position::Number(number) = at else { return None };
        Some(number.saturating_add(1) < first.saturating_add(seen.announced.count.as_ref()?.number()?))
    };
    let points_on = match &seen.announced.pointer {
        Pointer::Undeclared | Pointer::Nowhere | Pointer::Itself => false,
        Pointer::Cursor(cursor) => !matches!(at, Position::Cursor(Some(last)) if last == cursor),
        Pointer::Address(address) => !matches!(at, Position::Address(Some(last)) if last == address),
        Pointer::Refused(_) => true,
    };
    seen.announced.says_more() || points_on || counted() == Some(true)
}

/// Whether the site says that there is more behind a page that completes the total: the total may be the number of records
/// on a page, or the most that the site counts. A pointer says so only behind a full page: many sites always give one.
fn contradicts_total(common: &Common<'_>, seen: &Seen<'_>) -> bool {
    let points_on = matches!(seen.announced.pointer, Pointer::Cursor(_) | Pointer::Address(_));
    let fills = common.size.is_none() || seen.records >= common.size();
    seen.announced.says_more() || points_on && seen.records > 0 && fills && !seen.progress.revisits
}

/// On to the next page, unless there is none or it was read before.
fn step(common: &Common<'_>, behind: Option<Position>, at: &Position, seen: &Seen<'_>) -> Next {
    let next = match &seen.announced.pointer {
        Pointer::Undeclared => match behind {
            Some(next) => next,
            None => return Next::End(End::NoNext),
        },
        Pointer::Nowhere => return Next::End(End::NoNext),
        Pointer::Itself => at.clone(),
        Pointer::Refused(end) => return Next::End(end.clone()),
        Pointer::Cursor(cursor) => Position::Cursor(Some(cursor.clone())),
        Pointer::Address(address) => Position::Address(Some(address.clone())),
    };
    let itself = next == *at || seen.announced.pointer == Pointer::Itself;
    if itself && common.stop.contains(&Stop::Repeated) {
        return Next::End(End::Again);
    }
    if (itself || seen.progress.revisits) && !seen.announced.says_more() {
        return Next::End(End::Repeated);
    }
    if let (Position::Number(number), Some((_, first)), Some(count)) = (&next, common.count, &seen.announced.count)
        && let Some(count) = count.number().filter(|count| *count >= seen.progress.pages)
        && *number >= first.saturating_add(count)
    {
        return Next::End(End::Count);
    }
    if seen.progress.pages >= common.max() {
        return Next::End(if common.stop.contains(&Stop::Max) { End::Wanted } else { End::Max });
    }
    Next::Page(next)
}
