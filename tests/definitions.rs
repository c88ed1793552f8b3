//! The shipped definitions read without a finding, and what users write wrong is told as it should be.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::path::Path;

use jobmarket::definition::{self, Text, render};

fn shipped() -> Vec<Text> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    for folder in ["", "sources", "mappings", "mappings/lookups"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let file = entry.unwrap().path();
            if file.extension().is_some_and(|extension| extension == "yaml") && file.is_file() {
                let path = file.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                texts.push(Text { path, text: std::fs::read_to_string(&file).unwrap() });
            }
        }
    }
    texts.sort_by(|a, b| a.path.cmp(&b.path));
    texts
}

fn told(texts: &[Text]) -> String {
    let (definitions, findings) = definition::read(texts);
    render::text(&findings, &definitions, false)
}

#[test]
fn the_shipped_files_have_no_finding() {
    assert_eq!(told(&shipped()), "");
    assert_eq!(definition::read(&shipped()).0.sources.len(), 25);
}

/// Files under `tests/definitions/`: `file`, what is found there, what it is replaced by, and what is told then.
#[test]
fn mutations_are_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/definitions");
    let cases = std::fs::read_to_string(folder.join("mutations.txt")).unwrap();
    let mut found = String::new();
    for case in cases.split("\n---\n").filter(|case| !case.trim().is_empty()) {
        let mut lines = case.trim_start_matches('\n').splitn(2, '\n');
        let file = lines.next().unwrap().trim();
        let (find, replace) = lines.next().unwrap().split_once("\n=>\n").unwrap();
        let mut texts = shipped();
        let text = &mut texts.iter_mut().find(|text| text.path == file).unwrap_or_else(|| panic!("{file}")).text;
        assert!(text.contains(find), "{file} holds {find:?}");
        *text = text.replacen(find, replace.trim_end_matches('\n'), 1);
        let told = told(&texts);
        assert_ne!(told, "", "{file}: {find} => {replace}");
        found += &format!("##### {file}: {} => {}\n{told}\n", find.trim(), replace.trim());
    }
    let expect = folder.join("told.txt");
    if std::env::var_os("JOBMARKET_BLESS").is_some() {
        std::fs::write(&expect, &found).unwrap();
    }
    let expect = std::fs::read_to_string(expect).unwrap();
    for (found, expect) in found.split("##### ").zip(expect.split("##### ")) {
        assert_eq!(found, expect);
    }
    assert_eq!(found, expect);
}

/// Whatever line a user loses, reading ends with findings or none, and never with a panic.
#[test]
fn a_lost_line_never_panics() {
    for path in [
        "sources/francetravail.yaml",
        "sources/linkedin.yaml",
        "sources/workday.yaml",
        "mappings/offer.yaml",
        "pipelines.yaml",
    ] {
        let texts = shipped();
        let index = texts.iter().position(|text| text.path == path).unwrap();
        for lost in 0..texts[index].text.lines().count() {
            let mut texts = texts.clone();
            let kept: Vec<&str> =
                texts[index].text.lines().enumerate().filter(|(line, _)| *line != lost).map(|(_, line)| line).collect();
            texts[index].text = kept.join("\n");
            told(&texts);
        }
    }
}
