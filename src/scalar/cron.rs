//! Schedules: a cron pattern and the zone it is read in.
use std::str::FromStr;

use super::fault::{Carried, Fault, nearest};

/// A cron pattern of five or six fields, as Vixie cron reads it; `mon-fri`, `L`, `#` are understood.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Cron {
    text: String,
    /// The pattern, parsed.
    pub pattern: croner::Cron,
}

const FIELDS: [&str; 6] = ["second", "minute", "hour", "day of month", "month", "day of week"];

impl Cron {
    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Cron {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        croner::Cron::from_str(text).map(|pattern| Cron { text: text.to_owned(), pattern }).map_err(|error| {
            let (at, field) = bad_field(text);
            let message = match field {
                Some(field) => format!("`{}` is not a {field} of a cron pattern", &text[at.clone()]),
                None => format!("`{text}` is not a cron pattern: {error}").to_lowercase(),
            };
            Fault::new("bad-cron", at, message)
                .hint("five fields: minute, hour, day of month, month, day of week, such as `17 */2 * * mon-fri`")
        })
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
        assert!("Europe/Pari".parse::<Zone>().unwrap_err().hint.unwrap().contains("Europe/Paris"));
    }
}
