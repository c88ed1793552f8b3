//! What is wrong with a piece of text that the user wrote, with the bytes of that text it is about.
use std::fmt;
use std::ops::Range;

/// A fault inside one scalar of a file. The file's reader turns it into a finding at the right column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable code, such as `bad-path`; becomes the finding's code.
    pub code: &'static str,
    /// Bytes of the scalar's text that are wrong; the whole text when empty.
    pub at: Range<usize>,
    /// What is wrong: lower case, no period, names in backticks.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault at these bytes.
    pub fn new(code: &'static str, at: Range<usize>, message: impl Into<String>) -> Self {
        Fault { code, at, message: message.into(), hint: None }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, `by` bytes further right: for a text inside a text.
    #[must_use]
    pub fn shift(mut self, by: usize) -> Self {
        self.at = self.at.start + by..self.at.end + by;
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}
