//! VALUE: what a mapping may say of a field.
use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::expression::Expression;
use super::fault::{Carried, Fault};
use super::template::Template;
use super::written::{self, WRITTEN};
use crate::tree::Tree;

/// What a mapping says of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Contains `${`.
    Template(Template),
    /// Starts with `$`, `"` or `conversion(`.
    Expression(Expression),
    /// A number or a boolean.
    Constant(Tree<'static>),
    /// A plain word: a constant only where the field's `values` allow it.
    Word(String),
    /// Several values of a list or a text.
    List(Vec<Value>),
    /// Members of an object; with `each`, one object for every match.
    Map(Vec<(String, Value)>),
}

impl FromStr for Value {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let word_end = text.find(|sign: char| !(sign.is_ascii_lowercase() || sign == '_')).unwrap_or(text.len());
        if text.contains("${") {
            Ok(Value::Template(text.parse()?))
        } else if text.starts_with(['$', '"']) || (word_end > 0 && text[word_end..].starts_with('(')) {
            Ok(Value::Expression(text.parse()?))
        } else {
            Ok(Value::Word(text.to_owned()))
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(WRITTEN, ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path, a template, a constant, a list or a map of these")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Constant(Tree::Bool(truth)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Constant(Tree::Int(number)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number).map(|number| Value::Constant(Tree::Int(number))).map_err(E::custom)
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Constant(Tree::Float(number)))
    }

    fn visit_bytes<E: Error>(self, number: &[u8]) -> Result<Value, E> {
        written::number(number).map(Value::Constant)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        text.parse().map_err(|fault: Fault| E::custom(Carried(fault)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Value::Map(members))
    }
}
