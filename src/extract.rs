//! From a decoded page to records, and from a record to an offer, a reject or nothing.
mod cells;
mod compile;
mod fit;
mod listing;

use std::ops::Range;

use chrono::{DateTime, Utc};

use crate::convert::render::{Program, RenderError, Scope};
use crate::convert::{Conversion, ConvertError, Moment, apply, combine};
use crate::definition::source::Dedupe;
use crate::offer::Reject;
use crate::scalar::{Path, RecordsAt, Template};
use crate::tree::Tree;

pub use cells::Written;
pub use listing::{Listed, Listing, ParentValues};

/// What a source's answers are turned into.
#[derive(Debug)]
pub struct Extract {
    records: RecordsAt,
    only: Option<Value>,
    key: Value,
    null_if: Vec<Tree<'static>>,
    /// The winner among equal keys of one page.
    pub dedupe: Dedupe,
    fields: Vec<cells::Line>,
    cells: cells::Cells,
}

/// A compiled VALUE.
#[derive(Debug)]
pub(crate) enum Value {
    Program(Program),
    Read(Read),
    Constant(Tree<'static>),
    List(Vec<Value>),
    Each(Read, Vec<(String, Value)>),
}

/// A compiled expression.
#[derive(Debug)]
pub(crate) struct Read {
    text: String,
    operands: Vec<Operand>,
    conversions: Vec<Conversion>,
}

#[derive(Debug)]
enum Operand {
    Path(Path),
    Constant(Tree<'static>),
    Combine(String, Vec<Path>),
}

/// A flaw: a field that stays empty though the record says something.
#[derive(Clone, Debug, PartialEq)]
pub struct Flaw {
    /// The field.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

/// What became of a record.
#[derive(Debug)]
pub enum Made {
    /// An offer: its content in the page's text, and its `expires_at`.
    Offer(Range<usize>, Option<DateTime<Utc>>),
    /// Kept aside by `only` or a step.
    Filtered,
    /// No offer could be made.
    Rejected(Reject),
}

/// A record that was worked on.
#[derive(Debug)]
pub struct Worked {
    /// Its key as served.
    pub key: Option<String>,
    /// What became of it.
    pub made: Made,
}

/// What is around the records of a page.
pub struct Around<'a> {
    /// Its scope: `param`, `for`, `window`, `env`, `answer`.
    pub scope: Scope<'a>,
    /// When it was received, and the tables.
    pub moment: &'a Moment,
    /// The source's name in the state.
    pub source: &'a str,
    /// Conditions of the steps.
    pub keeps: &'a [Program],
    /// Whether only the listed form is made, without `$.detail`: required fields and steps are not checked.
    pub listed: bool,
    /// Whether records that a filter keeps aside are made into offers too.
    pub unfiltered: bool,
}

/// The records of an answer.
#[derive(Debug)]
pub enum Records<'t, 'p> {
    /// These.
    List(Vec<&'t Tree<'p>>),
    /// The list itself is missing or null: the slice cannot be complete.
    Missing,
}

impl Extract {
    /// The records of a decoded answer.
    pub fn records<'t, 'p>(&self, body: &'t Tree<'p>) -> Records<'t, 'p> {
        match self.records.read(body) {
            Some(found) => Records::List(found),
            None => Records::Missing,
        }
    }

    /// The names that lead to the list of records, when it can be read on its way.
    pub fn list(&self) -> Option<Vec<&str>> {
        self.records.names()
    }

    /// Makes an offer of a record, its content appended to `text`.
    pub fn work(&self, record: &Tree<'_>, around: &Around<'_>, text: &mut Vec<u8>, flaws: &mut Vec<Flaw>) -> Worked {
        let cleaned;
        let record = match self.null_if.is_empty() {
            true => record,
            false => {
                cleaned = without(record, &self.null_if);
                &cleaned
            }
        };
        let scope = around.scope.clone().tree("record", record);
        if let Some(only) = self.only.as_ref().filter(|_| !around.unfiltered) {
            match judged(only, record, &scope, around.moment) {
                Ok(true) => {}
                Ok(false) => {
                    let key = self.key(record, &scope, around.moment).ok().map(|(key, _)| key);
                    return Worked { key, made: Made::Filtered };
                }
                Err(message) => {
                    return match self.key(record, &scope, around.moment) {
                        Ok((key, _)) => Worked { key: Some(key), made: Made::Rejected(unjudged(only, message)) },
                        Err(reject) => Worked { key: None, made: Made::Rejected(no_record(record, reject)) },
                    };
                }
            }
        }
        let (key, told) = match self.key(record, &scope, around.moment) {
            Ok(key) => key,
            Err(reject) => return Worked { key: None, made: Made::Rejected(no_record(record, reject)) },
        };
        flaws.extend(told.map(|message| Flaw { field: "source_id".into(), message }));
        let made = self.make(record, &scope, around, &key, text, flaws);
        Worked { key: Some(key), made }
    }

    /// The key of a record, where it has one.
    pub fn key_of(&self, record: &Tree<'_>, around: &Around<'_>) -> Option<String> {
        let cleaned = (!self.null_if.is_empty()).then(|| without(record, &self.null_if));
        let record = cleaned.as_ref().unwrap_or(record);
        self.key(record, &around.scope.clone().tree("record", record), around.moment).ok().map(|(key, _)| key)
    }

    /// The key, and what is told of one that is not as it was read.
    fn key(&self, record: &Tree<'_>, scope: &Scope<'_>, moment: &Moment) -> Result<(String, Option<String>), Reject> {
        let mut errors = Vec::new();
        let reject = |message: String| Reject {
            reason: "no_key".into(),
            stage: "key".into(),
            field: Some("source_id".into()),
            path: Some(self.key.text()),
            message,
        };
        let (parts, mut texts) = (self.key.parts(), Vec::new());
        for part in parts {
            let value = part.value(record, scope, moment, &mut errors).map_err(|error| reject(error.to_string()))?;
            texts.push(key_text(value).map_err(|why| match parts.len() {
                1 => reject(why),
                _ => reject(format!("its part `{}`: {why}", part.text())),
            })?);
        }
        Ok(fit::key(texts.join(BETWEEN)))
    }
}

/// Whether `only` keeps a record; an error where it cannot be told.
fn judged(only: &Value, record: &Tree<'_>, scope: &Scope<'_>, moment: &Moment) -> Result<bool, String> {
    let mut errors = Vec::new();
    let value = only.value(record, scope, moment, &mut errors).map_err(|error| error.to_string())?;
    errors.first().map_or(Ok(value.is_true()), |error| Err(error.to_string()))
}

/// A record that was left out because it could not be judged would close its offer in silence.
fn unjudged(only: &Value, message: String) -> Reject {
    Reject { reason: "only".into(), stage: "only".into(), field: None, path: Some(only.text()), message }
}

/// Between the parts of a key.
const BETWEEN: &str = "\u{1f}";

/// A key, or a part of one, as text.
fn key_text(value: Tree<'_>) -> Result<String, String> {
    match value {
        Tree::Text(text) if text.contains(BETWEEN) => Err("a key holds U+001F, which stands between its parts".into()),
        Tree::Text(text) if !text.is_empty() => Ok(text.into_owned()),
        Tree::Null | Tree::Text(_) => Err("the key is missing or empty".into()),
        number if number.is_whole() => Ok(number.to_string()),
        number @ (Tree::Float(_) | Tree::Number(_)) => Err(format!("a key is text or a whole number, found {number}")),
        other => Err(format!("a key is text or a whole number, found {}", other.kind())),
    }
}

/// Why there is no key, where the record itself is a scalar.
fn no_record(record: &Tree<'_>, reject: Reject) -> Reject {
    match record {
        Tree::Object(_) | Tree::List(_) => reject,
        scalar => {
            let message = format!("{} where a record was expected: {}", scalar.kind(), reject.message);
            Reject { message, ..reject }
        }
    }
}

/// The same with these scalars made null, everywhere.
fn without<'p>(value: &Tree<'p>, nothing: &[Tree<'static>]) -> Tree<'p> {
    match value {
        Tree::List(list) => Tree::List(list.iter().map(|value| without(value, nothing)).collect()),
        Tree::Object(members) => {
            Tree::Object(members.iter().map(|(name, value)| (name.clone(), without(value, nothing))).collect())
        }
        value if nothing.iter().any(|other| other == value) => Tree::Null,
        value => value.clone(),
    }
}

impl Value {
    /// As written, for messages.
    pub(crate) fn text(&self) -> String {
        match self {
            Value::Program(program) => program.as_str().to_owned(),
            Value::Read(read) => read.text.clone(),
            Value::Constant(constant) => constant.to_string(),
            Value::List(list) => list.iter().map(Value::text).collect::<Vec<_>>().join(", "),
            Value::Each(read, _) => read.text.clone(),
        }
    }

    /// What a key is made of: itself, or the elements of a list.
    fn parts(&self) -> &[Value] {
        match self {
            Value::List(list) => list,
            one => std::slice::from_ref(one),
        }
    }

    /// Its value for a record.
    pub(crate) fn value<'p>(
        &self,
        record: &Tree<'p>,
        scope: &Scope<'_>,
        moment: &Moment,
        errors: &mut Vec<ConvertError>,
    ) -> Result<Tree<'p>, RenderError> {
        Ok(match self {
            Value::Program(program) => program.value(scope)?,
            Value::Constant(constant) => constant.clone(),
            Value::Read(read) => read.value(record, moment, errors),
            Value::List(list) => {
                let mut values = Vec::new();
                for value in list {
                    match value.value(record, scope, moment, errors)? {
                        Tree::Null => {}
                        Tree::List(more) => values.extend(more),
                        one => values.push(one),
                    }
                }
                Tree::List(values)
            }
            Value::Each(read, members) => {
                let matches = match read.value(record, moment, errors) {
                    Tree::List(list) => list,
                    Tree::Null => Vec::new(),
                    one => vec![one],
                };
                let mut objects = Vec::new();
                for found in matches.iter().filter(|found| !found.is_null()) {
                    let mut object = Vec::new();
                    for (name, value) in members {
                        object.push((name.clone().into(), value.value(found, scope, moment, errors)?));
                    }
                    objects.push(Tree::Object(object));
                }
                Tree::List(objects)
            }
        })
    }
}

impl Read {
    /// The first operand that is there, converted.
    fn value<'p>(&self, record: &Tree<'p>, moment: &Moment, errors: &mut Vec<ConvertError>) -> Tree<'p> {
        let mut found = Tree::Null;
        for operand in &self.operands {
            found = match operand {
                Operand::Path(path) => path.value(record),
                Operand::Constant(constant) => constant.clone(),
                Operand::Combine(name, paths) => {
                    let values: Vec<Tree<'p>> = paths.iter().map(|path| path.value(record)).collect();
                    combine(name, &values).unwrap_or_else(|error| {
                        errors.push(error);
                        Tree::Null
                    })
                }
            };
            if !found.is_null() && found.as_list().is_none_or(|list| !list.is_empty()) {
                break;
            }
        }
        for conversion in &self.conversions {
            found = apply(conversion, found, moment, errors);
        }
        found
    }
}

/// Conditions of steps read `offer.FIELD`: the names that one needs.
pub fn keep_fields(template: &Template) -> Vec<String> {
    template.names().filter(|mention| mention.parts[0] == "offer").map(|mention| mention.parts[1..].join(".")).collect()
}
