//! What a file says, without its places: the form that fingerprints are made from.
use crate::definition::node::{File, Kind, Node};

/// A written value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Canonical {
    /// Null, a truth value or a number, as the file writes it.
    Plain(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Canonical>),
    /// A map in the order of the file.
    Map(Vec<(String, Canonical)>),
}

/// Maps whose order says something: later names of `for` vary faster, and of `responses` the first that fits counts.
const ORDERED: [&str; 2] = ["for", "responses"];

impl Canonical {
    /// What a node says.
    pub fn of(node: &Node, file: &File) -> Self {
        match &node.kind {
            Kind::Null => Canonical::Plain("null".into()),
            Kind::Bool(truth) => Canonical::Plain(truth.to_string()),
            Kind::Int(_) | Kind::Float(_) => Canonical::Plain(node.number(&file.text)),
            Kind::Text(text) => Canonical::Text(text.clone()),
            Kind::List(list) => Canonical::List(list.iter().map(|node| Canonical::of(node, file)).collect()),
            Kind::Map(entries) => Canonical::Map(
                entries.iter().map(|(key, node)| (key.text.clone(), Canonical::of(node, file))).collect(),
            ),
        }
    }

    /// The entries of a map; none of anything else.
    pub fn entries(self) -> Vec<(String, Canonical)> {
        match self {
            Canonical::Map(entries) => entries,
            _ => Vec::new(),
        }
    }

    /// The member of a map, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Canonical> {
        match self {
            Canonical::Map(entries) => entries.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The member of a map.
    pub fn get(&self, key: &str) -> Option<&Canonical> {
        match self {
            Canonical::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Takes a member out of a map.
    pub fn take(&mut self, key: &str) -> Option<Canonical> {
        let Canonical::Map(entries) = self else { return None };
        let at = entries.iter().position(|(name, _)| name == key)?;
        Some(entries.remove(at).1)
    }

    /// Each text in it, names of members left out.
    pub fn texts<'t>(&'t self, each: &mut dyn FnMut(&'t str)) {
        match self {
            Canonical::Plain(_) => {}
            Canonical::Text(text) => each(text),
            Canonical::List(list) => list.iter().for_each(|value| value.texts(each)),
            Canonical::Map(entries) => entries.iter().for_each(|(_, value)| value.texts(each)),
        }
    }

    /// As JSON with sorted keys; a map whose order counts is a list of pairs.
    pub fn json(&self) -> String {
        let mut out = String::new();
        self.write(false, &mut out);
        out
    }

    fn write(&self, ordered: bool, out: &mut String) {
        match self {
            Canonical::Plain(text) => *out += text,
            Canonical::Text(text) => quoted(text, out),
            Canonical::List(list) => separated(list, '[', ']', out, |value, out| value.write(false, out)),
            Canonical::Map(entries) if ordered => separated(entries, '[', ']', out, |(key, value), out| {
                out.push('[');
                quoted(key, out);
                out.push(',');
                value.write(ORDERED.contains(&key.as_str()), out);
                out.push(']');
            }),
            Canonical::Map(entries) => {
                let mut sorted: Vec<&(String, Canonical)> = entries.iter().collect();
                sorted.sort_by(|a, b| a.0.cmp(&b.0));
                separated(&sorted, '{', '}', out, |(key, value), out| {
                    quoted(key, out);
                    out.push(':');
                    value.write(ORDERED.contains(&key.as_str()), out);
                });
            }
        }
    }
}

fn quoted(text: &str, out: &mut String) {
    *out += &serde_json::Value::from(text).to_string();
}

fn separated<T>(values: &[T], open: char, close: char, out: &mut String, write: impl Fn(&T, &mut String)) {
    out.push(open);
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(value, out);
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(yaml: &str, expect: &str) {
        let (file, findings) = File::read("x.yaml", yaml);
        assert_eq!((Canonical::of(&file.root, &file).json().as_str(), findings), (expect, Vec::new()), "{yaml}");
    }

    #[test]
    fn what_is_written_counts_and_not_how() {
        check("# a comment\nb: 1\n'a': \"x\\\"é\"\n", r#"{"a":"x\"é","b":1}"#);
        check("{a: [null, true, 3.10, '3.10', 1e3]}", r#"{"a":[null,true,3.10,"3.10",1e3]}"#);
        check("a: &a {c: 1, b: 2}\nd: *a", r#"{"a":{"b":2,"c":1},"d":{"b":2,"c":1}}"#);
    }

    #[test]
    fn order_counts_where_it_says_something() {
        check(
            "for: {b: [1], a: {call: {responses: {5xx: retry, 2xx: empty}, at: 0}}}",
            r#"{"for":[["b",[1]],["a",{"call":{"at":0,"responses":[["5xx","retry"],["2xx","empty"]]}}]]}"#,
        );
    }
}
