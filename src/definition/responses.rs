//! `responses`: what answers mean, by code and, where written, by a test of the answer.
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::scalar::fault::Carried;
use crate::scalar::{Fault, Reader, Share, Template};

/// All entries, in file order.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Responses(pub Entries);

/// Entries by their key as written.
#[derive(Clone, Debug, Default)]
pub struct Entries(pub Vec<(Codes, Action)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> serde::de::Visitor<'de> for EntriesVisitor {
            type Value = Entries;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of codes to actions")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}

/// `200, 206`, `5xx`, `dns`, `timeout`, each optionally ` if READER` or ` if not READER`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Codes {
    /// As written.
    pub text: String,
    /// The codes.
    pub codes: Vec<Code>,
    /// The test: it must hold, or must not.
    pub test: Option<(bool, Reader)>,
}

/// One code.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Code {
    /// Exactly this.
    Exact(u16),
    /// A class: `5xx`.
    Class(u16),
    /// The name could not be resolved.
    Dns,
    /// No answer in time.
    Timeout,
}

impl FromStr for Codes {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let (head, test) = match text.split_once(" if ") {
            Some((head, test)) => {
                let negated = test.trim_start().strip_prefix("not ");
                let reader = negated.unwrap_or(test).trim();
                let at = reader.as_ptr() as usize - text.as_ptr() as usize;
                (head, Some((negated.is_none(), reader.parse::<Reader>().map_err(|fault| fault.shift(at))?)))
            }
            None => (text, None),
        };
        let codes = head.split(',').map(|part| {
            let part = part.trim();
            let at = part.as_ptr() as usize - text.as_ptr() as usize;
            code(part).ok_or_else(|| {
                Fault::new("bad-value", at..at + part.len(), format!("`{part}` is not a code of an answer"))
                    .hint("a status such as `404`, a class such as `5xx`, `dns` or `timeout`")
            })
        });
        Ok(Codes { codes: codes.collect::<Result<_, _>>()?, test, text: text.to_owned() })
    }
}

fn code(word: &str) -> Option<Code> {
    match word {
        "dns" => Some(Code::Dns),
        "timeout" => Some(Code::Timeout),
        _ => match (word.strip_suffix("xx"), word.parse::<u16>()) {
            (Some(class), _) => class.parse().ok().filter(|class| (1..=5).contains(class)).map(Code::Class),
            (None, Ok(code)) => (100..=999).contains(&code).then_some(Code::Exact(code)),
            _ => None,
        },
    }
}

impl TryFrom<String> for Codes {
    type Error = Carried;

    fn try_from(text: String) -> Result<Self, Carried> {
        Ok(text.parse()?)
    }
}

impl Codes {
    /// Whether it covers a status.
    pub fn covers(&self, status: u16) -> bool {
        self.codes.iter().any(|code| match code {
            Code::Exact(exact) => *exact == status,
            Code::Class(class) => status / 100 == *class,
            Code::Dns | Code::Timeout => false,
        })
    }
}

/// What is done with an answer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It holds records.
    Records,
    /// The slice ends, complete.
    Empty,
    /// It is asked again.
    Retry,
    /// The token is renewed once, and it is asked again.
    Renew,
    /// The offers of this partition are gone.
    Gone,
    /// The window is halved.
    Split,
    /// The slice is left out.
    Skip(Skip),
    /// The slice ends.
    Fail(Fail),
}

/// Leaving slices out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Skip {
    /// Why.
    pub reason: Template,
    /// Largest share of slices left out before the run fails; judged above 20 slices.
    pub at_most: Share,
}

/// Ending a slice.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fail {
    /// Why.
    pub reason: Template,
}

impl Responses {
    /// Entries as they stand.
    pub fn iter(&self) -> impl Iterator<Item = &(Codes, Action)> {
        self.0.0.iter()
    }

    /// Adds a shared part behind what the source itself says.
    pub fn extend(&mut self, other: &Responses) {
        self.0.0.extend(other.iter().cloned());
    }
}
