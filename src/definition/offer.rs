//! `mappings/offer.yaml` and `mappings/lookups/FILE.yaml`: the canonical offer and the tables.
use schemars::JsonSchema;
use serde::Deserialize;

use super::ordered::{Ordered, Scalar};
use crate::convert::Table;
use crate::schema::{Field, Kind, Schema};

/// The file: NAME: {TYPE: {…}}.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct OfferFile(pub Ordered<FieldType>);

/// The type of a field, with what is said of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Text compared whole; cut, with a flaw, where it is longer than 8,000 characters.
    Keyword(FieldSays),
    /// Text searched by word.
    Text(FieldSays),
    /// An instant.
    Date(FieldSays),
    /// True or false.
    Boolean(FieldSays),
    /// A whole number.
    Integer(FieldSays),
    /// A number.
    Number(FieldSays),
    /// A point.
    Geo(FieldSays),
    /// An amount.
    Money(FieldSays),
    /// A list.
    List(FieldSays),
    /// An object.
    Object(FieldSays),
}

/// What is said of a field.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FieldSays {
    /// What it means.
    pub doc: String,
    /// Whether an offer without it is rejected.
    pub required: bool,
    /// Allowed values.
    pub values: Vec<String>,
    /// Whether it is counted where a search shows its facets; `search --facet` counts any field.
    pub facet: bool,
    /// `engine` when the program sets it.
    pub by: Option<By>,
    /// Kept only beside one of these.
    pub needs: Vec<String>,
    /// Type of a list's elements.
    pub of: Option<Of>,
    /// Members of an object.
    pub fields: Ordered<FieldType>,
    /// Whether any member is kept.
    pub open: bool,
}

/// Who sets a field.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The program.
    Engine,
    /// A mapping.
    Mapping,
}

/// Type of a list's elements.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// Text compared whole; cut, with a flaw, where it is longer than 8,000 characters.
    Keyword,
    /// Text searched by word.
    Text,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// An instant.
    Date,
    /// An object.
    Object,
}

impl OfferFile {
    /// The schema that the file declares.
    pub fn schema(&self) -> Schema {
        Schema::new(self.0.iter().map(|(name, kind)| kind.field(name)).collect())
    }
}

impl FieldType {
    fn says(&self) -> &FieldSays {
        match self {
            FieldType::Keyword(says) | FieldType::Text(says) | FieldType::Date(says) | FieldType::Boolean(says) => says,
            FieldType::Integer(says) | FieldType::Number(says) | FieldType::Geo(says) => says,
            FieldType::Money(says) | FieldType::List(says) | FieldType::Object(says) => says,
        }
    }

    fn field(&self, name: &str) -> Field {
        let says = self.says();
        Field {
            name: name.to_owned(),
            kind: self.kind(),
            doc: says.doc.clone(),
            required: says.required,
            values: says.values.clone(),
            facet: says.facet,
            by_engine: says.by == Some(By::Engine),
            needs: says.needs.clone(),
        }
    }

    fn kind(&self) -> Kind {
        let object = |says: &FieldSays| Kind::Object {
            fields: says.fields.iter().map(|(name, kind)| kind.field(name)).collect(),
            open: says.open,
        };
        match self {
            FieldType::Keyword(_) => Kind::Keyword,
            FieldType::Text(_) => Kind::Text,
            FieldType::Date(_) => Kind::Date,
            FieldType::Boolean(_) => Kind::Boolean,
            FieldType::Integer(_) => Kind::Integer,
            FieldType::Number(_) => Kind::Number,
            FieldType::Geo(_) => Kind::Geo,
            FieldType::Money(_) => Kind::Money,
            FieldType::Object(says) => object(says),
            FieldType::List(says) => Kind::List(Box::new(match says.of {
                None | Some(Of::Keyword) => Kind::Keyword,
                Some(Of::Text) => Kind::Text,
                Some(Of::Number) => Kind::Number,
                Some(Of::Integer) => Kind::Integer,
                Some(Of::Date) => Kind::Date,
                Some(Of::Object) => object(says),
            })),
        }
    }
}

/// A file of tables: TABLE: {WORD: VALUE}.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct LookupFile(pub Ordered<Ordered<Scalar>>);

impl LookupFile {
    /// Its tables, named `FILE.TABLE`.
    pub fn tables(&self, file: &str) -> Vec<(String, Table)> {
        let table =
            |words: &Ordered<Scalar>| Table::new(words.iter().map(|(word, value)| (word.to_owned(), value.0.clone())));
        self.0.iter().map(|(name, words)| (format!("{file}.{name}"), table(words))).collect()
    }
}
