//! The canonical offer as data: its fields in order, each with a type and what the rest of the program needs of it.
use std::collections::HashMap;

use serde::Serialize;

/// Number of a field in [`Schema::fields`]; cells of an offer are indexed by it.
pub type FieldNumber = usize;

/// The most of a keyword, in UTF-16 units as Elasticsearch counts them: what is longer would be stored there and found by no
/// condition. At three bytes a unit that is well below the 32,766 bytes that Lucene takes.
pub const LONGEST_KEYWORD: usize = 8_000;

/// The declared offer. Built from `mappings/offer.yaml`, never changed afterwards.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    fields: Vec<Field>,
    numbers: HashMap<String, FieldNumber>,
}

/// One field.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Field {
    /// Name with dots, such as `company.name`.
    pub name: String,
    /// Type.
    pub kind: Kind,
    /// What it means.
    pub doc: String,
    /// Whether an offer without it is rejected.
    pub required: bool,
    /// Allowed values, as text; empty allows any.
    pub values: Vec<String>,
    /// Whether search counts its values.
    pub facet: bool,
    /// Set by the program; a mapping may not.
    pub by_engine: bool,
    /// Kept only when one of these is present.
    pub needs: Vec<String>,
}

/// Type of a field.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Text compared whole.
    Keyword,
    /// Text searched by word.
    Text,
    /// An instant, UTC.
    Date,
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `{lat, lon}` in degrees.
    Geo,
    /// An amount of money.
    Money,
    /// A list of scalars or objects.
    List(Box<Kind>),
    /// An object: declared fields, or any member when `open`.
    Object {
        /// Declared members; names without dots.
        fields: Vec<Field>,
        /// Whether members that are not declared are kept.
        open: bool,
    },
}

impl Field {
    /// A field that takes anything: for values that belong to no declared field.
    pub fn any(name: &str) -> Self {
        Field {
            name: name.to_owned(),
            kind: Kind::Object { fields: Vec::new(), open: true },
            doc: String::new(),
            required: false,
            values: Vec::new(),
            facet: false,
            by_engine: false,
            needs: Vec::new(),
        }
    }
}

impl Schema {
    /// The schema of these fields. Of a repeated name the first counts; the reader reports the repeat.
    pub fn new(fields: Vec<Field>) -> Self {
        let mut numbers = HashMap::new();
        for (number, field) in fields.iter().enumerate() {
            numbers.entry(field.name.clone()).or_insert(number);
        }
        Schema { fields, numbers }
    }

    /// All fields, in the order of the file.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The number of a field by its dotted name.
    pub fn number(&self, name: &str) -> Option<FieldNumber> {
        self.numbers.get(name).copied()
    }

    /// A field by its dotted name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.number(name).map(|number| &self.fields[number])
    }
}

/// The field that says when an offer was closed.
pub const CLOSED_AT: &str = ENGINE[10].0;

/// The fields that the program itself writes or reads, with the type that it needs. `mappings/offer.yaml` must declare
/// each; steps check theirs themselves.
pub const ENGINE: [(&str, Kind); 14] = [
    ("id", Kind::Keyword),
    ("source", Kind::Keyword),
    ("source_id", Kind::Keyword),
    ("salary.min", Kind::Money),
    ("salary.max", Kind::Money),
    ("salary.period", Kind::Keyword),
    ("salary.yearly_min", Kind::Money),
    ("salary.yearly_max", Kind::Money),
    ("first_seen_at", Kind::Date),
    ("changed_at", Kind::Date),
    ("closed_at", Kind::Date),
    ("closed_reason", Kind::Keyword),
    ("expires_at", Kind::Date),
    ("published_at", Kind::Date),
];
