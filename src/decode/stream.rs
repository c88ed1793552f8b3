//! `json` in two passes over one body: what stands around the records first, then the records, a few at a time.
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::DecodeError;
use super::json::fault;
use crate::tree::Tree;

/// What stands around the records, and how many there are; `None` where the list is not there.
pub fn envelope<'b>(body: &'b [u8], names: &[&str]) -> Result<(Tree<'b>, Option<u64>), DecodeError> {
    let mut count = None;
    let walk = Around { names, count: &mut count };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let tree = walk.deserialize(&mut deserializer).and_then(|tree| deserializer.end().map(|()| tree));
    tree.map(|tree| (tree, count)).map_err(|error| fault(&error, body))
}

/// The records, at most `size` at a time; false ends the reading.
pub fn records<'b>(
    body: &'b [u8],
    names: &[&str],
    size: usize,
    each: &mut dyn FnMut(Vec<Tree<'b>>) -> bool,
) -> Result<(), DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let mut stopped = false;
    let walk = Into { names, size, each, stopped: &mut stopped };
    match walk.deserialize(&mut deserializer) {
        Err(_) if stopped => Ok(()),
        done => done.map_err(|error| fault(&error, body)),
    }
}

/// First pass: everything but the records.
struct Around<'n, 'c> {
    names: &'n [&'n str],
    count: &'c mut Option<u64>,
}

impl<'de> DeserializeSeed<'de> for Around<'_, '_> {
    type Value = Tree<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Around<'_, '_> {
    type Value = Tree<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Tree<'de>, E> {
        Ok(Tree::Null)
    }
    fn visit_bool<E>(self, truth: bool) -> Result<Tree<'de>, E> {
        Ok(Tree::Bool(truth))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Tree<'de>, E> {
        Ok(Tree::Int(number))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Tree<'de>, E> {
        Ok(i64::try_from(number).map_or(Tree::Float(number as f64), Tree::Int))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Tree<'de>, E> {
        Ok(Tree::Float(number))
    }
    fn visit_str<E>(self, text: &str) -> Result<Tree<'de>, E> {
        Ok(Tree::Text(text.to_owned().into()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree<'de>, A::Error> {
        if !self.names.is_empty() {
            let mut list = Vec::new();
            while let Some(value) = seq.next_element()? {
                list.push(value);
            }
            return Ok(Tree::List(list));
        }
        let mut count = 0;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        *self.count = Some(count);
        Ok(Tree::List(Vec::new()))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = match self.names.split_first() {
                Some((name, rest)) if *name == key => map.next_value_seed(Around { names: rest, count: self.count })?,
                _ => map.next_value()?,
            };
            members.push((key.into(), value));
        }
        Ok(Tree::Object(members))
    }
}

/// Second pass: the records alone.
struct Into<'n, 'e, 'b> {
    names: &'n [&'n str],
    size: usize,
    each: &'e mut dyn FnMut(Vec<Tree<'b>>) -> bool,
    stopped: &'e mut bool,
}

impl<'de> DeserializeSeed<'de> for Into<'_, '_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.names.is_empty() { deserializer.deserialize_seq(self) } else { deserializer.deserialize_map(self) }
    }
}

impl<'de> Visitor<'de> for Into<'_, '_, 'de> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the list of records")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut chunk = Vec::with_capacity(self.size);
        while let Some(record) = seq.next_element::<Tree<'de>>()? {
            chunk.push(record);
            if chunk.len() == self.size && !(self.each)(std::mem::take(&mut chunk)) {
                *self.stopped = true;
                return Err(A::Error::custom("nobody reads on"));
            }
        }
        if !chunk.is_empty() {
            (self.each)(chunk);
        }
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((name, rest)) = self.names.split_first() else { return Ok(()) };
        while let Some(key) = map.next_key::<String>()? {
            if *name == key {
                let (size, each, stopped) = (self.size, &mut *self.each, &mut *self.stopped);
                map.next_value_seed(Into { names: rest, size, each, stopped })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] =
        br#"{"total":5,"page":{"rows":[{"a":1},{"a":2},{"a":3},{"a":4},{"a":5}],"next":"x"},"last":null}"#;

    #[test]
    fn two_passes_see_what_one_sees() {
        let (around, count) = envelope(BODY, &["page", "rows"]).unwrap();
        assert_eq!(around.to_string(), r#"{"total":5,"page":{"rows":[],"next":"x"},"last":null}"#);
        assert_eq!(count, Some(5));
        let mut chunks = Vec::new();
        records(BODY, &["page", "rows"], 2, &mut |chunk| {
            chunks.push(Tree::List(chunk).to_string());
            true
        })
        .unwrap();
        assert_eq!(chunks, [r#"[{"a":1},{"a":2}]"#, r#"[{"a":3},{"a":4}]"#, r#"[{"a":5}]"#]);
        let mut first = 0;
        records(BODY, &["page", "rows"], 2, &mut |chunk| {
            first += chunk.len();
            false
        })
        .unwrap();
        assert_eq!(first, 2, "the reading ends when nobody reads on");
    }

    #[test]
    fn what_is_not_there_is_said() {
        assert_eq!(envelope(BODY, &["rows"]).unwrap().1, None);
        assert!(matches!(envelope(&BODY[..40], &["page", "rows"]), Err(DecodeError::Json(..))));
        assert!(matches!(envelope(b"<html>", &[]), Err(DecodeError::Wall(_))));
    }
}
