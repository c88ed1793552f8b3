//! Paths that look at the same values again and again: `..` below `..`, the same name twice in one pair of brackets. What
//! they cost grows with a power of the answer, so they are refused where they are written.
use jsonpath_rust::parser::model::{
    Comparable, Filter, FilterAtom, FnArg, JpQuery, Segment, Selector, Test, TestFunction,
};

/// Most selectors in brackets, multiplied from bracket to bracket.
const WAYS: usize = 100;

/// What a query reads more than once, and how it is written instead.
pub(super) fn too_wide(query: &JpQuery) -> Option<(String, &'static str)> {
    if descents(&query.segments) > 1 {
        let message = "`..` below another `..` reads the same values again and again".to_owned();
        return Some((message, "one `..` finds all depths: write the names behind it, such as `$..list[*].name`"));
    }
    let ways = ways(&query.segments);
    (ways > WAYS).then(|| {
        let message = format!("the brackets of this path multiply to {ways} ways: {WAYS} at most");
        (message, "list each name once")
    })
}

/// How many `..` stand in each other: those of the path, and those of its deepest filter.
fn descents(segments: &[Segment]) -> usize {
    let own = segments.iter().filter(|segment| matches!(segment, Segment::Descendant(_))).count();
    own + inner(segments).map(descents).max().unwrap_or(0)
}

fn ways(segments: &[Segment]) -> usize {
    let own = segments.iter().map(|segment| selectors(segment).len()).fold(1, usize::saturating_mul);
    inner(segments).map(ways).fold(own, usize::saturating_mul)
}

fn selectors(segment: &Segment) -> &[Selector] {
    match segment {
        Segment::Descendant(inner) => selectors(inner),
        Segment::Selector(selector) => std::slice::from_ref(selector),
        Segment::Selectors(selectors) => selectors,
    }
}

/// The queries in filters of a path.
fn inner(segments: &[Segment]) -> impl Iterator<Item = &[Segment]> {
    let filters = segments.iter().flat_map(selectors).filter_map(|selector| match selector {
        Selector::Filter(filter) => Some(filter),
        Selector::Name(_) | Selector::Wildcard | Selector::Index(_) | Selector::Slice(..) => None,
    });
    filters.flat_map(queries)
}

fn queries(filter: &Filter) -> Vec<&[Segment]> {
    match filter {
        Filter::Or(parts) | Filter::And(parts) => parts.iter().flat_map(queries).collect(),
        Filter::Atom(FilterAtom::Filter { expr, .. }) => queries(expr),
        Filter::Atom(FilterAtom::Test { expr, .. }) => of_test(expr),
        Filter::Atom(FilterAtom::Comparison(comparison)) => {
            let (left, right) = comparison.vals();
            let calls = [left, right].into_iter().filter_map(|side| match side {
                Comparable::Function(function) => Some(function),
                Comparable::Literal(_) | Comparable::SingularQuery(_) => None,
            });
            calls.flat_map(of_call).collect()
        }
    }
}

fn of_test(test: &Test) -> Vec<&[Segment]> {
    match test {
        Test::RelQuery(segments) => vec![segments],
        Test::AbsQuery(query) => vec![&query.segments],
        Test::Function(function) => of_call(function),
    }
}

fn of_call(function: &TestFunction) -> Vec<&[Segment]> {
    let args: Vec<&FnArg> = match function {
        TestFunction::Length(arg) => vec![arg],
        TestFunction::Value(arg) | TestFunction::Count(arg) => vec![arg],
        TestFunction::Search(text, pattern) | TestFunction::Match(text, pattern) => vec![text, pattern],
        TestFunction::Custom(_, args) => args.iter().collect(),
    };
    let inner = args.into_iter().flat_map(|arg| match arg {
        FnArg::Test(test) => of_test(test),
        FnArg::Filter(filter) => queries(filter),
        FnArg::Literal(_) => Vec::new(),
    });
    inner.collect()
}

#[cfg(test)]
mod tests {
    use crate::scalar::Path;

    #[test]
    fn paths_that_read_values_again_and_again_are_refused() {
        let check = |path: &str, expect: &str| {
            let fault = path.parse::<Path>().err().unwrap_or_else(|| panic!("{path} is refused"));
            assert!(fault.message.contains(expect), "{path}: {}", fault.message);
        };
        let again = "again and again";
        for path in ["$..a..b", "$..*..*", "$..a.b..c", "$..[?@..a]", "$..[?count(@..*) > 1]", "$..[?@.a[?@..b]]"] {
            check(path, again);
        }
        check("$..[?value($..a) == 1]", again);
        check("$.a[?length(value(@..b..c)) == 1]", again);
        check(&format!("${}", "['a','a']".repeat(7)), "multiply to 128 ways");
        check(&format!("${}", "[0,0,0]".repeat(5_000)), "ways: 100 at most");
        check(&format!("$[{}]", vec!["'a'"; 101].join(",")), "101 ways");
        check(&format!("$[?@{}]", "['a','a']".repeat(7)), "128 ways");
        for path in ["$..a", "$..a.b[*].c", "$.a[?@..b]", "$['a','b']['c','d']", "$.a[?@..b || @..c]"] {
            assert!(path.parse::<Path>().is_ok(), "{path}");
        }
    }
}
