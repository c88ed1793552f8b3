//! The embedded store: SQLite is the truth, tantivy the index derived from it.
mod facets;
mod fields;
mod follow;
mod near;
mod query;

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use serde_json::value::RawValue;
use tantivy::collector::{Collector, Count, TopDocs};
use tantivy::query::Query;
use tantivy::schema::Value as _;
use tantivy::{DocAddress, Index, IndexReader, Order, Searcher, TantivyDocument};

use super::{Store, StoreError};
use crate::offer::OfferId;
use crate::schema::{Kind, Schema};
use crate::search::{Found, Search, Sort};
use fields::{Fields, column};

pub use follow::Follower;

/// The store of a data directory, to be searched.
pub struct Local {
    index: Index,
    reader: IndexReader,
    fields: Fields,
    truth: Connection,
}

/// The last hit that can be reached page by page.
const DEEPEST: usize = 10_000;

impl Local {
    /// Opens the store of a data directory; `None` when nothing was ever stored there. What the index does not hold yet
    /// is taken over first, unless another process is at it.
    pub fn open(dir: &Path, schema: &Schema) -> Result<Option<Self>, StoreError> {
        if !dir.join("state.db").exists() {
            return Ok(None);
        }
        let fields = Fields::new(schema);
        let index = match follow::catch_up(dir, schema) {
            Ok(index) => index,
            Err(StoreError::Busy) => follow::opened(&follow::folder(dir, schema), &fields).ok_or(StoreError::Busy)?,
            Err(error) => return Err(error),
        };
        let reader = index.reader()?;
        Ok(Some(Local { index, reader, fields, truth: truth(dir)? }))
    }

    /// Changes that the index has not taken over yet.
    pub fn behind(&self) -> Result<i64, StoreError> {
        Ok(follow::last_change(&self.truth)? - follow::payload(&self.index))
    }

    /// How the index differs from the truth: rows that it lacks, holds twice, or holds in an older form. For `verify`.
    pub fn differences(&self) -> Result<Vec<String>, StoreError> {
        let mut indexed = std::collections::HashMap::new();
        for segment in self.reader.searcher().segment_readers() {
            let (rows, changes) = (segment.fast_fields().u64("n")?, segment.fast_fields().i64("change")?);
            for doc in segment.doc_ids_alive() {
                if let (Some(row), Some(change)) = (rows.first(doc), changes.first(doc)) {
                    indexed.entry(row as i64).or_insert_with(Vec::new).push(change);
                }
            }
        }
        let mut differences = Vec::new();
        let mut statement = self.truth.prepare("SELECT n, change FROM offers")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (number, change): (i64, i64) = (row.get(0)?, row.get(1)?);
            match indexed.remove(&number).as_deref() {
                Some([found]) if *found == change => {}
                found => differences.push(format!("row {number}, change {change}: the index holds {found:?}")),
            }
        }
        differences.extend(indexed.into_keys().map(|row| format!("row {row} is in the index alone")));
        Ok(differences)
    }

    fn document(&self, row: i64) -> Result<Option<Box<RawValue>>, StoreError> {
        let mut statement = self.truth.prepare_cached("SELECT doc FROM offers WHERE n = ?1")?;
        let text: Option<String> = statement.query_row(params![row], |row| row.get(0)).optional()?;
        Ok(text.and_then(|text| RawValue::from_string(text).ok()))
    }

    fn hits(
        &self,
        searcher: &Searcher,
        query: &dyn Query,
        search: &Search,
        skip: usize,
    ) -> Result<(usize, Vec<DocAddress>), StoreError> {
        let top = TopDocs::with_limit(search.limit.max(1)).and_offset(skip);
        let Some(Sort { field, descending }) = &search.sort else {
            return addresses(searcher, query, top.order_by_score());
        };
        let order = if *descending { Order::Desc } else { Order::Asc };
        let name = column(field);
        match self.fields.columns.get(field).map(|(_, kind)| kind) {
            Some(Kind::Keyword) => addresses(searcher, query, top.order_by_string_fast_field(name, order)),
            Some(Kind::Date | Kind::Integer) => addresses(searcher, query, top.order_by_fast_field::<i64>(name, order)),
            Some(Kind::Number | Kind::Money) => addresses(searcher, query, top.order_by_fast_field::<f64>(name, order)),
            Some(Kind::Boolean) => addresses(searcher, query, top.order_by_fast_field::<bool>(name, order)),
            _ => Err(StoreError::Value(format!("offers cannot be sorted by `{field}`"))),
        }
    }
}

fn addresses<K: Send>(
    searcher: &Searcher,
    query: &dyn Query,
    top: impl Collector<Fruit = Vec<(K, DocAddress)>>,
) -> Result<(usize, Vec<DocAddress>), StoreError> {
    let (total, top) = searcher.search(query, &(Count, top))?;
    Ok((total, top.into_iter().map(|(_, address)| address).collect()))
}

/// The truth, to be read beside a process that writes.
fn truth(dir: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let truth = Connection::open_with_flags(dir.join("state.db"), flags)?;
    truth.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(truth)
}

impl Store for Local {
    async fn get(&self, id: OfferId) -> Result<Option<Box<RawValue>>, StoreError> {
        let mut statement = self.truth.prepare_cached("SELECT n FROM known WHERE id = ?1")?;
        let row: Option<i64> = statement.query_row(params![id.0], |row| row.get(0)).optional()?;
        row.map_or(Ok(None), |row| self.document(row))
    }

    async fn list(
        &self,
        source: Option<&str>,
        after: Option<OfferId>,
        limit: usize,
    ) -> Result<Vec<(OfferId, Box<RawValue>)>, StoreError> {
        let mut statement = self.truth.prepare_cached(
            "SELECT k.id, o.doc FROM known k JOIN offers o ON o.n = k.n
             WHERE (?1 IS NULL OR k.source = ?1) AND (?2 IS NULL OR k.id > ?2) ORDER BY k.id LIMIT ?3",
        )?;
        let rows = statement.query_map(params![source, after.map(|id| id.0), limit as i64], |row| {
            Ok((OfferId(row.get(0)?), row.get::<_, String>(1)?))
        })?;
        let mut listed = Vec::new();
        for row in rows {
            let (id, text) = row?;
            listed.extend(RawValue::from_string(text).ok().map(|text| (id, text)));
        }
        Ok(listed)
    }

    async fn search(&self, search: &Search) -> Result<Found, StoreError> {
        let query = query::compile(search, &self.index, &self.fields)?;
        let searcher = self.reader.searcher();
        let wrong = || StoreError::Value("`after` is not what an earlier answer of this search gave".into());
        let skip = search.after.as_ref().map_or(Some(0), |after| after.parse().ok()).ok_or_else(wrong)?;
        let (total, top) = self.hits(&searcher, &query, search, skip)?;
        let mut hits = Vec::new();
        for address in top.into_iter().take(search.limit) {
            let document: TantivyDocument = searcher.doc(address)?;
            let Some(row) = document.get_first(self.fields.row).and_then(|row| row.as_u64()) else { continue };
            hits.extend(self.document(row as i64)?);
        }
        let mut found = Found { total, hits, ..Found::default() };
        let next = skip + search.limit;
        found.after = (search.limit > 0 && next < total && next < DEEPEST).then(|| next.to_string());
        for facet in &search.facets {
            found.facets.push((facet.name.clone(), facets::facet(&searcher, &query, facet)?));
        }
        Ok(found)
    }
}
