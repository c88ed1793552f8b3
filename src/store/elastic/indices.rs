//! The indices of a server as each says itself what it is: an alias only points, and anybody can move it.
use chrono::{DateTime, Utc};
use elasticsearch::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::index::guard;
use super::{Elastic, refused};
use crate::store::StoreError;

/// What stands at `_meta` of the mapping of an index that this program made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Meta {
    /// Which layout of the program it has; an index without it is somebody else's.
    pub layout: Option<u32>,
    /// Hash of layout and schema, as its name ends; older ones do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Since when another index holds all that it held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<DateTime<Utc>>,
    /// The copy of other indices into it, while that is not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuild: Option<Copying>,
}

/// A copy of other indices that is not over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Copying {
    /// These, the oldest first.
    pub from: Vec<String>,
    /// How far it came; nothing before the first mark.
    pub after: Option<Mark>,
}

/// How far a copy came: which index, and the last id of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub index: usize,
    pub id: Option<String>,
}

/// An index as the server describes it.
#[derive(Clone, Debug)]
pub(super) struct Index {
    pub name: String,
    /// What it says of itself.
    pub meta: Meta,
    /// Its aliases with their properties.
    pub aliases: Map<String, Value>,
    /// Its settings by their dotted names.
    pub settings: Map<String, Value>,
    pub mappings: Value,
    /// The data stream that it belongs to.
    pub data_stream: Option<String>,
}

impl Index {
    pub(super) fn read(name: &str, said: &Value) -> Self {
        let members = |name: &str| said[name].as_object().cloned().unwrap_or_default();
        let mappings = said["mappings"].clone();
        // A `_meta` of another form is not one that this program wrote.
        let meta = serde_json::from_value(mappings["_meta"].clone()).unwrap_or_default();
        let data_stream = said["data_stream"].as_str().map(str::to_owned);
        let (aliases, settings) = (members("aliases"), members("settings"));
        Index { name: name.to_owned(), meta, aliases, settings, mappings, data_stream }
    }

    /// Whether an alias points to it.
    pub(super) fn carries(&self, alias: &str) -> bool {
        self.aliases.contains_key(alias)
    }

    /// Whether nothing but its own guard points to it.
    pub(super) fn is_aside(&self) -> bool {
        self.aliases.keys().all(|alias| *alias == guard(&self.name))
    }
}

/// The indices that have to do with the offers of one alias.
#[derive(Clone, Debug)]
pub(super) struct Indices(Vec<Index>);

impl Indices {
    /// The indices that an alias points to.
    pub(super) fn behind(&self, alias: &str) -> Vec<&Index> {
        self.0.iter().filter(|index| index.carries(alias)).collect()
    }

    /// The index of a name.
    pub(super) fn named(&self, name: &str) -> Option<&Index> {
        self.0.iter().find(|index| index.name == name)
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Index> {
        self.0.iter()
    }
}

impl Elastic {
    /// All indices behind the aliases and under the names of offers, hidden and closed ones too.
    pub(super) async fn indices(&self) -> Result<Indices, StoreError> {
        let path = format!(
            "/{0},{0}-*?expand_wildcards=all&ignore_unavailable=true&flat_settings=true&allow_no_indices=true",
            self.alias
        );
        let (status, answer) = self.ask(Method::Get, &path, None).await?;
        match status {
            200 => {
                let said = answer.as_object().into_iter().flatten();
                Ok(Indices(said.map(|(name, said)| Index::read(name, said)).collect()))
            }
            404 => Ok(Indices(Vec::new())),
            _ => Err(refused(status, &answer)),
        }
    }

    /// Whether this program made an index: it says so, and has the name that goes with what it says.
    pub(super) fn is_ours(&self, index: &Index) -> bool {
        let hash = index.name.strip_prefix(&self.alias).and_then(|rest| rest.strip_prefix('-'));
        let hash = hash.filter(|hash| hash.len() == 16 && hash.bytes().all(|sign| sign.is_ascii_hexdigit()));
        let said = index.meta.schema.as_deref();
        index.meta.layout.is_some() && hash.is_some_and(|hash| said.is_none_or(|said| said == hash))
    }

    /// What ours says of itself.
    pub(super) fn meta(&self, rebuild: Option<Copying>) -> Meta {
        let schema = self.index.rsplit('-').next().map(str::to_owned);
        Meta { layout: Some(super::template::LAYOUT), schema, left: None, rebuild }
    }

    /// Writes down what an index says of itself.
    pub(super) async fn say(&self, index: &str, meta: &Meta) -> Result<(), StoreError> {
        let path = format!("/{index}/_mapping");
        self.expect(Method::Put, &path, Some(&json!({"_meta": meta}))).await.map(|_| ())
    }
}
