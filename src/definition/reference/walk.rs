//! The keys of all files, walked out of their schemas: each with its place, its shape and what it means.
use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use super::{KINDS, json_schema};
use crate::schema::Schema as Offer;

/// A key of a file, as the reference and `explain` show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The kind of file.
    pub file: &'static str,
    /// Where it stands, such as `pages.offset.size`; `NAME` is any name, `[]` an element of a list.
    pub path: String,
    /// What may be written there.
    pub shape: String,
    /// Whether it must be there.
    pub required: bool,
    /// What it means.
    pub doc: String,
}

/// All keys of all files, in their order. What is written as at another place refers to it.
pub fn keys(offer: &Offer) -> Vec<Key> {
    let mut keys = Vec::new();
    // The fields of a mapping and the tables have pages of their own.
    for (kind, _) in KINDS.iter().filter(|(kind, _)| !matches!(*kind, "mapping" | "lookups")) {
        let Some(schema) = json_schema(kind, offer) else { continue };
        let definitions = schema["$defs"].clone();
        let queue = VecDeque::from([(schema, String::new(), Vec::new())]);
        let mut walk = Walk { file: kind, definitions: &definitions, walked: HashMap::new(), keys: Vec::new(), queue };
        // Level by level, so that what stands at several places is told at the highest.
        while let Some((schema, path, order)) = walk.queue.pop_front() {
            walk.members(&schema, &path, &order);
        }
        walk.keys.sort_by(|a, b| a.0.cmp(&b.0));
        keys.extend(walk.keys.into_iter().map(|(_, key)| key));
    }
    keys
}

struct Walk<'s> {
    file: &'static str,
    definitions: &'s Value,
    /// Where each definition was walked.
    walked: HashMap<String, String>,
    /// Keys with their place in the order of the file.
    keys: Vec<(Vec<usize>, Key)>,
    /// What is still to be walked.
    queue: VecDeque<(Value, String, Vec<usize>)>,
}

/// The name of the definition that a schema refers to.
fn referred(schema: &Value) -> Option<String> {
    let inner = schema.get("allOf").and_then(|all| all.get(0)).unwrap_or(schema);
    let name = inner.get("$ref").and_then(Value::as_str)?.strip_prefix("#/$defs/")?;
    Some(name.replace("%20", " "))
}

/// The one member of a choice, with what is said of it.
fn choice(member: &Value) -> Option<(&String, &Value)> {
    member.get("properties")?.as_object().filter(|properties| properties.len() == 1)?.iter().next()
}

impl Walk<'_> {
    /// What a schema says itself, and below that what the definition says that it refers to.
    fn members(&mut self, schema: &Value, path: &str, order: &[usize]) {
        if let Some(name) = referred(schema) {
            if self.walked.contains_key(&name) {
                return;
            }
            let target = self.definitions[&name].clone();
            self.walked.insert(name, path.to_owned());
            return self.members(&target, path, order);
        }
        let inner = schema.get("allOf").and_then(|all| all.get(0)).unwrap_or(schema);
        let required: Vec<&str> =
            inner["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, says) in inner["properties"].as_object().into_iter().flatten() {
            self.key(says, (path, order), name, required.contains(&name.as_str()), None);
        }
        if let Some(rest) = inner.get("additionalProperties").filter(|rest| rest.is_object()) {
            self.members(rest, &format!("{path}.NAME"), order);
        }
        if let Some(items) = inner.get("items").filter(|items| items.is_object()) {
            self.members(items, &format!("{path}[]"), order);
        }
        for member in ["oneOf", "anyOf"].iter().flat_map(|word| inner[word].as_array().into_iter().flatten()) {
            match choice(member) {
                Some((name, says)) => self.key(says, (path, order), name, false, member["description"].as_str()),
                None => self.members(member, path, order),
            }
        }
    }

    fn key(&mut self, says: &Value, (path, order): (&str, &[usize]), name: &str, required: bool, doc: Option<&str>) {
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        // The fields of an offer are on a page of their own.
        if path.starts_with("map.") || self.keys.iter().any(|(_, key)| key.path == path) {
            return;
        }
        let target = referred(says);
        let inherited = target.as_ref().and_then(|name| self.definitions[name]["description"].as_str());
        let mut doc = doc.or(says["description"].as_str()).or(inherited).unwrap_or_default().replace('\n', " ");
        let earlier = target.and_then(|name| self.walked.get(&name));
        if let Some(earlier) = earlier.filter(|earlier| *earlier != &path && self.has_members(earlier)) {
            doc += &format!(" Written as `{earlier}`.");
        }
        let order = [order, &[self.keys.len()]].concat();
        let key = Key { file: self.file, path: path.clone(), shape: self.shape(says), required, doc };
        self.keys.push((order.clone(), key));
        self.queue.push_back((says.clone(), path, order));
    }

    fn has_members(&self, path: &str) -> bool {
        let (below, list) = (format!("{path}."), format!("{path}[]"));
        self.keys.iter().any(|(_, key)| key.path.starts_with(&below) || key.path.starts_with(&list))
    }

    /// What may be written, in a few words.
    fn shape(&self, says: &Value) -> String {
        let inner = says.get("allOf").and_then(|all| all.get(0)).unwrap_or(says);
        if let Some(name) = referred(says) {
            if name.starts_with("uint") {
                return name.replacen("uint64", "whole number", 1);
            }
            let capital = name.chars().all(|sign| !sign.is_lowercase()) || name.contains(" or ");
            return if capital { name } else { self.shape(&self.definitions[name.as_str()]) };
        }
        if let Some(choice) = inner.get("oneOf").or_else(|| inner.get("anyOf")) {
            return self.one_of(choice);
        }
        if let Some(words) = inner["enum"].as_array() {
            let words: Vec<String> = words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
            return words.join(" · ");
        }
        let one = |kind: &str| match kind {
            "string" => "text".to_owned(),
            "array" => format!("list of {}", self.shape(&inner["items"])).trim_end_matches(" of any").to_owned(),
            "object" => match inner.get("additionalProperties").filter(|rest| rest.is_object()) {
                Some(rest) => format!("map NAME: {}", self.shape(rest)),
                None => "map".to_owned(),
            },
            other => other.to_owned(),
        };
        match &inner["type"] {
            Value::String(kind) => one(kind),
            Value::Array(kinds) => {
                let kinds = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null");
                kinds.map(one).collect::<Vec<_>>().join(" · ")
            }
            _ => "any".to_owned(),
        }
    }

    fn one_of(&self, members: &Value) -> String {
        let members = members.as_array().into_iter().flatten().filter(|member| member["type"] != "null");
        let mut names: Vec<String> = Vec::new();
        for member in members {
            let name = match (member["const"].as_str(), choice(member)) {
                (Some(word), _) => format!("`{word}`"),
                (None, Some((name, _))) => format!("`{name}: …`"),
                (None, None) => self.shape(member),
            };
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(" · ")
    }
}
