//! `duration(months)`, `duration(hours)`: a length found in text, or a number of another unit.
use std::sync::LazyLock;

use regex::Regex;

use super::ConvertError;
use super::args::Args;
use crate::scalar::Fault;
use crate::scalar::call::{Arg, Given};
use crate::tree::Tree;

/// `duration(UNIT, from=UNIT)`.
#[derive(Clone, Debug)]
pub struct Duration {
    unit: Unit,
    from: Option<Unit>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Unit {
    Hours,
    Days,
    Weeks,
    Months,
    Years,
}

impl Unit {
    fn named(word: &str) -> Option<Unit> {
        Some(match word {
            "hours" => Unit::Hours,
            "days" => Unit::Days,
            "weeks" => Unit::Weeks,
            "months" => Unit::Months,
            "years" => Unit::Years,
            _ => return None,
        })
    }

    /// Months in one, 30 days and 52/12 weeks each; an hour is no part of a calendar.
    fn months(self) -> Option<f64> {
        Some(match self {
            Unit::Hours => return None,
            Unit::Days => 1.0 / 30.0,
            Unit::Weeks => 12.0 / 52.0,
            Unit::Months => 1.0,
            Unit::Years => 12.0,
        })
    }
}

/// A number and a word of time; `36H45` is 36 hours and 45 minutes.
static LENGTH: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(\d+(?:[.,]\d+)?)\s*(?:(h)(?:eures?|ours?|rs?)?\s*(\d{2})?|(j)ours?|(d)ays?|(s)emaines?|(w)eeks?|(m)ois|(m)onths?|(a)n(?:s|\(s\)|n[ée]es?)?|(y)ears?)(?:\(s\))?(?:\W|$)").ok()
});

impl Duration {
    pub(super) fn parse(args: &Args<'_>) -> Result<Self, Fault> {
        args.at_most(1, &["from"])?;
        let (word, given) = args.text("duration(months)")?;
        let unit = Unit::named(word).filter(|unit| matches!(unit, Unit::Hours | Unit::Months));
        let unit = unit.ok_or_else(|| args.fault(given, format!("`{word}` is neither `months` nor `hours`")))?;
        let from = args.named("from").map(|given| source(args, given)).transpose()?;
        Ok(Duration { unit, from })
    }

    /// Whether it takes numbers, and not text.
    pub(super) fn reads_numbers(&self) -> bool {
        self.from.is_some()
    }

    pub(super) fn convert<'p>(&self, value: Tree<'p>) -> Result<Tree<'p>, ConvertError> {
        if let Some(from) = self.from {
            let Some(number) = value.as_f64() else {
                return Err(ConvertError::new("duration", "a number was expected", &value));
            };
            return Ok(self.between(number, from).map_or(Tree::Null, rounded));
        }
        let Some(text) = value.as_str() else {
            return Err(ConvertError::new("duration", "text was expected", &value));
        };
        let found =
            LENGTH.as_ref().and_then(|pattern| pattern.captures_iter(text).find_map(|found| self.length(&found)));
        Ok(found.map_or(Tree::Null, rounded))
    }

    fn length(&self, found: &regex::Captures<'_>) -> Option<f64> {
        let number: f64 = found[1].replace(',', ".").parse().ok()?;
        let unit = match (2..=11).filter(|group| *group != 3).find_map(|group| found.get(group))?.as_str() {
            "h" | "H" => Unit::Hours,
            "j" | "J" | "d" | "D" => Unit::Days,
            "s" | "S" | "w" | "W" => Unit::Weeks,
            "m" | "M" => Unit::Months,
            _ => Unit::Years,
        };
        let minutes = found.get(3).and_then(|minutes| minutes.as_str().parse::<f64>().ok()).unwrap_or(0.0);
        self.between(number + minutes / 60.0, unit)
    }

    fn between(&self, number: f64, from: Unit) -> Option<f64> {
        if self.unit == Unit::Hours {
            return (from == Unit::Hours).then_some(number);
        }
        Some(number * from.months()?)
    }
}

fn source(args: &Args<'_>, given: &Given) -> Result<Unit, Fault> {
    let word = match &given.arg {
        Arg::Text(word) | Arg::Word(word) => word.as_str(),
        _ => "",
    };
    Unit::named(word).ok_or_else(|| args.fault(given, "one of `hours days weeks months years` was expected"))
}

/// Two decimals, cut: 5 days are 0.16 months.
fn rounded(number: f64) -> Tree<'static> {
    let cut = (number * 100.0 + 1e-6).floor() / 100.0;
    if cut.fract() == 0.0 { Tree::Int(cut as i64) } else { Tree::Float(cut) }
}
