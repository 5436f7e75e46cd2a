//! Logged features on a disk of this machine, until they are in their destination.
//!
//! A directory `N` for each process that uses the spool, locked as long as it runs, with a directory for each file that is to be
//! (`batch`). What a file is, and where it goes, stands in its parts, so that it can be taken over when neither is in the registry any
//! more.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use feast_files::{FileLock, create_directories};
use feast_model::error::{Error, Result};

use super::batch::{Batch, SpoolError};
use super::counts::Counts;
use crate::online::{LogTable, ServedRows};

/// Processes that may use one spool at once.
const MAX_PROCESSES: usize = 64;
/// Parts that one file is made of: each is a row group, of which a file has some ten thousands at most.
const MAX_PARTS: usize = 1024;

/// The part of the spool that this process uses.
pub(super) struct Spool {
    directory: PathBuf,
    max_bytes: u64,
    counts: Arc<Counts>,
    /// The files that rows are added to.
    open: Vec<Batch>,
    /// The files to which no more rows come.
    closed: Vec<Batch>,
    _locks: Vec<FileLock>,
}

impl Spool {
    /// Takes a place in it, and what dead processes have left in theirs.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be written.
    pub(super) fn open(root: &Path, max_bytes: u64, counts: Arc<Counts>) -> Result<Self> {
        create_directories(root).map_err(|error| {
            error.with_hint(
                "features that are logged wait there: set serving.feature_log_spool_path to a directory that can be written",
            )
        })?;
        let (mut own, mut locks, mut closed, mut held) = (None, Vec::new(), Vec::new(), None);
        for number in 0..MAX_PROCESSES {
            let place = root.join(number.to_string());
            if own.is_some() && !place.is_dir() {
                continue;
            }
            match FileLock::acquire(&place, Duration::ZERO) {
                Ok(lock) => {
                    locks.push(lock);
                    closed.extend(left_in(&place)?);
                    own.get_or_insert(place);
                }
                // Of another process.
                Err(error) => held = Some(error),
            }
        }
        let Some(directory) = own else {
            return Err(held.unwrap_or_else(|| Error::internal("there is no place in the spool")));
        };
        counts.spooled(closed.iter().map(Batch::bytes).sum());
        Ok(Self {
            directory,
            max_bytes,
            counts,
            open: Vec::new(),
            closed,
            _locks: locks,
        })
    }

    /// Writes the rows of answers that are logged to one table. They are on disk when this returns.
    pub(super) fn write(&mut self, table: &Arc<LogTable>, answers: &[ServedRows]) -> Result<(), SpoolError> {
        if self.counts.spool_bytes() >= self.max_bytes {
            return Err(SpoolError::Full);
        }
        let place = match self.open.iter().position(|batch| batch.is_of(table)) {
            Some(place) => place,
            None => {
                self.open.push(Batch::new(&self.directory, Arc::clone(table)));
                self.open.len() - 1
            }
        };
        let batch = &mut self.open[place];
        let written = batch.write(table, answers);
        if batch.parts() >= MAX_PARTS {
            let full = self.open.swap_remove(place);
            self.closed.push(full);
        }
        self.counts.spooled(written?);
        Ok(())
    }

    /// Lets no more rows come to the files that are there.
    pub(super) fn close(&mut self) {
        self.closed.append(&mut self.open);
    }

    /// The files to which no more rows come: what was taken over at first.
    pub(super) fn take_closed(&mut self) -> Vec<Batch> {
        std::mem::take(&mut self.closed)
    }
}

/// Whether there are files in it.
pub(super) fn is_in_use(root: &Path) -> bool {
    let places = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut files = places.flat_map(|place| std::fs::read_dir(place.path()).into_iter().flatten().flatten());
    files.next().is_some()
}

/// The files that a dead process has left.
fn left_in(place: &Path) -> Result<Vec<Batch>> {
    let failed = |source| Error::io("read", place, source);
    let entries = match std::fs::read_dir(place) {
        Ok(entries) => entries,
        Err(source) if source.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed(source)),
    };
    let mut batches = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        batches.extend(Batch::left_in(entry.path())?);
    }
    Ok(batches)
}
