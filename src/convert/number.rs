//! `number`, `integer`, `boolean`, `text`: from one scalar kind to another.
use super::ConvertError;
use super::args::Args;
use crate::scalar::Fault;
use crate::tree::Tree;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// Any number.
    Any(Decimals),
    /// A whole number.
    Integer(Decimals),
    /// `0 1 true false` to a boolean.
    Boolean,
    /// As JSON writes it, text as it is.
    Text,
}

/// Which mark stands before decimals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decimals {
    /// Either: the text has to show which.
    Either,
    /// `number(".")`
    Point,
    /// `number(",")`
    Comma,
}

impl Number {
    pub(super) fn parse(args: &Args<'_>) -> Result<Self, Fault> {
        if matches!(args.name(), "boolean" | "text") {
            args.none()?;
            return Ok(if args.name() == "text" { Number::Text } else { Number::Boolean });
        }
        args.at_most(1, &[])?;
        let decimals = match args.plain().next() {
            None => Decimals::Either,
            Some(given) => match args.text(EXAMPLE)?.0 {
                "." => Decimals::Point,
                "," => Decimals::Comma,
                other => {
                    return Err(args
                        .fault(given, format!("`{other}` is no mark before decimals"))
                        .hint(format!("`{EXAMPLE}` or `number(\",\")`")));
                }
            },
        };
        Ok(if args.name() == "integer" { Number::Integer(decimals) } else { Number::Any(decimals) })
    }

    pub(super) fn convert<'p>(self, value: Tree<'p>) -> Result<Tree<'p>, ConvertError> {
        match self {
            Number::Any(decimals) => {
                number(&value, decimals).map_err(|no| no.error("number", "a number was expected", &value))
            }
            Number::Integer(decimals) => {
                let whole = "a whole number was expected";
                match number(&value, decimals).map_err(|no| no.error("integer", whole, &value))? {
                    Tree::Int(number) => Ok(Tree::Int(number)),
                    Tree::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => Ok(Tree::Int(number as i64)),
                    _ => Err(ConvertError::new("integer", whole, &value)),
                }
            }
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

const EXAMPLE: &str = r#"number(".")"#;

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

/// Why there is no number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum No {
    /// It is none.
    Number,
    /// `1,200` is a thousand or one and a bit.
    Telling,
}

impl No {
    fn error(self, conversion: &'static str, expected: &'static str, value: &Tree<'_>) -> ConvertError {
        let why = match self {
            No::Number => expected,
            No::Telling => {
                r#"three digits after a single mark are thousands or decimals: say which mark decimals have, `number(".")` or `number(",")`"#
            }
        };
        ConvertError::new(conversion, why, value)
    }
}

/// A number, or text that is one. Blanks and apostrophes part thousands; of points and commas the last kind stands
/// before decimals, unless it stands several times.
fn number(value: &Tree<'_>, decimals: Decimals) -> Result<Tree<'static>, No> {
    match value {
        Tree::Int(number) => return Ok(Tree::Int(*number)),
        Tree::Float(number) => return Ok(Tree::Float(*number)),
        Tree::Number(_) => return Ok(value.clone().into_owned().computed()),
        _ => {}
    }
    let text = value.as_str().ok_or(No::Number)?.trim().replace('−', "-");
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) if text.starts_with('-') => ("-", digits),
        Some(digits) => ("", digits),
        None => ("", text.as_str()),
    };
    let (digits, exponent) = match digits.find(['e', 'E']) {
        Some(at) => digits.split_at(at),
        None => (digits, ""),
    };
    let (whole, decimals) = parts(digits, decimals)?;
    if whole.is_empty() && decimals.is_empty() {
        return Err(No::Number);
    }
    let text = match (decimals, exponent) {
        ("", "") => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{decimals}0{exponent}"),
    };
    if let Ok(number) = text.parse::<i64>() {
        return Ok(Tree::Int(number));
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Tree::Float).ok_or(No::Number)
}

/// The digits before and after the mark of decimals.
fn parts(digits: &str, decimals: Decimals) -> Result<(String, &str), No> {
    let blank = |sign: char| sign.is_whitespace() || matches!(sign, '\'' | '’');
    let marks: Vec<(usize, char)> = digits.char_indices().filter(|(_, sign)| matches!(sign, '.' | ',')).collect();
    let parted = digits.contains(blank);
    let (at, whole_has) = match marks[..] {
        [] => (None, None),
        [(at, mark)] if parted => (Some((at, mark)), None),
        [(at, mark)] => match (told(mark, decimals), &digits[at + 1..], &digits[..at]) {
            (Some(true), ..) => (Some((at, mark)), None),
            (Some(false), ..) => (None, Some(mark)),
            (None, rest, whole) if rest.len() == 3 && (1..=3).contains(&whole.len()) && !whole.starts_with('0') => {
                return Err(No::Telling);
            }
            (None, ..) => (Some((at, mark)), None),
        },
        [(_, first), .., (at, last)] if first != last => (Some((at, last)), Some(first)),
        [(_, mark), ..] => (None, Some(mark)),
    };
    if at.is_some_and(|(_, mark)| told(mark, decimals) == Some(false))
        || whole_has.is_some_and(|mark| told(mark, decimals) == Some(true))
    {
        return Err(No::Number);
    }
    let (whole, rest) = at.map_or((digits, ""), |(at, _)| (&digits[..at], &digits[at + 1..]));
    let groups: Vec<&str> = match whole_has {
        Some(mark) => whole.split(mark).collect(),
        None => whole.split(blank).collect(),
    };
    let all_digits = |text: &str| text.chars().all(|sign| sign.is_ascii_digit());
    if !rest.is_empty() && !all_digits(rest) || !groups.iter().all(|group| all_digits(group)) || !grouped(&groups) {
        return Err(No::Number);
    }
    Ok((groups.concat(), rest))
}

/// Whether this mark stands before decimals, where that is told.
fn told(mark: char, decimals: Decimals) -> Option<bool> {
    match decimals {
        Decimals::Either => None,
        Decimals::Point => Some(mark == '.'),
        Decimals::Comma => Some(mark == ','),
    }
}

/// One group, or thousands: three digits each, in India two but for the last.
fn grouped(groups: &[&str]) -> bool {
    let [first, between @ .., last] = groups else { return true };
    let sized = |size: usize| between.iter().all(|group| group.len() == size);
    (1..=3).contains(&first.len()) && last.len() == 3 && (sized(3) || (sized(2) && first.len() <= 2))
}
