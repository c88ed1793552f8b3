//! A search compiled to a query of the index.
use std::ops::Bound;

use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, EmptyQuery, Occur, PhraseQuery, Query, RangeQuery, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use super::fields::Fields;
use super::near::Near;
use super::without::Gathered;
use crate::schema::Kind;
use crate::search::{Filter, Search, Words, french};
use crate::store::StoreError;

/// How much more a word in the title counts than one in the description.
const TITLE: f32 = 3.0;

pub(super) fn compile(search: &Search, fields: &Fields) -> Result<Box<dyn Query>, StoreError> {
    let mut parts: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    match search.words()? {
        Some(words) if words.is_empty() => return Ok(Box::new(EmptyQuery)),
        Some(words) => parts.extend(self::words(&words, fields)),
        None => parts.push((Occur::Must, Box::new(AllQuery))),
    }
    for filter in &search.filters {
        let (occur, query) = self::filter(filter, fields)?;
        parts.push((occur, query));
    }
    if !search.finds_closed() {
        parts.push(filter(&Filter::Exists("closed_at".into(), false), fields)?);
    }
    Ok(Box::new(BooleanQuery::new(parts)))
}

type Part = (Occur, Box<dyn Query>);

fn filter(filter: &Filter, fields: &Fields) -> Result<Part, StoreError> {
    Ok(match filter {
        Filter::Terms(field, values) => {
            let terms = values.iter().map(|value| Ok((Occur::Should, term(field, value, fields)?)));
            (Occur::Must, Box::new(BooleanQuery::new(terms.collect::<Result<_, StoreError>>()?)))
        }
        Filter::Range(field, from, to) => {
            let bound = |value: &Option<String>| value.as_ref().map(|value| bound(field, value, fields)).transpose();
            let from = bound(from)?.map_or(Bound::Unbounded, Bound::Included);
            let to = bound(to)?.map_or(Bound::Unbounded, Bound::Excluded);
            (Occur::Must, Box::new(RangeQuery::new(from, to)))
        }
        Filter::Near(field, center, radius) => {
            (Occur::Must, Box::new(Near { field: field.clone(), center: *center, radius: *radius }))
        }
        Filter::Box(field, north_west, south_east) => {
            let lat = between(&format!("{field}.lat"), south_east.lat, north_west.lat, fields)?;
            let lon = format!("{field}.lon");
            let lon: Box<dyn Query> = if north_west.lon <= south_east.lon {
                between(&lon, north_west.lon, south_east.lon, fields)?
            } else {
                let sides = [(north_west.lon, 180.0), (-180.0, south_east.lon)];
                let sides = sides.map(|(from, to)| Ok((Occur::Should, between(&lon, from, to, fields)?)));
                Box::new(BooleanQuery::new(sides.into_iter().collect::<Result<_, StoreError>>()?))
            };
            (Occur::Must, Box::new(BooleanQuery::new(vec![(Occur::Must, lat), (Occur::Must, lon)])))
        }
        Filter::Exists(field, there) => {
            let has = Term::from_field_text(fields.has, field);
            (occur(*there), Box::new(TermQuery::new(has, IndexRecordOption::Basic)))
        }
    })
}

/// Both ends included.
fn between(name: &str, from: f64, to: f64, fields: &Fields) -> Result<Box<dyn Query>, StoreError> {
    let Some((field, _)) = fields.columns.get(name) else {
        return Err(StoreError::Value(format!("`{name}` is no place")));
    };
    let bound = |value: f64| Bound::Included(Term::from_field_f64(*field, value));
    Ok(Box::new(RangeQuery::new(bound(from), bound(to))))
}

fn occur(there: bool) -> Occur {
    if there { Occur::Must } else { Occur::MustNot }
}

/// Words of a person: each must be there, in one of the texts; its terms side by side.
fn words(words: &Words, fields: &Fields) -> Vec<Part> {
    // What is only not wanted is sought among all.
    let all =
        (words.wanted.is_empty() && !words.is_empty()).then(|| (Occur::Must, Box::new(AllQuery) as Box<dyn Query>));
    let wanted = words.wanted.iter().map(|word| (Occur::Must, in_texts(word, fields)));
    let unwanted = words.unwanted.iter().map(|word| (Occur::MustNot, Box::new(Gathered(in_texts(word, fields))) as _));
    all.into_iter().chain(wanted).chain(unwanted).collect()
}

fn in_texts(word: &str, fields: &Fields) -> Box<dyn Query> {
    let terms = french::terms(word);
    let texts = fields.columns.iter().filter(|(_, (_, kind))| *kind == Kind::Text);
    let any = texts.map(|(name, (field, _))| {
        let query = side_by_side(&terms, *field);
        let boost = if name == "title" { TITLE } else { 1.0 };
        (Occur::Should, Box::new(BoostQuery::new(query, boost)) as Box<dyn Query>)
    });
    Box::new(BooleanQuery::new(any.collect()))
}

fn side_by_side(terms: &[(usize, String)], field: Field) -> Box<dyn Query> {
    let mut places: Vec<(usize, Term)> =
        terms.iter().map(|(place, text)| (*place, Term::from_field_text(field, text))).collect();
    match (places.len(), places.pop()) {
        (1, Some((_, term))) => Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)),
        (_, last) => {
            places.extend(last);
            Box::new(PhraseQuery::new_with_offset(places))
        }
    }
}

fn bound(field: &str, value: &str, fields: &Fields) -> Result<Term, StoreError> {
    let wrong = |wanted: &str| StoreError::Value(format!("`{value}` is not {wanted}, which `{field}` holds"));
    let Some((column, kind)) = fields.columns.get(field) else { return Err(wrong("a field that can be searched")) };
    Ok(match kind {
        Kind::Keyword => Term::from_field_text(*column, value),
        Kind::Integer => Term::from_field_i64(*column, value.parse().map_err(|_| wrong("a whole number"))?),
        Kind::Number | Kind::Money => Term::from_field_f64(*column, value.parse().map_err(|_| wrong("a number"))?),
        Kind::Boolean => Term::from_field_bool(*column, value.parse().map_err(|_| wrong("true or false"))?),
        Kind::Date => {
            Term::from_field_i64(*column, crate::convert::instant_of(value).ok_or_else(|| wrong("a date"))?.timestamp())
        }
        Kind::Text | Kind::Geo | Kind::List(_) | Kind::Object { .. } => return Err(wrong("a value")),
    })
}

fn term(field: &str, value: &str, fields: &Fields) -> Result<Box<dyn Query>, StoreError> {
    Ok(Box::new(TermQuery::new(bound(field, value, fields)?, IndexRecordOption::Basic)))
}
