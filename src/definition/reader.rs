//! A tree with places as serde reads it: each error gets the place of the node at hand, and the way there.
use std::ops::Range;

use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use super::build::{BuildError, CUT, What};
use super::node::{Key, Kind, Node};
use crate::scalar::written::WRITTEN;

/// A node as serde reads it.
#[derive(Clone, Copy)]
pub(super) struct NodeReader<'n> {
    pub(super) node: &'n Node,
    pub(super) file: &'n str,
}

impl<'n> NodeReader<'n> {
    fn settled<T>(self, result: Result<T, BuildError>) -> Result<T, BuildError> {
        result.map_err(|mut error| {
            error.settle(self.node, self.file);
            error
        })
    }
}

impl<'de> de::Deserializer<'de> for NodeReader<'_> {
    type Error = BuildError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BuildError> {
        let result = match &self.node.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(truth) => visitor.visit_bool(*truth),
            Kind::Int(number) => visitor.visit_i64(*number),
            Kind::Float(number) => visitor.visit_f64(*number),
            Kind::Text(text) => visitor.visit_str(text),
            Kind::List(list) => visitor.visit_seq(Elements { list, next: 0, file: self.file }),
            Kind::Map(entries) => visitor.visit_map(Entries { entries, next: 0, file: self.file }),
        };
        self.settled(result)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BuildError> {
        match &self.node.kind {
            Kind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// A number or truth value where text is wanted is its text: `terms: 12`, a parameter of a template.
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BuildError> {
        let result = match &self.node.kind {
            Kind::Int(_) | Kind::Float(_) => visitor.visit_string(self.node.number(self.file)),
            _ => return self.deserialize_any(visitor),
        };
        self.settled(result)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BuildError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, BuildError> {
        match self.node.kind {
            Kind::Int(_) | Kind::Float(_) if name == WRITTEN => {
                self.settled(visitor.visit_bytes(self.node.number(self.file).as_bytes()))
            }
            _ if name == WRITTEN => self.deserialize_any(visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BuildError> {
        let result = match &self.node.kind {
            Kind::Text(word) => visitor.visit_enum(Choice {
                name: word,
                at: &self.node.at,
                index: None,
                content: None,
                file: self.file,
            }),
            Kind::Map(entries) => {
                let mut there = entries.iter().enumerate().filter(|(_, (key, _))| !key.text.starts_with(CUT));
                match (there.next(), there.next()) {
                    (Some((index, (key, node))), None) => visitor.visit_enum(Choice {
                        name: &key.text,
                        at: &key.at,
                        index: Some(index),
                        content: Some(node),
                        file: self.file,
                    }),
                    (Some(_), Some((_, (key, _)))) => Err(BuildError::new(What::OneChoice(2)).placed(&key.at)),
                    (None, _) if entries.is_empty() => Err(BuildError::new(What::OneChoice(0))),
                    (None, _) => Err(BuildError::new(What::AllCut)),
                }
            }
            _ => Err(BuildError::new(What::WrongKind(self.node.kind_name().to_owned(), "a choice".to_owned()))),
        };
        self.settled(result)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char bytes byte_buf unit unit_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }
}

struct Elements<'n> {
    list: &'n [Node],
    next: usize,
    file: &'n str,
}

impl<'de> de::SeqAccess<'de> for Elements<'_> {
    type Error = BuildError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, BuildError> {
        let Some(node) = self.list.get(self.next) else { return Ok(None) };
        let step = self.next;
        self.next += 1;
        let reader = NodeReader { node, file: self.file };
        seed.deserialize(reader).map(Some).map_err(|error| error.within(step, node, self.file))
    }
}

struct Entries<'n> {
    entries: &'n [(Key, Node)],
    next: usize,
    file: &'n str,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = BuildError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, BuildError> {
        while self.entries.get(self.next).is_some_and(|(key, _)| key.text.starts_with(CUT)) {
            self.next += 1;
        }
        let Some((key, _)) = self.entries.get(self.next) else { return Ok(None) };
        let step = self.next;
        let name: de::value::StrDeserializer<'_, BuildError> = key.text.as_str().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|error| {
            let node = Node { at: key.at.clone(), kind: Kind::Text(key.text.clone()) };
            error.within(step, &node, self.file)
        })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, BuildError> {
        let Some((_, node)) = self.entries.get(self.next) else { return Err(BuildError::new(What::OneChoice(0))) };
        let step = self.next;
        self.next += 1;
        seed.deserialize(NodeReader { node, file: self.file }).map_err(|error| error.within(step, node, self.file))
    }
}

/// A choice: a map of one key, or a bare word that takes all defaults.
struct Choice<'n> {
    name: &'n str,
    at: &'n Range<usize>,
    index: Option<usize>,
    content: Option<&'n Node>,
    file: &'n str,
}

impl<'de, 'n> de::EnumAccess<'de> for Choice<'n> {
    type Error = BuildError;
    type Variant = Content<'n>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Content<'n>), BuildError> {
        let name: de::value::StrDeserializer<'_, BuildError> = self.name.into_deserializer();
        let variant = seed.deserialize(name).map_err(|error| error.placed(self.at))?;
        Ok((variant, Content { index: self.index, node: self.content, at: self.at.clone(), file: self.file }))
    }
}

struct Content<'n> {
    index: Option<usize>,
    node: Option<&'n Node>,
    at: Range<usize>,
    file: &'n str,
}

impl Content<'_> {
    fn read<T>(self, read: impl FnOnce(NodeReader<'_>) -> Result<T, BuildError>) -> Result<T, BuildError> {
        let defaults = Node { at: self.at.clone(), kind: Kind::Map(Vec::new()) };
        let node = self.node.filter(|node| node.kind != Kind::Null).unwrap_or(&defaults);
        let result = read(NodeReader { node, file: self.file });
        match self.index {
            Some(index) => result.map_err(|error| error.within(index, node, self.file)),
            None => result,
        }
    }
}

impl<'de> de::VariantAccess<'de> for Content<'_> {
    type Error = BuildError;

    fn unit_variant(self) -> Result<(), BuildError> {
        match self.node.map(|node| &node.kind) {
            None | Some(Kind::Null) => Ok(()),
            Some(Kind::Map(entries)) if entries.is_empty() => Ok(()),
            Some(_) => self.read(|reader| {
                Err(BuildError::new(What::WrongKind(reader.node.kind_name().to_owned(), "nothing".to_owned())))
            }),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, BuildError> {
        self.read(|reader| seed.deserialize(reader))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, BuildError> {
        self.read(|reader| de::Deserializer::deserialize_any(reader, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BuildError> {
        self.read(|reader| de::Deserializer::deserialize_any(reader, visitor))
    }
}
