//! `date`, `utc`, `epoch`, `format`, `plus`, `minus`: instants in, instants out, as UTC text.
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::args::Args;
use super::{ConvertError, Moment};
use crate::offer::instant;
use crate::scalar::call::Arg;
use crate::scalar::{Fault, Span, Zone};
use crate::tree::Tree;

/// `date(FORMAT…, tz=ZONE)`.
#[derive(Clone, Debug)]
pub struct Date {
    formats: Vec<Format>,
    zone: Tz,
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
        args.at_most(8, &["tz"])?;
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
        Ok(Date { formats, zone })
    }

    pub(super) fn convert<'p>(&self, value: Tree<'p>, at: &Moment) -> Result<Tree<'p>, ConvertError> {
        for format in &self.formats {
            match format.read(&value, self.zone, at.fetched) {
                Read::Instant(found) => {
                    let text = instant(found);
                    return Ok(if value.as_str() == Some(&text) { value } else { Tree::from(text) });
                }
                Read::Unknown => return Ok(Tree::Null),
                Read::No => {}
            }
        }
        Err(ConvertError::new("date", "no date was recognised", &value))
    }
}

const FORMATS: &str =
    "a format is `iso`, `rfc2822`, `epoch`, `epoch_ms`, `relative` or a pattern such as `\"%d/%m/%Y\"`";

fn valid_pattern(pattern: &str) -> bool {
    use chrono::format::{Item, StrftimeItems};
    pattern.contains('%') && StrftimeItems::new(pattern).all(|item| !matches!(item, Item::Error))
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
            (Format::Relative, Tree::Text(text)) => relative(&text.to_lowercase(), fetched),
            (Format::Pattern(pattern), Tree::Text(text)) => by_pattern(text.trim(), pattern, zone).into(),
            _ => Read::No,
        }
    }
}

fn number(value: &Tree<'_>) -> Option<f64> {
    match value {
        Tree::Int(number) => Some(*number as f64),
        Tree::Float(number) => Some(*number),
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

/// English, to the day: `Posted 3 Days Ago`, `yesterday`, `2 weeks ago`; `30+ days ago` says no day.
fn relative(text: &str, fetched: DateTime<Utc>) -> Read {
    let day = |days: i64| {
        Read::from((fetched - TimeDelta::days(days)).date_naive().and_hms_opt(0, 0, 0).map(|at| at.and_utc()))
    };
    if text.contains("today") || text.contains("just now") || text.contains("hour") || text.contains("minute") {
        return day(0);
    }
    if text.contains("yesterday") {
        return day(1);
    }
    let digits = text.find(|sign: char| sign.is_ascii_digit());
    let Some(start) = digits else { return Read::No };
    let end = text[start..].find(|sign: char| !sign.is_ascii_digit()).map_or(text.len(), |end| start + end);
    if text[end..].starts_with('+') {
        return Read::Unknown;
    }
    let (Ok(number), rest) = (text[start..end].parse::<i64>(), &text[end..]) else { return Read::No };
    match () {
        () if number > 10_000 => Read::No,
        () if rest.contains("day") => day(number),
        () if rest.contains("week") => day(7 * number),
        () if rest.contains("month") => day(30 * number),
        () => Read::No,
    }
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
