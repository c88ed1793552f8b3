//! A YAML file as a tree with places: every key and value knows its bytes, line and column. Only here YAML is parsed.
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, Spanned};

use crate::finding::{self, Finding, Place};

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its bytes in the file.
    pub at: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in order, repeats kept.
    Map(Vec<(Key, Node)>),
}

/// A key with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The key as text.
    pub text: String,
    /// Its bytes in the file.
    pub at: Range<usize>,
}

/// Most values of a file, those behind aliases counted each time.
pub(super) const NODES: usize = 100_000;
/// Most lists and maps in each other.
pub(super) const LEVELS: usize = 32;
/// Most bytes of its texts, counted the same.
pub(super) const LETTERS: usize = 4 << 20;
/// Most values that stand behind aliases.
pub(super) const REPEATED: usize = 20_000;

/// A file that was read: its text and its tree.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Path, relative to the project.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Its tree; null when it cannot be parsed.
    pub root: Node,
}

impl File {
    /// Parses a file. Repeated keys are findings; the first of them stays.
    pub fn read(path: &str, text: &str) -> (Self, Vec<Finding>) {
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_nodes: NODES, max_depth: LEVELS, max_total_scalar_bytes: LETTERS },
            alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: REPEATED },
            duplicate_keys: DuplicateKeyPolicy::PassThrough,
            strict_booleans: true,
            leading_zero_numbers_as_strings: true,
            underscored_numbers_as_strings: true,
            with_snippet: false,
        };
        let mut file = File { path: path.to_owned(), text: text.to_owned(), root: Node { at: 0..0, kind: Kind::Null } };
        if let Some(finding) = super::yaml::tab(&file) {
            return (file, vec![finding]);
        }
        match serde_saphyr::from_str_with_options::<Spanned<Any>>(text, options) {
            Ok(any) => {
                let mut findings = Vec::new();
                file.root = node(any, text);
                let mut root = std::mem::replace(&mut file.root, Node { at: 0..0, kind: Kind::Null });
                repeated(&mut root, &file, &mut findings);
                file.root = root;
                (file, findings)
            }
            Err(_) if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) => {
                let finding = Finding::error("empty-file", file.place(&(0..0)), "this file says nothing");
                (file, vec![finding.hint("`explain source` shows what it may say")])
            }
            Err(error) => {
                let finding = super::yaml::finding(&file, &error);
                (file, vec![finding])
            }
        }
    }

    /// The place of these bytes.
    pub fn place(&self, at: &Range<usize>) -> Place {
        // The reader of YAML knows some places by line and column alone, and these may end within a character.
        let start = self.text.floor_char_boundary(at.start);
        let end = self.text.ceil_char_boundary(at.end.clamp(start, self.text.len()));
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            file: self.path.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            bytes: start..end,
        }
    }

    /// The node at a trail of keys and indices, or the nearest above it that is there.
    pub fn node(&self, trail: &[&str]) -> &Node {
        let mut at = &self.root;
        for step in trail {
            match at.get(step) {
                Some(found) => at = found,
                None => break,
            }
        }
        at
    }

    /// The place of the value at a trail.
    pub fn value_place(&self, trail: &[&str]) -> Place {
        self.place(&self.node(trail).at)
    }

    /// The place of the last key of a trail.
    pub fn key_place(&self, trail: &[&str]) -> Place {
        let (last, parents) = trail.split_last().map_or((&"", &[][..]), |(last, parents)| (last, parents));
        match &self.node(parents).kind {
            Kind::Map(entries) => entries
                .iter()
                .find(|(key, _)| key.text == **last)
                .map_or_else(|| self.value_place(trail), |(key, _)| self.place(&key.at)),
            _ => self.value_place(trail),
        }
    }

    /// The place of some bytes inside the text of a scalar: exact where the file writes it without escapes.
    pub fn inside(&self, node: &Node, part: &Range<usize>) -> Place {
        self.place(&inside(&self.text, node, part))
    }
}

/// Bytes of the file for bytes of a scalar's text.
pub fn inside(file: &str, node: &Node, part: &Range<usize>) -> Range<usize> {
    let (Kind::Text(text), Some(written)) = (&node.kind, file.get(node.at.clone())) else { return node.at.clone() };
    if part.is_empty() && part.start == 0 {
        return node.at.clone();
    }
    // At its end a text is meant up to its last character.
    let part = match text.char_indices().last() {
        Some((last, _)) if part.start >= text.len() => last..text.len(),
        _ => part.clone(),
    };
    let quote = usize::from(written.starts_with(['"', '\'']));
    let plain = written.get(quote..).is_some_and(|written| written.starts_with(text.trim_end()));
    let start = node.at.start + quote + part.start;
    if plain && file.is_char_boundary(start) { start..node.at.start + quote + part.end } else { node.at.clone() }
}

impl Node {
    /// The member of this name, or the element of this index.
    pub fn get(&self, step: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|(key, _)| key.text == step).map(|(_, node)| node),
            Kind::List(list) => step.parse::<usize>().ok().and_then(|index| list.get(index)),
            _ => None,
        }
    }

    /// How many values it holds, itself counted.
    pub(super) fn count(&self) -> usize {
        1 + match &self.kind {
            Kind::List(list) => list.iter().map(Node::count).sum(),
            Kind::Map(entries) => entries.iter().map(|(_, node)| node.count()).sum(),
            _ => 0,
        }
    }

    /// Whether these bytes are its own, or those of something in it.
    pub fn covers(&self, bytes: &Range<usize>) -> bool {
        let around = |at: &Range<usize>| at.start <= bytes.start && bytes.end <= at.end;
        around(&self.at)
            || match &self.kind {
                Kind::List(list) => list.iter().any(|node| node.covers(bytes)),
                Kind::Map(entries) => entries.iter().any(|(key, node)| around(&key.at) || node.covers(bytes)),
                _ => false,
            }
    }

    /// A number as the file writes it; as the program does where the file says it otherwise.
    pub(crate) fn number(&self, file: &str) -> String {
        let written = file.get(self.at.clone()).unwrap_or_default();
        match self.kind {
            Kind::Int(number) if whole(written) == Some(number) => written.to_owned(),
            Kind::Int(number) => number.to_string(),
            Kind::Float(number) if written.parse() == Ok(number) => written.to_owned(),
            Kind::Float(number) => number.to_string(),
            _ => String::new(),
        }
    }

    /// What it is, as messages name it.
    pub fn kind_name(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a truth value",
            Kind::Int(_) | Kind::Float(_) => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }
}

/// A whole number of YAML 1.2: decimal, `0x`, `0o`, or `0b`.
fn whole(written: &str) -> Option<i64> {
    let digits = written.trim_start_matches(['+', '-']);
    let (radix, digits) = match digits.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ => (10, digits),
    };
    let number = i64::from_str_radix(digits, radix).ok()?;
    Some(if written.starts_with('-') { -number } else { number })
}

/// Reports repeated keys and cuts the later ones.
fn repeated(node: &mut Node, file: &File, findings: &mut Vec<Finding>) {
    match &mut node.kind {
        Kind::List(list) => list.iter_mut().for_each(|node| repeated(node, file, findings)),
        Kind::Map(entries) => {
            let mut seen: HashMap<String, Range<usize>> = HashMap::new();
            entries.retain(|(key, _)| {
                let first = seen.get(&key.text);
                if first.is_some() && findings.len() > finding::MOST {
                    return false;
                }
                if let Some(first) = first {
                    let line = file.place(first).line;
                    let message = format!("`{}` is given twice", key.text);
                    findings.push(
                        Finding::error("duplicate-key", file.place(&key.at), message)
                            .hint(format!("it was given on line {line}; remove one of them")),
                    );
                    return false;
                }
                seen.insert(key.text.clone(), key.at.clone());
                true
            });
            entries.iter_mut().for_each(|(_, node)| repeated(node, file, findings));
        }
        _ => {}
    }
}

/// What serde-saphyr hands us, before places are turned into bytes.
enum Any {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Any>>),
    Map(Vec<(Spanned<Any>, Spanned<Any>)>),
}

fn node(any: Spanned<Any>, text: &str) -> Node {
    // The text of a number counts, so that one behind an alias has the place of its definition.
    let is_number = matches!(any.value, Any::Int(_) | Any::Float(_));
    let at = bytes(if is_number { any.defined } else { any.referenced }, text);
    let kind = match any.value {
        Any::Null => Kind::Null,
        Any::Bool(truth) => Kind::Bool(truth),
        Any::Int(number) => Kind::Int(number),
        Any::Float(number) => Kind::Float(number),
        Any::Text(text) => Kind::Text(text),
        Any::List(list) => Kind::List(list.into_iter().map(|any| node(any, text)).collect()),
        Any::Map(entries) => {
            Kind::Map(entries.into_iter().map(|(name, any)| (key(name, text), node(any, text))).collect())
        }
    };
    Node { at, kind }
}

fn key(any: Spanned<Any>, text: &str) -> Key {
    let at = bytes(any.referenced, text);
    let text = match any.value {
        Any::Text(text) => text,
        Any::Null => "null".into(),
        Any::Bool(truth) => truth.to_string(),
        Any::Int(number) => Node { at: at.clone(), kind: Kind::Int(number) }.number(text),
        Any::Float(number) => Node { at: at.clone(), kind: Kind::Float(number) }.number(text),
        Any::List(_) | Any::Map(_) => text.get(at.clone()).unwrap_or_default().to_owned(),
    };
    Key { text, at }
}

/// Bytes of a place. The end of a plain scalar is cut to what is written on its line.
pub(super) fn bytes(location: Location, text: &str) -> Range<usize> {
    let span = location.span();
    let (Some(start), Some(length)) = (span.byte_offset(), span.byte_len()) else { return line_bytes(location, text) };
    let start = (start as usize).min(text.len());
    let end = (start + length as usize).min(text.len());
    start..start + text.get(start..end).map_or(0, |written| written.trim_end().len())
}

/// Bytes of a place that is known by line and column alone.
fn line_bytes(location: Location, text: &str) -> Range<usize> {
    let lines = text.split_inclusive('\n').take((location.line() as usize).saturating_sub(1));
    let line_start: usize = lines.map(str::len).sum();
    let line = text[line_start..].lines().next().unwrap_or_default();
    let column =
        line.char_indices().nth((location.column() as usize).saturating_sub(1)).map_or(line.len(), |(at, _)| at);
    line_start + column..(line_start + column + 1).min(text.len())
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor)
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Any;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Any, E> {
        Ok(Any::Null)
    }

    fn visit_none<E>(self) -> Result<Any, E> {
        Ok(Any::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Any, D::Error> {
        Any::deserialize(deserializer)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Any, E> {
        Ok(Any::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Any, E> {
        Ok(Any::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Any, E> {
        Ok(i64::try_from(number).map_or(Any::Float(number as f64), Any::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Any, E> {
        Ok(Any::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Any, E> {
        Ok(Any::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Any, E> {
        Ok(Any::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Any, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Any::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Any, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Any::Map(entries))
    }
}
