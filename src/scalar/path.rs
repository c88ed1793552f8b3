//! PATH: an RFC 9535 JSONPath, parsed by the library while the file is read, and walked without it: it gathers all that
//! it passes.
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jsonpath_rust::parser::errors::JsonPathError;
use jsonpath_rust::parser::model::{JpQuery, Segment, Selector};
use jsonpath_rust::parser::parse_json_path;

use super::breadth::too_wide;
use super::extent;
use super::fault::{Carried, Fault};
use super::pattern::Patterns;
use super::shape::{ill_typed, is_singular};
use super::walk::{self, Walk};
use crate::tree::Tree;

/// A JSONPath.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Path {
    text: Arc<str>,
    query: Arc<JpQuery>,
    patterns: Arc<Patterns>,
    singular: bool,
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
        let segments = match &self.query.segments[..] {
            [names @ .., Segment::Selector(Selector::Wildcard)] => names,
            names => names,
        };
        let names = segments.iter().map(|segment| match segment {
            Segment::Selector(Selector::Name(name)) => Some(name.as_str()),
            _ => None,
        });
        names.collect()
    }

    /// The path to what its several matches stand in: what is before the first part that may match several times.
    pub fn container(&self) -> Option<Path> {
        let first = (0..self.query.segments.len()).find(|end| !is_singular(&self.query.segments[..=*end]))?;
        let query = JpQuery::new(self.query.segments[..first].to_vec());
        Some(Path { query: Arc::new(query), singular: true, ..self.clone() })
    }

    /// All values it leads to, in order.
    pub fn read<'t, 'p>(&self, root: &'t Tree<'p>) -> Vec<&'t Tree<'p>> {
        if self.singular {
            return walk::one(&self.query.segments, root).into_iter().collect();
        }
        let mut found = Vec::new();
        Walk::new(root, &self.patterns).each(&self.query.segments, root, &mut |value| found.push(value));
        found
    }

    /// What it stands for: the one value (null when missing) of a singular path, else a list of all matches.
    pub fn value<'p>(&self, root: &Tree<'p>) -> Tree<'p> {
        if self.singular {
            return walk::one(&self.query.segments, root).cloned().unwrap_or_default();
        }
        Tree::List(self.read(root).into_iter().cloned().collect())
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
        extent::long(text, "bad-path")?;
        extent::deep(text, "bad-path")?;
        if !text.starts_with('$') {
            let fault = Fault::new("bad-path", 0..text.len(), format!("`{text}` is not a JSONPath"));
            return Err(fault.hint(format!("a path starts with `$`: `$.{text}`")));
        }
        let query = parse_json_path(text).map_err(|error| fault(text, &error))?;
        let mut patterns = Patterns::default();
        if let Some(message) = ill_typed(&query, &mut patterns) {
            return Err(Fault::new("bad-path", 0..text.len(), message).hint(HINT));
        }
        if let Some((message, hint)) = too_wide(&query) {
            return Err(Fault::new("bad-path", 0..text.len(), message).hint(hint));
        }
        // The library skips the blank in `$.a b`, which RFC 9535 refuses.
        let end = end(text);
        if end < text.len() && !text[end..].trim_start().starts_with(['.', '[']) {
            let fault = Fault::new("bad-path", end..text.len(), format!("`{text}` does not end with its path"));
            return Err(fault.hint(HINT));
        }
        let singular = is_singular(&query.segments);
        Ok(Path { text: text.into(), query: Arc::new(query), patterns: Arc::new(patterns), singular })
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
    use jsonpath_rust::query::js_path_process;

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
    fn a_pattern_is_an_i_regexp() {
        let check = |pattern: &str, text: &str, expect: bool| {
            let root = Tree::List(vec![Tree::text(text)]);
            let path: Path = format!("$[?match(@, '{pattern}')]").parse().unwrap();
            assert_eq!(path.read(&root).len() == 1, expect, "{pattern} {text:?}");
        };
        check("a|b", "ab", false);
        check("a.c", "abc", true);
        check("a.c", "a\rc", false);
        check("[.]", "x", false);
        check(r"a\\.c", "abc", false);
        check(r"[\\]x]y", "]y", true);
    }

    #[test]
    fn what_is_too_long_or_too_deep_is_refused() {
        let check = |path: String, expect: &str| {
            let fault = path.parse::<Path>().unwrap_err();
            assert!(fault.message.contains(expect), "{}", fault.message);
        };
        check(format!("${}", ".a".repeat(40_000)), "65536 at most");
        for (open, close) in
            [("[?(", ")]"), ("[?!(", ")]"), ("[?@[?@.a", "]]"), ("(", ")"), ("[?length(value(", ")) == 1]")]
        {
            check(format!("${}{}", open.repeat(60), close.repeat(60)), "brackets in each other");
        }
        check(format!("$[?{}@.a]", "!".repeat(60_000)), "is not a JSONPath");
        // As deep as may be, and as long.
        assert!(format!("$[?{}@.a{}]", "(".repeat(49), ")".repeat(49)).parse::<Path>().is_ok());
        assert!(format!("${}", ".a".repeat(32_000)).parse::<Path>().is_ok());
        assert!(format!("$[?@.a{}]", " || @.a".repeat(9_000)).parse::<Path>().is_ok());
    }

    #[test]
    fn a_deep_and_wide_answer_is_walked_once() {
        let mut deep = Tree::List((0..100_000).map(Tree::Int).collect());
        for _ in 0..100 {
            deep = Tree::Object(vec![("a".repeat(1_000).into(), deep), ("a".into(), Tree::Null)]);
        }
        let count = |path: &str| path.parse::<Path>().unwrap().read(&deep).len();
        assert_eq!(count("$..a"), 100);
        assert_eq!(count("$..*"), 100_200);
        assert_eq!(count("$..[?@ > 99998]"), 1);
        assert_eq!(count("$..[?@ == $.a]"), 100);
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
            "$.t[::-2]",
            "$.t[9:0:-1]",
            "$.t[-1:-9:-1]",
            "$.t[1::0]",
            "$.t[:9007199254740991]",
            "$.t[9007199254740991]",
            "$..c",
            "$..*",
            "$..[1]",
            "$..b[*].k",
            "$.a.b[?@.c > 1]",
            "$.a.b[?@.c >= 2 && @.k]",
            "$.a.b[?@.c <= 1 || !@.k]",
            "$.a.b[?!(@.k == 'x')].c",
            "$.a.b[?@.k != 'x'].c",
            "$.a.b[?@.k < 'y'].c",
            "$.a.b[?@.none == @.neither].c",
            "$.a.b[?@.none == 1].c",
            "$.a.b[?@.c == 1.0].c",
            "$.a.b[?@.c == $.a.b[1].c].c",
            "$.a.b[?$.e].c",
            "$.a.b[?$.nothing].c",
            "$.a.b[?length(@.k) == 1].c",
            "$.a.b[?length(@) > 1].c",
            "$.a.b[?count(@.*) > 1].c",
            "$.a.b[?count($..c) == 3].c",
            "$.a.b[?value(@.k) == 'x'].c",
            "$.a.b[?match(@.k, '[x-y]')].c",
            "$.a.b[?match(@.k, '')].c",
            "$.a.b[?search(@.k, '.')].c",
            "$.t[?@ == 'p']",
            "$.t[?@ > 'p']",
            "$[?@[0] == 'p']",
            "$[?@ == null]",
            "$[?@.b[?@.k == 'y']]",
            "$..[?@.k]",
        ] {
            let root: Tree<'_> = serde_json::from_str(RECORD).unwrap();
            let path: Path = path.parse().unwrap();
            let library: Vec<&Tree<'_>> =
                js_path_process(&path.query, &root).unwrap().into_iter().map(|found| found.val()).collect();
            assert_eq!(path.read(&root), library, "{path}");
        }
    }
}
