//! What somebody wrote: definitions and the texts in them, `.env`, schedules.
use std::path::Path;

use chrono::{DateTime, Utc};
use jobmarket::convert::Moment;
use jobmarket::convert::render::{Program, Scope};
use jobmarket::definition::{self, Text, dotenv, render};
use jobmarket::finding::any_error;
use jobmarket::plan::{Ask, Origins, Surroundings, compile};
use jobmarket::scalar::{Cron, Expression, Path as JsonPath, Rate, Reader, RecordsAt, Span, Template, Value};
use jobmarket::tree::Tree;

use super::mutate::fuzz;

const PIECES: [&str; 40] = [
    ": ",
    "- ",
    "\n  ",
    "\n",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "? ",
    "|\n",
    ">-\n",
    "# ",
    "\"",
    "'",
    "${",
    "$..",
    "$.a[?@.b]",
    "[*]",
    " | ",
    " ?? ",
    "0",
    "-1",
    "9223372036854775807",
    "1e999",
    "null",
    "true",
    "\u{feff}",
    "é",
    "\0",
    "\t",
    "for:\n  n: {range: {from: 0, to: 9}}\n",
    "windows: {first: 9d, step: 1s}\n",
    "not ",
    "~",
    "(",
    ")",
];

fn shipped(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Reads a project with one file of these bytes; a source without a fault is compiled.
fn project(path: &str, input: &[u8]) {
    let text = String::from_utf8_lossy(input).into_owned();
    let mut texts = vec![Text { path: path.to_owned(), text }];
    for other in ["mappings/offer.yaml", "sources/arbeitnow.yaml"] {
        if other != path {
            texts.push(Text { path: other.to_owned(), text: shipped(other) });
        }
    }
    let (definitions, findings) = definition::read(&texts);
    assert!(findings.len() <= 101 * texts.len());
    let _ = render::text(&findings, &definitions, true);
    if !any_error(&findings) && definitions.sources.contains_key("arbeitnow") {
        let ask = Ask { source: "arbeitnow", pipeline: None, origins: Origins::default() };
        let _ = compile(&definitions, ask, &Surroundings::default());
    }
}

#[test]
fn definitions() {
    for path in
        ["sources/arbeitnow.yaml", "sources/recruitee.yaml", "mappings/francetravail.yaml", "mappings/offer.yaml"]
    {
        let good = shipped(path);
        fuzz(150, &[&good], &PIECES, |input| project(path, input));
    }
    let pipelines =
        "archive: {dir: raw}\npipelines:\n  - {name: p, sources: [arbeitnow], schedule: {cron: \"7 6 * * *\"}}\n";
    fuzz(150, &[pipelines], &PIECES, |input| project("pipelines.yaml", input));
}

#[test]
fn environment_files() {
    let good = ["A=1\nexport B='x y' # note\n", "C=\"a\\n$b\"\n", "\u{feff}D=\n# no\nE=-----BEGIN\n"];
    fuzz(3_000, &good, &["=", "'", "\"", "\\", "\n", "\r\n", "#", "export ", "$A", "\0", "\u{feff}"], |input| {
        let (values, findings) = dotenv::read(input);
        assert!(values.len() <= input.len() && findings.len() <= input.len() + 1);
    });
}

#[test]
fn schedules() {
    let at: DateTime<Utc> = "2026-02-28T23:59:59Z".parse().unwrap();
    let good = ["7 6 * * *", "*/5 0-6,22 1,15 JAN-DEC MON#2", "0 0 29 2 *", "0 0 12 L * FRI"];
    let pieces = ["*", "/", "-", ",", "L", "W", "#", "?", "99999999999", "@daily", " ", "0", "31 2", "MON"];
    fuzz(2_000, &good, &pieces, |input| {
        if let Ok(cron) = String::from_utf8_lossy(input).parse::<Cron>() {
            assert!(cron.next_after(&at).is_none_or(|next| next > at), "{}", cron.as_str());
        }
    });
}

#[test]
fn texts_of_definitions() {
    let body: Tree<'_> =
        serde_json::from_str(r#"{"a":[{"b":1,"c":"x"},{"b":null}],"d":{"e":[[1,2],[]]},"f":"é","g":1.5}"#).unwrap();
    let moment = Moment { fetched: DateTime::UNIX_EPOCH, lookups: Default::default() };
    let good = [
        "$.a[*].b",
        "$..c",
        "$.a[?@.b == 1 && length(@.c) > 0].c",
        "$.d.e[-1:0:-1]",
        "${record.f ~ '/' ~ (record.g | int)}",
        "${'a' if record.a else record.d.e[0]}",
        "$.f | upper | regex(\"(.)\") ?? \"x\"",
        "$.a[*] ?? []",
        "header Link ~ \"<(.*)>\"",
        "30d",
        "10/s",
    ];
    let pieces =
        [&PIECES[..], &["[?@", "match(@.c, 'x')", "count(@.*)", "::", "..*", " if ", " and ", "|date"]].concat();
    fuzz(3_000, &good, &pieces, |input| {
        let text = String::from_utf8_lossy(input);
        if let Ok(path) = text.parse::<JsonPath>() {
            let _ = (path.value(&body), path.listed_names().len(), path.container());
        }
        if let Ok(program) = text.parse::<Template>().map(|template| Program::compile(&template)) {
            let scope = Scope::new(&moment).tree("record", &body);
            let _ = program.map(|program| program.value(&scope));
        }
        let _ = (text.parse::<Expression>(), text.parse::<Reader>(), text.parse::<Value>());
        let _ = (text.parse::<Span>(), text.parse::<Rate>());
        let _ = text.parse::<RecordsAt>().map(|at| at.read(&body).map(|found| found.len()));
    });
}
