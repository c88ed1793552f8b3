//! `Tree` as jsonpath-rust reads it: tests compare our walk with the library's.
use jsonpath_rust::query::queryable::Queryable;

use crate::tree::Tree;

impl Queryable for Tree<'_> {
    fn get(&self, key: &str) -> Option<&Self> {
        // The parser of jsonpath-rust has removed the quotes of the name.
        Tree::get(self, key)
    }

    fn as_array(&self) -> Option<&Vec<Self>> {
        match self {
            Tree::List(list) => Some(list),
            _ => None,
        }
    }

    fn as_object(&self) -> Option<Vec<(&str, &Self)>> {
        match self {
            Tree::Object(members) => Some(members.iter().map(|(key, value)| (key.as_ref(), value)).collect()),
            _ => None,
        }
    }

    fn as_str(&self) -> Option<&str> {
        Tree::as_str(self)
    }

    fn as_i64(&self) -> Option<i64> {
        match self {
            Tree::Int(number) => Some(*number),
            _ => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        Tree::as_f64(self)
    }

    fn as_bool(&self) -> Option<bool> {
        match self {
            Tree::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    fn null() -> Self {
        Tree::Null
    }
}
