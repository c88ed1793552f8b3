//! What needs more than one value to be judged: names in templates, fields against the schema, sources in pipelines.
mod auth;
mod credentials;
mod fields;
mod literal;
mod names;
mod numbers;
mod pipelines;
mod shapes;
mod requests;
mod sources;
mod unused;
mod written;

use std::collections::BTreeMap;
use std::ops::Range;

use super::Definitions;
use super::node::File;
use crate::finding::{self, Finding};
use crate::scalar::Fault;

/// Adds findings about definitions that were read.
pub fn check(definitions: &Definitions, findings: &mut Vec<Finding>) {
    let mut report = Report::new(definitions, findings);
    for (path, file) in &definitions.files {
        if path.starts_with("sources/") || path == "pipelines.yaml" {
            written::file(file, &mut report);
        }
    }
    if definitions.schema.fields().is_empty() && !definitions.files.contains_key("mappings/offer.yaml") {
        let place = definitions.place("mappings/offer.yaml", &[]);
        report.add(Finding::error("missing-file", place, "`mappings/offer.yaml` is not there").hint(
            "it declares the canonical offer; run the program in a project's folder, or name one with `--project DIR`",
        ));
        return;
    }
    fields::engine(&mut report);
    for name in definitions.sources.keys() {
        sources::source(name, &mut report);
    }
    for name in definitions.mappings.keys() {
        fields::file(name, &mut report);
    }
    pipelines::pipelines(&mut report);
    literal::store(&definitions.pipelines, &mut report);
    zeros(&mut report);
    numbers::numbers(&mut report);
}

/// Durations and numbers of 0 where it makes no sense.
fn zeros(report: &mut Report<'_, '_>) {
    let definitions = report.definitions;
    let files = definitions.files.iter().filter(|(path, _)| path.starts_with("sources/") || *path == "pipelines.yaml");
    for (path, file) in files {
        for (trail, written, hint) in super::zeros::all(&file.root) {
            let trail: Vec<&str> = trail.iter().map(String::as_str).collect();
            let key = trail.last().copied().unwrap_or_default();
            report.value(path, &trail, "zero", format!("`{key}: {written}` makes no sense"), hint);
        }
    }
}

/// Where findings go.
pub(super) struct Report<'d, 'f> {
    pub(super) definitions: &'d Definitions,
    findings: &'f mut Vec<Finding>,
    /// How many texts of files are masked.
    pub(super) masked: usize,
    /// How many findings each file has.
    told: BTreeMap<String, usize>,
}

impl<'d, 'f> Report<'d, 'f> {
    fn new(definitions: &'d Definitions, findings: &'f mut Vec<Finding>) -> Self {
        Report { definitions, findings, masked: 0, told: BTreeMap::new() }
    }

    /// A file that was read.
    pub(super) fn file(&self, path: &str) -> Option<&'d File> {
        self.definitions.files.get(path)
    }

    /// A finding at a value.
    pub(super) fn value(
        &mut self,
        path: &str,
        trail: &[&str],
        code: &'static str,
        message: impl Into<String>,
        hint: &str,
    ) {
        if self.is_full(path) {
            return;
        }
        let place = self.definitions.place(path, trail);
        self.push(Finding::error(code, place, message), hint);
    }

    /// A finding at a key.
    pub(super) fn key(
        &mut self,
        path: &str,
        trail: &[&str],
        code: &'static str,
        message: impl Into<String>,
        hint: &str,
    ) {
        if self.is_full(path) {
            return;
        }
        let place = self.file(path).map(|file| file.key_place(trail)).unwrap_or_default();
        self.push(Finding::error(code, place, message), hint);
    }

    /// Whether a file has more findings than are told: where the next one stands need not be looked for.
    fn is_full(&self, path: &str) -> bool {
        self.told.get(path).is_some_and(|told| *told > finding::MOST)
    }

    fn push(&mut self, finding: Finding, hint: &str) {
        self.add(if hint.is_empty() { finding } else { finding.hint(hint) });
    }

    /// A finding of any kind.
    pub(super) fn add(&mut self, finding: Finding) {
        *self.told.entry(finding.place.file.clone()).or_default() += 1;
        self.findings.push(finding);
    }

    /// A finding at some bytes of a scalar.
    pub(super) fn inside(
        &mut self,
        path: &str,
        trail: &[&str],
        at: &Range<usize>,
        code: &'static str,
        message: String,
        hint: &str,
    ) {
        if self.is_full(path) {
            return;
        }
        let place = match self.file(path) {
            Some(file) => file.inside(file.node(trail), at),
            None => self.definitions.place(path, trail),
        };
        self.push(Finding::error(code, place, message), hint);
    }

    /// A fault inside a scalar.
    pub(super) fn fault(&mut self, path: &str, trail: &[&str], fault: &Fault) {
        let hint = fault.hint.clone().unwrap_or_default();
        self.inside(path, trail, &fault.at, fault.code, fault.message.clone(), &hint);
    }
}
