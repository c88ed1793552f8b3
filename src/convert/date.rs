//! `date`, `utc`, `epoch`, `format`, `plus`, `minus`: instants in, instants out, as UTC text.
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::args::Args;
use super::names::Names;
use super::relative::{self, Relative};
use super::{ConvertError, Moment};
use crate::offer::{instant, is_of_an_offer};
use crate::scalar::call::{Arg, Given};
use crate::scalar::{Fault, Span, Zone};
use crate::tree::Tree;

/// `date(FORMAT…, tz=ZONE, lang=LANG)`.
#[derive(Clone, Debug)]
pub struct Date {
    formats: Vec<Format>,
    zone: Tz,
    names: Option<Names>,
}

#[derive(Clone, Debug)]
enum Format {
    Iso,
    Rfc2822,
    Epoch,
    EpochMs,
    Relative,
    Pattern(String),
}

impl Date {
    pub(super) fn parse(args: &Args<'_>) -> Result<Self, Fault> {
        args.at_most(8, &["tz", "lang"])?;
        let mut formats = Vec::new();
        for given in args.plain() {
            let (Arg::Text(text) | Arg::Word(text)) = &given.arg else {
                return Err(args.fault(given, "a date format was expected").hint(FORMATS));
            };
            formats.push(match text.as_str() {
                "iso" => Format::Iso,
                "rfc2822" => Format::Rfc2822,
                "epoch" => Format::Epoch,
                "epoch_ms" => Format::EpochMs,
                "relative" => Format::Relative,
                pattern if valid_pattern(pattern) && !reads_itself(pattern) => {
                    return Err(args.fault(given, format!("`{pattern}` does not say an instant whole")).hint(PARTS));
                }
                pattern if valid_pattern(pattern) => Format::Pattern(pattern.to_owned()),
                other => return Err(args.fault(given, format!("`{other}` is not a date format")).hint(FORMATS)),
            });
        }
        if formats.is_empty() {
            formats = vec![Format::Iso, Format::Rfc2822];
        }
        let zone = match args.named("tz") {
            None => Tz::UTC,
            Some(given) => match &given.arg {
                Arg::Text(text) | Arg::Word(text) => {
                    text.parse::<Zone>().map_err(|fault| Fault { at: given.at.clone(), ..fault })?.0
                }
                _ => return Err(args.fault(given, "a time zone was expected").hint(r#"`tz="Europe/Paris"`"#)),
            },
        };
        let names = args.named("lang").map(|given| names(args, given)).transpose()?;
        Ok(Date { formats, zone, names })
    }

    /// Whether a number can be one of its instants.
    pub(super) fn reads_numbers(&self) -> bool {
        self.formats.iter().any(|format| matches!(format, Format::Epoch | Format::EpochMs))
    }

    /// The first format that reads an instant that an offer can have; failing that, the first instant of any.
    pub(super) fn convert<'p>(&self, value: Tree<'p>, at: &Moment) -> Result<Tree<'p>, ConvertError> {
        let mut beyond = None;
        for format in &self.formats {
            match self.read(format, &value, at.fetched) {
                Read::Instant(found) if is_of_an_offer(found) => return Ok(written(found, value)),
                // Another unit or format may say what is meant; the field that it is for refuses the rest.
                Read::Instant(found) => beyond = beyond.or(Some(found)),
                Read::Unknown => return Ok(Tree::Null),
                Read::No => {}
            }
        }
        let found = beyond.ok_or_else(|| ConvertError::new("date", "no date was recognised", &value))?;
        Ok(written(found, value))
    }

    fn read(&self, format: &Format, value: &Tree<'_>, fetched: DateTime<Utc>) -> Read {
        match (format, value, &self.names) {
            (Format::Pattern(pattern), Tree::Text(text), Some(names)) => {
                by_pattern(&names.in_english(text.trim(), pattern), pattern, self.zone).into()
            }
            _ => format.read(value, self.zone, fetched),
        }
    }
}

fn written(found: DateTime<Utc>, value: Tree<'_>) -> Tree<'_> {
    // A leap second, which no store takes, is the second behind it.
    let found = DateTime::from_timestamp_millis(found.timestamp_millis()).unwrap_or(found);
    let text = instant(found);
    if value.as_str() == Some(&text) { value } else { Tree::from(text) }
}

fn names(args: &Args<'_>, given: &Given) -> Result<Names, Fault> {
    let word = match &given.arg {
        Arg::Text(word) | Arg::Word(word) => word.as_str(),
        _ => "",
    };
    let names = Names::of(word);
    names.ok_or_else(|| {
        args.fault(given, "a language was expected").hint("`lang` is one of `en`, `fr`, `de`, `es`, `it`, `nl`")
    })
}

const FORMATS: &str =
    "a format is `iso`, `rfc2822`, `epoch`, `epoch_ms`, `relative` or a pattern such as `\"%d/%m/%Y\"`";

fn valid_pattern(pattern: &str) -> bool {
    use chrono::format::{Item, StrftimeItems};
    pattern.contains('%') && StrftimeItems::new(pattern).all(|item| !matches!(item, Item::Error))
}

const PARTS: &str = "day, month and year; a time has hours and minutes, twelve hours `%p`, and a zone stands beside a time: \
    `%z` reads `+0200`, names of zones are not read (write `tz=\"Europe/Paris\"`)";

/// Whether an instant that is written by a pattern is read back as it was: `%I:%M` without `%p`, `%H` alone and the
/// name of a zone would be passed over in silence, and a pattern without a year reads nothing.
fn reads_itself(pattern: &str) -> bool {
    let (Some(zone), Some(other)) = (FixedOffset::east_opt(2 * 3_600), FixedOffset::east_opt(3 * 3_600)) else {
        return false;
    };
    let at = |zone: FixedOffset| zone.with_ymd_and_hms(2024, 11, 20, 13, 45, 27).single();
    let (Some(sample), Some(elsewhere)) = (at(zone), at(other)) else { return false };
    let text = sample.format(pattern).to_string();
    let says_zone = text != elsewhere.format(pattern).to_string();
    let found = match says_zone {
        true => DateTime::parse_from_str(text.trim(), pattern).ok().map(|found| found.with_timezone(&zone)),
        false => by_pattern(text.trim(), pattern, Tz::UTC)
            .and_then(|found| zone.from_local_datetime(&found.naive_utc()).single()),
    };
    found.is_some_and(|found| found.format(pattern).to_string() == text)
}

enum Read {
    Instant(DateTime<Utc>),
    /// Recognised, and says no day.
    Unknown,
    No,
}

impl From<Option<DateTime<Utc>>> for Read {
    fn from(found: Option<DateTime<Utc>>) -> Self {
        found.map_or(Read::No, Read::Instant)
    }
}

impl Format {
    fn read(&self, value: &Tree<'_>, zone: Tz, fetched: DateTime<Utc>) -> Read {
        match (self, value) {
            (Format::Epoch, _) => number(value).and_then(|seconds| at_millis(seconds * 1_000.0)).into(),
            (Format::EpochMs, _) => number(value).and_then(at_millis).into(),
            (Format::Iso, Tree::Text(text)) => iso(text.trim(), zone).into(),
            (Format::Rfc2822, Tree::Text(text)) => {
                DateTime::parse_from_rfc2822(text.trim()).ok().map(|found| found.to_utc()).into()
            }
            (Format::Relative, Tree::Text(text)) => match relative::read(text, fetched) {
                Relative::Day(day) => Read::Instant(day),
                Relative::NoDay => Read::Unknown,
                Relative::Unread => Read::No,
            },
            (Format::Pattern(pattern), Tree::Text(text)) => by_pattern(text.trim(), pattern, zone).into(),
            _ => Read::No,
        }
    }
}

fn number(value: &Tree<'_>) -> Option<f64> {
    match value {
        Tree::Int(_) | Tree::Float(_) | Tree::Number(_) => value.as_f64(),
        Tree::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// An instant between 1970 and 9999; beyond that it is the wrong unit.
fn at_millis(millis: f64) -> Option<DateTime<Utc>> {
    (0.0..253_402_300_800_000.0).contains(&millis).then(|| DateTime::from_timestamp_millis(millis as i64)).flatten()
}

fn local(naive: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    // A time that the clock shows twice is the earlier; one that it skips is read an hour later.
    let found = zone.from_local_datetime(&naive).earliest();
    found.or_else(|| zone.from_local_datetime(&(naive + TimeDelta::hours(1))).earliest()).map(|found| found.to_utc())
}

/// ISO 8601 as sites write it: `T` or a blank, 0 to 9 decimals, `Z`, `±hh:mm`, `±hhmm`, ` UTC`, or no zone.
pub(crate) fn iso(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    let date = NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()?;
    let rest = &text[10..];
    if rest.is_empty() {
        return local(date.and_time(NaiveTime::MIN), zone);
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let end = rest.find(|sign: char| !(sign.is_ascii_digit() || matches!(sign, ':' | '.' | ','))).unwrap_or(rest.len());
    let clock = rest[..end].replace(',', ".");
    let time = ["%H:%M:%S%.f", "%H:%M"].iter().find_map(|format| NaiveTime::parse_from_str(&clock, format).ok())?;
    let naive = date.and_time(time);
    match rest[end..].trim() {
        "" => local(naive, zone),
        "Z" | "z" | "UTC" | "GMT" => Some(naive.and_utc()),
        offset => {
            let offset: FixedOffset = offset.parse().ok()?;
            Some(offset.from_local_datetime(&naive).single()?.to_utc())
        }
    }
}

fn by_pattern(text: &str, pattern: &str, zone: Tz) -> Option<DateTime<Utc>> {
    if let Ok(found) = DateTime::parse_from_str(text, pattern) {
        return Some(found.to_utc());
    }
    let naive = NaiveDateTime::parse_from_str(text, pattern)
        .ok()
        .or_else(|| NaiveDate::parse_from_str(text, pattern).ok().map(|date| date.and_time(NaiveTime::MIN)))?;
    local(naive, zone)
}

/// `utc`, `epoch`, `format("…")` of an instant.
#[derive(Clone, Debug)]
pub enum Instant {
    /// `yyyy-MM-ddTHH:mm:ssZ`.
    Utc,
    /// Whole seconds since 1970.
    Epoch,
    /// By a pattern, UTC.
    Format(String),
}

impl Instant {
    pub(super) fn parse(args: &Args<'_>) -> Result<Self, Fault> {
        if args.name() != "format" {
            args.none()?;
            return Ok(if args.name() == "utc" { Instant::Utc } else { Instant::Epoch });
        }
        args.at_most(1, &[])?;
        let (pattern, given) = args.text(r#"format("%d/%m/%Y")"#)?;
        if !valid_pattern(pattern) {
            return Err(args.fault(given, format!("`{pattern}` is not a date pattern")));
        }
        Ok(Instant::Format(pattern.to_owned()))
    }

    pub(super) fn convert<'p>(&self, value: Tree<'p>) -> Result<Tree<'p>, ConvertError> {
        let at = read_instant(&value)?;
        Ok(match self {
            Instant::Utc => Tree::from(at.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
            Instant::Epoch => Tree::Int(at.timestamp()),
            Instant::Format(pattern) => Tree::from(at.format(pattern).to_string()),
        })
    }
}

fn read_instant(value: &Tree<'_>) -> Result<DateTime<Utc>, ConvertError> {
    value
        .as_str()
        .and_then(|text| iso(text.trim(), Tz::UTC))
        .ok_or_else(|| ConvertError::new("instant", "an instant was expected", value))
}

/// `plus("2d")`, `minus("2d")`.
#[derive(Clone, Debug)]
pub struct Shift {
    by: TimeDelta,
}

impl Shift {
    pub(super) fn parse(args: &Args<'_>) -> Result<Self, Fault> {
        args.at_most(1, &[])?;
        let (text, given) = args.text(r#"minus("2d")"#)?;
        let span: Span = text.parse().map_err(|fault| Fault { at: given.at.clone(), ..fault })?;
        Ok(Shift { by: if args.name() == "minus" { -span.delta() } else { span.delta() } })
    }

    pub(super) fn convert<'p>(&self, value: Tree<'p>) -> Result<Tree<'p>, ConvertError> {
        let at = read_instant(&value)?;
        let moved = at.checked_add_signed(self.by);
        moved.map(|at| Tree::from(instant(at))).ok_or_else(|| ConvertError::new("instant", "out of range", &value))
    }
}
