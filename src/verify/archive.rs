//! Records of the archive: each can be read to its end, and names the page whose row names it.
use std::collections::HashSet;
use std::path::Path;

use super::{Difference, Kind, VerifyError};
use crate::archive::{Checker, segments};
use crate::files::FileError;
use crate::state::words::Archived;
use crate::state::{Archiving, Reader};

/// Page rows that are read at a time.
const ROWS: usize = 200;

/// Compares what the page rows of a source name with its archive, in flat memory; how many records were read. `watch` is
/// told of each row.
pub fn records(
    reader: &Reader,
    root: &Path,
    source: &str,
    watch: &dyn Fn(),
    each: &mut dyn FnMut(Difference),
) -> Result<u64, VerifyError> {
    let there: HashSet<String> =
        segments(root, source).map_err(unread)?.into_iter().map(|segment| segment.name).collect();
    let mut checker = Checker::new(root);
    let (mut after, mut read) = (0, 0);
    loop {
        let rows = reader.archiving_after(source, after, ROWS)?;
        let Some(last) = rows.last() else { return Ok(read) };
        after = last.version;
        for row in rows {
            watch();
            let tell = |message: String| Difference { kind: Kind::Archive, source: source.to_owned(), message };
            if let Some(at) = row.archived.iter().find(|at| !there.contains(&at.segment)) {
                // A segment that was begun since the folder was listed is no fault.
                if !root.join(&at.segment).is_file() {
                    each(tell(format!("page {}: its segment {} is not there", row.version, at.segment)));
                    continue;
                }
            }
            // Other rows name the same records again.
            for at in row.archived.iter().filter(|_| row.own) {
                read += 1;
                match checker.name(at) {
                    Ok(name) if is_named(&name, &row, at) => {}
                    Ok(name) => each(tell(format!(
                        "page {}: the record at {} of {} is that of page {name}",
                        row.version, at.offset, at.segment
                    ))),
                    Err(error) => each(tell(format!("page {}: {error}", row.version))),
                }
            }
        }
    }
}

fn unread(error: FileError) -> VerifyError {
    VerifyError::Archive(error.into())
}

/// A page's record has the version of its row. A detail names its offer, and may be older: one that was asked for before
/// is used again when the mapping has changed.
fn is_named(name: &str, row: &Archiving, at: &Archived) -> bool {
    match (&at.of, name.split_once(':')) {
        (None, None) => name == row.version.to_string(),
        (Some(of), Some((version, offer))) => {
            offer == of && version.parse::<u64>().is_ok_and(|version| version <= row.version)
        }
        _ => false,
    }
}
