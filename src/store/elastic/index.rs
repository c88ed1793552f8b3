//! The index of a schema behind its aliases: made where it is missing, beside the one of another schema where there is one.
use chrono::Utc;
use elasticsearch::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::template::{self, LAYOUT};
use super::{Elastic, refused};
use crate::store::StoreError;

impl Elastic {
    /// Makes an index where it is missing.
    pub(super) async fn make(&self, name: &str, body: &Value) -> Result<(), StoreError> {
        let (status, answer) = self.ask(Method::Put, &format!("/{name}"), Some(body)).await?;
        match status {
            200 => Ok(()),
            _ if answer["error"]["type"] == "resource_already_exists_exception" => Ok(()),
            _ => Err(refused(status, &answer)),
        }
    }

    /// Makes the index of our schema; `from` are those whose documents are to be copied into it.
    pub(super) async fn make_index(&self, from: &[String]) -> Result<(), StoreError> {
        let mut body = template::index(&self.schema);
        body["mappings"]["_meta"] = meta(from, None);
        body["aliases"] = json!({guard(&self.index): {"is_hidden": true}});
        self.make(&self.index, &body).await
    }

    /// Sees to it that there is an index of our schema, and that the aliases are where they belong. The indices of other
    /// schemas whose documents are not all in ours.
    pub(super) async fn set_up(&self) -> Result<Vec<String>, StoreError> {
        let holders = self.behind(&self.alias).await?;
        let searched = match &holders[..] {
            [] => {
                self.make_index(&[]).await?;
                self.write_here(Some(json!({"add": {"index": self.index, "alias": self.alias}}))).await?;
                return Ok(Vec::new());
            }
            [index] => index,
            _ => {
                return Err(StoreError::Server(format!(
                    "the alias `{}` points to several indices: {}; remove it from all but one",
                    self.alias,
                    holders.join(", ")
                )));
            }
        };
        let (older, holds) = self.to_copy(searched).await?;
        if older.is_empty() {
            // An end between the swap and this leaves the mark of a copy that is over.
            self.mark(&[], None).await?;
        } else {
            self.beside(&older, holds).await?;
        }
        self.write_here(None).await?;
        Ok(older)
    }

    /// The indices whose documents are to be copied into ours, the oldest first: what is searched, and what was written
    /// since by files of other schemas whose copy did not come to its end. And whether ours is one of these, so that it may
    /// hold what no other does.
    async fn to_copy(&self, searched: &str) -> Result<(Vec<String>, bool), StoreError> {
        let mut older = vec![searched.to_owned()];
        for written in self.behind(&self.write_alias()).await? {
            let meta = self.meta_of(&written).await?.unwrap_or_default();
            let from = meta["rebuild"]["from"].as_array().into_iter().flatten();
            older.extend(from.filter_map(|index| index.as_str().map(str::to_owned)));
            older.push(written);
        }
        let holds = older.contains(&self.index);
        let mut seen = std::collections::HashSet::new();
        older.retain(|index| *index != self.index && seen.insert(index.clone()));
        let mut there = Vec::new();
        for index in older {
            let Some(meta) = self.meta_of(&index).await? else { continue };
            if meta["layout"].as_u64().is_some_and(|layout| layout > u64::from(LAYOUT)) {
                return Err(StoreError::Server(format!(
                    "the index `{index}` was made by a newer version of the program; use that one"
                )));
            }
            there.push(index);
        }
        Ok((there, holds))
    }

    /// Makes our index beside those of other schemas, which take no writes from now on.
    async fn beside(&self, older: &[String], holds: bool) -> Result<(), StoreError> {
        let ours = self.meta_of(&self.index).await?;
        let rebuild = ours.as_ref().map(|meta| &meta["rebuild"]).filter(|rebuild| rebuild["from"] == json!(older));
        // Another process may have made it this very moment.
        let fresh = rebuild.is_some_and(|rebuild| rebuild["after"].is_null());
        if ours.is_some() && !holds && !fresh {
            // Left from an earlier change of the schema and back: what it holds is out of date, and was copied from it.
            self.expect(Method::Delete, &format!("/{}", self.index), None).await?;
        }
        self.make_index(older).await?;
        if holds {
            if rebuild.is_none() {
                self.mark(older, None).await?;
            }
            let path = format!("/{}/_settings", self.index);
            self.expect(Method::Put, &path, Some(&json!({"index.blocks.write": null}))).await?;
        }
        for index in older {
            self.expect(Method::Put, &format!("/{index}/_block/write"), None).await?;
        }
        Ok(())
    }

    /// Whether another index is written now: files of another schema are at work.
    pub async fn is_replaced(&self) -> Result<bool, StoreError> {
        let holders = self.behind(&self.write_alias()).await?;
        Ok(!holders.is_empty() && !holders.contains(&self.index))
    }

    /// The indices behind an alias.
    pub(super) async fn behind(&self, alias: &str) -> Result<Vec<String>, StoreError> {
        let (status, answer) = self.ask(Method::Get, &format!("/_alias/{alias}"), None).await?;
        match status {
            200 => Ok(answer.as_object().into_iter().flat_map(|indices| indices.keys().cloned()).collect()),
            404 => Ok(Vec::new()),
            _ => Err(refused(status, &answer)),
        }
    }

    /// Makes ours the index that is written, whichever it was, and does one thing more in the same request.
    async fn write_here(&self, more: Option<Value>) -> Result<(), StoreError> {
        let alias = self.write_alias();
        let mut actions: Vec<Value> = more.into_iter().collect();
        let others = self.behind(&alias).await?.into_iter().filter(|index| *index != self.index);
        actions.extend(others.map(|index| json!({"remove": {"index": index, "alias": alias}})));
        actions.push(json!({"add": {"index": self.index, "alias": alias, "is_write_index": true}}));
        actions.push(json!({"add": {"index": self.index, "alias": guard(&self.index), "is_hidden": true}}));
        self.expect(Method::Post, "/_aliases", Some(&json!({"actions": actions}))).await.map(|_| ())
    }

    fn write_alias(&self) -> String {
        format!("{}-write", self.alias)
    }

    /// Writes down how far the documents of other indices are copied into ours; nothing when that is over.
    pub(super) async fn mark(&self, from: &[String], after: Option<&Mark>) -> Result<(), StoreError> {
        let path = format!("/{}/_mapping", self.index);
        self.expect(Method::Put, &path, Some(&json!({"_meta": meta(from, after)}))).await.map(|_| ())
    }

    /// Writes down when an index was left: it is kept for a while yet.
    pub(super) async fn leave(&self, index: &str) -> Result<(), StoreError> {
        let Some(mut meta) = self.meta_of(index).await? else { return Ok(()) };
        meta["left"] = json!(Utc::now());
        let path = format!("/{index}/_mapping");
        self.expect(Method::Put, &path, Some(&json!({"_meta": meta}))).await.map(|_| ())
    }

    /// What is written at the mapping of an index; `None` when there is no such index.
    pub(super) async fn meta_of(&self, index: &str) -> Result<Option<Value>, StoreError> {
        let (status, answer) = self.ask(Method::Get, &format!("/{index}/_mapping"), None).await?;
        match status {
            200 => Ok(Some(answer[index]["mappings"]["_meta"].clone())),
            404 => Ok(None),
            _ => Err(refused(status, &answer)),
        }
    }
}

/// The alias that every index of offers carries and that offers are written through: asked to write to an alias, a server
/// makes no index of its own when somebody deleted ours.
pub(super) fn guard(index: &str) -> String {
    format!("{index}-here")
}

/// How far a copy came: which index, and the last id of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub index: usize,
    pub id: Option<String>,
}

fn meta(from: &[String], after: Option<&Mark>) -> Value {
    let mut meta = json!({"layout": LAYOUT});
    if !from.is_empty() {
        meta["rebuild"] = json!({"from": from, "after": after});
    }
    meta
}
