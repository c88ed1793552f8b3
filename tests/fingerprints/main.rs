//! What a fingerprint is made from, and that it stays the same: of shipped sources, from version to version.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod legacy;
mod project;
#[path = "../shipped/mod.rs"]
mod shipped;

use jobmarket::definition::Text;
use jobmarket::plan::{Fingerprints, Plan};

fn each(plan: &Plan) -> [String; 3] {
    let Fingerprints { request, mapping, operational } = plan.fingerprints.clone();
    [request, mapping, operational]
}

/// The names of those that differ.
fn differ(a: &Plan, b: &Plan) -> String {
    let names = ["request", "mapping", "operational"];
    let pairs = each(a).into_iter().zip(each(b));
    let differ = names.into_iter().zip(pairs).filter(|(_, (a, b))| a != b).map(|(name, _)| name);
    differ.collect::<Vec<_>>().join(" ")
}

#[test]
fn fingerprints_of_shipped_sources_are_those_of_every_version() {
    let texts = project::shipped();
    let mut found = String::new();
    for name in project::sources(&texts) {
        let plan = project::built(&texts, &name, &[], &[]);
        found += &format!("{name} {}\n", plan.map_or("not built yet".to_owned(), |plan| each(&plan).join(" ")));
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fingerprints/shipped.txt");
    if std::env::var_os("JOBMARKET_BLESS").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let expect = std::fs::read_to_string(&path).unwrap_or_default();
    let hint = "if a source, table or the schema was changed: JOBMARKET_BLESS=1 cargo test --test fingerprints; \
                if not, every source of every user is read anew";
    assert!(found == expect, "{hint}\n{found}");
}

/// The project of `project::SOURCE` with a file changed.
fn changed(path: &str, from: &str, to: &str) -> Vec<Text> {
    let mut texts = project::whole();
    let text = &mut texts.iter_mut().find(|text| text.path == path).unwrap().text;
    assert!(text.contains(from), "{path}: {from}");
    *text = text.replacen(from, to, 1);
    texts
}

fn check(path: &str, (from, to): (&str, &str), expect: &str) {
    let [a, b] = [project::whole(), changed(path, from, to)].map(|texts| project::of(&texts, "x", &[], &[]));
    assert_eq!(differ(&a, &b), expect, "{path}: {from} -> {to}");
}

const SOURCE: &str = "sources/x.yaml";
const PART: &str = "sources/shared/part.yaml";

#[test]
fn what_is_written_counts_and_not_how() {
    for change in [
        ("source: x\n", "# A comment.\nsource: x\n"),
        ("dedupe: first", "dedupe: 'first'"),
        ("pages: {number: {size: 20, total: $.total}}", "pages:\n  number:\n    total: $.total\n    size: 20"),
        ("only: $.open | boolean\nkey: $.id\n", "key: $.id\nonly: $.open | boolean\n"),
    ] {
        check(SOURCE, change, "");
    }
    // Here the order says something.
    let board = project::SOURCE.lines().find(|line| line.starts_with("  board: ")).unwrap();
    let [usual, other] = [format!("{board}\n  kind: [a, b]"), format!("  kind: [a, b]\n{board}")];
    check(SOURCE, (&usual, &other), "request");
    check(SOURCE, ("[a, b]", "[b, a]"), "request");
    check(SOURCE, ("{404: empty, \"2xx if $.none\": empty}", "{\"2xx if $.none\": empty, 404: empty}"), "request");
}

#[test]
fn a_shared_part_counts_as_if_the_source_said_it() {
    for (key, change) in [
        ("limits", ("quota: [9/d], rate: 1/s", "quota: [9/d]")),
        ("headers", ("headers: {Accept: application/json}\n", "")),
        ("responses", ("responses: {5xx: retry}\n", "")),
    ] {
        let mut texts = changed(PART, change.0, change.1);
        let source = &mut texts.iter_mut().find(|text| text.path == SOURCE).unwrap().text;
        let headers = "headers: {accept: application/json}, ";
        *source = match key {
            // The source had a rate of its own.
            "limits" => source.clone(),
            "headers" => source
                .replace("query: {what", "headers: {Accept: application/json}, query: {what")
                .replace(
                    "https://a.example/boards\"",
                    "https://a.example/boards\", headers: {Accept: application/json}",
                )
                .replace("${record.id}\"", "${record.id}\", headers: {Accept: application/json}"),
            _ => source.replace("$.none\": empty}", "$.none\": empty, 5xx: retry}"),
        };
        let plan = |texts: &[Text]| project::of(texts, "x", &[], &[]);
        assert_eq!(differ(&plan(&project::whole()), &plan(&texts)), "", "{key}");
        // A header has no case: what the source says itself wins.
        if key == "headers" {
            let source = &mut texts.iter_mut().find(|text| text.path == SOURCE).unwrap().text;
            *source = source.replacen("headers: {Accept: application/json}, ", headers, 1);
            let mut both = texts.clone();
            both.iter_mut().find(|text| text.path == PART).unwrap().text = project::PART.to_owned();
            assert_eq!(differ(&plan(&both), &plan(&texts)), "");
        }
    }
    check(PART, ("quota: [9/d]", "quota: [8/d]"), "operational");
    check(PART, ("rate: 1/s", "rate: 2/s"), "");
    check(PART, ("application/json", "text/html"), "request mapping");
    check(PART, ("5xx", "503"), "request");
}

#[test]
fn what_keys_read_counts_with_them() {
    check("pipelines.yaml", ("what: two", "what: three"), "request");
    check("pipelines.yaml", ("(?i)data", "(?i)date"), "mapping");
    check("pipelines.yaml", ("[store]", "[store, {files: {dir: out}}]"), "operational");
    check("mappings/lookups/contracts.yaml", ("CDI: permanent", "CDI: temporary"), "mapping");
    check("mappings/lookups/schedules.yaml", ("full-time: full_time", "full-time: part_time"), "");
    check("mappings/offer.yaml", ("doc: Name of the source file", "doc: Its name"), "mapping");
    // A parameter that the mapping reads is one of both.
    let map = ("url: $.url", "url: $.url\n  language: \"${param.what}\"");
    let [a, b] = ["two", "three"].map(|word| {
        let mut texts = changed(SOURCE, map.0, map.1);
        let pipelines = &mut texts.iter_mut().find(|text| text.path == "pipelines.yaml").unwrap().text;
        *pipelines = pipelines.replace("what: two", &format!("what: {word}"));
        project::of(&texts, "x", &[], &[])
    });
    assert_eq!(differ(&a, &b), "request mapping");
    // How fast details and parents are asked is not what they are.
    check(SOURCE, ("limits: {rate: 3/s}", "limits: {rate: 4/s}"), "operational");
    check(SOURCE, ("limits: {parallel: 2}", "limits: {parallel: 3}"), "operational");
}

#[test]
fn variables_count_by_their_values_and_secrets_by_their_names() {
    let texts =
        changed(SOURCE, "X-Key: \"${secret.X_KEY}\"", "X-Key: \"${secret.X_KEY}\", X-Env: \"${env.KEY or 'none'}\"");
    let plan = |env: &[(&str, &str)]| project::of(&texts, "x", &[], env);
    let usual = plan(&[]);
    assert_eq!(usual.fingerprints, plan(&[]).fingerprints);
    assert_eq!(differ(&usual, &plan(&[("HOME_PAGE", "https://b.example")])), "request");
    for secret in [("X_KEY", "another"), ("KEY", "another")] {
        assert_eq!(differ(&usual, &plan(&[secret])), "", "{secret:?}");
    }
    check(SOURCE, ("secret.X_KEY", "secret.OTHER_KEY"), "request");
    // Who asks may be chosen by a variable.
    let branches =
        "auth: [{when: \"${env.CHOICE == 'key'}\", key: {header: {X-Key: \"${secret.X_KEY}\"}}}, {none: {}}]";
    let texts = changed(SOURCE, "auth: {key: {header: {X-Key: \"${secret.X_KEY}\"}}}", branches);
    let [a, b] = ["key", "none"].map(|choice| project::of(&texts, "x", &[], &[("CHOICE", choice)]));
    assert_eq!(differ(&a, &b), "request");
}

#[test]
fn an_origin_counts_without_the_port_of_this_machine() {
    let texts = project::whole();
    let plan = |origins: &[(&str, &str)]| project::of(&texts, "x", origins, &[]);
    let site = "https://a.example";
    let here = plan(&[(site, "http://127.0.0.1:81")]);
    assert_eq!(differ(&here, &plan(&[(site, "http://127.0.0.1:82")])), "");
    assert_eq!(differ(&here, &plan(&[])), "request");
    assert_eq!(
        differ(&plan(&[(site, "http://proxy.example:81")]), &plan(&[(site, "http://proxy.example:82")])),
        "request"
    );
    assert_eq!(differ(&plan(&[]), &plan(&[("https://c.example", "http://127.0.0.1:81")])), "", "nobody asks it");
}
