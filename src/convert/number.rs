//! `number`, `integer`, `boolean`, `text`: from one scalar kind to another.
use super::ConvertError;
use super::args::Args;
use crate::scalar::Fault;
use crate::tree::Tree;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// Any number.
    Any,
    /// A whole number.
    Integer,
    /// `0 1 true false` to a boolean.
    Boolean,
    /// As JSON writes it, text as it is.
    Text,
}

impl Number {
    pub(super) fn parse(args: &Args<'_>) -> Result<Self, Fault> {
        args.none()?;
        Ok(match args.name() {
            "integer" => Number::Integer,
            "boolean" => Number::Boolean,
            "text" => Number::Text,
            _ => Number::Any,
        })
    }

    pub(super) fn convert<'p>(self, value: Tree<'p>) -> Result<Tree<'p>, ConvertError> {
        match self {
            Number::Any => number(&value).ok_or_else(|| ConvertError::new("number", "a number was expected", &value)),
            Number::Integer => match number(&value) {
                Some(Tree::Int(number)) => Ok(Tree::Int(number)),
                Some(Tree::Float(number)) if number.fract() == 0.0 && number.abs() < 9e15 => {
                    Ok(Tree::Int(number as i64))
                }
                _ => Err(ConvertError::new("integer", "a whole number was expected", &value)),
            },
            Number::Boolean => boolean(&value)
                .map(Tree::Bool)
                .ok_or_else(|| ConvertError::new("boolean", "one of 0, 1, true, false was expected", &value)),
            Number::Text => match value.scalar_text() {
                Some(_) if matches!(value, Tree::Text(_)) => Ok(value),
                Some(text) => Ok(Tree::from(text.into_owned())),
                None => Err(ConvertError::new("text", "one value was expected", &value)),
            },
        }
    }
}

fn boolean(value: &Tree<'_>) -> Option<bool> {
    match value {
        Tree::Bool(truth) => Some(*truth),
        _ => match value.scalar_text()?.trim().to_lowercase().as_str() {
            "1" | "true" => Some(true),
            "0" | "false" => Some(false),
            _ => None,
        },
    }
}

/// A number, or text that is one: a blank or a comma between thousands, a point for decimals; a single comma that is
/// not before three digits is a decimal comma.
fn number(value: &Tree<'_>) -> Option<Tree<'static>> {
    match value {
        Tree::Int(number) => return Some(Tree::Int(*number)),
        Tree::Float(number) => return Some(Tree::Float(*number)),
        _ => {}
    }
    let text: String = value.as_str()?.chars().filter(|sign| !sign.is_whitespace()).collect();
    let text = match text.split_once(',') {
        Some((whole, rest)) if !rest.contains([',', '.']) && rest.len() != 3 => format!("{whole}.{rest}"),
        _ => text.replace(',', ""),
    };
    if !text.starts_with(|sign: char| sign.is_ascii_digit() || matches!(sign, '-' | '+' | '.')) {
        return None;
    }
    if let Ok(number) = text.parse::<i64>() {
        return Some(Tree::Int(number));
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Tree::Float)
}
