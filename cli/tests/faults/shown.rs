//! What a site showed all the while that a run read it: a run that says `complete` has brought that, and none of it is closed.
use std::collections::{HashMap, HashSet};

use sandbox::{Class, Sandbox, Site};

use crate::drive::Ended;
use crate::journal::Journal;
use crate::model::Model;
use crate::verdict::{Verdict, Wrong};

/// What one run was shown, which began afresh and during which the site did not change.
pub struct Shown {
    run: i64,
    site: Site,
    keys: HashSet<String>,
    /// Whether the site's answers told all that was wrong with them.
    telling: bool,
}

impl Shown {
    /// What the run of a start was shown; `None` where it went on with an older run, did not end, or read nothing of the
    /// site.
    pub fn new(ended: &Ended, site: Site, keys: HashSet<String>, telling: bool) -> Option<Self> {
        let (started, end) = (ended.last("run_started")?, ended.last("run_ended")?);
        if started["resumed"] == true
            || end["outcome"] == "stopped"
            || !matches!(started["kind"].as_str(), Some("ordinary" | "sweep"))
        {
            return None;
        }
        Some(Shown { run: started["run"].as_i64()?, site, keys, telling })
    }
}

/// Keys of the sound offers that a site shows.
pub fn keys(sites: &Sandbox, site: Site) -> HashSet<String> {
    let truths = sites.world(|world| world.truth(site)).into_iter();
    truths.filter(|truth| truth.present && truth.class == Class::Valid).map(|truth| truth.id).collect()
}

/// 10: a run is `complete` only with everything; what a site shows is not closed as missing; and of a partition that a
/// run did not read whole it closes nothing as missing.
pub fn honest(shown: &[Shown], model: &Model<'_>, journal: &Journal, verdict: &mut Verdict) {
    let outcomes: HashMap<i64, Option<&str>> =
        journal.runs.iter().map(|run| (run.run, run.outcome.as_deref())).collect();
    let missing = journal.lines.iter().filter(|line| line.reason.as_deref() == Some("not_seen"));
    let closed: Vec<(i64, &str)> =
        missing.filter(|line| line.source == model.source).map(|line| (line.run, line.id.as_str())).collect();
    let partly: HashSet<(i64, &str)> =
        journal.partly.iter().map(|(run, partition)| (*run, partition.as_str())).collect();
    for (run, key) in &closed {
        let partition = journal.partitions.get(&(model.source.to_owned(), (*key).to_owned()));
        if partition.is_some_and(|partition| partly.contains(&(*run, partition.as_str()))) {
            verdict.add(Wrong::Lifecycle, format!("{} {key} is closed by run {run}, which was cut", model.source));
        }
    }
    for shown in shown.iter().filter(|shown| shown.site == model.site && shown.telling) {
        verdict.compared += shown.keys.len() as u64;
        for (run, key) in closed.iter().filter(|(run, key)| *run == shown.run && shown.keys.contains(*key)) {
            verdict.add(Wrong::Lifecycle, format!("{} {key} is shown, and run {run} closes it", model.source));
        }
        if outcomes.get(&shown.run) != Some(&Some("complete")) {
            continue;
        }
        let is_brought = |key: &String| {
            model.brought.get(key.as_str()).is_some_and(|all| all.iter().any(|one| one.page.run == shown.run))
        };
        let lacking = shown.keys.iter().filter(|key| !is_brought(key)).count();
        if lacking > 0 {
            let all = shown.keys.len();
            verdict.add(
                Wrong::Incomplete,
                format!("run {} of {} is complete without {lacking} of {all} offers", shown.run, model.source),
            );
        }
    }
}
