//! Records looked at without keeping them: whether each is whole, and which page it says that it is.
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::ArchiveError;
use crate::files::{DataFile, How};
use crate::state::words::Archived;

/// Looks at records one after the other, in flat memory: a body is unpacked on its way and not kept.
#[derive(Debug)]
pub struct Checker {
    root: PathBuf,
    open: Option<(String, File)>,
}

/// Bytes that the head of a record may have.
const HEAD: usize = 64 << 10;

impl Checker {
    /// Of an archive's folder.
    pub fn new(root: &Path) -> Self {
        Checker { root: root.to_owned(), open: None }
    }

    /// Reads a record to its end, its checksum among it; the name that it was written under: the version of its page, and
    /// for a detail `:` and the offer's id.
    pub fn name(&mut self, at: &Archived) -> Result<String, ArchiveError> {
        let segment = DataFile::new(&self.root, &at.segment);
        if self.open.as_ref().is_none_or(|(name, _)| *name != at.segment) {
            self.open = Some((at.segment.clone(), segment.open(How::Read)?));
        }
        let Some((_, file)) = &mut self.open else { return Err(broken(at)) };
        file.seek(SeekFrom::Start(at.offset)).map_err(|error| segment.fault(error))?;
        let frame = BufReader::new(Read::by_ref(file).take(at.length));
        let mut record = zstd::Decoder::with_buffer(frame).map_err(|_| broken(at))?.single_frame();
        named(&mut record).ok().flatten().ok_or_else(|| broken(at))
    }
}

fn broken(at: &Archived) -> ArchiveError {
    ArchiveError::Broken(at.segment.clone(), at.offset)
}

/// The name in a record's head, when what follows is as long as it says.
fn named(record: &mut impl Read) -> io::Result<Option<String>> {
    let mut start = Vec::new();
    record.take(HEAD as u64).read_to_end(&mut start)?;
    let Some(end) = start.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let Ok(head) = std::str::from_utf8(&start[..end]) else { return Ok(None) };
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let length = field("Content-Length").and_then(|length| length.parse::<u64>().ok());
    let name = field("WARC-Record-ID").and_then(|id| id.strip_prefix("<urn:jobmarket:page:")?.strip_suffix('>'));
    let rest = (start.len() - end - 4) as u64 + io::copy(record, &mut io::sink())?;
    // Two line ends close the record.
    Ok(name.filter(|_| length == rest.checked_sub(4)).map(str::to_owned))
}
