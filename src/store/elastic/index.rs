//! The index of a schema behind its aliases: made where it is missing, beside the one of another schema where there is one.
use elasticsearch::http::Method;
use serde_json::{Value, json};

use super::template::{self, LAYOUT};
use super::{Elastic, refused};
use crate::store::StoreError;

impl Elastic {
    /// Makes an index; whether it was missing.
    pub(super) async fn make(&self, name: &str, body: &Value) -> Result<bool, StoreError> {
        let (status, answer) = self.ask(Method::Put, &format!("/{name}"), Some(body)).await?;
        match status {
            200 => Ok(true),
            _ if answer["error"]["type"] == "resource_already_exists_exception" => Ok(false),
            _ => Err(refused(status, &answer)),
        }
    }

    /// Makes the index of our schema; `from` is the one whose documents are to be copied into it.
    pub(super) async fn make_index(&self, from: Option<&str>) -> Result<bool, StoreError> {
        let mut body = template::index(&self.schema);
        body["mappings"]["_meta"] = meta(from, None);
        body["aliases"] = json!({guard(&self.index): {"is_hidden": true}});
        self.make(&self.index, &body).await
    }

    /// Sees to it that there is an index of our schema, and that the aliases are where they belong. The index of another
    /// schema, where one is searched.
    pub(super) async fn set_up(&self) -> Result<Option<String>, StoreError> {
        let holders = self.behind(&self.alias).await?;
        match &holders[..] {
            [] => {
                self.make_index(None).await?;
                self.write_here(Some(json!({"add": {"index": self.index, "alias": self.alias}}))).await?;
                Ok(None)
            }
            [index] if *index == self.index => {
                // An end between the swap and this leaves the mark of a copy that is over.
                self.mark(None, None).await?;
                self.write_here(None).await?;
                Ok(None)
            }
            [other] => self.beside(other).await.map(|()| Some(other.clone())),
            _ => Err(StoreError::Server(format!(
                "the alias `{}` points to several indices: {}; remove it from all but one",
                self.alias,
                holders.join(", ")
            ))),
        }
    }

    /// Makes our index beside that of another schema, which takes no writes from now on.
    async fn beside(&self, other: &str) -> Result<(), StoreError> {
        let layout = self.meta_of(other).await?.unwrap_or_default()["layout"].as_u64();
        if layout.is_some_and(|layout| layout > u64::from(LAYOUT)) {
            return Err(StoreError::Server(format!(
                "the index `{other}` was made by a newer version of the program; use that one"
            )));
        }
        let ours = self.meta_of(&self.index).await?;
        if ours.as_ref().is_some_and(|meta| meta["rebuild"]["from"] != other) {
            // Left from an earlier change of the schema and back: what it holds is out of date.
            self.expect(Method::Delete, &format!("/{}", self.index), None).await?;
        }
        self.make_index(Some(other)).await?;
        self.expect(Method::Put, &format!("/{other}/_block/write"), None).await?;
        self.write_here(None).await
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

    /// Writes down how far the documents of another index are copied into ours; nothing when that is over.
    pub(super) async fn mark(&self, from: Option<&str>, after: Option<&str>) -> Result<(), StoreError> {
        let path = format!("/{}/_mapping", self.index);
        self.expect(Method::Put, &path, Some(&json!({"_meta": meta(from, after)}))).await.map(|_| ())
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

fn meta(from: Option<&str>, after: Option<&str>) -> Value {
    let mut meta = json!({"layout": LAYOUT});
    if let Some(from) = from {
        meta["rebuild"] = json!({"from": from, "after": after});
    }
    meta
}
