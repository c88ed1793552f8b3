//! A value that is written out or is a template over parameters.
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::fault::{Carried, Fault};
use super::template::Template;

/// A value, or a template over `param` that gives one when the plan is built.
#[derive(Clone, Debug, PartialEq)]
pub enum Given<T> {
    /// Written out.
    Fixed(T),
    /// Known when the parameters are.
    Template(Template),
}

impl<T> Given<T> {
    /// The template, where it is one.
    pub fn template(&self) -> Option<&Template> {
        match self {
            Given::Fixed(_) => None,
            Given::Template(template) => Some(template),
        }
    }
}

impl<T: Copy> Given<T> {
    /// The value; `None` while it is a template. A plan holds none of those.
    pub fn fixed(&self) -> Option<T> {
        match self {
            Given::Fixed(value) => Some(*value),
            Given::Template(_) => None,
        }
    }
}

impl<T: FromStr<Err: Into<FaultOrText>>> FromStr for Given<T> {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if text.contains("${") {
            return text.parse().map(Given::Template);
        }
        text.parse().map(Given::Fixed).map_err(|error: T::Err| match error.into() {
            FaultOrText::Fault(fault) => fault,
            FaultOrText::Text(message) => Fault::new("bad-value", 0..text.len(), format!("`{text}` where {message}")),
        })
    }
}

/// What a parser of a scalar complains with.
#[derive(Debug)]
pub enum FaultOrText {
    /// One of ours.
    Fault(Fault),
    /// One of the standard library's.
    Text(String),
}

impl From<Fault> for FaultOrText {
    fn from(fault: Fault) -> Self {
        FaultOrText::Fault(fault)
    }
}

impl From<std::num::ParseIntError> for FaultOrText {
    fn from(_: std::num::ParseIntError) -> Self {
        FaultOrText::Text("a whole number, or a template over `param`, was expected".into())
    }
}

impl<'de, T: FromStr<Err: Into<FaultOrText>>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct GivenVisitor<T>(PhantomData<T>);
        impl<T: FromStr<Err: Into<FaultOrText>>> Visitor<'_> for GivenVisitor<T> {
            type Value = Given<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or a template over `param`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                text.parse().map_err(|fault: Fault| E::custom(Carried(fault)))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(GivenVisitor(PhantomData))
    }
}
