//! What an amount is paid for: the words that say it, and which amounts are plausible.
use std::sync::LazyLock;

use regex::Regex;

use super::amount::Amount;

/// What an amount is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week.
    Week,
    /// A month.
    Month,
    /// A year.
    Year,
}

impl Period {
    /// The word in `salary.period`.
    pub fn word(self) -> &'static str {
        match self {
            Period::Hour => "hour",
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
            Period::Year => "year",
        }
    }

    /// Reads the word in `salary.period`.
    pub fn parse(word: &str) -> Option<Self> {
        [Period::Hour, Period::Day, Period::Week, Period::Month, Period::Year]
            .into_iter()
            .find(|period| period.word() == word)
    }

    /// Whether someone is paid this much for it, from an apprentice's part time to a chief's.
    pub(super) fn plausible(self, amount: f64) -> bool {
        let band = match self {
            Period::Hour => 4.0..=500.0,
            Period::Day => 30.0..=5_000.0,
            Period::Week => 100.0..=20_000.0,
            Period::Month => 200.0..=20_000.0,
            Period::Year => 4_000.0..=1_000_000.0,
        };
        band.contains(&amount)
    }
}

/// An amount for a year of full-time work: 1,820 hours (35 a week, the legal time in France, Code du travail L3121-27),
/// 218 days (forfait jours, L3121-64), 52 weeks, 12 months or as many as are paid.
pub fn yearly(amount: f64, period: Period, months: Option<f64>) -> f64 {
    let times = match period {
        Period::Hour => 1_820.0,
        Period::Day => 218.0,
        Period::Week => 52.0,
        Period::Month => months.unwrap_or(12.0),
        Period::Year => 1.0,
    };
    (amount * times * 100.0).round() / 100.0
}

/// Words of each period. The words of `Autre` and `Cachet` name none.
static WORDS: LazyLock<Vec<(Period, Regex)>> = LazyLock::new(|| {
    let words = [
        (
            Period::Hour,
            r"\bhoraires?\b|\bheures?\b|/\s*h\b|\bhourly\b|\bhours?\b|\ban hour\b|/\s*hr\b|\bl'he(?:ure?)?\b",
        ),
        (Period::Day, r"\bjournali[eè]re?s?\b|\bjours?\b|/\s*j\b|\btjm\b|\bdaily\b|\bday\b"),
        (Period::Week, r"\bhebdomadaires?\b|\bsemaines?\b|\bweekly\b|\bweek\b"),
        (Period::Month, r"\bmensuel(?:le)?s?\b|\bmois\b|\bmensuellement\b|\bmonthly\b|\bmonth\b|/\s*mo\b"),
        (
            Period::Year,
            r"\bannuel(?:le)?s?\b|/\s*an\b|\bpar an\b|\bl'an\b|\bl'ann[ée]e\b|\bannuellement\b|\bann[ée]e\b|\byearly\b|\byear\b|\bannual(?:ly)?\b|\bper annum\b|\bp\.a\.|/\s*yr\b|\bbrut an\b|\bbrut/an\b|\bb/an\b",
        ),
    ];
    words.iter().filter_map(|(period, words)| Some((*period, Regex::new(&format!("(?i){words}")).ok()?))).collect()
});

/// Weekly hours and payments a year say nothing of what the amount is for: `35h`, `13ème mois`, `sur 13 mois`.
static BESIDE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\d+(?:[.,]\d+)?\s*(?:h|heures?|hours?)(?:\d{2})?\s*(?:/|par|per|a)?\s*(?:semaine|sem|hebdo\w*|mois|week)?\b|\d+\s*(?:e|è|eme|ème)\s*mois|treizi[eè]me mois|sur\s+\d+\s*mois|x\s*\d+\s*mois|\d+\s*(?:ans?|years?)\b|\btitres? \w+|tickets? restaurants?").ok()
});

/// The period that the words name; an error when they name several.
pub(super) fn named(text: &str, amounts: &[Amount]) -> Result<Option<Period>, &'static str> {
    // The form of France Travail begins with the period, and what follows does not change it.
    let head = text.split_whitespace().next().unwrap_or_default();
    if let Some(period) = leading(head) {
        return Ok(period);
    }
    let mut rest = text.to_owned();
    for amount in amounts.iter().rev() {
        rest.replace_range(amount.at.clone(), " # ");
    }
    let rest = BESIDE.as_ref().map_or(rest.clone(), |pattern| pattern.replace_all(&rest, " ").into_owned());
    let mut found = WORDS.iter().filter(|(_, words)| words.is_match(&rest)).map(|(period, _)| *period);
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err("several periods"),
        (found, None) => Ok(found),
        (None, Some(_)) => Ok(None),
    }
}

/// The first word of `<Period> de <min> Euros`; `Autre` and `Cachet` say that it is none of these.
fn leading(word: &str) -> Option<Option<Period>> {
    Some(match word {
        "horaire" => Some(Period::Hour),
        "mensuel" => Some(Period::Month),
        "annuel" => Some(Period::Year),
        "autre" | "cachet" => None,
        _ => return None,
    })
}

/// In France an amount in thousands (`35 k€`) is a year's: nothing else is written so.
pub(super) fn implied(amounts: &[Amount]) -> Option<Period> {
    amounts.iter().all(|amount| amount.thousands && amount.value >= 10_000.0).then_some(Period::Year)
}
