//! `.env`: one `NAME=VALUE` a line. A value is what stands there: nothing in it is expanded, a password is a password.
//!
//! `export` may stand before the name, `#` begins a comment at the start of a line or behind a blank. A value ends with its
//! line, without blanks around it, unless it is quoted: `'…'` is taken as it is, `"…"` knows `\n`, `\r`, `\t`, `\"`, `\\`
//! and `\$`, and both may go over several lines.
use std::ops::Range;

use adotenv::{Diagnostic, DiagnosticCode, Severity};

use super::node::{File, Kind, Node};
use crate::finding::Finding;

/// The file's name.
pub const PATH: &str = ".env";

/// Names and values of the file, and what is wrong with it. A line with a fault gives no value. No finding quotes the
/// file: what is wrong there may be a part of a secret.
pub fn read(bytes: &[u8]) -> (Vec<(String, String)>, Vec<Finding>) {
    let text = String::from_utf8_lossy(bytes);
    let root = Node { at: 0..0, kind: Kind::Null };
    let file = File { path: PATH.to_owned(), text: text.into_owned(), root };
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let finding = Finding::error("unreadable", file.place(&(0..0)), "the file is UTF-16 text");
        return (Vec::new(), vec![finding.hint("save it as UTF-8")]);
    }
    let (document, faults) = adotenv::parse(&file.text);
    let mut findings: Vec<Finding> = faults.iter().filter_map(|fault| finding(&file, fault)).collect();
    let lost = not_text(&file, bytes);
    findings.extend(lost.iter().map(|at| {
        Finding::error("unreadable", file.place(at), "this line is not UTF-8 text").hint("save the file as UTF-8")
    }));
    findings.sort_by_key(|found| (found.place.line, found.place.column));
    let is_whole = |value: &str| lost.is_empty() || !value.contains(char::REPLACEMENT_CHARACTER);
    let entries = document.effective_entries().filter(|entry| is_whole(entry.value()));
    (entries.map(|entry| (entry.key().to_owned(), entry.value().to_owned())).collect(), findings)
}

/// The first place of each line that is not UTF-8.
fn not_text(file: &File, bytes: &[u8]) -> Vec<Range<usize>> {
    if std::str::from_utf8(bytes).is_ok() {
        return Vec::new();
    }
    let mut start = 0;
    let mut lost = Vec::new();
    for line in file.text.split_inclusive('\n') {
        if let Some(at) = line.find(char::REPLACEMENT_CHARACTER) {
            lost.push(start + at..start + at + char::REPLACEMENT_CHARACTER.len_utf8());
        }
        start += line.len();
    }
    lost
}

fn finding(file: &File, fault: &Diagnostic) -> Option<Finding> {
    let at = fault.span();
    let place = file.place(&at);
    let wrong = |code, message: &str, hint: &str| Some(Finding::error(code, place.clone(), message).hint(hint));
    let first = fault.secondary_span().map(|first| file.place(&first).line);
    match fault.code() {
        DiagnosticCode::InvalidKey | DiagnosticCode::BareKey => wrong(
            "bad-value",
            "this line is not `NAME=VALUE`",
            "a value of several lines stands in quotes, and a comment begins with `#`",
        ),
        DiagnosticCode::UnterminatedQuote => wrong(
            "bad-value",
            "this quote is not closed",
            "close it at the end of the value; a value that holds one kind of quotes is put in the other",
        ),
        DiagnosticCode::TrailingText => wrong(
            "bad-value",
            "there is text behind the closing quote",
            "the value ends with its quote; was another quote opened further up and not closed?",
        ),
        DiagnosticCode::DuplicateKey => wrong(
            "duplicate-key",
            "this name is given twice",
            &format!("it was given on line {}; remove one of them", first.unwrap_or(1)),
        ),
        DiagnosticCode::UnknownEscape => Some(
            Finding::warning("bad-value", place, "this backslash means nothing, and is kept as it is")
                .hint("in single quotes every backslash is one; in double quotes write `\\\\`"),
        ),
        _ if fault.severity() == Severity::Error => wrong(
            "bad-value",
            "this line is not understood",
            "a line is `NAME=VALUE`, the value in quotes where it must be",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: impl AsRef<[u8]>, expect: &str) {
        let (values, findings) = read(text.as_ref());
        let mut told: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        told.extend(
            findings.iter().map(|found| format!("{}:{} {}", found.place.line, found.place.column, found.message)),
        );
        assert_eq!(told.join("|"), expect);
    }

    #[test]
    fn a_value_is_what_stands_there() {
        check("A=pa$word1x\nB=x$HOME\r\nC=${B}\n", "A=pa$word1x|B=x$HOME|C=${B}");
        check("A=db={url=foo}==\nB=foo bar\nC = spaced \nD=\n", "A=db={url=foo}==|B=foo bar|C=spaced|D=");
        check("A=x # note\nB=x#note\n# A=y\n  # z\n\n", "A=x|B=x#note");
        check("A=C:\\Users\\me\nB=pass\"word\nC=it's\n", "A=C:\\Users\\me|B=pass\"word|C=it's");
        check(
            "A='single $A #x'\nB=\"a\\tb \\\"q\\\" \\$x\"\nexport C=\"x\" # note",
            "A=single $A #x|B=a\tb \"q\" $x|C=x",
        );
        check("KEY=\"-----BEGIN\nMIIE\n-----END\"\nB=1", "KEY=-----BEGIN\nMIIE\n-----END|B=1");
        check("\u{feff}A=1\nB=2", "A=1|B=2");
        check("", "");
    }

    #[test]
    fn each_fault_has_its_line() {
        check("A=1\nthis is no line\nB=2", "A=1|B=2|2:1 this line is not `NAME=VALUE`");
        check("A=1\nalone\nB=2", "A=1|B=2|2:1 this line is not `NAME=VALUE`");
        check("=x\nB=2", "B=2|1:1 this line is not `NAME=VALUE`");
        check("A=1\nB=\"open\nC=3", "A=1|C=3|2:3 this quote is not closed");
        check("A='open\nB=2", "B=2|1:3 this quote is not closed");
        check("A=\"x\"y\nB=2", "B=2|1:6 there is text behind the closing quote");
        check("A=1\nA=2", "A=2|2:1 this name is given twice");
        check("A=\"a\\qb\"", "A=a\\qb|1:5 this backslash means nothing, and is kept as it is");
    }

    #[test]
    fn what_is_not_utf_8_is_said() {
        check(b"A=1\nC=pass\xe9\nD=4", "A=1|D=4|2:7 this line is not UTF-8 text");
        check(b"\xff\xfeA\0=\x001\0", "1:1 the file is UTF-16 text");
        // A replacement character that was written is one.
        check("A=\u{fffd}", "A=\u{fffd}");
    }
}
