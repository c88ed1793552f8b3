//! The embedded store: SQLite is the truth, tantivy the index derived from it.
mod facets;
mod fields;
mod follow;
mod near;
mod query;
mod whole;
mod without;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::value::RawValue;
use tantivy::collector::{Collector, Count, TopDocs};
use tantivy::query::Query;
use tantivy::schema::Value as _;
use tantivy::{DocAddress, IndexReader, Order, Searcher, TantivyDocument};

use super::{Store, StoreError};
use crate::bounds::WAITING;
use crate::offer::OfferId;
use crate::schema::{Kind, Schema};
use crate::search::{Found, Search, Sort};
use crate::state::read_only;
use fields::{Fields, column};
use whole::Whole;

pub use follow::Follower;

/// The store of a data directory.
pub struct Local {
    /// What is searched; `None` where only the truth was opened.
    indexed: Option<Whole>,
    fields: Fields,
    schema: Schema,
    truth: Connection,
    /// What is to be said of the index.
    pub notices: Vec<String>,
    /// The data directory.
    dir: PathBuf,
}

/// The last hit that can be reached page by page.
const DEEPEST: usize = 10_000;

impl Local {
    /// Opens the store of a data directory, to be searched; `None` when nothing was ever stored there. What the index does
    /// not hold yet is taken over first; where another process is at that, or this one may not, it is read as it is.
    pub fn open(dir: &Path, schema: &Schema) -> Result<Option<Self>, StoreError> {
        let Some(mut store) = Self::unindexed(dir, schema)? else { return Ok(None) };
        let hindered = match follow::catch_up(dir, schema) {
            Ok(notice) => {
                store.notices.extend(notice);
                StoreError::Busy
            }
            Err(StoreError::Folder(path, error)) if is_denied(&error) => StoreError::Unmade(path, error),
            Err(StoreError::Busy) => StoreError::Busy,
            Err(error) => return Err(error),
        };
        store.look(dir, schema)?;
        if store.indexed.is_some() { Ok(Some(store)) } else { Err(hindered) }
    }

    /// Deletes an index that turned out to be broken: the next search builds it again out of the truth.
    pub fn discard(dir: &Path, schema: &Schema) -> Result<(), StoreError> {
        follow::discard(dir, schema)
    }

    /// The store without its index: it can be listed, and not searched.
    pub fn unindexed(dir: &Path, schema: &Schema) -> Result<Option<Self>, StoreError> {
        if !dir.join("state.db").exists() {
            return Ok(None);
        }
        let truth = truth(dir)?;
        let (fields, schema) = (Fields::new(schema), schema.clone());
        Ok(Some(Local { indexed: None, fields, schema, truth, notices: Vec::new(), dir: dir.to_owned() }))
    }

    /// Takes over into the index what changed since.
    pub fn refresh(&self) -> Result<(), StoreError> {
        follow::catch_up(&self.dir, &self.schema).map(|_| ())
    }

    /// Takes the index as it lies there, or what another process has built of it so far; nothing where there is none, or
    /// where it is ahead of the truth, which is one of before then.
    pub fn look(&mut self, dir: &Path, schema: &Schema) -> Result<(), StoreError> {
        let home = follow::folder(dir, schema);
        // What is built beside may take its place at this moment.
        let mut found = Ok(None);
        for folder in [&home, &follow::aside(&home), &home] {
            found = whole::read(folder, &self.fields);
            if matches!(found, Ok(Some(_))) {
                break;
            }
        }
        let last = follow::last_change(&self.truth)?;
        self.indexed = found?.filter(|whole| whole.at <= last);
        Ok(())
    }

    /// Changes that the index has not taken over yet; `None` without an index.
    pub fn behind(&self) -> Result<Option<i64>, StoreError> {
        let Some(indexed) = &self.indexed else { return Ok(None) };
        Ok(Some((follow::last_change(&self.truth)? - indexed.at).max(0)))
    }

    /// How the index differs from the truth: rows that it lacks, holds twice, or holds in an older form, and files that are
    /// not what was written. What changed since the index was written is no difference. For `verify`.
    pub fn differences(&self) -> Result<Vec<String>, StoreError> {
        let Some(Whole { index, reader, at }) = &self.indexed else { return Ok(Vec::new()) };
        let mut indexed = whole::guarded(|| rows(reader))?;
        let mut differences = whole::guarded(|| whole::damaged(index, reader))?;
        let mut statement = self.truth.prepare("SELECT n, change FROM offers")?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let (number, change): (i64, i64) = (row.get(0)?, row.get(1)?);
            match indexed.remove(&number).as_deref() {
                Some([found]) if *found == change => {}
                _ if change > *at => {}
                found => differences.push(format!("row {number}, change {change}: the index holds {found:?}")),
            }
        }
        let mut removed = self.truth.prepare("SELECT 1 FROM removed WHERE n = ?1 AND change > ?2")?;
        for row in indexed.into_keys() {
            if !removed.exists(params![row, at])? {
                differences.push(format!("row {row} is in the index alone"));
            }
        }
        Ok(differences)
    }

    fn document(&self, row: i64) -> Result<Option<Box<RawValue>>, StoreError> {
        let mut statement = self.truth.prepare_cached("SELECT doc FROM offers WHERE n = ?1")?;
        let text: Option<String> = statement.query_row(params![row], |row| row.get(0)).optional()?;
        Ok(text.and_then(|text| RawValue::from_string(text).ok()))
    }

    fn found(&self, indexed: &Whole, search: &Search) -> Result<Found, StoreError> {
        let query = query::compile(search, &self.fields)?;
        let searcher = indexed.reader.searcher();
        let wrong = || StoreError::Value("`after` is not what an earlier answer of this search gave".into());
        let skip = search.after.as_ref().map_or(Some(0), |after| after.parse().ok()).ok_or_else(wrong)?;
        if skip >= DEEPEST {
            let deep = format!("`after` reaches {DEEPEST} hits deep at most: narrow the search, or export all");
            return Err(StoreError::Value(deep));
        }
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

/// The changes of each row in an index.
fn rows(reader: &IndexReader) -> Result<HashMap<i64, Vec<i64>>, StoreError> {
    let mut indexed = HashMap::new();
    for segment in reader.searcher().segment_readers() {
        let (rows, changes) = (segment.fast_fields().u64("n")?, segment.fast_fields().i64("change")?);
        for doc in segment.doc_ids_alive() {
            if let (Some(row), Some(change)) = (rows.first(doc), changes.first(doc)) {
                indexed.entry(row as i64).or_insert_with(Vec::new).push(change);
            }
        }
    }
    Ok(indexed)
}

/// The truth, to be read beside a process that writes.
fn truth(dir: &Path) -> Result<Connection, StoreError> {
    Ok(read_only(&dir.join("state.db"))?)
}

fn is_denied(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
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
        let (mut listed, mut bytes) = (Vec::new(), 0);
        for row in rows {
            let (id, text) = row?;
            bytes += text.len();
            listed.extend(RawValue::from_string(text).ok().map(|text| (id, text)));
            if bytes > WAITING && !listed.is_empty() {
                break;
            }
        }
        Ok(listed)
    }

    async fn search(&self, search: &Search) -> Result<Found, StoreError> {
        let Some(indexed) = &self.indexed else { return Err(StoreError::Busy) };
        search.check(&self.schema)?;
        whole::guarded(|| self.found(indexed, search))
    }
}
