//! The values of objects and lists that are being read: each object and each list takes as much memory as it needs when it
//! is read to its end, and all of them together no more than they may.
use std::borrow::Cow;

use crate::tree::Tree;

type Member<'b> = (Cow<'b, str>, Tree<'b>);

/// Values that are read and whose object or list is not read to its end.
pub(super) struct Stack<'b> {
    pub members: Vec<Member<'b>>,
    pub elements: Vec<Tree<'b>>,
    /// Bytes that the values may take.
    pub most: usize,
    /// Bytes that are left of these.
    left: usize,
    /// Whether values are read one by one, none of them kept: one that is too large costs itself.
    one_by_one: bool,
}

/// Places that are kept from one value to the next.
const KEPT: usize = 256;

impl<'b> Stack<'b> {
    pub(super) fn new(most: usize) -> Self {
        Stack { members: Vec::new(), elements: Vec::new(), most, left: most, one_by_one: false }
    }

    /// From here on each value is read by itself; what is left for those around them.
    pub(super) fn one_by_one(&mut self) -> usize {
        self.one_by_one = true;
        self.left
    }

    /// Behind them those around them are read on.
    pub(super) fn again(&mut self, left: usize) {
        (self.left, self.one_by_one) = (left, false);
    }

    pub(super) fn is_one_by_one(&self) -> bool {
        self.one_by_one
    }

    /// The values that were read are not held any more.
    pub(super) fn reset(&mut self) {
        self.members.shrink_to(KEPT);
        self.elements.shrink_to(KEPT);
        self.left = self.most;
    }

    /// Gives back what stands on top of these lengths: it could not be read to its end.
    pub(super) fn truncate(&mut self, members: usize, elements: usize) {
        self.members.truncate(members);
        self.elements.truncate(elements);
    }

    /// Keeps a member; false where there is no room for it.
    pub(super) fn member(&mut self, name: Cow<'b, str>, value: Tree<'b>) -> bool {
        let owned_name = if let Cow::Owned(name) = &name { name.capacity() } else { 0 };
        let cost = grown(&self.members) + size_of::<Member<'_>>() + owned_name + owned_by(&value);
        self.members.push((name, value));
        self.takes(cost)
    }

    /// Keeps an element; false where there is no room for it.
    pub(super) fn element(&mut self, value: Tree<'b>) -> bool {
        let cost = grown(&self.elements) + size_of::<Tree<'_>>() + owned_by(&value);
        self.elements.push(value);
        self.takes(cost)
    }

    /// Takes bytes for something else; false where there are not so many.
    pub(super) fn takes(&mut self, cost: usize) -> bool {
        let left = self.left.checked_sub(cost);
        self.left = left.unwrap_or(0);
        left.is_some()
    }

    /// The object of the members on top.
    pub(super) fn object(&mut self, from: usize) -> Tree<'b> {
        Tree::Object(self.members.drain(from..).collect())
    }

    /// The list of the elements on top.
    pub(super) fn list(&mut self, from: usize) -> Tree<'b> {
        Tree::List(self.elements.drain(from..).collect())
    }
}

/// Bytes that the next push takes.
fn grown<T>(stack: &Vec<T>) -> usize {
    if stack.len() == stack.capacity() { stack.capacity().max(4) * size_of::<T>() } else { 0 }
}

fn owned_by(value: &Tree<'_>) -> usize {
    if let Tree::Text(Cow::Owned(text)) = value { text.capacity() } else { 0 }
}
