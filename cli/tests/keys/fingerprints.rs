//! Which fingerprints each key changes: those of the two values of its row, as plans.
//! `JOBMARKET_BLESS=1` writes them again.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jobmarket::definition::{self, Text};
use jobmarket::finding::{Finding, Level};
use jobmarket::plan::{Ask, Fingerprints, Origins, Surroundings, compile};
use libtest_mimic::Failed;

use crate::case::Case;
use crate::table::Row;

/// A file in the folder of this test.
fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name)
}

/// The rows, with the values of `right.yaml` where that names the key.
pub fn right(rows: &[Row]) -> Vec<Row> {
    let text = std::fs::read_to_string(beside("right.yaml")).unwrap();
    let right: BTreeMap<String, [String; 2]> = serde_saphyr::from_str(&text).unwrap();
    let known = |key: &String| rows.iter().any(|row| row.key == *key);
    assert!(right.keys().all(known), "right.yaml names a key that has no row");
    rows.iter().map(|row| right.get(&row.key).map_or_else(|| row.clone(), |lines| row.with(lines))).collect()
}

/// Compares what the keys change with what is written down.
pub fn check(rows: &[Row]) -> Result<(), Failed> {
    let lines: Vec<String> =
        rows.iter().map(|row| Ok(format!("{}: {}\n", row.key, changes(row)?))).collect::<Result<_, String>>()?;
    let (found, path) = (lines.concat(), beside("fingerprints.txt"));
    if std::env::var_os("JOBMARKET_BLESS").is_some() {
        std::fs::write(&path, &found)?;
    }
    let expect = std::fs::read_to_string(&path).unwrap_or_default();
    let known: Vec<&str> = expect.lines().collect();
    let other: Vec<&str> = found.lines().filter(|line| !known.contains(line)).collect();
    match found == expect {
        true => Ok(()),
        false => {
            Err(format!("is it right? JOBMARKET_BLESS=1 cargo test -p jobmarket-cli --test keys: {other:#?}").into())
        }
    }
}

/// The names of the fingerprints that differ.
fn changes(row: &Row) -> Result<String, String> {
    // A source by another name is another source.
    if row.key == "source source" {
        return Ok("another source".to_owned());
    }
    let of = |case: &Case| fingerprints(case).map_err(|findings| format!("{}: {findings:#?}", row.key));
    let (Some(a), Some(b)) = (of(&row.a)?, of(&row.b)?) else { return Ok("not built yet".to_owned()) };
    let pairs = [
        ("request", a.request != b.request),
        ("mapping", a.mapping != b.mapping),
        ("operational", a.operational != b.operational),
    ];
    let names: Vec<&str> = pairs.into_iter().filter(|(_, differ)| *differ).map(|(name, _)| name).collect();
    Ok(if names.is_empty() { "nothing".to_owned() } else { names.join(" ") })
}

/// Those of the source `x`; none where it uses what is not built. A value that is not understood is an error, as two of
/// these would not differ.
fn fingerprints(case: &Case) -> Result<Option<Fingerprints>, Vec<Finding>> {
    let (definitions, findings) = definition::read(&texts(case));
    // A source that is off, and one that a new field is missing from, are understood all the same.
    let understood = |finding: &Finding| ["disabled", "missing-key"].contains(&finding.code);
    let wrong: Vec<Finding> =
        findings.into_iter().filter(|finding| finding.level == Level::Error && !understood(finding)).collect();
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let pipelines = definitions.pipelines.pipelines.iter().enumerate();
    let mut using = pipelines.filter(|(_, pipeline)| pipeline.sources.iter().any(|used| used.source.as_str() == "x"));
    let mut origins = Origins::default();
    for (from, target) in definitions.pipelines.origins.iter() {
        origins.add(from, &target.to, target.limits.rate).unwrap();
    }
    let ask = Ask { source: "x", pipeline: using.next(), origins };
    match compile(&definitions, ask, &Surroundings::new(case.env.clone())) {
        Ok(plan) => Ok(Some(plan.fingerprints)),
        Err(findings) if findings.iter().all(|finding| finding.code == "unbuilt") => Ok(None),
        Err(findings) => Err(findings),
    }
}

fn texts(case: &Case) -> Vec<Text> {
    let shipped = jobmarket::files::project(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
    let kept = |text: &Text| text.path == "mappings/offer.yaml" || text.path.starts_with("mappings/lookups/");
    let mut texts: Vec<Text> = shipped.into_iter().filter(kept).collect();
    let usual = "store: local\npipelines:\n  - {name: all, sources: [x]}\n".to_owned();
    let mut files = vec![("pipelines.yaml".to_owned(), case.pipelines.clone().unwrap_or(usual))];
    files.extend(case.source.iter().map(|text| ("sources/x.yaml".to_owned(), format!("source: x\n{text}"))));
    files.extend(
        case.files.iter().filter(|(path, _)| path.ends_with(".yaml")).map(|(path, text)| (path.clone(), text.clone())),
    );
    for (path, text) in files {
        let text = text.replace("{site}", "http://127.0.0.1:1").replace("{other}", "http://localhost:1");
        texts.retain(|known| known.path != path);
        texts.push(Text { path, text });
    }
    texts
}
