//! A mapping: which field says what, in the order of the file.
use schemars::JsonSchema;
use serde::Deserialize;

use super::ordered::Ordered;
use crate::scalar::Value;

/// Fields and what they are made of; nested maps are dotted names.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Mapping(pub Ordered<Value>);

/// One line of a mapping.
#[derive(Clone, Debug)]
pub struct Line<'m> {
    /// The field's dotted name.
    pub field: String,
    /// The keys that lead to it in the file.
    pub trail: Vec<String>,
    /// What it is made of.
    pub value: &'m Value,
}

impl Mapping {
    /// Its lines: a map that is no `each` is the same as dotted names, as far as `is_object` says that the name is one.
    pub fn lines(&self, is_object: &dyn Fn(&str) -> bool) -> Vec<Line<'_>> {
        let mut lines = Vec::new();
        for (name, value) in self.0.iter() {
            spread(name.to_owned(), vec![name.to_owned()], value, is_object, &mut lines);
        }
        lines
    }
}

fn spread<'m>(
    field: String,
    trail: Vec<String>,
    value: &'m Value,
    is_object: &dyn Fn(&str) -> bool,
    lines: &mut Vec<Line<'m>>,
) {
    let Value::Map(members) = value else {
        lines.push(Line { field, trail, value });
        return;
    };
    if members.iter().any(|(name, _)| name == "each") || !is_object(&field) {
        lines.push(Line { field, trail, value });
        return;
    }
    for (name, value) in members {
        let mut trail = trail.clone();
        trail.push(name.clone());
        spread(format!("{field}.{name}"), trail, value, is_object, lines);
    }
}
