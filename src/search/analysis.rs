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

/// Names of several spellings, what must stand behind, and what they are in the index. Each is found however its letters
/// are written, where a word begins.
const NAMES: [(&str, &str, &str, &str); 7] = [
    // `ASP.NET` is .NET, `example.net` is not.
    ("dotnet_family", "(?<name>asp|vb|ado|ml)[.．]net", "", "${before}${name} dotnet"),
    ("dotnet", "[.．]net", "", "${before}dotnet"),
    (
        "js",
        "(?<name>node|vue|react|angular|next|nuxt|nest|express|three|ember|backbone|d3)js",
        "",
        "${before}${name} js",
    ),
    ("sql", "(?<name>pl|t)sql", "", "${before}${name} sql"),
    // C is another language: a search for it finds no Objective-C.
    ("objective_c", "objective[-‐‑–]c", AFTER, "${before}objectivec${after}"),
    // Nor does one for R find research and development.
    ("r_and_d", "r&d", AFTER, "${before}rd${after}"),
    // `a` is a little word: what is left of `A/B` would be any `b`.
    ("a_b", "a[/]b", AFTER, "${before}ab a b${after}"),
];

/// The rules, in their order.
pub fn rules() -> &'static [Rule] {
    static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
        let rule = |name, pattern, replacement| Rule { name, pattern, replacement };
        let elided = any_case("l|d|j|m|n|s|t|c|qu|jusqu|lorsqu|puisqu|quoiqu");
        let dotted = r"(?<a>\p{L})[.](?<b>\p{L})(?:[.](?<c>\p{L}))?(?:[.](?<d>\p{L}))?(?:[.](?<e>\p{L}))?[.]?";
        let mut rules = vec![
            // Accents that stand alone behind their letter, soft hyphens, blanks of no width, variants of emoji.
            rule("invisible", r"[\p{Cf}\u0300-\u036f\u20d0-\u20ff\ufe00-\ufe0f]+".into(), ""),
            rule("elision", format!("{BEFORE}(?:{elided})[{APOSTROPHES}](?<next>[{LETTERS}])"), "${before}${next}"),
            rule("apostrophe", format!("[{APOSTROPHES}]+"), ""),
            // `C.D.I.` is `CDI`.
            rule(
                "acronym",
                format!("{BEFORE}{dotted}(?<after>[^{LETTERS}+＋#＃♯.]|$)"),
                "${before}${a}${b}${c}${d}${e} ${after}",
            ),
            rule("sharp", format!("{BEFORE}{LETTER}[#＃♯]+"), "${before}${letter}sharp "),
            rule("plus", format!("{BEFORE}{LETTER}[+＋][+＋]+"), "${before}${letter}plusplus "),
            rule("no_dotnet", format!("[.．]{}(?<next>[{LETTERS}])", any_case("net")), " net${next}"),
        ];
        rules.extend(
            NAMES.map(|(name, names, after, word)| rule(name, format!("{BEFORE}{}{after}", any_case(names)), word)),
        );
        rules.push(rule("separator", format!("[^{LETTERS}]+"), " "));
        // Lucene cuts what is longer than 255; here it is cut before, so that every store cuts alike.
        rules.push(rule("long", "(?<word>[^ ]{120})".into(), "${word} "));
        rules
    });
    &RULES
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

/// A text as words with blanks between them.
pub fn normalised(text: &str) -> String {
    static COMPILED: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        rules().iter().filter_map(|rule| Some((Regex::new(&rule.pattern).ok()?, rule.replacement))).collect()
    });
    let mut text = Cow::Borrowed(text);
    for (pattern, replacement) in COMPILED.iter() {
        if let Cow::Owned(changed) = pattern.replace_all(&text, *replacement) {
            text = Cow::Owned(changed);
        }
    }
    text.into_owned()
}

/// A text without what cannot be seen.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    static INVISIBLE: LazyLock<Option<Regex>> =
        LazyLock::new(|| rules().first().and_then(|rule| Regex::new(&rule.pattern).ok()));
    INVISIBLE.as_ref().map_or(Cow::Borrowed(text), |pattern| pattern.replace_all(text, ""))
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
