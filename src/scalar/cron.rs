//! Schedules: a cron pattern and the zone it is read in.
use std::str::FromStr;

use chrono::{DateTime, TimeZone};

use super::fault::{Carried, Fault, nearest};

/// A cron pattern of five or six fields, as Vixie cron reads it; `mon-fri`, `L`, `#` are understood.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Cron {
    text: String,
    /// The pattern, parsed.
    pub pattern: croner::Cron,
}

const HINT: &str = "five fields: minute, hour, day of month, month, day of week, such as `17 */2 * * mon-fri`";

const FIELDS: [&str; 6] = ["second", "minute", "hour", "day of month", "month", "day of week"];

impl Cron {
    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first time after this one. `None` once the calendar ends: a pattern that never fires is refused.
    pub fn next_after<Z: TimeZone>(&self, at: &DateTime<Z>) -> Option<DateTime<Z>> {
        self.pattern.find_next_occurrence(at, false).ok()
    }
}

impl FromStr for Cron {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        // croner takes a year as seventh field; the language has none.
        if text.split_whitespace().count() > 6 {
            return Err(Fault::new("bad-cron", 0..text.len(), format!("`{text}` has more than six fields")).hint(HINT));
        }
        let pattern = croner::Cron::from_str(text).map_err(|error| {
            let (at, field) = bad_field(text);
            let message = match field {
                Some(field) => format!("`{}` is not a {field} of a cron pattern", &text[at.clone()]),
                None => format!("`{text}` is not a cron pattern: {error}").to_lowercase(),
            };
            Fault::new("bad-cron", at, message).hint(HINT)
        })?;
        let cron = Cron { text: text.to_owned(), pattern };
        if cron.next_after(&DateTime::UNIX_EPOCH).is_none() {
            let fault = Fault::new("bad-cron", 0..text.len(), format!("`{text}` never comes"));
            return Err(fault.hint("no month has this day"));
        }
        Ok(cron)
    }
}

/// croner names no place: the first field that is wrong when all others are `*`.
fn bad_field(text: &str) -> (std::ops::Range<usize>, Option<&'static str>) {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if !(5..=6).contains(&fields.len()) {
        return (0..text.len(), None);
    }
    for (number, field) in fields.iter().enumerate() {
        let mut probe = vec!["*"; fields.len()];
        probe[number] = field;
        if croner::Cron::from_str(&probe.join(" ")).is_err() {
            let start = field.as_ptr() as usize - text.as_ptr() as usize;
            return (start..start + field.len(), Some(FIELDS[number + 6 - fields.len()]));
        }
    }
    (0..text.len(), None)
}

impl TryFrom<String> for Cron {
    type Error = Carried;

    fn try_from(text: String) -> Result<Self, Carried> {
        Ok(text.parse()?)
    }
}

/// A time zone by its IANA name.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Zone(pub chrono_tz::Tz);

impl Default for Zone {
    fn default() -> Self {
        Zone(chrono_tz::UTC)
    }
}

impl FromStr for Zone {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        text.parse().map(Zone).map_err(|_| {
            let fault = Fault::new("bad-zone", 0..text.len(), format!("`{text}` is not a time zone"));
            match nearest(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())) {
                Some(zone) => fault.hint(format!("did you mean `{zone}`?")),
                None => fault.hint("an IANA name such as `Europe/Paris` or `UTC`"),
            }
        })
    }
}

impl TryFrom<String> for Zone {
    type Error = Carried;

    fn try_from(text: String) -> Result<Self, Carried> {
        Ok(text.parse()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bad_field_is_named() {
        assert!("17 */2 * * *".parse::<Cron>().is_ok());
        assert!("5 7,19 * * mon-fri".parse::<Cron>().is_ok());
        assert_eq!("17 25 * * *".parse::<Cron>().unwrap_err().at, 3..5);
        assert_eq!("17 2 * *".parse::<Cron>().unwrap_err().at, 0..8);
        assert!("30 17 */2 * * *".parse::<Cron>().is_ok());
        assert!("0 0 29 2 *".parse::<Cron>().is_ok());
        assert_eq!("0 0 0 1 1 * 2030".parse::<Cron>().unwrap_err().at, 0..16);
        assert!("0 0 31 2 *".parse::<Cron>().unwrap_err().message.contains("never comes"));
        assert!("Europe/Pari".parse::<Zone>().unwrap_err().hint.unwrap().contains("Europe/Paris"));
    }

    #[test]
    fn a_schedule_keeps_its_hour_when_the_clocks_change() {
        let cron: Cron = "30 2 * * *".parse().unwrap();
        let zone = "Europe/Paris".parse::<Zone>().unwrap().0;
        let check = |at: &str, expect: &str| {
            let at: DateTime<chrono::Utc> = at.parse().unwrap();
            assert_eq!(cron.next_after(&at.with_timezone(&zone)).unwrap().to_rfc3339(), expect);
        };
        check("2026-06-01T12:00:00Z", "2026-06-02T02:30:00+02:00");
        check("2026-10-24T12:00:00Z", "2026-10-25T02:30:00+02:00");
        check("2026-10-25T00:30:00Z", "2026-10-26T02:30:00+01:00");
    }
}
