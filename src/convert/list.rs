//! `split`, `first`, `last`, `join`, `unique`, and `default`, `null_if`.
use super::ConvertError;
use super::args::Args;
use crate::bounds::LIST;
use crate::scalar::Fault;
use crate::scalar::call::Arg;
use crate::tree::{Distinct, Tree};

/// One of the list conversions.
#[derive(Clone, Debug)]
pub enum List {
    /// Text to a list, parts trimmed, blanks dropped.
    Split(String),
    /// The first element that is not null.
    First,
    /// The last one.
    Last,
    /// One text.
    Join(String),
    /// Repeats dropped.
    Unique,
}

impl List {
    pub(super) fn parse(args: &Args<'_>) -> Result<Self, Fault> {
        let takes = usize::from(matches!(args.name(), "split" | "join"));
        args.at_most(takes, &[])?;
        Ok(match args.name() {
            "split" => {
                let (text, given) = args.text(r#"split(",")"#)?;
                if text.is_empty() {
                    return Err(args.fault(given, "the separator is empty"));
                }
                List::Split(text.to_owned())
            }
            "join" => List::Join(args.text(r#"join(", ")"#)?.0.to_owned()),
            "first" => List::First,
            "last" => List::Last,
            _ => List::Unique,
        })
    }

    pub(super) fn takes_list(&self) -> bool {
        !matches!(self, List::Split(_))
    }

    pub(super) fn makes_one(&self) -> bool {
        matches!(self, List::First | List::Last | List::Join(_))
    }

    pub(super) fn convert<'p>(&self, value: Tree<'p>) -> Result<Tree<'p>, ConvertError> {
        if let List::Split(separator) = self {
            let Some(text) = value.as_str() else {
                return Err(ConvertError::new("split", "text was expected", &value));
            };
            let parts = text.split(separator.as_str()).map(str::trim).filter(|part| !part.is_empty());
            // A field takes no more of them: what is left out is told there.
            return Ok(Tree::List(parts.take(LIST + 1).map(Tree::from).collect()));
        }
        let list = match value {
            Tree::List(list) => list,
            // On one value `first`, `last` and `join` are that value.
            one => return Ok(one),
        };
        let mut there = list.into_iter().filter(|value| !value.is_null());
        Ok(match self {
            List::First => there.next().unwrap_or_default(),
            List::Last => there.next_back().unwrap_or_default(),
            List::Join(separator) => {
                let parts: Vec<String> =
                    there.filter_map(|value| value.scalar_text().map(|text| text.into_owned())).collect();
                if parts.is_empty() { Tree::Null } else { Tree::from(parts.join(separator)) }
            }
            List::Unique | List::Split(_) => {
                let mut kept = Distinct::default();
                there.for_each(|value| kept.push(value));
                Tree::List(kept.into_list())
            }
        })
    }
}

/// `default(X)`: X where there is nothing; `null_if(X)`: nothing where there is X.
#[derive(Clone, Debug)]
pub struct Default {
    value: Tree<'static>,
    null_if: bool,
}

impl Default {
    pub(super) fn parse(args: &Args<'_>) -> Result<Self, Fault> {
        args.at_most(1, &[])?;
        let given = args.one(r#"default("x")"#)?;
        let value = match &given.arg {
            Arg::Text(text) | Arg::Word(text) => Tree::from(text.as_str()),
            Arg::Int(number) => Tree::Int(*number),
            Arg::Number(number) => Tree::Float(*number),
            Arg::Bool(truth) => Tree::Bool(*truth),
            Arg::Null => Tree::Null,
            Arg::Path(_) | Arg::Late => return Err(args.fault(given, "a constant was expected")),
        };
        Ok(Default { value, null_if: args.name() == "null_if" })
    }

    pub(super) fn convert<'p>(&self, value: Tree<'p>) -> Tree<'p> {
        match (self.null_if, value) {
            (true, value) if value == self.value => Tree::Null,
            (false, Tree::Null) => self.value.clone(),
            (_, value) => value,
        }
    }
}
