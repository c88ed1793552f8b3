//! The value every rule works on: JSON-like data that borrows its text from the page it was decoded from.
mod distinct;

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

pub use distinct::Distinct;

/// A value borrowed from a page. Objects keep the order of the page; a repeated member keeps its last value on look-up.
#[derive(Clone, Debug, Default)]
pub enum Tree<'p> {
    /// `null`, or what is missing.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer that fits 64 bits.
    Int(i64),
    /// A number that was computed.
    Float(f64),
    /// Any other number of a page, with the digits that the site wrote. It is finite.
    Number(Cow<'p, str>),
    /// Text, borrowed where the page has no escapes in it.
    Text(Cow<'p, str>),
    /// A list.
    List(Vec<Tree<'p>>),
    /// An object, in the order of the page.
    Object(Vec<(Cow<'p, str>, Tree<'p>)>),
}

impl<'p> Tree<'p> {
    /// Text that borrows.
    pub fn text(text: &'p str) -> Self {
        Tree::Text(Cow::Borrowed(text))
    }

    /// The member of an object; the last one when it is repeated. `None` on anything else.
    pub fn get(&self, name: &str) -> Option<&Tree<'p>> {
        match self {
            Tree::Object(members) => members.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text, when it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Tree::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, when it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Tree::Int(number) => Some(*number as f64),
            Tree::Float(number) => Some(*number),
            Tree::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// A number as what is computed with: an integer that fits 64 bits, or a float.
    pub fn computed(self) -> Self {
        match self {
            Tree::Number(digits) => match (digits.parse(), digits.parse()) {
                (Ok(number), _) => Tree::Int(number),
                (_, Ok(number)) => Tree::Float(number),
                _ => Tree::Null,
            },
            other => other,
        }
    }

    /// Whether it is a whole number, of any size.
    pub fn is_whole(&self) -> bool {
        match self {
            Tree::Int(_) => true,
            Tree::Float(_) | Tree::Number(_) => self.as_f64().is_some_and(|number| number.fract() == 0.0),
            _ => false,
        }
    }

    /// The elements, when it is a list.
    pub fn as_list(&self) -> Option<&[Tree<'p>]> {
        match self {
            Tree::List(list) => Some(list),
            _ => None,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Tree::Null)
    }

    /// Whether a condition holds for it: not null, false, `""`, 0 or `[]` (`only:`, ` if READER`).
    pub fn is_true(&self) -> bool {
        match self {
            Tree::Null => false,
            Tree::Bool(truth) => *truth,
            Tree::Int(number) => *number != 0,
            Tree::Float(_) | Tree::Number(_) => self.as_f64() != Some(0.0),
            Tree::Text(text) => !text.is_empty(),
            Tree::List(list) => !list.is_empty(),
            Tree::Object(_) => true,
        }
    }

    /// The kind of value, as messages name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Tree::Null => "null",
            Tree::Bool(_) => "boolean",
            Tree::Int(_) | Tree::Float(_) | Tree::Number(_) => "number",
            Tree::Text(_) => "text",
            Tree::List(_) => "list",
            Tree::Object(_) => "object",
        }
    }

    /// The same value, owning all its text.
    pub fn into_owned(self) -> Tree<'static> {
        match self {
            Tree::Null => Tree::Null,
            Tree::Bool(truth) => Tree::Bool(truth),
            Tree::Int(number) => Tree::Int(number),
            Tree::Float(number) => Tree::Float(number),
            Tree::Number(digits) => Tree::Number(Cow::Owned(digits.into_owned())),
            Tree::Text(text) => Tree::Text(Cow::Owned(text.into_owned())),
            Tree::List(list) => Tree::List(list.into_iter().map(Tree::into_owned).collect()),
            Tree::Object(members) => Tree::Object(
                members.into_iter().map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned())).collect(),
            ),
        }
    }

    /// A scalar as text the way JSON writes it, text without quotes; `None` for null, lists and objects.
    pub fn scalar_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Tree::Text(text) => Some(Cow::Borrowed(text)),
            Tree::Number(digits) => Some(Cow::Borrowed(digits)),
            Tree::Bool(_) | Tree::Int(_) | Tree::Float(_) => Some(Cow::Owned(self.to_string())),
            Tree::Null | Tree::List(_) | Tree::Object(_) => None,
        }
    }
}

/// Numbers are equal as they are written; one that was computed equals what is written of it.
impl PartialEq for Tree<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Tree::Null, Tree::Null) => true,
            (Tree::Bool(one), Tree::Bool(other)) => one == other,
            (Tree::Int(one), Tree::Int(other)) => one == other,
            (Tree::Float(one), Tree::Float(other)) => one == other,
            (Tree::Number(one), Tree::Number(other)) => one == other,
            (Tree::Number(_), Tree::Float(number)) => self.as_f64() == Some(*number),
            (Tree::Float(number), Tree::Number(_)) => other.as_f64() == Some(*number),
            (Tree::Text(one), Tree::Text(other)) => one == other,
            (Tree::List(one), Tree::List(other)) => one == other,
            (Tree::Object(one), Tree::Object(other)) => one == other,
            _ => false,
        }
    }
}

/// Compact JSON.
impl fmt::Display for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Tree<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Tree::Null => serializer.serialize_unit(),
            Tree::Bool(truth) => serializer.serialize_bool(*truth),
            Tree::Int(number) => serializer.serialize_i64(*number),
            Tree::Float(number) => serializer.serialize_f64(*number),
            Tree::Number(digits) => match serde_json::from_str::<&serde_json::value::RawValue>(digits) {
                Ok(digits) => digits.serialize(serializer),
                Err(error) => Err(serde::ser::Error::custom(error)),
            },
            Tree::Text(text) => serializer.serialize_str(text),
            Tree::List(list) => {
                let mut seq = serializer.serialize_seq(Some(list.len()))?;
                for value in list {
                    seq.serialize_element(value)?;
                }
                seq.end()
            }
            Tree::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Tree<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Tree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Tree::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Tree::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).map_or(Tree::Float(number as f64), Tree::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Tree::Float(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Tree::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Tree::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Tree::Text(Cow::Owned(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((Key(key), value)) = map.next_entry()? {
            members.push((key, value));
        }
        Ok(Tree::Object(members))
    }
}

/// A member name that borrows where it can; plain `Cow` would always own.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member name")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

impl From<&str> for Tree<'_> {
    fn from(text: &str) -> Self {
        Tree::Text(Cow::Owned(text.to_owned()))
    }
}

impl From<String> for Tree<'_> {
    fn from(text: String) -> Self {
        Tree::Text(Cow::Owned(text))
    }
}

impl From<bool> for Tree<'_> {
    fn from(truth: bool) -> Self {
        Tree::Bool(truth)
    }
}

impl From<i64> for Tree<'_> {
    fn from(number: i64) -> Self {
        Tree::Int(number)
    }
}

impl From<f64> for Tree<'_> {
    fn from(number: f64) -> Self {
        Tree::Float(number)
    }
}

impl<'p> From<Vec<Tree<'p>>> for Tree<'p> {
    fn from(list: Vec<Tree<'p>>) -> Self {
        Tree::List(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_borrowed_and_printed_as_it_was() {
        let text = r#"{"a":[1,2.5,null,true],"b":{"c":"é"},"d":"x\ny"}"#;
        let tree: Tree<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(tree.to_string(), text);
        let inner = tree.get("b").and_then(|b| b.get("c")).unwrap();
        assert!(matches!(inner, Tree::Text(Cow::Borrowed("é"))));
        let Tree::Object(members) = &tree else { panic!("an object") };
        assert!(matches!(members[0].0, Cow::Borrowed("a")));
    }
}
