//! [`FeatureStore`]: the one type that servers and commands use. Each operation is a few named steps.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;

#[cfg(test)]
mod crash_tests;
mod definitions;
mod open_once;
#[cfg(test)]
mod table_crash_tests;
mod tables;
mod writes;

pub use definitions::{ApplyOptions, ApplyReport};

use feast_config::RepositoryConfig;
use feast_model::error::{Error, ErrorKind, Result, path as error_path};
use feast_model::{Definitions, FeatureReference, FeatureSelection, ViewStatus};
use feast_registry::{FileStamp, RegistryFile, UnreadObject};

use open_once::OpenOnce;
use tables::UnreportedChanges;

use crate::locks::lock;
use crate::materialize::Materializer;
use crate::offline::{OfflineRuntime, SchemaCache};
use crate::online::{self, EntityRows, FeatureVectors, PlanContext, ReadPlan, StoredEntities};
use crate::online_store::OnlineStore;
use crate::push::Pushes;

/// Plans kept per state of the registry. Beyond it they are made anew for each request.
const MAX_CACHED_PLANS: usize = 4096;

/// One feature repository: its registry, its online store and its parquet sources.
///
/// The registry is read at once, the online store is opened when it is first needed. All operations may be called from
/// many threads; they block, so asynchronous callers run them on threads of their own.
pub struct FeatureStore {
    config: RepositoryConfig,
    registry: ArcSwap<RegistryState>,
    online_store: OpenOnce<OnlineStore>,
    offline: OpenOnce<OfflineRuntime>,
    /// Held from reading the registry until what follows from it is done, so that an older state never replaces a newer.
    publishing: Mutex<()>,
    /// Of the parts of directories that are pushed to.
    schemas: SchemaCache,
    pushes: Pushes,
    materializer: Materializer,
    /// The state of the registry file that could not be used, and why.
    unusable: Mutex<Option<(FileStamp, Error)>>,
    table_changes: UnreportedChanges,
}

/// The registry as last read, and the plans made from it.
#[derive(Default)]
struct RegistryState {
    stamp: Option<FileStamp>,
    definitions: Definitions,
    unread: Vec<UnreadObject>,
    /// Of views that are not new.
    statuses: HashMap<String, ViewStatus>,
    plans: ArcSwap<HashMap<Arc<FeatureSelection>, PlansOfSelection>>,
}

impl RegistryState {
    fn status_of(&self, view: &str) -> ViewStatus {
        self.statuses.get(view).copied().unwrap_or(ViewStatus::NEW)
    }

    /// Keeps a plan for the next request. Readers go on with the plans as they were meanwhile.
    fn keep(&self, selection: &FeatureSelection, form: usize, plan: &Arc<ReadPlan>) {
        let selection = Arc::new(selection.clone());
        self.plans.rcu(|plans| {
            if plans.len() >= MAX_CACHED_PLANS {
                return Arc::clone(plans);
            }
            let mut plans = HashMap::clone(plans);
            plans.entry(Arc::clone(&selection)).or_default()[form] = Some(Arc::clone(plan));
            Arc::new(plans)
        });
    }

    /// What is not found may be there, but not readable.
    fn explained(&self, error: Error, selection: &FeatureSelection) -> Error {
        let is_meant = |object: &&UnreadObject| match selection {
            FeatureSelection::Service(name) => *name == object.name,
            FeatureSelection::Features(references) => {
                let references = references
                    .iter()
                    .filter_map(|reference| FeatureReference::parse(reference));
                references.into_iter().any(|reference| reference.view == object.name)
            }
        };
        match self.unread.iter().find(is_meant) {
            Some(object) if error.kind() == ErrorKind::NotFound => {
                Error::new(ErrorKind::Unsupported, object.reason.clone())
            }
            _ => error,
        }
    }
}

/// The plans with short and with full feature names.
type PlansOfSelection = [Option<Arc<ReadPlan>>; 2];

impl FeatureStore {
    /// Opens a repository and reads its registry. A missing registry file is an empty registry.
    ///
    /// # Errors
    /// `Data` when the registry file is damaged.
    pub fn open(config: RepositoryConfig) -> Result<Self> {
        let store = Self {
            config,
            registry: ArcSwap::default(),
            online_store: OpenOnce::new(),
            offline: OpenOnce::new(),
            publishing: Mutex::default(),
            schemas: SchemaCache::default(),
            pushes: Pushes::default(),
            materializer: Materializer::default(),
            unusable: Mutex::default(),
            table_changes: UnreportedChanges::default(),
        };
        store.reload_registry()?;
        Ok(store)
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
        self.online_store().map(OnlineStore::identity)
    }

    /// Writes a small file into the directory of the online store, for those who may read the store.
    ///
    /// # Errors
    /// As [`FeatureStore::open_online_store`], and those of the file.
    pub fn write_beside_online_store(&self, name: &str, contents: &[u8]) -> Result<()> {
        self.online_store()?.write_file(name, contents)
    }

    /// Objects of the registry that hold what this binary does not know: they are kept, but cannot be used.
    pub fn unread_objects(&self) -> Vec<UnreadObject> {
        self.state().unread.clone()
    }

    /// Reads the registry again if its file has changed. Says whether it has.
    ///
    /// # Errors
    /// `Data` when the new file is damaged; the registry read before stays in use.
    pub fn refresh(&self) -> Result<bool> {
        let stamp = FileStamp::of(&self.config.registry_path);
        if stamp == self.state().stamp {
            return Ok(false);
        }
        // A damaged file is read once, however often it is looked at.
        if let Some((known, problem)) = &*lock(&self.unusable)
            && Some(*known) == stamp
        {
            return Err(problem.repeated());
        }
        let outcome = self.read_changed_registry();
        // What the system could not do for now may be possible at the next look.
        let damage = outcome.as_ref().err().filter(|error| error.kind() == ErrorKind::Data);
        *lock(&self.unusable) = stamp.zip(damage.map(Error::repeated));
        outcome.map(|()| true)
    }

    fn read_changed_registry(&self) -> Result<()> {
        let _publishing = lock(&self.publishing);
        let state = self.read_registry()?;
        let has_project = |state: &RegistryState| state.definitions.project.is_some();
        if has_project(&self.state()) && !has_project(&state) {
            let (path, project) = (error_path(&self.config.registry_path), &self.config.project);
            return Err(Error::data(format!(
                "registry {path} does not hold project {project} any more: it is cut, or of another project"
            )));
        }
        self.adopt(state)
    }

    /// Takes a state of the registry into use, and brings the tables of the online store to it, if that is open.
    fn adopt(&self, state: RegistryState) -> Result<()> {
        let Some(store) = self.online_store.get() else {
            self.publish(state);
            return Ok(());
        };
        let restored = self.restore_tables(store, &state);
        self.publish(state);
        restored.and_then(|()| self.hide_tables(store, &self.state()))
    }

    /// Resolves what a request asks for. Plans are kept until the registry changes.
    ///
    /// # Errors
    /// `NotFound` for an unknown view or service, `Invalid` for the rest.
    pub fn plan(&self, selection: &FeatureSelection, full_feature_names: bool) -> Result<Arc<ReadPlan>> {
        let state = self.state();
        let form = usize::from(full_feature_names);
        if let Some(plan) = state.plans.load().get(selection).and_then(|plans| plans[form].as_ref()) {
            return Ok(Arc::clone(plan));
        }
        let context = PlanContext {
            definitions: &state.definitions,
            project: &self.config.project,
            status_of: &|view| state.status_of(view),
            with_versions: self.config.online_versioning,
        };
        let plan = ReadPlan::new(&context, selection, full_feature_names)
            .map_err(|error| state.explained(error, selection))?;
        let plan = Arc::new(plan);
        state.keep(selection, form, &plan);
        Ok(plan)
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
        self.registry.load_full()
    }

    fn reload_registry(&self) -> Result<()> {
        let _publishing = lock(&self.publishing);
        let state = self.read_registry()?;
        // The registry is written by now. What cannot be done to the tables is tried again by the housekeeping.
        let _ = self.adopt(state);
        Ok(())
    }

    fn read_registry(&self) -> Result<RegistryState> {
        // The stamp first: a file replaced in between is then read again at the next look.
        let stamp = FileStamp::of(&self.config.registry_path);
        let file = RegistryFile::load(&self.config.registry_path, &self.config.project)?;
        let (definitions, unread) = file.definitions()?;
        Ok(RegistryState {
            stamp,
            definitions,
            unread,
            statuses: file.statuses()?.into_iter().collect(),
            plans: ArcSwap::default(),
        })
    }

    fn publish(&self, state: RegistryState) {
        self.registry.store(Arc::new(state));
    }

    /// The online store, opened at the first use.
    pub(crate) fn online_store(&self) -> Result<&OnlineStore> {
        self.online_store.get_or_open(|| {
            let store = OnlineStore::open(&self.config.online_store, &self.config.project)?;
            // The first reader is to find the rows of all views that the registry has.
            self.restore_tables(&store, &self.state())?;
            Ok(store)
        })
    }

    fn offline(&self) -> Result<&OfflineRuntime> {
        self.offline.get_or_open(OfflineRuntime::start)
    }
}
