//! Situations from the field, played on a scripted site as pairs of text: what a site does, and all that the program does.
//!
//! `JOBMARKET_BLESS=1 cargo test -p jobmarket-cli --test field NAME` writes the transcripts of the cases that hold NAME.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod case;
mod play;
mod transcript;

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    // What a user keeps to himself: secrets that are open to others are told.
    jobmarket::files::keep_private();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field/cases");
    let trials = cases(&root).into_iter().map(|path| {
        let name = path.strip_prefix(&root).unwrap().with_extension("").display().to_string();
        Trial::test(name, move || check(&path))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

/// All cases, in the order of their names.
fn cases(root: &Path) -> Vec<PathBuf> {
    let entries =
        |folder: &Path| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let mut paths: Vec<PathBuf> = entries(root).iter().flat_map(|folder| entries(folder)).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    paths
}

/// Plays a case and compares its transcript with the one beside it.
fn check(path: &Path) -> Result<(), Failed> {
    let case = case::read(path)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let found = runtime.block_on(play::play(&case))?;
    let expected = path.with_extension("out");
    if std::env::var_os("JOBMARKET_BLESS").is_some() {
        return Ok(std::fs::write(expected, found)?);
    }
    let written = std::fs::read_to_string(&expected).unwrap_or_default();
    if found == written {
        return Ok(());
    }
    Err(transcript::difference(&written, &found).into())
}
