//! What a hostile site answers.
use std::io::Write;

use crate::site::Answer;

/// A megabyte.
pub const MIB: usize = 1 << 20;

/// An answer of JSON.
pub fn json(body: impl Into<Vec<u8>>) -> Answer {
    Answer {
        status: 200,
        headers: vec![("Content-Type".into(), "application/json".into())],
        body: body.into(),
        endless: None,
    }
}

/// One that names how its body is packed.
pub fn packed(coding: &str, body: Vec<u8>) -> Answer {
    let mut answer = json(body);
    answer.headers.push(("Content-Encoding".into(), coding.into()));
    answer
}

/// One that never ends.
pub fn endless(begin: &str, more: &str) -> Answer {
    Answer { endless: Some(more.repeat(64 << 10).into_bytes()), ..json(begin) }
}

/// Sound records.
pub fn rows(count: usize) -> Answer {
    json(format!("{{\"rows\":[{}]}}", (0..count).map(row).collect::<Vec<_>>().join(",")))
}

/// A sound record.
pub fn row(number: usize) -> String {
    format!(r#"{{"id":"k{number}","title":"t{number}","url":"https://a.example/{number}"}}"#)
}

/// One record with members besides.
pub fn one(more: &str) -> Answer {
    json(format!(r#"{{"rows":[{{"id":"1","title":"t","url":"u",{more}}}]}}"#))
}

pub fn gzip(body: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(body).unwrap();
    gzip.finish().unwrap()
}

pub fn deflate(body: &[u8]) -> Vec<u8> {
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(body).unwrap();
    zlib.finish().unwrap()
}

pub fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::encode_all(body, 3).unwrap()
}

pub fn brotli(body: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    brotli::CompressorWriter::new(&mut packed, 4_096, 5, 22).write_all(body).unwrap();
    packed
}

/// A body whose text beside the records is so long.
pub fn beside(length: usize) -> Vec<u8> {
    [br#"{"rows":[],"p":""#, &vec![b'a'; length][..], br#""}"#].concat()
}

/// The same, so that it cannot be packed to nothing.
pub fn noise(length: usize) -> Vec<u8> {
    let text: String = std::iter::repeat_with(fastrand::alphanumeric).take(length).collect();
    [br#"{"rows":[],"p":""#, text.as_bytes(), br#""}"#].concat()
}
