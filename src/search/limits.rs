//! What a search may ask for at most, and which values its fields take: the same for every store, told before one is asked.
use chrono::SecondsFormat;

use super::parse::{bad, kind};
use super::{BadSearch, By, Filter, Search};
use crate::convert::instant_of;
use crate::schema::{Kind, Schema};

/// Most hits of one answer, values of one facet, and values that a field is compared with.
pub const MOST: usize = 10_000;
/// The shortest interval of a facet.
pub(super) const STEP: f64 = 0.000_001;
/// Most values that all facets of a search ask for together.
const TOGETHER: usize = 60_000;
/// The greatest zoom of tiles.
pub(super) const ZOOM: u32 = 29;
/// Half way round the Earth, in kilometres: no two places are further apart.
const FURTHEST: f64 = 20_100.0;

/// A value as its field holds it: dates in full, in UTC.
pub(super) fn value(field: &str, of: &Kind, text: &str) -> Result<String, BadSearch> {
    let wrong = |wanted: &str| bad(format!("`{text}` is not {wanted}, which `{field}` holds"));
    match of {
        Kind::Integer if text.parse::<i64>().is_err() => wrong("a whole number"),
        Kind::Number | Kind::Money if !text.parse::<f64>().is_ok_and(f64::is_finite) => wrong("a number"),
        Kind::Boolean if text.parse::<bool>().is_err() => wrong("true or false"),
        Kind::Date => match instant_of(text) {
            Some(at) => Ok(at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => wrong("a date (`2026-01-31`, or with a time: `2026-01-31T12:00:00Z`)"),
        },
        _ => Ok(text.to_owned()),
    }
}

impl Search {
    /// Refuses what no store answers.
    pub fn check(&self, schema: &Schema) -> Result<(), BadSearch> {
        if self.limit > MOST {
            return bad(format!(
                "an answer holds {MOST} offers at most; `--after` goes on behind it, and `jobmarket export` gives all"
            ));
        }
        self.words()?;
        self.filters.iter().try_for_each(|filter| checked(filter, schema))?;
        self.facets.iter().try_for_each(|facet| counted(&facet.name, &facet.by))?;
        let asked: usize = self.facets.iter().map(|facet| values(&facet.by)).sum();
        if asked > TOGETHER {
            return bad(format!("all facets together count {TOGETHER} values at most, and these ask for {asked}"));
        }
        Ok(())
    }
}

fn checked(filter: &Filter, schema: &Schema) -> Result<(), BadSearch> {
    match filter {
        Filter::Range(field, from, to) => {
            let of = kind(field, schema)?;
            from.iter().chain(to).try_for_each(|text| value(field, &of, text).map(|_| ()))
        }
        Filter::Terms(field, wanted) => {
            let of = kind(field, schema)?;
            wanted.iter().try_for_each(|text| value(field, &of, text).map(|_| ()))
        }
        Filter::Near(field, _, radius) if !(*radius > 0.0 && *radius <= FURTHEST) => {
            bad(format!("`{field}` is looked for within more than 0 and at most {FURTHEST} km"))
        }
        Filter::Box(field, north_west, south_east) if north_west.lat < south_east.lat => {
            bad(format!("the north of the box of `{field}` is below its south"))
        }
        _ => Ok(()),
    }
}

fn counted(name: &str, by: &By) -> Result<(), BadSearch> {
    match by {
        By::Terms(size) if !(1..=MOST).contains(size) => bad(format!("`{name}` counts 1 to {MOST} values")),
        By::Numbers(step) if !(*step >= STEP && step.is_finite()) => {
            bad(format!("the intervals of `{name}` are shorter than {STEP}"))
        }
        By::Percentiles(percents) if !percents.iter().all(|percent| (0.0..=100.0).contains(percent)) => {
            bad(format!("percentiles lie between 0 and 100: `{name}`"))
        }
        By::Tiles(zoom) if *zoom > ZOOM => bad(format!("the zoom of `{name}` is 0 to {ZOOM}")),
        _ => Ok(()),
    }
}

/// How many values a facet asks for; what spans and intervals bring nobody knows before.
fn values(by: &By) -> usize {
    match by {
        By::Terms(size) => *size,
        By::Tiles(_) => MOST,
        By::Dates(_) | By::Numbers(_) | By::Percentiles(_) => 0,
    }
}

/// More values than a facet may bring.
pub(crate) fn too_many(name: &str) -> BadSearch {
    BadSearch(format!(
        "`{name}` has more than {MOST} different values: count longer spans, intervals or larger tiles, or narrow the search"
    ))
}
