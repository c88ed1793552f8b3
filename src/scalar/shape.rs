//! What jsonpath-rust takes and RFC 9535 refuses: function calls of the wrong type, section 2.4.3.
use jsonpath_rust::parser::model::{
    Comparable, Filter, FilterAtom, FnArg, JpQuery, Segment, Selector, Test, TestFunction,
};

/// What is wrong with the function calls of a query, if anything.
pub(super) fn ill_typed(query: &JpQuery) -> Option<String> {
    segments(&query.segments)
}

fn segments(segments: &[Segment]) -> Option<String> {
    segments.iter().find_map(|segment| match segment {
        Segment::Descendant(inner) => self::segments(std::slice::from_ref(inner)),
        Segment::Selector(selector) => self::selector(selector),
        Segment::Selectors(selectors) => selectors.iter().find_map(selector),
    })
}

fn selector(selector: &Selector) -> Option<String> {
    match selector {
        Selector::Filter(filter) => self::filter(filter),
        Selector::Name(_) | Selector::Wildcard | Selector::Index(_) | Selector::Slice(..) => None,
    }
}

fn filter(filter: &Filter) -> Option<String> {
    match filter {
        Filter::Or(parts) | Filter::And(parts) => parts.iter().find_map(self::filter),
        Filter::Atom(FilterAtom::Filter { expr, .. }) => self::filter(expr),
        Filter::Atom(FilterAtom::Test { expr, .. }) => condition(expr),
        Filter::Atom(FilterAtom::Comparison(comparison)) => {
            let (left, right) = comparison.vals();
            [left, right].into_iter().find_map(|side| match side {
                Comparable::Function(function) => call(function),
                Comparable::Literal(_) | Comparable::SingularQuery(_) => None,
            })
        }
    }
}

/// A test that stands alone must be true or false, or ask whether something is there.
fn condition(test: &Test) -> Option<String> {
    match test {
        Test::RelQuery(path) => segments(path),
        Test::AbsQuery(query) => segments(&query.segments),
        Test::Function(function) => match name(function) {
            name @ ("length" | "count" | "value") => Some(format!("`{name}(…)` has to be compared with something")),
            _ => call(function),
        },
    }
}

fn call(function: &TestFunction) -> Option<String> {
    let name = name(function);
    match function {
        TestFunction::Custom(..) => Some(format!("RFC 9535 has no function `{name}`")),
        TestFunction::Length(arg) => value(name, arg),
        TestFunction::Count(arg) | TestFunction::Value(arg) => nodes(name, arg),
        TestFunction::Match(text, pattern) | TestFunction::Search(text, pattern) => {
            value(name, text).or_else(|| value(name, pattern))
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
fn value(name: &str, arg: &FnArg) -> Option<String> {
    let wrong = || Some(format!("`{name}` takes one value: a path to it without `*`, `..`, slice or filter"));
    match arg {
        FnArg::Literal(_) => None,
        FnArg::Filter(_) => wrong(),
        FnArg::Test(test) => match &**test {
            Test::RelQuery(path) if !is_singular(path) => wrong(),
            Test::AbsQuery(query) if !is_singular(&query.segments) => wrong(),
            Test::RelQuery(_) | Test::AbsQuery(_) => None,
            Test::Function(inner) if inner.is_comparable() => call(inner),
            Test::Function(_) => wrong(),
        },
    }
}

/// An argument that must be a path.
fn nodes(name: &str, arg: &FnArg) -> Option<String> {
    match arg {
        FnArg::Test(test) => match &**test {
            Test::RelQuery(path) => segments(path),
            Test::AbsQuery(query) => segments(&query.segments),
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
            "$[?match(@.a, 'x.*') || search($.b, 'y')]",
            "$[?!(@.a == 1) && @.b[*]]",
        ] {
            path.parse::<Path>().unwrap_or_else(|fault| panic!("{path}: {fault}"));
        }
    }
}
