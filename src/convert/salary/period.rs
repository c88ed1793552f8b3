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

    /// Whether someone is paid this much for it, from an apprentice's part time to a chief's. In a currency whose
    /// scale is not known, nothing is implausible.
    pub(super) fn plausible(self, amount: f64, scale: Option<f64>) -> bool {
        let (low, high) = match self {
            Period::Hour => (4.0, 500.0),
            Period::Day => (30.0, 5_000.0),
            Period::Week => (100.0, 20_000.0),
            Period::Month => (200.0, 20_000.0),
            Period::Year => (4_000.0, 1_000_000.0),
        };
        match scale {
            None => amount > 0.0,
            Some(1.0) => (low..=high).contains(&amount),
            // Where prices differ, pay differs more than the currency does.
            Some(scale) => (low * scale / 8.0..=high * scale * 2.0).contains(&amount),
        }
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

/// Names of each period, as they stand after `/`, `per`, `par`, `pro`, `por`, `al`, `pe`.
const NAMES: [(Period, &str); 5] = [
    (Period::Hour, r"h|hr|hrs|heures?|hours?|std|stunden?|horas?|ore|ora|uur|godz(?:in[aęy])?|tim(?:me|mar)?|óra"),
    (Period::Day, r"j|jours?|days?|d|tag|tage|d[ií]a|giorno|dag|dzień|den|nap"),
    (Period::Week, r"semaines?|sem|weeks?|wk|woche|semana|settimana|vecka|uge"),
    (
        Period::Month,
        r"mois|months?|m|mo|mth|monat|mes|mese|maand|mies(?:iąc)?|mån(?:ad)?|måned|m[eě]s[ií]c|m[êe]s|hó|lun[aă]",
    ),
    (Period::Year, r"ans?|ann[ée]e|years?|yr|y|annum|jahr|año|anno|ano|jaar|rok|år"),
];

/// Words that name a period wherever they stand. The words of `Autre` and `Cachet` name none.
const WORDS: [(Period, &str); 5] = [
    (
        Period::Hour,
        r"\bhoraires?\b|\bheures?\b|\bhourly\b|\bhours?\b|\bl'he(?:ure?)?\b|\bstunde\b|stündlich|\bstundenlohn|\bstundensatz|\ball'ora\b|\borari[oa]\b|\bpor hora\b|\buurloon\b|#\s*ph\b",
    ),
    (
        Period::Day,
        r"\bjournali[eè]re?s?\b|\bjours?\b|\btjm\b|\bdaily\b|\bday\b|\btäglich\b|\btagessatz\b|\bdiario\b|\bgiornalier[oae]\b|\bdagtarief\b",
    ),
    (
        Period::Week,
        r"\bhebdomadaires?\b|\bsemaines?\b|\bweekly\b|\bweek\b|\bwöchentlich|\bsemanal|\bsettimanal[ei]\b|\bwekelijks\b",
    ),
    (
        Period::Month,
        r"\bmensuel(?:le)?s?\b|\bmois\b|\bmensuellement\b|\bmonthly\b|\bmonth\b|\bmonatlich|\bmonatsgehalt|\bmtl\b|\bmensual|\bmensil[ei]\b|\bmaandelijks\b|\bmiesięcznie\b|\bměsíčně\b|#\s*p\.?\s?m\b|#\s*p/m\b|#\s*pcm\b|\bhavonta\b",
    ),
    (
        Period::Year,
        r"\bannuel(?:le)?s?\b|\bl'an\b|\bl'ann[ée]e\b|\bannuellement\b|\bann[ée]e\b|\byearly\b|\byear\b|\bannual(?:ly|es)?\b|\bp\.\s?a\b|#\s*pa\b|#\s*p\.?j\.|\bbrut an\b|\bb/an\b|jährlich|\bjahresgehalt|\bjahresbrutto|\bannu[oai]\b|\bannuale\b|\bral\b|\bjaarlijks\b|\brocznie\b|\bročně\b|\bkaupia\b",
    ),
];

fn compiled(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("(?i){pattern}")).ok()
}

/// `/h`, `per hour`, `par mois`, `pro Jahr`: what says that an amount is paid for a name.
fn after_slash(names: &str) -> String {
    format!(
        r"(?:/\s?|\b(?:per|par|pro|je|por|al|all'|pe|pr\.?|om|à l'|de l'|à la|a la)\s?|\b(?:an?|en|na|za)\s)(?:l')?(?:{names})\b"
    )
}

static NAMED: LazyLock<Vec<(Period, Regex)>> = LazyLock::new(|| {
    let patterns = NAMES
        .iter()
        .zip(WORDS)
        .map(|((period, names), (_, words))| (*period, format!("{}|{words}", after_slash(names))));
    patterns.filter_map(|(period, pattern)| Some((period, compiled(&pattern)?))).collect()
});

/// The same, at the beginning of a text.
static UNITS: LazyLock<Vec<(Period, Regex)>> = LazyLock::new(|| {
    let patterns = NAMES.iter().map(|(period, names)| (*period, format!(r"^\s*(?:{})", after_slash(names))));
    patterns.filter_map(|(period, pattern)| Some((period, compiled(&pattern)?))).collect()
});

/// What may stand between an amount and the word of a range.
static BESIDE_AMOUNT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let names = NAMES.map(|(_, names)| names).join("|");
    compiled(&format!(r"{}|\b(?:bruts?|nets?|gross|brutto|netto|bruto|lord[oi]|p\.a\.)(?:\s|$)", after_slash(&names)))
});

/// What an amount is paid for by what stands directly after it.
pub(super) fn unit(after: &str) -> Option<Period> {
    UNITS.iter().find(|(_, unit)| unit.is_match(after)).map(|(period, _)| *period)
}

/// A text without periods and words of gross and net.
pub(super) fn without_units(text: &str) -> std::borrow::Cow<'_, str> {
    BESIDE_AMOUNT.as_ref().map_or(text.into(), |pattern| pattern.replace_all(text, " "))
}

/// Weekly hours and payments a year say nothing of what the amount is for: `35h`, `13ème mois`, `sur 13 mois`.
static BESIDE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\d+(?:[.,]\d+)?\s*-?\s*(?:h|hrs?|heures?|hours?|std|stunden|wochenstunden|uur|uren|horas|ore)\b(?:\.|\d{2})?\s*(?:/|par|per|pro|por|a|an|la)?\s*(?:semaine|sem|hebdo\w*|mois|week|woche|semana\w*|settiman\w*)?\b|\d+(?:h)\d{2}|\d+\s*(?:e|è|eme|ème)\s*mois|treizi[eè]me mois|sur\s+\d+\s*mois|x\s*\d+\s*mois|\d+\s*(?:ans?|years?|jahren?|años|anni|jaar)\b|\btitres? \w+|tickets? restaurants?").ok()
});

/// Several periods, or a part of one, are none of ours: `per 4 weeks`, `/ 2 mois`, `every two weeks`, `half day`.
static SEVERAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let units = "weeks?|wks?|semaines?|wochen?|semanas?|settimane|weken|days?|jours?|tagen?|tage|d[ií]as|giorni|dagen|months?|mois|\
        monaten?|monate|meses|mesi|maanden|minutes?|minuten?|minutos|minuti";
    Regex::new(&format!(
        r"(?i)#\s*(?:\w+\s+)?(?:/|per|par|pro|je|por|every|all[ei]|cada|elke)\s*(?:[2-9]|1[0-9]|[2-6]0|two|three|four|deux|trois|quatre|zwei|drei|vier|dos|tres|cuatro|due|tre|quattro|twee|drie)\s*(?:{units})\b|\bbi-?weekly\b|\btwice an?\b|\bsemi-?monthly\b|\b(?:half|demi-?|halben?|media|mezza|halve)[ -]?(?:day|journ[ée]e|tag|jornada|giornata|dag)\b"
    ))
    .ok()
});

/// What the words say of the period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Named {
    /// This one.
    Is(Period),
    /// That it is none of ours: `Autre de`, `Cachet de`.
    None,
    /// Nothing.
    Unsaid,
}

/// The period that the words name; an error when they name several.
pub(super) fn named(text: &str, amounts: &[Amount]) -> Result<Named, &'static str> {
    // The form of France Travail begins with the period, and what follows does not change it.
    match text.split_whitespace().next().unwrap_or_default().to_lowercase().as_str() {
        "horaire" => return Ok(Named::Is(Period::Hour)),
        "mensuel" => return Ok(Named::Is(Period::Month)),
        "annuel" => return Ok(Named::Is(Period::Year)),
        "autre" | "cachet" => return Ok(Named::None),
        _ => {}
    }
    let mut rest = text.to_owned();
    for amount in amounts.iter().rev() {
        rest.replace_range(amount.at.clone(), " # ");
    }
    if SEVERAL.as_ref().is_some_and(|pattern| pattern.is_match(&rest)) {
        return Ok(Named::None);
    }
    let rest = BESIDE.as_ref().map_or(rest.clone(), |pattern| pattern.replace_all(&rest, " ").into_owned());
    let mut found = NAMED.iter().filter(|(_, words)| words.is_match(&rest)).map(|(period, _)| *period);
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err("several periods"),
        (Some(period), None) => Ok(Named::Is(period)),
        (None, _) => Ok(Named::Unsaid),
    }
}

/// A year's pay, where nothing else can be meant: amounts written in thousands (`35 k€`), or above any month's, in a
/// currency in which a month's pay is a few thousand.
pub(super) fn implied(amounts: &[Amount], scale: Option<f64>) -> Option<Period> {
    let yearly = |amount: &Amount| (amount.times == 1_000.0 && amount.value >= 10_000.0) || amount.value > 20_000.0;
    (scale == Some(1.0) && amounts.iter().all(yearly)).then_some(Period::Year)
}
