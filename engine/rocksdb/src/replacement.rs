//! Putting a copy of a database into the place of a store.
//!
//! The directory stays, and its files change: it may be a volume, which cannot be renamed, or be reached by a link, which would be left with
//! what it leads to. What is put there is staged in a directory within, so that it is on the same file system, and its files are renamed.
//!
//! **Nobody opens the store meanwhile.** The lock of the database is held from before the copying until the end, as if the database were
//! open. From before the first file moves until the caller has done what belongs to it, there is a mark beside the files with which no
//! process opens the store, so that one that is killed in between leaves no store that could be taken for the former one or for the restored
//! one. The next replacement finds by the mark how far that one came, and completes what it began: all files of a former store end up in
//! one directory.
//!
//! **The locked file changes too**: followers tell one store from another by it.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, metadata, read_dir, remove_dir_all, remove_file, rename};
use std::io::ErrorKind as IoKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use feast_files::fail_point::{self, Step};
use feast_files::{give_to, replace_bytes};
use feast_model::error::{Error, ErrorKind, Result, path as error_path};
use rustix::fs::{FlockOperation, fcntl_lock};

use super::bulk_load::FILE_SUFFIX;
use super::checkpoint::remove_checkpoints;
use super::error::in_use;
use super::file_modes::{FileModes, LOCK_FILE};

/// Holds the path of the directory with the former files, or nothing when there were none.
const MARK: &str = "RESTORE";
/// What is being copied.
const STAGED: &str = "RESTORE.tmp";
/// The same, once it is complete and no former file is in the way.
const PLACED: &str = "RESTORE.new";
/// A former store has this name and the time where it cannot be beside its place.
const ASIDE_PREFIX: &str = "before-";
/// Made with some file systems.
const LOST_AND_FOUND: &str = "lost+found";

/// The place of a store, held for the copy that is to be put there.
pub struct Replacement {
    path: PathBuf,
    /// Of the files that were locked in this place. Closing one gives its lock up.
    locks: Vec<File>,
    makes: Made,
    /// From then on nothing is tidied up.
    marked: Option<Mark>,
}

/// What was not there before.
struct Made {
    directory: bool,
    lock: bool,
}

/// How far a replacement has come.
struct Mark {
    /// Where the former files are.
    aside: Option<PathBuf>,
    /// All of them are there.
    is_cleared: bool,
}

impl Replacement {
    /// Holds the place of a store, in which there may be one, or nothing. This process must not have it open: the system does not count its
    /// own locks against it.
    ///
    /// # Errors
    /// `Conflict` when a process has the store open, or another one puts a copy there; those of the directory.
    pub fn begin(path: &Path) -> Result<Self> {
        let makes = Made {
            directory: !path.exists(),
            lock: !path.join(LOCK_FILE).exists(),
        };
        let failed = |source| Error::io("create the online store directory", path, source);
        FileModes::prepare(path).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        let lock = lock(&path.join(LOCK_FILE), &path)?;
        remove_checkpoints(&path)?;
        remove_unfinished_marks(&path);
        Ok(Self {
            path,
            locks: vec![lock],
            makes,
            marked: None,
        })
    }

    /// Makes the directory into which the files are to be copied, for those who may use that of the store.
    ///
    /// # Errors
    /// Those of the directory.
    pub fn stage(&self) -> Result<PathBuf> {
        let staged = self.path.join(STAGED);
        remove_directory(&staged)?;
        self.make_directory(&staged)?;
        Ok(staged)
    }

    /// Marks the store, in whose place files are staged and not open: no process opens it from now on, until [`Replacement::finish`].
    ///
    /// # Errors
    /// Those of the files. The store is as it was then.
    pub fn mark(&mut self, time: &str) -> Result<()> {
        let ended = read_mark(&self.path)?;
        let is_cleared = ended.as_ref().is_some_and(|mark| mark.is_cleared);
        let former = self.files()?;
        // All files of a former store are to be in one directory.
        let known = ended.and_then(|mark| mark.aside).filter(|aside| aside.is_dir());
        self.locks
            .push(lock(&self.path.join(STAGED).join(LOCK_FILE), &self.path)?);
        let aside = match known {
            Some(known) => Some(known),
            None if is_cleared || former.is_empty() => None,
            None => Some(self.make_aside(time)?),
        };
        let contents = aside.as_ref().map_or(&[][..], |aside| aside.as_os_str().as_bytes());
        replace_bytes(&self.path.join(MARK), contents)?;
        self.marked = Some(Mark { aside, is_cleared });
        fail_point::reached(Step::RestoreMarked);
        Ok(())
    }

    /// Moves the files of a former store into a directory beside the place, or within it where it is a file system of its own, and those
    /// that were staged into their place. Gives that directory, if there is a former store, also one of a replacement that was ended.
    ///
    /// # Errors
    /// Those of the files. The store stays marked then.
    pub fn put(&mut self) -> Result<Option<PathBuf>> {
        let mark = self.marked.as_ref();
        let Mark { aside, is_cleared } = mark.ok_or_else(|| Error::internal("the store is not marked"))?;
        let (staged, placed) = (self.path.join(STAGED), self.path.join(PLACED));
        let files = self.files()?;
        match aside {
            // They are of the replacement that was ended.
            _ if *is_cleared => {
                for name in &files {
                    let file = self.path.join(name);
                    remove_file(&file).map_err(|source| Error::io("remove", &file, source))?;
                }
                // The directory says what they are of, so it goes last.
                sync(&self.path)?;
                remove_directory(&placed)?;
            }
            Some(aside) => {
                move_files(&files, &self.path, aside)?;
                sync(aside)?;
            }
            None => {}
        }
        sync(&self.path)?;
        rename(&staged, &placed).map_err(|source| Error::io("write", &placed, source))?;
        sync(&self.path)?;
        fail_point::reached(Step::StoreMovedAside);
        move_files(&names_in(&placed)?, &placed, &self.path)?;
        sync(&self.path)?;
        Ok(aside.clone())
    }

    /// Lets processes open the store again.
    ///
    /// # Errors
    /// Those of the directory; no process opens the store then.
    pub fn finish(self) -> Result<()> {
        let mark = self.path.join(MARK);
        remove_file(&mark).map_err(|source| Error::io("remove", &mark, source))?;
        sync(&self.path)?;
        // Empty by now. The next opening removes what stays.
        let _ = remove_directory(&self.path.join(PLACED));
        Ok(())
    }

    /// The names of the files of the database in this place, but of that which is locked.
    fn files(&self) -> Result<Vec<OsString>> {
        let mut names = names_in(&self.path)?;
        names.retain(|name| name.to_str().is_some_and(is_of_database));
        Ok(names)
    }

    fn make_aside(&self, time: &str) -> Result<PathBuf> {
        let within = self.path.join(format!("{ASIDE_PREFIX}{time}"));
        self.make_directory(&within)?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let beside = self.path.with_file_name(format!("{name}.{ASIDE_PREFIX}{time}"));
        // What can be renamed is on the same file system, and so is what will be in it.
        if rename(&within, &beside).is_err() {
            return Ok(within);
        }
        self.path.parent().map_or(Ok(()), sync)?;
        Ok(beside)
    }

    /// A directory for those who may use that of the store.
    fn make_directory(&self, path: &Path) -> Result<()> {
        let made = DirBuilder::new().mode(0o700).create(path).and_then(|()| {
            let (directory, like) = (File::open(path)?, metadata(&self.path)?);
            give_to(&directory, like.uid(), like.gid());
            directory.set_permissions(like.permissions())
        });
        made.map_err(|source| Error::io("create the directory", path, source))
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if self.marked.is_some() {
            return;
        }
        // As it was. What cannot be removed does no harm.
        let _ = remove_directory(&self.path.join(STAGED));
        if self.makes.lock {
            let _ = remove_file(self.path.join(LOCK_FILE));
        }
        if self.makes.directory {
            let _ = std::fs::remove_dir(&self.path);
        }
    }
}

/// Whether there is anything in the place of a store, beside what an ended replacement has left. An empty directory is as good as none: a volume
/// may have been made for the store.
///
/// # Errors
/// Those of the directory.
pub fn is_occupied(path: &Path) -> Result<bool> {
    let names = match names_in(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(path.is_symlink()),
        names => names?,
    };
    let cleared = read_mark(path)?.is_some_and(|mark| mark.is_cleared);
    let is_other = |name: &OsString| {
        let name = name.to_string_lossy();
        let is_ours = [LOCK_FILE, MARK, STAGED, PLACED, LOST_AND_FOUND].contains(&&*name)
            || name.starts_with(&format!(".{MARK}."));
        let is_restored = cleared && is_of_database(&name);
        !is_ours && !name.starts_with(ASIDE_PREFIX) && !is_restored
    };
    Ok(names.iter().any(is_other))
}

/// # Errors
/// `Unavailable` when a replacement of the store is under way, or was ended before it was complete.
pub(super) fn check_whole(path: &Path) -> Result<()> {
    if !path.join(MARK).exists() {
        return Ok(());
    }
    let message = format!(
        "a restore of online store {} is under way, or was ended before it was complete",
        error_path(path)
    );
    Err(Error::new(ErrorKind::Unavailable, message)
        .with_hint("if it is not under way, do it again: feast restore BACKUP --force"))
}

/// Removes what an ended replacement has left of a store that is whole, and whose lock is held.
pub(super) fn remove_leftovers(path: &Path) {
    for name in [STAGED, PLACED] {
        let _ = remove_directory(&path.join(name));
    }
    remove_unfinished_marks(path);
}

/// Of processes that were killed while they wrote one.
fn remove_unfinished_marks(path: &Path) {
    feast_files::remove_leftovers(path, |name| name == MARK);
}

fn read_mark(path: &Path) -> Result<Option<Mark>> {
    let mark = path.join(MARK);
    match std::fs::read(&mark) {
        Ok(aside) => Ok(Some(Mark {
            aside: (!aside.is_empty()).then(|| PathBuf::from(OsString::from_vec(aside))),
            is_cleared: path.join(PLACED).exists(),
        })),
        Err(source) if source.kind() == IoKind::NotFound => Ok(None),
        Err(source) => Err(Error::io("read", &mark, source)),
    }
}

/// Locks a file as RocksDB does, until it is closed.
fn lock(file: &Path, store: &Path) -> Result<File> {
    let opened = OpenOptions::new().write(true).open(file);
    let lock = opened.map_err(|source| Error::io("lock", file, source))?;
    fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|source| match source {
        rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS => in_use(store),
        source => Error::io("lock", file, source.into()),
    })?;
    // Another one may have been put there in between.
    let id = |found: std::io::Result<std::fs::Metadata>| found.map(|found| (found.dev(), found.ino())).ok();
    match id(lock.metadata()) == id(metadata(file)) {
        true => Ok(lock),
        false => Err(in_use(store)),
    }
}

fn move_files(names: &[OsString], from: &Path, to: &Path) -> Result<()> {
    for name in names {
        let (from, to) = (from.join(name), to.join(name));
        rename(&from, &to).map_err(|source| Error::io("move", &from, source))?;
        fail_point::reached(Step::StoreFileMoved);
    }
    Ok(())
}

/// In their order.
fn names_in(directory: &Path) -> Result<Vec<OsString>> {
    let failed = |source| Error::io("list", directory, source);
    let entries = read_dir(directory).map_err(failed)?;
    let names = entries.map(|entry| entry.map(|entry| entry.file_name()));
    let mut names: Vec<OsString> = names.collect::<std::io::Result<_>>().map_err(failed)?;
    names.sort();
    Ok(names)
}

/// Whether a file of that name is one that RocksDB makes, or that is made for it. Others are not touched.
fn is_of_database(name: &str) -> bool {
    let is_numbered = |name: &str| {
        let parts = name.rsplit_once('.');
        parts.is_some_and(|(number, ending)| {
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            is_number && ["sst", "log", "blob", "dbtmp"].contains(&ending)
        })
    };
    let starts = ["MANIFEST-", "OPTIONS-", "LOG.old."];
    ["CURRENT", "IDENTITY", "LOG"].contains(&name)
        || starts.iter().any(|start| name.starts_with(start))
        || name.ends_with(FILE_SUFFIX)
        || is_numbered(name)
}

fn remove_directory(path: &Path) -> Result<()> {
    match remove_dir_all(path) {
        Err(source) if source.kind() != IoKind::NotFound => Err(Error::io("remove", path, source)),
        _ => Ok(()),
    }
}

/// Makes the names in a directory durable.
fn sync(directory: &Path) -> Result<()> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|source| Error::io("sync", directory, source))
}

#[cfg(test)]
mod tests;
