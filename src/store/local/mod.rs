//! The embedded store: SQLite is the truth, tantivy the index derived from it.
mod fields;
mod query;

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};
use serde_json::value::RawValue;
use tantivy::aggregation::agg_req::Aggregations;
use tantivy::aggregation::{AggContextParams, AggregationCollector};
use tantivy::collector::{Count, TopDocs};
use tantivy::schema::Value as _;
use tantivy::{Index, IndexReader, IndexWriter, TantivyDocument, Term};
use xxhash_rust::xxh3::xxh3_64;

use crate::schema::Schema;
use crate::search::{Found, Search};
use fields::Fields;

/// The store could not be searched or brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite.
    #[error("state.db: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// tantivy.
    #[error("the search index: {0}")]
    Index(#[from] tantivy::TantivyError),
    /// A folder.
    #[error("{0}: {1}")]
    Folder(String, std::io::Error),
    /// Another process writes the index.
    #[error("another process brings the search index up to date")]
    Busy,
    /// A value that does not fit its field.
    #[error("{0}")]
    Value(String),
}

/// The store of a data directory.
pub struct Local {
    index: Index,
    reader: IndexReader,
    fields: Fields,
    truth: Connection,
}

/// Documents of one read of the truth: the read ends before they are indexed, so that the log can be cut.
const READ: usize = 150;
/// Documents between two commits of the index.
const COMMIT: usize = 1_000;
/// Memory of the index writer, in bytes.
const MEMORY: usize = 15_000_000;

impl Local {
    /// Opens the store of a data directory; `None` when nothing was ever stored there. An index of another schema, or
    /// one that is broken, is built anew.
    pub fn open(dir: &Path, schema: &Schema) -> Result<Option<Self>, StoreError> {
        let state = dir.join("state.db");
        if !state.exists() {
            return Ok(None);
        }
        let truth =
            Connection::open_with_flags(state, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        truth.busy_timeout(std::time::Duration::from_secs(5))?;
        let last: i64 = truth.query_row("SELECT coalesce(max(change), 0) FROM offers", [], |row| row.get(0))?;
        let fields = Fields::new(schema);
        let folder = folder(dir, schema);
        let index = match opened(&folder, &fields) {
            Some(index) if payload(&index) <= last => index,
            _ => made(dir, &folder, &fields)?,
        };
        fields::register(&index);
        let reader = index.reader()?;
        Ok(Some(Local { index, reader, fields, truth }))
    }

    /// Brings the index up to date; the number of changes that were taken over.
    pub fn catch_up(&mut self) -> Result<u64, StoreError> {
        let mut at = payload(&self.index);
        let last: i64 = self.truth.query_row("SELECT coalesce(max(change), 0) FROM offers", [], |row| row.get(0))?;
        if at >= last {
            return Ok(0);
        }
        let mut writer: IndexWriter = match self.index.writer_with_num_threads(1, MEMORY) {
            Ok(writer) => writer,
            Err(tantivy::TantivyError::LockFailure(..)) => return Err(StoreError::Busy),
            Err(error) => return Err(error.into()),
        };
        let (mut taken, mut waiting) = (0, 0);
        loop {
            let changes = self.changes(at)?;
            let done = changes.is_empty();
            for (row, change, text) in changes {
                writer.delete_term(Term::from_field_u64(self.fields.row, row as u64));
                if let Ok(document) = serde_json::from_str::<crate::tree::Tree<'_>>(&text) {
                    writer.add_document(self.fields.document(row as u64, &document))?;
                }
                at = change;
                taken += 1;
                waiting += 1;
            }
            if waiting > 0 && (done || waiting >= COMMIT) {
                let mut commit = writer.prepare_commit()?;
                commit.set_payload(&at.to_string());
                commit.commit()?;
                waiting = 0;
            }
            if done {
                break;
            }
        }
        writer.wait_merging_threads()?;
        self.reader.reload()?;
        Ok(taken)
    }

    fn changes(&self, after: i64) -> Result<Vec<(i64, i64, String)>, StoreError> {
        let mut statement = self
            .truth
            .prepare_cached("SELECT n, change, doc FROM offers WHERE change > ?1 ORDER BY change LIMIT ?2")?;
        let rows =
            statement.query_map(params![after, READ as i64], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Changes that the index has not taken over yet.
    pub fn behind(&self) -> Result<i64, StoreError> {
        let last: i64 = self.truth.query_row("SELECT coalesce(max(change), 0) FROM offers", [], |row| row.get(0))?;
        Ok(last - payload(&self.index))
    }

    /// Searches.
    pub fn search(&self, search: &Search) -> Result<Found, StoreError> {
        let query = query::compile(search, &self.index, &self.fields)?;
        let searcher = self.reader.searcher();
        let (total, top) =
            searcher.search(&query, &(Count, TopDocs::with_limit(search.limit.max(1)).order_by_score()))?;
        let mut hits = Vec::new();
        for (_, address) in top.into_iter().take(search.limit) {
            let document: TantivyDocument = searcher.doc(address)?;
            let Some(row) = document.get_first(self.fields.row).and_then(|row| row.as_u64()) else { continue };
            let text: String =
                self.truth.query_row("SELECT doc FROM offers WHERE n = ?1", params![row as i64], |row| row.get(0))?;
            if let Ok(raw) = RawValue::from_string(text) {
                hits.push(raw);
            }
        }
        let mut facets = Vec::new();
        for field in &search.facets {
            facets.push((field.clone(), self.facet(&searcher, &query, field)?));
        }
        Ok(Found { total, hits, facets })
    }

    fn facet(
        &self,
        searcher: &tantivy::Searcher,
        query: &dyn tantivy::query::Query,
        field: &str,
    ) -> Result<Vec<(String, u64)>, StoreError> {
        let asked = serde_json::json!({"facet": {"terms": {"field": fields::column(field), "size": 10}}});
        let asked: Aggregations =
            serde_json::from_value(asked).map_err(|error| StoreError::Value(error.to_string()))?;
        let found = searcher.search(query, &AggregationCollector::from_aggs(asked, AggContextParams::default()))?;
        let found = serde_json::to_value(found).map_err(|error| StoreError::Value(error.to_string()))?;
        let buckets = found["facet"]["buckets"].as_array().cloned().unwrap_or_default();
        let value = |bucket: &serde_json::Value| {
            let key = bucket["key_as_string"]
                .as_str()
                .or(bucket["key"].as_str())
                .map_or_else(|| bucket["key"].to_string(), str::to_owned);
            (key, bucket["doc_count"].as_u64().unwrap_or(0))
        };
        Ok(buckets.iter().map(value).collect())
    }
}

/// The index's folder, named by what it depends on.
fn folder(dir: &Path, schema: &Schema) -> PathBuf {
    let declared = serde_json::to_string(schema.fields()).unwrap_or_default();
    let made_by = format!("{declared}{}", tantivy::version_string());
    dir.join("index").join(format!("{:016x}", xxh3_64(made_by.as_bytes())))
}

fn opened(folder: &Path, fields: &Fields) -> Option<Index> {
    let index = Index::open_in_dir(folder).ok()?;
    (index.schema() == fields.schema).then_some(index)
}

/// A new, empty index; those of other schemas are removed.
fn made(dir: &Path, folder: &Path, fields: &Fields) -> Result<Index, StoreError> {
    let fault = |error| StoreError::Folder(folder.display().to_string(), error);
    let root = dir.join("index");
    if root.exists() {
        fs::remove_dir_all(&root).map_err(fault)?;
    }
    fs::create_dir_all(folder).map_err(fault)?;
    Ok(Index::create_in_dir(folder, fields.schema.clone())?)
}

/// The last change that is in the index.
fn payload(index: &Index) -> i64 {
    let payload = index.load_metas().ok().and_then(|metas| metas.payload);
    payload.and_then(|payload| payload.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
