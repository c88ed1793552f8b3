//! From bytes to text: the character set that a body is written in.
use std::borrow::Cow;
use std::ops::Deref;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::{DecodeError, plain};
use crate::exchange::Page;

/// A body as text.
#[derive(Debug)]
pub struct Text<'p> {
    text: Cow<'p, str>,
    /// Places of what stands for bytes that are no text, in order.
    damaged: Vec<usize>,
    /// The character set that was guessed, where the body is not what it should be.
    pub guessed: Option<&'static str>,
}

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.text
    }
}

impl<'p> From<&'p str> for Text<'p> {
    fn from(text: &'p str) -> Self {
        Text { text: Cow::Borrowed(text), damaged: Vec::new(), guessed: None }
    }
}

impl Text<'_> {
    pub(super) fn damaged(&self) -> &[usize] {
        &self.damaged
    }
}

/// The text of a page: as its byte order mark says, else its first bytes where they are UTF-16, else its `Content-Type`,
/// else UTF-8. UTF-8 that was declared as a
/// character set of single bytes is UTF-8; what is no UTF-8 at all, though nothing else was declared, is windows-1252.
pub fn text(page: &Page) -> Result<Text<'_>, DecodeError> {
    let plain = plain(page)?;
    let declared = match Encoding::for_bom(&plain) {
        Some((encoding, length)) => return Ok(decoded(cut(plain, length), encoding)),
        None => wide(&plain).or_else(|| page.header("content-type").and_then(charset)),
    };
    Ok(match declared {
        Some(encoding) if encoding != UTF_8 && !(encoding.is_single_byte() && is_utf8(&plain)) => {
            decoded(plain, encoding)
        }
        _ => utf8(plain),
    })
}

/// UTF-16, where a text begins as no other one does: with a sign of ASCII in two bytes, as RFC 4627 section 3 tells it.
fn wide(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [0, 1..=0x7f, 0, ..] => Some(UTF_16BE),
        [1..=0x7f, 0, _, 0, ..] => Some(UTF_16LE),
        _ => None,
    }
}

/// The character set that a media type names.
fn charset(media: &str) -> Option<&'static Encoding> {
    media.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let named = name.trim().eq_ignore_ascii_case("charset");
        named.then(|| Encoding::for_label(value.trim().trim_matches(['"', '\'']).as_bytes())).flatten()
    })
}

fn cut(plain: Cow<'_, [u8]>, length: usize) -> Cow<'_, [u8]> {
    match plain {
        Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[length..]),
        Cow::Owned(mut bytes) => {
            bytes.drain(..length);
            Cow::Owned(bytes)
        }
    }
}

fn is_utf8(bytes: &[u8]) -> bool {
    !bytes.is_ascii() && std::str::from_utf8(bytes).is_ok()
}

fn decoded<'p>(bytes: Cow<'p, [u8]>, encoding: &'static Encoding) -> Text<'p> {
    if encoding == UTF_8 {
        return utf8(bytes);
    }
    let (text, damaged) = encoding.decode_without_bom_handling(&bytes);
    let text = text.into_owned();
    let damaged =
        if damaged { text.match_indices(char::REPLACEMENT_CHARACTER).map(|(at, _)| at).collect() } else { Vec::new() };
    Text { text: Cow::Owned(text), damaged, guessed: None }
}

/// Text that should be UTF-8. Each byte that is none becomes U+FFFD, unless all of them make sense as windows-1252.
fn utf8(bytes: Cow<'_, [u8]>) -> Text<'_> {
    let bytes = match bytes {
        Cow::Borrowed(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => return Text::from(text),
            Err(_) => Cow::Borrowed(bytes),
        },
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => return Text { text: Cow::Owned(text), damaged: Vec::new(), guessed: None },
            Err(error) => Cow::Owned(error.into_bytes()),
        },
    };
    if is_windows_1252(&bytes) {
        return Text { guessed: Some("windows-1252"), ..decoded(bytes, WINDOWS_1252) };
    }
    let (mut text, mut damaged) = (String::with_capacity(bytes.len()), Vec::new());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            damaged.push(text.len());
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    Text { text: Cow::Owned(text), damaged, guessed: None }
}

/// Whether no character outside ASCII is UTF-8, and more than one is one that windows-1252 has and texts use: a single
/// one is damage.
fn is_windows_1252(bytes: &[u8]) -> bool {
    let mut others = 0;
    for chunk in bytes.utf8_chunks() {
        let unused = |byte: &u8| matches!(byte, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d | 0xff);
        if !chunk.valid().is_ascii() || chunk.invalid().iter().any(unused) {
            return false;
        }
        others += usize::from(!chunk.invalid().is_empty());
    }
    others > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(media: &str, body: &[u8], expect: &str, damaged: &[usize], guessed: bool) {
        let page = Page {
            url: String::new(),
            method: "GET".into(),
            status: 200,
            headers: vec![("content-type".into(), media.into())],
            body: body.to_vec().into(),
            fetched: chrono::DateTime::UNIX_EPOCH,
            attempts: 1,
            unpacked: None,
        };
        let read = text(&page).unwrap();
        assert_eq!((&*read, read.damaged(), read.guessed.is_some()), (expect, damaged, guessed), "{media}: {body:?}");
    }

    #[test]
    fn a_mark_wins_then_the_header_then_what_the_bytes_are() {
        let json = "application/json";
        check(json, b"caf\xc3\xa9", "café", &[], false);
        check(json, b"\xef\xbb\xbfcaf\xc3\xa9", "café", &[], false);
        check(json, b"\xff\xfec\0\xe9\0", "cé", &[], false);
        check("application/json; charset=windows-1252", b"\xfe\xff\0c\0\xe9", "cé", &[], false);
        check("application/json; charset=\"iso-8859-15\"", b"12 \xa4", "12 €", &[], false);
        check("text/plain;Charset=Shift_JIS", b"\x93\x8c\x8b\x9e", "東京", &[], false);
        check("text/plain; charset=utf-16le", b"c\0\xe9\0", "cé", &[], false);
        check("text/plain; charset=koi8-r", b"\xcd", "м", &[], false);
        check("text/plain; charset=utf-16", b"\0{\0\xe9", "{é", &[], false);
        check(json, b"\0{\0\xe9", "{é", &[], false);
        check(json, b"{\0}\0", "{}", &[], false);
        // Declared, but the bytes say otherwise.
        check("application/json; charset=iso-8859-1", b"caf\xc3\xa9", "café", &[], false);
        check("application/json; charset=nonsense", b"caf\xc3\xa9", "café", &[], false);
    }

    #[test]
    fn what_is_no_utf8_is_windows_1252_or_damage() {
        let json = "application/json";
        check(json, b"\xe9t\xe9 \x80", "été €", &[], true);
        check("application/json; charset=utf-8", b"\xe9t\xe9", "été", &[], true);
        check(json, b"\xc3\xa9t\xe9 \xe9", "ét\u{fffd} \u{fffd}", &[3, 7], false);
        check(json, b"a\xe9b", "a\u{fffd}b", &[1], false);
        check(json, b"\xff\xe9", "\u{fffd}\u{fffd}", &[0, 3], false);
        check(json, b"caf\xc3", "caf\u{fffd}", &[3], false);
        check("application/json; charset=shift_jis", b"a\x81", "a\u{fffd}", &[1], false);
    }
}
