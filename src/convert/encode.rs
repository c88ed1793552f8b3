//! `hash`, `json`, `absolute`: values as text of another kind.
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

use super::ConvertError;
use super::args::Args;
use crate::scalar::Fault;
use crate::tree::Tree;

/// `hash` and `json`.
#[derive(Clone, Copy, Debug)]
pub enum Encode {
    /// 16 hexadecimal digits of the value's JSON (of text, its bytes).
    Hash,
    /// JSON text; of null the text `null`.
    Json,
}

impl Encode {
    pub(super) fn parse(args: &Args<'_>) -> Result<Self, Fault> {
        args.none()?;
        Ok(if args.name() == "hash" { Encode::Hash } else { Encode::Json })
    }

    pub(super) fn convert<'p>(self, value: Tree<'p>) -> Tree<'p> {
        match (self, value) {
            (Encode::Hash, Tree::Null) => Tree::Null,
            (Encode::Hash, Tree::Text(text)) => Tree::from(format!("{:016x}", xxh3_64(text.as_bytes()))),
            (Encode::Hash, value) => Tree::from(format!("{:016x}", xxh3_64(value.to_string().as_bytes()))),
            (Encode::Json, value) => Tree::from(value.to_string()),
        }
    }
}

/// `absolute("https://…")`: an address joined to a base.
#[derive(Clone, Debug)]
pub struct Absolute {
    base: Url,
}

impl Absolute {
    pub(super) fn parse(args: &Args<'_>) -> Result<Self, Fault> {
        args.at_most(1, &[])?;
        let (text, given) = args.text(r#"absolute("https://www.example.org")"#)?;
        let base =
            Url::parse(text).map_err(|error| args.fault(given, format!("`{text}` is not an address: {error}")))?;
        Ok(Absolute { base })
    }

    pub(super) fn convert<'p>(&self, value: Tree<'p>) -> Result<Tree<'p>, ConvertError> {
        let joined = value.as_str().and_then(|text| self.base.join(text.trim()).ok());
        joined
            .map(|url| Tree::from(String::from(url)))
            .ok_or_else(|| ConvertError::new("absolute", "an address was expected", &value))
    }
}
