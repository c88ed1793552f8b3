//! A conversion as written: its name and arguments, with the bytes they stand at.
use std::ops::Range;

use super::path::Path;

/// An argument as written.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// `"text"`.
    Text(String),
    /// A number with a decimal point.
    Number(f64),
    /// A whole number.
    Int(i64),
    /// `true`, `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// A bare word, dots allowed: `lookup(contracts.apec)`.
    Word(String),
    /// A path, read when the conversion is used: `geo($.lat, $.lon)`.
    Path(Path),
    /// In a template, something that is known only when it is rendered.
    Late,
}

/// One argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// `NAME=` before it.
    pub name: Option<String>,
    /// The argument.
    pub arg: Arg,
    /// Its bytes in the text.
    pub at: Range<usize>,
}

/// A conversion with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// Bytes of the name in the text.
    pub at: Range<usize>,
    /// Its arguments.
    pub args: Vec<Given>,
    /// Whether it stands in a template, where a bare word is a variable.
    pub template: bool,
}
