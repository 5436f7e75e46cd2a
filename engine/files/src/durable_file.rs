//! Files that are at each instant either the whole old one or the whole new one.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use feast_model::error::{Error, Result};

use crate::fail_point::{self, Step};

/// Replaces `path` by what `write` writes: a temporary file beside it, fsync, rename, fsync of the directory.
///
/// The new file keeps the permissions of the old one, from its first byte, and its owner where that is possible. When anything fails, the old file is untouched.
///
/// # Errors
/// Those of `write`, and of the file operations, naming the path.
pub fn replace(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    // Through a symbolic link, the file it points at is replaced.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let directory = parent(&target);
    std::fs::create_dir_all(&directory).map_err(|source| Error::io("create the directory", &directory, source))?;
    let temporary = Temporary::beside(&target).map_err(|source| Error::io("write", &target, source))?;
    write_and_rename(&target, &temporary, write)
}

/// Removed with the value, also when a panic drops it. After the renaming there is nothing to remove.
struct Temporary {
    path: PathBuf,
    /// Locked, which tells other processes that its maker is still running.
    file: File,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Temporary {
    /// A new file beside `target`, readable only by those who can read `target`.
    fn beside(target: &Path) -> std::io::Result<Self> {
        let old = std::fs::metadata(target).ok();
        loop {
            let path = temporary_name(target, &random_id());
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            if old.is_some() {
                options.mode(0o600);
            }
            let file = options.open(&path)?;
            if is_locked_at(&file, &path) {
                let temporary = Self { path, file };
                if let Some(old) = &old {
                    // The owner first, as giving a file away takes bits from its mode.
                    give_to(&temporary.file, old.uid(), old.gid());
                    temporary.file.set_permissions(old.permissions())?;
                }
                return Ok(temporary);
            }
        }
    }
}

/// Gives an open file an owner and a group. Only root can give a file away; for others it stays theirs.
pub fn give_to(file: &File, owner: u32, group: u32) {
    let is_theirs = |own: Metadata| (own.uid(), own.gid()) == (owner, group);
    // Through the open file: another process may have put another file in its place.
    if !file.metadata().is_ok_and(is_theirs) && fchown(file, Some(owner), Some(group)).is_err() {
        let _ = fchown(file, None, Some(group));
    }
}

/// Locks a file that was just made. False if another process took it for a leftover before it was locked, or holds its lock.
fn is_locked_at(file: &File, path: &Path) -> bool {
    // On a file system without locks, leftovers are never removed, so the lock is not needed.
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        return false;
    }
    let is_same = |there: &Metadata| file.metadata().is_ok_and(|here| here.ino() == there.ino());
    std::fs::symlink_metadata(path).is_ok_and(|there| is_same(&there))
}

fn write_and_rename(
    target: &Path,
    temporary: &Temporary,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<()>,
) -> Result<()> {
    let failed = |source| Error::io("write", target, source);
    let file = temporary.file.try_clone().map_err(failed)?;
    let mut writer = BufWriter::new(file);
    write(&mut writer)?;
    let file = writer.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    fail_point::reached(Step::FileWritten);
    std::fs::rename(&temporary.path, target).map_err(failed)?;
    fail_point::reached(Step::FileRenamed);
    let directory = parent(target);
    File::open(&directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| Error::io("sync", &directory, source))
}

/// Replaces `path` by these bytes, as [`replace`] does.
pub fn replace_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, |writer| {
        writer
            .write_all(bytes)
            .map_err(|source| Error::io("write", path, source))
    })
}

/// Creates a directory, with those above it that are missing, each durable in the one above.
///
/// # Errors
/// Those of the file system, naming the path.
pub fn create_directories(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = parent(path);
    create_directories(&above)?;
    match std::fs::create_dir(path) {
        Ok(()) => {}
        // Another thread was faster.
        Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists && path.is_dir() => {}
        Err(source) => return Err(Error::io("create the directory", path, source)),
    }
    File::open(&above)
        .and_then(|above| above.sync_all())
        .map_err(|source| Error::io("sync", &above, source))
}

pub(crate) fn parent(path: &Path) -> PathBuf {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

pub(crate) fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// `.NAME.ID.tmp` beside `path`.
fn temporary_name(path: &Path, id: &str) -> PathBuf {
    parent(path).join(format!(".{}.{id}.tmp", file_name(path)))
}

/// Not the process id, which in a container is the same after each restart.
fn random_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Removes from a directory the temporary files that dead processes have left of files whose name is `ours`, and the second links
/// that older versions made. Where it cannot be known whether the process lives, nothing is removed.
pub fn remove_leftovers(directory: &Path, ours: impl Fn(&str) -> bool) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((stem, suffix)) = name.strip_prefix('.').and_then(|name| name.rsplit_once('.')) else {
            continue;
        };
        // Held until the file is gone: its maker may be about to lock it, and then finds that it has to make another one.
        let mut lock = None;
        let is_left = match (stem.rsplit_once('.'), suffix) {
            (Some((file, id)), "tmp") if ours(file) && is_id(id) => {
                lock = lock_abandoned(&entry.path());
                lock.is_some()
            }
            (Some((file, id)), "tmp" | "scan") if ours(file) => is_left_by_older_version(id),
            _ => false,
        };
        if is_left {
            // Another process may have removed it already.
            let _ = std::fs::remove_file(entry.path());
        }
        drop(lock);
    }
}

fn is_id(string: &str) -> bool {
    uuid::Uuid::try_parse(string).is_ok_and(|id| id.simple().to_string() == string)
}

/// Takes the lock of a file if no process holds it.
fn lock_abandoned(path: &Path) -> Option<File> {
    File::open(path).ok().filter(|file| file.try_lock().is_ok())
}

/// Older versions gave names of the form `PROCESS-NUMBER`. This version gives none, even if its process id is that one.
fn is_left_by_older_version(id: &str) -> bool {
    let process = id.split_once('-').and_then(|(process, _)| process.parse::<u32>().ok());
    process.is_some_and(|process| {
        let is_alive = || Path::new(&format!("/proc/{process}")).exists() || !Path::new("/proc/self").exists();
        process == std::process::id() || !is_alive()
    })
}

#[cfg(test)]
mod tests;
