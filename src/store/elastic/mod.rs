//! Elasticsearch 8 and 9 as a store: one versioned index behind an alias, full documents under external versions.
mod aliases;
mod blame;
mod blocks;
mod bulk;
mod claim;
mod conform;
mod connect;
mod contract;
mod delete;
mod health;
mod incarnation;
mod index;
mod indices;
mod node;
mod outcome;
mod pace;
mod pin;
mod query;
mod read;
mod readable;
mod rebuild;
mod room;
mod template;
mod trust;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use connect::Nodes;
use elasticsearch::http::Method;
use node::{NodeRequest, Text};
use room::Room;
use serde_json::Value;

use super::StoreError;
use crate::bounds::MESSAGE;
use crate::offer::OfferId;
use crate::plan::Server;
use crate::printable::excerpt;
use crate::schema::Schema;

pub use claim::{Asker, Hold, Taken};
pub use connect::faults;
pub use delete::Deleted;
pub use read::{Listing, Place};
pub use rebuild::Rebuilt;

/// A server that was found to be Elasticsearch, with the index of the schema.
#[derive(Debug)]
pub struct Elastic {
    nodes: Nodes,
    schema: Arc<Schema>,
    /// What is searched.
    alias: String,
    /// What is written: the index of this schema.
    index: String,
    /// Who writes which source.
    claims: String,
    /// Indices of other schemas, while their documents are not all in ours: the one that is searched first.
    older: Vec<String>,
    /// How large a request may be.
    room: Room,
    /// The last document that was taken.
    taken: Mutex<Option<blame::Witness>>,
    /// Offers that were refused for nothing of theirs, while nothing is stored that could be compared with them.
    doubted: Mutex<BTreeSet<OfferId>>,
    /// Its version, such as `8.19.5`.
    pub version: String,
    /// What can be lived with and a person should know, in sentences; found when it is opened to write, or to read.
    pub notices: Vec<String>,
}

/// The oldest version that is supported, by its first number.
const OLDEST: u32 = 8;

impl Elastic {
    /// Connects: checks what answers, and makes nothing there.
    pub async fn open(server: &Server, schema: Arc<Schema>) -> Result<Self, StoreError> {
        let nodes = Nodes::open(server).await?;
        let index = template::name(&server.name, &schema);
        let (alias, claims) = (server.name.clone(), format!("{}-claims", server.name.trim_end_matches("-offers")));
        let (version, notices) = (String::new(), Vec::new());
        let (older, room, taken, doubted) = (Vec::new(), Room::new(), Mutex::default(), Mutex::default());
        let mut elastic =
            Elastic { nodes, schema, alias, index, claims, older, room, taken, doubted, version, notices };
        elastic.version = elastic.checked().await?;
        Ok(elastic)
    }

    /// Connects to write: makes sure that the index of this schema is there. Where the alias is on the index of another
    /// schema, that one takes no writes from now on, and [`Elastic::rebuild`] is to be called.
    pub async fn to_write(server: &Server, schema: Arc<Schema>) -> Result<Self, StoreError> {
        let mut elastic = Self::open(server, schema).await?;
        elastic.make_claims().await?;
        elastic.older = elastic.set_up().await?;
        elastic.notices = elastic.ready().await?;
        Ok(elastic)
    }

    /// The version of what answers; an error when it is not an Elasticsearch that is supported.
    async fn checked(&self) -> Result<String, StoreError> {
        let (status, text) = self.send(&NodeRequest::json(Method::Get, "/", None)).await?;
        let info: Value = serde_json::from_str(&text).unwrap_or_default();
        if matches!(status, 401 | 403 | 408 | 429 | 500..=599) {
            return Err(refused(status, &info));
        }
        let version = info["version"]["number"].as_str().filter(|_| info["tagline"] == "You Know, for Search");
        let Some(version) = version else {
            return Err(StoreError::Server(format!(
                "what answers is not Elasticsearch (status {status}); is the address the one of its HTTP port, usually 9200?"
            )));
        };
        let major = version.split('.').next().and_then(|number| number.parse::<u32>().ok()).unwrap_or(0);
        if major < OLDEST {
            return Err(StoreError::Server(format!(
                "Elasticsearch {} is too old: 8 or 9 is needed",
                excerpt(version, 40)
            )));
        }
        Ok(version.to_owned())
    }

    /// Makes what was written so far visible to searches. Where a shard is missing the server would keep us waiting, and say
    /// nothing in the end: that is looked at before.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let names = if self.older.is_empty() { vec![&self.alias] } else { vec![&self.alias, &self.index] };
        for name in names {
            if let Some(red) = self.red_index(name).await? {
                return Err(blocks::red(&red, ""));
            }
            let path = format!("/{name}/_refresh?ignore_unavailable=true");
            let answer = self.expect(Method::Post, &path, None).await?;
            if answer["_shards"]["failed"].as_u64().is_some_and(|failed| failed > 0) {
                let why =
                    answer["_shards"]["failures"][0]["reason"]["reason"].as_str().unwrap_or("it does not say why");
                return Err(StoreError::Unavailable(format!(
                    "not all that was written to `{name}` can be found: {}",
                    excerpt(why, MESSAGE)
                )));
            }
        }
        Ok(())
    }

    /// One request that must succeed.
    async fn expect(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, StoreError> {
        match self.ask(method, path, body).await? {
            (200 | 201, answer) => Ok(answer),
            (status, answer) => Err(refused(status, &answer)),
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, Value), StoreError> {
        let (status, text) = self.send(&NodeRequest::json(method, path, body.map(Value::to_string))).await?;
        match serde_json::from_str(&text) {
            Err(error) if matches!(status, 200..=299) => Err(unreadable(error)),
            answer => Ok((status, answer.unwrap_or_default())),
        }
    }

    /// One request; what the network says is an error, what the server says is an answer.
    async fn send(&self, sent: &NodeRequest<'_>) -> Result<(u16, Text), StoreError> {
        let answer = self.nodes.send(sent).await?;
        Ok((answer.status, answer.text))
    }
}

/// What the server says was wrong; of a search on shards, what the first of them says.
fn reason(answer: &Value) -> String {
    let error = &answer["error"];
    let causes = [&error["root_cause"][0], &error["failed_shards"][0]["reason"], &error["caused_by"], error];
    let said = |member: &'static str| causes.iter().filter_map(move |cause| cause[member].as_str());
    let told = said("reason").find(|reason| !reason.is_empty()).or(error.as_str()).or(said("type").next());
    told.map_or("no reason was given".to_owned(), |told| excerpt(told, MESSAGE))
}

/// Something between here and the server answered, or cut the answer off.
fn unreadable(error: serde_json::Error) -> StoreError {
    StoreError::Unavailable(format!("its answer cannot be read: {error}"))
}

fn refused(status: u16, answer: &Value) -> StoreError {
    if let Some(error) = blocks::refusal(&answer["error"]) {
        return error;
    }
    if [&answer["error"], &answer["error"]["caused_by"]]
        .iter()
        .any(|error| error["type"] == "too_many_buckets_exception")
    {
        return StoreError::Value(
            "the facets have more different values than the server counts (`search.max_buckets`): ask for fewer, for longer \
             spans or intervals, or narrow the search"
                .into(),
        );
    }
    match status {
        401 | 403 => StoreError::Credentials(reason(answer)),
        408 | 429 | 500..=599 => StoreError::Unavailable(format!("status {status}: {}", reason(answer))),
        404 if answer["error"]["type"] == "index_not_found_exception" => StoreError::Absent,
        _ => StoreError::Server(format!("status {status}: {}", reason(answer))),
    }
}
