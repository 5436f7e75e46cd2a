//! A backup that is being made.

use std::fs::DirBuilder;
use std::num::NonZero;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use feast_files::fail_point::{self, Step};
use feast_files::{COMMAND_PATIENCE, FileLock};
use feast_model::Timestamp;
use feast_model::error::{Error, ErrorKind, Result, path as error_path};

use crate::files::{self, Reading, Sum};
use crate::manifest::{FILE_NAME, FileEntry, Manifest, StoreDescription};
use crate::whole::{Backup, backups_of, is_temporary, name_of, temporary_path};

/// Named like this in a directory with backups, `.backups.lock` is held while one is made.
const LOCKED_NAME: &str = "backups";
/// A minute: more than names of several backups in a second run ahead.
const NEAR_MICROS: u64 = 60_000_000;

/// A backup under its temporary name. It is removed with the value, unless it is finished.
pub struct Draft {
    directory: PathBuf,
    path: PathBuf,
    temporary: PathBuf,
    project: String,
    online_store: StoreDescription,
    started: Timestamp,
    stop: Arc<AtomicBool>,
    previous: Option<Backup>,
    files: Vec<FileEntry>,
    subdirectories: Vec<PathBuf>,
    shared_bytes: u64,
    _lock: FileLock,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    /// Where the backup is.
    pub path: PathBuf,
    /// How many files it has.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// As many of them lie in files that the store or the backup before has too.
    pub shared_bytes: u64,
    /// Old backups that are not kept any more, by their names.
    pub removed: Vec<String>,
    /// How many there are of other online stores of the project. They are neither counted nor removed.
    pub of_other_stores: usize,
}

impl Draft {
    /// Begins a backup in a directory, and removes what killed processes have left of others. It is given up when `stop` says so.
    ///
    /// # Errors
    /// `Unavailable` when another backup into the same directory takes more than a minute, those of the directory.
    pub fn begin(
        directory: &Path,
        project: &str,
        online_store: StoreDescription,
        now: Timestamp,
        stop: &Arc<AtomicBool>,
    ) -> Result<Self> {
        let lock = FileLock::acquire_in(directory, LOCKED_NAME, COMMAND_PATIENCE)?;
        remove_leftovers(directory)?;
        let (mut own, mut others) = backups_of(directory, project, &online_store.identity)?;
        // That of another store has the same tables where one of them was restored from the other.
        let previous = own.pop().or_else(|| others.pop());
        let path = unused_path(directory, previous.as_ref(), now);
        let temporary = temporary_path(&path);
        make(&temporary)?;
        Ok(Self {
            directory: directory.to_path_buf(),
            path,
            temporary,
            project: project.to_owned(),
            online_store,
            started: now,
            stop: Arc::clone(stop),
            previous,
            files: Vec::new(),
            subdirectories: Vec::new(),
            shared_bytes: 0,
            _lock: lock,
        })
    }

    /// Adds a file with these bytes.
    ///
    /// # Errors
    /// Those of the file.
    pub fn add_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let sum = files::write(&self.temporary.join(name), bytes)?;
        self.note(name.to_owned(), sum);
        Ok(())
    }

    /// Adds a directory with the files of another one, which must not change meanwhile. Those that are `immutable` for as long as they
    /// have that name may come to be shared with others.
    ///
    /// # Errors
    /// Those of the files.
    pub fn add_directory(&mut self, name: &str, from: &Path, immutable: impl Fn(&str) -> bool) -> Result<()> {
        let stop = Arc::clone(&self.stop);
        let how = Reading {
            most_bytes: u64::MAX,
            go_on: &|| check_wanted(&stop),
        };
        let to = self.temporary.join(name);
        make(&to)?;
        self.subdirectories.push(to.clone());
        let failed = |source| Error::io("list", from, source);
        let entries = std::fs::read_dir(from).map_err(failed)?;
        let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
        let mut names: Vec<String> = names.collect::<std::io::Result<_>>().map_err(failed)?;
        names.sort();
        for file in names {
            let (source, target) = (from.join(&file), to.join(&file));
            let is_immutable = immutable(&file);
            let path = format!("{name}/{file}");
            let sum = match is_immutable {
                true => self.share(&path, &source, &target, how)?,
                false => files::copy(&source, &target, how)?,
            };
            self.note(path, sum);
        }
        Ok(())
    }

    /// Links or copies a file that does not change.
    fn share(&mut self, path: &str, source: &Path, target: &Path, how: Reading<'_>) -> Result<Sum> {
        let former = self.previous.as_ref().and_then(|previous| {
            let file = previous.file(path)?;
            let sum = Sum {
                bytes: file.bytes,
                sha256: file.sha256.clone(),
            };
            Some((previous.path().join(path), sum))
        });
        if files::link(source, target)? {
            // The backup before has read this very file.
            let known = former.filter(|(former, _)| files::are_one(former, target));
            let sum = known.map_or_else(|| files::sum_file(target, how), |(_, sum)| Ok(sum))?;
            self.shared_bytes += sum.bytes;
            return Ok(sum);
        }
        let size = std::fs::metadata(source)
            .map_err(|error| Error::io("read", source, error))?
            .len();
        if let Some((former, sum)) = former
            && sum.bytes == size
            && files::sum_file(source, how)? == sum
            && files::link(&former, target)?
        {
            self.shared_bytes += sum.bytes;
            return Ok(sum);
        }
        files::copy(source, target, how)
    }

    fn note(&mut self, path: String, sum: Sum) {
        self.files.push(FileEntry {
            path,
            bytes: sum.bytes,
            sha256: sum.sha256,
        });
    }

    /// Gives the backup its name, and then removes the oldest ones of the same store, so that `keep` are left, this one among them.
    ///
    /// # Errors
    /// Those of the files. Where an old one cannot be removed, the new one is there.
    pub fn finish(mut self, now: Timestamp, keep: Option<NonZero<usize>>) -> Result<BackupReport> {
        let manifest = Manifest {
            project: self.project.clone(),
            started: self.started,
            finished: now,
            online_store: self.online_store.clone(),
            files: std::mem::take(&mut self.files),
        };
        files::write(&self.temporary.join(FILE_NAME), manifest.to_text()?.as_bytes())?;
        self.subdirectories
            .iter()
            .try_for_each(|directory| files::sync_directory(directory))?;
        files::sync_directory(&self.temporary)?;
        fail_point::reached(Step::BackupWritten);
        std::fs::rename(&self.temporary, &self.path).map_err(|source| Error::io("write", &self.path, source))?;
        files::sync_directory(&self.directory)?;
        fail_point::reached(Step::BackupNamed);
        let removed = keep.map_or(Ok(Removed::default()), |keep| self.remove_oldest(keep));
        let removed = removed.map_err(|error| {
            let path = error_path(&self.path);
            error.within(|message| format!("backup {path} is complete, but an old one is not removed: {message}"))
        })?;
        Ok(BackupReport {
            path: self.path.clone(),
            files: manifest.files.len(),
            bytes: manifest.files.iter().map(|file| file.bytes).sum(),
            shared_bytes: self.shared_bytes,
            removed: removed.names,
            of_other_stores: removed.of_other_stores,
        })
    }

    /// The new one stays, and so do those that were made while the clock was ahead, until it comes there: they say nothing of how old they
    /// are, and would be taken for newer than all that are made meanwhile.
    fn remove_oldest(&self, keep: NonZero<usize>) -> Result<Removed> {
        let (mut own, others) = backups_of(&self.directory, &self.project, &self.online_store.identity)?;
        own.retain(|backup| backup.path() != self.path && backup.manifest().started <= self.started);
        let surplus = (own.len() + 1).saturating_sub(keep.get());
        let mut removed = Removed {
            of_other_stores: others.len(),
            ..Removed::default()
        };
        for backup in own.into_iter().take(surplus) {
            removed.names.push(
                backup
                    .path()
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
            );
            backup.remove()?;
        }
        Ok(removed)
    }
}

fn check_wanted(stop: &AtomicBool) -> Result<()> {
    match stop.load(Ordering::Relaxed) {
        false => Ok(()),
        true => Err(Error::new(
            ErrorKind::Unavailable,
            "the backup was given up, as the process that made it stops",
        )),
    }
}

/// What became of older backups.
#[derive(Default)]
struct Removed {
    names: Vec<String>,
    of_other_stores: usize,
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After the renaming there is nothing of that name.
        let _ = std::fs::remove_dir_all(&self.temporary);
    }
}

/// Where a backup of this time goes. Of several in a second the later ones are named by the next seconds, so that names are in the order of
/// backups, also when the name of a removed one is free again.
fn unused_path(directory: &Path, previous: Option<&Backup>, now: Timestamp) -> PathBuf {
    let is_near = |previous: &&Backup| {
        let since = now.micros().abs_diff(previous.manifest().started.micros());
        since <= NEAR_MICROS
    };
    let previous = previous.filter(is_near).map(Backup::path);
    let mut time = now;
    loop {
        // The lock is held, so that nobody takes the name meanwhile.
        let path = directory.join(name_of(time));
        let is_taken = std::fs::symlink_metadata(&path).is_ok();
        if !is_taken && previous.is_none_or(|previous| path.as_path() > previous) {
            return path;
        }
        time = time.plus_micros(1_000_000);
    }
}

/// What is under a temporary name while the lock is held has no maker any more, whatever it is.
fn remove_leftovers(directory: &Path) -> Result<()> {
    let entries = std::fs::read_dir(directory).map_err(|source| Error::io("list", directory, source))?;
    for entry in entries.flatten() {
        if is_temporary(&entry.file_name().to_string_lossy()) {
            let path = entry.path();
            let removed = match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                true => std::fs::remove_dir_all(&path),
                false => std::fs::remove_file(&path),
            };
            removed.map_err(|source| Error::io("remove", &path, source))?;
        }
    }
    Ok(())
}

/// Makes a directory of backups, if it is not there.
///
/// # Errors
/// Those of the directory.
pub fn make_directory(path: &Path) -> Result<()> {
    let made = for_its_owner().recursive(true).create(path);
    made.map_err(|source| Error::io("create the directory", path, source))
}

/// Whether a backup was begun in a directory before. One that a disk is mounted at does not show it without that disk.
pub fn was_used(directory: &Path) -> bool {
    std::fs::symlink_metadata(directory.join(format!(".{LOCKED_NAME}.lock"))).is_ok()
}

fn make(path: &Path) -> Result<()> {
    let made = for_its_owner().create(path);
    made.map_err(|source| Error::io("create the directory", path, source))
}

/// Backups hold what the store does.
fn for_its_owner() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

#[cfg(test)]
mod tests;
