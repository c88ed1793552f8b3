//! Hostile strings × outputs for people; JSON stays the same value, and no cell of a table is a formula.
use serde_json::{Value, json};

use crate::echo::{Answer, serve};
use crate::play::{Project, Said};

/// Text that does something to a terminal or to a reader of lines.
const HOSTILE: [&str; 14] = [
    "a\u{1b}[2Jb",
    "a\u{1b}]52;c;eA==\u{7}b",
    "a\u{1b}]8;;https://x\u{1b}\\b",
    "a\u{9b}2Jb",
    "a\u{7f}b\u{8}c",
    "a\u{0}b",
    "a\rb",
    "a\n0 forged hit",
    "a\u{85}b",
    "a\u{202e}b\u{202c}",
    "a\u{2066}b\u{2069}",
    "a\u{200e}b\u{200f}\u{61c}",
    "a\u{2028}b\u{2029}",
    "a\tb",
];

fn acts(sign: char) -> bool {
    (sign.is_control() && sign != '\n')
        || matches!(sign, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn project(rows: Value, refused: bool) -> Project {
    let (site, _) = serve(move |target, _| match (refused, target) {
        (true, "/a") => Answer::json(403, json!({"message": rows[0]["title"]})),
        _ => Answer::json(200, json!({"rows": rows})),
    });
    let text = format!(
        "request: {{get: \"{site}/a\"}}\nlimits: {{rate: 1000/s, retry: {{attempts: 1}}}}\nrecords: $.rows[*]\nkey: $.id\n\
         only: \"$[?@.id]\"\nmap: {{title: $.title, url: $.url, company.name: $.who}}\n"
    );
    Project::new(&[("s", text.replace("only: \"$[?@.id]\"\n", ""))], "")
}

/// Rows whose every value is hostile; the first cannot be mapped.
fn rows() -> Value {
    let row = |(number, text): (usize, &&str)| json!({"id": format!("{number}{text}"), "title": text, "url": "https://a.example/1", "who": text});
    let mut rows: Vec<Value> = HOSTILE.iter().enumerate().map(row).collect();
    rows.insert(0, json!({"id": "bad \u{1b}[2J\u{9b}", "title": null, "url": "\u{202e}x"}));
    Value::from(rows)
}

fn shown(project: &Project, words: &[&str]) -> Said {
    let said = project.say(words);
    for text in [&said.out, &said.err] {
        if let Some(sign) = text.chars().find(|sign| acts(*sign)) {
            panic!("{words:?} prints {sign:?}: {said:?}");
        }
    }
    said
}

#[test]
fn what_a_site_sends_is_shown_and_not_obeyed() {
    let good = project(rows(), false);
    for words in [
        &["run", "--log", "text"][..],
        &["run", "--log", "json"],
        &["run"],
        &["try", "s", "--limit", "20"],
        &["try", "s", "--json"],
        &["search"],
        &["search", "--json"],
        &["search", "--facet", "company.name"],
        &["status"],
        &["status", "--json"],
        &["quarantine", "list"],
        &["quarantine", "show", "1"],
        &["quarantine", "show", "1", "--json"],
        &["why", "bad \u{1b}[2J\u{9b}"],
        &["why", "nobody\u{1b}[2J\u{202e}"],
        &["replay", "s\u{1b}[2J"],
        &["run", "s\u{9b}\u{2066}"],
        &["check", "--\u{1b}[2J"],
        &["\u{1b}[2J\u{202e}"],
        &["verify"],
    ] {
        shown(&good, words);
    }
    for (number, text) in HOSTILE.iter().enumerate().filter(|(_, text)| !text.contains('\0')) {
        let key = format!("{number}{text}");
        shown(&good, &["why", &key]);
        let known: Value = serde_json::from_str(&shown(&good, &["why", &key, "--json"]).out).unwrap();
        // Signs of space are one blank in an offer.
        if !text.contains(char::is_whitespace) {
            assert_eq!(known["offer"]["document"]["company"]["name"], json!(text), "JSON is the same value");
        }
    }
    let hits = shown(&good, &["search", "forged"]).out;
    assert!(!hits.lines().any(|line| line.starts_with("0 forged")), "a line end begins no line: {hits}");
}

#[test]
fn no_line_of_a_try_is_forged() {
    let page =
        |body: String, status| move |_: &str, _: &str| Answer { status, headers: Vec::new(), body: body.clone() };
    let row = json!({"id": "1", "title": "t", "url": "u", "p": "2026-13-99\nFORGED"});
    for (body, status) in [
        (json!({"rows": [row], "next": "x\nFORGED"}).to_string(), 200),
        (json!({"rows": [], "next": ["x\nFORGED"], "total": "x\nFORGED"}).to_string(), 200),
        ("<html><title>x\nFORGED</title>".to_owned(), 200),
        ("<html><title>x\nFORGED</title>".to_owned(), 403),
        ("{\"rows\": x\nFORGED".to_owned(), 200),
        (json!({"message": "x\nFORGED"}).to_string(), 403),
        (json!({"x\nFORGED": 1}).to_string(), 200),
    ] {
        let (site, _) = serve(page(body.clone(), status));
        let text = format!(
            "request: {{get: \"{site}/a\", query: {{c: \"${{page.cursor}}\"}}}}\n\
             pages: {{cursor: {{size: 1, next: $.next, total: $.total}}}}\n\
             limits: {{rate: 1000/s, retry: {{attempts: 1}}}}\nrecords: $.rows[*]\nkey: $.id\n\
             map: {{title: $.title, url: $.url, published_at: $.p | date}}\n"
        );
        let project = Project::new(&[("s", text)], "");
        for words in [&["try", "s"][..], &["run", "s"]] {
            let said = shown(&project, words);
            assert!(said.err.lines().all(|line| !line.starts_with("FORGED")), "{body} {words:?}: {said:?}");
        }
    }
}

#[test]
fn what_a_site_says_of_a_refusal_is_shown_and_cut() {
    let long = "x".repeat(3 << 20);
    for text in HOSTILE.into_iter().chain([long.as_str()]) {
        let project = project(json!([{"title": text}]), true);
        for words in [&["run"][..], &["run", "--log", "text"], &["status"], &["try", "s"]] {
            let said = shown(&project, words);
            assert!(said.all().len() < 20_000, "{words:?} prints {} bytes", said.all().len());
        }
    }
}

#[test]
fn names_of_files_and_giants_are_shown_and_cut() {
    let project = project(rows(), false);
    project.say(&["run"]);
    project.write("sources/x\u{1b}[2J\u{202e}\u{9b}.yaml", "source: x\nno: {}\n");
    shown(&project, &["check"]);
    shown(&project, &["check", "--json"]);
    let giant = "y".repeat(100_000);
    for words in [&["why", giant.as_str()][..], &["run", &giant], &["replay", &giant]] {
        let said = shown(&project, words);
        assert!(said.err.contains('…') && said.err.len() < 5_000, "{} bytes: {:.400}", said.err.len(), said.err);
    }
}

#[test]
fn no_cell_of_a_table_is_a_formula() {
    let begins = ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "=cmd|'/c calc'!A1"];
    let row = |(number, text): (usize, &&str)| json!({"id": number.to_string(), "title": format!("t{number}"), "url": "https://a.example/1", "who": text});
    let project = project(begins.iter().enumerate().map(row).collect(), false);
    project.say(&["run"]);
    let table = project.say(&["export", "--format", "csv"]).out;
    for line in table.lines().skip(1).filter(|line| !line.is_empty()) {
        for cell in line.split(',') {
            assert!(
                !cell.trim_start_matches('"').starts_with(['=', '+', '-', '@', '\t', '\r']),
                "{cell:?} in {line:?}"
            );
        }
    }
    assert!(table.contains("'=1+1") && table.contains("'@SUM(A1)") && table.contains("'=cmd|"), "{table}");
    assert!(project.say(&["export", "--help"]).out.contains("spreadsheet"));
    assert!(project.say(&["export"]).out.contains("\"=1+1\""), "data is data");
}
