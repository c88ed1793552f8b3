//! `for`: what brings the values of a partition.
use std::fmt;
use std::path::{Component, Path};

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::request::Request;
use super::responses::Responses;
use super::source::{AuthChoice, Limits};
use crate::decode::Decoding;
use crate::paginate::Pagination;
use crate::scalar::{RecordsAt, Template, Value};
use crate::tree::Tree;

/// Values of one name of `for`.
#[derive(Clone, Debug)]
pub enum Partition {
    /// Written out.
    List(Vec<Tree<'static>>),
    /// A template that gives a list.
    Template(Template),
    /// Something that brings them.
    Choice(Box<PartitionChoice>),
}

impl<'de> Deserialize<'de> for Partition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartitionVisitor;
        impl<'de> Visitor<'de> for PartitionVisitor {
            type Value = Partition;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list, a template that gives one, or one of `call file range`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Partition, E> {
                let template: Template =
                    text.parse().map_err(|fault| E::custom(crate::scalar::fault::Carried(fault)))?;
                match template.only() {
                    Some(_) => Ok(Partition::Template(template)),
                    None => Err(E::invalid_type(serde::de::Unexpected::Str(text), &self)),
                }
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Partition, A::Error> {
                let mut list = Vec::new();
                while let Some(super::ordered::Scalar(value)) = seq.next_element()? {
                    list.push(value);
                }
                Ok(Partition::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Partition, A::Error> {
                PartitionChoice::deserialize(super::ordered::OneEntry(map))
                    .map(|choice| Partition::Choice(Box::new(choice)))
            }
        }
        deserializer.deserialize_any(PartitionVisitor)
    }
}

/// What brings the values of a partition.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartitionChoice {
    /// A parent call, made once a run.
    Call(Call),
    /// A column of a CSV file.
    File(PartitionFile),
    /// Whole numbers.
    Range(PartitionRange),
}

/// A parent call.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// What is asked; it may not use `window`.
    pub request: Request,
    /// Who we are; as the source by default.
    pub auth: Option<AuthChoice>,
    /// From bytes to values.
    #[serde(default)]
    pub decode: Decoding,
    /// How it advances.
    #[serde(default)]
    pub pages: Pagination,
    /// What answers mean.
    #[serde(default)]
    pub responses: Responses,
    /// How fast; the source's limits by default.
    pub limits: Option<Limits>,
    /// Which records are kept; one that cannot be judged fails the call.
    pub only: Option<Value>,
    /// Where the records are; the run fails where that list is missing, unless it is written `$.rows[*] ?? []`.
    pub records: RecordsAt,
    /// The value of each.
    pub value: Value,
    /// Lists of this many values instead of single ones.
    pub batch: Option<usize>,
}

/// A column of a CSV file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartitionFile {
    /// Path of a file of the project, relative to its folder; 16 MiB at most.
    pub path: String,
    /// Name of the column.
    pub column: String,
}

/// Whether a path names a file of the project that may be a list: below its folder, and not hidden.
pub fn is_of_project(path: &Path) -> bool {
    let below = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    below && !hidden
}

/// Whole numbers from, to (inclusive), by step; 1000000 at most.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartitionRange {
    /// First.
    pub from: i64,
    /// Last.
    pub to: i64,
    /// Step, 1 by default.
    #[serde(default = "one")]
    pub step: i64,
}

impl PartitionRange {
    /// How many numbers it gives.
    pub fn count(&self) -> u64 {
        let (distance, step) = (i128::from(self.to) - i128::from(self.from), i128::from(self.step));
        if step == 0 || distance != 0 && (distance < 0) != (step < 0) {
            return 0;
        }
        // It lies below 2^64: a distance of two numbers of 64 bits does.
        u64::try_from(distance / step).unwrap_or(u64::MAX).saturating_add(1)
    }
}

fn one() -> i64 {
    1
}
