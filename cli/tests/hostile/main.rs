//! Answers that are meant to hurt, each given to the program as a process of its own: the anonymous memory that it needs at
//! most, and what it says of them.
//!
//! `cargo test -p jobmarket-cli --test hostile -- --nocapture` prints the memory of each.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod answers;
mod measure;
mod site;
mod table;

use std::sync::OnceLock;

use libtest_mimic::{Arguments, Failed, Trial};

use measure::Measured;
use table::Case;

/// What may be needed besides what a run of three records needs, in KiB.
const MOST: u64 = 64 << 10;

fn main() {
    let trials = table::cases().into_iter().map(|case| Trial::test(case.name, move || check(&case)));
    // One after the other: the machine's memory is shared, and so are its cores.
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

/// The memory of a run of three records.
fn base() -> u64 {
    static BASE: OnceLock<u64> = OnceLock::new();
    *BASE.get_or_init(|| {
        let Measured { anonymous, said, .. } = measure::run(&Case::new("base", |_| answers::rows(3)));
        assert!(said.contains("complete"), "{said}");
        anonymous
    })
}

fn check(case: &Case) -> Result<(), Failed> {
    let base = base();
    let Measured { anonymous, seconds, said, code } = measure::run(case);
    println!("{:<44} {:>6} MiB above the base, {seconds:.1} s", case.name, anonymous.saturating_sub(base) >> 10);
    if code.is_none() {
        return Err(format!("it was killed or did not end: {said}").into());
    }
    if let Some(missing) = case.says.iter().find(|words| !said.contains(**words)) {
        return Err(format!("it does not say `{missing}`, but: {said}").into());
    }
    if anonymous > base + MOST {
        return Err(format!("it needs {} MiB more than a run of three records", (anonymous - base) >> 10).into());
    }
    Ok(())
}
