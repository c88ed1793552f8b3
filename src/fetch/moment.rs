//! When a site wants to be asked again: its numbers and dates, read as what they can stand for. No other place counts
//! with them.
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::convert::instant_of;
use crate::exchange::Page;
use crate::scalar::Clock;

/// What a site says of the time until the next request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wish {
    /// Nothing, or that it is over already.
    None,
    /// It wants to be left alone until then.
    Until(DateTime<Utc>),
    /// Something that is no time that can be meant.
    Unclear(String),
}

/// A site means no number of seconds above this, and no instant further away than it.
const YEAR: f64 = 366.0 * 86_400.0;

/// Most characters that are told of a value that is no time.
const SHOWN: usize = 40;

/// `Retry-After`, RFC 9110 section 10.2.3: seconds or a date. Some sites write the instant instead of the seconds.
pub(super) fn retry_after(page: &Page, now: DateTime<Utc>) -> Wish {
    let Some(said) = page.header("retry-after").map(str::trim).filter(|said| !said.is_empty()) else {
        return Wish::None;
    };
    match instant(said, Clock::Seconds, now) {
        Some(until) => Wish::Until(until),
        None => Wish::Unclear(format!("its Retry-After `{}` is no time", crate::printable::excerpt(said, SHOWN))),
    }
}

/// The instant that a number or a date of a site stands for; `None` where it can mean none. Seconds count from `now`.
/// A number that is too large to be seconds is an instant where it lies near `now`, in seconds or milliseconds since
/// 1970.
pub(super) fn instant(said: &str, clock: Clock, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let said = said.trim();
    let Ok(number) = said.parse::<f64>() else {
        return instant_of(said).or_else(|| Some(httpdate::parse_http_date(said).ok()?.into()));
    };
    match clock {
        Clock::Seconds if (0.0..=YEAR).contains(&number) => after(now, number),
        Clock::Seconds | Clock::Instant => [number, number / 1000.0].into_iter().find_map(|seconds| {
            let left = seconds - now.timestamp_millis() as f64 / 1000.0;
            if left.abs() <= YEAR { after(now, left) } else { None }
        }),
    }
}

/// So many seconds after an instant, at most a year.
fn after(now: DateTime<Utc>, seconds: f64) -> Option<DateTime<Utc>> {
    let seconds = seconds.clamp(-YEAR, YEAR);
    now.checked_add_signed(TimeDelta::try_milliseconds((seconds * 1000.0) as i64)?)
}

/// How long it is until then; nothing once it is over.
pub(super) fn left(until: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (until - now).to_std().unwrap_or_default()
}

/// A length of time for people: `40 seconds`, `25 minutes`, `3.5 hours`, `12 days`.
pub(super) fn length(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (number, unit) = match seconds {
        _ if seconds < 120.0 => (seconds, "seconds"),
        _ if seconds < 7_200.0 => (seconds / 60.0, "minutes"),
        _ if seconds < 172_800.0 => (seconds / 3_600.0, "hours"),
        _ => (seconds / 86_400.0, "days"),
    };
    let rounded = if number < 10.0 { (number * 10.0).round() / 10.0 } else { number.round() };
    format!("{rounded} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-27T10:00:00Z".parse().unwrap()
    }

    /// What stands in a header, and the seconds until then.
    fn check(said: &str, clock: Clock, expect: Option<f64>) {
        let found = instant(said, clock, now()).map(|at| (at - now()).num_milliseconds() as f64 / 1000.0);
        assert_eq!(found, expect, "{said}");
    }

    #[test]
    fn numbers_are_read_as_what_they_can_be() {
        let epoch = now().timestamp();
        let seconds = |said: &str, expect| check(said, Clock::Seconds, expect);
        seconds("120", Some(120.0));
        seconds(" 0.5 ", Some(0.5));
        seconds("0", Some(0.0));
        seconds("86400", Some(86_400.0));
        seconds("3456000", Some(3_456_000.0));
        seconds(&(epoch + 3).to_string(), Some(3.0));
        seconds(&(epoch - 60).to_string(), Some(-60.0));
        seconds(&((epoch + 3) * 1000).to_string(), Some(3.0));
        seconds(&format!("{}.25", epoch + 3), Some(3.25));
        for no_time in ["-1", "soon", "", "2;comment", "10000000000000", "8000000000000000", "9223372036854775808"] {
            seconds(no_time, None);
        }
        for no_time in ["18446744073709551615", "1e300", "inf", "-inf", "NaN", "946684800", "99999999"] {
            seconds(no_time, None);
        }
        let instant = |said: &str, expect| check(said, Clock::Instant, expect);
        instant(&(epoch + 30).to_string(), Some(30.0));
        instant(&(epoch * 1000 + 2000).to_string(), Some(2.0));
        instant(&(epoch - 5).to_string(), Some(-5.0));
        for no_time in ["0", "1.5", "30", "9223372036854775807", "-9223372036854775808", "never"] {
            instant(no_time, None);
        }
    }

    #[test]
    fn dates_are_read_whatever_the_number_would_be() {
        for clock in [Clock::Seconds, Clock::Instant] {
            check("2026-11-27T10:00:30Z", clock, Some(30.0));
            check("Fri, 27 Nov 2026 10:01:00 GMT", clock, Some(60.0));
            check("Wed, 21 Oct 2015 07:28:00 GMT", clock, Some(-350_361_120.0));
        }
    }

    #[test]
    fn lengths_are_told_for_people() {
        let check = |seconds, expect: &str| assert_eq!(length(Duration::from_secs(seconds)), expect);
        check(40, "40 seconds");
        check(1_500, "25 minutes");
        check(12_600, "3.5 hours");
        check(86_390, "24 hours");
        check(1_036_800, "12 days");
    }
}
