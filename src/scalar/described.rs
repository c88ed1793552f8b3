//! The small types as JSON Schema describes them: what is written, with examples. Editors and the reference show it.
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Cron, Expression, Given, Name, Origin, Path, Rate, Reader, RecordsAt, Share, Span, Template, Value, Zone};

fn text(doc: &str, pattern: &str, examples: &[&str]) -> Schema {
    json_schema!({"type": "string", "description": doc, "pattern": pattern, "examples": examples})
}

impl JsonSchema for Path {
    fn schema_name() -> Cow<'static, str> {
        "PATH".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text(
            "A JSONPath, RFC 9535. A singular path gives a value or nothing, another one a list.",
            r"^\$",
            &["$.a.b", "$.rows[*]"],
        )
    }
}

impl JsonSchema for Expression {
    fn schema_name() -> Cow<'static, str> {
        "EXPRESSION".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let doc = "Paths, `??` for the first that is there, and conversions.";
        text(doc, "", &["$.name", "$.published ?? $.created | date"])
    }
}

impl JsonSchema for Template {
    fn schema_name() -> Cow<'static, str> {
        "TEMPLATE".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let doc = "Text with `${EXPRESSION}`. One expression alone keeps its type; mixed text is text.";
        text(doc, "", &["${param.base_url}", "${record.title | lower}"])
    }
}

impl JsonSchema for Reader {
    fn schema_name() -> Cow<'static, str> {
        "READER".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let doc = "What is read of an answer: a path, `header NAME` or `status`, optionally with ` ~ \"regex\"`, whose group 1 (else its match) counts.";
        text(doc, r"^(\$|header |status)", &["$.total", "header Content-Range ~ \"/([0-9]+)$\""])
    }
}

impl JsonSchema for RecordsAt {
    fn schema_name() -> Cow<'static, str> {
        "RECORDS".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let doc = "A path, or several joined by `??` of which the first counts that finds some; `?? []` where a missing \
                   list means that there is none.";
        text(doc, r"^\$", &["$.rows[*]", "$.jobs[*] ?? $.offers[*]", "$.jobs[*] ?? []"])
    }
}

impl JsonSchema for Value {
    fn schema_name() -> Cow<'static, str> {
        "VALUE".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "What a mapping says: an expression (`$.a | date`), a template (`${record.a}`), a number, a boolean, an allowed word of the field, or a list or map of these.",
            "type": ["string", "number", "boolean", "array", "object", "null"],
            "examples": ["$.title", "${record.id}", "'\"EUR\"'"]
        })
    }
}

impl JsonSchema for Name {
    fn schema_name() -> Cow<'static, str> {
        "NAME".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("A name: a-z, 0-9 and -, beginning with a letter.", "^[a-z][a-z0-9-]*$", &["francetravail"])
    }
}

impl JsonSchema for Origin {
    fn schema_name() -> Cow<'static, str> {
        "ORIGIN".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let doc = "Scheme, host and port of an address; `*` stands for one or more labels.";
        text(doc, "^https?://", &["https://api.example.com", "https://*.example.com"])
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "DURATION".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("A whole number and a unit: s, m, h, d or w.", "^[0-9]+[smhdw]$", &["30s", "2h", "365d"])
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "RATE".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("A count over a period.", "^[0-9]+/", &["10/s", "250/d", "2500/month", "50/30s"])
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "SHARE".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("A percentage.", "^[0-9.]+ ?%$", &["20%"])
    }
}

impl JsonSchema for Cron {
    fn schema_name() -> Cow<'static, str> {
        "CRON".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let doc = "A cron pattern: minute, hour, day of the month, month, day of the week; with seconds before where there are six fields.";
        text(doc, "", &["17 */2 * * *"])
    }
}

impl JsonSchema for Zone {
    fn schema_name() -> Cow<'static, str> {
        "ZONE".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("A time zone by its IANA name.", "", &["Europe/Paris", "UTC"])
    }
}

impl<T: JsonSchema> JsonSchema for Given<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{} or TEMPLATE", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let fixed = generator.subschema_for::<T>();
        json_schema!({
            "description": "Written out, or a template over `param`.",
            "anyOf": [fixed, {"type": "string", "pattern": r"\$\{"}]
        })
    }
}
