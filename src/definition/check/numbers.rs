//! Numbers of a JSON body that JSON writes otherwise: `.5`, `+33`, `0x1F`. Elsewhere their text is sent as it is.
use super::Report;
use crate::definition::node::{Kind, Node};

/// Checks all files of sources.
pub(super) fn numbers(report: &mut Report<'_, '_>) {
    let definitions = report.definitions;
    for (path, file) in definitions.files.iter().filter(|(path, _)| path.starts_with("sources/")) {
        let mut found = Vec::new();
        walk(&file.root, &file.text, &mut Vec::new(), &mut found);
        for (trail, written, value) in found {
            let trail: Vec<&str> = trail.iter().map(String::as_str).collect();
            let message = format!("`{written}` is no number as JSON writes it");
            report.value(
                path,
                &trail,
                "bad-value",
                message,
                &format!("write `{value}`, or `\"{written}\"` where the text is meant"),
            );
        }
    }
}

type Found = Vec<(Vec<String>, String, String)>;

fn walk(node: &Node, text: &str, trail: &mut Vec<String>, found: &mut Found) {
    match &node.kind {
        Kind::Map(entries) => entries.iter().for_each(|(key, node)| below(&key.text, node, text, trail, found)),
        Kind::List(list) => {
            list.iter().enumerate().for_each(|(index, node)| below(&index.to_string(), node, text, trail, found));
        }
        Kind::Int(_) | Kind::Float(_) if in_json(trail) => {
            let written = node.number(text);
            if serde_json::from_str::<f64>(&written).is_err() {
                let value = match node.kind {
                    Kind::Int(number) => number.to_string(),
                    Kind::Float(number) => number.to_string(),
                    _ => String::new(),
                };
                found.push((trail.clone(), written, value));
            }
        }
        _ => {}
    }
}

fn below(step: &str, node: &Node, text: &str, trail: &mut Vec<String>, found: &mut Found) {
    trail.push(step.to_owned());
    walk(node, text, trail, found);
    trail.pop();
}

fn in_json(trail: &[String]) -> bool {
    trail.windows(2).any(|steps| steps[0] == "body" && matches!(steps[1].as_str(), "json" | "graphql"))
}
