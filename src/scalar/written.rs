//! Values of YAML as they are written: a plain number keeps its text, so that `3.10` is sent as `3.10`.
use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::tree::Tree;

/// A deserializer of YAML that is asked for a newtype of this name gives a number as the bytes of its text.
pub(crate) const WRITTEN: &str = "a number as it is written";

/// Any value.
#[derive(Clone, Debug, PartialEq)]
pub struct Written(pub Tree<'static>);

/// A plain number: an integer where the program would write it so, else its digits; what JSON does not know as a
/// number (`0x1F`, `+33`, `.5`) is text.
pub(crate) fn number<E: Error>(text: &[u8]) -> Result<Tree<'static>, E> {
    let text = std::str::from_utf8(text).map_err(E::custom)?;
    match text.parse::<i64>() {
        Ok(number) if number.to_string() == text => Ok(Tree::Int(number)),
        _ if serde_json::from_str::<f64>(text).is_ok_and(f64::is_finite) => {
            Ok(Tree::Number(Cow::Owned(text.to_owned())))
        }
        _ => Ok(Tree::from(text)),
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(WRITTEN, WrittenVisitor).map(Written)
    }
}

struct WrittenVisitor;

impl<'de> Visitor<'de> for WrittenVisitor {
    type Value = Tree<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Tree::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Tree::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        self::number(number.to_string().as_bytes())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Tree::Float(number))
    }

    fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<Self::Value, E> {
        number(text)
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Tree::from(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Written(value)) = seq.next_element()? {
            list.push(value);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, Written(value))) = map.next_entry::<String, Written>()? {
            members.push((Cow::Owned(name), value));
        }
        Ok(Tree::Object(members))
    }
}
