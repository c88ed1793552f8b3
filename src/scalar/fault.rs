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

/// A fault on its way through serde, whose errors are text alone: it prints everything that [`Carried::read`] needs.
#[derive(Clone, Debug)]
pub struct Carried(pub Fault);

/// Marks a text that holds a fault; no message of serde's own begins so.
const MARK: char = '\u{1}';

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { code, at, message, hint } = &self.0;
        let hint = hint.as_deref().unwrap_or("");
        write!(f, "{MARK}{code}{MARK}{}{MARK}{}{MARK}{message}{MARK}{hint}{MARK}", at.start, at.end)
    }
}

impl Carried {
    /// The parts of a fault that was printed: code, bytes, message, hint.
    pub fn read(text: &str) -> Option<(String, Range<usize>, String, Option<String>)> {
        let parts: Vec<&str> = text.strip_prefix(MARK)?.split(MARK).collect();
        let [code, start, end, message, hint, ..] = parts[..] else { return None };
        let at = start.parse().ok()?..end.parse().ok()?;
        Some((code.to_owned(), at, message.to_owned(), (!hint.is_empty()).then(|| hint.to_owned())))
    }
}

impl From<Fault> for Carried {
    fn from(fault: Fault) -> Self {
        Carried(fault)
    }
}

/// The nearest of the valid words, when one is near enough to be a slip of the pen.
pub fn nearest<'w>(word: &str, valid: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let lower = word.to_lowercase();
    valid
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().min(word.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
