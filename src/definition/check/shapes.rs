//! Chains of conversions whose result no value could ever be stored in its field.
use super::Report;
use crate::convert::{Conversion, Shape};
use crate::scalar::call::Call;
use crate::scalar::template::Piece;
use crate::scalar::{Expression, Operand, Template, Value};
use crate::schema::{Field, Kind};
use crate::tree::Tree;

/// Whether a field of this kind ever takes a value of this shape.
fn takes(kind: &Kind, shape: Shape) -> bool {
    match (kind, shape) {
        (_, Shape::Any) | (Kind::Object { .. }, _) => true,
        (Kind::Keyword | Kind::Text, shape) => !matches!(shape, Shape::Pay | Shape::Point),
        (Kind::Date, shape) => matches!(shape, Shape::Text | Shape::Instant),
        (Kind::Boolean, shape) => shape == Shape::Boolean,
        (Kind::Integer | Kind::Number | Kind::Money, shape) => shape == Shape::Number,
        (Kind::Geo, shape) => shape == Shape::Point,
        (Kind::List(element), shape) => takes(element, shape),
    }
}

/// What would fit.
fn hint(kind: &Kind, shape: Shape) -> &'static str {
    match (kind, shape) {
        (Kind::List(element), shape) => hint(element, shape),
        (_, Shape::Pay) => "`salary` fills an object of fields: write `salary: … | salary`",
        (_, Shape::Point) => "a point goes to `location.point`",
        (Kind::Date, Shape::Number) => "write `| date(epoch)`, or `| date(epoch_ms)`, instead",
        (Kind::Date, _) => "write `| date`",
        (Kind::Boolean, _) => "end with `| boolean`, `| matches(\"…\")` or a lookup",
        (Kind::Integer, _) => "end with `| integer`, or `| duration(months)` of a length of time",
        (Kind::Number | Kind::Money, _) => "end with `| number`",
        (Kind::Geo, _) => "write `geo($.lat, $.lon)`",
        _ => "`explain` says what the field holds",
    }
}

/// Checks an expression for a field.
pub(super) fn expression(
    expression: &Expression,
    field: &Field,
    path: &str,
    trail: &[&str],
    report: &mut Report<'_, '_>,
) {
    if expression.calls.is_empty() {
        for operand in &expression.operands {
            let shape = operand_shape(operand);
            if !takes(&field.kind, shape) {
                let message = format!("{} for `{}`, which is {}", shape.name(), field.name, wanted(&field.kind));
                report.value(path, trail, "field-shape", message, hint(&field.kind, shape));
            }
        }
        return;
    }
    let start = match &expression.operands[..] {
        [one] => operand_shape(one),
        _ => Shape::Any,
    };
    chain(&expression.calls, start, field, (path, trail), report);
}

/// Checks a template for a field: text with values in it is text, and one value that goes through conversions is what
/// the last of them gives.
pub(super) fn template(template: &Template, field: &Field, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let [Piece::Code(code)] = &template.pieces[..] else {
        if !takes(&field.kind, Shape::Text) {
            let message = format!("text with values in it for `{}`, which is {}", field.name, wanted(&field.kind));
            report.value(
                path,
                trail,
                "field-shape",
                message,
                "a template that is one `${…}` keeps the value's own kind",
            );
        }
        return;
    };
    if is_pipe(&code.source) {
        chain(&code.calls, Shape::Any, field, (path, trail), report);
    }
}

/// Whether an expression is one name and conversions in brackets or without, nothing else.
fn is_pipe(source: &str) -> bool {
    let mut steps = source.split('|').map(str::trim);
    let name = |text: &str| !text.is_empty() && text.chars().all(|sign| sign.is_alphanumeric() || "_.".contains(sign));
    let call = |text: &str| match text.split_once('(') {
        Some((head, args)) => {
            name(head) && crate::convert::NAMES.contains(&head) && args.find(')') == Some(args.len() - 1)
        }
        None => crate::convert::NAMES.contains(&text),
    };
    steps.next().is_some_and(name) && steps.all(call)
}

fn operand_shape(operand: &Operand) -> Shape {
    match operand {
        Operand::Constant(Tree::Text(_)) => Shape::Text,
        Operand::Constant(Tree::Bool(_)) => Shape::Boolean,
        Operand::Constant(Tree::Int(_) | Tree::Float(_) | Tree::Number(_)) => Shape::Number,
        Operand::Call(call) if call.name == "geo" => Shape::Point,
        _ => Shape::Any,
    }
}

/// Follows the conversions; the first that can only fail, or a last one that does not fit, is a finding.
fn chain(calls: &[Call], start: Shape, field: &Field, (path, trail): (&str, &[&str]), report: &mut Report<'_, '_>) {
    let mut shape = start;
    for call in calls {
        let Ok(conversion) = Conversion::parse(call) else { return };
        match conversion.shape(shape) {
            Some(next) => shape = next,
            None => {
                let message = format!("`{}` is given {}, and reads none", call.name, shape.name());
                report.inside(path, trail, &call.at, "field-shape", message, "leave one of the two conversions out");
                return;
            }
        }
    }
    let Some(last) = calls.last().filter(|_| !takes(&field.kind, shape)) else { return };
    let to = if field.name.is_empty() { "this field" } else { &field.name };
    let message = format!("`{}` gives {}, and `{to}` is {}", last.name, shape.name(), wanted(&field.kind));
    report.inside(path, trail, &last.at, "field-shape", message, hint(&field.kind, shape));
}

fn wanted(kind: &Kind) -> &'static str {
    match kind {
        Kind::Keyword => "one value",
        Kind::Text => "text",
        Kind::Date => "a date",
        Kind::Boolean => "true or false",
        Kind::Integer => "a whole number",
        Kind::Number | Kind::Money => "a number",
        Kind::Geo => "a point",
        Kind::List(element) => match **element {
            Kind::Object { .. } => "a list of objects",
            _ => "a list",
        },
        Kind::Object { .. } => "an object",
    }
}

/// Checks what fills an object of declared fields: only an object does, and one whose members are declared.
pub(super) fn filling(value: &Value, name: &str, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let (calls, start) = match value {
        Value::Expression(expression) => match &expression.operands[..] {
            [one] => (&expression.calls[..], operand_shape(one)),
            _ => (&expression.calls[..], Shape::Any),
        },
        Value::Template(template) => match &template.pieces[..] {
            [Piece::Code(code)] if is_pipe(&code.source) => (&code.calls[..], Shape::Any),
            [Piece::Code(_)] => return,
            _ => (&[][..], Shape::Text),
        },
        _ => return,
    };
    let mut shape = start;
    for call in calls {
        let next = Conversion::parse(call).ok().and_then(|conversion| conversion.shape(shape));
        let Some(next) = next else { return };
        shape = next;
    }
    let schema = &report.definitions.schema;
    let amounts = ["min", "max", "raw"].iter().any(|member| schema.field(&format!("{name}.{member}")).is_some());
    let filled = matches!(shape, Shape::Any) || (shape == Shape::Pay && amounts);
    if !filled {
        let message = format!("{} for `{name}`, which is an object of fields", shape.name());
        report.value(path, trail, "field-shape", message, &format!("write the fields, such as `{name}.NAME: $.…`"));
    }
}
