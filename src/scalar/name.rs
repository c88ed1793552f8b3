//! Names of sources, pipelines and mappings.
use std::fmt;
use std::str::FromStr;

use super::fault::{Carried, Fault};

/// `[a-z][a-z0-9-]*`: a name that is also a file name and part of ids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let valid = |(at, sign): (usize, char)| match sign {
            'a'..='z' => true,
            '0'..='9' | '-' => at > 0,
            _ => false,
        };
        match text.char_indices().find(|&pair| !valid(pair)) {
            None if !text.is_empty() => Ok(Name(text.to_owned())),
            found => {
                let at = found.map_or(0..0, |(at, sign)| at..at + sign.len_utf8());
                let fault = Fault::new("bad-name", at, format!("`{text}` is not a name"));
                Err(fault.hint("a name is made of `a`-`z`, `0`-`9` and `-`, and begins with a letter"))
            }
        }
    }
}

impl TryFrom<String> for Name {
    type Error = Carried;

    fn try_from(text: String) -> Result<Self, Carried> {
        Ok(text.parse()?)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
