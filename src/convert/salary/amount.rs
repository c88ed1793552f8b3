//! The amounts of a text about pay: which numbers are money, and what a comma means.
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::currency::{self, Mark};
use super::{Lang, period};

/// One amount.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Amount {
    pub value: f64,
    /// What says its currency.
    pub marks: Vec<Mark>,
    /// 1,000 where it is written in thousands.
    pub times: f64,
    /// Its bytes in the text, marks included.
    pub at: Range<usize>,
}

/// What a text holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Numbers that are money.
    pub amounts: Vec<Amount>,
    /// Whether a number besides is as large as pay is.
    pub unread: bool,
}

/// Plain spaces, plain apostrophes, plain hyphens, plain signs.
pub(super) fn plain(text: &str) -> String {
    let sign = |sign: char| match sign {
        '’' | '‘' | 'ʼ' | '´' | '′' | '`' => '\'',
        '–' | '—' | '−' | '‐' | '‑' | '―' => '-',
        '＄' => '$',
        '￥' => '¥',
        '￡' => '£',
        sign if sign.is_whitespace() => ' ',
        sign => sign,
    };
    text.chars().filter(|sign| !matches!(sign, '\u{200b}' | '\u{feff}')).map(sign).collect()
}

static MONTHS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)\s*(?:(?:\b(?:sur|in|en|su|op)|[x×])\s*(\d{1,2}(?:[.,]\d+)?)\s*(?:mois|months?|monate|meses|mesi|maanden)",
        r"|(?:\b(?:sur|in|en|su)|[x×])?\s*\b(1[2-8](?:[.,]\d+)?)\s*(?:pagas|mensilità|mensualités|monatsgehälter))\b",
        // Nothing else is counted so where a text ends: `/ mois x 13`, `pro Monat (14x)`.
        r"|(?i)\s*\(?\s*[x×]\s*(1[2-8])\s*\)?\s*$|(?i)\s*\(\s*(1[2-8])\s*[x×]\s*\)"
    ))
    .ok()
});

/// Cuts `sur 12.0 mois` off and gives its number.
pub(super) fn cut_months(text: &str) -> (String, Option<f64>) {
    let Some(found) = MONTHS.as_ref().and_then(|pattern| pattern.captures(text)) else {
        return (text.to_owned(), None);
    };
    let number = found.iter().skip(1).flatten().next().map_or("", |number| number.as_str());
    let months = number.replace(',', ".").parse().ok();
    let whole = found.get(0).map_or(0..0, |whole| whole.range());
    let mut rest = text.to_owned();
    rest.replace_range(whole, "");
    (rest, months)
}

/// Digits with marks between thousands, lakhs and decimals, and what a Swiss or German text ends them with.
static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // One kind of mark in a number: `45,000 401` are two.
    Regex::new(concat!(
        r"(\d{1,2}(?:,\d{2})+,\d{3}|\d{1,3}(?:(?: \d{3})+|(?:\.\d{3})+|(?:,\d{3})+|(?:'\d{3})+)(?:[.,]\d{1,2})?|\d+(?:[.,]\d+)?)",
        r"(?:[.,]-{1,2})?"
    ))
    .ok()
});

/// What follows a number that is no money.
static OTHER_UNIT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = "heures? hours? hrs? ans? years? mois months? jours? days? semaines? weeks? e eme er ère km x postes? std stunden? \
        wochenstunden tagen? tage jahren? jahre monate wochen? horas? días? dias? años? meses semanas? ore giorni anni mesi settimane \
        uur uren dagen jaar maanden weken st nd rd th h salariés employees points? rtt tickets? titres?";
    let words = words.split_whitespace().collect::<Vec<_>>().join("|");
    Regex::new(&format!(r"(?i)^\s*(?:%|h\d|è|ème|:\d|(?:{words})\b)")).ok()
});

/// Words of gross and net.
static PAID: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^\s*(?:bruts?|brutes?|nets?|b/h|gross|brutt?os?|nett?os?|lord[oi]|nett[oi])\b").ok()
});

/// All amounts; an error when a number cannot be told. A number without a mark is one where what it is paid for stands
/// behind it and someone is paid so much in a currency of this scale.
pub(super) fn amounts(text: &str, lang: Lang, scale: Option<f64>) -> Result<Found, &'static str> {
    let (Some(numbers), Some(other), Some(paid)) = (NUMBER.as_ref(), OTHER_UNIT.as_ref(), PAID.as_ref()) else {
        return Ok(Found::default());
    };
    let (mut found, mut loose, mut end) = (Found::default(), Vec::new(), 0);
    for number in numbers.captures_iter(text) {
        let (Some(digits), Some(whole)) = (number.get(1), number.get(0)) else { continue };
        let before = before(&text[..digits.start()]);
        let after = after(&text[whole.end()..]);
        let rest = &text[whole.end() + after.length..];
        let marked = !before.marks.is_empty() || !after.marks.is_empty();
        let bare = !marked && after.times == 1.0 && !paid.is_match(rest);
        let unit = period::unit(rest);
        if bare && (before.attached || (unit.is_none() && other.is_match(&text[digits.end()..]))) {
            found.unread |= before.attached && looks_like_pay(digits.as_str(), lang);
            continue;
        }
        let value = value(digits.as_str(), lang)? * after.times;
        let marks = before.marks.into_iter().chain(after.marks).collect();
        let at = digits.start() - before.length..whole.end() + after.length;
        if std::mem::replace(&mut end, at.end) > at.start {
            return Err("a currency between two numbers, which may belong to either");
        }
        let amount = Amount { value, marks, times: after.times, at };
        match bare && !unit.is_some_and(|unit| unit.plausible(value, scale)) {
            true => loose.push((amount, looks_like_pay(digits.as_str(), lang))),
            false => found.amounts.push(amount),
        }
    }
    let alone = text.chars().all(|sign| sign.is_ascii_digit() || " .,'-+:".contains(sign));
    found.unread |= loose.iter().any(|(_, large)| *large || alone);
    join_ranges(text, &mut found.amounts, loose.into_iter().map(|(amount, _)| amount));
    Ok(found)
}

/// From a thousand on, and no year of our time.
fn looks_like_pay(digits: &str, lang: Lang) -> bool {
    let year = digits.len() == 4 && (digits.starts_with("19") || digits.starts_with("20"));
    !year && value(digits, lang).is_ok_and(|value| value >= 1_000.0)
}

/// What stands on one side of digits and belongs to them.
struct Side {
    marks: Vec<Mark>,
    times: f64,
    length: usize,
    /// Letters touch the digits and mean nothing to us: `H35`.
    attached: bool,
}

impl Side {
    fn none() -> Self {
        Side { marks: Vec::new(), times: 1.0, length: 0, attached: false }
    }
}

/// The letters at the end of a text, a point after them included.
fn last_word(text: &str) -> &str {
    let end = text.strip_suffix('.').unwrap_or(text);
    let start = end.trim_end_matches(|sign: char| sign.is_alphabetic()).len();
    if start == end.len() { "" } else { &text[start..] }
}

/// The letters at the beginning of a text.
fn first_word(text: &str) -> &str {
    &text[..text.find(|sign: char| !sign.is_alphabetic()).unwrap_or(text.len())]
}

/// What stands before digits: `€`, `A$`, `CAD $`, `CHF`, `kr.`.
fn before(text: &str) -> Side {
    let mut side = Side::none();
    let trimmed = text.trim_end();
    let apart = trimmed.len() < text.len();
    let start = match trimmed.chars().next_back().filter(|sign| currency::is_sign(*sign)) {
        Some(sign) => {
            let rest = &trimmed[..trimmed.len() - sign.len_utf8()];
            let (mark, start) = with_letters(sign, rest);
            side.marks.extend(mark);
            start
        }
        None => {
            let word = last_word(trimmed);
            let inside = trimmed[..trimmed.len() - word.len()].ends_with(|sign: char| sign.is_alphanumeric());
            let dollar = trimmed[..trimmed.len() - word.len()].ends_with('$').then(|| currency::dollar(word)).flatten();
            match dollar.or_else(|| currency::word(word)).filter(|_| !inside) {
                Some(mark) => side.marks.push(mark),
                None => {
                    side.attached = !apart && text.ends_with(|sign: char| sign.is_alphanumeric());
                    return side;
                }
            }
            trimmed.len() - word.len()
        }
    };
    side.length = text.len() - start;
    side
}

/// A sign with the letters before it, and where they begin. `to$` says nothing that we know.
fn with_letters(sign: char, rest: &str) -> (Vec<Mark>, usize) {
    let touching = last_word(rest);
    if !touching.is_empty() {
        let known = if sign == '$' { currency::dollar(touching) } else { currency::word(touching) };
        return match known {
            Some(mark) if sign == '$' => (vec![mark], rest.len() - touching.len()),
            Some(mark) => (vec![mark, currency::sign(sign)], rest.len() - touching.len()),
            None if sign == '$' => (vec![Mark::Unknown], rest.len()),
            None => (vec![currency::sign(sign)], rest.len()),
        };
    }
    let word = last_word(rest.trim_end());
    let start = rest.trim_end().len() - word.len();
    match named_apart(sign, word) {
        Some(mark) => (vec![mark, currency::sign(sign)], start),
        None => (vec![currency::sign(sign)], rest.len()),
    }
}

/// A word with a blank between it and the sign: capitals, and at least two of them.
fn named_apart(sign: char, word: &str) -> Option<Mark> {
    let capitals = word.len() >= 2 && word.chars().all(|sign| sign.is_ascii_uppercase());
    let word = Some(word).filter(|_| capitals)?;
    if sign == '$' { currency::dollar(word) } else { currency::code(word).map(Mark::Is) }
}

/// What stands after digits: `k€`, `K EUR`, `$ CAD`, `zł`, `Mio.`.
fn after(text: &str) -> Side {
    let mut side = Side::none();
    let mut at = text.len() - text.trim_start().len();
    let run = first_word(&text[at..]);
    let sign_next = text[at + run.len()..].starts_with(currency::is_sign);
    let (times, used) = multiplier(run, at == 0, sign_next);
    if used > 0 {
        (side.times, side.length) = (times, at + used);
        at += used;
    }
    at += text[at..].len() - text[at..].trim_start().len();
    let run = first_word(&text[at..]);
    let next = text[at + run.len()..].chars().next().filter(|sign| currency::is_sign(*sign));
    // `from 2025 $90,000`: a mark that touches the next number, and not this one, is the next one's.
    let mark = at + run.len() + next.map_or(0, char::len_utf8);
    if at > side.length && text[mark..].starts_with(|sign: char| sign.is_ascii_digit()) {
        return side;
    }
    match (run, next) {
        ("", Some(sign)) => {
            side.length = at + sign.len_utf8();
            side.marks.push(currency::sign(sign));
            let rest = &text[side.length..];
            let blanks = rest.len() - rest.trim_start().len();
            let word = first_word(rest.trim_start());
            if let Some(mark) = named_apart(sign, word) {
                side.marks.push(mark);
                side.length += blanks + word.len();
            }
        }
        (letters, Some('$')) => {
            if let Some(mark) = currency::dollar(letters) {
                side.marks.push(mark);
                side.length = at + letters.len() + 1;
            }
        }
        // `R` and `fr` are marks before an amount only.
        (word, _) if !matches!(word, "R" | "р") => {
            if let Some(mark) = currency::word(word) {
                side.marks.push(mark);
                side.length = at + word.len();
            }
        }
        _ => {}
    }
    side
}

/// How many times more a word after digits makes of them, and how many of its bytes say so.
fn multiplier(word: &str, touching: bool, sign_next: bool) -> (f64, usize) {
    let lower = word.to_lowercase();
    let rest = word.get(1..).unwrap_or_default();
    match lower.as_str() {
        "k" | "tsd" | "tys" | "thousand" => (1_000.0, word.len()),
        "t" if sign_next => (1_000.0, word.len()),
        "m" if word == "M" && touching => (1_000_000.0, word.len()),
        "mio" | "mln" | "million" | "millions" => (1_000_000.0, word.len()),
        "lakh" | "lakhs" | "lac" | "lacs" => (100_000.0, word.len()),
        // Lakhs per annum: the rest names the year.
        "lpa" => (100_000.0, 1),
        "万" | "万円" => (10_000.0, "万".len()),
        _ if lower.starts_with(['k', 't']) && currency::word(rest).is_some_and(|mark| mark != Mark::Is("ZAR")) => {
            // `kr` is a mark and no thousand.
            if currency::word(word).is_some() { (1.0, 0) } else { (1_000.0, 1) }
        }
        _ => (1.0, 0),
    }
}

/// Between the two numbers of a range.
static BETWEEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^[\s.]*(?:à|a|et|and|to|till|until|-|/|>|~|\.\.|…|jusqu'à|bis(?: zu)?|und|tot|en|hasta|y|fino a|e|do|up to|al?)\s*$").ok()
});

/// Whether only a word of ranges, and what the first of two amounts is paid for, stands between them.
fn is_between(gap: &str) -> bool {
    let gap = period::without_units(gap);
    BETWEEN.as_ref().is_some_and(|pattern| pattern.is_match(&gap))
}

/// A number without a mark is an amount when it makes a range with one that has: `de 300 à 1000 euros`, `35-40k€`.
/// It is in thousands when the other is, and would be out of all proportion otherwise.
fn join_ranges(text: &str, found: &mut Vec<Amount>, loose: impl Iterator<Item = Amount>) {
    for mut number in loose {
        let partner = found.iter().find(|amount| {
            let gap = if number.at.end <= amount.at.start {
                number.at.end..amount.at.start
            } else {
                amount.at.end..number.at.start
            };
            gap.start <= gap.end && is_between(&text[gap])
        });
        let Some(partner) = partner else { continue };
        if partner.times > 1.0 && number.value < 1_000.0 {
            number.value *= partner.times;
            number.times = partner.times;
        }
        number.marks = partner.marks.clone();
        found.push(number);
    }
    found.sort_by_key(|amount| amount.at.start);
    if let [low, high] = found.as_mut_slice()
        && (low.times, low.value < 1_000.0) == (1.0, true)
        && low.value * high.times <= high.value
        && is_between(&text[low.at.end..high.at.start])
    {
        // `$70-80k`
        low.value *= high.times;
        low.times = high.times;
    }
}

/// The value of digits with marks: a blank, an apostrophe, and a point or comma before three digits part thousands.
fn value(digits: &str, lang: Lang) -> Result<f64, &'static str> {
    let digits = digits.replace([' ', '\''], "");
    let (whole, decimals) = match digits.rfind(['.', ',']) {
        Some(at) if digits.len() - at - 1 != 3 => (&digits[..at], &digits[at + 1..]),
        Some(at)
            if digits[at..].starts_with(',') && lang.has_decimal_comma() && digits.matches([',', '.']).count() == 1 =>
        {
            // `1,234` is one thousand in English and one and a bit in French.
            return Err("a comma before three digits");
        }
        _ => (digits.as_str(), ""),
    };
    let whole = whole.replace(['.', ','], "");
    format!("{whole}.{decimals}0").parse().map_err(|_| "a number that cannot be read")
}

/// Words before the lowest and the highest amount, and after the lowest.
static AT_LEAST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:[àa] partir de|minimum|mini|min\.?|dès|from|starting at|au moins|at least|\bab|mindestens|desde|\bda|vanaf|minimaal|\bod)[ :]*$").ok()
});
static AT_MOST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:jusqu'[àa]|maximum|up to|max\.?|bis(?: zu)?|hasta|fino a|\btot|maximaal)[ :]*$").ok()
});
static OR_MORE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^\s*(?:\+|and up\b|et plus\b|ou plus\b|or more\b|o más\b|oder mehr\b|of meer\b)").ok()
});

/// Lowest and highest amount.
pub(super) fn range(text: &str, amounts: &[Amount]) -> Result<(Option<f64>, Option<f64>), &'static str> {
    let matches = |pattern: &LazyLock<Option<Regex>>, text: &str| pattern.as_ref().is_some_and(|it| it.is_match(text));
    match amounts {
        [one] => {
            let (before, after) = (&text[..one.at.start], &text[one.at.end..]);
            if matches(&AT_LEAST, before) || matches(&OR_MORE, after) {
                Ok((Some(one.value), None))
            } else if matches(&AT_MOST, before) {
                Ok((None, Some(one.value)))
            } else {
                Ok((Some(one.value), Some(one.value)))
            }
        }
        [low, high] if low.value <= high.value => {
            if low.value == high.value || is_between(&text[low.at.end..high.at.start]) {
                Ok((Some(low.value), Some(high.value)))
            } else {
                Err("two amounts that are no range")
            }
        }
        [_, _] => Err("the lowest amount is above the highest"),
        _ => Err("more than two amounts"),
    }
}
