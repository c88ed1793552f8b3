//! A path walked over a tree, as RFC 9535 says: nothing is copied, and the time is that of looking at each value once for
//! each part of the path. `shape.rs` refuses the paths of which that cannot be said.
use std::borrow::Cow;
use std::cell::RefCell;

use jsonpath_rust::parser::model::{
    Comparable, Comparison, Filter, FilterAtom, FnArg, JpQuery, Literal, Segment, Selector, SingularQuery,
    SingularQuerySegment, Test, TestFunction,
};

use super::pattern::Patterns;
use crate::tree::Tree;

/// How many values a query finds, and the first of them.
type Nodes<'t, 'p> = (usize, Option<&'t Tree<'p>>);
type Found<'f, 't, 'p> = &'f mut dyn FnMut(&'t Tree<'p>);

/// One reading of one tree.
pub(super) struct Walk<'q, 't, 'p> {
    root: &'t Tree<'p>,
    patterns: &'q Patterns,
    /// What queries of filters find that start at the root: it is the same for each element.
    absolute: RefCell<Vec<(*const (), Nodes<'t, 'p>)>>,
}

impl<'q, 't, 'p> Walk<'q, 't, 'p> {
    pub(super) fn new(root: &'t Tree<'p>, patterns: &'q Patterns) -> Self {
        Walk { root, patterns, absolute: RefCell::default() }
    }

    /// Gives all values that a query leads to, in order.
    pub(super) fn each(&self, segments: &'q [Segment], at: &'t Tree<'p>, found: Found<'_, 't, 'p>) {
        match segments.split_first() {
            None => found(at),
            Some((segment, rest)) => self.step(segment, at, &mut |value| self.each(rest, value, found)),
        }
    }

    fn step(&self, segment: &'q Segment, at: &'t Tree<'p>, found: Found<'_, 't, 'p>) {
        match segment {
            Segment::Selector(selector) => self.select(selector, at, found),
            Segment::Selectors(selectors) => selectors.iter().for_each(|selector| self.select(selector, at, found)),
            Segment::Descendant(inner) => below(at, &mut |value| self.step(inner, value, found)),
        }
    }

    fn select(&self, selector: &'q Selector, at: &'t Tree<'p>, found: Found<'_, 't, 'p>) {
        match selector {
            Selector::Name(name) => at.get(name).into_iter().for_each(found),
            Selector::Index(index) => element(at, *index).into_iter().for_each(found),
            Selector::Wildcard => children(at).for_each(found),
            Selector::Slice(start, end, step) => slice(at, *start, *end, step.unwrap_or(1)).for_each(found),
            Selector::Filter(filter) => children(at).filter(|child| self.holds(filter, child)).for_each(found),
        }
    }

    fn holds(&self, filter: &'q Filter, at: &'t Tree<'p>) -> bool {
        match filter {
            Filter::Or(parts) => parts.iter().any(|part| self.holds(part, at)),
            Filter::And(parts) => parts.iter().all(|part| self.holds(part, at)),
            Filter::Atom(FilterAtom::Filter { expr, not }) => self.holds(expr, at) != *not,
            Filter::Atom(FilterAtom::Test { expr, not }) => self.test(expr, at) != *not,
            Filter::Atom(FilterAtom::Comparison(comparison)) => self.compare(comparison, at),
        }
    }

    fn test(&self, test: &'q Test, at: &'t Tree<'p>) -> bool {
        match test {
            Test::RelQuery(_) | Test::AbsQuery(_) => self.nodes(test, at).0 > 0,
            Test::Function(function) => match &**function {
                TestFunction::Match(text, pattern) => self.matches(text, pattern, true, at),
                TestFunction::Search(text, pattern) => self.matches(text, pattern, false, at),
                // They give a value, and are refused where a condition is wanted.
                TestFunction::Length(_)
                | TestFunction::Count(_)
                | TestFunction::Value(_)
                | TestFunction::Custom(..) => false,
            },
        }
    }

    fn matches(&self, text: &'q FnArg, pattern: &FnArg, whole: bool, at: &'t Tree<'p>) -> bool {
        let pattern = self.patterns.of(pattern, whole);
        let text = self.argument(text, at);
        pattern.zip(text.as_deref().and_then(Tree::as_str)).is_some_and(|(pattern, text)| pattern.is_match(text))
    }

    fn nodes(&self, test: &'q Test, at: &'t Tree<'p>) -> Nodes<'t, 'p> {
        match test {
            Test::RelQuery(segments) => self.count(segments, at),
            Test::AbsQuery(query) => {
                self.once(std::ptr::from_ref::<JpQuery>(query).cast(), || self.count(&query.segments, self.root))
            }
            Test::Function(_) => (0, None),
        }
    }

    fn count(&self, segments: &'q [Segment], at: &'t Tree<'p>) -> Nodes<'t, 'p> {
        let mut nodes = (0, None);
        self.each(segments, at, &mut |value| nodes = (nodes.0 + 1, nodes.1.or(Some(value))));
        nodes
    }

    /// What a query from the root finds, looked for once.
    fn once(&self, query: *const (), find: impl FnOnce() -> Nodes<'t, 'p>) -> Nodes<'t, 'p> {
        let known = self.absolute.borrow().iter().find(|(known, _)| *known == query).map(|(_, nodes)| *nodes);
        known.unwrap_or_else(|| {
            let nodes = find();
            self.absolute.borrow_mut().push((query, nodes));
            nodes
        })
    }

    fn compare(&self, comparison: &'q Comparison, at: &'t Tree<'p>) -> bool {
        let (left, right) = comparison.vals();
        let (left, right) = (self.side(left, at), self.side(right, at));
        let (left, right) = (left.as_deref(), right.as_deref());
        match comparison {
            Comparison::Eq(..) => equal(left, right),
            Comparison::Ne(..) => !equal(left, right),
            Comparison::Lt(..) => less(left, right),
            Comparison::Gt(..) => less(right, left),
            Comparison::Lte(..) => less(left, right) || equal(left, right),
            Comparison::Gte(..) => less(right, left) || equal(left, right),
        }
    }

    fn side<'x>(&'x self, side: &'q Comparable, at: &'t Tree<'p>) -> Option<Cow<'x, Tree<'x>>> {
        match side {
            Comparable::Literal(literal) => Some(Cow::Owned(constant(literal))),
            Comparable::Function(function) => self.function(function, at),
            Comparable::SingularQuery(SingularQuery::Current(segments)) => borrowed(single(segments, at)),
            Comparable::SingularQuery(SingularQuery::Root(segments)) => {
                let find = || single(segments, self.root).map_or((0, None), |found| (1, Some(found)));
                borrowed(self.once(segments.as_ptr().cast(), find).1)
            }
        }
    }

    fn function<'x>(&'x self, function: &'q TestFunction, at: &'t Tree<'p>) -> Option<Cow<'x, Tree<'x>>> {
        match function {
            TestFunction::Length(arg) => length(&*self.argument(arg, at)?).map(|length| Cow::Owned(whole(length))),
            TestFunction::Count(FnArg::Test(test)) => Some(Cow::Owned(whole(self.nodes(test, at).0))),
            TestFunction::Value(FnArg::Test(test)) => match self.nodes(test, at) {
                (1, found) => borrowed(found),
                _ => None,
            },
            _ => None,
        }
    }

    fn argument<'x>(&'x self, arg: &'q FnArg, at: &'t Tree<'p>) -> Option<Cow<'x, Tree<'x>>> {
        match arg {
            FnArg::Literal(literal) => Some(Cow::Owned(constant(literal))),
            FnArg::Test(test) => match &**test {
                Test::RelQuery(_) | Test::AbsQuery(_) => borrowed(self.nodes(test, at).1),
                Test::Function(function) => self.function(function, at),
            },
            FnArg::Filter(_) => None,
        }
    }
}

fn borrowed<'x>(found: Option<&'x Tree<'x>>) -> Option<Cow<'x, Tree<'x>>> {
    found.map(Cow::Borrowed)
}

/// The one value that names and indices lead to.
pub(super) fn one<'t, 'p>(segments: &[Segment], root: &'t Tree<'p>) -> Option<&'t Tree<'p>> {
    segments.iter().try_fold(root, |at, segment| match segment {
        Segment::Selector(Selector::Name(name)) => at.get(name),
        Segment::Selector(Selector::Index(index)) => element(at, *index),
        Segment::Selector(_) | Segment::Selectors(_) | Segment::Descendant(_) => None,
    })
}

fn single<'t, 'p>(segments: &[SingularQuerySegment], at: &'t Tree<'p>) -> Option<&'t Tree<'p>> {
    segments.iter().try_fold(at, |at, segment| match segment {
        SingularQuerySegment::Name(name) => at.get(name),
        SingularQuerySegment::Index(index) => element(at, *index),
    })
}

/// A value and all below it, each before what it holds.
fn below<'t, 'p>(at: &'t Tree<'p>, found: Found<'_, 't, 'p>) {
    found(at);
    children(at).for_each(|child| below(child, found));
}

fn children<'t, 'p>(at: &'t Tree<'p>) -> impl Iterator<Item = &'t Tree<'p>> {
    let (list, members) = match at {
        Tree::List(list) => (&list[..], &[][..]),
        Tree::Object(members) => (&[][..], &members[..]),
        _ => (&[][..], &[][..]),
    };
    list.iter().chain(members.iter().map(|(_, value)| value))
}

/// The element at an index; a negative one counts from the end.
fn element<'t, 'p>(at: &'t Tree<'p>, index: i64) -> Option<&'t Tree<'p>> {
    let list = at.as_list()?;
    let index = if index < 0 { index + list.len() as i64 } else { index };
    list.get(usize::try_from(index).ok()?)
}

/// Elements of a slice, RFC 9535 section 2.3.4.2; none with a step of 0.
fn slice<'t, 'p>(
    at: &'t Tree<'p>,
    start: Option<i64>,
    end: Option<i64>,
    step: i64,
) -> impl Iterator<Item = &'t Tree<'p>> {
    let list = at.as_list().unwrap_or_default();
    let length = list.len() as i64;
    let counted = |at: i64| if at < 0 { at.saturating_add(length) } else { at };
    let (first, last) = if step < 0 {
        let start = start.map_or(length - 1, |start| counted(start).clamp(-1, length - 1));
        (start, end.map_or(-1, |end| counted(end).clamp(-1, length - 1)))
    } else {
        let start = start.map_or(0, |start| counted(start).clamp(0, length));
        (start, end.map_or(length, |end| counted(end).clamp(0, length)))
    };
    let inside = move |index: &i64| if step < 0 { *index > last } else { *index < last };
    let indices = std::iter::successors(Some(first), move |index| index.checked_add(step));
    let indices = indices.take_while(inside).take(if step == 0 { 0 } else { list.len() });
    indices.filter_map(|index| list.get(usize::try_from(index).ok()?))
}

fn constant(literal: &Literal) -> Tree<'_> {
    match literal {
        Literal::Int(number) => Tree::Int(*number),
        Literal::Float(number) => Tree::Float(*number),
        Literal::String(text) => Tree::text(text),
        Literal::Bool(truth) => Tree::Bool(*truth),
        Literal::Null => Tree::Null,
    }
}

fn whole(number: usize) -> Tree<'static> {
    Tree::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn length(value: &Tree<'_>) -> Option<usize> {
    match value {
        Tree::Text(text) => Some(text.chars().count()),
        Tree::List(list) => Some(list.len()),
        Tree::Object(members) => Some(members.len()),
        _ => None,
    }
}

/// Whether two sides are equal; two that are missing are.
fn equal(left: Option<&Tree<'_>>, right: Option<&Tree<'_>>) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(Tree::Int(left)), Some(Tree::Int(right))) => left == right,
        (Some(left), Some(right)) => match (left.as_f64(), right.as_f64()) {
            (Some(left), Some(right)) => left == right,
            _ => left == right,
        },
        _ => false,
    }
}

fn less(left: Option<&Tree<'_>>, right: Option<&Tree<'_>>) -> bool {
    let Some((left, right)) = left.zip(right) else { return false };
    match (left, right) {
        (Tree::Int(left), Tree::Int(right)) => left < right,
        (Tree::Text(left), Tree::Text(right)) => left < right,
        _ => left.as_f64().zip(right.as_f64()).is_some_and(|(left, right)| left < right),
    }
}
