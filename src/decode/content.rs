//! Out of gzip, deflate, br and zstd, with caps on both sides.
use std::borrow::Cow;
use std::io::Read;

use super::DecodeError;
use crate::exchange::Page;

/// Most bytes of an unpacked body.
const CAP: usize = 128 << 20;

/// The body without its content coding; borrowed where there is none, or where it was unpacked before.
pub fn plain(page: &Page) -> Result<Cow<'_, [u8]>, DecodeError> {
    if let Some(unpacked) = &page.unpacked {
        return Ok(Cow::Borrowed(unpacked));
    }
    match unpacked(page)? {
        Some(reader) => unpack(reader),
        None => Ok(Cow::Borrowed(&page.body)),
    }
}

/// Reads a packed body, up to the most bytes that are allowed and one more; `None` for one that is not packed. Magic
/// bytes win over a header that lies.
pub fn unpacked(page: &Page) -> Result<Option<Box<dyn Read + '_>>, DecodeError> {
    let body: &[u8] = &page.body;
    let named = page.header("content-encoding").unwrap_or_default().trim().to_ascii_lowercase();
    let reader: Box<dyn Read + '_> = match body {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(body)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            Box::new(zstd::Decoder::new(body).map_err(|error| DecodeError::Content(error.to_string()))?)
        }
        // zlib, RFC 1950; some servers send the bare stream of RFC 1951 instead.
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] if named == "deflate" => Box::new(flate2::read::ZlibDecoder::new(body)),
        _ if named == "deflate" => Box::new(flate2::read::DeflateDecoder::new(body)),
        _ if named == "br" => Box::new(brotli::Decompressor::new(body, 4_096)),
        _ => return Ok(None),
    };
    Ok(Some(Box::new(reader.take(CAP as u64 + 1))))
}

fn unpack<'b>(mut reader: impl Read) -> Result<Cow<'b, [u8]>, DecodeError> {
    let mut out = Vec::new();
    reader.read_to_end(&mut out).map_err(|error| DecodeError::Content(error.to_string()))?;
    if out.len() > CAP {
        return Err(DecodeError::TooLarge(CAP));
    }
    Ok(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn check(encoding: &str, body: Vec<u8>) {
        let page = Page {
            url: String::new(),
            method: "GET".into(),
            status: 200,
            headers: vec![("content-encoding".into(), encoding.into())],
            body: body.into(),
            fetched: chrono::DateTime::UNIX_EPOCH,
            attempts: 1,
            unpacked: None,
        };
        assert_eq!(plain(&page).unwrap().as_ref(), b"hello hello hello", "{encoding}");
    }

    #[test]
    fn every_coding_is_unpacked() {
        let text = b"hello hello hello";
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(text).unwrap();
        check("gzip", gzip.finish().unwrap());
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        zlib.write_all(text).unwrap();
        check("deflate", zlib.finish().unwrap());
        let mut bare = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        bare.write_all(text).unwrap();
        check("deflate", bare.finish().unwrap());
        check("zstd", zstd::encode_all(&text[..], 1).unwrap());
        let mut br = Vec::new();
        brotli::CompressorWriter::new(&mut br, 4_096, 5, 22).write_all(text).unwrap();
        check("br", br);
        check("identity", text.to_vec());
    }
}
