//! From bytes to text: the character set that a body is written in.
use std::borrow::Cow;
use std::io::{self, BufWriter, Write};
use std::ops::Deref;

use encoding_rs::{CoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::{DecodeError, plain};
use crate::exchange::Page;

/// A body as text.
#[derive(Debug)]
pub struct Text<'p> {
    text: Cow<'p, str>,
    /// Whether U+FFFD stands in it for bytes that are no text.
    damaged: bool,
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
        Text { text: Cow::Borrowed(text), damaged: false, guessed: None }
    }
}

impl Text<'_> {
    pub(super) fn damaged(&self) -> bool {
        self.damaged
    }
}

/// The text of a page: as its byte order mark says, else its first bytes where they are UTF-16, else its `Content-Type`,
/// else UTF-8. UTF-8 that was declared as a
/// character set of single bytes is UTF-8; what is no UTF-8 at all, though nothing else was declared, is windows-1252.
pub fn text(page: &Page) -> Result<Text<'_>, DecodeError> {
    let plain = plain(page)?;
    let (begin, written) = written(page, &plain);
    let (damaged, guessed) = page.unpacked.as_ref().map_or((false, None), |known| (known.damaged, known.guessed));
    let plain = match plain {
        Cow::Borrowed(bytes) => match std::str::from_utf8(&bytes[begin..]) {
            Ok(text) if written.encoding.is_none() => return Ok(Text { text: Cow::Borrowed(text), damaged, guessed }),
            _ => Cow::Borrowed(bytes),
        },
        Cow::Owned(bytes) => Cow::Owned(bytes),
    };
    let mut text = Vec::with_capacity(plain.len());
    // Writing to memory cannot fail.
    let damaged = recoded(&plain[begin..], &written, &mut text).unwrap_or_default();
    let text = String::from_utf8(text).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Ok(Text { text: Cow::Owned(text), damaged, guessed: written.guessed })
}

/// What a body is written in.
struct Written {
    /// `None` for UTF-8.
    encoding: Option<&'static Encoding>,
    /// The name of one that was guessed.
    guessed: Option<&'static str>,
}

/// What a body is written in, and where its text begins.
fn written(page: &Page, plain: &[u8]) -> (usize, Written) {
    let as_is = |begin| (begin, Written { encoding: None, guessed: None });
    let other = |encoding: &'static Encoding| Some(encoding).filter(|encoding| *encoding != UTF_8);
    if page.unpacked.is_some() {
        // It was made UTF-8, unless it was that before: then its mark still stands there.
        return as_is(if plain.starts_with(MARK) { MARK.len() } else { 0 });
    }
    if let Some((encoding, length)) = Encoding::for_bom(plain) {
        let (_, written) = as_is(length);
        return match other(encoding) {
            Some(_) => (length, Written { encoding: other(encoding), ..written }),
            None => (length, utf8(&plain[length..])),
        };
    }
    let declared = wide(plain).or_else(|| page.header("content-type").and_then(charset)).and_then(other);
    match declared {
        Some(encoding) if !(encoding.is_single_byte() && is_utf8(plain)) => {
            (0, Written { encoding: Some(encoding), guessed: None })
        }
        _ => (0, utf8(plain)),
    }
}

/// The body of a page as UTF-8, written piece by piece; whether U+FFFD stands in it for bytes that are no text, and the
/// character set that was guessed. `None` where it is UTF-8 already.
pub fn recode(page: &Page, plain: &[u8], out: &mut dyn Write) -> io::Result<Option<(bool, Option<&'static str>)>> {
    let (begin, written) = written(page, plain);
    if written.encoding.is_none() && std::str::from_utf8(&plain[begin..]).is_ok() {
        return Ok(None);
    }
    // Damage comes byte by byte.
    let mut out = BufWriter::with_capacity(PIECE, out);
    let damaged = recoded(&plain[begin..], &written, &mut out)?;
    out.flush()?;
    Ok(Some((damaged, written.guessed)))
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

fn is_utf8(bytes: &[u8]) -> bool {
    !bytes.is_ascii() && std::str::from_utf8(bytes).is_ok()
}

/// Text that should be UTF-8: where it is none, it may make sense as windows-1252.
fn utf8(bytes: &[u8]) -> Written {
    match std::str::from_utf8(bytes).is_err() && is_windows_1252(bytes) {
        true => Written { encoding: Some(WINDOWS_1252), guessed: Some("windows-1252") },
        false => Written { encoding: None, guessed: None },
    }
}

/// The byte order mark of UTF-8.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Bytes that are decoded at a time.
const PIECE: usize = 16 << 10;

/// Writes bytes as UTF-8. What is no text becomes U+FFFD; whether there is any.
fn recoded(bytes: &[u8], written: &Written, out: &mut dyn Write) -> io::Result<bool> {
    let Some(encoding) = written.encoding else {
        let mut damaged = false;
        for chunk in bytes.utf8_chunks() {
            out.write_all(chunk.valid().as_bytes())?;
            if !chunk.invalid().is_empty() {
                damaged = true;
                out.write_all("\u{fffd}".as_bytes())?;
            }
        }
        return Ok(damaged);
    };
    let (mut decoder, mut damaged) = (encoding.new_decoder_without_bom_handling(), false);
    let (mut rest, mut piece) = (bytes, vec![0; PIECE]);
    loop {
        let (state, read, length, errors) = decoder.decode_to_utf8(rest, &mut piece, true);
        out.write_all(&piece[..length])?;
        (rest, damaged) = (&rest[read..], damaged | errors);
        if state == CoderResult::InputEmpty {
            return Ok(damaged);
        }
    }
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

    fn check(media: &str, body: &[u8], expect: &str, damaged: bool, guessed: bool) {
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
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(body).unwrap();
        let packed = Page { body: packed.finish().unwrap().into(), ..page.clone() };
        // As it comes, packed, and as it was made ready when it was received.
        let folder = std::env::temp_dir();
        let ready = |page: &Page| crate::fetch::prepare::prepared(page.clone(), &folder).unwrap();
        for page in [ready(&page), ready(&packed), packed, page] {
            let read = text(&page).unwrap();
            let found = (&*read, read.damaged(), read.guessed.is_some());
            assert_eq!(found, (expect, damaged, guessed), "{media}: {body:?}, {:?}", page.unpacked);
        }
    }

    #[test]
    fn a_mark_wins_then_the_header_then_what_the_bytes_are() {
        let json = "application/json";
        check(json, b"caf\xc3\xa9", "café", false, false);
        check(json, b"\xef\xbb\xbfcaf\xc3\xa9", "café", false, false);
        check(json, b"\xff\xfec\0\xe9\0", "cé", false, false);
        check("application/json; charset=windows-1252", b"\xfe\xff\0c\0\xe9", "cé", false, false);
        check("application/json; charset=\"iso-8859-15\"", b"12 \xa4", "12 €", false, false);
        check("text/plain;Charset=Shift_JIS", b"\x93\x8c\x8b\x9e", "東京", false, false);
        check("text/plain; charset=utf-16le", b"c\0\xe9\0", "cé", false, false);
        check("text/plain; charset=koi8-r", b"\xcd", "м", false, false);
        check("text/plain; charset=utf-16", b"\0{\0\xe9", "{é", false, false);
        check(json, b"\0{\0\xe9", "{é", false, false);
        check(json, b"{\0}\0", "{}", false, false);
        // Declared, but the bytes say otherwise.
        check("application/json; charset=iso-8859-1", b"caf\xc3\xa9", "café", false, false);
        check("application/json; charset=nonsense", b"caf\xc3\xa9", "café", false, false);
    }

    #[test]
    fn what_is_no_utf8_is_windows_1252_or_damage() {
        let json = "application/json";
        check(json, b"\xe9t\xe9 \x80", "été €", false, true);
        check("application/json; charset=utf-8", b"\xe9t\xe9", "été", false, true);
        check(json, b"\xc3\xa9t\xe9 \xe9", "ét\u{fffd} \u{fffd}", true, false);
        check(json, b"a\xe9b", "a\u{fffd}b", true, false);
        check(json, b"\xff\xe9", "\u{fffd}\u{fffd}", true, false);
        check(json, b"caf\xc3", "caf\u{fffd}", true, false);
        check("application/json; charset=shift_jis", b"a\x81", "a\u{fffd}", true, false);
    }
}
