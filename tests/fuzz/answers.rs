//! What a site sends: bodies through the decoder and the mapping, headers and members through the paginators, values
//! through the address of the next request.
use bytes::Bytes;
use chrono::{DateTime, Utc};
use jobmarket::convert::Moment;
use jobmarket::decode;
use jobmarket::definition::{self, Text};
use jobmarket::exchange::Page;
use jobmarket::extract::{Around, Made, Records};
use jobmarket::paginate::{Announced, Next, PageSeen, Progress, Seen};
use jobmarket::plan::{Ask, Origins, Place, Plan, Surroundings, compile};
use jobmarket::tree::Tree;

use super::mutate::fuzz;

const MAP: &str = "records: $.rows[*]\nkey: $.id\nmap:\n  title: $.title\n  url: $.url\n  description: $.d | html\n  \
    published_at: $.at | date\n  location.label: $..city | first\n  categories: $.tags[*]\n  salary: $.pay | salary\n";

/// The plan of a source with these pages.
fn plan(get: &str, pages: &str) -> Plan {
    let schema = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/offer.yaml");
    let source = format!("source: s\nfor: {{n: [x]}}\nrequest: {{get: \"{get}\"}}\npages: {pages}\n{MAP}");
    let texts = [("mappings/offer.yaml", std::fs::read_to_string(schema).unwrap()), ("sources/s.yaml", source)];
    let texts = texts.map(|(path, text)| Text { path: path.to_owned(), text });
    let (definitions, findings) = definition::read(&texts);
    let ask = Ask { source: "s", pipeline: None, origins: Origins::default() };
    compile(&definitions, ask, &Surroundings::default()).unwrap_or_else(|more| panic!("{findings:#?} {more:#?}"))
}

fn page(headers: &[(&str, &str)], body: &[u8]) -> Page {
    Page {
        url: "http://127.0.0.1:9/a/b?c=1".into(),
        method: "GET".into(),
        status: 200,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: Bytes::copy_from_slice(body),
        unpacked: None,
        fetched: "2026-11-27T10:00:00Z".parse().unwrap(),
        attempts: 1,
    }
}

const BODIES: [&str; 4] = [
    r#"{"count":3,"next":"/a?page=2","rows":[{"id":"1","title":"Développeur (H/F)","url":"https://a.example/1","d":"<p>x</p>","at":"2026-11-01T10:00:00+01:00","place":{"city":"Paris"},"tags":["a","b"],"pay":"45 k€ par an"}]}"#,
    r#"{"rows":[{"id":2,"title":null,"url":1.5e9,"d":"<ul><li>a<li>b</ul>&amp;","at":"il y a 3 jours","tags":[],"pay":"Mensuel de 2000 Euros"},{"id":{},"x":[[[]]]}]}"#,
    r#"[{"id":"3","title":"\ud83d\ude00 \u00e9","url":"/x"}]"#,
    "{\"rows\":[]}",
];
const PIECES: [&str; 32] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\ud800",
    "\\u0000",
    "null",
    "1e999",
    "-0",
    "9223372036854775808",
    "[[[[[[[[",
    "{\"a\":",
    "\"id\":",
    "\"rows\":",
    "<div>",
    "</p>",
    "&#x110000;",
    "<table><b>",
    "2026-13-45",
    "31/02/2026",
    "€",
    "k€",
    "\u{202e}",
    "\u{feff}",
    "1 234,56",
    "par mois",
    "true",
    "\"title\":\"t\",",
];

/// Decodes a body and maps its records.
fn mapped(plan: &Plan, page: &Page) {
    let Ok(text) = decode::text(page) else { return };
    let Ok(read) = decode::json(&text, None) else { return };
    let moment = Moment { fetched: page.fetched, lookups: plan.call.knobs.lookups.clone() };
    let scope = plan.call.knobs.scope(page.fetched).tree("answer", &read.body);
    let around = Around { scope, moment: &moment, source: "s", keeps: &[], listed: false, unfiltered: false };
    let Records::List(records) = plan.extract.records(&read.body) else { return };
    for record in records {
        let (mut text, mut flaws) = (Vec::new(), Vec::new());
        let worked = plan.extract.work(record, &around, &mut text, &mut flaws);
        if let Made::Offer(..) = worked.made {
            assert!(serde_json::from_slice::<serde_json::Value>(&text).is_ok(), "{}", text.escape_ascii());
        }
    }
}

#[test]
fn bodies() {
    let plan = plan("http://127.0.0.1:9/${for.n}", "single");
    let types =
        ["application/json", "text/html; charset=utf-16", "application/json; charset=windows-1252", "x/y; charset=\""];
    fuzz(1_500, &BODIES, &PIECES, |input| {
        let kind = types[input.len() % types.len()];
        mapped(&plan, &page(&[("content-type", kind)], input));
    });
}

/// Takes a page in as a run does, and makes the next request.
fn advanced(plan: &Plan, page: &Page) {
    let text = decode::text(page).ok();
    let body = text.as_ref().and_then(|text| decode::json(text, None).ok()).map(|read| read.body).unwrap_or_default();
    let rule = plan.call.pages.rule();
    let announced = Announced::read(rule, page, &body);
    let mut progress = Progress::default();
    let mut at = rule.start();
    for records in [3, 3, 0] {
        progress.page(&PageSeen { records, keyless: 0, hash: records, announced: &announced }, "");
        let values = [("n".to_owned(), Tree::from("x"))];
        let place = Place { partition: &values, window: None, position: &at, record: None };
        let _ = plan.call.request(&place);
        match rule.next(&at, &Seen { records, announced: &announced, progress: &progress }) {
            Next::Page(next) => at = next,
            Next::End(_) => return,
        }
    }
}

#[test]
fn pages_and_links() {
    let links = [
        "<https://a.example/?page=2>; rel=\"next\", <https://a.example/?page=9>; rel=last",
        "</a?p=2>;rel=next;title*=UTF-8''x",
        "<>; rel=\"prev next\"",
    ];
    let members = [r#"{"count":"12","next":"http://127.0.0.1:9/a?page=2"}"#, r#"{"count":1.5,"next":{"a":1}}"#];
    let pieces = [
        "<",
        ">",
        ";",
        ",",
        "rel=",
        "next",
        "\"",
        "\\",
        "//",
        "http://",
        "..",
        "#",
        "?",
        "18446744073709551615",
        "1e300",
    ];
    for (get, pages) in [
        ("http://127.0.0.1:9/${page.number}", "{number: {size: 3, count: $.count}}"),
        ("http://127.0.0.1:9/${page.first}", "{offset: {size: 3, total: $.count}}"),
        ("http://127.0.0.1:9/${page.cursor or ''}", "{cursor: {size: 3, next: $.next}}"),
        ("http://127.0.0.1:9/", "{next_url: {next: $.next}}"),
        ("http://127.0.0.1:9/", "{link_header: {}}"),
    ] {
        let plan = plan(get, pages);
        fuzz(400, &links, &pieces, |input| {
            let link = String::from_utf8_lossy(input);
            advanced(&plan, &page(&[("link", &link), ("content-range", &link)], b"{\"count\":7}"));
        });
        fuzz(400, &members, &pieces, |input| advanced(&plan, &page(&[], input)));
    }
}

#[test]
fn addresses_keep_their_origin() {
    let plans = [
        "http://127.0.0.1:9/a/${for.n}/b",
        "http://127.0.0.1:9/${for.n}?q=${for.n}",
        "http://127.0.0.1:9/x?q=${for.n}#${for.n}",
    ]
    .map(|get| plan(get, "single"));
    let good = ["paris", "../../admin", "@evil.example/", "a b&c=d", "é/ü?#", "//evil.example", "\\\\evil"];
    let pieces = ["/", "\\", "..", ".", "%2e", "%2f", "%", "@", ":", "#", "?", "\r\n", "\0", "[::1]", "．", "\u{2028}"];
    fuzz(2_000, &good, &pieces, |input| {
        let values = [("n".to_owned(), Tree::from(String::from_utf8_lossy(input).into_owned()))];
        for plan in &plans {
            let position = plan.call.pages.rule().start();
            let window: Option<(DateTime<Utc>, DateTime<Utc>)> = None;
            let place = Place { partition: &values, window, position: &position, record: None };
            if let Ok(request) = plan.call.request(&place) {
                let url = url::Url::parse(&request.url).unwrap_or_else(|error| panic!("{}: {error}", request.url));
                assert_eq!(url.origin().ascii_serialization(), "http://127.0.0.1:9", "{}", request.url);
            }
        }
    });
}
