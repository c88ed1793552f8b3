//! The store of a project, whichever it is, as commands and upkeep use it.
use std::path::Path;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::elastic::Elastic;
use super::local::Local;
use super::{Store, StoreError};
use crate::offer::OfferId;
use crate::plan::Server;
use crate::schema::Schema;
use crate::search::{Found, Search};

/// The store of a project.
pub enum AnyStore {
    /// The embedded one.
    Local(Local),
    /// A server.
    Elastic(Elastic),
}

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Searches: what the index of the embedded store does not hold yet is taken over first.
    Search,
    /// Listings and single offers.
    List,
    /// Offers are written or deleted.
    Write,
}

impl AnyStore {
    /// Opens a store; `None` where nothing was ever stored in the embedded one.
    pub async fn open(
        server: Option<&Server>,
        data: &Path,
        schema: &Arc<Schema>,
        purpose: Purpose,
    ) -> Result<Option<Self>, StoreError> {
        let Some(server) = server else {
            let local = match purpose {
                Purpose::Search => Local::open(data, schema)?,
                Purpose::List | Purpose::Write => Local::unindexed(data, schema)?,
            };
            return Ok(local.map(AnyStore::Local));
        };
        let elastic = match purpose {
            Purpose::Search | Purpose::List => Elastic::to_read(server, schema.clone()).await?,
            Purpose::Write => Elastic::to_write(server, schema.clone()).await?,
        };
        Ok(Some(AnyStore::Elastic(elastic)))
    }

    /// What is to be told of it.
    pub fn notices(&self) -> Vec<String> {
        match self {
            AnyStore::Local(local) => local.notices.clone(),
            AnyStore::Elastic(elastic) => elastic.notices.iter().map(|notice| format!("warning: {notice}")).collect(),
        }
    }

    /// Which product it is, for people.
    pub fn product(&self) -> String {
        match self {
            AnyStore::Local(_) => "the local store".to_owned(),
            AnyStore::Elastic(elastic) => format!("Elasticsearch {}", elastic.version),
        }
    }

    /// Changes that searches do not find yet.
    pub fn behind(&self) -> Result<i64, StoreError> {
        match self {
            AnyStore::Local(local) => Ok(local.behind()?.unwrap_or(0)),
            AnyStore::Elastic(_) => Ok(0),
        }
    }

    /// Makes sure that a listing finds all that was written: that of a server is a search.
    pub async fn find_all(&self) -> Result<(), StoreError> {
        match self {
            AnyStore::Local(_) => Ok(()),
            AnyStore::Elastic(elastic) => elastic.refresh().await,
        }
    }

    /// Makes what was written visible to searches, and what was deleted invisible.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        match self {
            AnyStore::Local(local) => local.refresh(),
            AnyStore::Elastic(elastic) => elastic.refresh().await,
        }
    }
}

impl Store for AnyStore {
    async fn get(&self, id: OfferId) -> Result<Option<Box<RawValue>>, StoreError> {
        match self {
            AnyStore::Local(local) => local.get(id).await,
            AnyStore::Elastic(elastic) => elastic.get(id).await,
        }
    }

    async fn list(
        &self,
        source: Option<&str>,
        after: Option<OfferId>,
        limit: usize,
    ) -> Result<Vec<(OfferId, Box<RawValue>)>, StoreError> {
        match self {
            AnyStore::Local(local) => local.list(source, after, limit).await,
            AnyStore::Elastic(elastic) => elastic.list(source, after, limit).await,
        }
    }

    async fn search(&self, search: &Search) -> Result<Found, StoreError> {
        match self {
            AnyStore::Local(local) => local.search(search).await,
            AnyStore::Elastic(elastic) => elastic.search(search).await,
        }
    }
}
