//! What is told of a page: its most frequent flaws, and the reasons of its rejects.
use std::collections::BTreeMap;

use crate::extract::Flaw;
use crate::state::words::{Admit, Fate};

/// The most frequent flaws of a page, by field and message.
pub(super) fn most(flaws: &[Flaw]) -> Vec<(String, u64)> {
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    for flaw in flaws {
        let same = flaw.message.starts_with(&format!("{}: ", flaw.field));
        let text = if same { flaw.message.clone() } else { format!("{}: {}", flaw.field, flaw.message) };
        *counted.entry(text).or_default() += 1;
    }
    ranked(counted)
}

/// The flaws of a page by field.
pub(super) fn fields(flaws: &[Flaw]) -> BTreeMap<String, u64> {
    let mut counted = BTreeMap::new();
    flaws.iter().for_each(|flaw| *counted.entry(flaw.field.clone()).or_default() += 1);
    counted
}

/// The reasons of a part's rejects.
pub(super) fn rejects(admit: &Admit) -> Vec<(String, u64)> {
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    for record in &admit.page.records {
        if let Fate::Rejected(reject) = &record.fate {
            let field = reject.field.as_deref().map_or(String::new(), |field| format!(" {field}"));
            *counted.entry(format!("{}{field}", reject.reason)).or_default() += 1;
        }
    }
    ranked(counted)
}

fn ranked(counted: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut ranked: Vec<(String, u64)> = counted.into_iter().collect();
    ranked.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    ranked.truncate(20);
    ranked
}
