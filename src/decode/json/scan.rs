//! Where a JSON value ends, judged by its brackets and texts alone: also one that cannot be read.

/// What a scan came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scan {
    /// The place of the `,` or closing bracket behind the value.
    End(usize),
    /// The bytes end inside the value.
    Cut,
    /// The bytes end, and everything that was opened is closed.
    Closed,
}

/// Most brackets that may be open at once: more are no value that anybody wrote.
const MOST: usize = 1 << 16;

/// Scans from a place to the end of the value there, which stands in brackets that end with `close`; 0 for a whole body,
/// which is read strictly. A bracket that closes what is not open is passed over, and one that closes an outer one closes
/// all within it. Behind a quote that is not escaped, what seems to be a text is what stands between two texts.
pub(super) fn scan(bytes: &[u8], mut at: usize, close: u8) -> Scan {
    let mut open = Open::default();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = text_end(bytes, at + 1).map(|(end, _)| end);
                let inside = &bytes[at + 1..end.unwrap_or(bytes.len())];
                match end {
                    _ if close != 0 && is_between(inside, end.is_some()) => {}
                    Some(end) => at = end,
                    None => return Scan::Cut,
                }
            }
            b'{' | b'[' if open.ends.len() == MOST => return Scan::Cut,
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            b'}' | b']' if open.has(*byte) => open.pop(*byte),
            b'}' | b']' if *byte == close => return Scan::End(at),
            b',' if open.ends.is_empty() && close != 0 => return Scan::End(at),
            _ => {}
        }
        at += 1;
    }
    if open.ends.is_empty() && close == 0 { Scan::Closed } else { Scan::Cut }
}

/// The brackets that will end what is open. They are counted, so that one which closes nothing costs no search.
#[derive(Default)]
struct Open {
    ends: Vec<u8>,
    curly: usize,
}

impl Open {
    fn push(&mut self, end: u8) {
        self.curly += usize::from(end == b'}');
        self.ends.push(end);
    }

    fn has(&self, end: u8) -> bool {
        if end == b'}' { self.curly > 0 } else { self.ends.len() > self.curly }
    }

    /// Closes what this bracket ends, and all that was opened within it.
    fn pop(&mut self, end: u8) {
        while let Some(last) = self.ends.pop() {
            self.curly -= usize::from(last == b'}');
            if last == end {
                break;
            }
        }
    }
}

/// Whether what stands between two quotes is no text, but ends one object and begins the next, or ends a list. What is
/// escaped is text: otherwise each quote in it would be looked at as if it began another one.
fn is_between(inside: &[u8], ended: bool) -> bool {
    if memchr::memchr(b'\\', inside).is_some() {
        return false;
    }
    let opens = |rest: &[u8]| {
        Some(
            rest.trim_ascii_end()
                .strip_suffix(b"{")?
                .trim_ascii_end()
                .strip_suffix(b",")?
                .trim_ascii_end()
                .ends_with(b"}"),
        )
    };
    let closes = |rest: &[u8]| Some(rest.trim_ascii_start().strip_prefix(b"}")?.trim_ascii_start().starts_with(b"]"));
    let last = !ended && matches!(inside.trim_ascii_start().first(), Some(b'}' | b']'));
    last || opens(inside) == Some(true) || closes(inside) == Some(true)
}

/// The place of the quote that ends a text whose inside begins here, and whether anything in it is escaped.
pub(super) fn text_end(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some((at, escaped));
        }
        escaped = true;
        at += 2;
    }
}

/// Whether a text that begins as an object or a list ends inside it.
pub fn is_cut(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')) && scan(text, 0, 0) == Scan::Cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_its_brackets_do() {
        for (text, end) in [
            (r#"{"a":[1,2]},3]"#, 11),
            (r#""a,]\"b",2]"#, 8),
            (r"1]", 1),
            (r",1]", 0),
            // A list that is not closed, one that is closed twice, and an object that is not closed.
            (r#"{"a":["b"},{}]"#, 10),
            (r#"{"a":1}},{}]"#, 8),
            (r#"{"a":1]"#, 6),
            // A quote that is not escaped, in the middle, in a list within and in the last record.
            (r#"{"a":"5" x","b":"c"},{"a":"d"}]"#, 20),
            (r#"{"a":[{"b":"5" x"},{"b":"c"}],"d":"e"},{}]"#, 38),
            (r#"{"a":"5" x"}]}"#, 12),
            (r#"{"a":"b},{"a":"c"}]"#, 8),
        ] {
            assert_eq!(scan(text.as_bytes(), 0, b']'), Scan::End(end), "{text}");
        }
    }

    #[test]
    fn what_is_cut_is_seen() {
        for whole in [r#"{"a":[1,2],"b":"]"}"#, " [] \n", "17", "<html>", "", "{\"a\":\"}\"}", "\u{feff}{}"] {
            assert!(!is_cut(whole.as_bytes()), "{whole}");
        }
        for cut in [r#"{"a":[1,2]"#, r#"{"a":[{"b":1}"#, r#"{"a":"b"#, "[", r#"{"a":"b\""#] {
            assert!(is_cut(cut.as_bytes()), "{cut}");
        }
        assert_eq!(scan("[".repeat(MOST + 1).as_bytes(), 0, b']'), Scan::Cut);
    }
}
