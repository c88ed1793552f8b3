//! Text of strangers, made fit to be read: nothing in it moves a cursor, starts a line or turns the writing round.
use std::borrow::Cow;
use std::fmt::Write;

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

/// The beginning of a text on one line: runs of blanks are one, and a text of more than `most` characters is cut.
pub fn excerpt(text: &str, most: usize) -> String {
    // What is behind the cut need not be looked at: a site may send megabytes.
    let words: Vec<&str> = text.split_whitespace().take(most + 1).collect();
    let line = words.join(" ");
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
    fn an_excerpt_is_one_line() {
        let check = |text: &str, most: usize, expect: &str| assert_eq!(excerpt(text, most), expect);
        check("  two\n\n  lines ", 20, "two lines");
        check("abcdef", 3, "abc…");
        check("abc", 3, "abc");
        check("a\u{1b}b", 9, "a\\u{1b}b");
        check(&"x ".repeat(5_000_000), 4, "x x …");
    }
}
