//! Definitions: what the user wrote, read with places; every fault a finding.
pub mod address;
pub mod auth;
pub mod advice;
pub mod build;
pub mod check;
pub mod dotenv;
pub mod keys;
pub mod literal;
pub mod mapping;
pub mod node;
pub mod offer;
pub mod ordered;
pub mod partition;
pub mod pipelines;
mod reader;
pub mod reference;
pub mod render;
pub mod request;
pub mod responses;
pub mod shared;
pub mod source;
mod yaml;
pub mod zeros;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::convert::Lookups;
use crate::finding::{self, Finding, Place};
use crate::schema::Schema;
use mapping::Mapping;
use node::{File, Kind};
use pipelines::Pipelines;
use shared::SharedPart;
use source::Source;

/// One file as text.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// Path, relative to the project, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Everything the user wrote, as far as it could be read.
#[derive(Debug, Default)]
pub struct Definitions {
    /// Files that were read, by path.
    pub files: BTreeMap<String, File>,
    /// Sources by name.
    pub sources: BTreeMap<String, Source>,
    /// Shared parts by name.
    pub shared: BTreeMap<String, SharedPart>,
    /// Mappings by name.
    pub mappings: BTreeMap<String, Mapping>,
    /// The canonical offer.
    pub schema: Arc<Schema>,
    /// The tables.
    pub lookups: Arc<Lookups>,
    /// `pipelines.yaml`.
    pub pipelines: Pipelines,
}

impl Definitions {
    /// The path of a source's file.
    pub fn source_path(name: &str) -> String {
        format!("sources/{name}.yaml")
    }

    /// The files that a source is made of: its own, its mapping, the part that it uses, and the tables that it names.
    pub fn files_of(&self, name: &str) -> Vec<String> {
        let mut paths = vec![Self::source_path(name)];
        let Some(source) = self.sources.get(name) else { return paths };
        paths.extend(source.mapping.as_ref().map(|name| format!("mappings/{name}.yaml")));
        paths.extend(source.shared.as_ref().map(|name| format!("sources/shared/{name}.yaml")));
        let texts: Vec<&str> =
            paths.iter().filter_map(|path| self.files.get(path)).map(|file| file.text.as_str()).collect();
        let tables = self.files.keys().filter(|path| {
            let name = path.strip_prefix("mappings/lookups/").and_then(|name| name.strip_suffix(".yaml"));
            let named = |name| {
                ["", "\"", "'"]
                    .iter()
                    .any(|quote| texts.iter().any(|text| text.contains(&format!("lookup({quote}{name}."))))
            };
            name.is_some_and(named)
        });
        let tables: Vec<String> = tables.cloned().collect();
        paths.extend(tables);
        paths
    }

    /// The source of which `pipelines.yaml` speaks at a place: that of the entry of `sources` around it.
    pub fn source_used_at(&self, place: &Place) -> Option<&str> {
        let file = self.files.get("pipelines.yaml").filter(|file| file.path == place.file)?;
        let Kind::List(pipelines) = &file.node(&["pipelines"]).kind else { return None };
        let uses = pipelines.iter().filter_map(|pipeline| match &pipeline.get("sources")?.kind {
            Kind::List(uses) => Some(uses),
            _ => None,
        });
        let used = uses.flatten().find(|used| used.covers(&place.bytes))?;
        match &used.get("source").unwrap_or(used).kind {
            Kind::Text(name) => Some(name),
            _ => None,
        }
    }

    /// The place of a value in a file.
    pub fn place(&self, path: &str, trail: &[&str]) -> Place {
        match self.files.get(path) {
            Some(file) => file.value_place(trail),
            None => Place { file: path.to_owned(), line: 1, column: 1, bytes: 0..0 },
        }
    }

    /// A source with what it uses of a shared part.
    pub fn whole(&self, source: &Source) -> Source {
        match source.shared.as_ref().and_then(|name| self.shared.get(name.as_str())) {
            Some(part) => source.with(part),
            None => source.clone(),
        }
    }

    /// The mapping of a source, with the path of the file it stands in and the keys that lead to it.
    pub fn mapping_of<'d>(&'d self, source: &'d Source) -> Option<(&'d Mapping, String, Vec<&'static str>)> {
        match (&source.map, &source.mapping) {
            (Some(map), _) => Some((map, Self::source_path(source.source.as_str()), vec!["map"])),
            (None, Some(name)) => {
                Some((self.mappings.get(name.as_str())?, format!("mappings/{name}.yaml"), Vec::new()))
            }
            (None, None) => None,
        }
    }
}

/// Reads all files. What has a fault is left out; every fault is a finding.
pub fn read(texts: &[Text]) -> (Definitions, Vec<Finding>) {
    let mut definitions = Definitions::default();
    let mut findings = Vec::new();
    let mut tables = Vec::new();
    let mut cut = BTreeMap::new();
    for Text { path, text } in texts {
        let (file, mut faults) = File::read(path, text);
        let parsed = faults.iter().all(|finding| finding.code != "yaml" && finding.code != "empty-file");
        findings.append(&mut faults);
        let lost =
            if parsed { read_file(&file, &mut definitions, &mut tables, &mut findings) } else { vec!["*".to_owned()] };
        if !lost.is_empty() {
            cut.insert(path.clone(), lost);
        }
        definitions.files.insert(path.clone(), file);
    }
    definitions.lookups = Arc::new(Lookups::new(tables));
    let mut checked = Vec::new();
    check::check(&definitions, &mut checked);
    findings.extend(checked.into_iter().filter(|finding| !follows(finding, &cut)));
    findings.sort_by(|a, b| {
        (&a.place.file, a.place.line, a.place.column, a.code).cmp(&(
            &b.place.file,
            b.place.line,
            b.place.column,
            b.code,
        ))
    });
    findings.dedup();
    (definitions, finding::capped(findings))
}

/// Whether a finding only follows from something that was cut, and so was reported already.
fn follows(finding: &Finding, cut: &BTreeMap<String, Vec<String>>) -> bool {
    if finding.code == "unknown-field" && cut.contains_key("mappings/offer.yaml") {
        return true;
    }
    if finding.code == "unknown-table" && cut.keys().any(|path| path.starts_with("mappings/lookups/")) {
        return true;
    }
    // What `pipelines.yaml` says of a source may stand where its file was cut.
    let of_source = |path: &String| {
        let name = path.strip_prefix("sources/").and_then(|name| name.strip_suffix(".yaml"));
        name.is_some_and(|name| finding.message.contains(&format!("`{name}`")))
    };
    if finding.place.file == "pipelines.yaml" && cut.keys().any(of_source) {
        return true;
    }
    let Some(cut) = cut.get(&finding.place.file) else { return false };
    let lost =
        |key: &str| cut.iter().any(|cut| cut == key || cut == "*" || crate::scalar::nearest(cut, [key]).is_some());
    let about = |root: &str| finding.message.starts_with(&format!("`{root}"));
    match finding.code {
        "missing-key" | "one-choice" => true,
        "needs" => ["windows", "pages", "sweep", "request", "for"].iter().any(|key| lost(key)),
        "unknown-name" => {
            (about("page.") && lost("pages"))
                || (about("for.") && lost("for"))
                || (about("param.") && lost("params"))
                || (about("window") && lost("windows"))
                || (about("auth.") && lost("auth"))
        }
        _ => false,
    }
}

/// Keeps what was built; the keys under which something was cut.
fn keep<T>(built: build::Built<T>, keep: impl FnOnce(T)) -> Vec<String> {
    if let Some(value) = built.value {
        keep(value);
    }
    built.cut
}

fn read_file(
    file: &File,
    definitions: &mut Definitions,
    tables: &mut Vec<(String, crate::convert::Table)>,
    findings: &mut Vec<Finding>,
) -> Vec<String> {
    let stem = file.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".yaml").to_owned();
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let before = findings.len();
    let mut cut = match folder {
        "" => keep(build::build::<Pipelines>(file, findings), |pipelines| definitions.pipelines = pipelines),
        "sources" => keep(build::build::<Source>(file, findings), |source| {
            definitions.sources.insert(stem, source);
        }),
        "sources/shared" => keep(build::build::<SharedPart>(file, findings), |part| {
            definitions.shared.insert(stem, part);
        }),
        "mappings/lookups" => {
            keep(build::build::<offer::LookupFile>(file, findings), |file| tables.extend(file.tables(&stem)))
        }
        _ if stem == "offer" => keep(build::build::<offer::OfferFile>(file, findings), |file| {
            definitions.schema = Arc::new(file.schema());
        }),
        _ => keep(build::build::<Mapping>(file, findings), |mapping| {
            definitions.mappings.insert(stem, mapping);
        }),
    };
    if findings.len() > before && cut.is_empty() {
        cut.push("*".to_owned());
    }
    cut
}
