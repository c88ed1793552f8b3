//! A number that a site announces: of records, or of pages.
use crate::exchange::Page;
use crate::printable::start;
use crate::scalar::Reader;
use crate::tree::Tree;

/// What a reader of a number found.
#[derive(Clone, Debug, PartialEq)]
pub enum Figure {
    /// A number that can be counted with.
    Number(u64),
    /// A number too large to be counted with; which, for messages.
    TooLarge(String),
    /// Something else; what, for messages.
    Unusable(String),
}

/// Numbers above this are not exact in JSON of most sites: they count as unreadable.
const LARGEST: u64 = 1 << 53;
/// Most signs of a value that a message quotes.
const QUOTED: usize = 80;

impl Figure {
    /// Reads it out of an answer.
    pub fn read(reader: &Reader, page: &Page, body: &Tree<'_>) -> Self {
        let value = reader.read(page, body);
        let number = match &value {
            Tree::Bool(_) | Tree::Null | Tree::List(_) | Tree::Object(_) => None,
            Tree::Number(_) if value.is_whole() => {
                value.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64)
            }
            Tree::Number(_) => None,
            value => value.scalar_text().and_then(|text| whole(&text)),
        };
        match number {
            Some(number) if number <= LARGEST => Figure::Number(number),
            Some(_) => Figure::TooLarge(format!("`{reader}` is {}, above 2^53", quoted(&value))),
            None => Figure::Unusable(not_a_number(reader, &value, page, body)),
        }
    }

    /// The number.
    pub fn number(&self) -> Option<u64> {
        match self {
            Figure::Number(number) => Some(*number),
            Figure::TooLarge(_) | Figure::Unusable(_) => None,
        }
    }
}

/// What a reader found where a number, a yes or a no was expected.
fn not_a_number(reader: &Reader, value: &Tree<'_>, page: &Page, body: &Tree<'_>) -> String {
    match (value, reader.unmatched(page, body)) {
        (Tree::Null, Some(Tree::Null) | None) => format!("`{reader}` finds nothing"),
        (Tree::Null, Some(other)) => format!("`{reader}` finds nothing in {}", quoted(&other)),
        (value, _) => format!("`{reader}` is {}", quoted(value)),
    }
}

/// A value for messages: text in quotes, and not too long.
pub(super) fn quoted(value: &Tree<'_>) -> String {
    let text = value.to_string();
    let more = if text.chars().nth(QUOTED).is_some() { "…" } else { "" };
    start(&text, QUOTED) + more
}

/// A whole number out of text: digits, with a blank, a comma, a point or an apostrophe between thousands, or with
/// decimals that are all 0. One that no 64 bits hold is the largest.
fn whole(text: &str) -> Option<u64> {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(text) {
        return Some(text.parse().unwrap_or(u64::MAX));
    }
    let groups: Vec<&str> = text.split(|sign: char| sign.is_whitespace() || ",.'’".contains(sign)).collect();
    if let [first, between @ .., last] = &groups[..]
        && groups.iter().all(|group| digits(group))
        && groups.len() > 1
        && first.len() <= 3
        && between.iter().all(|group| matches!(group.len(), 2 | 3))
        && last.len() == 3
    {
        return Some(groups.concat().parse().unwrap_or(u64::MAX));
    }
    if let Some((number, decimals)) = text.rsplit_once(['.', ','])
        && !decimals.is_empty()
        && decimals.bytes().all(|byte| byte == b'0')
    {
        return whole(number);
    }
    let exponent = text.contains(['e', 'E']) && text.starts_with(|sign: char| sign.is_ascii_digit());
    let number: f64 = text.parse().ok().filter(|number: &f64| exponent && *number >= 0.0 && number.fract() == 0.0)?;
    // What is too large for 64 bits becomes the largest.
    Some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_sites_write_them() {
        for (text, expect) in [
            ("60", Some(60)),
            (" 60 ", Some(60)),
            ("60.0", Some(60)),
            ("6e1", Some(60)),
            ("1 234", Some(1234)),
            ("1\u{2009}234", Some(1234)),
            ("1\u{202f}234\u{a0}567", Some(1_234_567)),
            ("1,234", Some(1234)),
            ("1.234", Some(1234)),
            ("1'234.00", Some(1234)),
            ("12,34,567", Some(1_234_567)),
            ("18446744073709551616", Some(u64::MAX)),
            ("1e300", Some(u64::MAX)),
            ("*", None),
            ("-1", None),
            ("3,5", None),
            ("12 34", None),
            ("60 offers", None),
            ("", None),
            ("inf", None),
            ("NaN", None),
        ] {
            assert_eq!(whole(text), expect, "{text}");
        }
    }
}
