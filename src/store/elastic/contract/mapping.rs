//! The mapping of an index beside ours: whole documents kept, fields that are what the schema says, nothing in their way.
use serde_json::{Map, Value, json};

use super::super::indices::Index;
use super::origin::Place;
use super::{Found, Mend, shown};

/// Members of a mapping that change nothing of what a run writes or finds: ours is strict, so that no field comes by itself.
const IDLE: [&str; 9] = [
    "_meta",
    "_data_stream_timestamp",
    "_field_names",
    "_size",
    "date_detection",
    "dynamic_date_formats",
    "dynamic_templates",
    "numeric_detection",
    "properties",
];

/// Parameters of a field that change neither what it takes nor what finds it.
const HARMLESS: [&str; 15] = [
    "boost",
    "coerce",
    "eager_global_ordinals",
    "fielddata",
    "fielddata_frequency_filter",
    "fields",
    "ignore_z_value",
    "index_phrases",
    "index_prefixes",
    "meta",
    "norms",
    "position_increment_gap",
    "similarity",
    "store",
    "term_vector",
];

/// The mapping of the index of offers beside ours.
pub(super) fn offers(index: &Index, ours: &Value, found: &mut Found) {
    let there = &index.mappings;
    root(index, ours, found);
    let mut added = Vec::new();
    fields(index, Below { path: "", ours: &ours["properties"], there: &there["properties"] }, &mut added, found);
    if !added.is_empty() {
        let more = added.len().saturating_sub(super::SHOWN);
        let named = added[..added.len() - more].join("`, `");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        found.notices.push(format!(
            "the index `{}` has fields that are not of the schema: `{named}`{more}; they are left as they are, and never \
             written",
            index.name
        ));
    }
}

/// Whether an index keeps its documents whole, and finds each by its id.
pub(super) fn kept(index: &Index, found: &mut Found) {
    let source = &index.mappings["_source"];
    let listed = |name: &str| source[name].as_array().is_some_and(|list| !list.is_empty()) || source[name].is_string();
    let wrong = if source["enabled"] == false {
        Some("`_source.enabled` is false, so that no document can be read back")
    } else if listed("includes") || listed("excludes") {
        Some("`_source` leaves fields out, so that a document is read back without them")
    } else if source["mode"].as_str().is_some_and(|mode| mode != "stored") {
        Some("`_source.mode` keeps documents in another form than they are written in")
    } else {
        None
    };
    if let Some(why) = wrong {
        found.wrong(Place::Mapping("/_source".into()), why.into(), Mend::Anew);
    }
    if index.mappings["_routing"]["required"] == true {
        let told = "`_routing.required` is true, so that documents are found by more than their id";
        found.wrong(Place::Mapping("/_routing".into()), told.into(), Mend::Anew);
    }
}

/// What stands in the mapping beside the fields.
fn root(index: &Index, ours: &Value, found: &mut Found) {
    kept(index, found);
    let (name, there) = (&index.name, &index.mappings);
    if there["dynamic"] != ours["dynamic"] {
        let told = format!("`dynamic` is {} and not strict, so that any document adds fields", word(&there["dynamic"]));
        let call = format!("PUT /{name}/_mapping {}", json!({"dynamic": ours["dynamic"]}));
        found.wrong(Place::Mapping("/dynamic".into()), told, Mend::Call(call));
    }
    for (runtime, _) in there["runtime"].as_object().into_iter().flatten().filter(|(name, _)| is_ours(ours, name)) {
        let told = format!(
            "the runtime field `{runtime}` stands before the field of that name, so that searches do not see it"
        );
        let call = format!("PUT /{name}/_mapping {}", json!({"runtime": {runtime: null}}));
        found.wrong(Place::Mapping(format!("/runtime/{runtime}")), told, Mend::Call(call));
    }
    let known =
        |member: &str| IDLE.contains(&member) || ["dynamic", "runtime", "_source", "_routing"].contains(&member);
    for (member, value) in there.as_object().into_iter().flatten().filter(|(member, _)| !known(member)) {
        found.wrong(Place::Mapping(format!("/{member}")), format!("it has `{member}`: {}", shown(value)), Mend::Anew);
    }
}

/// Whether a dotted name is a field of ours, or an object with some.
fn is_ours(ours: &Value, name: &str) -> bool {
    let path: Vec<&str> = name.split('.').collect();
    ours.pointer(&format!("/properties/{}", path.join("/properties/"))).is_some()
}

/// Fields below a path, ours and there.
struct Below<'a> {
    path: &'a str,
    ours: &'a Value,
    there: &'a Value,
}

/// Compares the fields below a path; `added` gets those that are not ours.
fn fields(index: &Index, at: Below<'_>, added: &mut Vec<String>, found: &mut Found) {
    let named = |name: &str| if at.path.is_empty() { name.to_owned() } else { format!("{}.{name}", at.path) };
    for (name, ours) in at.ours.as_object().into_iter().flatten() {
        let (path, there) = (named(name), &at.there[name.as_str()]);
        if let Some(told) = field(index, &path, ours, there, found) {
            found.wrong(Place::Mapping(pointer(&path)), told, Mend::Anew);
        }
        if there.is_object() && kind(ours) == kind(there) {
            fields(index, Below { path: &path, ours: &ours["properties"], there: &there["properties"] }, added, found);
        }
    }
    let there = at.there.as_object().into_iter().flatten();
    added.extend(there.filter(|(name, _)| at.ours[name.as_str()].is_null()).map(|(name, _)| named(name)));
}

/// What is wrong with a field itself; what it has besides and does no harm is a notice.
fn field(index: &Index, path: &str, ours: &Value, there: &Value, found: &mut Found) -> Option<String> {
    let Some(members) = there.as_object() else { return Some(format!("`{path}` is missing")) };
    if kind(ours) != kind(there) {
        return Some(format!("`{path}` is {} and not {}", kind(there), kind(ours)));
    }
    let (mut wrong, mut besides) = (Vec::new(), Vec::new());
    for name in parameters(ours, members) {
        let (own, other) = (&ours[name], &there[name]);
        if own == other || (own.is_null() && is_default(kind(ours), name, other)) {
            continue;
        }
        let told = match own {
            Value::Null => format!("`{name}`: {}", word(other)),
            own => format!("`{name}`: {} and not {}", word(other), word(own)),
        };
        let looser = name == "ignore_above" && other.as_u64().is_none_or(|most| Some(most) > own.as_u64());
        let harmless = looser || (own.is_null() && HARMLESS.contains(&name));
        if harmless { besides.push(told) } else { wrong.push(told) }
    }
    if !besides.is_empty() {
        let besides = besides.join(", ");
        found.notices.push(format!(
            "the field `{path}` of the index `{}` has {besides}, which the schema does not say; it is left as it is",
            index.name
        ));
    }
    (!wrong.is_empty()).then(|| format!("`{path}` has {}", wrong.join(", ")))
}

/// The parameters of a field, those of ours first.
fn parameters<'a>(ours: &'a Value, there: &'a Map<String, Value>) -> Vec<&'a str> {
    let own = ours.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    let more = there.keys().map(String::as_str).filter(|name| ours[*name].is_null());
    own.chain(more).filter(|name| !["type", "properties"].contains(name)).collect()
}

/// Whether a parameter that ours does not name is what the server takes for it anyway.
fn is_default(kind: &str, name: &str, value: &Value) -> bool {
    match name {
        "index" | "doc_values" | "enabled" => *value == true,
        "ignore_malformed" => *value == false,
        "dynamic" => kind == "object" && *value == "strict",
        "format" => *value == "strict_date_optional_time||epoch_millis",
        "index_options" => *value == if kind == "text" { "positions" } else { "docs" },
        "copy_to" => value.as_array().is_some_and(Vec::is_empty),
        _ => value.is_null(),
    }
}

/// The type of a field; an object has none of its own.
fn kind(field: &Value) -> &str {
    field["type"].as_str().unwrap_or("object")
}

/// Where a field stands in a mapping.
fn pointer(path: &str) -> String {
    format!("/properties/{}", path.replace('.', "/properties/"))
}

/// A value of a mapping in a sentence.
fn word(value: &Value) -> String {
    if value.is_null() { "nothing".into() } else { shown(value) }
}
