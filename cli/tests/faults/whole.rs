//! What a run's `complete` means behind another hand: the store holds all that was ever committed of the source, in its
//! last revision.
use std::collections::{HashMap, HashSet};

use sandbox::World;

use crate::model::Model;
use crate::stored::Stored;
use crate::verdict::{Verdict, Wrong};

/// A source as it is stored.
pub struct Whole<'w> {
    pub model: &'w Model<'w>,
    pub stored: &'w HashMap<&'w str, &'w Stored>,
    /// Offers whose documents a hand deleted or edited, which only a sweep compares.
    pub excused: &'w HashSet<(String, String)>,
}

/// Everything that was committed is stored; `what` is what says so.
pub fn whole(world: &World, whole: &Whole<'_>, what: &str, verdict: &mut Verdict) {
    let Whole { model, stored, excused } = whole;
    let (mut lost, mut old) = (Vec::new(), Vec::new());
    for truth in world.truth(model.site) {
        let last = model.last(&truth.id);
        // A posting whose own page was gone is kept aside, or stays as it was.
        let is_settled = !last.is_empty() && (truth.present || model.has_detail(&truth.id));
        if !is_settled || excused.contains(&(model.source.to_owned(), truth.id.clone())) {
            continue;
        }
        verdict.compared += 1;
        let Some(stored) = stored.get(truth.id.as_str()) else {
            lost.push(truth.id);
            continue;
        };
        let is_last = |revision| last.contains(&revision) || model.is_ahead(&truth.id, revision);
        if stored.document["closed_reason"] != "gone" && !stored.revision().is_some_and(is_last) {
            old.push(truth.id);
        }
    }
    for (keys, how) in [(lost, "lacks"), (old, "holds old ones of")] {
        if let Some(first) = keys.first() {
            verdict.add(Wrong::Unsaid, format!("{what}: the store {how} {} offers, such as {first}", keys.len()));
        }
    }
}

/// Everything that the site shows is stored as it shows it.
pub fn shown(world: &World, whole: &Whole<'_>, what: &str, verdict: &mut Verdict) {
    let Whole { model, stored, .. } = whole;
    let truths = world.truth(model.site).into_iter();
    let shown = truths.filter(|truth| truth.present && model.takes(truth.class));
    let wrong: Vec<String> = shown
        .filter(|truth| {
            let stored = stored.get(truth.id.as_str());
            stored.and_then(|stored| stored.revision()) != Some(truth.revision)
        })
        .map(|truth| truth.id)
        .collect();
    if let Some(first) = wrong.first() {
        verdict.add(Wrong::Lost, format!("{what}: {} shown offers are not stored so, such as {first}", wrong.len()));
    }
}
