//! How texts become words, in one place: the embedded store runs these rules, Elasticsearch is given the same ones.
//!
//! Each rule is a regular expression that Rust and Java read alike: groups by name, no look-around, no flags.
use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// A text is changed by this before it is split at blanks.
pub struct Rule {
    /// Its name among the filters of an index.
    pub name: &'static str,
    /// What is sought.
    pub pattern: String,
    /// What is put in its place; groups as `${name}`.
    pub replacement: &'static str,
}

/// Words that every text has, after accents and case are gone.
pub const LITTLE: [&str; 23] = [
    "le", "la", "les", "un", "une", "des", "du", "de", "et", "en", "au", "aux", "a", "ou", "par", "pour", "sur",
    "dans", "avec", "vous", "nous", "est", "sont",
];

/// A feminine form whose masculine one differs by more than the stemmer takes: `ingénieure`, `infirmière`, `conseillère`.
pub const FEMININE: (&str, &str) = (r"^(?<word>[a-z]{2,}(?:(?:i|ll|[aonr]g|ch)er|eur))es?$", "${word}");

/// Words that are not stemmed: those with anything but these letters.
pub const UNSTEMMED: &str = ".*[^a-z].*";

/// What is read as an apostrophe, whatever the keyboard or the word processor made of it.
const APOSTROPHES: &str = "'’‘‛ʼʻʹ´`′＇";

/// What words consist of.
const LETTERS: &str = r"\p{L}\p{N}\p{M}";

/// What stands before a word; a rule that seeks one does not eat what stands behind it, or the next would not be found.
const BEFORE: &str = r"(?<before>^|[^\p{L}\p{N}\p{M}])";

/// A single letter, also in full width.
const LETTER: &str = "(?<letter>[A-Za-zＡ-Ｚａ-ｚ])";

/// What stands behind a name that could go on.
const AFTER: &str = r"(?<after>[^\p{L}\p{N}\p{M}+＋#＃♯]|$)";

/// What stands between two words.
const BLANK: &str = r"[ \u00a0\u202f]";

/// A name of several spellings: what it is called, how it is written, what must stand behind, and what it is in the index.
/// It is found however its letters are written, where a word begins.
type Name = (&'static str, &'static str, &'static str, &'static str);

/// Those that may be written with blanks: what is searched for is one word by them, before it is split at blanks.
const APART: [Name; 6] = [
    // C is another language: a search for it finds no Objective-C.
    ("objective_c", r"objective[-‐‑– \u00a0]*c", AFTER, "${before}objectivec${after}"),
    ("c_sharp", r"c[-‐‑– \u00a0]+sharp", AFTER, "${before}csharp${after}"),
    ("dot_net", r"dot[-‐‑– \u00a0]+net", AFTER, "${before}dotnet${after}"),
    // Nor does a search for R find research and development.
    ("r_and_d", r"r[ \u00a0]*&[ \u00a0]*d", AFTER, "${before}rd${after}"),
    // `a` is a little word: what is left of `A/B` would be any `b`.
    ("a_b", r"a[ \u00a0]*[/][ \u00a0]*b", AFTER, "${before}ab a b${after}"),
    ("h_f", r"f[ \u00a0]*[/][ \u00a0]*h", AFTER, "${before}h/f${after}"),
];

/// The others.
const TOGETHER: [Name; 4] = [
    // `ASP.NET` is .NET, `example.net` is not.
    ("dotnet_family", "(?<name>asp|vb|ado|ml)[.．]net", "", "${before}${name} dotnet "),
    ("dotnet", "[.．]net", "", "${before}dotnet "),
    ("js", JS, "", "${before}${name} js"),
    ("sql", "(?<name>pl|t)sql", "", "${before}${name} sql"),
];

/// What is written `Node.js` and `NodeJS`.
const JS: &str = "(?<name>node|vue|react|angular|next|nuxt|nest|express|three|ember|backbone|d3)js";

fn rule(name: &'static str, pattern: impl Into<String>, replacement: &'static str) -> Rule {
    Rule { name, pattern: pattern.into(), replacement }
}

fn of_name((name, written, after, word): Name) -> Rule {
    rule(name, format!("{BEFORE}{}{after}", any_case(written)), word)
}

/// What is left out before a noun.
fn elided() -> String {
    any_case("(?:l|d|j|m|n|s|t|c|qu|jusqu|lorsqu|puisqu|quoiqu)")
}

/// The rules that a search is read by too, before it is split at blanks.
fn of_searches() -> Vec<Rule> {
    let elided = elided();
    let mut rules = vec![
        // Accents that stand alone behind their letter, soft hyphens, blanks of no width, variants of emoji.
        rule("invisible", r"[\p{Cf}\u0300-\u036f\u20d0-\u20ff\ufe00-\ufe0f]+", ""),
        // `d' affaires`; what stands between two apostrophes is none.
        rule(
            "elision_apart",
            format!("(?<before>^|[^{LETTERS}{APOSTROPHES}]){elided}[{APOSTROPHES}]{BLANK}+(?<next>[{LETTERS}])"),
            "${before}${next}",
        ),
    ];
    rules.extend(APART.map(of_name));
    rules
}

fn of_words() -> Vec<Rule> {
    let dotted = r"(?<a>\p{L})[.](?<b>\p{L})(?:[.](?<c>\p{L}))?(?:[.](?<d>\p{L}))?(?:[.](?<e>\p{L}))?[.]?";
    let acronym = format!("(?<before>^|[^{LETTERS}.]){dotted}(?<after>[^{LETTERS}+＋#＃♯.]|$)");
    let elision = format!("{BEFORE}{}[{APOSTROPHES}](?<next>[{LETTERS}])", elided());
    let mut rules = vec![
        rule("elision", elision, "${before}${next}"),
        rule("apostrophe", format!("[{APOSTROPHES}]+"), ""),
        // `C.D.I.` is `CDI`. What stands behind one cannot stand before the next as well: that is found the second time.
        rule("acronym", acronym.clone(), ACRONYM),
        rule("acronym_beside", acronym, ACRONYM),
        rule("sharp", format!("{BEFORE}{LETTER}[#＃♯]+"), "${before}${letter}sharp "),
        rule("plus", format!("{BEFORE}{LETTER}[+＋][+＋]+"), "${before}${letter}plusplus "),
        rule("no_dotnet", format!(r"[.．]{}(?<next>[\p{{L}}\p{{M}}])", any_case("net")), " net${next}"),
    ];
    rules.extend(TOGETHER.map(of_name));
    rules.push(rule("separator", format!("[^{LETTERS}]+"), " "));
    // Lucene cuts what is longer than 255; here it is cut before, so that every store cuts alike.
    rules.push(rule("long", "(?<word>[^ ]{120})", "${word} "));
    rules
}

const ACRONYM: &str = "${before}${a}${b}${c}${d}${e} ${after}";

/// The rules, in their order.
pub fn rules() -> impl Iterator<Item = Rule> {
    of_searches().into_iter().chain(of_words())
}

/// A pattern that finds small letters in each of their forms; names of groups, and classes, stay.
fn any_case(pattern: &str) -> String {
    let (mut out, mut within) = (String::new(), ' ');
    for sign in pattern.chars() {
        match sign {
            '<' | '[' => within = sign,
            '>' | ']' => within = ' ',
            _ => {}
        }
        let wide = |sign: char| char::from_u32(u32::from(sign) + 0xfee0).unwrap_or(sign);
        if within == ' ' && sign.is_ascii_lowercase() {
            let upper = sign.to_ascii_uppercase();
            out.extend(['[', sign, upper, wide(sign), wide(upper), ']']);
        } else {
            out.push(sign);
        }
    }
    out
}

/// A rule that is ready to be applied.
type Compiled = (Regex, &'static str);

fn compiled(rules: Vec<Rule>) -> Vec<Compiled> {
    rules.into_iter().filter_map(|rule| Some((Regex::new(&rule.pattern).ok()?, rule.replacement))).collect()
}

fn applied(rules: &[Compiled], text: &str) -> String {
    let mut text = Cow::Borrowed(text);
    for (pattern, replacement) in rules {
        if let Cow::Owned(changed) = pattern.replace_all(&text, *replacement) {
            text = Cow::Owned(changed);
        }
    }
    text.into_owned()
}

/// What is searched for, to be split at blanks.
pub(super) fn searched(text: &str) -> String {
    static RULES: LazyLock<Vec<Compiled>> = LazyLock::new(|| compiled(of_searches()));
    applied(&RULES, text)
}

/// A text as words with blanks between them.
pub fn normalised(text: &str) -> String {
    static RULES: LazyLock<Vec<Compiled>> = LazyLock::new(|| compiled(rules().collect()));
    applied(&RULES, text)
}

/// The masculine form of a word without accents, where it is a feminine one that [`FEMININE`] knows.
pub fn masculine(word: &str) -> Cow<'_, str> {
    static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(FEMININE.0).ok());
    PATTERN.as_ref().map_or(Cow::Borrowed(word), |pattern| pattern.replace(word, FEMININE.1))
}

/// Whether sign belongs to a word of a search: `C++`, `CI/CD`, `l'analyste` are one, `java,python` are two.
pub(super) fn joins(sign: char) -> bool {
    sign.is_alphanumeric() || "#＃♯+＋.．-‐‑–/&_@".contains(sign) || APOSTROPHES.contains(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_a_regular_expression_with_a_name_of_its_own() {
        let names: std::collections::HashSet<&str> = rules().map(|rule| rule.name).collect();
        assert_eq!((names.len(), compiled(rules().collect()).len()), (rules().count(), rules().count()));
    }

    #[test]
    fn a_text_is_words_with_blanks_between_them() {
        for (text, words) in [
            ("C/C++, C#.NET", "C Cplusplus Csharp dotnet "),
            (".NET8, .network, a.net", "dotnet 8 network a net"),
            ("l’embarqué 'C' d' affaires", "embarqué C affaires"),
            ("C.D.I./C.D.D. S.A.S. R.H.", "CDI CDD SAS RH "),
            ("Ｒ & Ｄ R&D2", "rd R D2"),
            ("salarié.e.s, B.E", "salarié e s BE "),
        ] {
            assert_eq!(normalised(text), words);
        }
    }
}
