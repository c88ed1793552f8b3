//! The index of a schema behind its aliases: made where it is missing, beside the one of another schema where there is one.
use chrono::Utc;
use elasticsearch::http::Method;
use serde_json::{Value, json};

use super::indices::{Copying, Index, Indices, Mark, Meta};
use super::{Elastic, template};
use crate::store::StoreError;

/// Seconds that a new index waits for a node to take its shard; a run that waits longer says so.
const PLACED: u32 = 5;

impl Elastic {
    /// Makes an index where it is missing.
    pub(super) async fn make(&self, name: &str, body: &Value) -> Result<(), StoreError> {
        let path = format!("/{name}?wait_for_active_shards=1&timeout={PLACED}s");
        let (status, answer) = self.ask(Method::Put, &path, Some(body)).await?;
        match status {
            200 if answer["shards_acknowledged"] == false => Err(self.placeless(name)),
            200 => Ok(()),
            _ if answer["error"]["type"] == "resource_already_exists_exception" => Ok(()),
            _ => Err(self.not_made(name, status, &answer).await),
        }
    }

    /// Makes the index of our schema; `from` are those whose documents are to be copied into it.
    async fn make_index(&self, from: &[String]) -> Result<(), StoreError> {
        let mut body = template::index(&self.schema);
        body["mappings"]["_meta"] = json!(self.meta(copying(from, None)));
        body["aliases"] = json!({guard(&self.index): {"is_hidden": true}});
        self.make(&self.index, &body).await?;
        // A template may have had its say.
        self.own_fits(&self.indices().await?).await
    }

    /// Sees to it that there is an index of our schema, and that the aliases are where they belong. The indices of other
    /// schemas whose documents are not all in ours.
    pub(super) async fn set_up(&self) -> Result<Vec<String>, StoreError> {
        let there = self.indices().await?;
        self.aliases_stand(&there)?;
        self.own_fits(&there).await?;
        let Some(searched) = self.searched_index(&there)? else {
            self.make_index(&[]).await?;
            self.write_here(&there, Some(json!({"add": {"index": self.index, "alias": self.alias}}))).await?;
            return Ok(Vec::new());
        };
        let (older, holds) = self.to_copy(searched, &there)?;
        self.older_fit(&there, &older).await?;
        if older.is_empty() {
            // An end between the swap and this leaves the mark of a copy that is over.
            self.mark(&[], None).await?;
        } else {
            self.beside(&older, holds, &there).await?;
        }
        let search =
            (!searched.carries(&self.alias)).then(|| json!({"add": {"index": searched.name, "alias": self.alias}}));
        self.write_here(&there, search).await?;
        for index in &older {
            self.expect(Method::Put, &format!("/{index}/_block/write"), None).await?;
        }
        Ok(older)
    }

    /// The index that is searched. Where somebody took the alias away it is the one with offers that was never left.
    pub(super) fn searched_index<'i>(&self, there: &'i Indices) -> Result<Option<&'i Index>, StoreError> {
        if let Some(index) = there.behind(&self.alias).into_iter().next() {
            return Ok(Some(index));
        }
        let kept: Vec<&Index> = there.iter().filter(|index| self.is_ours(index) && index.meta.left.is_none()).collect();
        match kept[..] {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            _ => {
                let names: Vec<&str> = kept.iter().map(|index| index.name.as_str()).collect();
                Err(StoreError::Altered(format!(
                    "the alias `{}` is gone, and several indices were never left: {}; put it back on the one that was \
                     searched: `POST /_aliases {{\"actions\":[{{\"add\":{{\"index\":\"INDEX\",\"alias\":\"{0}\"}}}}]}}`",
                    self.alias,
                    names.join(", ")
                )))
            }
        }
    }

    /// The indices whose documents are to be copied into ours, the oldest first: what is searched, and what was written
    /// since by files of other schemas whose copy did not come to its end. And whether ours is one of these, so that it may
    /// hold what no other does.
    fn to_copy(&self, searched: &Index, there: &Indices) -> Result<(Vec<String>, bool), StoreError> {
        let mut older = vec![searched.name.clone()];
        for written in there.behind(&self.write_alias()) {
            older.extend(written.meta.rebuild.iter().flat_map(|rebuild| rebuild.from.iter().cloned()));
            older.push(written.name.clone());
        }
        let holds = older.contains(&self.index);
        let mut seen = std::collections::HashSet::new();
        older.retain(|index| *index != self.index && seen.insert(index.clone()));
        let found = older.iter().filter_map(|name| there.named(name));
        for index in found.clone() {
            self.known(index, &self.alias, there)?;
        }
        Ok((found.map(|index| index.name.clone()).collect(), holds))
    }

    /// Makes our index beside those of other schemas, which take no writes from then on.
    async fn beside(&self, older: &[String], holds: bool, there: &Indices) -> Result<(), StoreError> {
        let Some(ours) = there.named(&self.index) else { return self.make_index(older).await };
        if !holds && self.documents_in(&self.index).await? > 0 {
            if ours.meta.left.is_none() {
                return Err(StoreError::Altered(format!(
                    "the index `{}` holds offers and was never left, and the aliases point to {} instead: somebody moved \
                     them. {}; or, if nothing of it is needed, `DELETE /{0}`",
                    self.index,
                    older.join(", "),
                    self.back_here(older)
                )));
            }
            // It says itself that others hold all that it held: it is out of date.
            self.expect(Method::Delete, &format!("/{}", self.index), None).await?;
            return self.make_index(older).await;
        }
        let begun = ours.meta.left.is_none() && ours.meta.rebuild.as_ref().is_some_and(|rebuild| rebuild.from == older);
        if !begun {
            self.mark(older, None).await?;
        }
        // It was blocked when another schema took over.
        let path = format!("/{}/_settings", self.index);
        self.expect(Method::Put, &path, Some(&json!({"index.blocks.write": null}))).await.map(|_| ())
    }

    /// The call that puts both aliases back on ours.
    fn back_here(&self, from: &[String]) -> String {
        let aliases = [self.alias.clone(), self.write_alias()];
        let remove = from.iter().flat_map(|index| {
            aliases.iter().map(move |alias| json!({"remove": {"index": index, "alias": alias, "must_exist": false}}))
        });
        let add = aliases.iter().map(|alias| json!({"add": {"index": self.index, "alias": alias}}));
        format!("Put them back: `POST /_aliases {}`", json!({"actions": remove.chain(add).collect::<Vec<_>>()}))
    }

    /// All documents of an index, whatever they are.
    async fn documents_in(&self, index: &str) -> Result<u64, StoreError> {
        self.expect(Method::Post, &format!("/{index}/_refresh"), None).await?;
        let answer: Value = self.read_whole(index, "_count", &json!({"query": {"match_all": {}}})).await?;
        Ok(answer["count"].as_u64().unwrap_or_default())
    }

    /// Whether another index is written now: files of another schema are at work. An alias that somebody moved to an index
    /// that is not ours says nothing of that.
    pub async fn is_replaced(&self) -> Result<bool, StoreError> {
        let there = self.indices().await?;
        let written = there.behind(&self.write_alias());
        let (own, other) =
            (written.iter().any(|index| index.name == self.index), written.iter().any(|index| self.is_ours(index)));
        Ok(other && !own)
    }

    /// Makes ours the index that is written, whichever it was, and does one thing more in the same request.
    async fn write_here(&self, there: &Indices, more: Option<Value>) -> Result<(), StoreError> {
        let alias = self.write_alias();
        let mut actions: Vec<Value> = more.into_iter().collect();
        let others = there.behind(&alias).into_iter().filter(|index| index.name != self.index);
        actions.extend(others.map(|index| json!({"remove": {"index": index.name, "alias": alias}})));
        actions.push(json!({"add": {"index": self.index, "alias": alias, "is_write_index": true}}));
        actions.push(json!({"add": {"index": self.index, "alias": guard(&self.index), "is_hidden": true}}));
        self.expect(Method::Post, "/_aliases", Some(&json!({"actions": actions}))).await.map(|_| ())
    }

    /// Writes down how far the documents of other indices are copied into ours; nothing when that is over.
    pub(super) async fn mark(&self, from: &[String], after: Option<&Mark>) -> Result<(), StoreError> {
        self.say(&self.index, &self.meta(copying(from, after))).await
    }

    /// Writes down when an index was left: it is kept for a while yet.
    pub(super) async fn leave(&self, index: &str) -> Result<(), StoreError> {
        let there = self.indices().await?;
        let Some(found) = there.named(index).filter(|index| self.is_ours(index)) else { return Ok(()) };
        self.say(index, &Meta { left: Some(Utc::now()), ..found.meta.clone() }).await
    }
}

/// The alias that every index of offers carries and that offers are written through: asked to write to an alias, a server
/// makes no index of its own when somebody deleted ours.
pub(super) fn guard(index: &str) -> String {
    format!("{index}-here")
}

fn copying(from: &[String], after: Option<&Mark>) -> Option<Copying> {
    (!from.is_empty()).then(|| Copying { from: from.to_vec(), after: after.cloned() })
}
