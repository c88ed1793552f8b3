//! The canonical offer as columns of the index.
use std::collections::{BTreeSet, HashMap};

use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, Schema as Columns, TextFieldIndexing, TextOptions,
};
use tantivy::{Index, TantivyDocument};

use crate::schema::{Kind, Schema};
use crate::search::{french, names};
use crate::tree::Tree;

/// Columns by the name of the field.
pub(super) struct Fields {
    pub schema: Columns,
    /// The row number: all that is stored.
    pub row: Field,
    /// The change of the truth that the document was made of.
    change: Field,
    /// Names of the fields that the offer has: whether a text is there can be asked too.
    pub has: Field,
    pub columns: HashMap<String, (Field, Kind)>,
}

/// The name of a column: a dot would be a path in a query.
pub(super) fn column(field: &str) -> String {
    field.replace('.', "__")
}

impl Fields {
    pub(super) fn new(schema: &Schema) -> Self {
        let mut builder = Columns::builder();
        let row = builder.add_u64_field("n", INDEXED | FAST | STORED);
        let change = builder.add_i64_field("change", FAST);
        let has = builder.add_text_field("has", keyword());
        let mut columns = HashMap::new();
        for (name, kind) in names(schema) {
            let column = column(&name);
            let field = match &kind {
                Kind::Keyword => builder.add_text_field(&column, keyword()),
                Kind::Text => builder.add_text_field(&column, french()),
                Kind::Date | Kind::Integer => builder.add_i64_field(&column, INDEXED | FAST),
                Kind::Number | Kind::Money => builder.add_f64_field(&column, INDEXED | FAST),
                Kind::Boolean => builder.add_bool_field(&column, INDEXED | FAST),
                Kind::Geo => {
                    for (part, kind) in [("lat", Kind::Number), ("lon", Kind::Number)] {
                        let field = builder.add_f64_field(&format!("{column}__{part}"), INDEXED | FAST);
                        columns.insert(format!("{name}.{part}"), (field, kind));
                    }
                    continue;
                }
                Kind::List(_) | Kind::Object { .. } => continue,
            };
            columns.insert(name, (field, kind));
        }
        Fields { schema: builder.build(), row, change, has, columns }
    }

    /// A stored offer as the index takes it.
    pub(super) fn document(&self, row: u64, change: i64, offer: &Tree<'_>) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        document.add_u64(self.row, row);
        document.add_i64(self.change, change);
        let mut names = BTreeSet::new();
        self.add(&mut document, "", offer, &mut names);
        names.into_iter().for_each(|name| document.add_text(self.has, name));
        document
    }

    fn add(&self, document: &mut TantivyDocument, name: &str, value: &Tree<'_>, names: &mut BTreeSet<String>) {
        match value {
            Tree::Object(members) => {
                for (member, value) in members {
                    let name = if name.is_empty() { member.to_string() } else { format!("{name}.{member}") };
                    self.add(document, &name, value, names);
                }
            }
            Tree::List(list) => list.iter().for_each(|value| self.add(document, name, value, names)),
            value => {
                let Some((field, kind)) = self.columns.get(name) else { return };
                if !value.is_null() {
                    // Both parts of a point stand for the point.
                    let point = name.strip_suffix(".lat").or(name.strip_suffix(".lon"));
                    names.insert(point.unwrap_or(name).to_owned());
                }
                match (kind, value) {
                    (Kind::Date, Tree::Text(text)) => {
                        if let Ok(at) = text.parse::<chrono::DateTime<chrono::Utc>>() {
                            document.add_i64(*field, at.timestamp());
                        }
                    }
                    (Kind::Keyword | Kind::Text, Tree::Text(text)) => document.add_text(*field, text.as_ref()),
                    (Kind::Integer, Tree::Int(number)) => document.add_i64(*field, *number),
                    (Kind::Number | Kind::Money, Tree::Int(number)) => document.add_f64(*field, *number as f64),
                    (Kind::Number | Kind::Money, Tree::Float(number)) => document.add_f64(*field, *number),
                    (Kind::Boolean, Tree::Bool(truth)) => document.add_bool(*field, *truth),
                    _ => {}
                }
            }
        }
    }
}

fn keyword() -> TextOptions {
    let indexing = TextFieldIndexing::default().set_tokenizer("raw").set_index_option(IndexRecordOption::Basic);
    TextOptions::default().set_indexing_options(indexing).set_fast("raw")
}

fn french() -> TextOptions {
    let indexing =
        TextFieldIndexing::default().set_tokenizer("french").set_index_option(IndexRecordOption::WithFreqsAndPositions);
    TextOptions::default().set_indexing_options(indexing)
}

/// The analysis of texts.
pub(super) fn register(index: &Index) {
    index.tokenizers().register("french", french::analyzer());
}
