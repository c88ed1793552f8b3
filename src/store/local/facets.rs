//! Facets over what a query finds: values, calendar spans, intervals, percentiles, tiles.
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};
use serde_json::{Number, Value, json};
use tantivy::Searcher;
use tantivy::aggregation::agg_req::Aggregations;
use tantivy::aggregation::{AggContextParams, AggregationCollector};
use tantivy::query::Query;

use super::fields::column;
use super::near::Tiles;
use crate::search::{By, Every, Facet};
use crate::store::StoreError;

/// Most spans or intervals of a facet.
const MOST: usize = 2_000;
/// Most tiles of a facet.
const TILES: usize = 10_000;

type Counted = Vec<(String, Number)>;

/// Counts a facet.
pub(super) fn facet(searcher: &Searcher, query: &dyn Query, facet: &Facet) -> Result<Counted, StoreError> {
    let field = column(&facet.field);
    match &facet.by {
        By::Terms(size) => {
            let found = ask(searcher, query, json!({"terms": {"field": field, "size": size}}))?;
            Ok(buckets(&found))
        }
        By::Dates(every) => dates(searcher, query, &field, *every),
        By::Numbers(step) => {
            let (Some(least), Some(most)) = bounds(searcher, query, &field)? else { return Ok(Vec::new()) };
            if (most - least) / step > MOST as f64 {
                return Err(StoreError::Value(format!(
                    "`{}` has more than {MOST} intervals: take longer ones",
                    facet.name
                )));
            }
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
            tiles.truncate(TILES);
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

/// The least and the greatest value of a column.
fn bounds(searcher: &Searcher, query: &dyn Query, field: &str) -> Result<(Option<f64>, Option<f64>), StoreError> {
    let bound =
        |name: &str| Ok::<_, StoreError>(ask(searcher, query, json!({name: {"field": field}}))?["value"].as_f64());
    Ok((bound("min")?, bound("max")?))
}

/// Spans of the calendar as ranges of seconds; empty ones between are left out.
fn dates(searcher: &Searcher, query: &dyn Query, field: &str, every: Every) -> Result<Counted, StoreError> {
    let (Some(least), Some(most)) = bounds(searcher, query, field)? else { return Ok(Vec::new()) };
    let day = |seconds: f64| DateTime::from_timestamp(seconds as i64, 0).map(|at: DateTime<Utc>| at.date_naive());
    let (Some(first), Some(last)) = (day(least), day(most)) else { return Ok(Vec::new()) };
    let mut starts = vec![begin(first, every)];
    while let Some(next) = starts.last().and_then(|start| after(*start, every)) {
        starts.push(next);
        if next > last {
            break;
        }
        if starts.len() > MOST {
            return Err(StoreError::Value(format!("more than {MOST} dates: narrow the search, or count longer spans")));
        }
    }
    let seconds = |day: &NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
    let ranges: Vec<Value> = starts
        .windows(2)
        .map(|pair| json!({"key": named(pair[0], every), "from": seconds(&pair[0]), "to": seconds(&pair[1])}))
        .collect();
    let found = ask(searcher, query, json!({"range": {"field": field, "ranges": ranges}}))?;
    let counted = buckets(&found).into_iter().filter(|(_, count)| count.as_u64() != Some(0));
    Ok(counted.collect())
}

fn begin(day: NaiveDate, every: Every) -> NaiveDate {
    match every {
        Every::Day => day,
        Every::Week => day - Days::new(day.weekday().num_days_from_monday().into()),
        Every::Month => day.with_day(1).unwrap_or(day),
        Every::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1).unwrap_or(day),
    }
}

fn after(day: NaiveDate, every: Every) -> Option<NaiveDate> {
    match every {
        Every::Day => day.checked_add_days(Days::new(1)),
        Every::Week => day.checked_add_days(Days::new(7)),
        Every::Month => day.checked_add_months(Months::new(1)),
        Every::Year => day.checked_add_months(Months::new(12)),
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
