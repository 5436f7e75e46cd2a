//! Files that are at each instant either wholly the old or wholly the new one, and the lock under which they change.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Replaces `path` by what `write` writes: a temporary file beside it, fsync, rename, fsync of the directory.
///
/// The new file keeps the permissions of the old one. When anything fails, the old file is untouched.
///
/// # Errors
/// Those of `write`, and of the file operations, naming the path.
pub(crate) fn replace(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    // Through a symbolic link, the file it points at is replaced.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let directory = parent(&target);
    std::fs::create_dir_all(&directory).map_err(|source| Error::io("create the directory", &directory, source))?;
    let temporary = temporary_beside(&target);
    let outcome = write_and_rename(&target, &temporary, write);
    if outcome.is_err() {
        // Nothing depends on the left-over; it may not even exist.
        let _ = std::fs::remove_file(&temporary);
    }
    outcome
}

fn write_and_rename(
    target: &Path,
    temporary: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<()>,
) -> Result<()> {
    let failed = |source| Error::io("write", target, source);
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(temporary)
        .map_err(failed)?;
    let mut writer = BufWriter::new(file);
    write(&mut writer)?;
    let file = writer.into_inner().map_err(|error| failed(error.into_error()))?;
    if let Ok(old) = std::fs::metadata(target) {
        file.set_permissions(old.permissions()).map_err(failed)?;
    }
    file.sync_all().map_err(failed)?;
    std::fs::rename(temporary, target).map_err(failed)?;
    let directory = parent(target);
    File::open(&directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| Error::io("sync", &directory, source))
}

/// Replaces `path` by these bytes, as [`replace`] does.
pub(crate) fn replace_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, |writer| {
        writer
            .write_all(bytes)
            .map_err(|source| Error::io("write", path, source))
    })
}

fn parent(path: &Path) -> PathBuf {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn temporary_beside(path: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let unique = COUNTER.fetch_add(1, Ordering::Relaxed);
    parent(path).join(format!(".{}.{}-{unique}.tmp", file_name(path), std::process::id()))
}

/// Held while a file is read, changed and replaced. Other processes of ours wait for it.
pub(crate) struct FileLock {
    // Closing the file releases the lock.
    _file: File,
}

impl FileLock {
    /// Waits for the lock of `path`, which is a file `.NAME.lock` beside it.
    pub(crate) fn acquire(path: &Path) -> Result<Self> {
        // A link and the file it points at have one lock.
        let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let directory = parent(path);
        std::fs::create_dir_all(&directory).map_err(|source| Error::io("create the directory", &directory, source))?;
        let lock_path = directory.join(format!(".{}.lock", file_name(path)));
        let failed = |source| Error::io("lock", &lock_path, source);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_replacement_leaves_the_old_file_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("registry.db");
        replace_bytes(&path, b"old").unwrap();
        let failed = replace(&path, |writer| {
            writer.write_all(b"half").unwrap();
            Err(Error::invalid("no"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn directories_are_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/registry.db");
        replace_bytes(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
    }
}
