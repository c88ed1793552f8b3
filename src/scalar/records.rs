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

    /// The records of an answer; `None` where the list itself is missing, null or neither a list nor an object. An object
    /// in its place is one record; `[*]` reads the members of an object that holds nothing but objects, records by name.
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
                [other] if path.is_singular() && !matches!(other, Tree::Object(_)) => {}
                _ => return Some(single(path, body, &found).map_or(found, |one| vec![one])),
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

/// The object that a path with `[*]` at its end found in place of a list, where its members are no records.
fn single<'t, 'p>(path: &Path, body: &'t Tree<'p>, found: &[&Tree<'p>]) -> Option<&'t Tree<'p>> {
    if found.iter().all(|member| matches!(member, Tree::Object(_))) {
        return None;
    }
    let list: Path = path.as_str().strip_suffix("[*]")?.parse().ok()?;
    match list.read(body)[..] {
        [object @ Tree::Object(_)] => Some(object),
        _ => None,
    }
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
    fn an_object_in_place_of_the_list_is_one_record() {
        check("$.jobs", r#"{"jobs":{"id":1,"title":"x"}}"#, Some(1));
        check("$.jobs[*]", r#"{"jobs":{"id":1,"place":{"city":"x"}}}"#, Some(1));
        check("$.jobs[*]", r#"{"jobs":{"a":{"id":1},"b":{"id":2}}}"#, Some(2));
        check("$.jobs[*]", r#"{"jobs":{}}"#, Some(0));
        check("$[*]", r#"{"error":"x"}"#, Some(1));
        for neither in [r#"{"jobs":"none"}"#, r#"{"jobs":0}"#, r#"{"jobs":false}"#] {
            check("$.jobs", neither, None);
            check("$.jobs[*]", neither, None);
        }
    }

    #[test]
    fn what_is_no_list_of_paths_is_refused() {
        for written in ["$.a | first", "[] ?? $.a", "\"x\"", "$.a ?? \"x\"", "$.a ?? [] ?? $.b", "geo($.a, $.b)"] {
            assert!(written.parse::<RecordsAt>().is_err(), "{written}");
        }
    }
}
