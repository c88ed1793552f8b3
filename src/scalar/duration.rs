//! Durations, rates, quotas and shares as a user writes them: `2d`, `10/s`, `250/d`, `20%`.
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Datelike, Days, Months, NaiveTime, TimeDelta, Utc};

use super::fault::{Carried, Fault};

/// A duration: `60s 1m 2h 30d 1w`; `m` is minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Span {
    seconds: u64,
}

impl Span {
    /// A span of this many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Span { seconds }
    }

    /// For clocks that wait.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// For instants.
    pub fn delta(self) -> TimeDelta {
        TimeDelta::seconds(i64::try_from(self.seconds).unwrap_or(i64::MAX / 1_000))
    }
}

const UNITS: [(&str, u64); 5] = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400), ("w", 604_800)];

impl FromStr for Span {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let digits = text.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(text.len());
        let unit = UNITS.iter().find(|(unit, _)| *unit == &text[digits..]);
        let number = text[..digits].parse::<u64>().ok().filter(|number| *number < 1_000_000);
        match (number, unit) {
            (Some(number), Some((_, seconds))) => Ok(Span { seconds: number * seconds }),
            (None, _) => {
                Err(Fault::new("bad-duration", 0..text.len(), format!("`{text}` is not a duration")).hint(HINT))
            }
            (Some(_), None) => {
                let unit = text[digits..].trim_start();
                let message = match unit {
                    "" => format!("`{text}` has no unit"),
                    unit => format!("`{unit}` is not a unit of time"),
                };
                Err(Fault::new("bad-duration", text.len() - unit.len()..text.len(), message).hint(HINT))
            }
        }
    }
}

const HINT: &str = "a duration is a whole number and a unit `s m h d w`, such as `60s`, `5m`, `2d`; `m` is minutes";

impl TryFrom<String> for Span {
    type Error = Carried;

    fn try_from(text: String) -> Result<Self, Carried> {
        Ok(text.parse()?)
    }
}

/// A rate: so many in a period, `10/s 2/m 24/h 250/d 50/30s 2500/month`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In which time.
    pub period: Period,
}

/// The time a rate is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// A time that slides, in seconds.
    Seconds(u64),
    /// The hour by the clock, UTC.
    Hour,
    /// The day by the clock, UTC.
    Day,
    /// The week, from Monday, UTC.
    Week,
    /// The month, from the first, UTC.
    Month,
}

impl Period {
    /// Its length in seconds, for a rate; a month is 30 days.
    pub fn seconds(self) -> u64 {
        match self {
            Period::Seconds(seconds) => seconds,
            Period::Hour => 3_600,
            Period::Day => 86_400,
            Period::Week => 604_800,
            Period::Month => 30 * 86_400,
        }
    }

    /// As the state writes it down.
    pub fn column(self) -> String {
        match self {
            Period::Seconds(seconds) => format!("Seconds({seconds})"),
            Period::Hour => "Hour".into(),
            Period::Day => "Day".into(),
            Period::Week => "Week".into(),
            Period::Month => "Month".into(),
        }
    }

    /// When a quota spent now is whole again: the next full hour, midnight, Monday or first of the month, UTC.
    pub fn reset(self, now: DateTime<Utc>) -> DateTime<Utc> {
        let today = now.date_naive();
        let next = match self {
            Period::Seconds(seconds) => return now + TimeDelta::seconds(seconds as i64),
            Period::Hour => {
                let past = now.timestamp().rem_euclid(3_600);
                return DateTime::from_timestamp(now.timestamp() - past + 3_600, 0).unwrap_or(now);
            }
            Period::Day => today.checked_add_days(Days::new(1)),
            Period::Week => today.checked_add_days(Days::new(7 - u64::from(today.weekday().num_days_from_monday()))),
            Period::Month => today.with_day(1).and_then(|first| first.checked_add_months(Months::new(1))),
        };
        next.unwrap_or(today).and_time(NaiveTime::MIN).and_utc()
    }
}

impl Rate {
    /// Time between two requests when they are spread evenly.
    pub fn interval(&self) -> Duration {
        Duration::from_secs_f64(self.period.seconds() as f64 / f64::from(self.count))
    }
}

impl FromStr for Rate {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let fault = |at: std::ops::Range<usize>, message: String| {
            Fault::new("bad-rate", at, message)
                .hint("a rate is `10/s`, `25/m`, `24/h`, `250/d`, `1000/w`, `2500/month` or `50/30s`")
        };
        let Some((count, period)) = text.split_once('/') else {
            return Err(fault(0..text.len(), format!("`{text}` is not a rate")));
        };
        let count = count.trim().parse().ok().filter(|count| *count > 0);
        let count = count.ok_or_else(|| {
            fault(0..text.find('/').unwrap_or(0), format!("`{text}` has no whole number above 0 before `/`"))
        })?;
        let period = match period.trim() {
            "s" => Period::Seconds(1),
            "m" => Period::Seconds(60),
            "h" => Period::Hour,
            "d" => Period::Day,
            "w" => Period::Week,
            "month" => Period::Month,
            other => match other.parse::<Span>() {
                Ok(span) if span.seconds > 0 => Period::Seconds(span.seconds),
                _ => return Err(fault(text.len() - other.len()..text.len(), format!("`{other}` is not a period"))),
            },
        };
        Ok(Rate { count, period })
    }
}

impl TryFrom<String> for Rate {
    type Error = Carried;

    fn try_from(text: String) -> Result<Self, Carried> {
        Ok(text.parse()?)
    }
}

/// A share: `20%`, from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Share(f64);

impl Share {
    /// As a fraction of one.
    pub fn fraction(self) -> f64 {
        self.0
    }
}

impl FromStr for Share {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let number = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        number.filter(|number| (0.0..=100.0).contains(number)).map(|number| Share(number / 100.0)).ok_or_else(|| {
            Fault::new("bad-share", 0..text.len(), format!("`{text}` is not a share"))
                .hint("a share is a percentage from `0%` to `100%`")
        })
    }
}

impl TryFrom<String> for Share {
    type Error = Carried;

    fn try_from(text: String) -> Result<Self, Carried> {
        Ok(text.parse()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_written_down_as_every_version_does() {
        for (rate, stored) in
            [("1/30s", "Seconds(30)"), ("1/h", "Hour"), ("1/d", "Day"), ("1/w", "Week"), ("1/month", "Month")]
        {
            assert_eq!(rate.parse::<Rate>().unwrap().period.column(), stored);
        }
    }

    #[test]
    fn spans_rates_and_shares_parse() {
        assert_eq!("2d".parse::<Span>().unwrap().duration().as_secs(), 172_800);
        assert_eq!("50/30s".parse::<Rate>().unwrap().interval(), Duration::from_millis(600));
        assert_eq!("20%".parse::<Share>().unwrap().fraction(), 0.2);
        assert_eq!("2 days".parse::<Span>().unwrap_err().at, 2..6);
        assert_eq!("10/fortnight".parse::<Rate>().unwrap_err().at, 3..12);
        assert_eq!("0/s".parse::<Rate>().unwrap_err().at, 0..1);
        assert_eq!("120%".parse::<Share>().unwrap_err().code, "bad-share");
    }

    #[test]
    fn quotas_reset_by_the_clock() {
        let now: DateTime<Utc> = "2026-12-31T13:30:00Z".parse().unwrap();
        let check = |period: Period, expect: &str| assert_eq!(period.reset(now).to_rfc3339(), expect);
        check(Period::Hour, "2026-12-31T14:00:00+00:00");
        check(Period::Day, "2027-01-01T00:00:00+00:00");
        check(Period::Week, "2027-01-04T00:00:00+00:00");
        check(Period::Month, "2027-01-01T00:00:00+00:00");
    }
}
