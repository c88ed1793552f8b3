//! Conversions: one value in, one value out, used as `$.x | date` in a mapping and `${record.x | date}` in a template.
use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::printable::start;
use crate::scalar::{Call, Fault, nearest};
use crate::tree::Tree;

mod args;
mod case;
mod country;
mod date;
pub mod docs;
mod duration;
mod encode;
mod geo;
mod html;
mod list;
pub mod lookup;
mod names;
mod number;
mod pattern;
mod relative;
pub mod render;
pub mod salary;
mod shape;
mod values;

pub use lookup::{Lookups, Table};
pub use shape::Shape;

/// What a conversion is given besides the value.
#[derive(Clone, Debug)]
pub struct Moment {
    /// When the page was received: what relative dates count from.
    pub fetched: DateTime<Utc>,
    /// The tables of `mappings/lookups`.
    pub lookups: Arc<Lookups>,
}

/// Why a value could not be converted. Becomes a flaw of the offer, or a reject where the field is required.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{conversion}: {why}, found `{found}`")]
pub struct ConvertError {
    /// The conversion's name.
    pub conversion: &'static str,
    /// Why.
    pub why: Cow<'static, str>,
    /// The value, cut to 80 characters.
    pub found: String,
}

impl ConvertError {
    /// An error about a value.
    pub fn new(conversion: &'static str, why: impl Into<Cow<'static, str>>, found: &Tree<'_>) -> Self {
        let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
        ConvertError { conversion, why: why.into(), found: start(&text, 80) }
    }
}

/// A conversion, its arguments checked.
#[derive(Clone, Debug)]
pub enum Conversion {
    /// `date`.
    Date(date::Date),
    /// `utc`, `epoch`, `format`.
    Instant(date::Instant),
    /// `plus`, `minus`.
    Shift(date::Shift),
    /// `number`, `integer`, `boolean`, `text`.
    Number(number::Number),
    /// `trim lower upper title`.
    Case(case::Case),
    /// `html`.
    Html,
    /// `unescape`.
    Unescape,
    /// `regex`, `matches`, `replace`.
    Pattern(pattern::Pattern),
    /// `split first last join unique`.
    List(list::List),
    /// `default`, `null_if`.
    Default(list::Default),
    /// `lookup`.
    Lookup(lookup::Lookup),
    /// `duration`.
    Duration(duration::Duration),
    /// `salary`.
    Salary(salary::Salary),
    /// `geo`.
    Geo,
    /// `country`.
    Country,
    /// `absolute`.
    Absolute(encode::Absolute),
    /// `hash json form base64 url`.
    Encode(encode::Encode),
}

/// All names, in the order of the reference.
pub const NAMES: [&str; 34] = [
    "date", "utc", "epoch", "format", "plus", "minus", "number", "integer", "boolean", "text", "trim", "lower",
    "upper", "title", "html", "unescape", "regex", "matches", "replace", "split", "join", "first", "last", "unique",
    "default", "null_if", "lookup", "duration", "salary", "geo", "country", "absolute", "hash", "json",
];

/// A converted value, and what is to be said about it though there is one.
pub struct Converted<'p> {
    /// The value.
    pub value: Tree<'p>,
    /// A flaw beside it.
    pub flaw: Option<ConvertError>,
}

impl<'p> From<Tree<'p>> for Converted<'p> {
    fn from(value: Tree<'p>) -> Self {
        Converted { value, flaw: None }
    }
}

impl Conversion {
    /// Checks a call: its name, and the number, kind and meaning of its arguments.
    pub fn parse(call: &Call) -> Result<Self, Fault> {
        let args = args::Args::new(call)?;
        let conversion = match call.name.as_str() {
            "date" => Conversion::Date(date::Date::parse(&args)?),
            "utc" | "epoch" | "format" => Conversion::Instant(date::Instant::parse(&args)?),
            "plus" | "minus" => Conversion::Shift(date::Shift::parse(&args)?),
            "number" | "integer" | "boolean" | "text" => Conversion::Number(number::Number::parse(&args)?),
            "trim" | "lower" | "upper" | "title" => Conversion::Case(case::Case::parse(&args)?),
            "html" => args.none().map(|()| Conversion::Html)?,
            "unescape" => args.none().map(|()| Conversion::Unescape)?,
            "regex" | "matches" | "replace" => Conversion::Pattern(pattern::Pattern::parse(&args)?),
            "split" | "first" | "last" | "join" | "unique" => Conversion::List(list::List::parse(&args)?),
            "default" | "null_if" => Conversion::Default(list::Default::parse(&args)?),
            "lookup" => Conversion::Lookup(lookup::Lookup::parse(&args)?),
            "duration" => Conversion::Duration(duration::Duration::parse(&args)?),
            "salary" => Conversion::Salary(salary::Salary::parse(&args)?),
            "geo" => Conversion::Geo,
            "country" => args.none().map(|()| Conversion::Country)?,
            "absolute" => Conversion::Absolute(encode::Absolute::parse(&args)?),
            "hash" | "json" => Conversion::Encode(encode::Encode::parse(&args)?),
            other => return Err(unknown(other, call)),
        };
        Ok(conversion)
    }

    /// Whether it works on a whole list rather than on each element.
    pub fn takes_list(&self) -> bool {
        match self {
            Conversion::List(list) => list.takes_list(),
            Conversion::Encode(_) | Conversion::Default(_) => true,
            _ => false,
        }
    }

    /// Whether one value comes out of a list: `first`, `last`, `join`.
    pub fn makes_one(&self) -> bool {
        matches!(self, Conversion::List(list) if list.makes_one()) || matches!(self, Conversion::Encode(_))
    }

    /// Whether a list comes out of one value: `split`.
    pub fn makes_list(&self) -> bool {
        matches!(self, Conversion::List(list::List::Split(_)))
    }

    /// The table it reads.
    pub fn table(&self) -> Option<&str> {
        match self {
            Conversion::Lookup(lookup) => Some(lookup.table()),
            _ => None,
        }
    }

    /// Converts one value; null stays null.
    pub fn convert<'p>(&self, value: Tree<'p>, at: &Moment) -> Result<Converted<'p>, ConvertError> {
        if value.is_null() && !matches!(self, Conversion::Default(_) | Conversion::Encode(_)) {
            return Ok(Tree::Null.into());
        }
        match self {
            Conversion::Date(date) => date.convert(value, at).map(Into::into),
            Conversion::Instant(instant) => instant.convert(value).map(Into::into),
            Conversion::Shift(shift) => shift.convert(value).map(Into::into),
            Conversion::Number(number) => number.convert(value).map(Into::into),
            Conversion::Case(case) => case.convert(value).map(Into::into),
            Conversion::Html => html::html(value),
            Conversion::Unescape => html::unescape(value).map(Into::into),
            Conversion::Pattern(pattern) => pattern.convert(value).map(Into::into),
            Conversion::List(list) => list.convert(value).map(Into::into),
            Conversion::Default(default) => Ok(default.convert(value).into()),
            Conversion::Lookup(lookup) => lookup.convert(value, &at.lookups).map(Into::into),
            Conversion::Duration(duration) => duration.convert(value).map(Into::into),
            Conversion::Salary(salary) => salary.convert(value),
            Conversion::Geo => geo::one(value).map(Into::into),
            Conversion::Country => country::country(value).map(Into::into),
            Conversion::Absolute(absolute) => absolute.convert(value).map(Into::into),
            Conversion::Encode(encode) => Ok(encode.convert(value).into()),
        }
    }
}

fn unknown(name: &str, call: &Call) -> Fault {
    let fault = Fault::new("unknown-conversion", call.at.clone(), format!("there is no conversion `{name}`"));
    match nearest(name, NAMES) {
        Some(near) => fault.hint(format!("did you mean `{near}`?")),
        None => fault.hint(format!("the conversions are {}", NAMES.join(", "))),
    }
}

/// Applies a conversion: on a list to each element, unless it takes lists; nulls are dropped, and an element that
/// fails becomes a flaw without voiding the others.
pub fn apply<'p>(conversion: &Conversion, value: Tree<'p>, at: &Moment, flaws: &mut Vec<ConvertError>) -> Tree<'p> {
    let mut one = |value: Tree<'p>| match conversion.convert(value, at) {
        Ok(converted) => {
            flaws.extend(converted.flaw);
            converted.value
        }
        Err(error) => {
            flaws.push(error);
            Tree::Null
        }
    };
    match value {
        Tree::List(list) if !conversion.takes_list() => {
            Tree::List(list.into_iter().map(one).filter(|value| !value.is_null()).collect())
        }
        value => one(value),
    }
}

/// A conversion of several operands: `geo($.lat, $.lon)`.
pub fn combine<'p>(name: &str, operands: &[Tree<'p>]) -> Result<Tree<'p>, ConvertError> {
    match (name, operands) {
        ("geo", [lat, lon]) => geo::point(lat, lon),
        _ => Err(ConvertError::new("geo", "two operands are needed", &Tree::Null)),
    }
}

/// An instant as ISO 8601 writes it, UTC where no zone is said.
pub fn instant_of(text: &str) -> Option<DateTime<Utc>> {
    date::iso(text.trim(), chrono_tz::UTC)
}

#[cfg(test)]
mod tests;
