//! One value of JSON, RFC 8259, read into a borrowed tree. What is no text is read all the same, and noted.
use std::borrow::Cow;

use super::scan::text_end;
use super::stack::Stack;
use crate::bounds::{DEPTH, TEXT, cut};
use crate::tree::Tree;

/// Reads values out of a text, from where it stands.
pub(super) struct Reader<'b> {
    pub text: &'b str,
    pub at: usize,
    /// Whether U+FFFD stands in the text for bytes that were none.
    damaged: bool,
    pub notes: Vec<Note>,
    /// Values that are read and whose object or list is not read to its end.
    pub stack: Stack<'b>,
}

/// Something that was read otherwise than it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// The members that lead to it, from where the reading began.
    pub path: String,
    /// What it is.
    pub what: &'static str,
}

/// Why a value cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bad {
    pub at: usize,
    pub what: What,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// The end of the text.
    End,
    /// Something else than JSON has there.
    Wrong(String),
    /// Values that take more than so many bytes of memory.
    TooMany(usize),
}

type Read<T> = Result<T, Bad>;

/// Notes of one record, and bytes of a path, above which no more are made: a site may send megabytes of either.
const NOTES: usize = 100;
const PATH: usize = 200;
/// What is noted of a text that is cut.
const LONG: &str = "a text of more than 1 MiB is cut";

impl<'b> Reader<'b> {
    pub(super) fn new(text: &'b str, at: usize, damaged: bool, most: usize) -> Self {
        Reader { text, at, damaged, notes: Vec::new(), stack: Stack::new(most) }
    }

    /// The value that begins here; brackets around it are counted in `depth`.
    pub(super) fn value(&mut self, depth: usize) -> Read<Tree<'b>> {
        match self.peek() {
            Some(b'{') => self.object(depth, |reader, _| reader.value(depth + 1)),
            Some(b'[') => {
                let from = self.stack.elements.len();
                self.elements(depth, |reader| {
                    let value = reader.value(depth + 1)?;
                    reader.element(value)
                })?;
                Ok(self.stack.list(from))
            }
            Some(b'"') => self.string().map(Tree::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.word(),
            None => self.bad("a value"),
        }
    }

    /// The object that begins here: `each` reads the value behind each name.
    pub(super) fn object(
        &mut self,
        depth: usize,
        mut each: impl FnMut(&mut Self, &str) -> Read<Tree<'b>>,
    ) -> Read<Tree<'b>> {
        let from = self.stack.members.len();
        self.open(depth)?;
        if self.took(b'}') {
            return Ok(self.stack.object(from));
        }
        loop {
            if self.peek() != Some(b'"') {
                return self.bad("the name of a member");
            }
            let name = self.string()?;
            if !self.took(b':') {
                return self.bad("`:`");
            }
            let noted = self.notes.len();
            let value = each(self, &name)?;
            self.placed(noted, || format!(".{}", name.chars().take(PATH).collect::<String>()));
            if !self.stack.member(name, value) {
                return self.too_many();
            }
            if self.took(b'}') {
                return Ok(self.stack.object(from));
            }
            if !self.took(b',') {
                return self.bad("`,` or `}`");
            }
        }
    }

    /// Keeps an element of the list that is read.
    pub(super) fn element(&mut self, value: Tree<'b>) -> Read<()> {
        if self.stack.element(value) { Ok(()) } else { self.too_many() }
    }

    /// Takes memory for something else than values.
    pub(super) fn takes(&mut self, bytes: usize) -> Read<()> {
        if self.stack.takes(bytes) { Ok(()) } else { self.too_many() }
    }

    /// The values take more memory than they may.
    fn too_many<T>(&self) -> Read<T> {
        Err(Bad { at: self.at, what: What::TooMany(self.stack.most) })
    }

    /// The elements of a list: `each` reads one.
    fn elements(&mut self, depth: usize, mut each: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.open(depth)?;
        if self.took(b']') {
            return Ok(());
        }
        for index in 0.. {
            let noted = self.notes.len();
            each(self)?;
            self.placed(noted, || format!("[{index}]"));
            if self.took(b']') {
                break;
            }
            if !self.took(b',') {
                return self.bad("`,` or `]`");
            }
        }
        Ok(())
    }

    /// Passes the bracket that begins an object or a list.
    pub(super) fn open(&mut self, depth: usize) -> Read<()> {
        if depth >= DEPTH {
            let what = What::Wrong(format!("brackets inside more than {DEPTH} others"));
            return Err(Bad { at: self.at, what });
        }
        self.at += 1;
        Ok(())
    }

    /// Puts what leads to them before the notes that were made meanwhile. Of a path that is long enough no more is told.
    fn placed(&mut self, noted: usize, step: impl Fn() -> String) {
        for note in self.notes[noted..].iter_mut().filter(|note| note.path.len() < PATH) {
            note.path.insert_str(0, &step());
        }
    }

    /// The next byte behind blanks.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    /// Passes this byte, if it comes next.
    pub(super) fn took(&mut self, wanted: u8) -> bool {
        let is = self.peek() == Some(wanted);
        self.at += usize::from(is);
        is
    }

    /// Something else was expected here.
    pub(super) fn bad<T>(&mut self, wanted: &str) -> Read<T> {
        let what = match self.peek() {
            None => What::End,
            Some(_) => What::Wrong(format!("{} where {wanted} was expected", self.shown(self.at))),
        };
        Err(Bad { at: self.at, what })
    }

    /// What stands at a place, cut short.
    fn shown(&self, at: usize) -> String {
        let word: String = self.text[at..].chars().take_while(|sign| sign.is_alphanumeric()).take(20).collect();
        let sign = || self.text[at..].chars().take(1).collect::<String>();
        format!("`{}`", if word.is_empty() { sign() } else { word })
    }

    /// The text that begins here, borrowed where nothing in it is escaped.
    fn string(&mut self) -> Read<Cow<'b, str>> {
        let start = self.at + 1;
        let (end, escaped) =
            text_end(self.text.as_bytes(), start).ok_or(Bad { at: self.text.len(), what: What::End })?;
        let inner = &self.text[start..end];
        if inner.bytes().fold(0, |control, byte| control | u8::from(byte < b' ')) != 0 {
            self.note("a control character that is not escaped");
        }
        if self.damaged && inner.contains(char::REPLACEMENT_CHARACTER) {
            self.note("a byte that is no text was read as U+FFFD");
        }
        let text = if escaped { Cow::Owned(self.unescaped(inner, start)?) } else { Cow::Borrowed(cut(inner, TEXT)) };
        if text.len() < inner.len() && (text.len() >= TEXT || !escaped) {
            self.note(LONG);
        }
        self.at = end + 1;
        Ok(text)
    }

    pub(super) fn note(&mut self, what: &'static str) {
        if self.notes.len() < NOTES {
            self.notes.push(Note { path: String::new(), what });
        }
    }

    fn unescaped(&mut self, inner: &str, start: usize) -> Read<String> {
        let mut text = String::with_capacity(inner.len().min(TEXT));
        let mut rest = inner;
        while let (Some(at), true) = (memchr::memchr(b'\\', rest.as_bytes()), text.len() < TEXT) {
            text.push_str(cut(&rest[..at], TEXT));
            let escape = &rest[at + 1..];
            let plain = match escape.as_bytes().first() {
                Some(b'n') => '\n',
                Some(b't') => '\t',
                Some(b'r') => '\r',
                Some(b'b') => '\u{8}',
                Some(b'f') => '\u{c}',
                Some(sign @ (b'"' | b'\\' | b'/')) => char::from(*sign),
                Some(b'u') => {
                    let place = start + inner.len() - rest.len() + at;
                    let (sign, length) = self.unicode(escape, place)?;
                    text.push(sign);
                    rest = &escape[length..];
                    continue;
                }
                _ => return Err(self.wrong_escape(start + inner.len() - rest.len() + at)),
            };
            text.push(plain);
            rest = &escape[1..];
        }
        text.push_str(cut(rest, TEXT));
        text.truncate(text.floor_char_boundary(TEXT));
        Ok(text)
    }

    fn wrong_escape(&self, at: usize) -> Bad {
        let shown: String = self.text[at..].chars().take(2).collect();
        Bad { at, what: What::Wrong(format!("`{shown}`, which is no escape")) }
    }

    /// The character of `uXXXX`, and the bytes that it takes; U+FFFD for half of a pair.
    fn unicode(&mut self, escape: &str, at: usize) -> Read<(char, usize)> {
        let hex = |text: &str, from: usize| {
            let digits = text.get(from..from + 4).filter(|digits| digits.bytes().all(|sign| sign.is_ascii_hexdigit()));
            digits.and_then(|digits| u32::from_str_radix(digits, 16).ok())
        };
        let Some(unit) = hex(escape, 1) else { return Err(self.wrong_escape(at)) };
        if let Some(sign) = char::from_u32(unit) {
            return Ok((sign, 5));
        }
        let low = escape[5..].strip_prefix("\\u").and_then(|_| hex(escape, 7)).filter(|low| low & 0xfc00 == 0xdc00);
        if let (0xd800, Some(low)) = (unit & 0xfc00, low)
            && let Some(sign) = char::from_u32(0x10000 + ((unit & 0x3ff) << 10 | low & 0x3ff))
        {
            return Ok((sign, 11));
        }
        self.note("half of a surrogate pair was read as U+FFFD");
        Ok((char::REPLACEMENT_CHARACTER, 5))
    }

    /// The number that begins here, with its digits as they are written.
    fn number(&mut self) -> Read<Tree<'b>> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let digits = |from: usize| from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let whole = start + usize::from(bytes[start] == b'-');
        if self.text[whole..].starts_with("Infinity") {
            self.at = whole;
            return self.word();
        }
        let mut end = digits(whole);
        let mut fine = end > whole && (bytes[whole] != b'0' || end == whole + 1);
        let integer = end;
        if bytes.get(end) == Some(&b'.') {
            let from = end + 1;
            end = digits(from);
            fine &= end > from;
        }
        let exponent = matches!(bytes.get(end), Some(b'e' | b'E'));
        if exponent {
            let from = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            end = digits(from);
            fine &= end > from;
        }
        let text = &self.text[start..end];
        let wrong = |what: &str| Bad { at: start, what: What::Wrong(format!("`{}`, {what}", shortened(text))) };
        if !fine {
            return Err(wrong("which is no number of JSON"));
        }
        self.at = end;
        if let (true, Ok(number)) = (end == integer && text != "-0", text.parse()) {
            return Ok(Tree::Int(number));
        }
        // Without an exponent it takes many digits to be out of range.
        if end - start < 100 && !exponent || text.parse().is_ok_and(f64::is_finite) {
            return Ok(Tree::Number(Cow::Borrowed(text)));
        }
        Err(wrong("a number out of range"))
    }

    /// `null`, `true`, `false`; and what some programs write where there is no number.
    fn word(&mut self) -> Read<Tree<'b>> {
        let rest = &self.text[self.at..];
        let words = [
            ("null", Tree::Null, ""),
            ("true", Tree::Bool(true), ""),
            ("false", Tree::Bool(false), ""),
            ("NaN", Tree::Null, "NaN was read as null"),
            ("Infinity", Tree::Null, "Infinity was read as null"),
        ];
        for (word, value, note) in words {
            if rest.starts_with(word) {
                self.at += word.len();
                if !note.is_empty() {
                    self.note(note);
                }
                return Ok(value);
            }
        }
        let cut = ["null", "true", "false", "NaN", "Infinity"].iter().any(|word| word.starts_with(rest));
        if cut { Err(Bad { at: self.text.len(), what: What::End }) } else { self.bad("a value") }
    }
}

fn shortened(text: &str) -> String {
    if text.len() > 40 { format!("{}…", &text[..40]) } else { text.to_owned() }
}
