//! What the store is asked: documents by id, listings in the order of ids, searches.
use chrono::{DateTime, Utc};
use elasticsearch::http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::node::{NodeRequest, Text};
use super::readable::Extent;
use super::{Elastic, query, refused, unreadable};
use crate::bounds::DOCUMENTS;
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

/// A place in a listing: behind a document, in the order of ids.
#[derive(Clone, Debug, PartialEq)]
pub struct Place(Value);

impl Place {
    /// Behind every document of an offer's id: somebody may have put in a second one that says the same id of itself.
    fn behind(id: OfferId) -> Self {
        Place(json!([id.to_string(), i64::MAX]))
    }
}

/// What the store says of a source's offers: a part of it, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// Offers.
    pub told: Vec<Told>,
    /// Ids of documents that are no offers of ours: somebody put them there by hand.
    pub others: Vec<String>,
    /// Where it goes on; nothing at its end.
    pub next: Option<Place>,
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
        let mut found = Vec::with_capacity(ids.len());
        let mut most = ids.len();
        while found.len() < ids.len() {
            let part = &ids[found.len()..ids.len().min(found.len() + most)];
            match self.documents_together(index, part).await {
                Err(StoreError::TooLong(_)) if most > 1 => most /= 2,
                documents => found.extend(documents?),
            }
        }
        Ok(found)
    }

    async fn documents_together(&self, index: &str, ids: &[String]) -> Result<Vec<Option<String>>, StoreError> {
        let path = format!("/{index}/_mget?_source_excludes=content");
        let body = json!({"ids": ids}).to_string();
        let found: Documents = self.read_as(Method::Post, &path, Some(body)).await?;
        if found.docs.len() != ids.len() {
            let why = format!("{} documents were asked for, and it tells of {}", ids.len(), found.docs.len());
            return Err(StoreError::Unavailable(why));
        }
        let text = |document: Document| match document.error {
            Value::Null => Ok(document.source.map(|source| source.get().to_owned())),
            error if error["type"] == "index_not_found_exception" => Ok(None),
            error => Err(refused_document(&error)),
        };
        found.docs.into_iter().map(text).collect()
    }

    /// What the store says of a source's offers, in the order of their ids; so many documents at a time.
    pub async fn told(&self, source: &str, after: Option<&Place>, limit: usize) -> Result<Listing, StoreError> {
        let asked = json!({"size": limit, "version": true, "query": {"term": {"source": source}},
            "_source": ["content", "closed_at", "closed_reason", "first_seen_at", "source_id"]});
        let (hits, next) = self.listed(asked, after).await?;
        let mut listing = Listing { next, ..Listing::default() };
        for hit in hits {
            match hit.offer() {
                Some(id) => listing.told.push(told(id, &hit)),
                None => listing.others.push(hit.id),
            }
        }
        Ok(listing)
    }

    /// Ids of documents that are of none of these sources; so many at a time, and where it goes on.
    pub async fn strangers(
        &self,
        sources: &[String],
        after: Option<&Place>,
        limit: usize,
    ) -> Result<(Vec<String>, Option<Place>), StoreError> {
        let query = json!({"bool": {"must_not": {"terms": {"source": sources}}}});
        let (hits, next) = self.listed(json!({"size": limit, "query": query, "_source": false}), after).await?;
        Ok((hits.into_iter().map(|hit| hit.id).collect(), next))
    }

    /// Where a document is, for a call by hand.
    pub fn address(&self, id: &str) -> String {
        format!("/{}/_doc/{}", self.alias, percent_encoding::utf8_percent_encode(id, SIGNS))
    }

    /// Documents in the order of their ids, those without one last.
    async fn listed(&self, mut asked: Value, after: Option<&Place>) -> Result<(Vec<Hit>, Option<Place>), StoreError> {
        asked["sort"] = json!([{"id": "asc"}, {"_seq_no": "asc"}]);
        asked["track_total_hits"] = json!(false);
        if let Some(Place(after)) = after {
            asked["search_after"] = after.clone();
        }
        let hits = self.parts(&self.alias, &mut asked).await?;
        let full = asked["size"] == hits.len();
        let next = hits.last().filter(|_| full).map(|hit| Place(hit.sort.clone()));
        Ok((hits, next))
    }

    /// The hits of a search: half as many, and again half, where so many together are too long to be read. The request
    /// says afterwards how many were asked for.
    pub(super) async fn parts(&self, index: &str, asked: &mut Value) -> Result<Vec<Hit>, StoreError> {
        loop {
            let size = asked["size"].as_u64().unwrap_or_default();
            match self.searched_in(index, asked).await {
                Err(StoreError::TooLong(_)) if size > 1 => asked["size"] = json!(size / 2),
                answer => return Ok(answer?.hits.hits),
            }
        }
    }
}

/// What is written otherwise in an address.
const SIGNS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// What a document says of an offer.
fn told(id: OfferId, hit: &Hit) -> Told {
    let source: Value = serde_json::from_str(hit.source.get()).unwrap_or_default();
    let content = source["content"].as_str().and_then(|text| u64::from_str_radix(text, 16).ok());
    let key = source["source_id"].as_str().unwrap_or_default().to_owned();
    let at = |name: &str| source[name].as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
    let reason = Closed::parse(source["closed_reason"].as_str().unwrap_or_default());
    let closed = at("closed_at").map(|at| (at, reason.unwrap_or(Closed::NotSeen)));
    Told { id, key, version: hit.version, content, closed, first_seen: at("first_seen_at").unwrap_or_default() }
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

/// The source of a hit that was asked for without.
fn none() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

#[derive(Default, Deserialize)]
pub(super) struct Total {
    pub value: usize,
}

#[derive(Deserialize)]
pub(super) struct Hit {
    #[serde(rename = "_id")]
    pub id: String,
    /// `null` where it was not asked for.
    #[serde(rename = "_source", default = "none")]
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
        self.read_whole(index, "_search", body).await
    }

    /// A search or a count of an index, which must cover all of it.
    pub(super) async fn read_whole<T: DeserializeOwned>(
        &self,
        index: &str,
        call: &str,
        body: &Value,
    ) -> Result<T, StoreError> {
        let read = async {
            let path = format!("/{index}/{call}");
            let text = self.read_text(Method::Post, &path, Some(body.to_string())).await?;
            serde_json::from_str::<Extent>(&text).map_err(unreadable)?.is_whole()?;
            serde_json::from_str(&text).map_err(unreadable)
        };
        match read.await {
            Err(error) => Err(self.explained(error, index).await),
            answer => answer,
        }
    }

    /// One request that must succeed, its answer read.
    async fn read_as<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<T, StoreError> {
        serde_json::from_str(&self.read_text(method, path, body).await?).map_err(unreadable)
    }

    async fn read_text(&self, method: Method, path: &str, body: Option<String>) -> Result<Text, StoreError> {
        let (status, text) =
            self.send(&NodeRequest { most: DOCUMENTS, ..NodeRequest::json(method, path, body) }).await?;
        if status != 200 {
            return Err(refused(status, &serde_json::from_str(&text).unwrap_or_default()));
        }
        Ok(text)
    }
}

impl Store for Elastic {
    async fn get(&self, id: OfferId) -> Result<Option<Box<RawValue>>, StoreError> {
        let path = format!("/{}/_doc/{id}?_source_excludes=content", self.alias);
        let (status, text) =
            self.send(&NodeRequest { most: DOCUMENTS, ..NodeRequest::json(Method::Get, &path, None) }).await?;
        match status {
            200 => serde_json::from_str::<Hit>(&text).map(|hit| Some(hit.source)).map_err(unreadable),
            404 if serde_json::from_str::<Value>(&text).is_ok_and(|answer| answer["found"] == false) => Ok(None),
            status => {
                let error = refused(status, &serde_json::from_str(&text).unwrap_or_default());
                Err(self.explained(error, &self.alias).await)
            }
        }
    }

    async fn list(
        &self,
        source: Option<&str>,
        after: Option<OfferId>,
        limit: usize,
    ) -> Result<Vec<(OfferId, Box<RawValue>)>, StoreError> {
        // What has no id is no offer.
        let mut filter = vec![json!({"exists": {"field": "id"}})];
        filter.extend(source.map(|source| json!({"term": {"source": source}})));
        let asked = json!({"size": limit, "query": {"bool": {"filter": filter}}, "_source": {"excludes": ["content"]}});
        let (behind, mut after) = (after, after.map(Place::behind));
        loop {
            let (hits, next) = self.listed(asked.clone(), after.as_ref()).await?;
            let offers: Vec<_> = hits.into_iter().filter_map(|hit| Some((hit.offer()?, hit.source))).collect();
            let ids = || behind.into_iter().chain(offers.iter().map(|(id, _)| *id));
            if !ids().is_sorted() || (behind.is_some() && behind == ids().nth(1)) {
                let why = "it lists documents that it was to be past, so the listing would have no end".to_owned();
                return Err(StoreError::Unavailable(why));
            }
            // Nothing is the end for who asks: documents of somebody else may fill a whole page.
            if next.is_none() || !offers.is_empty() {
                return Ok(offers);
            }
            after = next;
        }
    }

    async fn search(&self, search: &Search) -> Result<Found, StoreError> {
        search.check(&self.schema)?;
        let answer = self.searched(&query::body(search, &self.schema)?).await?;
        let full = search.limit > 0 && answer.hits.hits.len() == search.limit;
        let last = answer.hits.hits.last().map(|hit| hit.sort.to_string()).filter(|_| full);
        let facets = search.facets.iter().enumerate();
        let facets = facets.map(|(number, facet)| {
            Ok((facet.name.clone(), query::counted(facet, &answer.aggregations[number.to_string()])?))
        });
        Ok(Found {
            total: answer.hits.total.value,
            facets: facets.collect::<Result<_, StoreError>>()?,
            after: last,
            hits: answer.hits.hits.into_iter().map(|hit| hit.source).collect(),
        })
    }
}
