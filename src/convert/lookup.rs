//! `lookup(FILE.TABLE)`: a site's word, and what it stands for.
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::ConvertError;
use super::args::Args;
use crate::scalar::Fault;
use crate::tree::Tree;

/// All tables of `mappings/lookups`, by `FILE.TABLE`.
#[derive(Clone, Debug, Default)]
pub struct Lookups {
    tables: BTreeMap<String, Table>,
}

/// One table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    words: HashMap<String, Tree<'static>>,
    any: Option<Tree<'static>>,
}

impl Lookups {
    /// Of these tables.
    pub fn new(tables: impl IntoIterator<Item = (String, Table)>) -> Self {
        Lookups { tables: tables.into_iter().collect() }
    }

    /// One table.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }
}

impl Table {
    /// Of these words; `*` stands for any other.
    pub fn new(words: impl IntoIterator<Item = (String, Tree<'static>)>) -> Self {
        let mut table = Table::default();
        for (word, value) in words {
            if word == "*" {
                table.any = Some(value);
            } else {
                table.words.insert(folded(&word).into_owned(), value);
            }
        }
        table
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &Tree<'static>> {
        self.words.values().chain(&self.any)
    }

    /// All words, folded.
    pub fn words(&self) -> impl Iterator<Item = (&str, &Tree<'static>)> {
        self.words.iter().map(|(word, value)| (word.as_str(), value))
    }

    fn get(&self, word: &str) -> Option<&Tree<'static>> {
        self.words.get(folded(word).as_ref()).or(self.any.as_ref())
    }
}

/// Without case and surrounding blanks.
fn folded(word: &str) -> Cow<'_, str> {
    let word = word.trim();
    if word.chars().any(char::is_uppercase) { Cow::Owned(word.to_lowercase()) } else { Cow::Borrowed(word) }
}

/// The conversion.
#[derive(Clone, Debug)]
pub struct Lookup {
    table: String,
}

impl Lookup {
    pub(super) fn parse(args: &Args<'_>) -> Result<Self, Fault> {
        args.at_most(1, &[])?;
        let (table, given) = args.text("lookup(contracts.words)")?;
        if !table.contains('.') {
            return Err(args
                .fault(given, format!("`{table}` is not FILE.TABLE"))
                .hint("for example `lookup(contracts.words)`"));
        }
        Ok(Lookup { table: table.to_owned() })
    }

    /// `FILE.TABLE`.
    pub fn table(&self) -> &str {
        &self.table
    }

    pub(super) fn convert<'p>(&self, value: Tree<'p>, lookups: &Lookups) -> Result<Tree<'p>, ConvertError> {
        let word = value.scalar_text().ok_or_else(|| ConvertError::new("lookup", "one word was expected", &value))?;
        let found = lookups.table(&self.table).and_then(|table| table.get(&word));
        found.cloned().ok_or_else(|| {
            ConvertError::new("lookup", format!("not in mappings/lookups, table {}", self.table), &value)
        })
    }
}
