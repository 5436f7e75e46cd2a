//! Files that are at each instant either wholly the old or wholly the new one, and the lock under which they change.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::fail_point::{self, Step};

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
    let temporary = Temporary(name_beside(&target, "tmp"));
    write_and_rename(&target, &temporary.0, write)
}

/// Removed with the value, also when a panic drops it. After the renaming there is nothing to remove.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
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
    fail_point::reached(Step::FileWritten);
    std::fs::rename(temporary, target).map_err(failed)?;
    fail_point::reached(Step::FileRenamed);
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

/// A new name beside `path` that tells whose it is: `.NAME.PROCESS-NUMBER.SUFFIX`.
pub(crate) fn name_beside(path: &Path, suffix: &str) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let unique = COUNTER.fetch_add(1, Ordering::Relaxed);
    parent(path).join(format!(".{}.{}-{unique}.{suffix}", file_name(path), std::process::id()))
}

/// Removes from a directory what processes that are gone have left of [`name_beside`], for files whose name is `ours`. Where it
/// cannot be known who lives, nothing is removed.
pub(crate) fn remove_leftovers(directory: &Path, ours: impl Fn(&str) -> bool) {
    if !Path::new("/proc/self").exists() {
        return;
    }
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let stem = name.strip_suffix(".tmp").or_else(|| name.strip_suffix(".scan"));
        let parts = stem
            .and_then(|stem| stem.strip_prefix('.'))
            .and_then(|stem| stem.rsplit_once('.'));
        let Some((file, (process, _))) = parts.and_then(|(file, maker)| Some((file, maker.split_once('-')?))) else {
            continue;
        };
        let is_gone = process
            .parse::<u32>()
            .is_ok_and(|process| !Path::new(&format!("/proc/{process}")).exists());
        if is_gone && ours(file) {
            // Somebody else may have removed it already.
            let _ = std::fs::remove_file(entry.path());
        }
    }
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
    fn leftovers_of_dead_processes_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        // Process numbers end before this one.
        let dead = directory.path().join(".registry.db.4194999-0.tmp");
        let alive = directory
            .path()
            .join(format!(".registry.db.{}-7.tmp", std::process::id()));
        let other = directory.path().join(".other.db.4194999-0.tmp");
        [&dead, &alive, &other]
            .into_iter()
            .for_each(|path| std::fs::write(path, "").unwrap());
        remove_leftovers(directory.path(), |name| name == "registry.db");
        assert!(!dead.exists() && alive.exists() && other.exists());
    }

    #[test]
    fn directories_are_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/registry.db");
        replace_bytes(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
    }
}
