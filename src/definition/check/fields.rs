//! Mappings against the canonical offer, and the fields that the program itself needs.
use super::names::{self, MAPPING, Names};
use super::{Report, shapes};
use crate::definition::mapping::Line;
use crate::definition::source::Source;
use crate::scalar::{Expression, Template, Value, nearest};
use crate::schema::{ENGINE, Field, Kind, Schema};
use crate::tree::Tree;

/// Every field that the program writes must be declared.
pub(super) fn engine(report: &mut Report<'_, '_>) {
    for (name, kind) in ENGINE {
        let found = report.definitions.schema.field(name).map(|field| field.kind.clone());
        if found.as_ref() != Some(&kind) {
            let message = format!("the program needs the field `{name}`, and it is not declared as it needs it");
            report.value(
                "mappings/offer.yaml",
                &[],
                "missing-key",
                message,
                "restore the field in `mappings/offer.yaml`",
            );
        }
    }
}

/// A mapping in a file of its own: what can be judged without a source. Its names are checked for each source that uses it.
pub(super) fn file(name: &str, report: &mut Report<'_, '_>) {
    let definitions = report.definitions;
    let path = format!("mappings/{name}.yaml");
    if let Some(mapping) = definitions.mappings.get(name) {
        lines(&mapping.lines(&|field| is_object(&definitions.schema, field)), None, &path, &[], report);
    }
}

/// The lines of a mapping.
pub(super) fn lines(
    lines: &[Line<'_>],
    source: Option<&Source>,
    path: &str,
    above: &[&str],
    report: &mut Report<'_, '_>,
) {
    let mut seen: Vec<&str> = Vec::new();
    for line in lines {
        let trail: Vec<&str> = above.iter().copied().chain(line.trail.iter().map(String::as_str)).collect();
        if seen.contains(&line.field.as_str()) {
            report.key(
                path,
                &trail,
                "duplicate-key",
                format!("`{}` is mapped twice", line.field),
                "remove one of them",
            );
        }
        seen.push(&line.field);
        self::line(line, source, path, &trail, report);
    }
    let schema = report.definitions.schema.clone();
    let missing = schema.fields().iter().filter(|field| field.required && !field.by_engine);
    // A name that is not declared was probably meant to be this one, and is reported as such.
    let meant = |name: &str| {
        seen.iter().any(|seen| *seen == name || (schema.field(seen).is_none() && nearest(seen, [name]).is_some()))
    };
    for field in missing.filter(|field| !meant(&field.name)) {
        let message = format!("the required field `{}` is not mapped", field.name);
        report.key(path, above, "missing-key", message, &format!("add `{}: $.…`", field.name));
    }
}

/// Whether a dotted name is the beginning of others, or a declared object.
pub(super) fn is_object(schema: &Schema, name: &str) -> bool {
    let below = format!("{name}.");
    name == "extra" || schema.fields().iter().any(|field| field.name.starts_with(&below))
}

fn line(line: &Line<'_>, source: Option<&Source>, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let schema = report.definitions.schema.clone();
    let Some(field) = schema.field(&line.field) else {
        if line.field.starts_with("extra.") {
            value(line.value, &Field::any(""), source, path, trail, report);
            return;
        }
        // `salary: … | salary(fr)` fills an object of declared fields.
        if is_object(&schema, &line.field) && !matches!(line.value, Value::Map(_) | Value::List(_)) {
            let object = Field { kind: Kind::Object { fields: Vec::new(), open: true }, ..Field::any("") };
            value(line.value, &object, source, path, trail, report);
            shapes::filling(line.value, &line.field, path, trail, report);
            return;
        }
        let near = nearest(
            &line.field,
            schema.fields().iter().filter(|field| !field.by_engine).map(|field| field.name.as_str()),
        );
        let last = line.field.rsplit('.').next().unwrap_or_default();
        let same = schema
            .fields()
            .iter()
            .find(|field| field.name.ends_with(&format!(".{last}")))
            .map(|field| field.name.as_str());
        let hint = match near.or(same) {
            Some(near) => format!("did you mean `{near}`? what has no field goes to `extra.{last}`"),
            None => format!("the fields are declared in `mappings/offer.yaml`; what has none goes to `extra.{last}`"),
        };
        report.key(path, trail, "unknown-field", format!("there is no field `{}`", line.field), &hint);
        return;
    };
    if field.by_engine {
        let message = format!("`{}` is set by the program", field.name);
        report.key(path, trail, "engine-field", message, "remove this line");
        return;
    }
    value(line.value, field, source, path, trail, report);
}

/// What a field is made of.
pub(super) fn value(
    value: &Value,
    field: &Field,
    source: Option<&Source>,
    path: &str,
    trail: &[&str],
    report: &mut Report<'_, '_>,
) {
    match value {
        Value::Template(template) => {
            self::template(template, source, path, trail, report);
            shapes::template(template, field, path, trail, report);
        }
        Value::Expression(expression) => self::expression(expression, field, path, trail, report),
        Value::Constant(constant) => self::constant(constant, field, path, trail, report),
        Value::Word(word) => self::word(word, field, path, trail, report),
        Value::List(list) => {
            if !matches!(field.kind, Kind::List(_) | Kind::Text | Kind::Object { open: true, .. }) {
                let message = format!("a list for `{}`, which holds one value", field.name);
                report.value(path, trail, "field-shape", message, "write one value, with `??` for what to try next");
                return;
            }
            for (index, element) in list.iter().enumerate() {
                let index = index.to_string();
                let trail: Vec<&str> = trail.iter().copied().chain([index.as_str()]).collect();
                self::value(element, field, source, path, &trail, report);
            }
        }
        Value::Map(members) => self::each(members, field, source, path, trail, report),
    }
}

fn template(template: &Template, source: Option<&Source>, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    match source {
        Some(source) => Names::new(source, MAPPING).template(template, path, trail, report),
        None => template.codes().flat_map(|code| &code.calls).for_each(|call| {
            names::conversion(call, path, trail, report);
        }),
    }
}

fn expression(expression: &Expression, field: &Field, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let plural = names::expression(expression, path, trail, report);
    shapes::expression(expression, field, path, trail, report);
    let takes_one = !matches!(field.kind, Kind::List(_) | Kind::Text | Kind::Object { .. });
    if plural && takes_one {
        let message = format!("several matches for `{}`, which holds one value", field.name);
        report.value(path, trail, "field-shape", message, "add `| first`, `| last` or `| join(\", \")`");
    }
    // What a lookup gives must be allowed in the field.
    if field.values.is_empty() {
        return;
    }
    let Some(table) = expression.calls.iter().rev().find_map(|call| {
        crate::convert::Conversion::parse(call).ok().and_then(|conversion| conversion.table().map(str::to_owned))
    }) else {
        return;
    };
    let table_values =
        report.definitions.lookups.table(&table).map(|table| table.values().cloned().collect::<Vec<_>>());
    for found in table_values.unwrap_or_default() {
        let text = found.scalar_text().map(|text| text.into_owned());
        if let Some(text) = text.filter(|text| !field.values.contains(text)) {
            let (file, name) = table.split_once('.').unwrap_or((&table, ""));
            let lookups = format!("mappings/lookups/{file}.yaml");
            let word = report.file(&lookups).and_then(|file| word_of(file.node(&[name]), &text));
            let hint = match nearest(&text, field.values.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("allowed: {}", field.values.join(", ")),
            };
            let message = format!("`{text}` is not allowed in `{}`", field.name);
            report.value(&lookups, &[name, word.as_deref().unwrap_or_default()], "bad-value", message, &hint);
        }
    }
}

fn word_of(table: &crate::definition::node::Node, value: &str) -> Option<String> {
    use crate::definition::node::Kind as NodeKind;
    let NodeKind::Map(entries) = &table.kind else { return None };
    entries.iter().find(|(_, node)| node.kind == NodeKind::Text(value.to_owned())).map(|(key, _)| key.text.clone())
}

fn constant(constant: &Tree<'_>, field: &Field, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let fits = match (&field.kind, constant) {
        (Kind::Boolean, Tree::Bool(_)) => true,
        (Kind::Integer, Tree::Int(_)) => true,
        (Kind::Number | Kind::Money, number) => number.kind() == "number",
        (Kind::Keyword | Kind::Text, value) => matches!(value.kind(), "number" | "boolean") && field.values.is_empty(),
        (Kind::Object { open: true, .. }, _) => true,
        _ => false,
    };
    if !fits {
        let message = format!("`{constant}` does not fit `{}`", field.name);
        report.value(path, trail, "constant", message, &format!("`explain {}` says what it holds", field.name));
    }
}

fn word(word: &str, field: &Field, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    if field.values.iter().any(|value| value == word) {
        return;
    }
    let near = nearest(word, field.values.iter().map(String::as_str));
    let (message, hint) = match (near, field.values.is_empty()) {
        (Some(near), _) => (format!("`{word}` is not allowed in `{}`", field.name), format!("did you mean `{near}`?")),
        (None, false) => (
            format!("`{word}` is neither a path nor allowed in `{}`", field.name),
            format!("a path is written `$.{word}`; allowed words: {}", field.values.join(", ")),
        ),
        (None, true) => (
            format!("`{word}` is a plain word: it would be the same in every offer"),
            format!("a path is written `$.{word}`, a constant text `'\"{word}\"'`"),
        ),
    };
    report.value(path, trail, "constant", message, &hint);
}

/// `{each: EXPRESSION, NAME: VALUE}` against the members of a list of objects.
fn each(
    members: &[(String, Value)],
    field: &Field,
    source: Option<&Source>,
    path: &str,
    trail: &[&str],
    report: &mut Report<'_, '_>,
) {
    let Kind::List(element) = &field.kind else {
        if matches!(field.kind, Kind::Object { open: true, .. }) && !members.iter().any(|(name, _)| name == "each") {
            return;
        }
        let message = format!("a map for `{}`, which is {}", field.name, shape(&field.kind));
        report.value(path, trail, "field-shape", message, "only a list of objects takes `{each: …, NAME: …}`");
        return;
    };
    let Kind::Object { fields, .. } = &**element else {
        let message = format!("a map for `{}`, which is a list of values", field.name);
        report.value(
            path,
            trail,
            "field-shape",
            message,
            "write a path with several matches, such as `$.list[*].name`",
        );
        return;
    };
    if !members.iter().any(|(name, _)| name == "each") {
        report.value(
            path,
            trail,
            "missing-key",
            format!("`each` is missing: `{}` is a list of objects", field.name),
            "add `each: $.list[*]`",
        );
    }
    for (name, member) in members {
        let trail: Vec<&str> = trail.iter().copied().chain([name.as_str()]).collect();
        if name == "each" {
            value(
                member,
                &Field { kind: Kind::List(Box::new(Kind::Keyword)), ..Field::any("") },
                source,
                path,
                &trail,
                report,
            );
            continue;
        }
        match fields.iter().find(|field| field.name == *name) {
            Some(field) => value(member, field, source, path, &trail, report),
            None => {
                let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
                let hint = nearest(name, names.iter().copied())
                    .map_or(format!("its members: {}", names.join(", ")), |near| format!("did you mean `{near}`?"));
                report.key(path, &trail, "unknown-field", format!("`{}` has no member `{name}`", field.name), &hint);
            }
        }
    }
}

fn shape(kind: &Kind) -> &'static str {
    match kind {
        Kind::List(_) => "a list",
        Kind::Object { .. } => "an object",
        _ => "one value",
    }
}
