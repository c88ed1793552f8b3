//! The rows of `table/`: a key, two values of it, and what the second one shows.
use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::case::Case;

/// A key and two projects that differ in its value.
#[derive(Clone)]
pub struct Row {
    /// The kind of file and the path of the key.
    pub key: String,
    pub a: Case,
    pub b: Case,
    /// A regular expression that fits the transcript of the second alone.
    pub shows: String,
    /// The line of the source in which the key stands.
    written: Written,
}

/// A row as it is written down.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Lines of the file that both have.
    #[serde(default)]
    both: String,
    /// Lines of the first.
    #[serde(default)]
    a: String,
    /// Lines of the second.
    #[serde(default)]
    b: String,
    shows: String,
    /// Lines of the source, where the key stands in another file.
    #[serde(default)]
    source: String,
    #[serde(default = "run")]
    play: Vec<String>,
    #[serde(default)]
    requests: Vec<String>,
    #[serde(default)]
    fields: Vec<String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

fn run() -> Vec<String> {
    vec!["run x".to_owned()]
}

/// What every source says unless a row says otherwise.
const SOURCE: &str = r#"request: {get: "{site}/jobs"}
limits: {rate: 1000/s, parallel: 1, retry: {attempts: 1}}
records: $.jobs[*]
key: $.id
map: {title: $.title, url: $.url, published_at: $.date | date}
"#;
/// What `pipelines.yaml` says unless a row says otherwise.
const PIPELINES: &str = "store: local\npipelines: [{name: all, sources: [x]}]\n";
/// Where a shared part lies.
const PART: &str = "sources/shared/part.yaml";

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys/table")
}

/// All rows.
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for kind in ["source", "shared", "offer", "pipelines"] {
        let text = std::fs::read_to_string(folder().join(kind).with_extension("yaml")).unwrap();
        let written: BTreeMap<String, Written> =
            serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{kind}: {error}"));
        rows.extend(written.into_iter().map(|(path, written)| row(kind, &path, written)));
    }
    rows
}

/// Secrets are plain words in the table; `check` refuses them in a file.
fn elsewhere(lines: &str) -> String {
    let pattern = r"\b(bearer|password|client_secret|refresh_token|api_key|X-Token): (\w+)|\b(header|query|cookie|path): \{([\w-]+): ([a-z]{4})\b";
    let pattern = regex::Regex::new(pattern).unwrap();
    let read = |found: &regex::Captures<'_>| match (found.get(1), found.get(2)) {
        (Some(key), Some(word)) => format!(r#"{}: "${{env.UNSET or '{}'}}""#, key.as_str(), word.as_str()),
        _ => format!(r#"{}: {{{}: "${{env.UNSET or '{}'}}""#, &found[3], &found[4], &found[5]),
    };
    pattern.replace_all(lines, read).into_owned()
}

fn row(kind: &str, path: &str, written: Written) -> Row {
    let case = |own: &str| {
        let lines = elsewhere(&format!("{}\n{own}\n", written.both));
        match kind {
            "source" => project(&written, &lines, None),
            "shared" => project(&written, &format!("{}\nuse: part\n", written.source), Some((PART, lines))),
            "offer" => {
                let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mappings/offer.yaml");
                let shipped = std::fs::read_to_string(shipped).unwrap();
                project(&written, &written.source, Some(("mappings/offer.yaml", shipped + "\n" + &lines)))
            }
            _ => project(&written, &written.source, Some(("pipelines.yaml", merged(PIPELINES, &lines)))),
        }
    };
    let (a, b, shows) = (case(&written.a), case(&written.b), written.shows.clone());
    Row { key: format!("{kind} {path}"), a, b, shows, written }
}

impl Row {
    /// The row of the same key with these lines.
    pub fn with(&self, [a, b]: &[String; 2]) -> Row {
        let (kind, path) = self.key.split_once(' ').unwrap();
        row(kind, path, Written { a: a.clone(), b: b.clone(), ..self.written.clone() })
    }

    /// The same with the lines of the key in a shared part.
    pub fn in_a_shared_part(&self) -> Row {
        let path = self.key.trim_start_matches("source ");
        let top = path.split(['.', '[']).next().unwrap_or_default().to_owned();
        let case = |own: &str| {
            let lines = elsewhere(&format!("{}\n{own}\n", self.written.both));
            let (moved, kept): (Vec<String>, Vec<String>) =
                entries(&lines).into_iter().partition(|entry| name(entry) == top);
            // What a source says itself wins over the part.
            let usual = if top == "limits" { "limits: {}\n" } else { "" };
            let kept = format!("{}{usual}use: part\n", kept.concat());
            project(&self.written, &kept, Some((PART, moved.concat())))
        };
        let (a, b) = (case(&self.written.a), case(&self.written.b));
        Row { key: format!("shared {path}"), a, b, ..self.clone() }
    }
}

/// The project of a row: lines of the source, and one more file.
fn project(written: &Written, source: &str, file: Option<(&str, String)>) -> Case {
    let site = std::fs::read_to_string(folder().join("site.yaml")).unwrap();
    let mut files = written.files.clone();
    files.extend(file.map(|(path, text)| (path.to_owned(), text)));
    let mut source = Some(merged(SOURCE, source));
    // A row about the name writes the whole file.
    if let Some(whole) = source.take_if(|text| text.contains("\nsource: ")) {
        files.insert("sources/x.yaml".to_owned(), whole);
    }
    Case {
        site: serde_saphyr::from_str(&site).unwrap(),
        source,
        files,
        env: written.env.clone(),
        play: written.play.clone(),
        requests: written.requests.clone(),
        fields: written.fields.clone(),
        ..Case::default()
    }
}

/// Entries at the top of a file, each with the lines below it.
fn entries(text: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match entries.last_mut().filter(|_| line.starts_with([' ', '}', ']'])) {
            Some(entry) => *entry += &format!("{line}\n"),
            None => entries.push(format!("{line}\n")),
        }
    }
    entries
}

fn name(entry: &str) -> &str {
    entry.split(':').next().unwrap_or_default()
}

/// Lines over the usual ones: an entry of the same name takes the place of the usual one, and `mapping` that of `map`.
fn merged(usual: &str, own: &str) -> String {
    let own = entries(own);
    let same = |own: &str, usual: &str| own == usual || (own, usual) == ("mapping", "map");
    let kept = entries(usual).into_iter().filter(|entry| !own.iter().any(|other| same(name(other), name(entry))));
    kept.chain(own.iter().cloned()).collect()
}
