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

/// Most characters of a message or a hint: a file may hold a line of a megabyte.
const LONGEST: usize = 1_000;
/// Most findings of a file that are told.
pub const MOST: usize = 100;

fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// The first [`MOST`] findings of each file, and for the others one that says how many there are at least. They come
/// sorted by place.
pub fn capped(findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::with_capacity(findings.len().min(MOST));
    let mut found = findings.into_iter().peekable();
    let (mut told, mut worst) = (0, Level::Note);
    while let Some(finding) = found.next() {
        told += 1;
        let last = found.peek().is_none_or(|next| next.place.file != finding.place.file);
        let place = (last && told > MOST).then(|| finding.place.clone());
        match told <= MOST {
            true => kept.push(finding),
            false => worst = worst.min(finding.level),
        }
        if let Some(place) = place {
            let message = format!("there are {} more findings in this file, or more than that", told - MOST);
            let more = Finding::error("more", place, message).hint("mend those above, and check again");
            kept.push(Finding { level: worst, ..more });
        }
        if last {
            (told, worst) = (0, Level::Note);
        }
    }
    kept
}

impl Finding {
    /// An error.
    pub fn error(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Finding { code, level: Level::Error, place, message: cut(message.into()), hint: None, replace: None }
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
        self.hint = Some(cut(hint.into()));
        self
    }

    /// The same with the text that would be right.
    #[must_use]
    pub fn replace(mut self, text: impl Into<String>) -> Self {
        self.replace = Some(text.into()).filter(|text: &String| text.len() <= LONGEST);
        self
    }
}

/// Whether any of them is an error.
pub fn any_error(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.level == Level::Error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(file: &str, line: usize) -> Finding {
        let place = Place { file: file.to_owned(), line, column: 1, bytes: 0..0 };
        Finding::error("bad-value", place, "x")
    }

    #[test]
    fn a_file_tells_a_hundred_findings_and_how_many_more() {
        let check = |numbers: &[usize], expect: &[(usize, &str)]| {
            let all = numbers.iter().enumerate();
            let all = all.flat_map(|(file, number)| (0..*number).map(move |line| finding(&file.to_string(), line)));
            let kept = capped(all.collect());
            for (file, (number, last)) in expect.iter().enumerate() {
                let of: Vec<&Finding> = kept.iter().filter(|kept| kept.place.file == file.to_string()).collect();
                assert_eq!((of.len(), of[of.len() - 1].message.as_str()), (*number, *last), "{numbers:?}");
            }
        };
        check(&[1, 100], &[(1, "x"), (100, "x")]);
        check(&[101, 3], &[(101, "there are 1 more findings in this file, or more than that"), (3, "x")]);
        check(&[5, 20_000], &[(5, "x"), (101, "there are 19900 more findings in this file, or more than that")]);
        assert!(capped(Vec::new()).is_empty());
    }

    #[test]
    fn words_are_cut() {
        let long = Finding::error("bad-value", Place::default(), "é".repeat(2_000)).hint("y".repeat(2_000));
        let long = long.replace("z".repeat(2_000));
        assert_eq!(long.message.chars().count(), 1_001);
        assert_eq!(long.hint.map(|hint| hint.len()), Some(1_000 + '…'.len_utf8()));
        assert_eq!(long.replace, None);
    }
}
