//! Dates that count from the time of fetching, to the day, in six languages: `3 days ago`, `il y a 3 jours`, `heute`.
use chrono::{DateTime, TimeDelta, Utc};

/// What a text says.
#[derive(Debug, PartialEq)]
pub(super) enum Relative {
    /// The beginning of a day, UTC.
    Day(DateTime<Utc>),
    /// Recognised, and says no day: `30+ days ago`, `recently`.
    NoDay,
    /// Something else.
    Unread,
}

const TODAY: &str = "today|just posted|just now|posted now|aujourd'hui|à l'instant|heute|gerade eben|soeben|hoy|ahora mismo|recién publicad\
    |oggi|proprio ora|appena pubblicat|vandaag|zojuist|zonet|net geplaatst";
const YESTERDAY: &str = "yesterday|hier|gestern|ayer|ieri|gisteren";
const BEFORE_YESTERDAY: &str =
    "day before yesterday|avant-hier|vorgestern|anteayer|antes de ayer|antier|l'altro ieri|l'altroieri|eergisteren";
/// Words that say that no day is meant.
const NO_DAY: &str = "recently|récemment|kürzlich|neulich|vor kurzem|recientemente|recentemente|di recente|onlangs\
    |more than|over|plus de|mehr als|über|más de|più di|oltre|meer dan|less than|moins de|moins d'|weniger als|menos de|meno di|minder dan";
/// Words that say that a time is still to come and how much of it is left: no date that we could tell.
const LEFT: &str = "left|remaining|restants|restant|verbleibend|noch|quedan|rimanenti|nog";
/// Before a number: so much later.
const LATER: &str = "in|dans|en|tra|fra|dentro";
const ONE: &str = "a|an|one|un|une|ein|eine|einem|einer|einen|una|uno|een|één";

/// Names of the units, with how many hours one has; a month is 30 days, a year 365.
const UNITS: [(i64, &str); 6] = [
    (
        0,
        "s|sec|secs|second|seconds|secondes|seconde|sekunde|sekunden|segundo|segundos|secondo|secondi|seconden|min|mins|minute|minutes|minuten|minuto|minutos|minuti|minuut",
    ),
    (1, "h|hr|hrs|hour|hours|heure|heures|std|stunde|stunden|hora|horas|ora|ore|uur|uren"),
    (24, "d|day|days|j|jour|jours|tag|tage|tagen|día|días|dia|dias|giorno|giorni|gg|dag|dagen"),
    (7 * 24, "w|wk|wks|week|weeks|semaine|semaines|sem|woche|wochen|semana|semanas|settimana|settimane|weken"),
    (30 * 24, "mo|mos|month|months|mois|monat|monate|monaten|mes|meses|mese|mesi|maand|maanden"),
    (365 * 24, "y|yr|yrs|year|years|an|ans|année|années|jahr|jahre|jahren|año|años|anno|anni|jaar|jaren"),
];

fn is_one_of(word: &str, words: &str) -> bool {
    words.split('|').any(|known| known == word)
}

/// Whether a phrase stands in a text with no letter before it, nor after its whole words.
fn says(text: &str, phrases: &str) -> bool {
    phrases.split('|').any(|phrase| {
        text.match_indices(phrase).any(|(at, _)| {
            let after = text[at + phrase.len()..].chars().next();
            // `recién publicado`, `d'une`: the ending of the last word is open.
            let open = phrase.ends_with(['\'', 't', 'd']) && phrase.contains([' ', '\'']);
            !text[..at].ends_with(char::is_alphanumeric) && (open || !after.is_some_and(char::is_alphanumeric))
        })
    })
}

/// A word or a number of a text.
#[derive(Debug)]
struct Token<'t> {
    text: &'t str,
    /// A `+` beside it.
    plus: bool,
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(char::is_alphanumeric).map(|start| at + start) {
        let digits = text[start..].starts_with(|sign: char| sign.is_ascii_digit());
        let inside = |sign: char| match digits {
            // `1.5` is one number, and none that is read.
            true => sign.is_ascii_digit() || matches!(sign, '.' | ','),
            // `½` and `２` are no letters: each is taken in all the same, or nothing would ever get past it.
            false => (sign.is_alphanumeric() || sign == '\'') && !sign.is_ascii_digit(),
        };
        let end = text[start..].find(|sign| !inside(sign)).map_or(text.len(), |end| start + end);
        let end = start + text[start..end].trim_end_matches(['.', ',']).len();
        let plus = text[..start].ends_with('+') || text[end..].starts_with('+');
        found.push(Token { text: &text[start..end], plus });
        at = end;
    }
    found
}

/// Reads a text, counted from an instant.
pub(super) fn read(text: &str, fetched: DateTime<Utc>) -> Relative {
    let text = text.trim().to_lowercase().replace('’', "'").replace(['\u{a0}', '\u{202f}'], " ");
    let day = |hours: i64| {
        let at = TimeDelta::try_hours(hours).and_then(|by| fetched.checked_sub_signed(by));
        let start = at.and_then(|at| at.date_naive().and_hms_opt(0, 0, 0));
        start.map_or(Relative::Unread, |start| Relative::Day(start.and_utc()))
    };
    if says(&text, BEFORE_YESTERDAY) {
        return day(48);
    }
    if says(&text, YESTERDAY) {
        return day(24);
    }
    if says(&text, TODAY) {
        return day(0);
    }
    let apart = text.replace("d'un", " un").replace("un'", "un ");
    let span = match span(&tokens(&apart)) {
        Some(span) => span,
        None if says(&text, NO_DAY) => return Relative::NoDay,
        None => return Relative::Unread,
    };
    match () {
        () if says(&text, LEFT) => Relative::Unread,
        () if span.open || (span.days && says(&text, NO_DAY)) => Relative::NoDay,
        () if span.later => day(-span.hours),
        () => day(span.hours),
    }
}

/// How long ago something was, or how far ahead it is.
struct Span {
    hours: i64,
    /// Named in days or longer.
    days: bool,
    later: bool,
    open: bool,
}

/// Between two parts of one span: `1 week and 2 days`.
const AND: &str = "and|et|und|y|e|en";

/// All numbers of a text that stand before a unit, added; nothing where they are apart, and so not of one span.
fn span(tokens: &[Token<'_>]) -> Option<Span> {
    let mut span: Option<Span> = None;
    let mut ends: Option<usize> = None;
    for (index, pair) in tokens.windows(2).enumerate() {
        let [count, name] = pair else { continue };
        let unit = UNITS.iter().find(|(_, words)| is_one_of(name.text, words));
        let number = match count.text.parse::<i64>() {
            Ok(number) => Some(number),
            Err(_) => is_one_of(count.text, ONE).then_some(1),
        };
        let (Some((hours, _)), Some(number)) = (unit, number.filter(|number| *number <= 10_000)) else { continue };
        let before = index.checked_sub(1).and_then(|before| tokens.get(before));
        let gap =
            |end: usize| tokens.get(end..index).is_some_and(|gap| gap.iter().all(|word| is_one_of(word.text, AND)));
        if ends.is_some_and(|end| !gap(end)) {
            return None;
        }
        ends = Some(index + 2);
        let found = span.get_or_insert(Span { hours: 0, days: false, later: false, open: false });
        found.hours += number * hours;
        found.days |= *hours >= 24;
        found.later |= before.is_some_and(|before| is_one_of(before.text, LATER));
        found.open |= count.plus;
    }
    span
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fetched on a Tuesday at ten: `text => day`, `no day` or `unread`.
    const TEXTS: &str = "
Just posted => 2026-11-24
just now => 2026-11-24
Posted Today => 2026-11-24
5 minutes ago => 2026-11-24
1 hour ago => 2026-11-24
an hour ago => 2026-11-24
12 hours ago => 2026-11-23
yesterday => 2026-11-23
a week ago => 2026-11-17
2 weeks ago => 2026-11-10
Posted 3 Days Ago => 2026-11-21
3d ago => 2026-11-21
Reposted 1 week and 2 days ago => 2026-11-15
2 months ago => 2026-09-25
a year ago => 2025-11-24
30+ days ago => no day
Posted 30+ Days Ago => no day
more than 30 days ago => no day
recently => no day
in 3 days => 2026-11-27
3 days left => unread
½ day ago => unread
3½ days ago => unread
２ days ago => unread
² => unread
① => unread
2024年11月20日 => unread
il y a 3 jours => 2026-11-21
Il y a 3 jours => 2026-11-21
Il y a une heure => 2026-11-24
Publié il y a 2 h => 2026-11-24
il y a un mois => 2026-10-25
il y a 2 semaines => 2026-11-10
aujourd’hui => 2026-11-24
Publiée aujourd'hui => 2026-11-24
hier => 2026-11-23
Publié hier à 18:30 => 2026-11-23
avant-hier => 2026-11-22
il y a plus de 30 jours => no day
il y a moins d'une semaine => no day
il y a moins d'une heure => 2026-11-24
il y a +30 jours => no day
dans 3 jours => 2026-11-27
à l'instant => 2026-11-24
heute => 2026-11-24
gestern => 2026-11-23
vorgestern => 2026-11-22
vor 3 Tagen => 2026-11-21
vor einem Tag => 2026-11-23
vor 2 Wochen => 2026-11-10
vor einer Stunde => 2026-11-24
vor mehr als 30 Tagen => no day
hoy => 2026-11-24
ayer => 2026-11-23
hace 2 días => 2026-11-22
hace una semana => 2026-11-17
hace más de 30 días => no day
oggi => 2026-11-24
ieri => 2026-11-23
3 giorni fa => 2026-11-21
un mese fa => 2026-10-25
più di 30 giorni fa => no day
vandaag => 2026-11-24
gisteren => 2026-11-23
eergisteren => 2026-11-22
3 dagen geleden => 2026-11-21
een week geleden => 2026-11-17
meer dan 30 dagen geleden => no day
1 year, 2 months ago => 2025-09-25
5m ago => unread
1.5 years ago => unread
1,5 Jahre => unread
posted 1 day ago, reposted 3 days ago => unread
soon => unread
2024-01-05 => unread
99999999999999999999 days ago => unread
 => unread
";

    #[test]
    fn relative_dates_are_read_in_six_languages() {
        let fetched: DateTime<Utc> = "2026-11-24T10:00:00Z".parse().unwrap();
        for line in TEXTS.lines().filter(|line| line.contains("=>")) {
            let (text, expect) = line.split_once("=>").unwrap();
            let found = match read(text, fetched) {
                Relative::Day(day) => day.format("%Y-%m-%d").to_string(),
                Relative::NoDay => "no day".to_owned(),
                Relative::Unread => "unread".to_owned(),
            };
            assert_eq!(found, expect.trim(), "{text}");
        }
    }
}
