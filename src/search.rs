//! The closed query type that every store compiles: no raw query passes through.
use serde::Serialize;

use crate::scalar::nearest;
use crate::schema::{Kind, Schema};

/// What is searched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    /// Words; all of them must be there. `"…"` is a phrase, `-word` must not be there.
    pub text: Option<String>,
    /// Conditions, all of which must hold.
    pub filters: Vec<Filter>,
    /// Fields whose values are counted, ten each.
    pub facets: Vec<String>,
    /// Most hits.
    pub limit: usize,
    /// Whether closed offers are found too.
    pub closed: bool,
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// The field holds one of these.
    Terms(String, Vec<String>),
    /// The field is at least, and below, these: numbers, or instants as text.
    Range(String, Option<String>, Option<String>),
    /// The field is there, or is not.
    Exists(String, bool),
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Found {
    /// How many in all.
    pub total: usize,
    /// The best of them, as stored.
    pub hits: Vec<Box<serde_json::value::RawValue>>,
    /// Values of each facet with their number, most frequent first.
    pub facets: Vec<(String, Vec<(String, u64)>)>,
}

/// A condition could not be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct BadFilter(String);

impl Filter {
    /// Reads `field=a,b`, `field>=1`, `field<2`, `field=none`, `field=any`.
    pub fn parse(text: &str, schema: &Schema) -> Result<Self, BadFilter> {
        let signs = [">=", "<", "="];
        let found = signs.iter().filter_map(|sign| Some((text.find(sign)?, *sign))).min();
        let Some((at, sign)) = found else {
            return Err(BadFilter(format!(
                "`{text}` is no condition; write `field=value`, `field>=1`, `field<2` or `field=none`"
            )));
        };
        let (field, value) = (text[..at].trim(), text[at + sign.len()..].trim().to_owned());
        check_field(field, schema)?;
        let field = field.to_owned();
        Ok(match (sign, value.as_str()) {
            (">=", _) => Filter::Range(field, Some(value), None),
            ("<", _) => Filter::Range(field, None, Some(value)),
            (_, "none") => Filter::Exists(field, false),
            (_, "any") => Filter::Exists(field, true),
            _ => Filter::Terms(field, value.split(',').map(|value| value.trim().to_owned()).collect()),
        })
    }
}

/// Whether a field is declared; an error with the nearest name.
pub fn check_field(field: &str, schema: &Schema) -> Result<(), BadFilter> {
    let names = names(schema);
    if names.iter().any(|(name, _)| name == field) {
        return Ok(());
    }
    let near = nearest(field, names.iter().map(|(name, _)| name.as_str()));
    let hint = near
        .map_or_else(|| "the fields are in `mappings/offer.yaml`".to_owned(), |near| format!("did you mean `{near}`?"));
    Err(BadFilter(format!("there is no field `{field}`; {hint}")))
}

/// All names that can be searched, members of lists of objects among them, with their types.
pub fn names(schema: &Schema) -> Vec<(String, Kind)> {
    let mut names = Vec::new();
    for field in schema.fields() {
        match &field.kind {
            Kind::List(element) => match &**element {
                Kind::Object { fields, .. } => {
                    names.extend(
                        fields.iter().map(|member| (format!("{}.{}", field.name, member.name), member.kind.clone())),
                    );
                }
                element => names.push((field.name.clone(), element.clone())),
            },
            Kind::Object { .. } => {}
            kind => names.push((field.name.clone(), kind.clone())),
        }
    }
    names
}
