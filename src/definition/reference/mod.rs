//! What is generated from the declarations: JSON Schemas for editors, the reference pages, what `explain` says of a key.
mod pages;
mod shapes;
mod walk;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::mapping::Mapping;
use super::offer::{LookupFile, OfferFile};
use super::pipelines::Pipelines;
use super::shared::SharedPart;
use super::source::Source;
use crate::schema::{Field, Kind, Schema as Offer};

pub use pages::files;
pub use walk::{Key, keys};

/// Kinds of files, with the folder or file that they are written in.
pub const KINDS: [(&str, &str); 6] = [
    ("source", "sources/NAME.yaml"),
    ("shared", "sources/shared/NAME.yaml"),
    ("mapping", "mappings/NAME.yaml"),
    ("offer", "mappings/offer.yaml"),
    ("lookups", "mappings/lookups/FILE.yaml"),
    ("pipelines", "pipelines.yaml"),
];

/// The JSON Schema (draft 2020-12) of a kind of file; `None` for a kind that there is not.
pub fn json_schema(kind: &str, offer: &Offer) -> Option<Value> {
    let mut schema = match kind {
        "source" => root::<Source>(),
        "shared" => root::<SharedPart>(),
        "mapping" => root::<Mapping>(),
        "offer" => root::<OfferFile>(),
        "lookups" => root::<LookupFile>(),
        "pipelines" => root::<Pipelines>(),
        _ => return None,
    };
    let place = KINDS.iter().find(|(name, _)| *name == kind).map_or("", |(_, place)| place);
    schema["title"] = json!(place);
    if kind == "mapping" {
        mapping(&mut schema, offer);
    }
    if kind == "source"
        && let Some(map) = schema.pointer_mut("/$defs/Mapping")
    {
        mapping(map, offer);
    }
    bare_words(&mut schema);
    Some(schema)
}

fn root<T: JsonSchema>() -> Value {
    let generator: SchemaGenerator = SchemaSettings::draft2020_12().into_generator();
    let schema: Schema = generator.into_root_schema_for::<T>();
    schema.into()
}

/// The fields of the offer as keys of a mapping, each with its documentation; also as objects, and `extra.NAME`.
fn mapping(schema: &mut Value, offer: &Offer) {
    let value = schema["additionalProperties"].clone();
    let mut properties = Map::new();
    for field in offer.fields().iter().filter(|field| !field.by_engine) {
        let says = json!({"description": described(field), "allOf": [value]});
        properties.insert(field.name.clone(), says.clone());
        if let Some((object, member)) = field.name.split_once('.') {
            let entry = properties.entry(object).or_insert_with(|| json!({"anyOf": [{"type": "string"}, {"type": "object", "properties": {}, "additionalProperties": false}]}));
            entry["anyOf"][1]["properties"][member] = says;
        }
    }
    schema["properties"] = Value::Object(properties);
    schema["patternProperties"] = json!({"^extra\\.": value});
    schema["additionalProperties"] = json!(false);
}

/// A field's type, documentation and allowed values in one sentence.
fn described(field: &Field) -> String {
    let kind = match &field.kind {
        Kind::List(element) => format!("list of {}", word(element)),
        kind => word(kind).to_owned(),
    };
    let mut text = format!("{} ({kind}", field.doc);
    if field.required {
        text += ", required";
    }
    if !field.values.is_empty() {
        text += &format!("; one of {}", field.values.join(", "));
    }
    text + ")"
}

fn word(kind: &Kind) -> &'static str {
    match kind {
        Kind::Keyword => "keyword",
        Kind::Text => "text",
        Kind::Date => "date",
        Kind::Boolean => "boolean",
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::Geo => "geo",
        Kind::Money => "money",
        Kind::List(_) => "list",
        Kind::Object { .. } => "object",
    }
}

/// A choice whose member needs nothing may be written as a bare word: `pages: single`.
fn bare_words(schema: &mut Value) {
    let definitions = schema["$defs"].clone();
    visit(schema, &mut |object| {
        let Some(members) = object.get("oneOf").and_then(Value::as_array) else { return };
        let names: Vec<Value> = members
            .iter()
            .filter_map(|member| {
                let properties = member.get("properties")?.as_object().filter(|properties| properties.len() == 1)?;
                let (name, says) = properties.iter().next()?;
                let target = says.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix("#/$defs/"));
                let says = target.map_or(says, |target| &definitions[target]);
                let optional = says["type"] == "object" && says.get("required").is_none();
                optional.then(|| json!(name))
            })
            .collect();
        if !names.is_empty()
            && let Some(members) = object.get_mut("oneOf").and_then(Value::as_array_mut)
        {
            members.push(json!({"type": "string", "enum": names, "description": "With all its defaults."}));
        }
    });
}

fn visit(value: &mut Value, each: &mut dyn FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            each(object);
            object.values_mut().for_each(|value| visit(value, each));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| visit(value, each)),
        _ => {}
    }
}
