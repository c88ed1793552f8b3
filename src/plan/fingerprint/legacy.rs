//! Fingerprints as programs before this one made them: from how Rust prints the types. They are for rows that bear them,
//! which a source's first job under this program rewrites, and for nothing else.
use xxhash_rust::xxh3::xxh3_64;

use super::super::compile::Values;
use super::super::{Origins, Plan};
use crate::convert::render::Program;
use crate::definition::Definitions;
use crate::definition::source::Source;
use crate::paginate::Pagination;

/// What earlier programs wrote down for a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Legacy {
    /// For what is requested.
    pub request: String,
    /// For what is made of it.
    pub mapping: String,
}

/// What they were made from.
pub(in crate::plan) struct Printed<'a> {
    pub definitions: &'a Definitions,
    pub source: &'a Source,
    pub pages: &'a Pagination,
    pub keeps: &'a [Program],
    pub origins: &'a Origins,
}

impl Legacy {
    pub(in crate::plan) fn of(printed: &Printed<'_>, values: &Values<'_>) -> Self {
        let Printed { definitions, source, pages, keeps, origins } = *printed;
        let request = format!(
            "{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}",
            source.request,
            source.auth(),
            source.partitions,
            source.windows,
            pages,
            source.responses,
            source.decode,
            source.records,
            source.key,
            values.params,
            values.env,
            origins
        );
        let mapping = format!(
            "{:?}{:?}{:?}{:?}{:?}{:?}",
            source.detail,
            definitions.mapping_of(source).map(|(mapping, ..)| mapping),
            source.only,
            source.null_if,
            source.dedupe,
            keeps
        );
        Legacy { request: hashed(&without_ports(&request)), mapping: hashed(&mapping) }
    }
}

impl Plan {
    /// The request fingerprint that somebody wrote down, as this program writes it where it is that of this plan.
    pub fn request_written(&self, stored: String) -> String {
        if stored == self.legacy.request { self.fingerprints.request.clone() } else { stored }
    }
}

fn hashed(text: &str) -> String {
    format!("{:016x}", xxh3_64(text.as_bytes()))
}

/// A sandbox takes another port each time; that is not another request.
fn without_ports(text: &str) -> String {
    match regex::Regex::new(r"(127\.0\.0\.1|localhost):\d+|port: Some\(\d+\)") {
        Ok(pattern) => pattern.replace_all(text, "$1").into_owned(),
        Err(_) => text.to_owned(),
    }
}
