//! PATH: an RFC 9535 JSONPath, parsed while the file is read and walked without the library where it is simple.
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jsonpath_rust::parser::errors::JsonPathError;
use jsonpath_rust::parser::model::{JpQuery, Segment, Selector};
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;

use super::fault::{Carried, Fault};
use super::shape::{ill_typed, is_singular};
use crate::tree::Tree;

/// A JSONPath.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Path {
    text: Arc<str>,
    query: Arc<JpQuery>,
    walk: Option<Arc<[Hop]>>,
    singular: bool,
}

/// One step of a simple path.
#[derive(Clone, Debug, PartialEq)]
enum Hop {
    Name(String),
    Names(Vec<String>),
    Index(i64),
    Slice(Option<i64>, Option<i64>, i64),
    Each,
}

impl Path {
    /// Whether it leads to one value at most.
    pub fn is_singular(&self) -> bool {
        self.singular
    }

    /// The path as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names it passes that it reads several matches of, with `[*]`, `[n]` or a filter: a decoder of XML makes a
    /// list of them also where they occur once.
    pub fn listed_names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        let mut last: Vec<&str> = Vec::new();
        for segment in &self.query.segments {
            // `..name` reads wherever the name stands, so what is before it may occur once and be no list.
            let (descends, segment) = match segment {
                Segment::Descendant(inner) => (true, &**inner),
                segment => (false, segment),
            };
            let several = std::mem::take(&mut last);
            match segment {
                Segment::Selector(Selector::Name(name)) => last.push(name.as_str()),
                Segment::Selectors(selectors) if selectors.iter().any(|each| matches!(each, Selector::Name(_))) => {
                    last.extend(selectors.iter().filter_map(|selector| match selector {
                        Selector::Name(name) => Some(name.as_str()),
                        _ => None,
                    }));
                }
                _ if descends => {}
                _ => names.extend(several),
            }
        }
        names
    }

    /// The names that lead to the list whose elements it reads, when it is `$.a.b[*]` or `$.a.b`.
    pub fn to_list(&self) -> Option<Vec<&str>> {
        let hops = self.walk.as_ref()?;
        let hops = hops.strip_suffix(&[Hop::Each]).unwrap_or(hops);
        hops.iter().map(|hop| if let Hop::Name(name) = hop { Some(name.as_str()) } else { None }).collect()
    }

    /// The path to what its several matches stand in: what is before the first part that may match several times.
    pub fn container(&self) -> Option<Path> {
        let first = (0..self.query.segments.len()).find(|end| !is_singular(&self.query.segments[..=*end]))?;
        let query = JpQuery::new(self.query.segments[..first].to_vec());
        let walk = lower(&query).map(Into::into);
        Some(Path { text: self.text.clone(), query: Arc::new(query), walk, singular: true })
    }

    /// All values it leads to, in order.
    pub fn read<'t, 'p>(&self, root: &'t Tree<'p>) -> Vec<&'t Tree<'p>> {
        let Some(walk) = &self.walk else {
            let found = js_path_process(&self.query, root).unwrap_or_default();
            return found.into_iter().map(|found| found.val()).collect();
        };
        let mut found = Vec::new();
        walk_on(walk, root, &mut found);
        found
    }

    /// What it stands for: the one value (null when missing) of a singular path, else a list of all matches.
    pub fn value<'p>(&self, root: &Tree<'p>) -> Tree<'p> {
        if self.singular
            && let Some(walk) = &self.walk
        {
            return walk_one(walk, root).cloned().unwrap_or_default();
        }
        let mut found = self.read(root).into_iter().cloned();
        if self.singular { found.next().unwrap_or_default() } else { Tree::List(found.collect()) }
    }
}

fn walk_one<'t, 'p>(walk: &[Hop], root: &'t Tree<'p>) -> Option<&'t Tree<'p>> {
    walk.iter().try_fold(root, |at, hop| match hop {
        Hop::Name(name) => at.get(name),
        Hop::Index(index) => at.as_list().and_then(|list| list.get(place(*index, list.len())?)),
        Hop::Names(_) | Hop::Slice(..) | Hop::Each => None,
    })
}

fn walk_on<'t, 'p>(walk: &[Hop], at: &'t Tree<'p>, found: &mut Vec<&'t Tree<'p>>) {
    let Some((hop, rest)) = walk.split_first() else {
        found.push(at);
        return;
    };
    match (hop, at) {
        (Hop::Name(name), _) => at.get(name).into_iter().for_each(|value| walk_on(rest, value, found)),
        (Hop::Names(names), _) => {
            names.iter().filter_map(|name| at.get(name)).for_each(|value| walk_on(rest, value, found));
        }
        (Hop::Each, Tree::List(list)) => list.iter().for_each(|value| walk_on(rest, value, found)),
        (Hop::Each, Tree::Object(members)) => members.iter().for_each(|(_, value)| walk_on(rest, value, found)),
        (Hop::Index(index), Tree::List(list)) => {
            let value = place(*index, list.len()).and_then(|index| list.get(index));
            value.into_iter().for_each(|value| walk_on(rest, value, found));
        }
        (Hop::Slice(start, end, step), Tree::List(list)) => {
            slice(list, *start, *end, *step).for_each(|value| walk_on(rest, value, found));
        }
        _ => {}
    }
}

/// The index counted from the front; a negative one counts from the end.
fn place(index: i64, length: usize) -> Option<usize> {
    let index = if index < 0 { index + length as i64 } else { index };
    usize::try_from(index).ok()
}

/// Elements of a forward slice, RFC 9535 section 2.3.4.2.
fn slice<'t, 'p>(
    list: &'t [Tree<'p>],
    start: Option<i64>,
    end: Option<i64>,
    step: i64,
) -> impl Iterator<Item = &'t Tree<'p>> {
    let length = list.len() as i64;
    let bound = |at: i64| if at < 0 { (at + length).max(0) } else { at.min(length) } as usize;
    let (start, end) = (bound(start.unwrap_or(0)), bound(end.unwrap_or(length)));
    list.get(start..end.max(start)).unwrap_or_default().iter().step_by(step as usize)
}

/// The walk of a path made of names, indices, wildcards and forward slices alone.
fn lower(query: &JpQuery) -> Option<Vec<Hop>> {
    query.segments.iter().map(lower_segment).collect()
}

fn lower_segment(segment: &Segment) -> Option<Hop> {
    match segment {
        Segment::Selector(Selector::Name(name)) => Some(Hop::Name(name.clone())),
        Segment::Selector(Selector::Index(index)) => Some(Hop::Index(*index)),
        Segment::Selector(Selector::Wildcard) => Some(Hop::Each),
        Segment::Selector(Selector::Slice(start, end, step)) => {
            let step = step.unwrap_or(1);
            (step > 0).then_some(Hop::Slice(*start, *end, step))
        }
        Segment::Selectors(selectors) => {
            let names = selectors.iter().map(|selector| match selector {
                Selector::Name(name) => Some(name.clone()),
                _ => None,
            });
            names.collect::<Option<_>>().map(Hop::Names)
        }
        Segment::Selector(Selector::Filter(_)) | Segment::Descendant(_) => None,
    }
}

/// Where a path ends that stands in a longer text: before a blank, a comma, `|`, or a bracket that it did not open,
/// outside quotes and brackets.
pub(super) fn end(text: &str) -> usize {
    let (mut depth, mut quote, mut escaped) = (0i32, None, false);
    for (at, sign) in text.char_indices() {
        match (quote, sign) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if sign == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(sign),
            (None, '[' | '(') => depth += 1,
            (None, ']') => depth -= 1,
            (None, ')') if depth > 0 => depth -= 1,
            (None, ' ' | ',' | ')' | '|') if depth <= 0 => return at,
            _ => {}
        }
    }
    text.len()
}

fn fault(text: &str, error: &JsonPathError) -> Fault {
    let at = match error {
        JsonPathError::PestError(error) => match error.location {
            pest::error::InputLocation::Pos(at) => {
                at..text[at..].chars().next().map_or(at, |next| at + next.len_utf8())
            }
            pest::error::InputLocation::Span((start, end)) => start..end,
        },
        _ => 0..text.len(),
    };
    if let Some(end) = text.find(['\n', '\r']) {
        let fault = Fault::new("bad-path", 0..end, format!("there is a line end behind `{}`", text[..end].trim_end()));
        return fault
            .hint("a block text keeps its line ends: write the path on one line, or begin the block with `>-`");
    }
    let fault = Fault::new("bad-path", at, format!("`{text}` is not a JSONPath"));
    if text[1..].split('.').any(|name| name.contains('-') && !name.contains(['\'', '"', '['])) {
        return fault.hint("a name with a hyphen or a colon is written in brackets: `$['job-count']`");
    }
    fault.hint(HINT)
}

const HINT: &str = "RFC 9535, for example `$.a.b`, `$.list[*].name`, `$['a-b']`, `$.list[?@.kind == 'x'].name`";

impl FromStr for Path {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if !text.starts_with('$') {
            let fault = Fault::new("bad-path", 0..text.len(), format!("`{text}` is not a JSONPath"));
            return Err(fault.hint(format!("a path starts with `$`: `$.{text}`")));
        }
        let query = parse_json_path(text).map_err(|error| fault(text, &error))?;
        if let Some(message) = ill_typed(&query) {
            return Err(Fault::new("bad-path", 0..text.len(), message).hint(HINT));
        }
        // The library skips the blank in `$.a b`, which RFC 9535 refuses.
        let end = end(text);
        if end < text.len() && !text[end..].trim_start().starts_with(['.', '[']) {
            let fault = Fault::new("bad-path", end..text.len(), format!("`{text}` does not end with its path"));
            return Err(fault.hint(HINT));
        }
        let walk = lower(&query).map(Arc::from);
        let singular = is_singular(&query.segments);
        Ok(Path { text: text.into(), query: Arc::new(query), walk, singular })
    }
}

impl TryFrom<String> for Path {
    type Error = Carried;

    fn try_from(text: String) -> Result<Self, Carried> {
        Ok(text.parse()?)
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str =
        r#"{"a":{"b":[{"c":1,"k":"x"},{"c":2,"k":"y"},{"c":3}]},"job-count":5,"e":null,"t":["p","q"]}"#;

    fn check(path: &str, expect: &str) {
        let root: Tree<'_> = serde_json::from_str(RECORD).unwrap();
        let path: Path = path.parse().unwrap();
        assert_eq!(path.value(&root).to_string(), expect, "{path}");
        let library: Vec<&Tree<'_>> =
            js_path_process(&path.query, &root).unwrap().into_iter().map(|found| found.val()).collect();
        assert_eq!(path.read(&root), library, "{path} walks as the library does");
    }

    #[test]
    fn paths_read_as_rfc_9535_says() {
        check("$['job-count']", "5");
        check("$.a.b[*].c", "[1,2,3]");
        check("$.a.b[-1].c", "3");
        check("$.a.b[1:].c", "[2,3]");
        check("$.a.b[::2].c", "[1,3]");
        check("$.a.b[?@.k == 'y'].c", "[2]");
        check("$..c", "[1,2,3]");
        check("$.e.f", "null");
        check("$.nothing[*]", "[]");
        check("$.t[0]", r#""p""#);
    }

    #[test]
    fn several_names_are_read_node_by_node() {
        // RFC 9535 section 2.5.1; the library reads name by name.
        let root: Tree<'_> = serde_json::from_str(RECORD).unwrap();
        let path: Path = "$.a.b[*]['c','k']".parse().unwrap();
        assert_eq!(path.value(&root).to_string(), r#"[1,"x",2,"y",3]"#);
    }

    #[test]
    fn a_bad_path_says_where() {
        let fault = "$.a[".parse::<Path>().unwrap_err();
        assert_eq!((fault.code, fault.at.start), ("bad-path", 4));
        assert_eq!("intitule".parse::<Path>().unwrap_err().hint.unwrap(), "a path starts with `$`: `$.intitule`");
        assert_eq!("$.a['b".parse::<Path>().unwrap_err().at, 4..5);
        assert_eq!("$.é[é".parse::<Path>().unwrap_err().at, 5..7);
        assert_eq!("$.a b".parse::<Path>().unwrap_err().at, 3..5);
        assert_eq!("$.a | date".parse::<Path>().unwrap_err().code, "bad-path");
        assert!("$.job-count".parse::<Path>().unwrap_err().hint.unwrap().contains("['job-count']"));
    }

    #[test]
    fn names_read_several_times_are_listed() {
        let check = |path: &str, expect: &[&str]| {
            assert_eq!(path.parse::<Path>().unwrap().listed_names(), expect, "{path}");
        };
        check("$.a.b.c", &[]);
        check("$.urlset.url[*]", &["url"]);
        check("$.a[0].b[?@.c].d", &["a", "b"]);
        check("$['a','b'][*]", &["a", "b"]);
        check("$..job[*].x", &["job"]);
        check("$.a..b", &[]);
        check("$.a[1:]", &["a"]);
    }

    #[test]
    fn walks_of_odd_slices_and_indices_equal_the_library() {
        for path in [
            "$.t[-9]",
            "$.t[5:]",
            "$.t[-1:]",
            "$.t[:-1]",
            "$.t[1:0]",
            "$.t[::-1]",
            "$.t[0:9:2]",
            "$.a.*",
            "$['t','e']",
            "$.t['x']",
            "$.a[0]",
            "$ .t [1]",
            "$[*]",
            "$",
        ] {
            let root: Tree<'_> = serde_json::from_str(RECORD).unwrap();
            let path: Path = path.parse().unwrap();
            let library: Vec<&Tree<'_>> =
                js_path_process(&path.query, &root).unwrap().into_iter().map(|found| found.val()).collect();
            assert_eq!(path.read(&root), library, "{path}");
        }
    }
}
