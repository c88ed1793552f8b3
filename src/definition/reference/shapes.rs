//! Shapes that visitors read, as JSON Schema describes them: they stand here because no derive can see them.
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::decode::Selector;
use crate::definition::auth::{Auth, AuthBranch};
use crate::definition::ordered::{Ordered, Scalar};
use crate::definition::partition::{Partition, PartitionChoice};
use crate::definition::pipelines::{Use, UseMap};
use crate::definition::request::{Body, Part, Request};
use crate::definition::responses::{Action, Codes, Entries};
use crate::definition::source::{AuthChoice, NotSeen, Param};
use crate::paginate::{Stop, Stops, Total, TotalMap};
use crate::scalar::{Reader, Template};

impl<T: JsonSchema> JsonSchema for Ordered<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("map of {}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "additionalProperties": generator.subschema_for::<T>()})
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "ANY".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"description": "Any value, written out."})
    }
}

impl JsonSchema for Param {
    fn schema_name() -> Cow<'static, str> {
        "PARAM".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"description": "A default; its type is the parameter's. Null is text that may stay null. A template over `env` is a text."})
    }
}

impl JsonSchema for Part {
    fn schema_name() -> Cow<'static, str> {
        "PART".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"description": "A constant, a template, a list or a map of these. Null leaves the entry out. A plain number is sent as it is written: `010`, `3.10`, `1e3`, `12345678901234567890`; in a JSON body it is a number with these digits."})
    }
}

impl JsonSchema for Request {
    fn schema_name() -> Cow<'static, str> {
        "Request".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let address = generator.subschema_for::<Template>();
        let parts = generator.subschema_for::<Ordered<Part>>();
        let body = generator.subschema_for::<Body>();
        let methods = ["get", "post", "put", "patch", "delete", "head", "options"];
        let one_of: Vec<_> = methods.iter().map(|method| serde_json::json!({"required": [method]})).collect();
        let mut schema = json_schema!({
            "type": "object",
            "description": "One method with an address, and what goes with it.",
            "properties": {
                "query": {"description": "Query parameters; null leaves one out, a list repeats it.", "allOf": [parts]},
                "headers": {"description": "Headers; null leaves one out.", "allOf": [parts]},
                "body": {"description": "The body.", "allOf": [body]}
            },
            "additionalProperties": false,
            "oneOf": one_of
        });
        if let Some(properties) = schema.get_mut("properties").and_then(|properties| properties.as_object_mut()) {
            for method in methods {
                let doc = format!(
                    "The address, asked with {}. Inserted values are encoded for their place.",
                    method.to_uppercase()
                );
                properties.insert(method.into(), serde_json::json!({"description": doc, "allOf": [address]}));
            }
        }
        schema
    }
}

impl JsonSchema for AuthChoice {
    fn schema_name() -> Cow<'static, str> {
        "AUTH".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (one, branch) = (generator.subschema_for::<Auth>(), generator.subschema_for::<AuthBranch>());
        json_schema!({"description": "One way, or a list of which the first counts whose `when` holds.", "anyOf": [one, {"type": "array", "items": branch}]})
    }
}

impl JsonSchema for Partition {
    fn schema_name() -> Cow<'static, str> {
        "PARTITION".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let choice = generator.subschema_for::<PartitionChoice>();
        json_schema!({
            "description": "The values of a name: a list, a template that gives one, or what brings them.",
            "anyOf": [{"type": "array"}, {"type": "string", "pattern": r"^\$\{"}, choice]
        })
    }
}

impl JsonSchema for Codes {
    fn schema_name() -> Cow<'static, str> {
        "CODES".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "examples": ["200, 206", "5xx", "dns", "200 if not $.ok"]})
    }
}

impl JsonSchema for Entries {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "map of ACTION".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let action = generator.subschema_for::<Action>();
        json_schema!({
            "type": "object",
            "description": "CODES: ACTION. CODES are `200, 206`, `5xx`, `dns` or `timeout`, optionally followed by ` if READER` or ` if not READER`.",
            "additionalProperties": action
        })
    }
}

impl JsonSchema for NotSeen {
    fn schema_name() -> Cow<'static, str> {
        "NOT_SEEN".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^([0-9]+ sweeps?|[0-9]+[smhdw])$", "examples": ["2 sweeps", "30d"]})
    }
}

impl JsonSchema for Use {
    fn schema_name() -> Cow<'static, str> {
        "USE".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let map = generator.subschema_for::<UseMap>();
        json_schema!({"description": "A source's name, or `{source, params, as}`.", "anyOf": [{"type": "string"}, map]})
    }
}

impl JsonSchema for Total {
    fn schema_name() -> Cow<'static, str> {
        "TOTAL".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (at, map) = (generator.subschema_for::<Reader>(), generator.subschema_for::<TotalMap>());
        json_schema!({"description": "Number of records announced: a reader, or `{at: READER, approximate: true}`.", "anyOf": [at, map]})
    }
}

impl JsonSchema for Stops {
    fn schema_name() -> Cow<'static, str> {
        "STOPS".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let stop = generator.subschema_for::<Stop>();
        json_schema!({"description": "One stop rule, or a list of them.", "anyOf": [stop, {"type": "array", "items": stop}]})
    }
}

impl JsonSchema for Selector {
    fn schema_name() -> Cow<'static, str> {
        "SELECTOR".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let inner = generator.subschema_for::<Selector>();
        json_schema!({
            "description": "A CSS selector, `CSS @attribute`, `CSS @html`, or `{each: CSS, NAME: …}` for a list of objects.",
            "anyOf": [{"type": "string"}, {"type": "object", "required": ["each"], "additionalProperties": inner}]
        })
    }
}
