//! What a field takes: a value fitted to its kind, or why it does not fit.
use std::borrow::Cow;

use chrono::{DateTime, Utc};
use xxhash_rust::xxh3::xxh3_128;

use crate::bounds::LIST;
use crate::offer::is_of_an_offer;
use crate::printable::start;
use crate::schema::{Field, Kind, LONGEST_KEYWORD as LONGEST};
use crate::tree::{Distinct, Tree};

/// An instant as the program writes it.
pub(super) fn instant(text: &str) -> Option<DateTime<Utc>> {
    text.parse().ok()
}

/// Fits a value to a field: text trimmed, empty text null, scalars of a keyword as text; nothing else is coerced.
/// Why an element of a list is left out, or a value is cut, stands in `dropped`.
pub(super) fn fit<'p>(
    value: Tree<'p>,
    kind: &Kind,
    values: &[String],
    dropped: &mut Vec<String>,
) -> Result<Tree<'p>, String> {
    if value.is_null() {
        return Ok(Tree::Null);
    }
    let wrong = |value: &Tree<'_>, wanted: &str| Err(format!("{} where {wanted} was expected", value.kind()));
    match kind {
        Kind::Keyword => match value {
            Tree::Text(text) => allowed(cut(one_line(text), dropped), values),
            Tree::Bool(_) | Tree::Int(_) | Tree::Float(_) | Tree::Number(_) => {
                allowed(cut(value.to_string().into(), dropped), values)
            }
            other => wrong(&other, "one value"),
        },
        Kind::Text => match value {
            Tree::Text(text) => Ok(trimmed(text)),
            Tree::List(list) => {
                let parts =
                    list.into_iter().map(|part| fit(part, kind, values, dropped)).collect::<Result<Vec<_>, _>>()?;
                let texts: Vec<&str> = parts.iter().filter_map(Tree::as_str).collect();
                Ok(if texts.is_empty() { Tree::Null } else { Tree::from(texts.join("\n\n")) })
            }
            Tree::Bool(_) | Tree::Int(_) | Tree::Float(_) | Tree::Number(_) => Ok(Tree::from(value.to_string())),
            other => wrong(&other, "text"),
        },
        Kind::Date => match value.as_str().and_then(instant) {
            Some(at) if is_of_an_offer(at) => Ok(value),
            Some(at) => Err(beyond(at)),
            None => wrong(&value, "a date (write `| date`)"),
        },
        Kind::Boolean if matches!(value, Tree::Bool(_)) => Ok(value),
        Kind::Boolean => wrong(&value, "true or false (write `| boolean`)"),
        Kind::Integer => match value.computed() {
            Tree::Int(number) => Ok(Tree::Int(number)),
            Tree::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => Ok(Tree::Int(number as i64)),
            other => wrong(&other, "a whole number"),
        },
        Kind::Number | Kind::Money => match value.computed() {
            number @ (Tree::Int(_) | Tree::Float(_)) => Ok(number),
            other => wrong(&other, "a number (write `| number`)"),
        },
        Kind::Geo if value.get("lat").is_some() && value.get("lon").is_some() => Ok(value),
        Kind::Geo => wrong(&value, "a point (write `geo(lat, lon)`)"),
        Kind::List(element) => list(value, element, values, dropped),
        Kind::Object { fields, open } => object(value, fields, *open, dropped),
    }
}

fn beyond(at: DateTime<Utc>) -> String {
    let at = crate::offer::instant(at);
    format!(
        "`{at}` is no date that an offer can have, 1990 to 2099: is it another unit (`epoch`, `epoch_ms`) or format?"
    )
}

fn list<'p>(value: Tree<'p>, element: &Kind, values: &[String], dropped: &mut Vec<String>) -> Result<Tree<'p>, String> {
    let elements = match value {
        Tree::List(list) => list,
        one => vec![one],
    };
    let mut kept = Distinct::default();
    let mut fault = None;
    for value in elements {
        match fit(value, element, values, dropped) {
            Ok(Tree::Null) => {}
            Ok(_) if kept.len() == LIST => {
                dropped.push(format!("the list has more than {LIST} elements: those behind them are left out"));
                break;
            }
            Ok(value) => kept.push(value),
            Err(message) => fault = Some(message),
        }
    }
    match (kept.is_empty(), fault) {
        (true, Some(message)) => Err(message),
        (true, None) => Ok(Tree::Null),
        (false, fault) => {
            dropped.extend(fault.map(|message| format!("an element is left out: {message}")));
            Ok(Tree::List(kept.into_list()))
        }
    }
}

/// The members of an object, fitted; one that lacks a required member is dropped.
fn object<'p>(value: Tree<'p>, fields: &[Field], open: bool, dropped: &mut Vec<String>) -> Result<Tree<'p>, String> {
    let Tree::Object(members) = value else { return Err(format!("{} where an object was expected", value.kind())) };
    if open {
        return Ok(Tree::Object(members));
    }
    let mut kept = Vec::new();
    for (name, value) in members {
        let Some(field) = fields.iter().find(|field| field.name == name) else { continue };
        let value = fit(value, &field.kind, &field.values, dropped)?;
        if !value.is_null() {
            kept.push((name, value));
        }
    }
    let lacks = fields.iter().find(|field| field.required && !kept.iter().any(|(name, _)| *name == field.name));
    match lacks {
        Some(field) => Err(format!("an element without `{}`", field.name)),
        None if kept.is_empty() => Ok(Tree::Null),
        None => Ok(Tree::Object(kept)),
    }
}

fn allowed<'p>(text: Cow<'p, str>, values: &[String]) -> Result<Tree<'p>, String> {
    if text.is_empty() {
        return Ok(Tree::Null);
    }
    if values.is_empty() || values.iter().any(|value| *value == text) {
        return Ok(Tree::Text(text));
    }
    Err(format!("`{}` is not one of {}", start(&text, 80), values.join(", ")))
}

fn trimmed(text: Cow<'_, str>) -> Tree<'_> {
    let short = text.trim();
    match text {
        _ if short.is_empty() => Tree::Null,
        Cow::Borrowed(text) => Tree::Text(Cow::Borrowed(text.trim())),
        Cow::Owned(ref owned) if owned.len() == short.len() => Tree::Text(text),
        Cow::Owned(ref owned) => Tree::from(owned.trim()),
    }
}

/// A keyword of no more than a server indexes; the offer is kept, and told.
fn cut<'p>(text: Cow<'p, str>, dropped: &mut Vec<String>) -> Cow<'p, str> {
    // No text has more units than bytes.
    if text.len() <= LONGEST {
        return text;
    }
    let mut units = 0;
    let end = text.char_indices().find_map(|(at, sign)| {
        units += sign.len_utf16();
        (units > LONGEST).then_some(at)
    });
    let Some(end) = end else { return text };
    let signs = text.chars().count();
    dropped
        .push(format!("cut to the first {LONGEST} characters, the most of a value that is searched: it has {signs}"));
    Cow::Owned(text[..end].trim_end().to_owned())
}

/// The key of an offer. One that is longer than what is searched is its beginning and a hash of the whole, so that two of
/// them stay two; and what is told of that.
pub(super) fn key(text: String) -> (String, Option<String>) {
    let mut dropped = Vec::new();
    let short = cut(Cow::Borrowed(&text), &mut dropped);
    match dropped.pop() {
        None => (text, None),
        Some(_) => {
            let hash = format!("…{:032x}", xxh3_128(text.as_bytes()));
            let begin = short.char_indices().nth(short.chars().count() - hash.chars().count());
            let begin = &short[..begin.map_or(0, |(at, _)| at)];
            let message = format!(
                "the key has {} characters, more than the {LONGEST} of a value that is searched: it is its beginning and a \
                 hash of the whole",
                text.chars().count()
            );
            (format!("{begin}{hash}"), Some(message))
        }
    }
}

/// Trimmed, with runs of blanks made one.
fn one_line(text: Cow<'_, str>) -> Cow<'_, str> {
    let mut blank = true;
    let clean = text.chars().all(|sign| {
        let now = sign.is_whitespace();
        let fine = !(now && (blank || sign != ' '));
        blank = now;
        fine
    });
    if clean && !blank {
        return text;
    }
    Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &Kind, value: &str, expect: &str) {
        let found = match fit(serde_json::from_str(value).unwrap(), kind, &[], &mut Vec::new()) {
            Ok(value) => value.to_string(),
            Err(message) => message,
        };
        assert_eq!(found.get(..expect.len()), Some(expect), "{value}: {found}");
    }

    /// Whatever made it: a conversion, a template, the site.
    #[test]
    fn an_instant_that_no_offer_can_have_is_refused() {
        for value in [
            "0000-12-31T23:50:39Z",
            "0001-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "1970-01-21T01:08:16.800Z",
            "1989-12-31T23:59:59.999Z",
            "2100-01-01T00:00:00Z",
            "9999-12-31T00:00:00Z",
        ] {
            let expect = format!("`{value}` is no date that an offer can have");
            check(&Kind::Date, &format!("{value:?}"), &expect);
            check(&Kind::List(Box::new(Kind::Date)), &format!("[{value:?}]"), &expect);
        }
        check(&Kind::Date, r#""1990-01-01T00:00:00Z""#, r#""1990-01-01T00:00:00Z""#);
        check(&Kind::Date, r#""2099-12-31T23:59:59Z""#, r#""2099-12-31T23:59:59Z""#);
        check(&Kind::Date, "1732096800", "number where a date (write `| date`) was expected");
    }

    /// A server stores what is longer, and finds it by no condition.
    #[test]
    fn a_keyword_that_is_too_long_is_cut_and_told() {
        for (sign, kept) in [("a", 8_000), ("é", 8_000), ("中", 8_000), ("🚀", 4_000)] {
            let mut dropped = Vec::new();
            let fitted = |text: String, dropped: &mut Vec<String>| {
                fit(Tree::from(text), &Kind::Keyword, &[], dropped).unwrap().as_str().unwrap().to_owned()
            };
            assert_eq!(fitted(sign.repeat(kept), &mut dropped), sign.repeat(kept));
            assert_eq!(dropped, [""; 0]);
            assert_eq!(fitted(sign.repeat(kept + 1), &mut dropped), sign.repeat(kept));
            assert!(dropped[0].contains(&format!("it has {}", kept + 1)), "{dropped:?}");
        }
        let (mut dropped, list) = (Vec::new(), Tree::List(vec![Tree::from("a".repeat(40_000)), Tree::from("b")]));
        let found = fit(list, &Kind::List(Box::new(Kind::Keyword)), &[], &mut dropped).unwrap();
        assert_eq!((found.to_string().len(), dropped.len()), (8_000 + 8, 1));
    }

    #[test]
    fn a_key_that_is_too_long_is_its_beginning_and_a_hash() {
        for sign in ["a", "中", "🚀"] {
            let most = LONGEST / sign.encode_utf16().count();
            assert_eq!(key(sign.repeat(most)), (sign.repeat(most), None));
            let [one, other] = [sign.repeat(most + 1), sign.repeat(most + 2)].map(key);
            assert_ne!(one.0, other.0);
            assert!(one.0.starts_with(sign) && one.0.encode_utf16().count() <= LONGEST, "{one:?}");
            let told = one.1.unwrap();
            assert!(told.contains(&format!("the key has {} characters", most + 1)), "{told}");
        }
    }

    /// One element that does not fit costs itself, and is told.
    #[test]
    fn an_element_that_is_left_out_is_told() {
        let mut dropped = Vec::new();
        let value = serde_json::from_str(r#"["a",{"b":1},null,"c"]"#).unwrap();
        let found = fit(value, &Kind::List(Box::new(Kind::Keyword)), &[], &mut dropped).unwrap();
        assert_eq!(found.to_string(), r#"["a","c"]"#);
        assert_eq!(dropped, ["an element is left out: object where one value was expected"]);
    }
}
