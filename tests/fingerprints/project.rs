//! The plans whose fingerprints tests look at: those of the shipped sources, and one that uses every part of a project.
use std::path::Path;

use jobmarket::definition::{self, Definitions, Text};
use jobmarket::plan::{Ask, Origins, Plan, Surroundings, compile};

/// A source with a shared part, parent call, windows, detail, lookups, a step, and parameters of its pipeline.
pub const SOURCE: &str = r#"source: x
use: part
params: {what: one, home: "${env.HOME_PAGE or 'https://a.example'}"}
auth: {key: {header: {X-Key: "${secret.X_KEY}"}}}
request: {get: "${param.home}/jobs", query: {what: "${param.what}", n: "${page.number}", b: "${for.board}", k: "${for.kind}", from: "${window.start}", to: "${window.end}"}}
for:
  board: {call: {request: {get: "https://a.example/boards"}, records: "$.boards[*]", value: $.id, limits: {rate: 3/s}}}
  kind: [a, b]
windows: {first: 30d, lookback: 1d}
sweep: {every: 1d}
pages: {number: {size: 20, total: $.total}}
responses: {404: empty, "2xx if $.none": empty}
limits: {rate: 7/s, retry: {attempts: 2}}
records: "$.jobs[*]"
only: $.open | boolean
key: $.id
null_if: ["-"]
dedupe: first
detail: {request: {get: "https://a.example/jobs/${record.id}"}, limits: {parallel: 2}, merge: $.job}
map:
  title: $.title
  url: $.url
  contract.type: $.detail.contract | lookup(contracts.francetravail)
expire: {not_seen: 2 sweeps}
expect: {min: 1}
"#;
/// What it shares.
pub const PART: &str =
    "headers: {Accept: application/json}\nlimits: {quota: [9/d], rate: 1/s}\nresponses: {5xx: retry}\n";
/// The pipeline that uses it.
pub const PIPELINES: &str = r#"pipelines:
  - name: p
    sources: [{source: x, params: {what: two}}]
    steps: [{keep: "${offer.title | matches('(?i)data')}"}]
    sinks: [store]
"#;

/// The shipped files.
pub fn shipped() -> Vec<Text> {
    jobmarket::files::project(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The shipped schema and tables, with these files.
pub fn project(files: &[(&str, &str)]) -> Vec<Text> {
    let mut texts: Vec<Text> = shipped()
        .into_iter()
        .filter(|text| text.path == "mappings/offer.yaml" || text.path.starts_with("mappings/lookups/"))
        .collect();
    for (path, text) in files {
        texts.retain(|known| known.path != *path);
        texts.push(Text { path: (*path).to_owned(), text: (*text).to_owned() });
    }
    texts
}

/// The project of [`SOURCE`].
pub fn whole() -> Vec<Text> {
    project(&[("sources/x.yaml", SOURCE), ("sources/shared/part.yaml", PART), ("pipelines.yaml", PIPELINES)])
}

/// What the environment of these tests says, with a value for each secret that a file names.
pub fn environment(texts: &[Text], more: &[(&str, &str)]) -> Surroundings {
    let mut values: Vec<(String, String)> =
        more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let named = regex::Regex::new(r"secret\.(\w+)").unwrap();
    for text in texts {
        values.extend(named.captures_iter(&text.text).map(|found| (found[1].to_owned(), "hush-hush".to_owned())));
    }
    values.push(("USAJOBS_EMAIL".into(), "a@b.example".into()));
    Surroundings::new(values)
}

/// The plan of a source, in the pipeline that uses it; none of one that is not built yet.
fn plan(definitions: &Definitions, source: &str, origins: &Origins, environment: &Surroundings) -> Option<Plan> {
    let pipelines = definitions.pipelines.pipelines.iter().enumerate();
    let pipeline =
        pipelines.into_iter().find(|(_, pipeline)| pipeline.sources.iter().any(|used| used.source.as_str() == source));
    let ask = Ask { source, pipeline, origins: origins.clone() };
    match compile(definitions, ask, environment) {
        Ok(plan) => Some(plan),
        Err(findings) if findings.iter().all(|finding| finding.code == "unbuilt") => None,
        Err(findings) => panic!("{source}: {findings:#?}"),
    }
}

/// The same, out of texts without a mistake.
pub fn of(texts: &[Text], source: &str, origins: &[(&str, &str)], env: &[(&str, &str)]) -> Plan {
    built(texts, source, origins, env).unwrap_or_else(|| panic!("{source} is not built yet"))
}

/// The same, where it is built.
pub fn built(texts: &[Text], source: &str, origins: &[(&str, &str)], env: &[(&str, &str)]) -> Option<Plan> {
    let (definitions, findings) = definition::read(texts);
    let errors: Vec<_> =
        findings.iter().filter(|found| jobmarket::finding::any_error(std::slice::from_ref(found))).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let mut chosen = Origins::default();
    for (from, to) in origins {
        chosen.add(from, to, None).unwrap();
    }
    plan(&definitions, source, &chosen, &environment(texts, env))
}

/// The names of all sources.
pub fn sources(texts: &[Text]) -> Vec<String> {
    let name = |text: &Text| Some(text.path.strip_prefix("sources/")?.strip_suffix(".yaml")?.to_owned());
    texts.iter().filter_map(name).filter(|name| !name.contains('/')).collect()
}
