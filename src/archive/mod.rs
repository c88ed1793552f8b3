//! The raw pages as received, kept in WARC 1.1 segments: each record a zstd frame of its own.
mod check;
mod segments;

use std::fs::{self, File};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};

use crate::exchange::Page;
use crate::fetch::prepare;
use crate::files::spool::Spool;
use crate::files::{self, Appender, DataFile, FileError, How};
use crate::offer::{OfferId, Version};
use crate::redact::{put_back, redact, seal};
use crate::state::words::Archived;

pub use check::Checker;
pub use segments::{Hold, Segment, delete, hold, rewrite, segments, sync_folder};

/// The archive of one source.
#[derive(Debug)]
pub struct Archive {
    root: PathBuf,
    source: String,
    /// Headers that are kept besides [`KEPT`], in lower case.
    headers: Vec<String>,
    appender: Appender,
    segment: AtomicU64,
    length: AtomicU64,
}

/// Bytes of a segment after which another one is begun.
pub const SEGMENT: u64 = 256 << 20;
/// Headers that are kept: nothing that identifies us.
const KEPT: [&str; 10] = [
    "content-type",
    "content-encoding",
    "content-range",
    "date",
    "etag",
    "last-modified",
    "link",
    "location",
    "retry-after",
    "accept-range",
];
/// zstd level: pages mostly come compressed, and the archive must cost little.
const LEVEL: i32 = 1;

/// A record of the archive could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The record is not what was written.
    #[error("{0}: the record at {1} is broken")]
    Broken(String, u64),
    /// Somebody else holds the segments.
    #[error("{0}: another process copies, checks or deletes what is in the archive; wait until it ends")]
    Busy(String),
}

impl Archive {
    /// Opens a source's archive: a torn last record is cut, and a new segment begun. Gives the bytes that were cut.
    pub fn open(root: &Path, source: &str, appender: Appender) -> Result<(Self, u64), FileError> {
        let folder = root.join(source);
        let mut last = None;
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let number = name.strip_suffix(".warc.zst").and_then(|number| number.parse::<u64>().ok());
            last = last.max(number);
        }
        let torn = match last {
            None => 0,
            Some(number) => mend(&DataFile::new(root, format!("{source}/{}", segment_name(number))))?,
        };
        let segment = AtomicU64::new(last.map_or(0, |last| last + 1));
        Ok((
            Archive {
                root: root.to_owned(),
                source: source.to_owned(),
                headers: Vec::new(),
                appender,
                segment,
                length: AtomicU64::new(0),
            },
            torn,
        ))
    }

    /// The same, which keeps these headers too: a page that is read again must say the same.
    pub fn keeping(self, headers: Vec<String>) -> Self {
        Archive { headers, ..self }
    }

    /// Appends a page, or the detail of an offer; acknowledged when it is on the disk.
    pub async fn append(&self, page: &Page, version: Version, of: Option<OfferId>) -> Result<Archived, FileError> {
        let of = of.map(|id| id.to_string());
        let name = of.as_ref().map_or_else(|| version.to_string(), |id| format!("{version}:{id}"));
        let frame = frame(page, &name, &self.headers)
            .map_err(|error| FileError { path: self.root.display().to_string(), error })?;
        let length = frame.len() as u64;
        if self.length.fetch_add(length, Ordering::Relaxed) + length > SEGMENT {
            self.segment.fetch_add(1, Ordering::Relaxed);
            self.length.store(length, Ordering::Relaxed);
        }
        let segment = format!("{}/{}", self.source, segment_name(self.segment.load(Ordering::Relaxed)));
        let offset = self.appender.append(DataFile::new(&self.root, &segment), frame).await?;
        Ok(Archived { segment, offset, length, of })
    }
}

fn segment_name(number: u64) -> String {
    format!("{number:06}.warc.zst")
}

/// One WARC `response` record, ISO 28500:2017, compressed.
fn frame(page: &Page, name: &str, also: &[String]) -> std::io::Result<Vec<u8>> {
    let mut http = format!("HTTP/1.1 {}\r\n", page.status);
    let kept = |name: &str| KEPT.contains(&name) || also.iter().any(|other| other == name);
    for (name, value) in page.headers.iter().filter(|(name, _)| kept(&name.to_ascii_lowercase())) {
        // They may say how a slice goes on: what is masked in them must come back.
        http += &format!("{name}: {}\r\n", seal(value));
    }
    http += "\r\n";
    let head = format!(
        "WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:jobmarket:page:{name}>\r\nWARC-Date: {}\r\n\
         WARC-Target-URI: {}\r\nWARC-Request-Method: {}\r\nContent-Type: application/http;msgtype=response\r\n\
         Content-Length: {}\r\n\r\n",
        page.fetched.to_rfc3339_opts(SecondsFormat::Micros, true),
        redact(&page.url),
        page.method,
        http.len() + page.body.len()
    );
    let mut encoder = zstd::Encoder::new(Vec::with_capacity(page.body.len() / 8), LEVEL)?;
    encoder.include_checksum(true)?;
    for piece in [head.as_bytes(), http.as_bytes(), &page.body, b"\r\n\r\n"] {
        encoder.write_all(piece)?;
    }
    encoder.finish()
}

/// Reads a page back.
pub fn read(root: &Path, at: &Archived) -> Result<Page, ArchiveError> {
    let segment = DataFile::new(root, &at.segment);
    let fault = |error| segment.fault(error);
    let broken = || ArchiveError::Broken(at.segment.clone(), at.offset);
    let mut file = segment.open(How::Read)?;
    file.seek(SeekFrom::Start(at.offset)).map_err(fault)?;
    let mut record = Spool::new(root, 0);
    let mut frame = zstd::Decoder::new(file.take(at.length)).map_err(|_| broken())?.single_frame();
    let read = std::io::copy(&mut frame, &mut record);
    let record = record.done().map_err(fault)?;
    read.map_err(|_| broken())?;
    let page = parse(&record).ok_or_else(broken)?;
    // Who may only read here has another folder for what is large.
    let prepared = prepare::prepared(page.clone(), root).or_else(|_| prepare::prepared(page, &std::env::temp_dir()));
    Ok(prepared.map_err(fault)?)
}

fn parse(record: &Bytes) -> Option<Page> {
    let (head, rest) = split(record)?;
    let (http, body) = split(rest)?;
    let body = body.strip_suffix(b"\r\n\r\n")?;
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let mut lines = http.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let back = |value: &str| put_back(value).unwrap_or_else(|| value.to_owned());
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), back(value)));
    Some(Page {
        url: field("WARC-Target-URI")?.to_owned(),
        method: field("WARC-Request-Method")?.to_owned(),
        status,
        headers: headers.collect(),
        body: record.slice_ref(body),
        unpacked: None,
        fetched: field("WARC-Date")?.parse::<DateTime<Utc>>().ok()?,
        attempts: 1,
    })
}

fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 4..]))
}

/// Cuts what follows the last whole frame of a segment; the bytes that were cut. It is read as it is unpacked, a little at
/// a time: a segment is larger than what a run may hold in memory.
fn mend(segment: &DataFile) -> Result<u64, FileError> {
    let fault = |error| segment.fault(error);
    let mut file = segment.open(How::Read)?;
    let length = file.seek(SeekFrom::End(0)).map_err(fault)?;
    file.seek(SeekFrom::Start(0)).map_err(fault)?;
    let (mut reader, mut whole) = (BufReader::new(file), 0);
    while whole < length {
        match frame_end(&mut reader) {
            Ok(()) => whole = reader.stream_position().map_err(fault)?,
            // The disk says so: what cannot be read now is not torn.
            Err(error) if error.raw_os_error().is_some() => return Err(fault(error)),
            Err(_) => break,
        }
    }
    if whole == length { Ok(0) } else { files::cut(segment, whole) }
}

/// Reads to the end of a frame, which holds what it says.
fn frame_end(reader: &mut BufReader<File>) -> std::io::Result<()> {
    let mut frame = zstd::Decoder::with_buffer(reader)?.single_frame();
    std::io::copy(&mut frame, &mut std::io::sink()).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        Page {
            url: "https://a.example/x?key=***".into(),
            method: "GET".into(),
            status: 206,
            headers: vec![("content-range".into(), "offres 0-1/2".into()), ("set-cookie".into(), "secret".into())],
            body: Bytes::copy_from_slice(text.as_bytes()),
            fetched: "2026-11-24T10:00:00.123456Z".parse().unwrap(),
            unpacked: None,
            attempts: 1,
        }
    }

    #[tokio::test]
    async fn a_page_comes_back_as_it_was_and_a_torn_record_is_cut() {
        let root = tempfile::tempdir().unwrap();
        let (archive, torn) = Archive::open(root.path(), "site", Appender::start()).unwrap();
        assert_eq!(torn, 0);
        let first = archive.append(&page("one"), Version(1), None).await.unwrap();
        let second = archive.append(&page("two\r\n\r\n"), Version(2), None).await.unwrap();
        assert_eq!(second.offset, first.length);
        let back = read(root.path(), &second).unwrap();
        assert_eq!((&back.body[..], back.status, back.fetched), (&b"two\r\n\r\n"[..], 206, page("").fetched));
        assert_eq!(back.header("content-range"), Some("offres 0-1/2"));
        assert_eq!(back.header("set-cookie"), None);
        let archive = archive.keeping(vec!["set-cookie".into()]);
        let third = archive.append(&page("three"), Version(3), None).await.unwrap();
        let kept = read(root.path(), &third).unwrap();
        assert_eq!(kept.header("set-cookie"), Some("secret"), "a header that the source reads");
        let mut checker = Checker::new(root.path());
        assert_eq!((checker.name(&first).unwrap(), checker.name(&second).unwrap()), ("1".into(), "2".into()));
        let detail = archive.append(&page("x"), Version(2), OfferId::parse(&"a".repeat(32))).await.unwrap();
        assert_eq!(checker.name(&detail).unwrap(), format!("2:{}", "a".repeat(32)));
        assert!(checker.name(&Archived { offset: 1, ..first.clone() }).is_err());
        assert!(checker.name(&Archived { length: first.length - 1, ..first.clone() }).is_err());
        let path = root.path().join(&first.segment);
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(&bytes.clone()[..20]);
        fs::write(&path, bytes).unwrap();
        let (archive, torn) = Archive::open(root.path(), "site", Appender::start()).unwrap();
        assert_eq!(torn, 20);
        assert_eq!(&read(root.path(), &first).unwrap().body[..], b"one");
        let third = archive.append(&page("three"), Version(3), None).await.unwrap();
        assert_ne!(third.segment, first.segment, "a start opens a new segment");
    }

    #[tokio::test]
    async fn a_large_packed_page_comes_back_as_the_text_that_it_is() {
        let root = tempfile::tempdir().unwrap();
        let (archive, _) = Archive::open(root.path(), "site", Appender::start()).unwrap();
        let text: String = std::iter::repeat_with(fastrand::alphanumeric).take(3 << 20).collect();
        for large in [text.clone(), format!("{text}é{text}")] {
            let packed = zstd::encode_all(large.as_bytes(), 1).unwrap();
            let at = archive.append(&Page { body: packed.into(), ..page("") }, Version(1), None).await.unwrap();
            let back = read(root.path(), &at).unwrap();
            assert!(*crate::decode::text(&back).unwrap() == *large);
        }
        let left = fs::read_dir(root.path()).unwrap().count();
        assert_eq!(left, 1, "what is unpacked leaves no file behind");
    }

    #[tokio::test]
    async fn what_follows_the_first_broken_frame_is_cut_wherever_it_breaks() {
        let root = tempfile::tempdir().unwrap();
        let (archive, _) = Archive::open(root.path(), "site", Appender::start()).unwrap();
        // Larger than what is read at a time.
        let noise: String = std::iter::repeat_with(fastrand::alphanumeric).take(100_000).collect();
        let first = archive.append(&page("one"), Version(1), None).await.unwrap();
        let second = archive.append(&page(&noise), Version(2), None).await.unwrap();
        let third = archive.append(&page("three"), Version(3), None).await.unwrap();
        let path = root.path().join(&first.segment);
        let whole = fs::read(&path).unwrap();
        let mended = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let cut = mend(&DataFile::new(root.path(), &first.segment)).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes[..bytes.len() - cut as usize]);
            bytes.len() as u64 - cut
        };
        assert_eq!(mended(&whole), third.offset + third.length);
        assert_eq!(mended(&[]), 0);
        for (end, expect) in [(third.offset + 5, third.offset), (third.offset, third.offset), (3, 0)] {
            assert_eq!(mended(&whole[..end as usize]), expect);
        }
        // A write that came to the disk as zeros, and one byte of a frame that is another.
        assert_eq!(mended(&[&whole[..third.offset as usize], &[0; 70_000]].concat()), third.offset);
        let mut broken = whole.clone();
        broken[(second.offset + second.length / 2) as usize] ^= 1;
        assert_eq!(mended(&broken), second.offset);
    }
}
