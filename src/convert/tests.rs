//! Each conversion as a pair of texts, and what all of them must hold.
use super::*;
use crate::scalar::Expression;

fn moment() -> Moment {
    let words = [("CDI", "permanent"), ("*", "other")].map(|(word, value)| (word.to_owned(), Tree::text(value)));
    let flags = [("true".to_owned(), Tree::text("full")), ("none".to_owned(), Tree::Null)];
    let lookups = Lookups::new([("c.words".to_owned(), Table::new(words)), ("c.flag".to_owned(), Table::new(flags))]);
    Moment { fetched: "2026-11-24T10:00:00Z".parse().unwrap(), lookups: Arc::new(lookups) }
}

fn run(input: &str, calls: &str) -> (String, usize) {
    let expression: Expression = format!("$ | {calls}").parse().unwrap();
    let mut flaws = Vec::new();
    let mut value: Tree<'_> = serde_json::from_str(input).unwrap();
    for call in &expression.calls {
        value = apply(&Conversion::parse(call).unwrap(), value, &moment(), &mut flaws);
    }
    (value.to_string(), flaws.len())
}

fn check(input: &str, calls: &str, expect: &str) {
    assert_eq!(run(input, calls), (expect.to_owned(), 0), "{input} | {calls}");
}

fn flawed(input: &str, calls: &str) {
    assert_eq!(run(input, calls), ("null".to_owned(), 1), "{input} | {calls}");
}

#[test]
fn dates() {
    check(r#""2024-10-23T14:48:50.814Z""#, "date", r#""2024-10-23T14:48:50.814Z""#);
    check(r#""2025-08-21T02:29:58.000Z""#, "date", r#""2025-08-21T02:29:58Z""#);
    check(r#""2026-07-28T14:23:05""#, "date", r#""2026-07-28T14:23:05Z""#);
    check(r#""2026-07-28 14:23:05 UTC""#, "date", r#""2026-07-28T14:23:05Z""#);
    check(r#""2026-07-28T14:23:05+0200""#, "date", r#""2026-07-28T12:23:05Z""#);
    check(r#""2026-07-28""#, r#"date(iso, tz="Europe/Paris")"#, r#""2026-07-27T22:00:00Z""#);
    check(r#""Fri, 10 Jul 2026 09:00:00 +0000""#, "date", r#""2026-07-10T09:00:00Z""#);
    check("1753000000", "date(epoch)", r#""2025-07-20T08:26:40Z""#);
    check("1753000000123", "date(epoch_ms)", r#""2025-07-20T08:26:40.123Z""#);
    check(r#""Posted 3 Days Ago""#, "date(iso, relative)", r#""2026-11-21T00:00:00Z""#);
    check(r#""Posted 30+ Days Ago""#, "date(relative)", "null");
    check(r#""23/10/2024""#, r#"date("%d/%m/%Y")"#, r#""2024-10-23T00:00:00Z""#);
    check(r#""2024-10-23T14:48:50.814Z""#, r#"minus("2d") | utc"#, r#""2024-10-21T14:48:50Z""#);
    check(r#""2024-10-23T00:00:00Z""#, "epoch", "1729641600");
    // Whatever reads a date of our time wins over what reads another.
    for value in ["1732096800", "1732096800000", "\"1732096800\""] {
        check(value, "date(epoch, epoch_ms)", r#""2024-11-20T10:00:00Z""#);
        check(value, "date(epoch_ms, epoch)", r#""2024-11-20T10:00:00Z""#);
    }
    check("0", "date(epoch)", r#""1970-01-01T00:00:00Z""#);
    check(r#""il y a 3 jours""#, "date(iso, relative)", r#""2026-11-21T00:00:00Z""#);
    check(r#""05 janv. 2024""#, r#"date("%d %b %Y", lang=fr)"#, r#""2024-01-05T00:00:00Z""#);
    check(r#""1er août 2026""#, r#"date("%d %B %Y", lang=fr)"#, r#""2026-08-01T00:00:00Z""#);
    check(r#""mar. 3 mars 2026""#, r#"date("%a %d %B %Y", lang=fr)"#, r#""2026-03-03T00:00:00Z""#);
    check(r#""3. März 2026""#, r#"date("%d. %B %Y", lang=de)"#, r#""2026-03-03T00:00:00Z""#);
    check(
        r#""Dienstag, 3. März 2026, 14:30""#,
        r#"date("%A, %d. %B %Y, %H:%M", lang=de)"#,
        r#""2026-03-03T14:30:00Z""#,
    );
    check(r#""3 de marzo de 2026""#, r#"date("%d de %B de %Y", lang=es)"#, r#""2026-03-03T00:00:00Z""#);
    check(r#""3 dic 2026""#, r#"date("%d %b %Y", lang=it)"#, r#""2026-12-03T00:00:00Z""#);
    check(r#""3 mei 2026""#, r#"date("%d %B %Y", lang=nl)"#, r#""2026-05-03T00:00:00Z""#);
    check(r#""Sept 3, 2026""#, r#"date("%b %d, %Y", lang=en)"#, r#""2026-09-03T00:00:00Z""#);
    flawed(r#""3 mai 2026""#, r#"date("%d %B %Y", lang=nl)"#);
    flawed(r#""soon""#, "date");
    flawed("-5", "date(epoch)");
}

#[test]
fn words_and_numbers() {
    check(r#"" a ""#, "trim | upper", r#""A""#);
    check(r#""12,5""#, "number", "12.5");
    check(r#""1 200,50""#, "number", "1200.5");
    check(r#""1.200,50""#, "number", "1200.5");
    check(r#""1,200.50""#, "number", "1200.5");
    check(r#""1,200,000""#, "integer", "1200000");
    check(r#""1.200.000""#, "integer", "1200000");
    check(r#""5,00,000""#, "integer", "500000");
    check(r#""1 200,500""#, "number", "1200.5");
    check(r#""95'000""#, "integer", "95000");
    check(r#""12 000""#, "integer", "12000");
    check(r#""0.125""#, "number", "0.125");
    check(r#""1234.567""#, "number", "1234.567");
    check(r#""2.3522""#, "number", "2.3522");
    check(r#""3.0""#, "integer", "3");
    check(r#""+3""#, "integer", "3");
    check(r#""-1.5e3""#, "number", "-1500.0");
    // Three digits after a single mark: the mapping has to say what they are.
    check(r#""1,200""#, r#"number(".")"#, "1200");
    check(r#""1,200""#, r#"number(",")"#, "1.2");
    check(r#""1.200""#, r#"integer(",")"#, "1200");
    check(r#""48.856""#, r#"number(".")"#, "48.856");
    for (text, call) in [("1,200", "number"), ("1.200", "number"), ("1,200", "integer"), ("-3.000", "integer")] {
        let (value, flaws) = run(&format!("{text:?}"), call);
        assert_eq!((value.as_str(), flaws), ("null", 1), "{text} | {call}");
    }
    for text in
        ["1 2", "1,20,30", "1.2.3", "1,2.3,4", "1_000", "0x10", "3 postes", "inf", "nan", "", ".", "-", "1,200,00"]
    {
        flawed(&format!("{text:?}"), "number");
    }
    flawed(r#""1.5""#, r#"number(",")"#);
    flawed(r#""1,2,3""#, "integer");
    check("1", "boolean", "true");
    check(r#""01 - BOURG""#, r#"regex("^([0-9][0-9AB][0-9]?) - ")"#, r#""01""#);
    check(r#""75 - Paris""#, r#"regex("^x")"#, "null");
    check(r#""Data""#, r#"matches("(?i)data")"#, "true");
    check(r#""a, b,,c""#, r#"split(",")"#, r#"["a","b","c"]"#);
    check(r#"["a",null,"b"]"#, "first", r#""a""#);
    check(r#"["a",null,"b"]"#, r#"join(", ")"#, r#""a, b""#);
    check(r#""x""#, "first", r#""x""#);
    check(r#"" cdi ""#, "lookup(c.words)", r#""permanent""#);
    check("true", "lookup(c.flag)", r#""full""#);
    check(r#""none""#, "lookup(c.flag)", "null");
    flawed(r#""unheard""#, "lookup(c.flag)");
    check("null", "json", r#""null""#);
    check("null", "default(3)", "3");
}

#[test]
fn lengths() {
    check(r#""Expérience exigée de 2 An(s)""#, "duration(months)", "24");
    check(r#""CDD - 6 Mois""#, "duration(months)", "6");
    check(r#""CDD - 5 Jour(s)""#, "duration(months)", "0.16");
    check(r#""36H45/semaine\nTravail en journée""#, "duration(hours)", "36.75");
    check(r#""Temps partiel - 28H/semaine""#, "duration(hours)", "28");
    check(r#""39 H""#, "duration(hours)", "39");
    check(r#""Débutant accepté""#, "duration(months)", "null");
    check("3", "duration(months, from=years)", "36");
}

fn point(lat: &str, lon: &str) -> Result<String, String> {
    let read = |text| serde_json::from_str::<Tree<'_>>(text).unwrap();
    combine("geo", &[read(lat), read(lon)]).map(|point| point.to_string()).map_err(|error| error.why.into_owned())
}

#[test]
fn places() {
    check(r#""France""#, "country", r#""FR""#);
    check(r#""DEU""#, "country", r#""DE""#);
    check(r#""États-Unis""#, "country", r#""US""#);
    flawed(r#""Atlantis""#, "country");
    check(r#""/logo.png""#, r#"absolute("https://www.apec.fr")"#, r#""https://www.apec.fr/logo.png""#);
    assert_eq!(point("48.85", r#""2.35""#), Ok(r#"{"lat":48.85,"lon":2.35}"#.into()));
    assert_eq!(point("null", "2"), Ok("null".into()));
    assert_eq!(point("0", "0"), Err("0,0 is no place".into()));
    assert_eq!(point("95", "2"), Err("out of range".into()));
}

#[test]
fn texts() {
    check(r#""R&amp;D &gt; tout""#, "unescape", r#""R&D > tout""#);
    check(
        r#""<p>Un&nbsp;<b>data</b> engineer</p><ul><li>SQL</li><li>Rust</li></ul>""#,
        "html",
        r#""Un data engineer\nSQL\nRust""#,
    );
    check(r#""plain""#, "html", r#""plain""#);
}

/// Null stays null, odd values give an error and never a panic, and the same input gives the same output.
#[test]
fn all_conversions_hold_the_family_s_rules() {
    let calls = [
        "date",
        "utc",
        "epoch",
        r#"plus("1d")"#,
        "number",
        "integer",
        "boolean",
        "text",
        "trim",
        "title",
        "html",
        "unescape",
        r#"regex("a")"#,
        r#"replace("a", "b")"#,
        r#"split(",")"#,
        "unique",
        "last",
        "lookup(c.words)",
        "duration(months)",
        "salary",
        "salary(fr)",
        "geo",
        "country",
        r#"absolute("https://a.b")"#,
        "hash",
    ];
    let odd = ["null", "true", "-1", "1e300", "\"\"", "\"é\\u0000<&;\"", "[]", "[[1],{}]", "{}", "{\"a\":[null]}"];
    for call in calls {
        assert_eq!(run("null", call).0, "null", "{call}");
        for value in odd {
            assert_eq!(run(value, call), run(value, call), "{value} | {call}");
        }
    }
}

#[test]
fn each_conversion_has_an_example_that_is_true() {
    assert_eq!(docs::DOCS.map(|doc| doc.name), NAMES);
    for doc in docs::DOCS {
        let expression = match doc.call.starts_with("geo(") {
            true => doc.call.to_owned(),
            false => format!("$ | {}", doc.call),
        };
        assert!(doc.call.contains(doc.name), "{}", doc.name);
        let expression: Expression = expression.parse().unwrap();
        let input: Tree<'_> = serde_json::from_str(doc.input).unwrap();
        let (mut flaws, mut value) = (Vec::new(), input.clone());
        if doc.name == "geo" {
            value = combine("geo", &[input.get("lat").unwrap().clone(), input.get("lon").unwrap().clone()]).unwrap();
        }
        for call in &expression.calls {
            value = apply(&Conversion::parse(call).unwrap(), value, &moment(), &mut flaws);
        }
        assert_eq!((value.to_string(), flaws.len()), (doc.output.to_owned(), 0), "{}", doc.name);
    }
}

/// A pattern that would pass over a part of a text, or never reads one, is refused when the file loads.
#[test]
fn patterns_that_lose_something_are_refused() {
    let fits = |pattern: &str| {
        let expression: Expression = format!("$ | date({pattern:?})").parse().unwrap();
        Conversion::parse(&expression.calls[0]).is_ok()
    };
    for pattern in [
        "%Y-%m-%d",
        "%d/%m/%y",
        "%d/%m/%Y %H:%M",
        "%d/%m/%Y %I:%M %p",
        "%Y-%m-%dT%H:%M:%S%.f%:z",
        "%d %B %Y",
        "%s",
        "%a, %d %b %Y %T %z",
        "%G-W%V-%u",
        "%Y-%j",
        "%D",
        "%e %b %Y",
        "%Y%m%d%H%M%S",
    ] {
        assert!(fits(pattern), "{pattern}");
    }
    for pattern in [
        "%d/%m",
        "%H:%M",
        "%d %B %H:%M",
        "%Y-%m-%d %I:%M",
        "%Y-%m-%d %H",
        "%d/%m/%Y %z",
        "%Y-%m-%d %H:%M %Z",
        "%Y-W%V-%u",
        "%B %Y",
    ] {
        assert!(!fits(pattern), "{pattern}");
    }
    let (leap, _) = run("\"2016-12-31T23:59:60Z\"", "date");
    assert_eq!(leap, "\"2017-01-01T00:00:00Z\"");
}
