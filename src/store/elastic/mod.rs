//! Elasticsearch 8 and 9 as a store: one versioned index behind an alias, full documents under external versions.
mod bulk;
mod connect;
mod health;
pub mod outcome;
mod pace;
mod pin;
mod query;
mod template;

use std::sync::Arc;

use connect::Nodes;
use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Store, StoreError};
use crate::offer::OfferId;
use crate::plan::Server;
use crate::schema::Schema;
use crate::search::{Found, Search};

pub use bulk::Written;

/// A server that was found to be Elasticsearch, with the index of the schema.
#[derive(Debug)]
pub struct Elastic {
    nodes: Nodes,
    schema: Arc<Schema>,
    alias: String,
    index: String,
    /// Its version, such as `8.19.5`.
    pub version: String,
}

/// The oldest version that is supported, by its first number.
const OLDEST: u32 = 8;

impl Elastic {
    /// Connects, checks what answers, and makes sure that the index of this schema is there behind the alias.
    pub async fn open(server: &Server, schema: Arc<Schema>) -> Result<Self, StoreError> {
        let nodes = Nodes::open(server).await?;
        let index = template::name(&server.name, &schema);
        let mut elastic = Elastic { nodes, schema, alias: server.name.clone(), index, version: String::new() };
        elastic.version = elastic.checked().await?;
        elastic.set_up().await?;
        Ok(elastic)
    }

    /// The version of what answers; an error when it is not an Elasticsearch that is supported.
    async fn checked(&self) -> Result<String, StoreError> {
        let (status, info) = self.ask(Method::Get, "/", None).await?;
        if matches!(status, 401 | 403) {
            return Err(StoreError::Credentials(reason(&info)));
        }
        let version = info["version"]["number"].as_str().filter(|_| info["tagline"] == "You Know, for Search");
        let Some(version) = version else {
            return Err(StoreError::Server(format!(
                "what answers is not Elasticsearch (status {status}); is the address the one of its HTTP port, usually 9200?"
            )));
        };
        let major = version.split('.').next().and_then(|number| number.parse::<u32>().ok()).unwrap_or(0);
        if major < OLDEST {
            return Err(StoreError::Server(format!("Elasticsearch {version} is too old: 8 or 9 is needed")));
        }
        Ok(version.to_owned())
    }

    /// Makes the index, and puts the alias on it when there is none yet.
    async fn set_up(&self) -> Result<(), StoreError> {
        let path = format!("/{}", self.index);
        let (status, answer) = self.ask(Method::Put, &path, Some(&template::index(&self.schema))).await?;
        let exists = answer["error"]["type"] == "resource_already_exists_exception";
        if status != 200 && !exists {
            return Err(refused(status, &answer));
        }
        let (status, aliased) = self.ask(Method::Get, &format!("/_alias/{}", self.alias), None).await?;
        let holders: Vec<&String> = match status {
            200 => aliased.as_object().into_iter().flat_map(|indices| indices.keys()).collect(),
            _ => Vec::new(),
        };
        match holders[..] {
            [] => {
                let action =
                    json!({"actions": [{"add": {"index": self.index, "alias": self.alias, "is_write_index": true}}]});
                let (status, answer) = self.ask(Method::Post, "/_aliases", Some(&action)).await?;
                if status == 200 { Ok(()) } else { Err(refused(status, &answer)) }
            }
            [index] if *index == self.index => Ok(()),
            [other] => Err(StoreError::Server(format!(
                "the alias `{}` points to `{other}`, which was made from another schema",
                self.alias
            ))),
            _ => Err(StoreError::Server(format!(
                "the alias `{}` points to several indices: {holders:?}; remove it from all but one",
                self.alias
            ))),
        }
    }

    /// Makes what was written so far visible to searches.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let (status, answer) = self.ask(Method::Post, &format!("/{}/_refresh", self.index), None).await?;
        if status == 200 { Ok(()) } else { Err(refused(status, &answer)) }
    }

    /// Documents by their ids, in order.
    pub async fn documents(&self, ids: &[OfferId]) -> Result<Vec<Option<String>>, StoreError> {
        let ids: Vec<String> = ids.iter().map(OfferId::to_string).collect();
        let path = format!("/{}/_mget?_source_excludes=content", self.index);
        let body = json!({"ids": ids}).to_string();
        let (status, text) = self.send(Method::Post, &path, "application/json", Some(body)).await?;
        if status != 200 {
            return Err(refused(status, &serde_json::from_str(&text).unwrap_or_default()));
        }
        let unread = |error| StoreError::Server(format!("an answer that cannot be read: {error}"));
        let found: Documents = serde_json::from_str(&text).map_err(unread)?;
        Ok(found.docs.into_iter().map(|document| document.source.map(|source| source.get().to_owned())).collect())
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, Value), StoreError> {
        let bytes = body.map(Value::to_string);
        let (status, text) = self.send(method, path, "application/json", bytes).await?;
        Ok((status, serde_json::from_str(&text).unwrap_or_default()))
    }

    /// One request; what the network says is an error, what the server says is an answer.
    async fn send(
        &self,
        method: Method,
        path: &str,
        media: &'static str,
        body: Option<String>,
    ) -> Result<(u16, String), StoreError> {
        let answer = self.nodes.send(method, path, media, body).await?;
        Ok((answer.status, answer.text))
    }
}

fn reason(answer: &Value) -> String {
    answer["error"]["reason"].as_str().or(answer["error"].as_str()).unwrap_or("no reason was given").to_owned()
}

fn refused(status: u16, answer: &Value) -> StoreError {
    match status {
        401 | 403 => StoreError::Credentials(reason(answer)),
        _ => StoreError::Server(format!("status {status}: {}", reason(answer))),
    }
}

/// An answer of `_search`, as far as it is read.
#[derive(Deserialize)]
struct Answer {
    hits: Hits,
    #[serde(default)]
    aggregations: Value,
}

/// What the store says of an offer, to be compared with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Its id.
    pub id: OfferId,
    /// Its key at the site.
    pub key: String,
    /// The version it was written under.
    pub version: u64,
    /// Hash of its content.
    pub content: Option<u64>,
    /// Whether it is closed.
    pub closed: bool,
}

impl Elastic {
    /// What the store says of a source's offers, behind an id, in the order of their ids.
    pub async fn told(&self, source: &str, after: Option<OfferId>, limit: usize) -> Result<Vec<Told>, StoreError> {
        let mut body = json!({"size": limit, "version": true, "query": {"term": {"source": source}}, "sort": [{"id": "asc"}],
            "_source": ["content", "closed_at", "source_id"]});
        if let Some(after) = after {
            body["search_after"] = json!([after.to_string()]);
        }
        let told = |hit: Hit| {
            let source: Value = serde_json::from_str(hit.source.get()).unwrap_or_default();
            let content = source["content"].as_str().and_then(|text| u64::from_str_radix(text, 16).ok());
            let key = source["source_id"].as_str().unwrap_or_default().to_owned();
            let closed = !source["closed_at"].is_null();
            Some(Told { id: OfferId::parse(&hit.id)?, key, version: hit.version, content, closed })
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
}

#[derive(Deserialize)]
struct Hits {
    total: Total,
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Total {
    value: usize,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_source")]
    source: Box<RawValue>,
    #[serde(default)]
    sort: Value,
    #[serde(rename = "_version", default)]
    version: u64,
}

impl Elastic {
    async fn searched(&self, body: &Value) -> Result<Answer, StoreError> {
        let path = format!("/{}/_search", self.alias);
        let (status, text) = self.send(Method::Post, &path, "application/json", Some(body.to_string())).await?;
        if status != 200 {
            return Err(refused(status, &serde_json::from_str(&text).unwrap_or_default()));
        }
        serde_json::from_str(&text)
            .map_err(|error| StoreError::Server(format!("an answer that cannot be read: {error}")))
    }
}

impl Store for Elastic {
    async fn get(&self, id: OfferId) -> Result<Option<Box<RawValue>>, StoreError> {
        let path = format!("/{}/_doc/{id}?_source_excludes=content", self.index);
        let (status, text) = self.send(Method::Get, &path, "application/json", None).await?;
        match status {
            200 => Ok(serde_json::from_str::<Hit>(&text).ok().map(|hit| hit.source)),
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
        Ok(found.hits.hits.into_iter().filter_map(|hit| Some((OfferId::parse(&hit.id)?, hit.source))).collect())
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
