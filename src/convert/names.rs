//! Names of months and days in six languages, so that a pattern of English names reads them.

/// The names of one language.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    months: [&'static str; 12],
    days: [&'static str; 7],
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

const FRENCH: Names = Names {
    months: [
        "janvier janv jan",
        "février fevrier févr fevr fév fev",
        "mars mar",
        "avril avr",
        "mai",
        "juin",
        "juillet juil",
        "août aout aoû",
        "septembre sept sep",
        "octobre oct",
        "novembre nov",
        "décembre decembre déc dec",
    ],
    days: ["lundi lun", "mardi mar", "mercredi mer", "jeudi jeu", "vendredi ven", "samedi sam", "dimanche dim"],
};
const GERMAN: Names = Names {
    months: [
        "januar jänner jan",
        "februar feber feb",
        "märz maerz mär mrz",
        "april apr",
        "mai",
        "juni jun",
        "juli jul",
        "august aug",
        "september sept sep",
        "oktober okt",
        "november nov",
        "dezember dez",
    ],
    days: [
        "montag mo",
        "dienstag di",
        "mittwoch mi",
        "donnerstag do",
        "freitag fr",
        "samstag sonnabend sa",
        "sonntag so",
    ],
};
const SPANISH: Names = Names {
    months: [
        "enero ene",
        "febrero feb",
        "marzo mar",
        "abril abr",
        "mayo may",
        "junio jun",
        "julio jul",
        "agosto ago",
        "septiembre setiembre sept sep",
        "octubre oct",
        "noviembre nov",
        "diciembre dic",
    ],
    days: [
        "lunes lun",
        "martes mar",
        "miércoles miercoles mié mie",
        "jueves jue",
        "viernes vie",
        "sábado sabado sáb sab",
        "domingo dom",
    ],
};
const ITALIAN: Names = Names {
    months: [
        "gennaio gen",
        "febbraio feb",
        "marzo mar",
        "aprile apr",
        "maggio mag",
        "giugno giu",
        "luglio lug",
        "agosto ago",
        "settembre set sett",
        "ottobre ott",
        "novembre nov",
        "dicembre dic",
    ],
    days: ["lunedì lun", "martedì mar", "mercoledì mer", "giovedì gio", "venerdì ven", "sabato sab", "domenica dom"],
};
const DUTCH: Names = Names {
    months: [
        "januari jan",
        "februari feb",
        "maart mrt",
        "april apr",
        "mei",
        "juni jun",
        "juli jul",
        "augustus aug",
        "september sept sep",
        "oktober okt",
        "november nov",
        "december dec",
    ],
    days: ["maandag ma", "dinsdag di", "woensdag wo", "donderdag do", "vrijdag vr", "zaterdag za", "zondag zo"],
};
const ENGLISH: Names = Names {
    months: [
        "january jan",
        "february feb",
        "march mar",
        "april apr",
        "may",
        "june jun",
        "july jul",
        "august aug",
        "september sept sep",
        "october oct",
        "november nov",
        "december dec",
    ],
    days: [
        "monday mon",
        "tuesday tue tues",
        "wednesday wed",
        "thursday thu thur thurs",
        "friday fri",
        "saturday sat",
        "sunday sun",
    ],
};

impl Names {
    /// Those of a language.
    pub(super) fn of(lang: &str) -> Option<Self> {
        Some(match lang {
            "en" => ENGLISH,
            "fr" => FRENCH,
            "de" => GERMAN,
            "es" => SPANISH,
            "it" => ITALIAN,
            "nl" => DUTCH,
            _ => return None,
        })
    }

    /// A text with its names as the pattern reads them: whole, or three letters; `1er` is `1`.
    pub(super) fn in_english(&self, text: &str, pattern: &str) -> String {
        let mut days = pattern.contains("%a") || pattern.contains("%A");
        let months = ["%b", "%B", "%h"].iter().any(|month| pattern.contains(month));
        let mut found = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|sign: char| !sign.is_alphabetic()).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let day = named(word, &self.days, &DAYS).filter(|_| days);
            let month = named(word, &self.months, &MONTHS).filter(|_| months);
            rest = after;
            match day.or(month) {
                // `mar.` is a day where a day is due, and a month after it.
                Some(name) => {
                    days &= day.is_none();
                    let short = if day.is_some() { pattern.contains("%a") } else { !pattern.contains("%B") };
                    found += if short { &name[..3] } else { name };
                    // The point of an abbreviation, unless the pattern has it.
                    rest = after
                        .strip_prefix('.')
                        .filter(|_| !pattern.contains("b.") && !pattern.contains("a."))
                        .unwrap_or(after);
                }
                None if word == "er" && found.ends_with('1') => {}
                None => found += word,
            }
            let next = rest.find(char::is_alphabetic).unwrap_or(rest.len());
            found += &rest[..next];
            rest = &rest[next..];
        }
        found
    }
}

/// The English name of a word that is the nth of some names.
fn named(word: &str, names: &[&str], english: &[&'static str]) -> Option<&'static str> {
    let word = word.to_lowercase();
    let index = names.iter().position(|names| names.split(' ').any(|name| name == word))?;
    english.get(index).copied()
}
