//! `explain`: what a finding, a conversion, a field or a source is.
use std::process::ExitCode;

use jobmarket::convert::NAMES;
use jobmarket::definition::keys::CODES;
use jobmarket::scalar::nearest;

use crate::Place;
use crate::project::Project;

/// Prints what is known of a name; exit 1 when it is none.
pub fn explain(place: &Place, name: &str) -> anyhow::Result<ExitCode> {
    let project = Project::read(place)?;
    let mut said = false;
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
        said = true;
    }
    if NAMES.contains(&name) {
        println!("conversion {name}: `$.x | {name}` in a mapping, `${{record.x | {name}}}` in a template");
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
        .chain(NAMES)
        .chain(fields)
        .chain(project.definitions.sources.keys().map(String::as_str));
    let hint = nearest(name, known).map_or_else(
        || "the docs folder holds the whole language".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    anyhow::bail!("nothing is known of `{name}`; {hint}")
}
