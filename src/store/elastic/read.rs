//! What the store is asked: documents by id, listings in the order of ids, searches.
use chrono::{DateTime, Utc};
use elasticsearch::http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Elastic, query, refused, unreadable};
use crate::offer::{Closed, OfferId};
use crate::search::{Found, Search};
use crate::state::words::Told;
use crate::store::{Store, StoreError};

/// An answer of `_search`, as far as it is read.
#[derive(Deserialize)]
pub(super) struct Answer {
    pub hits: Hits,
    #[serde(default)]
    aggregations: Value,
}

impl Elastic {
    /// Documents by their ids, in order. What is not copied yet is looked for in the index of the other schema, and brought
    /// to ours.
    pub async fn documents(&self, ids: &[OfferId]) -> Result<Vec<Option<String>>, StoreError> {
        let ids: Vec<String> = ids.iter().map(OfferId::to_string).collect();
        let mut found = self.documents_of(&self.index, &ids).await?;
        for older in self.older.iter().rev() {
            if found.iter().all(Option::is_some) {
                break;
            }
            let before = self.documents_of(older, &ids).await?;
            let before = before.into_iter().map(|text| text.map(|text| self.conformed(&text).0));
            found.iter_mut().zip(before).for_each(|(found, before)| *found = found.take().or(before));
        }
        Ok(found)
    }

    async fn documents_of(&self, index: &str, ids: &[String]) -> Result<Vec<Option<String>>, StoreError> {
        let path = format!("/{index}/_mget?_source_excludes=content");
        let body = json!({"ids": ids}).to_string();
        let found: Documents = self.read_as(Method::Post, &path, Some(body)).await?;
        let text = |document: Document| match document.error {
            Value::Null => Ok(document.source.map(|source| source.get().to_owned())),
            error if error["type"] == "index_not_found_exception" => Ok(None),
            error => Err(refused_document(&error)),
        };
        found.docs.into_iter().map(text).collect()
    }

    /// What the store says of a source's offers, behind an id, in the order of their ids.
    pub async fn told(&self, source: &str, after: Option<OfferId>, limit: usize) -> Result<Vec<Told>, StoreError> {
        let mut body = json!({"size": limit, "version": true, "query": {"term": {"source": source}}, "sort": [{"id": "asc"}],
            "_source": ["content", "closed_at", "closed_reason", "first_seen_at", "source_id"]});
        if let Some(after) = after {
            body["search_after"] = json!([after.to_string()]);
        }
        let told = |hit: Hit| {
            let source: Value = serde_json::from_str(hit.source.get()).unwrap_or_default();
            let content = source["content"].as_str().and_then(|text| u64::from_str_radix(text, 16).ok());
            let key = source["source_id"].as_str().unwrap_or_default().to_owned();
            let at = |name: &str| source[name].as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
            let reason = Closed::parse(source["closed_reason"].as_str().unwrap_or_default());
            let closed = at("closed_at").map(|at| (at, reason.unwrap_or(Closed::NotSeen)));
            let first_seen = at("first_seen_at").unwrap_or_default();
            Some(Told { id: hit.offer()?, key, version: hit.version, content, closed, first_seen })
        };
        Ok(self.searched(&body).await?.hits.hits.into_iter().filter_map(told).collect())
    }
}

/// An answer of `_mget`.
#[derive(Deserialize)]
struct Documents {
    docs: Vec<Document>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "_source")]
    source: Option<Box<RawValue>>,
    /// Why it could not be looked for: that is not the same as not being there.
    #[serde(default)]
    error: Value,
}

fn refused_document(error: &Value) -> StoreError {
    refused(if error["type"] == "security_exception" { 403 } else { 503 }, &json!({"error": error}))
}

#[derive(Deserialize)]
pub(super) struct Hits {
    /// Absent where it was not asked for.
    #[serde(default)]
    pub total: Total,
    pub hits: Vec<Hit>,
}

#[derive(Default, Deserialize)]
pub(super) struct Total {
    pub value: usize,
}

#[derive(Deserialize)]
pub(super) struct Hit {
    #[serde(rename = "_id")]
    pub id: String,
    #[serde(rename = "_source")]
    pub source: Box<RawValue>,
    #[serde(default)]
    pub sort: Value,
    #[serde(rename = "_version", default)]
    pub version: u64,
}

impl Hit {
    /// Which offer of a listing in the order of ids it is; `None` of a document that somebody put there by hand.
    fn offer(&self) -> Option<OfferId> {
        OfferId::parse(&self.id).filter(|_| self.sort[0] == self.id)
    }
}

impl Elastic {
    async fn searched(&self, body: &Value) -> Result<Answer, StoreError> {
        self.searched_in(&self.alias, body).await
    }

    pub(super) async fn searched_in(&self, index: &str, body: &Value) -> Result<Answer, StoreError> {
        let path = format!("/{index}/_search");
        self.read_as(Method::Post, &path, Some(body.to_string())).await
    }

    /// One request that must succeed, its answer read.
    async fn read_as<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<T, StoreError> {
        let (status, text) = self.send(method, path, "application/json", body).await?;
        if status != 200 {
            return Err(refused(status, &serde_json::from_str(&text).unwrap_or_default()));
        }
        serde_json::from_str(&text).map_err(unreadable)
    }
}

impl Store for Elastic {
    async fn get(&self, id: OfferId) -> Result<Option<Box<RawValue>>, StoreError> {
        let path = format!("/{}/_doc/{id}?_source_excludes=content", self.alias);
        let (status, text) = self.send(Method::Get, &path, "application/json", None).await?;
        match status {
            200 => serde_json::from_str::<Hit>(&text).map(|hit| Some(hit.source)).map_err(unreadable),
            404 => Ok(None),
            status => Err(refused(status, &serde_json::from_str(&text).unwrap_or_default())),
        }
    }

    async fn list(
        &self,
        source: Option<&str>,
        after: Option<OfferId>,
        limit: usize,
    ) -> Result<Vec<(OfferId, Box<RawValue>)>, StoreError> {
        let query = source.map_or_else(|| json!({"match_all": {}}), |source| json!({"term": {"source": source}}));
        let mut body =
            json!({"size": limit, "query": query, "sort": [{"id": "asc"}], "_source": {"excludes": ["content"]}});
        if let Some(after) = after {
            body["search_after"] = json!([after.to_string()]);
        }
        let found = self.searched(&body).await?;
        Ok(found.hits.hits.into_iter().filter_map(|hit| Some((hit.offer()?, hit.source))).collect())
    }

    async fn search(&self, search: &Search) -> Result<Found, StoreError> {
        let answer = self.searched(&query::body(search, &self.schema)?).await?;
        let full = search.limit > 0 && answer.hits.hits.len() == search.limit;
        let last = answer.hits.hits.last().map(|hit| hit.sort.to_string()).filter(|_| full);
        let facets = search.facets.iter().enumerate();
        let facets = facets.map(|(number, facet)| {
            (facet.name.clone(), query::counted(facet, &answer.aggregations[number.to_string()]))
        });
        Ok(Found {
            total: answer.hits.total.value,
            facets: facets.collect(),
            after: last,
            hits: answer.hits.hits.into_iter().map(|hit| hit.source).collect(),
        })
    }
}
