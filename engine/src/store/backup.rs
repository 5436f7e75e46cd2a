//! Backups of the registry and the online store, with the log of pushes that is in it, while the store is in use.
//!
//! **The registry first, then the rows.** A materialization makes its rows durable before it records its interval, so what the registry of
//! a backup says was materialized is in the rows of that backup. The other way round a run between both would be in the
//! registry and not in the rows, and nobody would load it again.
//!
//! **All rows at one moment**, between the beginning and the end of the backup, and with them the pushes that wait for their parquet
//! source. After a restore these are appended, unless the source says that it has them.
//!
//! **A schedule makes no directory.** Where the disk for backups is not mounted, they would fill the one of the system, and be missed when they
//! are needed. So its directory must be there, and one that had backups of this store must still show it: the store remembers the directory.

use std::num::NonZero;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use feast_backup::{BackupReport, Draft, StoreDescription, backups_of, make_directory, was_used};
use feast_config::BackupSchedule;
use feast_model::Timestamp;
use feast_model::error::{Error, ErrorKind, Result, path as error_path};

use super::FeatureStore;
use crate::clock;
use crate::online_store::{Checkpoint, check_backed_up};

/// Within a backup.
pub(super) const REGISTRY: &str = "registry.db";
pub(super) const ONLINE_STORE: &str = "online_store";

/// Beside an online store, the directory in which a schedule has made backups of it.
const REMEMBERED: &str = "BACKUPS";

impl FeatureStore {
    /// Makes a backup in a directory of backups, which is made if it is not there, under the time at which it began, and removes the oldest
    /// ones of this store, so that `keep` are left. Reads and writes go on meanwhile. It is given up when `stop` says so.
    ///
    /// # Errors
    /// `Unsupported` for a store in Redis or SQLite, `NotFound` when there is no registry or no store. `Unavailable` when the
    /// store takes no writes at the moment, when there is no room, or when another backup takes long; there is no backup then.
    pub fn back_up(
        &self,
        directory: &Path,
        keep: Option<NonZero<usize>>,
        stop: &Arc<AtomicBool>,
    ) -> Result<BackupReport> {
        self.check_backup(directory)?;
        make_directory(directory)?;
        self.back_up_into(directory, keep, stop)
    }

    /// As [`FeatureStore::back_up`], for a server that nobody watches: the directory must be there, and be the one that it was.
    ///
    /// # Errors
    /// As [`FeatureStore::back_up`], and `Unavailable` for that.
    pub fn back_up_on_schedule(&self, schedule: &BackupSchedule, stop: &Arc<AtomicBool>) -> Result<BackupReport> {
        let directory = &std::path::absolute(&schedule.directory).unwrap_or_else(|_| schedule.directory.clone());
        self.check_writable()?;
        let is_known = self.check_schedule(schedule)?;
        let report = self.back_up_into(directory, Some(schedule.keep), stop)?;
        if !is_known {
            self.write_beside_online_store(REMEMBERED, directory.as_os_str().as_bytes())?;
        }
        Ok(report)
    }

    /// Whether the directory of a schedule can be backed up to, without doing it: gives whether it had backups of this store.
    ///
    /// # Errors
    /// As [`FeatureStore::back_up_on_schedule`], as far as the directory tells.
    pub fn check_schedule(&self, schedule: &BackupSchedule) -> Result<bool> {
        let directory = &std::path::absolute(&schedule.directory).unwrap_or_else(|_| schedule.directory.clone());
        check_backed_up(&self.config.online_store)?;
        self.check_outside(directory)?;
        let remembered = self.remembered_directory();
        let is_known = remembered.is_some_and(|remembered| remembered == directory.as_os_str().as_bytes());
        let problem = match directory.is_dir() {
            false => "is not there",
            true if is_known && !was_used(directory) => "is not the one that had backups of this online store",
            true => return Ok(is_known),
        };
        let message = format!("the directory of backups {} {problem}", error_path(directory));
        Err(Error::new(ErrorKind::Unavailable, message)
            .with_hint("mount its disk; where there is none to be mounted, make the first one with: feast backup DIR"))
    }

    fn remembered_directory(&self) -> Option<Vec<u8>> {
        let store = self.config.online_store.directory()?;
        std::fs::read(store.join(REMEMBERED)).ok()
    }

    /// Whether [`FeatureStore::back_up`] has something to back up and may do it there. Nothing is made.
    ///
    /// # Errors
    /// As [`FeatureStore::back_up`], as far as the settings and the places tell.
    pub fn check_backup(&self, directory: &Path) -> Result<()> {
        check_backed_up(&self.config.online_store)?;
        self.check_writable()?;
        self.check_outside(directory)?;
        self.check_registry_made()?;
        self.check_online_store_made()
    }

    fn back_up_into(
        &self,
        directory: &Path,
        keep: Option<NonZero<usize>>,
        stop: &Arc<AtomicBool>,
    ) -> Result<BackupReport> {
        let store = self.online_store()?;
        let description = StoreDescription {
            kind: self.config.online_store.type_name().to_owned(),
            identity: store.identity().to_owned(),
            write_count: store.write_count().unwrap_or_default(),
        };
        let mut draft = Draft::begin(directory, &self.config.project, description, clock::now(), stop)?;
        if let Some(registry) = self.registry.bytes()? {
            draft.add_bytes(REGISTRY, &registry)?;
        }
        let checkpoint = store.checkpoint()?;
        let finished = clock::now();
        // What is left to do takes as long as the store is large, and nobody waits for a lock that it holds.
        let copied = thread::scope(|scope| {
            let copy = scope.spawn(|| {
                feast_background::give_way();
                draft.add_directory(ONLINE_STORE, checkpoint.path(), Checkpoint::is_immutable)?;
                draft.finish(finished, keep)
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

    /// When the newest backup of this store in a directory began; `None` when there is none. Those that were made while the clock was
    /// ahead do not count.
    ///
    /// # Errors
    /// Those of the directory, and of opening the store.
    pub fn last_backup(&self, directory: &Path) -> Result<Option<Timestamp>> {
        let now = clock::now();
        let (own, _) = backups_of(directory, &self.config.project, self.online_store_identity()?)?;
        let begun = own.iter().map(|backup| backup.manifest().started);
        Ok(begun.filter(|begun| *begun <= now).max())
    }
}
