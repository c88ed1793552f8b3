//! Out of gzip, deflate, br and zstd, with caps on both sides.
use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};

use super::DecodeError;
use super::json::is_cut;
use crate::bounds::{BODY, GROWN, HELD, LAYERS, RATIO};
use crate::exchange::Page;

/// Bytes that are unpacked at a time.
const PIECE: usize = 64 << 10;
/// The largest window of zstd, as a power of two: as much as RFC 9659 lets a site ask for.
const WINDOW: u32 = 23;

/// The body without its content coding; borrowed where there is none, or where it was unpacked before. What is large is
/// unpacked where it is received: here it is read to its end, to see what is wrong with it, and not kept.
pub fn plain(page: &Page) -> Result<Cow<'_, [u8]>, DecodeError> {
    if let Some(unpacked) = &page.unpacked {
        return Ok(Cow::Borrowed(&unpacked.text));
    }
    let mut out = Vec::new();
    let keep = |piece: &[u8]| {
        if out.len() <= HELD {
            out.extend_from_slice(piece);
        }
        Ok(())
    };
    match unpack(page, keep)? {
        None => Ok(Cow::Borrowed(&page.body)),
        Some(_) if out.len() > HELD => Err(DecodeError::TooLarge(HELD)),
        Some(_) => Ok(Cow::Owned(out)),
    }
}

/// Unpacks a body piece by piece; how many bytes it has so, `None` for one that is not packed. It may have 200 times as
/// many as it was received in.
pub fn unpack(page: &Page, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> Result<Option<usize>, DecodeError> {
    let Some(mut reader) = unpacked(page)? else { return Ok(None) };
    let most = page.body.len().saturating_mul(RATIO).clamp(GROWN, BODY);
    let (mut length, mut piece) = (0, vec![0; PIECE]);
    loop {
        let read = reader.read(&mut piece).map_err(|error| broken(&error, page))?;
        length += read;
        match read {
            0 => return Ok(Some(length)),
            _ if length > most => return Err(DecodeError::TooLarge(most)),
            _ => take(&piece[..read]).map_err(|error| DecodeError::Content(error.to_string()))?,
        }
    }
}

/// Whether the body of a page ends too early, and how that is seen; the transport cannot see each such end.
pub fn ends_early(page: &Page) -> Option<String> {
    match plain(page) {
        Err(error @ DecodeError::Packed(_)) => Some(error.to_string()),
        Ok(plain) if is_cut(&plain) => Some(format!("the answer ends too early, after {} bytes", plain.len())),
        _ => None,
    }
}

/// What is wrong with a packed body.
fn broken(error: &io::Error, page: &Page) -> DecodeError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => DecodeError::Packed(page.body.len()),
        _ => DecodeError::Content(error.to_string()),
    }
}

/// Reads a packed body; `None` for one that is not packed. What the bytes are wins over a header that lies.
fn unpacked(page: &Page) -> Result<Option<Box<dyn Read + '_>>, DecodeError> {
    let body: &[u8] = &page.body;
    let named = page.header("content-encoding").unwrap_or_default().trim().to_ascii_lowercase();
    let mut reader: Box<dyn BufRead + '_> = match body {
        _ if has_magic(body) => Box::new(body),
        _ if is_plain(body) => return Ok(None),
        // zlib, RFC 1950; some servers send the bare stream of RFC 1951 instead.
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] if named == "deflate" => {
            Box::new(BufReader::new(flate2::read::ZlibDecoder::new(body)))
        }
        _ if named == "deflate" => Box::new(BufReader::new(flate2::read::DeflateDecoder::new(body))),
        _ if named == "br" => {
            Box::new(BufReader::new(Brotli(brotli::Decompressor::new(Source { rest: body, ended: false }, 4_096))))
        }
        _ => return Ok(None),
    };
    let broken = |error: io::Error| broken(&error, page);
    for _ in 0..LAYERS {
        reader = match reader.fill_buf().map_err(broken)? {
            [0x1f, 0x8b, ..] => Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(reader))),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => {
                let mut decoder = zstd::Decoder::with_buffer(reader).map_err(broken)?;
                decoder.window_log_max(WINDOW).map_err(broken)?;
                Box::new(BufReader::new(decoder))
            }
            _ => break,
        };
    }
    Ok(Some(reader))
}

/// brotli, RFC 7932, which says of a stream that ends too early no more than that it is invalid.
struct Brotli<'b>(brotli::Decompressor<Source<'b>>);

/// A body that remembers whether more of it was wanted than there is.
struct Source<'b> {
    rest: &'b [u8],
    ended: bool,
}

impl Read for Source<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.ended |= self.rest.is_empty();
        self.rest.read(out)
    }
}

impl Read for Brotli<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(out);
        if self.0.get_ref().ended { read.map_err(|_| io::ErrorKind::UnexpectedEof.into()) } else { read }
    }
}

/// Whether a body begins as gzip or zstd does.
fn has_magic(body: &[u8]) -> bool {
    body.starts_with(&[0x1f, 0x8b]) || body.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

/// Whether a body begins as text does, as no packed one does for long.
fn is_plain(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let start = &body[..body.len().min(64)];
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'[' | b'<' | b'"'))
        && start.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t' | 0x80..))
        && start.iter().filter(|byte| byte.is_ascii()).count() * 2 > start.len()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn page(encoding: &str, body: Vec<u8>) -> Page {
        Page {
            url: String::new(),
            method: "GET".into(),
            status: 200,
            headers: vec![("content-encoding".into(), encoding.into())],
            body: body.into(),
            fetched: chrono::DateTime::UNIX_EPOCH,
            attempts: 1,
            unpacked: None,
        }
    }

    fn check(encoding: &str, body: Vec<u8>) {
        assert_eq!(plain(&page(encoding, body)).unwrap().as_ref(), TEXT, "{encoding}");
    }

    const TEXT: &[u8] = b"{\"a\": \"hello hello hello hello hello hello hello hello hello hello hello\"}";

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(text).unwrap();
        gzip.finish().unwrap()
    }

    fn bare() -> Vec<u8> {
        let mut bare = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        bare.write_all(TEXT).unwrap();
        bare.finish().unwrap()
    }

    fn brotli() -> Vec<u8> {
        let mut br = Vec::new();
        brotli::CompressorWriter::new(&mut br, 4_096, 5, 22).write_all(TEXT).unwrap();
        br
    }

    #[test]
    fn every_coding_is_unpacked() {
        check("gzip", gzip(TEXT));
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        zlib.write_all(TEXT).unwrap();
        check("deflate", zlib.finish().unwrap());
        check("deflate", bare());
        check("zstd", zstd::encode_all(TEXT, 1).unwrap());
        check("br", brotli());
        check("identity", TEXT.to_vec());
    }

    #[test]
    fn what_the_bytes_are_wins_over_the_header() {
        for named in ["gzip", "br", "deflate", "zstd", "none", "UTF-8", ""] {
            check(named, TEXT.to_vec());
            check(named, gzip(TEXT));
            check(named, gzip(&zstd::encode_all(TEXT, 1).unwrap()));
        }
        let short = page("br", b"[]".to_vec());
        assert_eq!(plain(&short).unwrap().as_ref(), b"[]");
    }

    #[test]
    fn a_packed_body_that_ends_too_early_says_so() {
        for (named, body) in
            [("gzip", gzip(TEXT)), ("zstd", zstd::encode_all(TEXT, 1).unwrap()), ("deflate", bare()), ("br", brotli())]
        {
            let half = body[..body.len() / 2].to_vec();
            assert_eq!(plain(&page(named, half)), Err(DecodeError::Packed(body.len() / 2)), "{named}");
        }
        let whole = gzip(TEXT);
        assert!(matches!(plain(&page("gzip", whole[..whole.len() - 3].to_vec())), Err(DecodeError::Packed(_))));
    }
}
