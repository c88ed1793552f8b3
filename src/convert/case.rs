//! `trim`, `lower`, `upper`, `title`.
use std::borrow::Cow;

use super::ConvertError;
use super::args::Args;
use crate::scalar::Fault;
use crate::tree::Tree;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub enum Case {
    /// Without blanks around.
    Trim,
    /// Small letters.
    Lower,
    /// Capitals.
    Upper,
    /// A capital at each word's start.
    Title,
}

impl Case {
    pub(super) fn parse(args: &Args<'_>) -> Result<Self, Fault> {
        args.none()?;
        Ok(match args.name() {
            "lower" => Case::Lower,
            "upper" => Case::Upper,
            "title" => Case::Title,
            _ => Case::Trim,
        })
    }

    pub(super) fn convert<'p>(self, value: Tree<'p>) -> Result<Tree<'p>, ConvertError> {
        let Tree::Text(text) = value else {
            return Err(ConvertError::new("case", "text was expected", &value));
        };
        Ok(Tree::Text(match (self, text) {
            (Case::Trim, Cow::Borrowed(text)) => Cow::Borrowed(text.trim()),
            (Case::Trim, Cow::Owned(text)) => Cow::Owned(text.trim().to_owned()),
            (Case::Lower, text) => Cow::Owned(text.to_lowercase()),
            (Case::Upper, text) => Cow::Owned(text.to_uppercase()),
            (Case::Title, text) => Cow::Owned(title(&text)),
        }))
    }
}

fn title(text: &str) -> String {
    let mut start = true;
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        if start {
            out.extend(sign.to_uppercase());
        } else {
            out.extend(sign.to_lowercase());
        }
        start = !sign.is_alphanumeric();
    }
    out
}
