//! A case as it is written down: the site, the files of the project, and what is typed.
use std::collections::BTreeMap;
use std::path::Path;

use libtest_mimic::Failed;
use sandbox::scripted::Rule;
use serde::Deserialize;

/// One situation.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What happens, in a sentence.
    #[allow(dead_code, reason = "for readers")]
    pub case: String,
    /// What is right, in a sentence.
    #[allow(dead_code, reason = "for readers")]
    pub right: String,
    /// What the site answers.
    #[serde(default)]
    pub site: Vec<Rule>,
    /// The text of `sources/x.yaml`, which begins with `source: x` on its own. `{site}` and `{other}` are origins of the site.
    pub source: Option<String>,
    /// The text of `pipelines.yaml`: one pipeline with the source `x` and the local store where it is not given.
    pub pipelines: Option<String>,
    /// Other files by their paths; a text, or the bytes that its characters name where it begins with `latin1:`.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Arguments of the program in turn, split at blanks; `day N` sets the site's day.
    #[serde(default = "usual")]
    pub play: Vec<String>,
    /// What is shown of each request besides method and address: names of headers, or `body`.
    #[serde(default)]
    pub requests: Vec<String>,
    /// Fields of stored offers that are shown at the end, besides key and title.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Words that are replaced before the comparison, as they differ from run to run: a regular expression and its text.
    #[serde(default)]
    pub replace: Vec<(String, String)>,
}

fn usual() -> Vec<String> {
    ["run x", "status", "quarantine list"].map(str::to_owned).into()
}

/// Reads a case.
pub fn read(path: &Path) -> Result<Case, Failed> {
    let text = std::fs::read_to_string(path)?;
    serde_saphyr::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}
