//! The journal with itself: numbers of runs add up, and what is in the quarantine can be mapped again.
use std::path::Path;

use super::{Difference, Kind, VerifyError};
use crate::archive::Checker;
use crate::state::Reader;

/// Compares the numbers of each run of a source with the sum of its pages; how many runs there are.
pub fn totals(reader: &Reader, source: &str, each: &mut dyn FnMut(Difference)) -> Result<u64, VerifyError> {
    let mut runs = 0;
    reader.each_run(source, &mut |sums| {
        runs += 1;
        let mut tell = |message| each(Difference { kind: Kind::Totals, source: source.to_owned(), message });
        if !sums.told.add_up() {
            tell(format!("run {}: its outcomes do not add up to what was fetched: {:?}", sums.run, sums.told));
        }
        if sums.told != sums.summed {
            tell(format!("run {}: it holds {:?}, and its pages come to {:?}", sums.run, sums.told, sums.summed));
        }
    })?;
    Ok(runs)
}

/// Reads the page of each open entry of a source's quarantine, where it is kept.
pub fn held(reader: &Reader, root: &Path, source: &str, each: &mut dyn FnMut(Difference)) -> Result<(), VerifyError> {
    let mut checker = Checker::new(root);
    for (page, number) in reader.held_pages(source)? {
        let mut tell = |why: String| {
            let message =
                format!("entry {number} of the quarantine came from page {page}, which cannot be read: {why}");
            each(Difference { kind: Kind::Quarantine, source: source.to_owned(), message });
        };
        match reader.archiving(source, page)? {
            Some(row) => {
                for at in row.archived.iter().filter(|at| at.of.is_none()) {
                    if let Err(error) = checker.name(at) {
                        tell(error.to_string());
                    }
                }
            }
            None if reader.page(source, &page.to_string())?.is_none() => tell("it is not in the journal".into()),
            None => {}
        }
    }
    Ok(())
}
