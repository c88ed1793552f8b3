//! Definitions: what the user wrote, read with places; every fault a finding.
pub mod build;
pub mod check;
pub mod keys;
pub mod mapping;
pub mod node;
pub mod offer;
pub mod ordered;
pub mod pipelines;
pub mod render;
pub mod request;
pub mod responses;
pub mod source;
mod yaml;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::convert::Lookups;
use crate::finding::{Finding, Place};
use crate::schema::Schema;
use mapping::Mapping;
use node::File;
use pipelines::Pipelines;
use responses::SharedPart;
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

    /// The place of a value in a file.
    pub fn place(&self, path: &str, trail: &[&str]) -> Place {
        match self.files.get(path) {
            Some(file) => file.value_place(trail),
            None => Place { file: path.to_owned(), line: 1, column: 1, bytes: 0..0 },
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
    for Text { path, text } in texts {
        let (file, mut faults) = File::read(path, text);
        let parsed = faults.iter().all(|finding| finding.code != "yaml" && finding.code != "empty-file");
        findings.append(&mut faults);
        if parsed {
            read_file(&file, &mut definitions, &mut tables, &mut findings);
        }
        definitions.files.insert(path.clone(), file);
    }
    definitions.lookups = Arc::new(Lookups::new(tables));
    check::check(&definitions, &mut findings);
    findings.sort_by(|a, b| {
        (&a.place.file, a.place.line, a.place.column, a.code).cmp(&(
            &b.place.file,
            b.place.line,
            b.place.column,
            b.code,
        ))
    });
    findings.dedup();
    (definitions, findings)
}

fn read_file(
    file: &File,
    definitions: &mut Definitions,
    tables: &mut Vec<(String, crate::convert::Table)>,
    findings: &mut Vec<Finding>,
) {
    let stem = file.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".yaml").to_owned();
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    match folder {
        "" => {
            if let Some(pipelines) = build::build::<Pipelines>(file, findings) {
                definitions.pipelines = pipelines;
            }
        }
        "sources" => {
            if let Some(source) = build::build::<Source>(file, findings) {
                definitions.sources.insert(stem, source);
            }
        }
        "sources/shared" => {
            if let Some(part) = build::build::<SharedPart>(file, findings) {
                definitions.shared.insert(stem, part);
            }
        }
        "mappings/lookups" => {
            if let Some(file) = build::build::<offer::LookupFile>(file, findings) {
                tables.extend(file.tables(&stem));
            }
        }
        _ if stem == "offer" => {
            if let Some(file) = build::build::<offer::OfferFile>(file, findings) {
                definitions.schema = Arc::new(file.schema());
            }
        }
        _ => {
            if let Some(mapping) = build::build::<Mapping>(file, findings) {
                definitions.mappings.insert(stem, mapping);
            }
        }
    }
}
