//! The documents of another schema's index copied into ours, then the alias moved: searches never see fewer offers.
use elasticsearch::http::Method;
use serde_json::{Value, json};

use super::bulk::{Actions, action};
use super::conform::conform;
use super::indices::{Indices, Mark};
use super::read::Hit;
use super::{Elastic, refused};
use crate::crash;
use crate::offer::{OfferId, Version};
use crate::store::StoreError;

/// What a copy came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Documents of the other index.
    pub documents: u64,
    /// Of these, those of which a newer version was there already.
    pub newer: u64,
    /// Those that lost values which our schema does not take.
    pub conformed: u64,
    /// Those that our index refused.
    pub refused: u64,
    /// Some of these, each with the reason.
    pub examples: Vec<(String, String)>,
}

/// Refused documents that are named.
const NAMED: usize = 5;

impl Rebuilt {
    fn refuse(&mut self, id: String, why: String) {
        self.refused += 1;
        if self.examples.len() < NAMED {
            self.examples.push((id, why));
        }
    }
}

/// Documents of one read.
const READ: usize = 500;
/// Reads between two marks.
const MARKED: u64 = 20;

/// A document on its way.
struct Copy {
    id: OfferId,
    version: Version,
    text: String,
}

impl Elastic {
    /// Whether the documents of another schema's index are to be copied.
    pub fn is_copying(&self) -> bool {
        !self.older.is_empty()
    }

    /// Copies what is not copied yet and moves the alias; `told` hears how many are over, of how many. Begun again after
    /// an error or an end it goes on from the last mark: a document that is copied twice is the same.
    pub async fn rebuild(&self, told: &(dyn Fn(u64, u64) + Sync)) -> Result<Rebuilt, StoreError> {
        let mut rebuilt = Rebuilt::default();
        if self.older.is_empty() {
            return Ok(rebuilt);
        }
        let there = self.indices().await?;
        let rebuild = there.named(&self.index).and_then(|index| index.meta.rebuild.clone());
        let mut mark = rebuild.and_then(|rebuild| rebuild.after).unwrap_or_default();
        let mut totals = Vec::new();
        for older in &self.older {
            self.expect(Method::Post, &format!("/{older}/_refresh"), None).await?;
            totals.push(self.count(older).await?);
        }
        rebuilt.documents = totals.iter().sum();
        while let Some(older) = self.older.get(mark.index) {
            let before: u64 = totals[..mark.index].iter().sum();
            let mut done = match &mark.id {
                Some(id) => before + self.count_up_to(older, id).await?,
                None => before,
            };
            for read in 1.. {
                let hits = self.read(older, mark.id.as_deref()).await?;
                let Some(last) = hits.last() else { break };
                mark.id = last.sort[0].as_str().map(str::to_owned);
                done += hits.len() as u64;
                self.copy(&hits, &mut rebuilt).await?;
                crash::point("copied");
                if read % MARKED == 0 {
                    self.mark(&self.older, Some(&mark)).await?;
                }
                told(done, rebuilt.documents);
            }
            mark = Mark { index: mark.index + 1, id: None };
            self.mark(&self.older, Some(&mark)).await?;
        }
        self.swap(totals.into_iter().max().unwrap_or(0), &rebuilt).await?;
        Ok(rebuilt)
    }

    /// Offers of an index behind an id, in the order of ids. It takes no writes, so the order stands.
    async fn read(&self, older: &str, after: Option<&str>) -> Result<Vec<Hit>, StoreError> {
        let mut body = json!({"size": READ, "version": true, "query": offers(), "sort": [{"id": "asc"}],
            "track_total_hits": false});
        if let Some(after) = after {
            body["search_after"] = json!([after]);
        }
        self.parts(older, &mut body).await
    }

    async fn copy(&self, hits: &[Hit], rebuilt: &mut Rebuilt) -> Result<(), StoreError> {
        let mut copies = Vec::with_capacity(hits.len());
        for hit in hits {
            let Some(id) = OfferId::parse(&hit.id) else {
                rebuilt.refuse(hit.id.clone(), "its id is none of ours".into());
                continue;
            };
            let (text, changed) = self.conformed(hit.source.get());
            rebuilt.conformed += u64::from(changed);
            copies.push(Copy { id, version: Version(hit.version), text });
        }
        let print = |index: usize, text: &mut Vec<u8>| {
            let copy = &copies[index];
            action("index", copy.id, copy.version, text);
            text.extend_from_slice(copy.text.as_bytes());
            text.push(b'\n');
        };
        let key = |index: usize| (copies[index].id, copies[index].version);
        let actions = Actions { count: copies.len(), key: &key, print: &print };
        let written = self.carry_out(&actions).await?;
        rebuilt.newer += written.superseded.len() as u64;
        for (index, reject) in written.refused {
            rebuilt.refuse(copies[index].id.to_string(), reject.message);
        }
        Ok(())
    }

    /// A document under our schema. One that is not what it was carries no hash: it is written again when it comes.
    pub(super) fn conformed(&self, text: &str) -> (String, bool) {
        let mut document: Value = serde_json::from_str(text).unwrap_or_default();
        let content = document.as_object_mut().and_then(|members| members.shift_remove("content"));
        let (mut document, changed) = conform(&document, &self.schema);
        if let (Some(content), false) = (content, changed) {
            document["content"] = content;
        }
        (document.to_string(), changed)
    }

    /// Moves the alias in one request, when everything is there: at least as many as the largest of the others holds.
    async fn swap(&self, least: u64, rebuilt: &Rebuilt) -> Result<(), StoreError> {
        self.expect(Method::Post, &format!("/{}/_refresh", self.index), None).await?;
        let here = self.count(&self.index).await?;
        if here + rebuilt.refused < least {
            // Somebody deleted some meanwhile, or what the mark says is not so: copied again from the first.
            self.mark(&self.older, None).await?;
            return Err(StoreError::Unavailable(format!(
                "{here} documents of {least} are in the new index `{}`: they are copied again",
                self.index
            )));
        }
        let mut actions = vec![json!({"add": {"index": self.index, "alias": self.alias}})];
        let there = self.indices().await?;
        for index in there.behind(&self.alias).into_iter().filter(|index| index.name != self.index) {
            self.known(index, &self.alias, &there)?;
            actions.push(json!({"remove": {"index": index.name, "alias": self.alias}}));
        }
        let (status, answer) = self.ask(Method::Post, "/_aliases", Some(&json!({"actions": actions}))).await?;
        // Another process that copied the same documents may have been first.
        let searched = |there: &Indices| there.behind(&self.alias).iter().all(|index| index.name == self.index);
        if status != 200 && !searched(&self.indices().await?) {
            return Err(refused_to(status, &answer));
        }
        crash::point("swapped");
        for older in &self.older {
            self.leave(older).await?;
        }
        self.mark(&[], None).await
    }

    async fn count(&self, index: &str) -> Result<u64, StoreError> {
        let answer: Value = self.read_whole(index, "_count", &json!({"query": offers()})).await?;
        Ok(answer["count"].as_u64().unwrap_or_default())
    }

    async fn count_up_to(&self, index: &str, id: &str) -> Result<u64, StoreError> {
        let body = json!({"query": {"range": {"id": {"lte": id}}}});
        let answer: Value = self.read_whole(index, "_count", &body).await?;
        Ok(answer["count"].as_u64().unwrap_or_default())
    }
}

/// What somebody put there by hand may have no id: it is no offer.
fn offers() -> Value {
    json!({"exists": {"field": "id"}})
}

fn refused_to(status: u16, answer: &Value) -> StoreError {
    match refused(status, answer) {
        StoreError::Server(why) => StoreError::Server(format!("the alias cannot be moved: {why}")),
        other => other,
    }
}
