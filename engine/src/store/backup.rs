//! Backups of the registry and the online store, with the log of pushes that is in it, while the store is in use.
//!
//! **The registry first, then the rows.** A materialization makes its rows durable before it records its interval, so what the registry of
//! a backup says was materialized is in the rows of that backup. The other way round a run between both would be in the
//! registry and not in the rows, and nobody would load it again.
//!
//! **All rows at one moment**, between the beginning and the end of the backup, and with them the pushes that wait for their parquet
//! source. After a restore these are appended, unless the source says that it has them.

use std::num::NonZero;
use std::path::Path;
use std::thread;

use feast_backup::{BackupReport, Draft, StoreDescription, backups_in};
use feast_model::Timestamp;
use feast_model::error::{Error, Result, path as error_path};

use super::FeatureStore;
use crate::clock;
use crate::online_store::{Checkpoint, check_backed_up};

/// Within a backup.
pub(super) const REGISTRY: &str = "registry.db";
pub(super) const ONLINE_STORE: &str = "online_store";

impl FeatureStore {
    /// Makes a backup in a directory of backups, under the time at which it began, and removes the oldest ones of the project, so that
    /// `keep` are left. Reads and writes go on meanwhile.
    ///
    /// # Errors
    /// `Unsupported` for a store in Redis or SQLite. `Unavailable` when the store takes no writes for now, when there is no room, or when
    /// another backup is being made for long; there is no backup then.
    pub fn back_up(&self, directory: &Path, keep: Option<NonZero<usize>>) -> Result<BackupReport> {
        // First of all: the directory is made for a backup.
        check_backed_up(&self.config.online_store)?;
        self.check_writable()?;
        self.check_outside(directory)?;
        let store = self.online_store()?;
        let mut draft = Draft::begin(directory, &self.config.project, clock::now())?;
        if let Some(registry) = self.registry.bytes()? {
            draft.add_bytes(REGISTRY, &registry)?;
        }
        let description = StoreDescription {
            kind: self.config.online_store.type_name().to_owned(),
            identity: store.identity().to_owned(),
            write_count: store.write_count().unwrap_or_default(),
        };
        let checkpoint = store.checkpoint()?;
        let finished = clock::now();
        // What is left to do takes as long as the store is large, and nobody waits for a lock that it holds.
        let copied = thread::scope(|scope| {
            let copy = scope.spawn(|| {
                feast_background::give_way();
                draft.add_directory(ONLINE_STORE, checkpoint.path(), Checkpoint::is_immutable)?;
                draft.finish(description, finished, keep)
            });
            copy.join()
        });
        copied.unwrap_or_else(|_| Err(Error::internal("the thread that copies files has panicked")))
    }

    /// The store's directory is moved aside by a restore, and with it what is in there.
    fn check_outside(&self, directory: &Path) -> Result<()> {
        let real = |path: &Path| {
            // What is not there yet has a real place above it.
            let there = path.ancestors().find(|path| path.exists())?;
            let rest = path.strip_prefix(there).ok()?;
            Some(std::fs::canonicalize(there).ok()?.join(rest))
        };
        let store = self.config.online_store.directory().and_then(real);
        match (store, real(directory)) {
            (Some(store), Some(directory)) if directory.starts_with(&store) => {
                let message = format!("{} is inside of the online store", error_path(&directory));
                Err(Error::invalid(message).with_hint("name a directory outside of it, best on another disk"))
            }
            _ => Ok(()),
        }
    }

    /// When the newest backup of the project in a directory began; `None` when there is none. Those that were made while the clock was
    /// ahead do not count.
    ///
    /// # Errors
    /// Those of the directory.
    pub fn last_backup(&self, directory: &Path) -> Result<Option<Timestamp>> {
        let now = clock::now();
        let backups = backups_in(directory, &self.config.project)?;
        let begun = backups.iter().map(|backup| backup.manifest().started);
        Ok(begun.filter(|begun| *begun <= now).max())
    }
}
