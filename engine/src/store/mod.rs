//! [`FeatureStore`]: the one type that servers and commands use. Each operation is a few named steps.

use std::sync::Arc;
use std::time::Duration;

mod access;
mod backup;
#[cfg(test)]
mod backup_crash_tests;
mod copy;
#[cfg(test)]
mod crash_tests;
mod definitions;
mod examine;
mod feature_logs;
mod keys;
mod name_collisions;
mod plans;
mod registry;
mod registry_looks;
mod removal;
mod restore;
mod scan;
mod shards;
mod statistics;
#[cfg(test)]
mod table_crash_tests;
mod tables;
mod writes;

pub use access::{AccessRequest, AskedObject};
pub use definitions::{ApplyOptions, ApplyReport};
pub use examine::examine_online_store;
pub use keys::{ForgottenRows, RowsToForget, StoredRow};
pub use removal::RemovalProgress;
pub use restore::{RestoreReport, restore};
pub use scan::{OnlineStoreTotals, RowWithKey, StoredPage, ViewTotals};
pub use statistics::{PythonStatistics, StoreStatistics};

use feast_config::{OnlineStoreConfig, RepositoryConfig};
use feast_model::error::{Error, ErrorKind, Result};
use feast_model::{Definitions, FeatureSelection};
use feast_registry::UnsupportedObject;

use registry::{NextState, PlanSettings, RegistryHandle, RegistryState};
use tables::UnreportedChanges;

use crate::materialize::Materializer;
use crate::offline::{OfflineThreads, SchemaCache};
use crate::online::{self, EntityRows, FeatureVectors, OnDemandRemark, PythonTier, ReadPlan, StoredEntities};
use crate::online_store::{Access, CacheUsage, LocalPushLog, OnlineStore};
use crate::open_once::OpenOnce;
use crate::push::Pushes;

/// How long a look at the registry is waited for where nothing else depends on it.
const LOOK_PATIENCE: Duration = Duration::from_secs(10);

/// One feature repository: its registry, its online store and its parquet sources.
///
/// The registry is read at once, the online store is opened when it is first needed. All operations may be called from
/// many threads; they block, so asynchronous callers run them on threads of their own.
pub struct FeatureStore {
    config: RepositoryConfig,
    access: Access,
    registry: RegistryHandle,
    /// Runs functions of on-demand views that this process does not know.
    python: Option<Arc<PythonTier>>,
    online_store: OpenOnce<OnlineStore>,
    offline: OpenOnce<OfflineThreads>,
    /// Of the parts of directories that are pushed to.
    schemas: SchemaCache,
    pushes: Pushes,
    push_log: LocalPushLog,
    materializer: Materializer,
    table_changes: UnreportedChanges,
}

impl FeatureStore {
    /// Opens a repository and reads its registry. A missing registry file is an empty registry.
    ///
    /// # Errors
    /// `Data` when the registry file is damaged.
    pub fn open(config: RepositoryConfig) -> Result<Self> {
        Self::open_with(config, Access::ReadWrite)
    }

    /// As [`FeatureStore::open`]. With [`Access::ReadOnly`] everything that would write is `Unavailable`, be it to the online store, to
    /// parquet or to the registry. An embedded store may then be written by another process, or by none. What that writes is there after
    /// the next [`FeatureStore::tend_online_store`]. Views that have no table in the store have no rows.
    ///
    /// # Errors
    /// As [`FeatureStore::open`].
    pub fn open_with(config: RepositoryConfig, access: Access) -> Result<Self> {
        let (path, project) = (&config.registry_path, &config.project);
        let plan_settings = PlanSettings {
            with_versions: config.online_versioning,
            with_logs: config.feature_logging.is_enabled,
        };
        let python = config.python.as_ref();
        let python = python.map(|settings| Arc::new(PythonTier::new(settings, &config.directory)));
        let push_log = LocalPushLog::new(config.push_log_path.clone(), project);
        Ok(Self {
            registry: RegistryHandle::open(path, project, plan_settings, python.clone())?,
            python,
            config,
            access,
            online_store: OpenOnce::new(),
            offline: OpenOnce::new(),
            schemas: SchemaCache::default(),
            pushes: Pushes::default(),
            push_log,
            materializer: Materializer::default(),
            table_changes: UnreportedChanges::default(),
        })
    }

    /// The settings it was opened with.
    pub fn config(&self) -> &RepositoryConfig {
        &self.config
    }

    /// What it was opened for.
    pub fn access(&self) -> Access {
        self.access
    }

    /// # Errors
    /// `Unavailable` when it was opened to be read.
    pub(crate) fn check_writable(&self) -> Result<()> {
        match self.access {
            Access::ReadWrite => Ok(()),
            Access::ReadOnly => Err(Error::new(ErrorKind::Unavailable, "this server is read-only")
                .with_hint("write through a server that has the store open to write")),
        }
    }

    /// Starts the processes of `serving.python` now instead of when they are first needed, and waits until they are there. Gives what
    /// their Python refuses to load: the views, and why.
    ///
    /// # Errors
    /// `Unavailable` when they do not start.
    pub async fn start_python(&self) -> Result<Vec<(String, String)>> {
        match &self.python {
            None => Ok(Vec::new()),
            Some(python) => python.start().await,
        }
    }

    /// Takes the names of their modules that functions use from the definitions of the repository, where a registry that Python wrote
    /// does not have them, and the function is the same. `read` is called if there are such functions. Says whether it was.
    ///
    /// # Errors
    /// Those of `read`, and `Data` when the registry is damaged.
    pub fn supply_module_names(&self, read: impl FnOnce() -> Result<Definitions>) -> Result<bool> {
        if !self.state().lacks_module_names() {
            return Ok(false);
        }
        self.registry.supply(read()?)?;
        Ok(true)
    }

    /// What the user should know of the on-demand views of the registry: which of them are not computed in this process, and why.
    pub fn on_demand_remarks(&self) -> Vec<OnDemandRemark> {
        self.state().on_demand_remarks()
    }

    /// What there is to say of answers of functions, since the last call.
    pub fn take_function_remarks(&self) -> Vec<String> {
        let python = self.python.as_ref();
        python.map(|python| python.take_remarks()).unwrap_or_default()
    }

    /// Tells this online store from every other one, also from another in the same directory.
    ///
    /// # Errors
    /// As [`FeatureStore::open_online_store`].
    pub fn online_store_identity(&self) -> Result<&str> {
        self.online_store().map(OnlineStore::identity)
    }

    /// Writes a small file into the directory of the online store, for those who may read the store.
    ///
    /// # Errors
    /// As [`FeatureStore::open_online_store`], and those of the file. `Unavailable` when the store was opened to be read.
    pub fn write_beside_online_store(&self, name: &str, contents: &[u8]) -> Result<()> {
        self.check_writable()?;
        self.online_store()?.write_file(name, contents)
    }

    /// Objects of the registry that hold what this binary does not know: they are kept, but cannot be used.
    pub fn unsupported_objects(&self) -> Vec<UnsupportedObject> {
        self.state().unsupported.clone()
    }

    /// Names of the feature services of which Python Feast reads a copy of the rows. It is not written here, as the rows are read.
    pub fn services_with_copies(&self) -> Vec<String> {
        if matches!(self.config.online_store, OnlineStoreConfig::RocksDb { .. }) {
            return Vec::new();
        }
        let state = self.state();
        let services = state.definitions.services.iter();
        let with_copies = services.filter(|service| service.precompute_online);
        with_copies.map(|service| service.name().to_owned()).collect()
    }

    /// Reads the registry again if its file has changed. Says whether it has.
    ///
    /// # Errors
    /// `Data` when the new file is damaged, `Unavailable` when it cannot be read; the registry read before stays in use.
    pub fn refresh(&self) -> Result<bool> {
        self.registry.refresh(LOOK_PATIENCE, |next| self.adopt(next))?
    }

    /// # Errors
    /// `Unavailable` when the registry's file has never been there: it serves as an empty one, which a wrong path would be too.
    pub fn check_registry(&self) -> Result<()> {
        self.registry.check_found()
    }

    /// As [`FeatureStore::refresh`], for a request that goes on with the registry read before if the new one is damaged, which is for
    /// others to report. Says whether another one is in use now.
    ///
    /// # Errors
    /// `Unavailable` when it is not known within `patience` whether there is another one, since the file system does not answer.
    pub fn look_at_registry(&self, patience: Duration) -> Result<bool> {
        let outcome = self.registry.refresh(patience, |next| self.adopt(next))?;
        Ok(outcome.unwrap_or(false))
    }

    /// Takes a state of the registry into use, and brings the tables of the online store to it, if that is open.
    fn adopt(&self, next: NextState<'_>) -> Result<()> {
        let Some(store) = self.online_store.get() else {
            next.publish();
            return Ok(());
        };
        self.check_names(next.state())?;
        let restored = self.restore_tables(store, next.state());
        let state = next.publish();
        restored.and_then(|()| self.hide_tables(store, &state))
    }

    /// Resolves a selection of features. Plans are kept until the registry changes, as far as there is memory for them.
    ///
    /// # Errors
    /// `NotFound` for an unknown view or service, `Invalid` for the rest.
    pub fn plan(&self, selection: &FeatureSelection, full_feature_names: bool) -> Result<Arc<ReadPlan>> {
        self.registry.plan(selection, full_feature_names, |plan| {
            // So that a kept plan is weighed with it.
            if let Some(store) = self.online_store.get() {
                online::bind(plan, store);
            }
        })
    }

    /// Looks up the newest row of each entity and decodes it.
    ///
    /// # Errors
    /// `Invalid` when join keys are missing or the rows are too large for memory, `Data` when the store is damaged.
    pub fn read<'request>(
        &'request self,
        plan: &'request ReadPlan,
        entities: &'request EntityRows,
    ) -> Result<FeatureVectors<'request>> {
        self.lookup(plan, entities, |_| Ok::<_, Error>(()))?.feature_vectors()
    }

    /// The first half of [`FeatureStore::read`], for callers that limit its size: `admit` is called repeatedly with the number of
    /// bytes of rows so far, each row counted as often as it is requested, and may end the read.
    ///
    /// # Errors
    /// As [`FeatureStore::read`], and those of `admit`.
    pub fn lookup<'request, E: From<Error>>(
        &'request self,
        plan: &'request ReadPlan,
        entities: &'request EntityRows,
        admit: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<StoredEntities<'request>, E> {
        online::lookup(self.online_store()?, plan, entities, admit)
    }

    /// As [`FeatureStore::lookup`], awaiting rows that come over the network. Rows on a disk are read on the calling thread.
    ///
    /// # Errors
    /// As [`FeatureStore::lookup`], and `Unavailable` when the store does not answer in time.
    pub async fn lookup_async<'request, E: From<Error>>(
        &'request self,
        plan: &'request ReadPlan,
        entities: &'request EntityRows,
        admit: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<StoredEntities<'request>, E> {
        online::lookup_async(self.online_store()?, plan, entities, admit).await
    }

    /// A warning if the online store, which must be open, has rows that no read finds, since their keys are of an earlier version of
    /// Feast. A short look at some keys, for a server that starts: it never fails.
    pub fn former_keys_warning(&self) -> Option<String> {
        self.online_store.get()?.former_keys_warning()
    }

    /// What the cache of rows in memory holds, and how often it helped; `None` before the online store is open.
    pub fn row_cache_usage(&self) -> Option<CacheUsage> {
        self.online_store.get().map(OnlineStore::cache_usage)
    }

    /// Whether rows come over the network, so that callers should await them.
    pub fn is_remote(&self) -> bool {
        self.online_store.get().is_some_and(OnlineStore::is_remote)
    }

    /// As [`FeatureStore::lookup`], for threads that must not wait: `None` when rows are not in memory, or are too large.
    ///
    /// # Errors
    /// As [`FeatureStore::read`].
    pub fn lookup_in_memory<'request>(
        &'request self,
        plan: &'request ReadPlan,
        entities: &'request EntityRows,
    ) -> Result<Option<StoredEntities<'request>>> {
        online::lookup_in_memory(self.online_store()?, plan, entities)
    }

    fn state(&self) -> Arc<RegistryState> {
        self.registry.state()
    }

    /// The online store, opened at the first use.
    pub(crate) fn online_store(&self) -> Result<&OnlineStore> {
        self.online_store.get_or_open(|| {
            self.check_names(&self.state())?;
            let store = OnlineStore::open(&self.config.online_store, &self.config.project, self.access)?;
            // The first reader is to find the rows of all views that the registry has.
            self.restore_tables(&store, &self.state())?;
            Ok(store)
        })
    }

    fn offline(&self) -> Result<&OfflineThreads> {
        self.offline.get_or_open(OfflineThreads::start)
    }
}
