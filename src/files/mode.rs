//! Who may read what the program writes and what it is given: nobody but its user.
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::Mode;
use rustix::process::{geteuid, umask};

/// What this process makes from here on is open to its user alone.
pub fn keep_private() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// The mode of a file or folder that others may do with what they should not, in the spelling of `chmod`. `rights` are
/// those that nobody else should have where it belongs to this user.
pub fn open_to_others(path: &Path, rights: u32) -> Option<String> {
    let about = fs::metadata(path).ok()?;
    if !about.is_file() && !about.is_dir() {
        return None;
    }
    let own = about.uid() == geteuid().as_raw();
    (about.mode() & undue(rights, own) != 0).then(|| format!("{:o}", about.mode() & 0o7777))
}

/// What belongs to another user is given to this one by the rights of others, as containers do it: only that everybody
/// may write it is too much then.
fn undue(rights: u32, own: bool) -> u32 {
    if own { rights } else { 0o002 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_user_gives_may_be_read_and_not_be_written() {
        let check = |mode: u32, own: bool, expect: bool| assert_eq!(mode & undue(0o077, own) != 0, expect, "{mode:o}");
        check(0o600, true, false);
        check(0o640, true, true);
        check(0o644, true, true);
        check(0o644, false, false);
        check(0o666, false, true);
    }
}
