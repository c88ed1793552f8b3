//! Every key of the reference has its effect: changing its value changes what is requested, kept or told.
//!
//! A key without a row in `table/` fails by its name. `cargo test -p jobmarket-cli --test keys NAME` plays one.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "../field/case.rs"]
#[allow(dead_code, reason = "cases are not read from files here")]
mod case;
mod fingerprints;
#[path = "../field/play.rs"]
mod play;
mod table;
#[path = "../field/transcript.rs"]
#[allow(dead_code, reason = "transcripts are not compared with files here")]
mod transcript;

use std::path::Path;

use jobmarket::definition::{self, reference};
use libtest_mimic::{Arguments, Failed, Trial};
use table::Row;

fn main() {
    let rows = table::rows();
    let keys: Vec<String> = reference_keys();
    let mut trials: Vec<Trial> = rows
        .iter()
        .cloned()
        .map(|row| Trial::test(row.key.clone(), move || check(&row)))
        .chain(shared(&keys, &rows).into_iter().map(|row| Trial::test(row.key.clone(), move || check(&row))))
        .collect();
    let right = fingerprints::right(&rows);
    let all: Vec<Row> = right.iter().cloned().chain(shared(&keys, &right)).collect();
    trials.push(Trial::test("each key changes the fingerprints that are its own", move || fingerprints::check(&all)));
    trials.push(Trial::test("each key has a row", move || covered(&keys, &rows)));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// All keys, each behind the kind of its file.
fn reference_keys() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (definitions, _) = definition::read(&jobmarket::files::project(&root).unwrap());
    reference::keys(&definitions.schema).iter().map(|key| format!("{} {}", key.file, key.path)).collect()
}

/// A shared part says what a source says: the rows of those keys are played with the line in the part.
fn shared(keys: &[String], rows: &[Row]) -> Vec<Row> {
    let own = |key: &String| rows.iter().any(|row| row.key == *key);
    let names = keys.iter().filter(|key| !own(key)).filter_map(|key| key.strip_prefix("shared "));
    let same = names.filter_map(|name| rows.iter().find(|row| row.key == format!("source {name}")));
    same.map(Row::in_a_shared_part).collect()
}

fn covered(keys: &[String], rows: &[Row]) -> Result<(), Failed> {
    let moved = shared(keys, rows);
    let has = |key: &String| rows.iter().chain(&moved).any(|row| row.key == *key);
    let missing: Vec<&String> = keys.iter().filter(|key| !has(key)).collect();
    let gone: Vec<&String> = rows.iter().map(|row| &row.key).filter(|key| !keys.contains(key)).collect();
    match missing.is_empty() && gone.is_empty() {
        true => Ok(()),
        false => Err(format!("keys without a row: {missing:#?}\nrows without a key: {gone:#?}").into()),
    }
}

/// Plays both values: what the second one shows, the first one does not.
fn check(row: &Row) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (a, b) = (runtime.block_on(play::play(&row.a))?, runtime.block_on(play::play(&row.b))?);
    let shows = regex::Regex::new(&row.shows)?;
    match (shows.is_match(&a), shows.is_match(&b)) {
        (false, true) => Ok(()),
        (_, shown) => {
            let is = if shown { "shown by both values" } else { "not shown" };
            Err(format!("`{}` is {is}\n--- a\n{a}--- b\n{b}", row.shows).into())
        }
    }
}
