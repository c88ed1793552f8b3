//! The closed query type that every store compiles: no raw query passes through.
pub mod analysis;
pub mod french;
mod limits;
mod parse;
mod stem;
mod words;

use serde::Serialize;
use serde_json::Number;

use crate::schema::{Kind, Schema};

pub use limits::MOST;
pub(crate) use limits::too_many;
pub use parse::BadSearch;
pub use words::Words;

/// What is searched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    /// Words; all of them must be there. `"…"` is a phrase, `-word` must not be there.
    pub text: Option<String>,
    /// Conditions, all of which must hold.
    pub filters: Vec<Filter>,
    /// What is counted.
    pub facets: Vec<Facet>,
    /// Order of the hits; by relevance without.
    pub sort: Option<Sort>,
    /// Where the last page ended: [`Found::after`] of the same search.
    pub after: Option<String>,
    /// Most hits.
    pub limit: usize,
    /// Whether closed offers are found too.
    pub closed: bool,
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// The field holds one of these.
    Terms(String, Vec<String>),
    /// The field is at least, and below, these: numbers, or instants as text.
    Range(String, Option<String>, Option<String>),
    /// The point lies within so many kilometres of another.
    Near(String, Point, f64),
    /// The point lies between two corners: north-west and south-east. West beyond east crosses the date line.
    Box(String, Point, Point),
    /// The field is there, or is not.
    Exists(String, bool),
}

/// A point on the Earth, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Latitude, -90 to 90.
    pub lat: f64,
    /// Longitude, -180 to 180.
    pub lon: f64,
}

/// What is counted, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Facet {
    /// As it was asked for: the name of its answer.
    pub name: String,
    /// The field.
    pub field: String,
    /// How.
    pub by: By,
}

/// How a facet counts.
#[derive(Clone, Debug, PartialEq)]
pub enum By {
    /// The most frequent values, so many.
    Terms(usize),
    /// Days, weeks (from Monday), months or years, UTC.
    Dates(Every),
    /// Intervals of this length, each named by its lower end.
    Numbers(f64),
    /// The values below which these shares (in percent) lie.
    Percentiles(Vec<f64>),
    /// Web Mercator tiles of this zoom, `zoom/x/y`.
    Tiles(u32),
}

/// A span of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// Midnight to midnight.
    Day,
    /// Monday to Monday.
    Week,
    /// The first to the first.
    Month,
    /// January to January.
    Year,
}

/// Order of the hits; offers without the field come last.
#[derive(Clone, Debug, PartialEq)]
pub struct Sort {
    /// The field.
    pub field: String,
    /// Greatest first.
    pub descending: bool,
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Found {
    /// How many in all.
    pub total: usize,
    /// The best of them, as stored.
    pub hits: Vec<Box<serde_json::value::RawValue>>,
    /// Each facet by its name: values with their number; percents with the value below which they lie.
    pub facets: Vec<(String, Vec<(String, Number)>)>,
    /// What to give as `after` for the next hits; `None` behind the last.
    pub after: Option<String>,
}

impl Filter {
    /// The field it is about.
    pub fn field(&self) -> &str {
        match self {
            Filter::Terms(field, _)
            | Filter::Range(field, ..)
            | Filter::Near(field, ..)
            | Filter::Box(field, ..)
            | Filter::Exists(field, _) => field,
        }
    }
}

impl Search {
    /// Whether closed offers are asked for, by flag or by a condition on them.
    pub fn finds_closed(&self) -> bool {
        self.closed || self.filters.iter().any(|filter| filter.field().starts_with("closed_"))
    }
}

/// Kilometres between two points on a sphere of the Earth's mean radius (haversine).
pub fn distance(a: Point, b: Point) -> f64 {
    let (dlat, dlon) = ((b.lat - a.lat).to_radians(), (b.lon - a.lon).to_radians());
    let half =
        (dlat / 2.0).sin().powi(2) + a.lat.to_radians().cos() * b.lat.to_radians().cos() * (dlon / 2.0).sin().powi(2);
    2.0 * 6371.0088 * half.sqrt().min(1.0).asin()
}

/// The Web Mercator tile of a point.
pub fn tile(point: Point, zoom: u32) -> (u32, u32) {
    let tiles = f64::from(1_u32 << zoom.min(29));
    let lat = point.lat.clamp(-85.051_128_78, 85.051_128_78).to_radians();
    let x = ((point.lon + 180.0) / 360.0 * tiles).floor();
    let y = ((1.0 - lat.tan().asinh() / std::f64::consts::PI) / 2.0 * tiles).floor();
    let within = |at: f64| at.clamp(0.0, tiles - 1.0) as u32;
    (within(x), within(y))
}

/// All names that can be searched, members of lists of objects among them, with their types.
pub fn names(schema: &Schema) -> Vec<(String, Kind)> {
    let mut names = Vec::new();
    for field in schema.fields() {
        match &field.kind {
            Kind::List(element) => match &**element {
                Kind::Object { fields, .. } => {
                    names.extend(
                        fields.iter().map(|member| (format!("{}.{}", field.name, member.name), member.kind.clone())),
                    );
                }
                element => names.push((field.name.clone(), element.clone())),
            },
            Kind::Object { .. } => {}
            kind => names.push((field.name.clone(), kind.clone())),
        }
    }
    names
}
