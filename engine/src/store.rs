//! [`FeatureStore`]: the one type that servers and commands use. Each operation is a few named steps.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;

use crate::clock;
use crate::config::RepositoryConfig;
use crate::error::{Error, ErrorKind, FeastException, Result};
use crate::materialize::{self, MaterializeProgress, MaterializeRange, ViewReport, ViewWindow};
use crate::model::{DUMMY_ENTITY, DataSource, Definitions, FeatureSelection, FeatureView, Project};
use crate::offline::{Appender, OfflineRuntime, ParquetSource};
use crate::online::{self, EntityRows, FeatureVectors, ReadPlan, WriteTarget};
use crate::registry::{Change, FileStamp, ObjectKind, RegistryFile, Verb};
use crate::resolve::resolve;
use crate::storage::{Replace, Storage};

/// Plans kept per state of the registry. Beyond it they are made anew for each request.
const MAX_CACHED_PLANS: usize = 4096;

/// One feature repository: its registry, its online store and its parquet sources.
///
/// The registry is read at once, the online store is opened when it is first needed. All operations may be called from
/// many threads; they block, so asynchronous callers run them on threads of their own.
pub struct FeatureStore {
    config: RepositoryConfig,
    registry: RwLock<Arc<RegistryState>>,
    storage: OnceLock<Storage>,
    offline: OnceLock<OfflineRuntime>,
    /// Held while one of the two above is made.
    opening: Mutex<()>,
    /// Held from reading the registry until what follows from it is done, so that an older state never replaces a newer.
    publishing: Mutex<()>,
    appender: Appender,
    /// Held by a materialization: two at once would only do the same work twice.
    materializing: Mutex<()>,
}

/// The registry as last read, and the plans made from it.
#[derive(Default)]
struct RegistryState {
    stamp: Option<FileStamp>,
    definitions: Definitions,
    plans: RwLock<HashMap<FeatureSelection, PlansOfSelection>>,
}

/// The plans with short and with full feature names.
type PlansOfSelection = [Option<Arc<ReadPlan>>; 2];

/// What [`FeatureStore::apply`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApplyReport {
    /// Differences between the registry and the definitions, in the order in which Feast reports them.
    pub changes: Vec<Change>,
    /// Online tables made and dropped: their names.
    pub tables: Vec<(Verb, String)>,
    /// What the user should know although it is no error.
    pub warnings: Vec<String>,
}

/// Which views to materialize, and from when to when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaterializeRequest {
    /// The span of event time.
    pub range: MaterializeRange,
    /// View names; all views that are online and enabled when `None`.
    pub views: Option<Vec<String>>,
}

/// Where pushed rows go.
#[derive(Debug)]
pub struct PushTarget {
    /// The views fed by the push source, for an online push.
    pub views: Vec<WriteTarget>,
    /// The parquet source and its columns, for an offline push.
    offline: Option<(ParquetSource, SchemaRef)>,
}

impl PushTarget {
    /// The columns that rows of an offline push must have: those of the file.
    pub fn offline_schema(&self) -> Option<&SchemaRef> {
        self.offline.as_ref().map(|(_, schema)| schema)
    }
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteReport {
    /// Rows that were written, over all views.
    pub written: usize,
    /// Rows that a newer row kept out.
    pub stale: usize,
}

impl FeatureStore {
    /// Opens a repository and reads its registry. A missing registry file is an empty registry.
    ///
    /// # Errors
    /// `Data` when the registry file is damaged.
    pub fn open(config: RepositoryConfig) -> Result<Self> {
        let store = Self {
            config,
            registry: RwLock::default(),
            storage: OnceLock::new(),
            offline: OnceLock::new(),
            opening: Mutex::default(),
            publishing: Mutex::default(),
            appender: Appender::default(),
            materializing: Mutex::default(),
        };
        store.reload_registry()?;
        Ok(store)
    }

    /// The settings it was opened with.
    pub fn config(&self) -> &RepositoryConfig {
        &self.config
    }

    /// Makes the registry hold what the repository defines.
    ///
    /// # Errors
    /// `Invalid` when the definitions are wrong, `Data` or `Unavailable` when a file cannot be read or written; the
    /// registry is then as before.
    pub fn apply(&self, mut definitions: Definitions) -> Result<ApplyReport> {
        definitions.project.get_or_insert_with(|| Project {
            name: self.config.project.clone(),
            description: self.config.project_description.clone(),
            ..Project::default()
        });
        let warnings = resolve(&mut definitions, &self.config.directory)?;
        let now = clock::now();
        let changes = RegistryFile::update(&self.config.registry_path, &self.config.project, now, |file| {
            let changes = file.apply(&definitions, now)?;
            let changed = !changes.is_empty();
            Ok((changes, changed))
        })?;
        self.reload_registry()?;
        let tables = self.table_changes(&changes);
        if tables.iter().any(|(verb, _)| *verb == Verb::Deleted) {
            self.drop_orphaned_tables()?;
        }
        let is_reported = |change: &Change| change.kind != ObjectKind::DataSource && change.name != DUMMY_ENTITY;
        Ok(ApplyReport {
            changes: changes.into_iter().filter(is_reported).collect(),
            tables,
            warnings,
        })
    }

    /// Opens the online store now instead of at the first use, and drops tables of views that are gone.
    ///
    /// Python writes the registry in place, so a reader may see a cut file. The project comes behind the views in it: only
    /// a registry that holds its project is known to hold all its views, and only then are tables dropped.
    ///
    /// # Errors
    /// `Conflict` when another process has it open, `Data` when it is damaged.
    pub fn open_online_store(&self) -> Result<()> {
        let _publishing = lock(&self.publishing);
        self.drop_tables_of_deleted_views()
    }

    fn drop_tables_of_deleted_views(&self) -> Result<()> {
        let definitions = &self.state().definitions;
        let storage = self.storage()?;
        if definitions.project.is_some() {
            storage.drop_tables(|view| definitions.feature_view(view).is_some())?;
        }
        Ok(())
    }

    /// Reads the registry again if its file has changed. Says whether it has.
    ///
    /// # Errors
    /// `Data` when the new file is damaged; the registry read before stays in use.
    pub fn refresh(&self) -> Result<bool> {
        if FileStamp::of(&self.config.registry_path) == self.state().stamp {
            return Ok(false);
        }
        let _publishing = lock(&self.publishing);
        let state = self.read_registry()?;
        let has_project = |state: &RegistryState| state.definitions.project.is_some();
        if has_project(&self.state()) && !has_project(&state) {
            let (path, project) = (self.config.registry_path.display(), &self.config.project);
            return Err(Error::data(format!(
                "registry {path} does not hold project {project} any more: it is cut, or of another project"
            )));
        }
        self.publish(state);
        if self.storage.get().is_some() {
            self.drop_tables_of_deleted_views()?;
        }
        Ok(true)
    }

    /// Resolves what a request asks for. Plans are kept until the registry changes.
    ///
    /// # Errors
    /// `NotFound` for an unknown view or service, `Invalid` for the rest.
    pub fn plan(&self, selection: &FeatureSelection, full_feature_names: bool) -> Result<Arc<ReadPlan>> {
        let state = self.state();
        let form = usize::from(full_feature_names);
        let known = |plans: &HashMap<FeatureSelection, PlansOfSelection>| plans.get(selection)?[form].clone();
        if let Some(plan) = known(&state.plans.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(plan);
        }
        let plan = ReadPlan::new(&state.definitions, &self.config.project, selection, full_feature_names)?;
        let plan = Arc::new(plan);
        let mut plans = state.plans.write().unwrap_or_else(PoisonError::into_inner);
        if plans.len() < MAX_CACHED_PLANS {
            plans.entry(selection.clone()).or_default()[form] = Some(Arc::clone(&plan));
        }
        Ok(plan)
    }

    /// Looks up the newest row of each entity.
    ///
    /// # Errors
    /// `Invalid` when join keys are missing, `Data` when the store is damaged.
    pub fn read(&self, plan: &ReadPlan, entities: &EntityRows) -> Result<FeatureVectors> {
        online::read(self.storage()?, plan, entities)
    }

    /// The view that rows are written to by name.
    ///
    /// # Errors
    /// `NotFound` when there is no such view.
    pub fn write_target(&self, view: &str) -> Result<WriteTarget> {
        let state = self.state();
        let view = state.definitions.feature_view(view).ok_or_else(|| {
            Error::not_found(
                FeastException::FeastObjectNotFound,
                format!("Can't recognize feast object with a name {view}"),
            )
        })?;
        WriteTarget::new(view)
    }

    /// Where rows pushed to a source go.
    ///
    /// # Errors
    /// `NotFound` when no view is fed by a push source of that name, or its parquet file is missing.
    pub fn push_target(&self, source: &str, online: bool, offline: bool) -> Result<PushTarget> {
        let state = self.state();
        let views: Vec<&FeatureView> = state.definitions.views_of_push_source(source).collect();
        let Some(first) = views.first() else {
            let text = format!("Unable to find push source '{source}'.");
            return Err(Error::not_found(FeastException::PushSourceNotFound, text));
        };
        let offline = if offline {
            Some(self.offline_target(first)?)
        } else {
            None
        };
        let views = if online {
            views.into_iter().map(WriteTarget::new).collect::<Result<_>>()?
        } else {
            Vec::new()
        };
        Ok(PushTarget { views, offline })
    }

    /// Writes rows to the views of a push, and appends them to its parquet source. Durable when this returns.
    ///
    /// `online` holds, for each view of the target, its columns in the target's order. Everything is checked before
    /// anything is written; the offline store is written first, once, however many views there are.
    ///
    /// # Errors
    /// `Invalid`, naming the row, before anything is written; `Unavailable` or `Data` when a store cannot be written.
    pub fn push(
        &self,
        target: &PushTarget,
        online: &[Vec<ArrayRef>],
        offline: Option<RecordBatch>,
    ) -> Result<WriteReport> {
        let rows = target
            .views
            .iter()
            .zip(online)
            .map(|(view, columns)| view.rows(columns))
            .collect::<Result<Vec<_>>>()?;
        // Opened before the append: a push that cannot reach the online store must not reach the file either.
        let storage = if rows.is_empty() { None } else { Some(self.storage()?) };
        if let Some((source, batch)) = target.offline.as_ref().map(|(source, _)| source).zip(offline) {
            self.appender.append(source, batch)?;
        }
        let mut report = WriteReport::default();
        let Some(storage) = storage else { return Ok(report) };
        for (view, rows) in target.views.iter().zip(&rows) {
            let (count, _) = online::write_rows(storage, &view.view, rows, self.replace())?;
            report.written += count.written;
            report.stale += count.stale;
        }
        storage.sync()?;
        Ok(report)
    }

    /// Writes rows to one view. Durable when this returns.
    ///
    /// # Errors
    /// As [`FeatureStore::push`].
    pub fn write(&self, target: WriteTarget, columns: Vec<ArrayRef>) -> Result<WriteReport> {
        self.push(
            &PushTarget {
                views: vec![target],
                offline: None,
            },
            &[columns],
            None,
        )
    }

    /// The window each view of a request would be materialized over.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, `Invalid` for one that is not served online or when the start is behind the end.
    pub fn materialization_windows(&self, request: &MaterializeRequest) -> Result<Vec<ViewWindow>> {
        request.range.check()?;
        let state = self.state();
        let definitions = &state.definitions;
        let views: Vec<&FeatureView> = match &request.views {
            Some(names) => names
                .iter()
                .map(|name| self.materializable(definitions, name))
                .collect::<Result<_>>()?,
            None => definitions
                .feature_views
                .iter()
                .filter(|view| view.is_served())
                .collect(),
        };
        let file = RegistryFile::load(&self.config.registry_path, &self.config.project)?;
        let now = clock::now();
        let window = |view: &FeatureView| {
            let (start, default_look_back) = match request.range {
                MaterializeRange::Between { start, .. } => (start, false),
                MaterializeRange::Until { .. } => {
                    materialize::incremental_start(view, file.materialized_until(&view.name)?, now)
                }
            };
            Ok(ViewWindow {
                view: view.name.clone(),
                start,
                end: request.range.end(),
                default_look_back,
            })
        };
        views.into_iter().map(window).collect()
    }

    /// Materializes views one after another. Each view's rows are durable before its interval is recorded.
    ///
    /// A window that ends before it starts has nothing to do; it is reported with no rows and not recorded.
    ///
    /// # Errors
    /// Those of the first view that fails; the views before it stay done.
    pub fn materialize(
        &self,
        windows: &[ViewWindow],
        progress: &mut dyn MaterializeProgress,
    ) -> Result<Vec<ViewReport>> {
        let _materializing = lock(&self.materializing);
        let storage = self.storage()?;
        let runtime = self.offline()?;
        let mut reports = Vec::with_capacity(windows.len());
        for window in windows {
            let state = self.state();
            let view = self.materializable(&state.definitions, &window.view)?;
            if window.start > window.end {
                progress.view_skipped(window);
                continue;
            }
            let report = materialize::run(
                view,
                window,
                &self.config.directory,
                (runtime, storage),
                self.replace(),
                progress,
            )?;
            let now = clock::now();
            RegistryFile::update(&self.config.registry_path, &self.config.project, now, |file| {
                file.record_materialization(&window.view, window.start, window.end, now)
                    .map(|()| ((), true))
            })?;
            self.reload_registry()?;
            progress.view_finished(&report);
            reports.push(report);
        }
        Ok(reports)
    }

    fn materializable<'a>(&self, definitions: &'a Definitions, name: &str) -> Result<&'a FeatureView> {
        let view = definitions
            .feature_view(name)
            .ok_or_else(|| Error::unknown_feature_view(name, &self.config.project))?;
        if !view.enabled {
            return Err(Error::invalid(format!(
                "FeatureView {name} is disabled. Enable it before materializing."
            )));
        }
        if !view.online {
            return Err(Error::invalid(format!(
                "FeatureView {name} is not configured to be served online."
            )));
        }
        Ok(view)
    }

    fn offline_target(&self, view: &FeatureView) -> Result<(ParquetSource, SchemaRef)> {
        let source: &DataSource = view.batch_source.as_ref().ok_or_else(|| {
            Error::invalid(format!(
                "the push source of {} has no batch source to append to",
                view.name
            ))
        })?;
        let parquet = ParquetSource::locate(source, &self.config.directory)?;
        let schema = Arc::clone(&parquet.schema()?.schema);
        Ok((parquet, schema))
    }

    fn table_changes(&self, changes: &[Change]) -> Vec<(Verb, String)> {
        let of_views = changes
            .iter()
            .filter(|change| change.kind == ObjectKind::FeatureView && change.verb != Verb::Updated);
        of_views
            .map(|change| (change.verb, format!("{}_{}", self.config.project, change.name)))
            .collect()
    }

    /// When a server has the store open, it drops the tables itself as soon as it sees the new registry.
    fn drop_orphaned_tables(&self) -> Result<()> {
        if !self.config.online_store_path.exists() {
            return Ok(());
        }
        match self.open_online_store() {
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            outcome => outcome,
        }
    }

    fn replace(&self) -> Replace {
        if self.config.skip_dedup {
            Replace::AllRows
        } else {
            Replace::OlderRows
        }
    }

    fn state(&self) -> Arc<RegistryState> {
        Arc::clone(&self.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn reload_registry(&self) -> Result<()> {
        let _publishing = lock(&self.publishing);
        let state = self.read_registry()?;
        self.publish(state);
        Ok(())
    }

    fn read_registry(&self) -> Result<RegistryState> {
        // The stamp first: a file replaced in between is then read again at the next look.
        let stamp = FileStamp::of(&self.config.registry_path);
        let definitions = RegistryFile::load(&self.config.registry_path, &self.config.project)?.definitions()?;
        Ok(RegistryState {
            stamp,
            definitions,
            plans: RwLock::default(),
        })
    }

    fn publish(&self, state: RegistryState) {
        *self.registry.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
    }

    fn storage(&self) -> Result<&Storage> {
        open_once(&self.storage, &self.opening, || {
            Storage::open(&self.config.online_store_path, &self.config.project)
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

fn lock(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
