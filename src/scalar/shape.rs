//! What jsonpath-rust takes and RFC 9535 refuses: function calls of the wrong type, section 2.4.3.
use jsonpath_rust::parser::model::{
    Comparable, Filter, FilterAtom, FnArg, JpQuery, Segment, Selector, Test, TestFunction,
};

use super::pattern::Patterns;

/// What is wrong with the function calls of a query, if anything. The patterns of those that are right are gathered.
pub(super) fn ill_typed(query: &JpQuery, patterns: &mut Patterns) -> Option<String> {
    segments(&query.segments, patterns)
}

fn segments(segments: &[Segment], patterns: &mut Patterns) -> Option<String> {
    segments.iter().find_map(|segment| match segment {
        Segment::Descendant(inner) => self::segments(std::slice::from_ref(inner), patterns),
        Segment::Selector(selector) => self::selector(selector, patterns),
        Segment::Selectors(selectors) => selectors.iter().find_map(|selector| self::selector(selector, patterns)),
    })
}

fn selector(selector: &Selector, patterns: &mut Patterns) -> Option<String> {
    match selector {
        Selector::Filter(filter) => self::filter(filter, patterns),
        Selector::Name(_) | Selector::Wildcard | Selector::Index(_) | Selector::Slice(..) => None,
    }
}

fn filter(filter: &Filter, patterns: &mut Patterns) -> Option<String> {
    match filter {
        Filter::Or(parts) | Filter::And(parts) => parts.iter().find_map(|part| self::filter(part, patterns)),
        Filter::Atom(FilterAtom::Filter { expr, .. }) => self::filter(expr, patterns),
        Filter::Atom(FilterAtom::Test { expr, .. }) => condition(expr, patterns),
        Filter::Atom(FilterAtom::Comparison(comparison)) => {
            let (left, right) = comparison.vals();
            [left, right].into_iter().find_map(|side| match side {
                Comparable::Function(function) => call(function, patterns),
                Comparable::Literal(_) | Comparable::SingularQuery(_) => None,
            })
        }
    }
}

/// A test that stands alone must be true or false, or ask whether something is there.
fn condition(test: &Test, patterns: &mut Patterns) -> Option<String> {
    match test {
        Test::RelQuery(path) => segments(path, patterns),
        Test::AbsQuery(query) => segments(&query.segments, patterns),
        Test::Function(function) => match name(function) {
            name @ ("length" | "count" | "value") => Some(format!("`{name}(…)` has to be compared with something")),
            _ => call(function, patterns),
        },
    }
}

fn call(function: &TestFunction, patterns: &mut Patterns) -> Option<String> {
    let name = name(function);
    match function {
        TestFunction::Custom(..) => Some(format!("RFC 9535 has no function `{name}`")),
        TestFunction::Length(arg) => value(name, arg, patterns),
        TestFunction::Count(arg) | TestFunction::Value(arg) => nodes(name, arg, patterns),
        TestFunction::Match(text, pattern) | TestFunction::Search(text, pattern) => {
            let whole = matches!(function, TestFunction::Match(..));
            value(name, text, patterns).or_else(|| patterns.add(pattern, whole))
        }
    }
}

fn name(function: &TestFunction) -> &str {
    match function {
        TestFunction::Custom(name, _) => name,
        TestFunction::Length(_) => "length",
        TestFunction::Value(_) => "value",
        TestFunction::Count(_) => "count",
        TestFunction::Search(..) => "search",
        TestFunction::Match(..) => "match",
    }
}

/// An argument that must be one value: a literal, a singular path, or a function that gives a value.
fn value(name: &str, arg: &FnArg, patterns: &mut Patterns) -> Option<String> {
    let wrong = || Some(format!("`{name}` takes one value: a path to it without `*`, `..`, slice or filter"));
    match arg {
        FnArg::Literal(_) => None,
        FnArg::Filter(_) => wrong(),
        FnArg::Test(test) => match &**test {
            Test::RelQuery(path) if !is_singular(path) => wrong(),
            Test::AbsQuery(query) if !is_singular(&query.segments) => wrong(),
            Test::RelQuery(_) | Test::AbsQuery(_) => None,
            Test::Function(inner) if inner.is_comparable() => call(inner, patterns),
            Test::Function(_) => wrong(),
        },
    }
}

/// An argument that must be a path.
fn nodes(name: &str, arg: &FnArg, patterns: &mut Patterns) -> Option<String> {
    match arg {
        FnArg::Test(test) => match &**test {
            Test::RelQuery(path) => segments(path, patterns),
            Test::AbsQuery(query) => segments(&query.segments, patterns),
            Test::Function(_) => Some(format!("`{name}` takes a path")),
        },
        FnArg::Literal(_) | FnArg::Filter(_) => Some(format!("`{name}` takes a path")),
    }
}

/// Whether a path leads to one value at most: names and indices alone.
pub(super) fn is_singular(segments: &[Segment]) -> bool {
    segments
        .iter()
        .all(|segment| matches!(segment, Segment::Selector(Selector::Name(_)) | Segment::Selector(Selector::Index(_))))
}

#[cfg(test)]
mod tests {
    use crate::scalar::Path;

    fn check(path: &str, expect: &str) {
        let fault = path.parse::<Path>().err().unwrap_or_else(|| panic!("{path} is refused"));
        assert!(fault.message.contains(expect), "{path}: {}", fault.message);
    }

    #[test]
    fn ill_typed_calls_are_refused() {
        check("$[?count(@.*)]", "`count(…)` has to be compared");
        check("$[?length(@.a)]", "`length(…)` has to be compared");
        check("$[?value(@.a)]", "`value(…)` has to be compared");
        check("$[?!length(@.a)]", "`length(…)` has to be compared");
        check("$[?length(@.*) < 3]", "`length` takes one value");
        check("$[?length(@.*) < 3 && @.a]", "`length` takes one value");
        check("$[?match(@.*, 'a')]", "`match` takes one value");
        check("$[?match(@.a, @.b)]", "a pattern stands in quotes");
        check("$[?search(@.a, 'x(')]", "is not a pattern");
        check("$[?value(1) == 1]", "`value` takes a path");
        check("$[?in(@.a, @.b)]", "no function `in`");
        check("$.a[?@.b[?count(@.*)]]", "`count(…)` has to be compared");
    }

    #[test]
    fn well_typed_calls_pass() {
        for path in [
            "$[?count(@.*) > 1]",
            "$[?length(@.a) == length('xx')]",
            "$[?value(@..a) == 1]",
            "$[?length(value(@..a)) == 1]",
            "$[?match(@.a, 'x.*') || search(@.b, 'y.')]",
            "$[?!(@.a == 1) && @.b[*]]",
        ] {
            path.parse::<Path>().unwrap_or_else(|fault| panic!("{path}: {fault}"));
        }
    }
}
