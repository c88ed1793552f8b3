//! Whether a slice that was read to its end holds all there is: complete needs evidence.
use super::{Pagination, Progress};

/// What a slice came to that was read to its end.
#[derive(Clone, Debug, PartialEq)]
pub enum Completeness {
    /// Nothing speaks against it, and no total is short.
    Whole,
    /// Fewer distinct keys came than the least total announced.
    Short {
        /// Distinct keys.
        keys: u64,
        /// The least total.
        total: u64,
    },
    /// As many keys came as the least total, and fewer than another one: something may have slipped over a page's edge.
    Doubtful,
    /// Something was lost, or nothing says how much there is; why. Reading it again cannot help.
    Unknown(String),
}

/// Judges a slice that was read to its end.
pub fn judge(pages: &Pagination, progress: &Progress, keys: u64) -> Completeness {
    if let Some(lost) = &progress.lost {
        return Completeness::Unknown(lost.clone());
    }
    if pages.total().is_some_and(|total| !total.approximate) {
        match (progress.least, progress.greatest.max(progress.least)) {
            (Some(least), Some(greatest)) => return counted(progress, keys, least, greatest),
            _ if progress.pages > 0 => return Completeness::Unknown(without_total(progress)),
            _ => {}
        }
    }
    if progress.repeats {
        return Completeness::Unknown("a page came again, and what stands in its place was not read".into());
    }
    Completeness::Whole
}

fn counted(progress: &Progress, keys: u64, least: u64, greatest: u64) -> Completeness {
    let came = progress.received.min(keys);
    match () {
        () if came > greatest => Completeness::Unknown(format!(
            "total: the site announces {greatest} records, and {came} came, so nothing says how many there are; read \
             another total, or write `total: {{at: …, approximate: true}}`"
        )),
        () if keys >= greatest => Completeness::Whole,
        () if keys < least && keys.saturating_add(progress.keyless) >= least => {
            Completeness::Unknown(format!("short: {keys} of {least} records, and {} without a key", progress.keyless))
        }
        () if keys < least => Completeness::Short { keys, total: least },
        () => Completeness::Doubtful,
    }
}

fn without_total(progress: &Progress) -> String {
    let found = progress.no_total.as_deref().unwrap_or("none was announced");
    format!(
        "total: {found}, and no page announces one, so nothing says whether all was read; read another one, or take \
         `total` away"
    )
}
