//! The judgement of a run by its pages: too many rejects, nothing where something was, details that failed, flaws that rise.
use super::{RunError, Shared, expect};
use crate::event::{Alert, AlertKind, Counts, EventKind, Outcome, RunKind};
use crate::state::words::{Quality, Shown};
use crate::state::{AlertRow, Reader};

/// What was found.
#[derive(Default)]
pub(super) struct Judged {
    /// Why the run fails.
    pub fails: Option<String>,
    /// Why it is not complete, though it read all that it asked for.
    pub lacks: Option<String>,
    /// Whether offers that were not seen may be closed.
    pub closes: bool,
    /// Whether a sweep counts: not with fewer or more records than expected, for it nor for later ones.
    pub counts: bool,
}

/// From this many records on a share of rejects fails a run,
const RECORDS: u64 = 500;
/// which is this one, unless `expect.rejects` says otherwise.
const REJECTS: f64 = 0.2;
/// Runs that flaws are compared with.
const BEFORE: usize = 5;
/// Flaws rise when their share is so much above that of the runs before,
const RISE: f64 = 0.2;
/// and so many records have one.
const FLAWED: u64 = 3;

/// Partitions that show nothing any more count in the outcome when they had so much of the open offers.
const DRY: f64 = 0.2;

/// Judges a run of the site, and writes down what is wrong until a later run is without it.
pub(super) async fn judge(shared: &Shared, kind: RunKind, read: Outcome) -> Result<Judged, RunError> {
    let (state, source) = (&shared.engine.state, &shared.plan.source);
    let whole = matches!(kind, RunKind::Sweep | RunKind::Ordinary);
    let fails = rejects(shared, whole, read)?;
    // What this very run found before it was interrupted is not known from before.
    let before: Vec<AlertRow> = state.alerts(source).await?.into_iter().filter(|row| row.run != shared.run).collect();
    let (mut judged, mut found, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    let expected = expect::judge(shared, kind).await?;
    if whole {
        judged.push(AlertKind::Fields);
    }
    if kind == RunKind::Sweep || kind == RunKind::Ordinary && shared.plan.windows.is_none() {
        judged.push(AlertKind::NoRecords);
        shown = state.shown(shared.run, source, &shared.plan.fingerprints.request).await?;
        found.extend(empty(&shown, &before));
    }
    if kind == RunKind::Sweep {
        judged.push(AlertKind::Records);
    }
    let (quality, earlier) = state.quality(shared.run, BEFORE).await?;
    if quality.details > 0 || kind == RunKind::Sweep {
        judged.push(AlertKind::Details);
        found.extend(details(&quality));
    }
    let closes = fails.is_none() && expected.is_empty();
    let counts = expected.iter().all(|alert| alert.kind() != AlertKind::Records);
    found.extend(expected);
    if quality.mapped > 0 {
        judged.push(AlertKind::Flaws);
        found.extend(flaws(&quality, &earlier, &before));
    }
    let lacks = lacks(&found, &before, &shown);
    for alert in &found {
        shared.emit(EventKind::Alerted(alert.clone()));
    }
    state.alert(source, (shared.run, shared.now), judged, found).await?;
    Ok(Judged { fails, lacks, closes, counts })
}

/// Why a run fails by its rejects: too large a share of them, or nothing else. `whole` is false where a person chose the
/// windows: `expect` does not judge that.
fn rejects(shared: &Shared, whole: bool, read: Outcome) -> Result<Option<String>, RunError> {
    let reader = reader(shared)?;
    let (counts, source) = (reader.run(shared.run)?.unwrap_or_default(), &shared.plan.source);
    let written = shared.plan.expect.as_ref().and_then(|expect| expect.rejects).map(|share| share.fraction());
    let reasons = reader.reasons(source, Some(shared.run))?;
    // A page that could not be read counts as a record, and has made its slice partial: that says it better.
    let is_page = |(reason, _): &&(String, u64)| reason == "decode" && read != Outcome::Complete;
    let pages: u64 = reasons.iter().filter(is_page).map(|(_, count)| count).sum();
    let Counts { fetched, filtered, rejected, .. } = counts;
    let shown = format!("`jobmarket quarantine list {source}` shows them");
    if rejected > pages && rejected - pages == (fetched - filtered).saturating_sub(pages) {
        let named: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        return Ok(Some(format!("all of {rejected} records were rejected ({}); {shown}", named.join(", "))));
    }
    let (most, from) = written.map_or((REJECTS, RECORDS), |share| (share, 1));
    let share = rejected as f64 / fetched.max(1) as f64;
    let fails = whole && fetched >= from && share > most + 1e-9;
    Ok(fails
        .then(|| format!("{rejected} of {fetched} records were rejected, more than {:.0} %: {shown}", most * 100.0)))
}

pub(super) fn reader(shared: &Shared) -> Result<Reader, RunError> {
    Reader::open(shared.engine.state.dir())?.ok_or_else(|| RunError::Lost("state.db".into()))
}

/// Partitions that were read to their ends and brought no record, where offers are open; the source itself, where none of
/// several brought one. What was so before stays for those that were not read to their ends.
fn empty(shown: &[Shown], before: &[AlertRow]) -> Vec<Alert> {
    if shown.len() > 1 && shown.iter().all(|shown| shown.whole && shown.records == 0) {
        let open = shown.iter().map(|shown| shown.open).sum();
        return if open > 0 { vec![Alert::NoRecords { partition: String::new(), open }] } else { Vec::new() };
    }
    let is_empty = |shown: &&Shown| shown.whole && shown.records == 0 && shown.open > 0;
    let now = shown.iter().filter(is_empty).map(|shown| {
        let (partition, open) = (shown.partition.clone(), shown.open);
        Alert::NoRecords { partition, open }
    });
    let still = before.iter().map(|row| &row.alert).filter(|alert| {
        alert.kind() == AlertKind::NoRecords
            && shown.iter().any(|shown| shown.partition == alert.subject() && !shown.whole)
    });
    now.chain(still.cloned()).collect()
}

/// Detail calls that failed, by reason, the most frequent first.
fn details(quality: &Quality) -> Option<Alert> {
    let failed: u64 = quality.failed.values().sum();
    let mut reasons: Vec<(String, u64)> = quality.failed.clone().into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    (failed > 0).then_some(Alert::Details { failed, of: quality.details, reasons })
}

/// Fields whose share of flaws rose: against the runs before, or against what it was when it rose.
fn flaws(quality: &Quality, earlier: &[Quality], before: &[AlertRow]) -> Vec<Alert> {
    let share = |quality: &Quality, field: &str| {
        let flawed = quality.flaws.get(field).copied().unwrap_or(0).min(quality.mapped);
        flawed as f64 / quality.mapped.max(1) as f64
    };
    let usual = |field: &str| {
        let risen = before.iter().find_map(|row| match &row.alert {
            Alert::Flaws { field: known, before, .. } if known == field => Some(*before),
            _ => None,
        });
        let mut shares: Vec<f64> = earlier.iter().map(|quality| share(quality, field)).collect();
        shares.sort_by(f64::total_cmp);
        risen.or(shares.get(shares.len() / 2).copied())
    };
    let risen = quality.flaws.iter().filter_map(|(field, count)| {
        let (before, flawed) = (usual(field)?, (*count).min(quality.mapped));
        let rises = flawed >= FLAWED && share(quality, field) >= before + RISE;
        rises.then(|| Alert::Flaws { field: field.clone(), flawed, of: quality.mapped, before })
    });
    risen.collect()
}

/// Why a run is not complete. Flaws that rose in an earlier run are known. A source that shows nothing is partial until it
/// shows something; of several partitions some may run dry any day, which is told as long as it lasts, and counts once,
/// where they had a large share of the open offers.
fn lacks(found: &[Alert], before: &[AlertRow], shown: &[Shown]) -> Option<String> {
    let known = |alert: &Alert| {
        before.iter().any(|row| row.alert.kind() == alert.kind() && row.alert.subject() == alert.subject())
    };
    let dry = found.iter().filter(|alert| !known(alert)).map(|alert| match alert {
        Alert::NoRecords { open, .. } => *open,
        _ => 0,
    });
    let (dry, open): (u64, u64) = (dry.sum(), shown.iter().map(|shown| shown.open).sum());
    let some_show = shown.iter().any(|shown| shown.records > 0);
    let counts = |alert: &&Alert| match alert.kind() {
        AlertKind::Flaws => !known(alert),
        AlertKind::NoRecords if some_show => !known(alert) && dry as f64 >= DRY * open as f64,
        AlertKind::NoRecords | AlertKind::Records | AlertKind::Fields | AlertKind::Details | AlertKind::Lost => true,
    };
    let mut new = found.iter().filter(counts);
    let first = new.next()?.text();
    Some(match new.count() {
        0 => first,
        more => format!("{first} (and {more} more)"),
    })
}
