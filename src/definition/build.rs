//! From a tree with places to structs, by serde: on an error the finding is recorded, the offending entry cut, and the
//! struct built again, so that all faults are reported at once.
use std::fmt;
use std::ops::Range;

use serde::de::{self, Deserialize};

use super::keys;
use super::node::{File, Kind, Node, inside};
use super::reader::NodeReader;
use crate::finding::{self, Finding};
use crate::scalar::fault::{Carried, nearest};

/// Builds a struct of a file. `None` when what is left of the file does not make one.
pub fn build<T: for<'de> Deserialize<'de>>(file: &File, findings: &mut Vec<Finding>) -> Built<T> {
    let mut root = file.root.clone();
    let mut cut: Vec<Vec<usize>> = Vec::new();
    let mut left = attempts(&root);
    loop {
        let error = match T::deserialize(NodeReader { node: &root, file: &file.text }) {
            Ok(value) => return Built { value: Some(value), cut: cut_keys(&root) },
            Err(error) => error,
        };
        let trail: Vec<usize> = error.trail.iter().rev().copied().collect();
        // What is missing because it was cut has been reported: its parent goes the same way.
        let known = match &error.what {
            What::Missing(name) => was_cut(&root, &trail, name, &cut),
            What::AllCut => true,
            _ => false,
        };
        if !known {
            findings.push(error.finding(file, &root, &trail));
        }
        left -= 1;
        if left == 0 {
            findings.push(more(file, &error));
        }
        if trail.is_empty() || left == 0 {
            return Built { value: None, cut: cut_keys(&root) };
        }
        blank(&mut root, &trail);
        cut.push(trail);
    }
}

/// Nodes that are read again for the sake of further findings.
const PATIENCE: usize = 4_000_000;

/// How often a struct is built at most: each time all that stands before the next fault is read again.
fn attempts(root: &Node) -> usize {
    (PATIENCE / root.count()).clamp(10, finding::MOST + 1)
}

/// Says that the rest of a file was not looked at.
fn more(file: &File, error: &BuildError) -> Finding {
    let place = file.place(&error.at.clone().unwrap_or(0..0));
    let finding = Finding::error("more", place, "there may be more findings in this file: the rest is not looked at");
    finding.hint("mend those above, and check again")
}

/// What was built, and the keys at the top of the file that are not in it, or not whole.
#[derive(Debug)]
pub struct Built<T> {
    /// The struct, when what is left of the file makes one.
    pub value: Option<T>,
    /// Keys under which something was cut.
    pub cut: Vec<String>,
}

fn cut_keys(root: &Node) -> Vec<String> {
    fn holds_cut(node: &Node) -> bool {
        match &node.kind {
            Kind::Map(entries) => entries.iter().any(|(key, node)| key.text.starts_with(CUT) || holds_cut(node)),
            Kind::List(list) => list.iter().any(holds_cut),
            _ => false,
        }
    }
    let Kind::Map(entries) = &root.kind else { return Vec::new() };
    let cut = entries.iter().filter(|(key, node)| key.text.starts_with(CUT) || holds_cut(node));
    cut.map(|(key, _)| key.text.trim_start_matches(CUT).to_owned()).collect()
}

/// Whether the entry of this name, or one that was probably meant to be it, out of the map at this trail.
fn was_cut(root: &Node, trail: &[usize], name: &str, cut: &[Vec<usize>]) -> bool {
    let map = trail.iter().try_fold(root, |node, step| child(node, *step));
    let Some(Node { kind: Kind::Map(entries), .. }) = map else { return false };
    entries.iter().enumerate().any(|(index, (key, _))| {
        let meant = key.text.strip_prefix(CUT).is_some_and(|key| key == name || nearest(key, [name]).is_some());
        meant && cut.iter().any(|cut| cut.split_last() == Some((&index, trail)))
    })
}

/// Before the key of an entry that was cut; it keeps its place so that indices stay true.
pub(super) const CUT: &str = "\u{0}";

fn child(node: &Node, step: usize) -> Option<&Node> {
    match &node.kind {
        Kind::Map(entries) => entries.get(step).map(|(_, node)| node),
        Kind::List(list) => list.get(step),
        _ => None,
    }
}

/// Cuts the entry at a trail: the readers pass over it.
fn blank(root: &mut Node, trail: &[usize]) {
    let Some((last, parents)) = trail.split_last() else { return };
    let parent = parents.iter().try_fold(root, |node, step| match &mut node.kind {
        Kind::Map(entries) => entries.get_mut(*step).map(|(_, node)| node),
        Kind::List(list) => list.get_mut(*step),
        _ => None,
    });
    match parent.map(|parent| &mut parent.kind) {
        Some(Kind::Map(entries)) => entries[*last].0.text.insert_str(0, CUT),
        Some(Kind::List(list)) => {
            list.remove(*last);
        }
        _ => {}
    }
}

/// What went wrong, where, and the way there from the root, innermost step first.
#[derive(Debug)]
pub struct BuildError {
    what: What,
    /// Bytes of the file; of a scalar's text until it is settled.
    at: Option<Range<usize>>,
    settled: bool,
    trail: Vec<usize>,
}

#[derive(Debug)]
pub(super) enum What {
    /// A fault of a scalar: code, message, hint.
    Fault(String, String, Option<String>),
    UnknownKey(String, Vec<&'static str>),
    UnknownChoice(String, Vec<&'static str>),
    Missing(String),
    WrongKind(String, String),
    /// Not exactly one key where one choice is wanted.
    OneChoice(usize),
    /// A choice whose every key was cut.
    AllCut,
    Other(String),
}

impl BuildError {
    pub(super) fn new(what: What) -> Self {
        BuildError { what, at: None, settled: false, trail: Vec::new() }
    }

    pub(super) fn within(mut self, step: usize, node: &Node, file: &str) -> Self {
        self.settle(node, file);
        self.trail.push(step);
        self
    }

    /// Gives it a place, if it has none yet: that of this node, or of the part of its text that is meant.
    pub(super) fn settle(&mut self, node: &Node, file: &str) {
        if !self.settled {
            self.at = Some(self.at.as_ref().map_or(node.at.clone(), |part| inside(file, node, part)));
            self.settled = true;
        }
    }

    /// The same at these bytes of the file.
    pub(super) fn placed(mut self, at: &Range<usize>) -> Self {
        self.at = Some(at.clone());
        self.settled = true;
        self
    }

    fn finding(&self, file: &File, root: &Node, trail: &[usize]) -> Finding {
        let at = self.at.clone().unwrap_or(0..0);
        let place = file.place(&at);
        let above = keys::path(root, trail);
        match &self.what {
            What::Fault(code, message, hint) => {
                let finding = Finding::error(keys::code(code), place, message.clone());
                hint.iter().fold(finding, |finding, hint| finding.hint(hint.clone()))
            }
            What::UnknownKey(name, valid) => keys::unknown(name, valid, place, &above),
            What::UnknownChoice(name, valid) => {
                let finding = Finding::error("unknown-choice", place, format!("there is no `{name}` here"));
                match nearest(name, valid.iter().copied()) {
                    Some(near) => finding.hint(format!("did you mean `{near}`?")).replace(near),
                    None => finding.hint(format!("one of {}", list(valid))),
                }
            }
            What::Missing(name) => {
                let message = format!("`{name}` is missing");
                Finding::error("missing-key", place, message)
                    .hint(format!("add `{name}:` here; `explain {name}` says what it may be"))
            }
            What::WrongKind(found, wanted) => {
                Finding::error("wrong-kind", place, format!("{found} where {wanted} was expected"))
                    .hint(keys::shape(&above))
            }
            What::OneChoice(0) | What::AllCut => Finding::error("one-choice", place, "a choice is missing here")
                .hint("a choice is a map with exactly one key, such as `{offset: {size: 100}}`, or a bare word"),
            What::OneChoice(_) => Finding::error("one-choice", place, "two keys where one choice is wanted")
                .hint("a choice is a map with exactly one key: keep one of them"),
            What::Other(message) => Finding::error("bad-value", place, message.clone()),
        }
    }
}

fn list(words: &[&'static str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.what)
    }
}

impl std::error::Error for BuildError {}

impl de::Error for BuildError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        match Carried::read(&text) {
            Some((code, at, message, hint)) => {
                BuildError { at: Some(at), ..BuildError::new(What::Fault(code, message, hint)) }
            }
            None => BuildError::new(What::Other(text)),
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        BuildError::new(What::UnknownKey(field.to_owned(), expected.to_vec()))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        BuildError::new(What::UnknownChoice(variant.to_owned(), expected.to_vec()))
    }

    fn missing_field(field: &'static str) -> Self {
        BuildError::new(What::Missing(field.to_owned()))
    }

    fn invalid_type(found: de::Unexpected<'_>, wanted: &dyn de::Expected) -> Self {
        let found = match found {
            de::Unexpected::Unit | de::Unexpected::Option => "nothing".to_owned(),
            de::Unexpected::Str(text) => format!("the text `{text}`"),
            de::Unexpected::Bool(truth) => format!("`{truth}`"),
            de::Unexpected::Unsigned(number) => format!("`{number}`"),
            de::Unexpected::Signed(number) => format!("`{number}`"),
            de::Unexpected::Float(number) => format!("`{number}`"),
            de::Unexpected::Seq => "a list".to_owned(),
            de::Unexpected::Map => "a map".to_owned(),
            other => other.to_string(),
        };
        BuildError::new(What::WrongKind(found, keys::wanted(&wanted.to_string())))
    }
}
