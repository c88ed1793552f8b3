//! Something to say about a file: code, level, place, message and how to mend it.
use std::ops::Range;

use serde::Serialize;

/// How bad a finding is. An error keeps the file from being used, a warning does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The file cannot be used.
    Error,
    /// The file is used; probably not what was meant.
    Warning,
    /// Worth knowing.
    Note,
}

/// A place in a file: 1-based line and column (in characters), and the bytes it covers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Path as given, relative to the project where it can be.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Bytes of the file that are marked with carets.
    #[serde(skip)]
    pub bytes: Range<usize>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable word for the kind of fault, such as `unknown-key`; `explain CODE` tells more.
    pub code: &'static str,
    /// How bad it is.
    pub level: Level,
    /// Where.
    pub place: Place,
    /// What is wrong: lower case, no period, names in backticks.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
    /// The text that would be right at `place.bytes`, when there is one.
    pub replace: Option<String>,
}

impl Finding {
    /// An error.
    pub fn error(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Finding { code, level: Level::Error, place, message: message.into(), hint: None, replace: None }
    }

    /// A warning.
    pub fn warning(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Finding { level: Level::Warning, ..Finding::error(code, place, message) }
    }

    /// Something worth knowing.
    pub fn note(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Finding { level: Level::Note, ..Finding::error(code, place, message) }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with the text that would be right.
    #[must_use]
    pub fn replace(mut self, text: impl Into<String>) -> Self {
        self.replace = Some(text.into());
        self
    }
}

/// Whether any of them is an error.
pub fn any_error(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.level == Level::Error)
}
