//! Text of strangers, made fit to be read: nothing in it moves a cursor, starts a line or turns the writing round.
use std::borrow::Cow;
use std::fmt::Write;

use crate::redact::redact_start;

/// Text in which control characters, line ends and marks of direction are written out, such as `\u{1b}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for sign in text.chars() {
        if acts(sign) {
            // A `String` takes all that is written.
            let _ = write!(out, "{}", sign.escape_unicode());
        } else {
            out.push(sign);
        }
    }
    Cow::Owned(out)
}

/// The same of several lines: what ends a line stays.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    if !text.contains(|sign| sign != '\n' && acts(sign)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split('\n').map(printable).collect::<Vec<_>>().join("\n"))
}

/// The beginning of a text within a message: without secrets, and on one line.
pub fn start(text: &str, most: usize) -> String {
    printable(&redact_start(text, most)).into_owned()
}

/// Characters of a text of which an excerpt is made.
const LOOKED_AT: usize = 64 << 10;

/// The beginning of a text on one line, without secrets: runs of blanks are one, and a text of more than `most` characters
/// is cut.
pub fn excerpt(text: &str, most: usize) -> String {
    // What is far behind the cut need not be looked at: a site may send megabytes.
    let near = redact_start(text, LOOKED_AT);
    let line = near.split_whitespace().take(most + 1).collect::<Vec<_>>().join(" ");
    let mut out = String::new();
    for (count, sign) in line.chars().enumerate() {
        if count == most {
            out.push('…');
            break;
        }
        out.push(sign);
    }
    printable(&out).into_owned()
}

/// JSON whose strings show what acts as JSON's own escapes: the same value, for a person and for a program.
pub fn printable_json(text: &str) -> Cow<'_, str> {
    let hidden = |sign: char| acts(sign) && !matches!(sign, '\n' | '\t');
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for sign in text.replace("\r\n", "\n").chars() {
        if hidden(sign) {
            // All of them are of one unit of UTF-16, and a `String` takes all that is written.
            let _ = write!(out, "\\u{:04x}", u32::from(sign));
        } else {
            out.push(sign);
        }
    }
    Cow::Owned(out)
}

/// A text in which words of more than `most` characters are cut: a site may send megabytes without a blank.
pub fn cut_words(text: &str, most: usize) -> Cow<'_, str> {
    if text.split([' ', '\n']).all(|word| word.len() <= most) {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    for word in text.split_inclusive([' ', '\n']) {
        match word.trim_end_matches([' ', '\n']).char_indices().nth(most) {
            None => out += word,
            Some((end, _)) => {
                out += &word[..end];
                out.push('…');
                out += &word[word.trim_end_matches([' ', '\n']).len()..];
            }
        }
    }
    Cow::Owned(out)
}

/// Whether a terminal or a reader of lines does something at this character instead of showing it.
fn acts(sign: char) -> bool {
    sign.is_control()
        || matches!(sign, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}')
        || matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_written_out() {
        let check = |text: &str, expect: &str| assert_eq!(printable(text), expect);
        check("Développeur (H/F) · 45 k€ 👩‍💻", "Développeur (H/F) · 45 k€ 👩‍💻");
        check("\u{1b}[31mred\u{7}", "\\u{1b}[31mred\\u{7}");
        check("a\nb\rc\td", "a\\u{a}b\\u{d}c\\u{9}d");
        check("\u{9b}2J\u{7f}\0", "\\u{9b}2J\\u{7f}\\u{0}");
        check("a\u{202e}b\u{2066}c\u{2028}d", "a\\u{202e}b\\u{2066}c\\u{2028}d");
        assert_eq!(printable_lines("a\u{1b}\nb\n"), "a\\u{1b}\nb\n");
        assert!(matches!(printable_lines("a\nb"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_stays_json() {
        let check = |text: &str, expect: &str| {
            assert_eq!(printable_json(text), expect);
            let [before, after] = [text, expect].map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
            assert_eq!(before, after);
        };
        check("{\n\t\"a\": \"é\"}", "{\n\t\"a\": \"é\"}");
        check(
            "{\r\n\"a\":\"\u{9b}2J\u{7f}\u{202e}x\u{2028}\"}",
            r#"{
"a":"\u009b2J\u007f\u202ex\u2028"}"#,
        );
    }

    #[test]
    fn long_words_are_cut_and_what_stands_around_them_stays() {
        let check = |text: &str, expect: &str| assert_eq!(cut_words(text, 3), expect);
        check("abc abc\nabc", "abc abc\nabc");
        check("abcd  éèàçx\nab", "abc…  éèà…\nab");
        check("", "");
    }

    #[test]
    fn an_excerpt_is_one_line() {
        let check = |text: &str, most: usize, expect: &str| assert_eq!(excerpt(text, most), expect);
        check("  two\n\n  lines ", 20, "two lines");
        check("abcdef", 3, "abc…");
        check("abc", 3, "abc");
        check("a\u{1b}b", 9, "a\\u{1b}b");
        check(&"x ".repeat(5_000_000), 4, "x x …");
    }
}
