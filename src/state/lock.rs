//! One process at a time writes a data directory.
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use super::StateError;
use crate::files::{DataFile, How};

/// A program that is being started somewhere in this process holds every open file until it has begun.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// Takes the lock of a data directory, which is made where it is missing; it is given up when the file is closed.
pub(super) fn take(dir: &Path) -> Result<File, StateError> {
    let shown = || dir.display().to_string();
    let unusable = |error: io::Error| StateError::Folder(shown(), error.to_string());
    fs::create_dir_all(dir).map_err(unusable)?;
    let mut lock =
        DataFile::new(dir, "lock").open(How::Make).map_err(|error| StateError::Folder(shown(), error.to_string()))?;
    for again in (0..TRIES).rev() {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if again > 0 => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(StateError::Locked(shown())),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
    }
    lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id())).map_err(unusable)?;
    Ok(lock)
}

/// Whether a process holds a data directory at this moment.
pub(super) fn is_held(dir: &Path) -> bool {
    let lock = DataFile::new(dir, "lock").open(How::Write);
    lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
}
