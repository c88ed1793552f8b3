//! The judge: store, journal, quarantine, change log and numbers against the model, record by record.
use std::collections::{BTreeMap, HashMap, HashSet};

use jobmarket::event::Counts;
use sandbox::ledger::digest;
use sandbox::{Body, Class, Ledger, Sandbox, Truth, World};

use crate::journal::{Journal, Letter};
use crate::model::Model;
use crate::project::SOURCES;
use crate::shown::{Shown, honest};
use crate::stored::{Stored, equals};
use crate::verdict::{Verdict, Wrong};

/// What is judged.
pub struct Case<'c> {
    pub sites: &'c Sandbox,
    pub journal: &'c Journal,
    pub stored: &'c [Stored],
    /// What runs were shown that nothing changed meanwhile.
    pub shown: &'c [Shown],
    /// Whether the store refuses what the embedded one takes.
    pub refuses: bool,
}

/// Judges everything after the last runs, which nothing disturbed.
pub fn judge(case: &Case<'_>) -> Verdict {
    let mut verdict = Verdict::default();
    case.sites.world(|world| {
        case.sites.ledger(|ledger| {
            for (source, site) in SOURCES {
                let model = Model::new(source, site, case.refuses, case.journal, ledger);
                offers(world, &model, &of(case.stored, source, &mut verdict), &mut verdict);
                letters(&model, &case.journal.letters, source, &mut verdict);
                pages(&model, &mut verdict);
                honest(case.shown, &model, case.journal, &mut verdict);
            }
            polite(ledger, &mut verdict);
        });
    });
    numbers(case.journal, &mut verdict);
    change_log(case.journal, &mut verdict);
    verdict
}

/// The stored offers of a source by their keys; each must be there once.
pub fn of<'s>(stored: &'s [Stored], source: &str, verdict: &mut Verdict) -> HashMap<&'s str, &'s Stored> {
    let mut found = HashMap::new();
    for stored in stored.iter().filter(|stored| stored.source == source) {
        if found.insert(stored.key.as_str(), stored).is_some() {
            verdict.add(Wrong::Doubled, format!("{source} {}", stored.key));
        }
    }
    found
}

/// 1, 2 and 4: what is shown is stored and open, what is gone is closed with a reason, and nothing else is there.
fn offers(world: &World, model: &Model<'_>, stored: &HashMap<&str, &Stored>, verdict: &mut Verdict) {
    let truths = world.truth(model.site);
    for truth in &truths {
        verdict.compared += 1;
        let last = model.last(&truth.id);
        match stored.get(truth.id.as_str()) {
            Some(stored) => offer(world, model, truth, &last, stored, verdict),
            None if !last.is_empty() && (truth.present || model.has_detail(&truth.id)) => {
                verdict.add(Wrong::Lost, format!("{:?} {}, brought as {last:?}", model.site, truth.id));
            }
            None if truth.present && model.takes(truth.class) => {
                verdict.add(Wrong::Lost, format!("{:?} {}, never brought", model.site, truth.id));
            }
            None => {}
        }
    }
    let known: HashSet<&str> = truths.iter().map(|truth| truth.id.as_str()).collect();
    for key in stored.keys().filter(|key| !known.contains(**key)) {
        verdict.add(Wrong::Phantom, format!("{:?} {key} is stored", model.site));
    }
}

fn offer(world: &World, model: &Model<'_>, truth: &Truth, last: &[u32], stored: &Stored, verdict: &mut Verdict) {
    let name = format!("{:?} {}", model.site, truth.id);
    let shown = truth.present && model.takes(truth.class);
    let Some(revision) = stored.revision() else {
        return verdict.add(Wrong::Stale, format!("{name} names no revision"));
    };
    // A posting whose own page was gone is closed by that, as it was: the list alone did not bring it.
    let gone = stored.document["closed_reason"] == "gone";
    let is_last = last.contains(&revision) || model.is_ahead(&truth.id, revision);
    verdict.ahead += u64::from(is_last && !last.contains(&revision));
    if !model.was_served(&truth.id, revision) {
        verdict.add(Wrong::Phantom, format!("{name} in revision {revision}, which was never served"));
    } else if shown && revision != truth.revision || !is_last && !gone {
        verdict.add(Wrong::Stale, format!("{name} is {revision}, brought as {last:?}, shown as {}", truth.revision));
    }
    // What a second call brought may be of another revision than the list, until both are read again.
    let exact = shown || model.site != sandbox::Site::SmartRecruiters;
    let record = world.record_at(model.site, &truth.id, revision);
    if exact
        && truth.class != Class::Poison
        && !record.is_some_and(|record| equals(model.site, &stored.document, &record))
    {
        verdict.add(Wrong::Stale, format!("{name} does not say what the site said in revision {revision}"));
    }
    if shown && stored.is_closed() {
        verdict.add(Wrong::Lifecycle, format!("{name} is shown and closed: {}", stored.document["closed_reason"]));
    }
    let reason = stored.document["closed_reason"].as_str();
    // A posting whose own page was gone before the list was read again is closed by that.
    let rightly = stored.is_closed() && matches!(reason, Some("not_seen" | "gone"));
    if !truth.present && !rightly {
        verdict.add(Wrong::Lifecycle, format!("{name} is gone and open, or closed without a reason: {reason:?}"));
    }
}

/// 3: each record that was rejected or refused, in each of its revisions, is in the quarantine once, with its raw form.
fn letters(model: &Model<'_>, letters: &[Letter], source: &str, verdict: &mut Verdict) {
    let mut expected: HashMap<(String, Option<u64>), bool> = HashMap::new();
    for (page, served, _) in &model.pages {
        if served.body == Body::Broken {
            expected.insert((format!("{}:0", page.version), None), false);
        }
    }
    for (key, all) in &model.brought {
        for one in all {
            match one.class {
                Class::Rejected => expected.insert((key.to_string(), Some(one.digest)), false),
                // A record whose text cannot be read has no digest; its letter says `decode`, as that of a page does.
                Class::Keyless => {
                    let digest = (one.digest != 0).then_some(one.digest);
                    expected.insert((format!("{}:{}", one.page.version, one.item), digest), false)
                }
                // What a later page superseded before it was written was never refused.
                Class::Poison if model.refuses && !all.iter().any(|other| overlaps(one.served, other.served)) => {
                    expected.insert((key.to_string(), Some(one.digest)), false)
                }
                _ => None,
            };
        }
    }
    for letter in letters.iter().filter(|letter| letter.source == source) {
        verdict.compared += 1;
        let raw = letter.raw.as_deref().and_then(|raw| serde_json::from_slice(raw).ok());
        let digest = if letter.reason == "decode" { None } else { Some(raw.map_or(0, |raw| digest(&raw))) };
        match expected.get_mut(&(letter.place.clone(), digest)) {
            Some(found) if !*found => *found = true,
            Some(_) => verdict.add(Wrong::LetterDoubled, format!("{source} {} ({})", letter.place, letter.reason)),
            None if letter.reason.starts_with("store") && digest.is_some_and(|digest| was(model, letter, digest)) => {}
            None => verdict.add(
                Wrong::LetterDoubled,
                format!("{source} {} ({}) was not rejected in this form", letter.place, letter.reason),
            ),
        }
    }
    for ((place, _), _) in expected.into_iter().filter(|(_, found)| !found) {
        verdict.add(Wrong::LetterMissing, format!("{source} {place}"));
    }
}

fn overlaps(one: &sandbox::Served, other: &sandbox::Served) -> bool {
    one.asked != other.asked && !one.before(other) && !other.before(one)
}

/// Whether it is a record that the store refuses, of pages that overlapped.
fn was(model: &Model<'_>, letter: &Letter, digest: u64) -> bool {
    let all = model.brought.get(letter.place.as_str()).into_iter().flatten();
    all.filter(|one| one.class == Class::Poison && model.refuses).any(|one| one.digest == digest)
}

/// 5, page by page: a page counts as many records as the site served in it, and as many rejects as it spoilt.
fn pages(model: &Model<'_>, verdict: &mut Verdict) {
    for page in &model.foreign {
        verdict.add(Wrong::Phantom, format!("page {} of {} was never served", page.version, page.source));
    }
    let of = |page: u64, classes: &[Class]| {
        let all = model.brought.values().flatten();
        all.filter(|one| one.page.version == page && classes.contains(&one.class)).count() as u64
    };
    for (page, served, count) in &model.pages {
        let name = format!("page {} of {}", page.version, page.source);
        verdict.same(Wrong::Ledger, format!("records of {name}"), page.counts.fetched, *count as u64);
        let least = of(page.version, &[Class::Rejected, Class::Keyless]) + u64::from(served.body == Body::Broken);
        let most = if model.refuses { least + of(page.version, &[Class::Poison]) } else { least };
        if !(least..=most).contains(&page.counts.rejected) {
            verdict
                .add(Wrong::Ledger, format!("rejects of {name}: {}, {least} to {most} expected", page.counts.rejected));
        }
    }
}

/// 5: what was fetched has one outcome each, and a run is the sum of its pages.
fn numbers(journal: &Journal, verdict: &mut Verdict) {
    let mut sums: BTreeMap<i64, Counts> = BTreeMap::new();
    let (mut rejected, mut times) = (0, 0);
    for page in &journal.pages {
        if !page.counts.add_up() {
            verdict.add(Wrong::Ledger, format!("page {} does not add up: {:?}", page.version, page.counts));
        }
        sums.entry(page.run).or_default().add(&page.counts);
        rejected += page.counts.rejected;
    }
    for run in &journal.runs {
        if !run.counts.add_up() {
            verdict.add(Wrong::Ledger, format!("run {} of {} does not add up: {:?}", run.run, run.source, run.counts));
        }
        let sum = sums.remove(&run.run).unwrap_or_default();
        verdict.same(Wrong::Ledger, format!("run {} and its pages", run.run), run.counts, sum);
    }
    times += journal.letters.iter().map(|letter| letter.times).sum::<u64>();
    verdict.same(Wrong::Ledger, "records rejected, and entries times how often they came", rejected, times);
}

/// 6: one line for each offer that a page indexed, and one for each that a run closed.
fn change_log(journal: &Journal, verdict: &mut Verdict) {
    let mut seen = HashSet::new();
    let mut written: BTreeMap<(&str, u64), u64> = BTreeMap::new();
    let mut closed: BTreeMap<i64, u64> = BTreeMap::new();
    for line in &journal.lines {
        if !seen.insert((line.run, &line.id, line.page, &line.closed)) {
            verdict.add(Wrong::ChangeLog, format!("{} of page {} is there twice", line.id, line.page));
        }
        match line.closed {
            Some(_) => *closed.entry(line.run).or_default() += 1,
            None => *written.entry((&line.source, line.page)).or_default() += 1,
        }
    }
    for page in journal.pages.iter().filter(|page| page.kind == "list") {
        let lines = written.remove(&(page.source.as_str(), page.version)).unwrap_or_default();
        verdict.same(
            Wrong::ChangeLog,
            format!("lines of page {} of {}", page.version, page.source),
            lines,
            page.counts.indexed,
        );
    }
    for ((source, page), lines) in written {
        verdict.add(Wrong::ChangeLog, format!("{lines} lines of page {page} of {source}, which was not committed"));
    }
    for run in &journal.runs {
        let lines = closed.remove(&run.run).unwrap_or_default();
        verdict.same(Wrong::ChangeLog, format!("closings of run {}", run.run), lines, run.counts.closed);
    }
}

/// 9: nobody was asked before the time that it had asked for was over, and nobody whom only a redirect named.
fn polite(ledger: &Ledger, verdict: &mut Verdict) {
    if ledger.strayed > 0 {
        verdict.add(Wrong::Strayed, format!("{} requests at an origin that only a redirect named", ledger.strayed));
    }
    if ledger.early > 0 {
        verdict.add(Wrong::Impolite, format!("{} requests before Retry-After was over", ledger.early));
    }
}
