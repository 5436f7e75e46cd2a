//! The registry in a file. Ours is replaced as a whole under a lock; Python writes it in place and honours no lock.

use std::fs::File;
use std::io::ErrorKind as IoKind;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use feast_files::{COMMAND_PATIENCE, FileLock, remove_leftovers, replace_bytes};
use feast_model::Timestamp;
use feast_model::error::{Error, ErrorKind, Result, path as error_path};

use super::Snapshot;
use crate::contents::{RegistryContents, position_of_version_id};

/// How often and how long apart a file that looks cut is read again before it is taken as it is.
const CUT_FILE_LOOKS: u32 = 5;
const CUT_FILE_PAUSE: Duration = Duration::from_millis(100);

/// A registry file, seen by one project.
#[derive(Debug, Clone)]
pub struct RegistryFile {
    path: PathBuf,
    project: String,
}

/// Tells one state of a registry from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    /// A replaced file has another one, even within the tick of the file system's clock.
    inode: u64,
}

impl RegistryFile {
    /// A file that may not be there yet.
    pub fn new(path: &Path, project: &str) -> Self {
        Self {
            path: path.to_path_buf(),
            project: project.to_owned(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The project whose objects are read and written.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// `None` when there is no file.
    pub fn stamp(&self) -> Option<Stamp> {
        let metadata = std::fs::metadata(&self.path).ok()?;
        Some(Stamp {
            modified: metadata.modified().ok(),
            bytes: metadata.len(),
            inode: metadata.ino(),
        })
    }

    /// Reads the file; a missing one is an empty registry.
    ///
    /// # Errors
    /// `Data` when it is not a registry.
    pub fn load(&self) -> Result<Snapshot> {
        // The stamp first: a file replaced in between is then read again at the next look.
        let stamp = self.stamp();
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(source) if source.kind() == IoKind::NotFound => Vec::new(),
            Err(source) => return Err(Error::io("read the registry", &self.path, source)),
        };
        let origin = error_path(&self.path).to_string();
        Ok(Snapshot {
            contents: Arc::new(RegistryContents::parse(&bytes, origin, &self.project)?),
            stamp,
            version_id_at: version_id_at(&bytes),
        })
    }

    /// The bytes of the whole file; `None` when there is none.
    ///
    /// # Errors
    /// `Data` when it is not a registry.
    pub fn read(&self) -> Result<Option<Vec<u8>>> {
        let mut looks = 0;
        loop {
            let bytes = match std::fs::read(&self.path) {
                Ok(bytes) => bytes,
                Err(source) if source.kind() == IoKind::NotFound => return Ok(None),
                Err(source) => return Err(Error::io("read the registry", &self.path, source)),
            };
            let contents = RegistryContents::parse(&bytes, error_path(&self.path).to_string(), &self.project);
            let is_whole = contents.as_ref().is_ok_and(|contents| !contents.looks_cut());
            if is_whole || looks == CUT_FILE_LOOKS {
                return contents.map(|_| Some(bytes));
            }
            looks += 1;
            std::thread::sleep(CUT_FILE_PAUSE);
        }
    }

    /// # Errors
    /// `Data` when these bytes are no registry.
    pub fn check(&self, bytes: &[u8]) -> Result<()> {
        let origin = format!("what is to be restored to {}", error_path(&self.path));
        RegistryContents::parse(bytes, origin, &self.project).map(drop)
    }

    /// Puts these bytes in the place of the file, which is there before or after at each instant. One that is there gets the second name
    /// `aside`.
    ///
    /// # Errors
    /// `Data` when they are no registry, `Conflict` when there is a file and no second name, `Unavailable` when another process holds the
    /// lock for a minute.
    pub fn restore(&self, bytes: &[u8], aside: Option<&Path>) -> Result<()> {
        let _lock = FileLock::acquire(&self.path, COMMAND_PATIENCE)?;
        self.check(bytes)?;
        let place = error_path(&self.path);
        match aside {
            _ if !self.path.exists() => {}
            Some(aside) => {
                // A copy where the file system has no links.
                let kept = std::fs::hard_link(&self.path, aside);
                let kept = kept.or_else(|_| std::fs::copy(&self.path, aside).map(drop));
                kept.map_err(|source| Error::io("write", aside, source))?;
            }
            None => {
                let message = format!("there is a registry already: {place}");
                return Err(Error::new(ErrorKind::Conflict, message).with_hint("move it away, then restore again"));
            }
        }
        replace_bytes(&self.path, bytes)
    }

    /// Whether the file is still in that state, so that it need not be read again before it is changed.
    ///
    /// Times are not enough for that: Python writes in place, and within one tick of the file system's clock (some milliseconds,
    /// a second on some) a file of the same length keeps its stamp. So the version id is looked at too, at its place in the file:
    /// every write makes a new one.
    pub fn is_current(&self, snapshot: &Snapshot) -> bool {
        let (Some(stamp), Some(position)) = (snapshot.stamp, snapshot.version_id_at) else {
            return false;
        };
        self.stamp() == Some(stamp) && self.has_at(position, snapshot.contents.version_id())
    }

    fn has_at(&self, position: u64, string: &str) -> bool {
        let mut found = vec![0; string.len()];
        let read = File::open(&self.path).and_then(|file| file.read_exact_at(&mut found, position));
        read.is_ok() && found == string.as_bytes()
    }

    /// Changes and replaces the file under its lock. It is read before, unless it is still as in `known`: what another process
    /// has changed is changed further, not lost. `change` says whether there is something to write.
    ///
    /// # Errors
    /// Those of `change` and of the file operations, `Unavailable` when another process holds the lock for a minute; the file is then as
    /// before.
    pub fn update<T>(
        &self,
        known: &Snapshot,
        now: Timestamp,
        change: impl FnOnce(&mut RegistryContents) -> Result<(T, bool)>,
    ) -> Result<(T, Snapshot)> {
        let _lock = FileLock::acquire(&self.path, COMMAND_PATIENCE)?;
        let own_name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let directory = self.path.parent().unwrap_or(&self.path);
        remove_leftovers(directory, |name| name == own_name);
        let found = if self.is_current(known) && !known.contents.looks_cut() {
            known.clone()
        } else {
            self.load_whole()?
        };
        // What `change` has touched without a change to write is not what the file holds.
        let mut snapshot = found.clone();
        let contents = Arc::make_mut(&mut snapshot.contents);
        let (outcome, changed) = change(contents)?;
        if !changed {
            return Ok((outcome, found));
        }
        let bytes = contents.encode_changed(now);
        replace_bytes(&self.path, &bytes)?;
        snapshot.version_id_at = version_id_at(&bytes);
        snapshot.stamp = self.stamp();
        // Python may have written over it already.
        if !self.is_current(&snapshot) {
            snapshot.stamp = None;
        }
        Ok((outcome, snapshot))
    }

    /// As [`RegistryFile::load`], but waits while the file looks cut: Python writes it in place and honours no lock, and what
    /// is loaded here is written back.
    fn load_whole(&self) -> Result<Snapshot> {
        let mut loaded = self.load();
        for _ in 0..CUT_FILE_LOOKS {
            let is_whole = loaded.as_ref().is_ok_and(|snapshot| !snapshot.contents.looks_cut());
            if is_whole || !self.path.exists() {
                break;
            }
            std::thread::sleep(CUT_FILE_PAUSE);
            loaded = self.load();
        }
        loaded
    }
}

fn version_id_at(bytes: &[u8]) -> Option<u64> {
    position_of_version_id(bytes).and_then(|position| u64::try_from(position).ok())
}

#[cfg(test)]
mod tests {
    use feast_model::{Definitions, Metadata, ObjectKind, Project};

    use super::*;

    const NOW: Timestamp = Timestamp::EPOCH;

    /// A registry that holds its project, and nothing else.
    fn with_project(directory: &Path) -> RegistryFile {
        let place = RegistryFile::new(&directory.join("registry.db"), "shop");
        let definitions = Definitions {
            project: Some(Project {
                metadata: Metadata::new("shop".to_owned()),
            }),
            ..Definitions::default()
        };
        let empty = place.load().unwrap();
        let applied = place.update(&empty, NOW, |contents| Ok((contents.apply(&definitions, NOW)?, true)));
        assert!(!applied.unwrap().0.is_empty());
        place
    }

    fn projects(snapshot: &Snapshot) -> Vec<String> {
        snapshot.contents.names(ObjectKind::Project)
    }

    #[test]
    fn what_a_change_has_touched_is_not_taken_for_the_file_when_there_is_nothing_to_write() {
        let directory = tempfile::tempdir().unwrap();
        let place = with_project(directory.path());
        let known = place.load().unwrap();
        let clear = |contents: &mut RegistryContents| Ok((contents.clear()?, false));
        let (_, from_known) = place.update(&known, NOW, clear).unwrap();
        // As after a change of another process.
        let nothing = RegistryFile::new(&directory.path().join("none.db"), "shop")
            .load()
            .unwrap();
        let (_, from_file) = place.update(&nothing, NOW, clear).unwrap();
        for found in [from_known, from_file] {
            assert_eq!(projects(&found), ["shop"]);
            assert!(place.is_current(&found));
        }
    }

    #[test]
    fn a_state_that_looks_cut_is_read_again_before_it_is_changed() {
        let directory = tempfile::tempdir().unwrap();
        let place = with_project(directory.path());
        // As if the file had been read while Python was writing it: its stamp and its version id are those of the whole file.
        let mut cut = place.load().unwrap();
        Arc::make_mut(&mut cut.contents).message.entities = vec![Vec::new()];
        Arc::make_mut(&mut cut.contents).message.projects.clear();
        assert!(place.is_current(&cut) && cut.contents.looks_cut());
        let (_, written) = place.update(&cut, NOW, |_| Ok(((), true))).unwrap();
        assert_eq!(projects(&written), ["shop"]);
        assert_eq!(projects(&place.load().unwrap()), ["shop"]);
    }
}
