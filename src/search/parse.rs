//! Searches as a person writes them: conditions, facets and orders, each checked against the schema.
use chrono::{SecondsFormat, TimeDelta};

use super::limits::{self, MOST, STEP, ZOOM};
use super::{By, Every, Facet, Filter, Point, Sort, names};
use crate::convert::instant_of;
use crate::scalar::nearest;
use crate::schema::{Kind, Schema};

/// A part of a search could not be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct BadSearch(pub(super) String);

pub(super) fn bad<T>(message: String) -> Result<T, BadSearch> {
    Err(BadSearch(message))
}

/// The type of a field that can be searched; an error with the nearest name.
pub(super) fn kind(field: &str, schema: &Schema) -> Result<Kind, BadSearch> {
    let names = names(schema);
    if let Some((_, kind)) = names.iter().find(|(name, _)| name == field) {
        return Ok(kind.clone());
    }
    let near = nearest(field, names.iter().map(|(name, _)| name.as_str()));
    let hint = near
        .map_or_else(|| "the fields are in `mappings/offer.yaml`".to_owned(), |near| format!("did you mean `{near}`?"));
    bad(format!("there is no field `{field}` that can be searched; {hint}"))
}

impl Filter {
    /// Reads `field=a,b`, `field>=1`, `field<2`, `field=none`, `field=any`; of a point `field=LAT,LON,30km` and
    /// `field=NORTH,WEST,SOUTH,EAST`.
    pub fn parse(text: &str, schema: &Schema) -> Result<Self, BadSearch> {
        let found = [">=", "<", "="].iter().filter_map(|sign| Some((text.find(sign)?, *sign))).min();
        let Some((at, sign)) = found else {
            return bad(format!(
                "`{text}` is no condition; write `field=value`, `field>=1`, `field<2` or `field=none`"
            ));
        };
        let (field, value) = (text[..at].trim(), text[at + sign.len()..].trim().to_owned());
        if field.ends_with(['!', '>', '=']) || value.starts_with(['=', '<', '>']) {
            return bad(format!("`{text}` is no condition: there are `=`, `>=` (at least) and `<` (below)"));
        }
        let kind = kind(field, schema)?;
        let field = field.to_owned();
        match (sign, value.as_str(), kind) {
            ("=", "none", _) => Ok(Filter::Exists(field, false)),
            ("=", "any", _) => Ok(Filter::Exists(field, true)),
            ("=", _, Kind::Geo) => geo(field, &value),
            (_, _, Kind::Geo) => bad(format!("`{field}` is a point; write `{field}=48.85,2.35,30km`")),
            (_, _, Kind::Text) => bad(format!("`{field}` is searched by words: `jobmarket search {value}`")),
            (">=", _, kind) => Ok(Filter::Range(field.clone(), Some(limits::value(&field, &kind, &value)?), None)),
            ("<", _, kind) => Ok(Filter::Range(field.clone(), None, Some(limits::value(&field, &kind, &value)?))),
            (_, _, Kind::Date) if value.len() == DAY.len() => day(field, &value),
            (_, _, kind) => {
                let wanted = value.split(',').map(|value| limits::value(&field, &kind, value.trim()));
                let wanted: Vec<String> = wanted.collect::<Result<_, _>>()?;
                if wanted.len() > MOST {
                    return bad(format!("`{field}` is compared with {MOST} values at most"));
                }
                allowed(&field, &wanted, schema)?;
                Ok(Filter::Terms(field, wanted))
            }
        }
    }
}

/// How a day is written.
const DAY: &str = "2026-01-31";

/// A whole day, UTC.
fn day(field: String, value: &str) -> Result<Filter, BadSearch> {
    let from = limits::value(&field, &Kind::Date, value)?;
    let next = instant_of(value).and_then(|at| at.checked_add_signed(TimeDelta::days(1)));
    Ok(Filter::Range(field, Some(from), next.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true))))
}

/// Refuses a value that the field never holds.
fn allowed(field: &str, wanted: &[String], schema: &Schema) -> Result<(), BadSearch> {
    let Some(known) = schema.field(field).map(|field| &field.values).filter(|known| !known.is_empty()) else {
        return Ok(());
    };
    let Some(other) = wanted.iter().find(|value| !known.contains(value)) else { return Ok(()) };
    let near = nearest(other, known.iter().map(String::as_str));
    let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
    bad(format!("`{field}` is never `{other}`; {near}it is one of {}", known.join(", ")))
}

fn geo(field: String, value: &str) -> Result<Filter, BadSearch> {
    let wrong = || {
        BadSearch(format!(
            "`{value}` is no place; write `{field}=48.85,2.35,30km`, or north, west, south, east: `{field}=49,2,48,3`"
        ))
    };
    let parts: Vec<&str> = value.split(',').map(str::trim).collect();
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    let point = |lat: &str, lon: &str| {
        let point = Point { lat: number(lat)?, lon: number(lon)? };
        (point.lat.abs() <= 90.0 && point.lon.abs() <= 180.0).then_some(point)
    };
    match parts[..] {
        [lat, lon, radius] => {
            let (digits, unit) =
                radius.split_at(radius.find(|sign: char| sign.is_alphabetic()).unwrap_or(radius.len()));
            let scale = match unit {
                "km" => 1.0,
                "m" => 0.001,
                _ => return Err(wrong()),
            };
            let radius = number(digits.trim()).filter(|radius| *radius > 0.0).ok_or_else(wrong)? * scale;
            Ok(Filter::Near(field.clone(), point(lat, lon).ok_or_else(wrong)?, radius))
        }
        [north, west, south, east] => {
            let corners = point(north, west).zip(point(south, east)).filter(|(a, b)| a.lat >= b.lat);
            let (a, b) = corners.ok_or_else(wrong)?;
            Ok(Filter::Box(field.clone(), a, b))
        }
        _ => Err(wrong()),
    }
}

/// What `percentiles` gives without numbers, in percent.
const PERCENTS: [f64; 5] = [10.0, 25.0, 50.0, 75.0, 90.0];
/// Values of a facet that says no number.
const TERMS: usize = 10;

impl Facet {
    /// Reads `field`, `field:20` (most frequent values), `date:month`, `number:5000` (intervals), `number:percentiles`,
    /// `point:6` (tiles of a zoom).
    pub fn parse(text: &str, schema: &Schema) -> Result<Self, BadSearch> {
        let (field, how) = text.split_once(':').unwrap_or((text, ""));
        let wrong = |wanted: &str| BadSearch(format!("`{text}` is no facet; write `{wanted}`"));
        let by = match kind(field, schema)? {
            Kind::Keyword | Kind::Boolean if how.is_empty() => By::Terms(TERMS),
            Kind::Keyword | Kind::Boolean => {
                let size = how.parse().ok().filter(|size| (1..=MOST).contains(size));
                By::Terms(size.ok_or_else(|| wrong(&format!("{field}:20")))?)
            }
            Kind::Date => By::Dates(match how {
                "day" => Every::Day,
                "week" => Every::Week,
                "month" | "" => Every::Month,
                "year" => Every::Year,
                _ => return Err(wrong(&format!("{field}:day`, `:week`, `:month` or `:year"))),
            }),
            Kind::Integer | Kind::Number | Kind::Money => match how {
                "percentiles" | "" => By::Percentiles(PERCENTS.to_vec()),
                step => {
                    let step = step.parse().ok().filter(|step: &f64| step.is_finite() && *step >= STEP);
                    By::Numbers(step.ok_or_else(|| wrong(&format!("{field}:5000` or `{field}:percentiles")))?)
                }
            },
            Kind::Geo => {
                let zoom = if how.is_empty() { Some(6) } else { how.parse().ok().filter(|zoom| *zoom <= ZOOM) };
                By::Tiles(zoom.ok_or_else(|| wrong(&format!("{field}:6")))?)
            }
            Kind::Text | Kind::List(_) | Kind::Object { .. } => {
                return bad(format!("`{field}` is text: its values cannot be counted"));
            }
        };
        Ok(Facet { name: text.to_owned(), field: field.to_owned(), by })
    }
}

impl Sort {
    /// Reads `field`, or `-field` for the greatest first.
    pub fn parse(text: &str, schema: &Schema) -> Result<Self, BadSearch> {
        let field = text.trim_start_matches('-');
        match kind(field, schema)? {
            Kind::Text | Kind::Geo | Kind::List(_) | Kind::Object { .. } => {
                bad(format!("offers cannot be sorted by `{field}`; by a keyword, a date or a number"))
            }
            _ => Ok(Sort { field: field.to_owned(), descending: text.starts_with('-') }),
        }
    }
}
