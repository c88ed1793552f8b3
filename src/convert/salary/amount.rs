//! The amounts of a text about pay: which numbers are money, and what a comma means.
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::Lang;

/// One amount.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Amount {
    pub value: f64,
    pub currency: Option<&'static str>,
    /// Written in thousands.
    pub thousands: bool,
    /// Its bytes in the text.
    pub at: Range<usize>,
}

/// Small letters, plain spaces, plain apostrophes and hyphens.
pub(super) fn plain(text: &str) -> String {
    text.to_lowercase()
        .replace(['\u{a0}', '\u{202f}', '\n', '\t'], " ")
        .replace(['’', '‘'], "'")
        .replace(['–', '—'], "-")
}

static MONTHS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\s*(?:sur|x)\s+(\d{1,2}(?:[.,]\d+)?)\s*mois").ok());

/// Cuts `sur 12.0 mois` off and gives its number.
pub(super) fn cut_months(text: &str) -> (String, Option<f64>) {
    let Some(found) = MONTHS.as_ref().and_then(|pattern| pattern.captures(text)) else {
        return (text.to_owned(), None);
    };
    let months = found[1].replace(',', ".").parse().ok();
    let whole = found.get(0).map_or(0..0, |whole| whole.range());
    let mut rest = text.to_owned();
    rest.replace_range(whole, "");
    (rest, months)
}

/// A number with its marks: currency before, thousands, `k`, currency after, or a word of pay after it.
static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"([$£€])?\s?(\d{1,3}(?:[ .',]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d+)?)\s?(k€|k\s?euros?|k\$|k£|k\b)?\s*(€|euros?\b|eur\b|\$|usd\b|£|gbp\b|chf\b|cad\b)?(\s*(?:bruts?|nets?|b/h|/h)\b)?",
    )
    .ok()
});

/// What follows a number that is no money.
static OTHER_UNIT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^\s*(?:%|h\d|h\b|heures?\b|hours?\b|ans?\b|years?\b|mois\b|months?\b|jours?\b|days?\b|semaines?\b|weeks?\b|e\b|è|ème|eme|er\b|ère|km\b|:\d|x\b|postes?\b)").ok()
});

/// All amounts; an error when a number cannot be told.
pub(super) fn amounts(text: &str, lang: Lang) -> Result<Vec<Amount>, &'static str> {
    let (Some(numbers), Some(other)) = (NUMBER.as_ref(), OTHER_UNIT.as_ref()) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let mut loose = Vec::new();
    for number in numbers.captures_iter(text) {
        let whole = number.get(0).map_or(0..0, |whole| whole.range());
        let mark = [1, 4].into_iter().find_map(|group| number.get(group)).map(|mark| currency_of(mark.as_str()));
        let kilo = number.get(3);
        let mark = mark.or_else(|| kilo.and_then(|kilo| kilo_currency(kilo.as_str())));
        let paid = number.get(5).is_some();
        let Some(digits) = number.get(2) else { continue };
        if text[..digits.start()].ends_with(|sign: char| sign.is_alphanumeric()) {
            continue;
        }
        let bare = mark.is_none() && kilo.is_none() && !paid;
        if bare && other.is_match(&text[digits.end()..]) {
            continue;
        }
        let value = value(digits.as_str(), lang)? * if kilo.is_some() { 1_000.0 } else { 1.0 };
        let amount = Amount { value, currency: mark, thousands: kilo.is_some(), at: whole };
        if bare { loose.push(amount) } else { found.push(amount) }
    }
    join_ranges(text, &mut found, loose);
    Ok(found)
}

fn currency_of(mark: &str) -> &'static str {
    match mark {
        "$" | "usd" => "USD",
        "£" | "gbp" => "GBP",
        "chf" => "CHF",
        "cad" => "CAD",
        _ => "EUR",
    }
}

fn kilo_currency(mark: &str) -> Option<&'static str> {
    match mark {
        "k" => None,
        "k$" => Some("USD"),
        "k£" => Some("GBP"),
        _ => Some("EUR"),
    }
}

/// Between the two numbers of a range.
static BETWEEN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\s*(?:à|a|et|and|to|-|/|>|jusqu'à)\s*$").ok());

/// A number without a mark is an amount when it makes a range with one that has: `de 300 à 1000 euros`, `35-40k€`.
/// It is in thousands when the other is, and would be out of all proportion otherwise.
fn join_ranges(text: &str, found: &mut Vec<Amount>, loose: Vec<Amount>) {
    let Some(between) = BETWEEN.as_ref() else { return };
    for mut number in loose {
        let partner = found.iter().find(|amount| {
            let gap = if number.at.end <= amount.at.start {
                number.at.end..amount.at.start
            } else {
                amount.at.end..number.at.start
            };
            gap.start <= gap.end && between.is_match(&text[gap])
        });
        let Some(partner) = partner else { continue };
        if partner.thousands && number.value < 1_000.0 {
            number.value *= 1_000.0;
            number.thousands = true;
        }
        number.currency = partner.currency;
        found.push(number);
    }
    found.sort_by_key(|amount| amount.at.start);
}

/// The value of digits with marks: a blank, an apostrophe, and a point or comma before three digits part thousands.
fn value(digits: &str, lang: Lang) -> Result<f64, &'static str> {
    let digits = digits.replace([' ', '\''], "");
    let (whole, decimals) = match digits.rfind(['.', ',']) {
        Some(at) if digits.len() - at - 1 != 3 => (&digits[..at], &digits[at + 1..]),
        Some(at) if digits[at..].starts_with(',') && lang == Lang::French && digits.matches(',').count() == 1 => {
            // `1,234` is one thousand in English and one and a bit in French.
            return Err("a comma before three digits");
        }
        _ => (digits.as_str(), ""),
    };
    let whole = whole.replace(['.', ','], "");
    format!("{whole}.{decimals}0").parse().map_err(|_| "a number that cannot be read")
}

/// Lowest and highest amount.
pub(super) fn range(text: &str, amounts: &[Amount]) -> Result<(Option<f64>, Option<f64>), &'static str> {
    match amounts {
        [one] => {
            let before = text[..one.at.start].trim_end();
            let at_least =
                ["à partir de", "a partir de", "minimum", "mini", "dès", "from", "starting at", "au moins", "from:"];
            let at_most = ["jusqu'à", "jusqu'a", "maximum", "up to", "max"];
            if at_least.iter().any(|word| before.ends_with(word)) || text[one.at.end..].trim_start().starts_with('+') {
                Ok((Some(one.value), None))
            } else if at_most.iter().any(|word| before.ends_with(word)) {
                Ok((None, Some(one.value)))
            } else {
                Ok((Some(one.value), Some(one.value)))
            }
        }
        [low, high] if low.value <= high.value => {
            let between = BETWEEN.as_ref().is_some_and(|pattern| pattern.is_match(&text[low.at.end..high.at.start]));
            if between || low.value == high.value {
                Ok((Some(low.value), Some(high.value)))
            } else {
                Err("two amounts that are no range")
            }
        }
        [_, _] => Err("the lowest amount is above the highest"),
        _ => Err("more than two amounts"),
    }
}

/// The currency: the one that is written, or the euro in French.
pub(super) fn currency(amounts: &[Amount], lang: Lang) -> Result<Option<&'static str>, &'static str> {
    let mut written: Vec<&'static str> = amounts.iter().filter_map(|amount| amount.currency).collect();
    written.dedup();
    match written[..] {
        [] if lang == Lang::French => Ok(Some("EUR")),
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err("several currencies"),
    }
}
