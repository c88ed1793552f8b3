//! Maps that keep their order, scalars that own their text, and a choice read out of a map.
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use crate::scalar::fault::Carried;
use crate::scalar::{Fault, Written};
use crate::tree::Tree;

/// A map in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Ordered<T>(pub Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Ordered(Vec::new())
    }
}

impl<T> Ordered<T> {
    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OrderedVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OrderedVisitor<T> {
            type Value = Ordered<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(OrderedVisitor(PhantomData))
    }
}

/// Any value, owned.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar(pub Tree<'static>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Written::deserialize(deserializer).map(|value| Scalar(value.0))
    }
}

/// A map with one entry, read as a choice: for shapes that a visitor has already entered, so that places stay exact.
pub struct OneEntry<A>(pub A);

impl<'de, A: MapAccess<'de>> Deserializer<'de> for OneEntry<A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_enum(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, A: MapAccess<'de>> de::EnumAccess<'de> for OneEntry<A> {
    type Error = A::Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(mut self, seed: V) -> Result<(V::Value, Self), A::Error> {
        let variant = self.0.next_key_seed(seed)?;
        variant.map(|variant| (variant, self)).ok_or_else(|| {
            A::Error::custom(Carried(
                Fault::new("one-choice", 0..0, "a choice is missing here")
                    .hint("a choice is a map with exactly one key"),
            ))
        })
    }
}

impl<'de, A: MapAccess<'de>> OneEntry<A> {
    fn value<T: DeserializeSeed<'de>>(mut self, seed: T) -> Result<T::Value, A::Error> {
        let value = self.0.next_value_seed(seed)?;
        self.0.next_key_seed(NoMore)?;
        Ok(value)
    }
}

impl<'de, A: MapAccess<'de>> de::VariantAccess<'de> for OneEntry<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.value(PhantomData)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        self.value(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, _visitor: V) -> Result<V::Value, A::Error> {
        Err(A::Error::custom("a choice holds one value"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, A::Error> {
        Err(A::Error::custom("a choice holds one value"))
    }
}

/// Refuses a second key: the error stands at that key.
struct NoMore;

impl<'de> DeserializeSeed<'de> for NoMore {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, _deserializer: D) -> Result<(), D::Error> {
        let fault = Fault::new("one-choice", 0..0, "two keys where one choice is wanted");
        Err(D::Error::custom(Carried(fault.hint("a choice is a map with exactly one key: keep one of them"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::build::build;
    use crate::definition::node::File;

    fn check(text: &str, expect: &str) {
        let (file, findings) = File::read("sources/x.yaml", text);
        assert_eq!(findings, [], "{text}");
        let built = build::<Ordered<Scalar>>(&file, &mut Vec::new()).value.unwrap();
        let found: Vec<String> = built.iter().map(|(name, value)| format!("{name}={}", value.0)).collect();
        assert_eq!(found.join(" "), expect, "{text}");
    }

    #[test]
    fn plain_numbers_keep_their_text() {
        check("{a: 3.10, b: 1.0, c: 1e3, d: -0.50}", "a=3.10 b=1.0 c=1e3 d=-0.50");
        check("a: 3.10   # the last\nb: 12345678901234567890\nc: 7", "a=3.10 b=12345678901234567890 c=7");
        check("a: [1.10, {b: 2.20}]", r#"a=[1.10,{"b":2.20}]"#);
        check("a: &v 3.10\nb: *v", "a=3.10 b=3.10");
        check("a: &v 5\nb: *v", "a=5 b=5");
        check("1.10: a\n007: b", r#"1.10="a" 007="b""#);
    }

    #[test]
    fn what_json_does_not_know_as_a_number_is_text() {
        check(
            "{a: .5, b: +33, c: 0x1F, d: 0o10, e: 010, f: 1_000}",
            concat!(r#"a=".5" b="+33" c="0x1F" d="0o10" "#, r#"e="010" f="1_000""#),
        );
        check(r#"{a: "3.10", b: '1.0', c: !!str 2.50}"#, r#"a="3.10" b="1.0" c="2.50""#);
    }
}
