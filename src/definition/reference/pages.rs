//! The generated files of `docs/reference/`: schemas for editors, pages for people.
use std::fmt::Write;

use super::{KINDS, Key, described, json_schema, keys};
use crate::convert::docs::DOCS;
use crate::definition::keys::CODES;
use crate::schema::{Kind, Schema};

/// All files, each with its text; paths are relative to `docs/reference/`.
pub fn files(offer: &Schema) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for (kind, _) in KINDS {
        if let Some(schema) = json_schema(kind, offer) {
            let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
            files.push((format!("{kind}.schema.json"), text + "\n"));
        }
    }
    files.push(("keys.md".into(), keys_page(&keys(offer))));
    files.push(("offer.md".into(), offer_page(offer)));
    files.push(("conversions.md".into(), conversions_page()));
    files.push(("findings.md".into(), findings_page()));
    files
}

const GENERATED: &str =
    "<!-- Generated from the declarations; `JOBMARKET_BLESS=1 cargo test --test reference` writes it again. -->\n";

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn keys_page(keys: &[Key]) -> String {
    let mut page = format!(
        "{GENERATED}# Keys\n\nEach key of each file. `NAME` stands for any name, `[]` for an element of a list. `jobmarket explain KEY` prints the same.\n"
    );
    for (kind, place) in KINDS {
        let mut of = keys.iter().filter(|key| key.file == kind).peekable();
        if of.peek().is_none() {
            continue;
        }
        let _ = write!(page, "\n## {place}\n\n| key | what is written | meaning |\n|---|---|---|\n");
        for key in of {
            let required = if key.required { " (required)" } else { "" };
            let _ = writeln!(page, "| `{}` | {}{required} | {} |", cell(&key.path), cell(&key.shape), cell(&key.doc));
        }
    }
    page
}

fn offer_page(offer: &Schema) -> String {
    let mut page = format!(
        "{GENERATED}# The canonical offer\n\nDeclared in `mappings/offer.yaml`. Mappings fill its fields, searches filter and count by them.\n\n| field | meaning | set by | counted |\n|---|---|---|---|\n"
    );
    for field in offer.fields() {
        let by = if field.by_engine { "the program" } else { "mapping" };
        let facet = if field.facet { "yes" } else { "" };
        let _ = writeln!(page, "| `{}` | {} | {by} | {facet} |", field.name, cell(&described(field)));
        if let Kind::List(element) = &field.kind
            && let Kind::Object { fields, .. } = &**element
        {
            for member in fields {
                let facet = if member.facet { "yes" } else { "" };
                let _ = writeln!(
                    page,
                    "| `{}[].{}` | {} | {by} | {facet} |",
                    field.name,
                    member.name,
                    cell(&described(member))
                );
            }
        }
    }
    page
}

fn conversions_page() -> String {
    let mut page = format!(
        "{GENERATED}# Conversions\n\nUsed as `$.x | date` in a mapping and as `${{record.x | date}}` in a template. Null gives null; a list is converted element by element, but for those that take lists. Each example is run by a test.\n\n| conversion | meaning | example |\n|---|---|---|\n"
    );
    for doc in DOCS {
        let example = format!("`{}` \\| `{}` → `{}`", doc.input, doc.call, doc.output);
        let _ = writeln!(page, "| `{}` | {} | {} |", doc.name, cell(doc.meaning), example);
    }
    page
}

fn findings_page() -> String {
    let mut page = format!(
        "{GENERATED}# Findings\n\nWhat `jobmarket check` may say of a file, by code.\n\n| code | meaning |\n|---|---|\n"
    );
    for (code, meaning) in CODES {
        let _ = writeln!(page, "| `{code}` | {} |", cell(meaning));
    }
    page
}
