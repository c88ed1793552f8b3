//! The rules of the house: layers, file length, first sentences. Each breach is named as `file:line`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::path::{Path, PathBuf};

/// Layers from the words up; within one, from left to right. Families of rules may import `convert` and no other.
const LAYERS: [&[&str]; 7] = [
    &[
        "tree",
        "bounds",
        "redact",
        "printable",
        "scalar",
        "schema",
        "offer",
        "document",
        "search",
        "exchange",
        "position",
        "event",
        "finding",
    ],
    &["convert", "auth", "paginate", "decode", "step"],
    &["definition", "extract", "plan", "board"],
    &["crash", "files", "fetch", "archive", "state", "sink", "store"],
    &["run"],
    &["retention", "backup", "verify"],
    &["report"],
];

/// `extract` is compiled into a plan and reads definitions; `finding` is a word that definitions print. These imports
/// go the other way for a type alone, and are listed rather than hidden.
const ALLOWED: [(&str, &str); 11] = [
    ("scalar", "exchange"),
    ("search", "scalar"),
    ("search", "schema"),
    ("search", "convert"),
    ("offer", "schema"),
    ("event", "offer"),
    ("extract", "plan"),
    ("archive", "state"),
    ("fetch", "plan"),
    ("sink", "state"),
    ("store", "state"),
];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all(folders: &[&str]) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    folders.iter().for_each(|folder| rust_files(&root.join(folder), &mut files));
    files
        .into_iter()
        .map(|path| (path.strip_prefix(root).unwrap().display().to_string(), fs::read_to_string(&path).unwrap()))
        .collect()
}

fn rank(module: &str) -> Option<(usize, usize)> {
    LAYERS
        .iter()
        .enumerate()
        .find_map(|(layer, modules)| modules.iter().position(|known| *known == module).map(|place| (layer, place)))
}

/// The lines of a file before its tests.
fn before_tests(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .map(|(number, line)| (number + 1, line))
}

#[test]
fn modules_import_only_lower_layers() {
    let mut breaches = Vec::new();
    for (path, text) in all(&["src"]) {
        let module = path.trim_start_matches("src/").split(['/', '.']).next().unwrap().to_owned();
        let Some(own) = rank(&module) else { continue };
        for (number, line) in before_tests(&text).filter(|_| !path.ends_with("tests.rs")) {
            let code = line.split("//").next().unwrap();
            for part in code.split("crate::").skip(1) {
                let used: String = part.chars().take_while(|sign| sign.is_alphanumeric() || *sign == '_').collect();
                let Some(other) = rank(&used) else { continue };
                let same_family = own.0 == 1 && other.0 == 1 && used != "convert";
                let upward = other > own || (same_family && used != module);
                if used != module && upward && !ALLOWED.contains(&(module.as_str(), used.as_str())) {
                    breaches.push(format!("{path}:{number}: {module} imports {used}"));
                }
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn the_lower_layers_are_pure() {
    let forbidden = [
        "Utc::now",
        "std::fs",
        "std::env",
        "tokio::",
        "reqwest",
        "async fn",
        "SystemTime",
        "Instant::now",
        "std::net::Tcp",
    ];
    let pure: Vec<&str> = LAYERS[..3].iter().flat_map(|layer| layer.iter().copied()).collect();
    let mut breaches = Vec::new();
    for (path, text) in all(&["src"]).into_iter().filter(|(path, _)| !path.ends_with("tests.rs")) {
        let module = path.trim_start_matches("src/").split(['/', '.']).next().unwrap().to_owned();
        if !pure.contains(&module.as_str()) {
            continue;
        }
        for (number, line) in before_tests(&text) {
            let code = line.split("//").next().unwrap();
            breaches.extend(
                forbidden.iter().filter(|word| code.contains(**word)).map(|word| format!("{path}:{number}: {word}")),
            );
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut breaches = Vec::new();
    for (path, text) in all(&["src", "cli", "sandbox", "tests"]) {
        if !text.starts_with("//! ") {
            breaches.push(format!("{path}:1: no first sentence"));
        }
        let length = before_tests(&text).count();
        if length > 400 {
            breaches.push(format!("{path}:{length}: {length} lines before the tests, 400 at most"));
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

/// Which store it is, nobody asks above the seam: the engine has a `Target`, commands have an `AnyStore`.
#[test]
fn no_store_is_named_above_the_seam() {
    let mut breaches = Vec::new();
    for (path, text) in all(&["src/run", "src/state", "cli/src/commands"]) {
        let lines = text.lines().enumerate().filter(|(_, line)| line.to_lowercase().contains("elastic"));
        breaches.extend(lines.map(|(number, _)| format!("{path}:{}", number + 1)));
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

/// Offer fields are named in the schema's list of what the program needs, in steps, and nowhere else in the engine.
#[test]
fn offer_fields_are_named_in_one_place() {
    let named =
        ["\"company.name\"", "\"location.label\"", "\"contract.type\"", "\"published_at\"", "\"occupation.code\""];
    let engine =
        ["src/plan", "src/run", "src/state", "src/sink", "src/fetch", "src/archive", "src/extract", "src/paginate"];
    let mut breaches = Vec::new();
    for (path, text) in all(&engine) {
        for (number, line) in before_tests(&text) {
            breaches.extend(
                named.iter().filter(|name| line.contains(**name)).map(|name| format!("{path}:{number}: {name}")),
            );
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}
