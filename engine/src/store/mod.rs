//! [`FeatureStore`]: the one type that servers and commands use. Each operation is a few named steps.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

#[cfg(test)]
mod crash_tests;
mod definitions;
mod event_times;
mod materialization;
mod push_log;
mod registry;
#[cfg(test)]
mod table_crash_tests;
mod tables;
mod writing;

pub use definitions::{ApplyOptions, ApplyReport};
pub use materialization::{MaterializeRequest, Reservation, ReservedView};
pub use writing::{PushTarget, WriteReport};

use feast_config::RepositoryConfig;
use feast_model::FeatureSelection;
use feast_model::error::{Error, Result};
use feast_registry::UnsupportedObject;

use push_log::WaitingPushes;
use registry::{NextState, RegistryHandle, RegistryState};

use crate::offline::{Appender, OfflineRuntime, SchemaCache};
use crate::online::{self, EntityRows, FeatureVectors, ReadPlan, StoredEntities};
use crate::storage::{Replace, Storage, TableChange};

/// One feature repository: its registry, its online store and its parquet sources.
///
/// The registry is read at once, the online store is opened when it is first needed. All operations may be called from
/// many threads; they block, so asynchronous callers run them on threads of their own.
pub struct FeatureStore {
    config: RepositoryConfig,
    registry: RegistryHandle,
    storage: OnceLock<Storage>,
    offline: OnceLock<OfflineRuntime>,
    /// Held while one of the two above is made.
    opening: Mutex<()>,
    appender: Appender,
    /// Of the parts of directories that are pushed to.
    schemas: SchemaCache,
    /// Pushes that are in the log, but not in their parquet source.
    waiting_pushes: Mutex<WaitingPushes>,
    /// Held while they are appended.
    flushing: Mutex<()>,
    /// Held by a materialization: two at once would only do the same work twice.
    materializing: Mutex<()>,
    /// What became of tables, until somebody asks.
    table_changes: Mutex<Vec<TableChange>>,
}

impl FeatureStore {
    /// Opens a repository and reads its registry. A missing registry file is an empty registry.
    ///
    /// # Errors
    /// `Data` when the registry file is damaged.
    pub fn open(config: RepositoryConfig) -> Result<Self> {
        let (path, project) = (&config.registry_path, &config.project);
        Ok(Self {
            registry: RegistryHandle::open(path, project, config.online_versioning)?,
            config,
            storage: OnceLock::new(),
            offline: OnceLock::new(),
            opening: Mutex::default(),
            appender: Appender::default(),
            schemas: SchemaCache::default(),
            waiting_pushes: Mutex::default(),
            flushing: Mutex::default(),
            materializing: Mutex::default(),
            table_changes: Mutex::default(),
        })
    }

    /// The settings it was opened with.
    pub fn config(&self) -> &RepositoryConfig {
        &self.config
    }

    /// Tells this online store from every other one, also from another in the same directory.
    ///
    /// # Errors
    /// As [`FeatureStore::open_online_store`].
    pub fn online_store_identity(&self) -> Result<&str> {
        self.storage().map(Storage::identity)
    }

    /// Writes a small file into the directory of the online store, for those who may read the store.
    ///
    /// # Errors
    /// As [`FeatureStore::open_online_store`], and those of the file.
    pub fn write_beside_online_store(&self, name: &str, contents: &[u8]) -> Result<()> {
        self.storage()?.write_file(name, contents)
    }

    /// Objects of the registry that hold what this binary does not know: they are kept, but cannot be used.
    pub fn unsupported_objects(&self) -> Vec<UnsupportedObject> {
        self.state().unsupported.clone()
    }

    /// Reads the registry again if its file has changed. Says whether it has.
    ///
    /// # Errors
    /// `Data` when the new file is damaged; the registry read before stays in use.
    pub fn refresh(&self) -> Result<bool> {
        self.registry.refresh(|next| self.adopt(next))
    }

    /// Takes a state of the registry into use, and brings the tables of the online store to it, if that is open.
    fn adopt(&self, next: NextState<'_>) -> Result<()> {
        let Some(storage) = self.storage.get() else {
            next.publish();
            return Ok(());
        };
        let restored = self.restore_tables(storage, next.state());
        let state = next.publish();
        restored.and_then(|()| self.hide_tables(storage, &state))
    }

    /// Resolves what a request asks for. Plans are kept until the registry changes.
    ///
    /// # Errors
    /// `NotFound` for an unknown view or service, `Invalid` for the rest.
    pub fn plan(&self, selection: &FeatureSelection, full_feature_names: bool) -> Result<Arc<ReadPlan>> {
        self.registry.plan(selection, full_feature_names)
    }

    /// Looks up the newest row of each entity and decodes it.
    ///
    /// # Errors
    /// `Invalid` when join keys are missing or the rows are too much for memory, `Data` when the store is damaged.
    pub fn read<'request>(
        &'request self,
        plan: &'request ReadPlan,
        entities: &'request EntityRows,
    ) -> Result<FeatureVectors<'request>> {
        self.look_up(plan, entities, |_| Ok::<_, Error>(()))?.feature_vectors()
    }

    /// The first half of [`FeatureStore::read`], for callers who want to know how much it is: `admit` is told again and again
    /// how many bytes of rows there are by now, each row counted as often as it was asked for, and may end the read.
    ///
    /// # Errors
    /// As [`FeatureStore::read`], and those of `admit`.
    pub fn look_up<'request, E: From<Error>>(
        &'request self,
        plan: &'request ReadPlan,
        entities: &'request EntityRows,
        admit: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<StoredEntities<'request>, E> {
        online::look_up(self.storage()?, plan, entities, admit)
    }

    /// As [`FeatureStore::look_up`], for threads that must not wait: `None` when rows are not in memory, or are much.
    ///
    /// # Errors
    /// As [`FeatureStore::read`].
    pub fn look_up_in_memory<'request>(
        &'request self,
        plan: &'request ReadPlan,
        entities: &'request EntityRows,
    ) -> Result<Option<StoredEntities<'request>>> {
        online::look_up_in_memory(self.storage()?, plan, entities)
    }

    fn replace(&self) -> Replace {
        if self.config.skip_dedup {
            Replace::AllRows
        } else {
            Replace::OlderRows
        }
    }

    fn state(&self) -> Arc<RegistryState> {
        self.registry.state()
    }

    /// For the benches.
    pub(crate) fn online_store(&self) -> Result<&Storage> {
        self.storage()
    }

    fn storage(&self) -> Result<&Storage> {
        open_once(&self.storage, &self.opening, || {
            let storage = Storage::open(&self.config.online_store_path, &self.config.project, self.config.memory)?;
            // Whoever reads is to find the rows of all views that the registry has.
            self.restore_tables(&storage, &self.state())?;
            Ok(storage)
        })
    }

    fn offline(&self) -> Result<&OfflineRuntime> {
        open_once(&self.offline, &self.opening, OfflineRuntime::start)
    }
}

/// The value of the cell, made by the first caller that succeeds.
fn open_once<'a, T>(cell: &'a OnceLock<T>, opening: &Mutex<()>, open: impl FnOnce() -> Result<T>) -> Result<&'a T> {
    if let Some(value) = cell.get() {
        return Ok(value);
    }
    let _opening = lock(opening);
    if cell.get().is_none() {
        // Under the lock nobody else can have set it.
        let _ = cell.set(open()?);
    }
    cell.get()
        .ok_or_else(|| Error::internal("a store is not open right after it was opened"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
