//! Where the records of an answer are: the first of some paths that finds some.
use std::str::FromStr;

use super::expression::{Expression, Operand};
use super::fault::{Carried, Fault};
use super::path::Path;
use crate::tree::Tree;

/// `records` as written: paths joined by `??`, and perhaps `[]` behind them.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct RecordsAt {
    text: String,
    paths: Vec<Path>,
    /// Whether an answer without the list has no records, and is no fault.
    optional: bool,
}

impl FromStr for RecordsAt {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let refused = || {
            let message = format!("`{text}` is no list of paths");
            Fault::new("refused", 0..text.len(), message).hint(
                "records are at a path, or at the first of several joined by `??`; `[]` behind them where a missing list \
                 means that there is none",
            )
        };
        let written: Expression = text.parse()?;
        let (mut paths, mut optional) = (Vec::new(), false);
        for operand in &written.operands {
            match operand {
                _ if optional => return Err(refused()),
                Operand::Path(path) => paths.push(path.clone()),
                Operand::Constant(Tree::List(_)) if !paths.is_empty() => optional = true,
                Operand::Constant(_) | Operand::Call(_) => return Err(refused()),
            }
        }
        match written.calls.is_empty() {
            true => Ok(RecordsAt { text: text.to_owned(), paths, optional }),
            false => Err(refused()),
        }
    }
}

impl TryFrom<String> for RecordsAt {
    type Error = Carried;

    fn try_from(text: String) -> Result<Self, Carried> {
        Ok(text.parse()?)
    }
}

impl RecordsAt {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The records of an answer; `None` where the list itself is missing or null.
    pub fn read<'t, 'p>(&self, body: &'t Tree<'p>) -> Option<Vec<&'t Tree<'p>>> {
        let mut there = self.optional;
        for path in &self.paths {
            let found = path.read(body);
            match found[..] {
                [Tree::List(list)] if path.is_singular() => {
                    there = true;
                    if !list.is_empty() {
                        return Some(list.iter().collect());
                    }
                }
                [Tree::Null] if path.is_singular() => {}
                [] => there |= is_there(path, body),
                _ => return Some(found),
            }
        }
        there.then(Vec::new)
    }

    /// The names that lead to the list, when it can be read on its way: one path of names.
    pub fn names(&self) -> Option<Vec<&str>> {
        match &self.paths[..] {
            [path] => path.to_list(),
            _ => None,
        }
    }

    /// Whether a list that is missing is no fault.
    pub fn may_be_missing(&self) -> bool {
        self.optional
    }
}

/// Whether what a path of several matches goes through is there.
fn is_there(path: &Path, body: &Tree<'_>) -> bool {
    let container = path.container();
    container.is_some_and(|container| matches!(container.value(body), Tree::List(_) | Tree::Object(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str, body: &str, expect: Option<usize>) {
        let at: RecordsAt = written.parse().unwrap();
        let body: Tree<'_> = serde_json::from_str(body).unwrap();
        assert_eq!(at.read(&body).map(|records| records.len()), expect, "{written} {body}");
    }

    #[test]
    fn the_first_path_that_finds_some_counts() {
        check("$.a[*] ?? $.b[*]", r#"{"a":[1],"b":[1,2]}"#, Some(1));
        check("$.a[*] ?? $.b[*]", r#"{"a":[],"b":[1,2]}"#, Some(2));
        check("$.a[*] ?? $.b[*]", r#"{"b":[1,2]}"#, Some(2));
        check("$.a ?? $.b", r#"{"a":null,"b":[1,2]}"#, Some(2));
        check("$.a ?? $.b", r#"{"b":{"id":1}}"#, Some(1));
        check("$.a[*] ?? $.b[*] ?? []", r#"{"c":1}"#, Some(0));
    }

    #[test]
    fn a_list_that_is_missing_is_told_from_an_empty_one() {
        for written in ["$.jobs[*]", "$.jobs", "$.jobs[?@.x]", "$.jobs[0:9]"] {
            check(written, r#"{"jobs":[]}"#, Some(0));
            check(written, r#"{"error":"x"}"#, None);
            check(written, r#"{"jobs":null}"#, None);
            check(written, r#"null"#, None);
            check(&format!("{written} ?? []"), r#"{"jobs":null}"#, Some(0));
        }
        check("$.a[*] ?? $.b[*]", r#"{"c":1}"#, None);
        check("$.a[*] ?? $.b[*]", r#"{"b":[]}"#, Some(0));
        check("$[*]", "[]", Some(0));
        check("$..jobs[*]", r#"{"x":1}"#, Some(0));
    }

    #[test]
    fn what_is_no_list_of_paths_is_refused() {
        for written in ["$.a | first", "[] ?? $.a", "\"x\"", "$.a ?? \"x\"", "$.a ?? [] ?? $.b", "geo($.a, $.b)"] {
            assert!(written.parse::<RecordsAt>().is_err(), "{written}");
        }
    }
}
