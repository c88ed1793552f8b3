//! Values without repeats, in the order in which they came.
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use super::Tree;

/// Values without repeats. Each is looked for by its hash, so that a long list takes no longer than its length.
#[derive(Default)]
pub struct Distinct<'p> {
    kept: Vec<Tree<'p>>,
    /// Places of the values with a hash.
    places: HashMap<u64, Vec<usize>>,
    hashes: RandomState,
}

impl<'p> Distinct<'p> {
    /// Keeps a value that was not there before.
    pub fn push(&mut self, value: Tree<'p>) {
        let mut hasher = self.hashes.build_hasher();
        hash(&value, &mut hasher);
        let places = self.places.entry(hasher.finish()).or_default();
        if !places.iter().any(|place| self.kept[*place] == value) {
            places.push(self.kept.len());
            self.kept.push(value);
        }
    }

    /// How many values are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The values.
    pub fn into_list(self) -> Vec<Tree<'p>> {
        self.kept
    }
}

/// Equal for equal values: numbers that were computed equal what is written of them.
fn hash(value: &Tree<'_>, hasher: &mut impl Hasher) {
    match value {
        Tree::Null => 0.hash(hasher),
        Tree::Bool(truth) => truth.hash(hasher),
        Tree::Int(number) => number.hash(hasher),
        Tree::Float(_) | Tree::Number(_) => value.as_f64().map(|number| (number + 0.0).to_bits()).hash(hasher),
        Tree::Text(text) => text.hash(hasher),
        Tree::List(list) => list.iter().for_each(|value| hash(value, hasher)),
        Tree::Object(members) => members.iter().for_each(|(name, value)| {
            name.hash(hasher);
            hash(value, hasher);
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn what_is_equal_is_kept_once() {
        let values = [
            Tree::text("a"),
            Tree::Int(1),
            Tree::Number(Cow::Borrowed("1.50")),
            Tree::Float(1.5),
            Tree::Number(Cow::Borrowed("1.5")),
            Tree::List(vec![Tree::text("a")]),
            Tree::text("a"),
            Tree::List(vec![Tree::text("a")]),
            Tree::Float(-0.0),
            Tree::Float(0.0),
        ];
        let (mut distinct, mut plain) = (Distinct::default(), Vec::new());
        for value in values {
            if !plain.contains(&value) {
                plain.push(value.clone());
            }
            distinct.push(value);
        }
        assert_eq!(distinct.into_list(), plain);
    }

    #[test]
    fn a_value_is_compared_with_few_others() {
        let mut distinct = Distinct::default();
        (0..50_000).for_each(|number| distinct.push(Tree::Int(number)));
        let most = distinct.places.values().map(Vec::len).max();
        assert!(most <= Some(3), "{most:?}");
    }
}
