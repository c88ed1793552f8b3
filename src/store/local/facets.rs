//! Facets over what a query finds: values, calendar spans, intervals, percentiles, tiles.
use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use serde_json::{Number, Value, json};
use tantivy::aggregation::agg_req::Aggregations;
use tantivy::aggregation::{AggContextParams, AggregationCollector, AggregationError};
use tantivy::query::Query;
use tantivy::{Searcher, TantivyError};

use super::fields::column;
use super::near::Tiles;
use crate::search::{By, Every, Facet, MOST, too_many};
use crate::store::StoreError;

/// Seconds of a day.
const DAY: u32 = 86_400;

type Counted = Vec<(String, Number)>;

/// Counts a facet.
pub(super) fn facet(searcher: &Searcher, query: &dyn Query, facet: &Facet) -> Result<Counted, StoreError> {
    match counted(searcher, query, facet) {
        Ok(values) if values.len() > MOST => Err(too_many(&facet.name).into()),
        // The index gives up where there are far more.
        Err(StoreError::Index(TantivyError::AggregationError(
            AggregationError::BucketLimitExceeded { .. } | AggregationError::MemoryExceeded { .. },
        ))) => Err(too_many(&facet.name).into()),
        counted => counted,
    }
}

fn counted(searcher: &Searcher, query: &dyn Query, facet: &Facet) -> Result<Counted, StoreError> {
    let field = column(&facet.field);
    match &facet.by {
        By::Terms(size) => {
            let found = ask(searcher, query, json!({"terms": {"field": field, "size": size}}))?;
            Ok(buckets(&found))
        }
        By::Dates(every) => dates(searcher, query, &field, *every),
        By::Numbers(step) => {
            let asked = json!({"histogram": {"field": field, "interval": step, "min_doc_count": 1}});
            Ok(buckets(&ask(searcher, query, asked)?))
        }
        By::Percentiles(percents) => {
            let asked = json!({"percentiles": {"field": field, "percents": percents, "keyed": false}});
            let found = ask(searcher, query, asked)?;
            let values = found["values"].as_array().cloned().unwrap_or_default();
            let value = |found: &Value| {
                let percent = found["key"].as_f64()?;
                Some((percent.to_string(), Number::from_f64((found["value"].as_f64()? * 100.0).round() / 100.0)?))
            };
            Ok(values.iter().filter_map(value).collect())
        }
        By::Tiles(zoom) => {
            let found = searcher.search(query, &Tiles { field: facet.field.clone(), zoom: *zoom })?;
            let mut tiles: Vec<_> = found.into_iter().collect();
            tiles.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
            tiles.truncate(MOST);
            Ok(tiles.into_iter().map(|((x, y), count)| (format!("{zoom}/{x}/{y}"), count.into())).collect())
        }
    }
}

fn ask(searcher: &Searcher, query: &dyn Query, facet: Value) -> Result<Value, StoreError> {
    let wrong = |error: serde_json::Error| StoreError::Value(error.to_string());
    let asked: Aggregations = serde_json::from_value(json!({"facet": facet})).map_err(wrong)?;
    let found = searcher.search(query, &AggregationCollector::from_aggs(asked, AggContextParams::default()))?;
    Ok(serde_json::to_value(found).map_err(wrong)?["facet"].take())
}

fn buckets(found: &Value) -> Counted {
    let named = |bucket: &Value| {
        let text = bucket["key_as_string"].as_str().or(bucket["key"].as_str()).map(str::to_owned);
        let name = text.unwrap_or_else(|| match bucket["key"].as_f64() {
            Some(number) => number.to_string(),
            None => bucket["key"].to_string(),
        });
        (name, bucket["doc_count"].as_u64().unwrap_or(0).into())
    };
    found["buckets"].as_array().into_iter().flatten().map(named).collect()
}

/// Spans of the calendar, out of the days that hold something.
fn dates(searcher: &Searcher, query: &dyn Query, field: &str, every: Every) -> Result<Counted, StoreError> {
    let asked = json!({"histogram": {"field": field, "interval": DAY, "min_doc_count": 1}});
    let mut spans: BTreeMap<NaiveDate, u64> = BTreeMap::new();
    for bucket in ask(searcher, query, asked)?["buckets"].as_array().into_iter().flatten() {
        let start = bucket["key"].as_f64().and_then(|seconds| DateTime::<Utc>::from_timestamp(seconds as i64, 0));
        let Some(start) = start else { continue };
        *spans.entry(begin(start.date_naive(), every)).or_default() += bucket["doc_count"].as_u64().unwrap_or(0);
    }
    Ok(spans.into_iter().map(|(start, count)| (named(start, every), count.into())).collect())
}

fn begin(day: NaiveDate, every: Every) -> NaiveDate {
    match every {
        Every::Day => day,
        Every::Week => day - Days::new(day.weekday().num_days_from_monday().into()),
        Every::Month => day.with_day(1).unwrap_or(day),
        Every::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1).unwrap_or(day),
    }
}

/// The name of a span: its first day, as far as it says something.
fn named(start: NaiveDate, every: Every) -> String {
    match every {
        Every::Day | Every::Week => start.format("%Y-%m-%d").to_string(),
        Every::Month => start.format("%Y-%m").to_string(),
        Every::Year => start.format("%Y").to_string(),
    }
}
