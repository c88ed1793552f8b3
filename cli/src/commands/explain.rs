//! `explain`: what a finding, a conversion, a field or a source is.
use std::process::ExitCode;

use jobmarket::convert::docs::DOCS;
use jobmarket::definition::keys::CODES;
use jobmarket::definition::reference::{self, Key};
use jobmarket::scalar::nearest;

use crate::Place;
use crate::out;
use crate::project::Project;

/// Prints what is known of a name; exit 1 when it is none.
pub fn explain(place: &Place, name: &str) -> anyhow::Result<ExitCode> {
    let project = Project::read(place)?;
    let keys = reference::keys(&project.definitions.schema);
    let mut said = false;
    if let Some((kind, place)) = reference::KINDS.iter().find(|(kind, _)| *kind == name) {
        println!(
            "file {place}; `jobmarket schema {kind}` prints all of its shape, `jobmarket explain KEY` tells of a key"
        );
        for key in keys.iter().filter(|key| key.file == *kind && !key.path.contains('.')) {
            println!("  {}: {}{}", key.path, key.shape, if key.required { ", required" } else { "" });
        }
        said = true;
    }
    if let Some((code, text)) = CODES.iter().find(|(code, _)| *code == name) {
        println!("finding {code}\n  {text}");
        said = true;
    }
    if let Some(field) = project.definitions.schema.field(name) {
        println!("field {}: {}\n  {}", field.name, serde_json::to_string(&field.kind)?, field.doc);
        if field.required {
            println!("  required");
        }
        if !field.values.is_empty() {
            println!("  one of {}", field.values.join(", "));
        }
        if field.by_engine {
            println!("  set by the program");
        }
        if field.facet {
            println!("  counted where a search shows its facets; `search --facet` counts any field");
        }
        said = true;
    }
    if let Some(doc) = DOCS.iter().find(|doc| doc.name == name) {
        println!("conversion {name}: {}", doc.meaning);
        println!("  {} | {}  gives  {}", doc.input, doc.call, doc.output);
        println!("  `$.x | {name}` in a mapping, `${{record.x | {name}}}` in a template");
        said = true;
    }
    for key in keys_of(&keys, name) {
        let place = reference::KINDS.iter().find(|(kind, _)| *kind == key.file).map_or("", |(_, place)| place);
        println!("key {} of {place}: {}{}", key.path, key.shape, if key.required { ", required" } else { "" });
        println!("  {}", key.doc);
        let below: Vec<&str> = keys
            .iter()
            .filter(|other| other.file == key.file)
            .filter_map(|other| other.path.strip_prefix(&key.path)?.strip_prefix('.'))
            .filter(|rest| !rest.contains('.'))
            .collect();
        if !below.is_empty() {
            println!("  below it: {}", below.join(" "));
        }
        said = true;
    }
    if let Some(source) = project.definitions.sources.get(name) {
        println!("source {name}: {}", source.title.as_deref().unwrap_or_default());
        println!("  terms: {}", source.terms.as_deref().unwrap_or("none given"));
        println!("  {} {}", source.request.method, source.request.url);
        println!("  enabled: {}, parameters: {}", source.enabled, source.params.names().collect::<Vec<_>>().join(", "));
        said = true;
    }
    if said {
        return Ok(ExitCode::SUCCESS);
    }
    let fields: Vec<&str> = project.definitions.schema.fields().iter().map(|field| field.name.as_str()).collect();
    let known = CODES
        .iter()
        .map(|(code, _)| *code)
        .chain(DOCS.map(|doc| doc.name))
        .chain(keys.iter().map(|key| key.path.as_str()))
        .chain(fields)
        .chain(project.definitions.sources.keys().map(String::as_str));
    let hint = nearest(name, known).map_or_else(
        || "the docs folder holds the whole language".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    anyhow::bail!("nothing is known of `{name}`; {hint}")
}

/// The keys that a name stands for: its whole path, else each key that ends with it.
fn keys_of<'k>(keys: &'k [Key], name: &str) -> Vec<&'k Key> {
    let whole: Vec<&Key> = keys.iter().filter(|key| key.path == name).collect();
    if !whole.is_empty() {
        return whole;
    }
    let ending = format!(".{name}");
    keys.iter().filter(|key| key.path.ends_with(&ending)).collect()
}

/// Prints the JSON Schema of a kind of file.
pub fn schema(place: &Place, kind: &str) -> anyhow::Result<ExitCode> {
    let project = Project::read(place)?;
    match reference::json_schema(kind, &project.definitions.schema) {
        Some(schema) => {
            out::data(serde_json::to_string_pretty(&schema)?);
            Ok(ExitCode::SUCCESS)
        }
        None => anyhow::bail!(
            "there is no kind of file `{kind}`; it is one of {}",
            reference::KINDS.map(|(kind, _)| kind).join(" ")
        ),
    }
}
