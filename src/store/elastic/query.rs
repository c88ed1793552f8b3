//! A search as Elasticsearch is asked it, and its answer as every store gives it.
use serde_json::{Number, Value, json};

use super::template;
use crate::offer::OfferId;
use crate::schema::{Kind, Schema};
use crate::search::{By, Every, Facet, Filter, MOST, Point, Search, names, too_many};
use crate::store::StoreError;

/// How much more a word in the title counts than one in the description.
const TITLE: &str = "title^3";

/// How finely percentiles are kept: the server's own 100 is two percent off among a few thousand salaries. Takes less than
/// a megabyte there.
const COMPRESSION: u32 = 1_000;

/// The body of `_search`.
pub(super) fn body(search: &Search, schema: &Schema) -> Result<Value, StoreError> {
    let mut must = Vec::new();
    let mut filters = Vec::new();
    let mut must_not = Vec::new();
    if let Some(words) = search.words()? {
        let texts = texts(schema);
        must.extend(words.wanted.iter().map(|wanted| word(wanted, &texts)));
        must_not.extend(words.unwanted.iter().map(|unwanted| word(unwanted, &texts)));
        if words.is_empty() {
            must.push(json!({"match_none": {}}));
        }
    }
    for filter in &search.filters {
        match filter {
            Filter::Exists(field, false) => must_not.push(json!({"exists": {"field": field}})),
            filter => filters.push(self::filter(filter)),
        }
    }
    if !search.finds_closed() {
        must_not.push(json!({"exists": {"field": "closed_at"}}));
    }
    let mut aggregations = serde_json::Map::new();
    for (number, facet) in search.facets.iter().enumerate() {
        aggregations.insert(number.to_string(), aggregation(facet));
    }
    let mut sort = Vec::new();
    match &search.sort {
        Some(by) => {
            let order = if by.descending { "desc" } else { "asc" };
            let mut field = json!({"order": order, "missing": "_last"});
            // The index that is searched may be of a schema that does not have it yet.
            if let Some((_, kind)) = names(schema).into_iter().find(|(name, _)| *name == by.field) {
                field["unmapped_type"] = template::kind(&kind)["type"].take();
            }
            sort.push(json!({&by.field: field}));
        }
        None => sort.push(json!({"_score": "desc"})),
    }
    sort.push(json!({"id": "asc"}));
    let mut body = json!({
        "size": search.limit,
        "track_total_hits": true,
        "_source": {"excludes": ["content"]},
        "query": {"bool": {"must": must, "filter": filters, "must_not": must_not}},
        "aggs": aggregations,
        "sort": sort
    });
    if let Some(after) = &search.after {
        let wrong = || StoreError::Value("`after` is not what an earlier answer of this search gave".into());
        body["search_after"] = place(after, search, schema).ok_or_else(wrong)?;
    }
    Ok(body)
}

/// Where an earlier answer of the same search ended: the value that it is in the order of, and an id.
fn place(after: &str, search: &Search, schema: &Schema) -> Option<Value> {
    let place: Value = serde_json::from_str(after).ok()?;
    let [value, id] = &place.as_array()?[..] else { return None };
    id.as_str().and_then(OfferId::parse)?;
    let of = match &search.sort {
        Some(by) => names(schema).into_iter().find(|(name, _)| *name == by.field)?.1,
        None => Kind::Number,
    };
    let fits = match of {
        Kind::Keyword => value.is_string() || value.is_null(),
        Kind::Number | Kind::Money => value.is_number() || value == "Infinity" || value == "-Infinity",
        Kind::Date | Kind::Integer | Kind::Boolean => value.is_i64(),
        Kind::Text | Kind::Geo | Kind::List(_) | Kind::Object { .. } => false,
    };
    fits.then_some(place)
}

/// A word of a person, in one of the texts; its terms side by side. The server makes them, as of the documents: its index
/// may still be one of before.
fn word(word: &str, texts: &[String]) -> Value {
    json!({"multi_match": {"query": word, "fields": texts, "type": "phrase", "tie_breaker": 1.0, "zero_terms_query": "all"}})
}

/// The fields that words are sought in.
fn texts(schema: &Schema) -> Vec<String> {
    let texts = names(schema).into_iter().filter(|(_, kind)| *kind == Kind::Text);
    texts.map(|(name, _)| if name == "title" { TITLE.to_owned() } else { name }).collect()
}

fn point(at: &Point) -> Value {
    json!({"lat": at.lat, "lon": at.lon})
}

fn filter(filter: &Filter) -> Value {
    match filter {
        Filter::Terms(field, values) => json!({"terms": {field: values}}),
        Filter::Range(field, from, to) => {
            let mut range = serde_json::Map::new();
            if let Some(from) = from {
                range.insert("gte".into(), json!(from));
            }
            if let Some(to) = to {
                range.insert("lt".into(), json!(to));
            }
            json!({"range": {field: range}})
        }
        Filter::Near(field, center, radius) => {
            json!({"geo_distance": {"distance": format!("{radius}km"), field: point(center)}})
        }
        Filter::Box(field, north_west, south_east) => {
            json!({"geo_bounding_box": {field: {"top_left": point(north_west), "bottom_right": point(south_east)}}})
        }
        Filter::Exists(field, _) => json!({"exists": {"field": field}}),
    }
}

fn aggregation(facet: &Facet) -> Value {
    let field = &facet.field;
    match &facet.by {
        By::Terms(size) => json!({"terms": {"field": field, "size": size}}),
        By::Dates(every) => {
            let (interval, format) = match every {
                Every::Day => ("day", "yyyy-MM-dd"),
                Every::Week => ("week", "yyyy-MM-dd"),
                Every::Month => ("month", "yyyy-MM"),
                Every::Year => ("year", "yyyy"),
            };
            json!({"date_histogram": {"field": field, "calendar_interval": interval, "format": format, "min_doc_count": 1}})
        }
        By::Numbers(step) => json!({"histogram": {"field": field, "interval": step, "min_doc_count": 1}}),
        By::Percentiles(percents) => {
            let tdigest = json!({"compression": COMPRESSION});
            json!({"percentiles": {"field": field, "percents": percents, "keyed": false, "tdigest": tdigest}})
        }
        By::Tiles(zoom) => json!({"geotile_grid": {"field": field, "precision": zoom, "size": 10_000}}),
    }
}

/// The values of a facet out of its aggregation.
pub(super) fn counted(facet: &Facet, answer: &Value) -> Result<Vec<(String, Number)>, StoreError> {
    if answer["buckets"].as_array().is_some_and(|buckets| buckets.len() > MOST) {
        return Err(too_many(&facet.name).into());
    }
    Ok(values(facet, answer))
}

fn values(facet: &Facet, answer: &Value) -> Vec<(String, Number)> {
    if matches!(facet.by, By::Percentiles(_)) {
        let value = |found: &Value| {
            let rounded = (found["value"].as_f64()? * 100.0).round() / 100.0;
            Some((found["key"].as_f64()?.to_string(), Number::from_f64(rounded)?))
        };
        return answer["values"].as_array().into_iter().flatten().filter_map(value).collect();
    }
    let named = |bucket: &Value| {
        let text = bucket["key_as_string"].as_str().or(bucket["key"].as_str()).map(str::to_owned);
        let name = text
            .unwrap_or_else(|| bucket["key"].as_f64().map_or_else(|| bucket["key"].to_string(), |key| key.to_string()));
        (name, bucket["doc_count"].as_u64().unwrap_or(0).into())
    };
    answer["buckets"].as_array().into_iter().flatten().map(named).collect()
}
