//! `regex`, `matches`, `replace`.
use std::borrow::Cow;

use regex::Regex;

use super::ConvertError;
use super::args::Args;
use crate::scalar::Fault;
use crate::scalar::call::Arg;
use crate::scalar::reader::regex_message;
use crate::tree::Tree;

/// One of them, its pattern compiled.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// Group 1, else the match; null without one.
    Find(Regex),
    /// Whether it matches.
    Matches(Regex),
    /// Every match replaced.
    Replace(Regex, String),
}

impl Pattern {
    pub(super) fn parse(args: &Args<'_>) -> Result<Self, Fault> {
        args.at_most(if args.name() == "replace" { 2 } else { 1 }, &[])?;
        let (text, given) = args.text(r#"regex("^([0-9]+)")"#)?;
        let pattern = Regex::new(text)
            .map_err(|error| Fault { code: "bad-regex", ..args.fault(given, regex_message(&error)) })?;
        Ok(match args.name() {
            "matches" => Pattern::Matches(pattern),
            "replace" => match args.plain().nth(1).map(|given| &given.arg) {
                Some(Arg::Text(with)) => Pattern::Replace(pattern, with.clone()),
                _ => return Err(args.fault(given, "`replace` needs a second text").hint(r#"`replace("-", " ")`"#)),
            },
            _ => Pattern::Find(pattern),
        })
    }

    pub(super) fn convert<'p>(&self, value: Tree<'p>) -> Result<Tree<'p>, ConvertError> {
        let text = match &value {
            Tree::Text(text) => Cow::Borrowed(text.as_ref()),
            _ => value.scalar_text().ok_or_else(|| ConvertError::new("regex", "text was expected", &value))?,
        };
        Ok(match self {
            Pattern::Matches(pattern) => Tree::Bool(pattern.is_match(&text)),
            Pattern::Replace(pattern, with) => Tree::from(pattern.replace_all(&text, with.as_str()).into_owned()),
            Pattern::Find(pattern) => {
                match pattern.captures(&text).and_then(|found| found.get(1).or_else(|| found.get(0))) {
                    Some(found) => Tree::from(found.as_str()),
                    None => Tree::Null,
                }
            }
        })
    }
}
