//! The index as the schema declares it: strict mappings, French analysis, nothing that a user must keep in step by hand.
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_64;

use crate::schema::{Field, Kind, LONGEST_KEYWORD, Schema};
use crate::search::analysis::{FEMININE, LITTLE, Rule, UNSTEMMED, rules};

/// Rises with each change of what is not in the schema: analysis, settings.
pub(super) const LAYOUT: u32 = 3;

/// Settings and mappings of an index.
pub(super) fn index(schema: &Schema) -> Value {
    let mut properties = object(schema.fields());
    // Compared with what is known when a claim changes hands; never searched.
    properties["content"] = json!({"type": "keyword", "index": false, "doc_values": false});
    json!({
        "settings": {
            "number_of_shards": 1,
            "auto_expand_replicas": "0-1",
            "refresh_interval": "1s",
            "analysis": analysis()
        },
        "mappings": {"dynamic": "strict", "properties": properties}
    })
}

/// How texts become words: the rules of `search::analysis`, and Lucene's filters in the order of the embedded store.
fn analysis() -> Value {
    let rule =
        |rule: &Rule| json!({"type": "pattern_replace", "pattern": rule.pattern, "replacement": rule.replacement});
    let signs: Map<String, Value> = rules().map(|of| (format!("french_{}", of.name), rule(&of))).collect();
    let names: Vec<String> = rules().map(|of| format!("french_{}", of.name)).collect();
    let (feminine, masculine) = FEMININE;
    json!({
        "analyzer": {"french_text": {"type": "custom", "tokenizer": "whitespace", "char_filter": names, "filter":
            ["asciifolding", "lowercase", "french_stop", "french_feminine", "french_unstemmed", "french_stemmer"]}},
        "filter": {
            "french_stop": {"type": "stop", "stopwords": LITTLE},
            "french_feminine": {"type": "pattern_replace", "pattern": feminine, "replacement": masculine},
            "french_unstemmed": {"type": "keyword_marker", "keywords_pattern": UNSTEMMED},
            "french_stemmer": {"type": "stemmer", "language": "light_french"}
        },
        "char_filter": signs
    })
}

/// The name of the index that holds offers of this schema.
pub(super) fn name(prefix: &str, schema: &Schema) -> String {
    format!("{prefix}-{:016x}", xxh3_64(format!("{LAYOUT}{}", index(schema)).as_bytes()))
}

/// Fields with dots in their names as objects of objects.
fn object(fields: &[Field]) -> Value {
    let mut properties = Value::Object(Map::new());
    for field in fields {
        let mut at = &mut properties;
        let mut parts = field.name.split('.').peekable();
        while let Some(part) = parts.next() {
            at = if parts.peek().is_some() {
                let entry = &mut at[part];
                if entry.is_null() {
                    *entry = json!({"properties": {}});
                }
                &mut entry["properties"]
            } else {
                &mut at[part]
            };
        }
        *at = kind(&field.kind);
    }
    properties
}

/// How a field is mapped.
pub(super) fn kind(kind: &Kind) -> Value {
    match kind {
        Kind::Keyword => json!({"type": "keyword", "ignore_above": LONGEST_KEYWORD}),
        Kind::Text => json!({"type": "text", "analyzer": "french_text"}),
        Kind::Date => json!({"type": "date"}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Integer => json!({"type": "long"}),
        Kind::Number | Kind::Money => json!({"type": "double"}),
        Kind::Geo => json!({"type": "geo_point"}),
        Kind::List(element) => self::kind(element),
        Kind::Object { open: true, .. } => json!({"type": "object", "enabled": false}),
        Kind::Object { fields, .. } => json!({"properties": object(fields)}),
    }
}
