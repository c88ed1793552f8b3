//! The aliases as they have to stand: what somebody moved is named with the call that mends it, before anything is done.
use serde_json::{Value, json};

use super::Elastic;
use super::index::guard;
use super::indices::{Index, Indices};
use super::template::LAYOUT;
use crate::store::StoreError;

impl Elastic {
    /// The alias of the index that is written.
    pub(super) fn write_alias(&self) -> String {
        format!("{}-write", self.alias)
    }

    /// An error when an alias does not stand where this program put it.
    pub(super) fn aliases_stand(&self, there: &Indices) -> Result<(), StoreError> {
        self.search_stands(there)?;
        let write = self.write_alias();
        for index in there.behind(&write) {
            self.known(index, &write, there)?;
        }
        let guard = guard(&self.index);
        if let Some(other) = there.behind(&guard).into_iter().find(|index| index.name != self.index) {
            let mend = self.moved(&[&other.name], &guard, there.named(&self.index));
            return Err(altered(format!(
                "the alias `{guard}` points to `{}`, and belongs on `{}` alone; put it back: {mend}",
                other.name, self.index
            )));
        }
        there.named(&self.index).map_or(Ok(()), |own| self.says_so(own))
    }

    /// An error when the index of our name does not say that it is ours.
    fn says_so(&self, index: &Index) -> Result<(), StoreError> {
        if index.name != self.index || self.is_ours(index) {
            return Ok(());
        }
        Err(altered(format!(
            "the index `{0}` does not say that this program made it (`_meta` of its mapping): somebody made it, or changed \
             that. If its offers are yours, say so again: `PUT /{0}/_mapping {1}`; if not, delete it (`DELETE /{0}`), and \
             `jobmarket replay SOURCE` for each source fills the new one",
            self.index,
            json!({"_meta": self.meta(None)})
        )))
    }

    /// The same of what is searched alone: who only reads needs no more.
    pub(super) fn search_stands(&self, there: &Indices) -> Result<(), StoreError> {
        self.alias_is_free(there)?;
        self.one_is_searched(there)
    }

    /// An index or a data stream may have the name that is ours as an alias.
    fn alias_is_free(&self, there: &Indices) -> Result<(), StoreError> {
        let stream = there.iter().find(|index| index.data_stream.as_ref() == Some(&self.alias));
        let (what, mend) = match (there.named(&self.alias), stream) {
            (_, Some(_)) => ("a data stream", format!("`DELETE /_data_stream/{}`", self.alias)),
            (Some(_), None) => ("an index", format!("`DELETE /{}`", self.alias)),
            (None, None) => return Ok(()),
        };
        Err(altered(format!(
            "{what} has the name `{0}`, where this program keeps an alias: another program writes to that name, or did \
             before this one. Stop that, copy what you need of it elsewhere (`POST /_reindex`), and delete it ({mend}); \
             then run again",
            self.alias
        )))
    }

    /// One index is searched, whole, and it is one of ours that is in use.
    fn one_is_searched(&self, there: &Indices) -> Result<(), StoreError> {
        let behind = there.behind(&self.alias);
        let [searched] = behind[..] else {
            return match behind.len() {
                0 => Ok(()),
                _ => Err(self.several(&behind, there)),
            };
        };
        self.known(searched, &self.alias, there)?;
        if let Some(left) = searched.meta.left {
            let mend = self.moved(&[&searched.name], &self.alias, self.in_use(there));
            return Err(altered(format!(
                "the alias `{}` points to `{}`, which was left on {} for a newer index: somebody moved it back; {mend}",
                self.alias,
                searched.name,
                left.format("%Y-%m-%d")
            )));
        }
        let property = |name: &&&str| searched.aliases[&self.alias].get(**name).is_some();
        if let Some(name) = ["filter", "index_routing", "search_routing"].iter().find(property) {
            let mend = self.moved(&[&searched.name], &self.alias, Some(searched));
            return Err(altered(format!(
                "the alias `{}` on `{}` has a `{name}` that hides offers: somebody set it; {mend}",
                self.alias, searched.name
            )));
        }
        Ok(())
    }

    fn several(&self, behind: &[&Index], there: &Indices) -> StoreError {
        let names: Vec<&str> = behind.iter().map(|index| index.name.as_str()).collect();
        let one = behind.iter().copied().find(|index| self.is_ours(index) && index.meta.left.is_none());
        let keep = one.or(self.in_use(there));
        let others: Vec<&str> =
            names.iter().copied().filter(|name| keep.is_none_or(|one| one.name != **name)).collect();
        let mend = self.moved(&others, &self.alias, keep);
        altered(format!(
            "the alias `{}` points to several indices: {}; remove it from all but one: {mend}",
            self.alias,
            names.join(", ")
        ))
    }

    /// An index that an alias points to is one of ours, and not of a newer program.
    pub(super) fn known(&self, index: &Index, alias: &str, there: &Indices) -> Result<(), StoreError> {
        self.says_so(index)?;
        if !self.is_ours(index) {
            let mend = self.moved(&[&index.name], alias, self.in_use(there));
            return Err(altered(format!(
                "the alias `{alias}` points to `{}`, which this program did not make: somebody moved the alias, or a \
                 lifecycle policy rolled it over; {mend}",
                index.name
            )));
        }
        if index.meta.layout.is_some_and(|layout| layout > LAYOUT) {
            return Err(altered(format!(
                "the index `{}` was made by a newer version of the program; use that one",
                index.name
            )));
        }
        Ok(())
    }

    /// The index that an alias can be put back on: never left and no copy under way, of this schema or the only one; else
    /// ours, whose copy goes on.
    fn in_use<'i>(&self, there: &'i Indices) -> Option<&'i Index> {
        let kept = || there.iter().filter(|index| self.is_ours(index) && index.meta.left.is_none());
        let whole: Vec<&Index> = kept().filter(|index| index.meta.rebuild.is_none()).collect();
        let own = whole.iter().copied().find(|index| index.name == self.index);
        let only = if let [one] = whole[..] { Some(one) } else { None };
        own.or(only).or_else(|| kept().find(|index| index.name == self.index))
    }

    /// The call that moves an alias from these indices to one.
    pub(super) fn moved(&self, from: &[&str], alias: &str, to: Option<&Index>) -> String {
        let to = to.map(|index| json!({"add": {"index": index.name, "alias": alias}}));
        let remove = from.iter().filter(|name| to.as_ref().is_none_or(|to| to["add"]["index"] != **name));
        let remove = remove.map(|name| json!({"remove": {"index": name, "alias": alias}}));
        let actions: Vec<Value> = remove.chain(to.clone()).collect();
        format!("`POST /_aliases {}`", json!({"actions": actions}))
    }
}

fn altered(message: String) -> StoreError {
    StoreError::Altered(message)
}
