//! What each conversion does, with an example that a test runs: the reference page and `explain` show it.

/// A conversion as the reference shows it.
#[derive(Clone, Copy, Debug)]
pub struct Doc {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// A value, as JSON.
    pub input: &'static str,
    /// The call.
    pub call: &'static str,
    /// What comes of it, as JSON.
    pub output: &'static str,
}

const fn doc(
    name: &'static str,
    meaning: &'static str,
    input: &'static str,
    call: &'static str,
    output: &'static str,
) -> Doc {
    Doc { name, meaning, input, call, output }
}

/// All of them, in the order of the reference.
pub const DOCS: [Doc; 34] = [
    doc(
        "date",
        "An instant in any of the formats given: `iso rfc2822` by default, `epoch epoch_ms relative`, or strftime text; `tz` where the text has no zone, `lang` where months and days have names in `en fr de es it nl`. `relative` reads these languages (`3 days ago`, `il y a 3 jours`, `heute`), from the time of fetching, to the day, UTC; `30+ days ago` says no day and is null. A pattern has to read its whole text: one that would pass over a part of it (`%I` without `%p`, the name of a zone) is refused. The first format counts that reads an instant from 1990 to 2099; a date field takes no other.",
        r#""2026-07-28""#,
        r#"date(iso, tz="Europe/Paris")"#,
        r#""2026-07-27T22:00:00Z""#,
    ),
    doc(
        "utc",
        "An instant as `yyyy-MM-ddTHH:mm:ssZ`.",
        r#""2026-07-28T14:23:05+02:00""#,
        "utc",
        r#""2026-07-28T12:23:05Z""#,
    ),
    doc("epoch", "An instant as whole seconds since 1970.", r#""2024-10-23T00:00:00Z""#, "epoch", "1729641600"),
    doc(
        "format",
        "An instant as strftime text.",
        r#""2024-10-23T00:00:00Z""#,
        r#"format("%d/%m/%Y")"#,
        r#""23/10/2024""#,
    ),
    doc(
        "plus",
        "An instant so much later.",
        r#""2024-10-23T00:00:00Z""#,
        r#"plus("2d") | utc"#,
        r#""2024-10-25T00:00:00Z""#,
    ),
    doc(
        "minus",
        "An instant so much earlier.",
        r#""2024-10-23T00:00:00Z""#,
        r#"minus("2h") | utc"#,
        r#""2024-10-22T22:00:00Z""#,
    ),
    doc(
        "number",
        "A number, also out of text with blanks, apostrophes, points or commas in it. Three digits after a single point or comma are thousands or decimals (`1,200`): a flaw, unless `number(\".\")` or `number(\",\")` says which mark stands before decimals, or the digits show it (`0.125`, `1234.567`, `1,200.50`).",
        r#""1 200,50""#,
        "number",
        "1200.5",
    ),
    doc("integer", "A whole number, read as by `number`.", r#""1.200.000""#, "integer", "1200000"),
    doc("boolean", "0, 1, `true`, `false`.", "1", "boolean", "true"),
    doc("text", "A number or a boolean as text.", "478", "text", r#""478""#),
    doc("trim", "Text without blanks at its ends.", r#""  a ""#, "trim", r#""a""#),
    doc("lower", "Small letters.", r#""Été""#, "lower", r#""été""#),
    doc("upper", "Capitals.", r#""fr""#, "upper", r#""FR""#),
    doc("title", "Each word with a capital.", r#""BOURG EN BRESSE""#, "title", r#""Bourg En Bresse""#),
    doc(
        "html",
        "HTML as text: entities resolved, blocks as lines.",
        r#""<p>R&amp;D</p><p>Lyon</p>""#,
        "html",
        r#""R&D\n\nLyon""#,
    ),
    doc("unescape", "Entities resolved once.", r#""R&amp;D""#, "unescape", r#""R&D""#),
    doc(
        "regex",
        "Group 1 of a pattern, else its match; null without one.",
        r#""01 - BOURG""#,
        r#"regex("^([0-9]+) - ")"#,
        r#""01""#,
    ),
    doc("matches", "Whether a pattern matches.", r#""Data engineer""#, r#"matches("(?i)data")"#, "true"),
    doc("replace", "Each match of a pattern replaced.", r#""a-b-c""#, r#"replace("-", " ")"#, r#""a b c""#),
    doc(
        "split",
        "A list of the trimmed parts of a text, without empty ones.",
        r#""a, b,,c""#,
        r#"split(",")"#,
        r#"["a","b","c"]"#,
    ),
    doc("join", "The elements of a list as one text.", r#"["a","b"]"#, r#"join(" · ")"#, r#""a · b""#),
    doc("first", "The first element of a list.", r#"["a","b"]"#, "first", r#""a""#),
    doc("last", "The last element of a list.", r#"["a","b"]"#, "last", r#""b""#),
    doc("unique", "A list without repeats.", r#"["a","b","a"]"#, "unique", r#"["a","b"]"#),
    doc("default", "A value where there is none.", "null", r#"default("FR")"#, r#""FR""#),
    doc("null_if", "Null where the value is one of these.", r#""n/a""#, r#"null_if("n/a")"#, "null"),
    doc(
        "lookup",
        "The value of a word in a table of `mappings/lookups/`, without regard to case.",
        r#""cdi""#,
        "lookup(c.words)",
        r#""permanent""#,
    ),
    doc(
        "duration",
        "A length of time found in text, in `months` or `hours`; or a number of another unit.",
        r#""2 An(s)""#,
        "duration(months)",
        "24",
    ),
    doc(
        "salary",
        "Pay found in text: raw, amounts, currency, period, months. Languages: `fr en de es it nl`, any without argument. The currency is that of the sign, letters or code beside the amount (`A$`, `95 000 CHF`); `$` alone is the American dollar; `kr`, `¥`, `Rs` and `Dh` mean several, so the currency stays empty with a flaw unless a code stands in the text or the mapping says `salary(currency=\"SEK\")`; an amount without a mark is in euros in French, else in none. Without a word for the period, what is written in thousands or above any month's pay is a year's. What is ambiguous or not understood stays empty, with a flaw.",
        r#""Annuel de 30000.0 Euros à 35000.0 Euros sur 12.0 mois""#,
        "salary(fr)",
        r#"{"raw":"Annuel de 30000.0 Euros à 35000.0 Euros sur 12.0 mois","min":30000.0,"max":35000.0,"currency":"EUR","period":"year"}"#,
    ),
    doc(
        "geo",
        "A point of two numbers: `geo($.lat, $.lon)`; missing or out of range is nothing.",
        r#"{"lat":"48.85","lon":2.35}"#,
        "geo($.lat, $.lon)",
        r#"{"lat":48.85,"lon":2.35}"#,
    ),
    doc("country", "A country by name or code, as ISO 3166-1 alpha-2.", r#""France""#, "country", r#""FR""#),
    doc(
        "absolute",
        "An address made whole.",
        r#""/jobs/1""#,
        r#"absolute("https://example.com/a")"#,
        r#""https://example.com/jobs/1""#,
    ),
    doc(
        "hash",
        "16 hexadecimal digits of a hash: a key where a site has none.",
        r#""a""#,
        "json | hash",
        r#""06c88f6f46b0473b""#,
    ),
    doc("json", "JSON text; of null the text `null`.", r#"{"a":1}"#, "json", r#""{\"a\":1}""#),
];
