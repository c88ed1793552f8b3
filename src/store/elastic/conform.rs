//! A stored document as another schema takes it: what has no field there is left out, what has another type is read anew.
use serde_json::{Map, Value};

use crate::schema::{Field, Kind, Schema};

/// The document under a schema, and whether anything of it is not what it was.
pub(super) fn conform(document: &Value, schema: &Schema) -> (Value, bool) {
    let Value::Object(members) = document else { return (Value::Null, true) };
    let (mut out, mut changed) = (Map::new(), false);
    walk(members, "", &|name| schema.field(name).map(|field| &field.kind), &mut out, &mut changed);
    (Value::Object(out), changed)
}

/// Members of an object by their dotted names; a name that is no field itself is an object with fields below it.
fn walk<'s>(
    members: &Map<String, Value>,
    above: &str,
    kind: &impl Fn(&str) -> Option<&'s Kind>,
    out: &mut Map<String, Value>,
    changed: &mut bool,
) {
    for (member, value) in members {
        let name = if above.is_empty() { member.clone() } else { format!("{above}.{member}") };
        if let Some(kind) = kind(&name) {
            match read(value, kind) {
                Some(read) => {
                    *changed |= read != *value;
                    out.insert(member.clone(), read);
                }
                None => *changed = true,
            }
            continue;
        }
        let mut below = Map::new();
        if let Value::Object(members) = value {
            walk(members, &name, kind, &mut below, changed);
        }
        if below.is_empty() {
            *changed = true;
        } else {
            out.insert(member.clone(), Value::Object(below));
        }
    }
}

/// A value as its type; `None` when it cannot be one.
fn read(value: &Value, kind: &Kind) -> Option<Value> {
    match (kind, value) {
        (_, Value::Null) => None,
        (Kind::List(element), Value::Array(list)) => {
            let list: Vec<Value> = list.iter().filter_map(|value| read(value, element)).collect();
            (!list.is_empty()).then_some(Value::Array(list))
        }
        (Kind::List(element), value) => read(value, element).map(|value| Value::Array(vec![value])),
        // One value of a list that has only one.
        (kind, Value::Array(list)) => match &list[..] {
            [one] => read(one, kind),
            _ => None,
        },
        (Kind::Object { open: true, .. }, Value::Object(_)) => Some(value.clone()),
        (Kind::Object { fields, .. }, Value::Object(members)) => {
            let (mut out, mut changed) = (Map::new(), false);
            walk(members, "", &|name| kind_of(fields, name), &mut out, &mut changed);
            (!out.is_empty()).then_some(Value::Object(out))
        }
        (Kind::Geo, Value::Object(members)) => {
            let degrees = |name: &str, most: f64| members.get(name)?.as_f64().filter(|at| at.abs() <= most);
            degrees("lat", 90.0).zip(degrees("lon", 180.0)).map(|_| value.clone())
        }
        (Kind::Geo | Kind::Object { .. }, _) | (_, Value::Object(_)) => None,
        (Kind::Keyword | Kind::Text, value) => Some(Value::String(text(value))),
        (Kind::Date, value) => {
            let at = value.as_str()?;
            (at.parse::<chrono::DateTime<chrono::Utc>>().is_ok() && !at.starts_with(['+', '-'])).then(|| value.clone())
        }
        (Kind::Boolean, value) => text(value).parse::<bool>().ok().map(Value::Bool),
        (Kind::Integer, value) => integer(value).map(Value::from),
        (Kind::Number | Kind::Money, Value::Number(_)) => Some(value.clone()),
        (Kind::Number | Kind::Money, value) => {
            text(value).parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::Number)
        }
    }
}

fn integer(value: &Value) -> Option<i64> {
    let whole = |number: f64| (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64);
    value.as_i64().or_else(|| value.as_f64().and_then(whole)).or_else(|| text(value).parse().ok())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn kind_of<'f>(fields: &'f [Field], name: &str) -> Option<&'f Kind> {
    fields.iter().find(|field| field.name == name).map(|field| &field.kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{self, Text};

    fn check(schema: &str, document: &str, expect: &str, changed: bool) {
        let text = Text { path: "mappings/offer.yaml".into(), text: schema.to_owned() };
        let schema = definition::read(&[text]).0.schema;
        let (found, was) = conform(&serde_json::from_str(document).unwrap(), &schema);
        assert_eq!((found.to_string().as_str(), was), (expect, changed), "{document}");
    }

    #[test]
    fn what_another_schema_does_not_take_is_left_out() {
        const SCHEMA: &str = "title: {text: {doc: d}}\npay.min: {number: {doc: d}}\nat: {date: {doc: d}}\nhours: {integer: {doc: d}}\n\
            open: {boolean: {doc: d}}\nwords: {list: {of: keyword, doc: d}}\nplace: {geo: {doc: d}}\nextra: {object: {open: true, doc: d}}\n";
        let same = r#"{"title":"x","pay":{"min":1.5},"at":"2026-01-02T03:04:05Z","hours":35,"open":true,"words":["a"],"place":{"lat":1,"lon":2},"extra":{"y":[{}]}}"#;
        check(SCHEMA, same, same, false);
        check(SCHEMA, r#"{"title":"x","gone":1,"pay":{"max":2}}"#, r#"{"title":"x"}"#, true);
        check(
            SCHEMA,
            r#"{"title":4,"pay":{"min":"2.5"},"hours":"35"}"#,
            r#"{"title":"4","pay":{"min":2.5},"hours":35}"#,
            true,
        );
        check(
            SCHEMA,
            r#"{"hours":35.0,"pay":{"min":"about 3"},"at":"+14645-01-01T00:00:00Z"}"#,
            r#"{"hours":35}"#,
            true,
        );
        check(
            SCHEMA,
            r#"{"words":"a","title":["one"],"open":"false"}"#,
            r#"{"words":["a"],"title":"one","open":false}"#,
            true,
        );
        check(SCHEMA, r#"{"title":["one","two"],"place":{"lat":91,"lon":2},"at":5}"#, "{}", true);
    }
}
