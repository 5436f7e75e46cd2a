//! Copies of a database as it is at one moment, for those who copy its files elsewhere, and databases that were copied.
//!
//! A checkpoint is a directory in the store's own: table files in it are hard links, so that it takes no room as long as the database has them
//! too, and it is on the same file system wherever the copy goes. It is removed when it was copied, or when the store is opened or another
//! one is made.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use feast_codec::storage_key::KeyTag;
use feast_config::OnlineStoreMemory;
use feast_model::error::{Error, Result};
use parking_lot::MutexGuard;
use rocksdb::checkpoint::Checkpoint as RocksDbCheckpoint;

use super::RocksDbStore;

const DIRECTORY_NAME: &str = "CHECKPOINT";
/// RocksDB's own name for one that is not complete.
const UNFINISHED_NAME: &str = "CHECKPOINT.tmp";

/// A database that is only opened to be given a name needs none.
const NO_MEMORY: OnlineStoreMemory = OnlineStoreMemory {
    row_cache: 0,
    block_cache: 1 << 20,
};

/// A directory with the files of a store as they were at one moment. It goes with the value.
pub struct Checkpoint<'store> {
    path: PathBuf,
    _turn: MutexGuard<'store, ()>,
}

impl Checkpoint<'_> {
    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a file of that name has the same bytes for as long as it is there: tables have, what lists them has not.
    pub fn is_immutable(name: &str) -> bool {
        name.ends_with(".sst")
    }
}

impl Drop for Checkpoint<'_> {
    fn drop(&mut self) {
        // The next one removes what stays.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

impl RocksDbStore {
    /// The files of the store as they are now, with all rows that were written before.
    ///
    /// # Errors
    /// `Unavailable` when the store takes no writes for now, or the disk is full.
    pub fn checkpoint(&self) -> Result<Checkpoint<'_>> {
        let turn = self.checkpoints.lock();
        let db = self.writable()?;
        remove_checkpoints(&self.path)?;
        let path = self.path.join(DIRECTORY_NAME);
        let made = RocksDbCheckpoint::new(&**db).and_then(|checkpoint| checkpoint.create_checkpoint(&path));
        let checkpoint = Checkpoint { path, _turn: turn };
        made.map_err(|source| self.failed_write(&db, source))?;
        // Tables that were written just now are as RocksDB made them, and may be linked to for as long as a copy is kept.
        self.modes.apply_in(&checkpoint.path);
        // Else it may have been made in the directory of somebody else.
        self.check_place()?;
        Ok(checkpoint)
    }

    /// Makes a store of its own of a copy, which has the identity of the one that was copied: what refers to that one, such as the receipts
    /// of a materialization in shards, does not fit it.
    ///
    /// # Errors
    /// As [`RocksDbStore::open`].
    pub fn renew_identity(path: &Path, project: &str) -> Result<()> {
        let store = Self::open(path, project, NO_MEMORY)?;
        store.write_record(KeyTag::Identity, &uuid::Uuid::new_v4().simple().to_string())
    }
}

/// Removes what is left of checkpoints, which would keep the room of tables that the database does not have any more.
pub(super) fn remove_checkpoints(store: &Path) -> Result<()> {
    for name in [DIRECTORY_NAME, UNFINISHED_NAME] {
        let path = store.join(name);
        match std::fs::remove_dir_all(&path) {
            Err(source) if source.kind() != ErrorKind::NotFound => return Err(Error::io("remove", &path, source)),
            _ => {}
        }
    }
    Ok(())
}
