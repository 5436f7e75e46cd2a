//! Changes of the registry: applying definitions, and edits of single objects.

use std::sync::Arc;

use feast_config::OnlineStoreConfig;
use feast_model::error::{Error, Result};
use feast_model::{DUMMY_ENTITY, Definitions, Metadata, ObjectKind, Project, Timestamp, ViewState};
use feast_registry::{Change, KeyChange, RegistryContents, Verb};

use super::FeatureStore;
use super::removal::RemovalProgress;
use crate::clock;
use crate::online::{Execution, OnDemandRemark, ViewFunctions, on_demand_remarks};
use crate::online_store::{self, OnlineStore};
use crate::resolve::{ResolveContext, resolve};

/// What [`FeatureStore::apply`] did, or what it would do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ApplyReport {
    /// Differences between the registry and the definitions, in the order in which Feast reports them.
    pub changes: Vec<Change>,
    /// Online tables made and dropped: their names.
    pub tables: Vec<(Verb, String)>,
    /// What the user should know although it is not an error.
    pub warnings: Vec<String>,
    /// What the user should know of on-demand views.
    pub on_demand: Vec<OnDemandRemark>,
}

/// How definitions are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ApplyOptions {
    /// Let columns be missing from files: a warning instead of an error.
    pub skip_source_validation: bool,
    /// Refuse to delete objects, because there may be definitions that could not be read.
    pub refuse_deletions: bool,
    /// Drop the tables of deleted views at once, instead of keeping them for a while in case the views come back.
    pub drop_now: bool,
}

impl FeatureStore {
    /// Makes the registry hold what the repository defines. In a store that is shared, rows of views that are not defined any more are
    /// removed first.
    ///
    /// # Errors
    /// `Invalid` when the definitions are wrong ([`Error::definitions`] has them one by one), `Data` or `Unavailable` when
    /// a file cannot be read or written or the rows cannot be removed; the registry is then as before.
    pub fn apply(
        &self,
        mut definitions: Definitions,
        options: ApplyOptions,
        progress: &mut dyn RemovalProgress,
    ) -> Result<ApplyReport> {
        self.check_writable()?;
        self.check_online_store()?;
        let mut warnings = Vec::new();
        let former = self.state();
        let changes = loop {
            let now = clock::now();
            let removed = self.removed_views(&definitions, options)?;
            self.remove_rows(&removed, progress)?;
            let changes = self.update_registry(now, |registry| {
                warnings = self.complete(&mut definitions, registry, options)?;
                let changes = registry.apply(&definitions, now)?;
                check_deletions(&changes, options)?;
                self.check_applied_names(registry)?;
                if self.removes_rows() && removed.lack_one_of(&changes) {
                    return Ok((None, false));
                }
                let changed = !changes.is_empty();
                Ok((Some(changes), changed))
            })?;
            if let Some(changes) = changes {
                break changes;
            }
        };
        let deleted = changes.iter();
        let deleted = deleted.filter(|change| has_rows(change, &definitions, &former.definitions));
        let deleted = deleted.filter(|change| change.verb == Verb::Deleted);
        let deleted: Vec<String> = deleted.map(|change| change.name.clone()).collect();
        warnings.extend(self.rows_that_stay(&deleted));
        let report = self.report(&definitions, &former.definitions, changes, warnings);
        self.make_shared_tables()?;
        if options.drop_now {
            self.drop_tables_now(&deleted)?;
        } else if !deleted.is_empty() {
            self.follow_registry()?;
        } else if !report.tables.is_empty() {
            // Restores what is hidden of views that are there again. What cannot be done now is done when the store is opened.
            let _ = self.follow_registry();
        }
        Ok(report)
    }

    /// What [`FeatureStore::apply`] would do. Writes nothing.
    ///
    /// # Errors
    /// As [`FeatureStore::apply`].
    pub fn plan_apply(&self, mut definitions: Definitions, options: ApplyOptions) -> Result<ApplyReport> {
        let mut registry = self.registry.contents()?;
        let warnings = self.complete(&mut definitions, &registry, options)?;
        let changes = Arc::make_mut(&mut registry).apply(&definitions, clock::now())?;
        check_deletions(&changes, options)?;
        self.check_applied_names(&registry)?;
        Ok(self.report(&definitions, &self.state().definitions, changes, warnings))
    }

    /// Refuses a file of an online store in which no table can be made, before the registry is changed. RocksDB may be open in another
    /// process, and Redis out of reach of the machine that applies.
    fn check_online_store(&self) -> Result<()> {
        match &self.config.online_store {
            OnlineStoreConfig::RocksDb { .. } | OnlineStoreConfig::Redis(_) => Ok(()),
            config @ OnlineStoreConfig::Sqlite { .. } => {
                OnlineStore::open(config, &self.config.project, self.access).map(|_| ())
            }
        }
    }

    pub(super) fn complete(
        &self,
        definitions: &mut Definitions,
        registry: &RegistryContents,
        options: ApplyOptions,
    ) -> Result<Vec<String>> {
        definitions.project.get_or_insert_with(|| Project {
            metadata: Metadata {
                description: self.config.project_description.clone(),
                ..Metadata::new(self.config.project.clone())
            },
        });
        let context = ResolveContext {
            schemas: &self.schemas,
            repository: &self.config.directory,
            project: &self.config.project,
            version_features: &|view, number| registry.version_features(view, number),
            skip_source_validation: options.skip_source_validation,
        };
        resolve(definitions, &context).map_err(Error::invalid_definitions)
    }

    /// A warning if the rows of deleted views are not searched for.
    fn rows_that_stay(&self, deleted: &[String]) -> Option<String> {
        let OnlineStoreConfig::Redis(redis) = &self.config.online_store else {
            return None;
        };
        let stay = !redis.scans_for_deletion && !deleted.is_empty();
        stay.then(|| {
            format!(
                "the rows of {} stay in Redis, as full_scan_for_deletion is false: a view of the same name would serve them again",
                deleted.join(", ")
            )
        })
    }

    /// `former` are the definitions before these changes.
    fn report(
        &self,
        definitions: &Definitions,
        former: &Definitions,
        changes: Vec<Change>,
        mut warnings: Vec<String>,
    ) -> ApplyReport {
        warnings.extend(changes.iter().filter_map(|change| unfit_rows(definitions, change)));
        let table_names = |verb: Verb| {
            let of_views = changes.iter();
            let of_views = of_views.filter(|change| change.verb == verb && has_rows(change, definitions, former));
            of_views.map(|change| change.name.as_str()).collect::<Vec<_>>()
        };
        let (created, deleted) = (table_names(Verb::Created), table_names(Verb::Deleted));
        // A view that became one of another kind keeps its rows.
        let mut tables = Vec::new();
        let mut add = |verb, names: &[&str], others: &[&str]| {
            let names = names.iter().filter(|name| !others.contains(name));
            tables.extend(names.map(|name| (verb, format!("{}_{name}", self.config.project))));
        };
        // Redis has none: a view is there with its first row.
        if !matches!(self.config.online_store, OnlineStoreConfig::Redis(_)) {
            add(Verb::Created, &created, &deleted);
            add(Verb::Deleted, &deleted, &created);
        }
        let is_reported = |change: &Change| change.kind != ObjectKind::DataSource && change.name != DUMMY_ENTITY;
        ApplyReport {
            on_demand: on_demand_remarks(&ViewFunctions::new(definitions, self.python.clone()), definitions),
            tables,
            changes: changes.into_iter().filter(is_reported).collect(),
            warnings,
        }
    }

    /// Removes everything of the project: its objects from the registry, and its online store.
    ///
    /// # Errors
    /// `Conflict` when the project is protected or another process has the online store open; nothing is removed then. `Unavailable` when
    /// a store that is shared does not answer; the registry is then as before.
    pub fn teardown(&self, progress: &mut dyn RemovalProgress) -> Result<()> {
        self.check_writable()?;
        if online_store::is_made(&self.config.online_store)? {
            // Opened to be sure that no other process has it.
            self.open_online_store()?;
        }
        // A project that is protected keeps its rows too.
        let mut registry = self.registry.contents()?;
        Arc::make_mut(&mut registry).clear()?;
        if let Some(store) = self.online_store.get() {
            // Before the registry forgets the views, so that a teardown that fails here can be repeated.
            let views = self.stored_views(&self.state());
            let names: Vec<String> = views.iter().map(|view| view.name.clone()).collect();
            self.searching(&names, progress, |progress| store.tear_down_views(&views, progress))?;
        }
        self.update_registry(clock::now(), |registry| registry.clear().map(|()| ((), true)))?;
        if let Some(store) = self.online_store.get() {
            self.note(store.drop_all_tables()?);
        }
        Ok(())
    }

    /// What the registry holds of the project, as last read.
    pub fn definitions(&self) -> Definitions {
        self.state().definitions.clone()
    }

    /// A feature that is meant for vector search, as `view:feature`, if there is one in a view that is meant.
    pub fn first_vector_feature(&self, is_meant: impl Fn(&str) -> bool) -> Option<String> {
        let state = self.state();
        let views = state.definitions.feature_views.iter();
        views.filter(|view| is_meant(view.name())).find_map(|view| {
            let field = view.features.iter().find(|field| field.vector_index)?;
            Some(format!("{}:{}", view.name(), field.name))
        })
    }

    /// Where the function of an on-demand view is run; `None` when there is no such view.
    pub fn execution(&self, view: &str) -> Option<Execution> {
        self.state().execution(view)
    }

    /// The state of a view; unspecified for one that has none or is not there.
    pub fn view_state(&self, view: &str) -> ViewState {
        self.state().status_of(view).state
    }

    /// The registry as it is now: what can be shown of it beyond [`FeatureStore::definitions`].
    ///
    /// # Errors
    /// `Data` when the registry is damaged.
    pub fn registry(&self) -> Result<Arc<RegistryContents>> {
        self.registry.contents()
    }

    /// Lets a view be used, or not. Says whether that is new.
    ///
    /// # Errors
    /// `NotFound` when there is no such view.
    pub fn set_view_enabled(&self, view: &str, enabled: bool) -> Result<bool> {
        self.update_registry(clock::now(), |registry| {
            let changed = registry.set_enabled(view, enabled)?;
            Ok((changed, changed))
        })
    }

    /// Moves a view to another state.
    ///
    /// # Errors
    /// `NotFound` when there is no such view, `Invalid` when that state cannot follow the view's own.
    pub fn set_view_state(&self, view: &str, state: ViewState) -> Result<()> {
        let now = clock::now();
        self.update_registry(now, |registry| {
            let statuses = registry.statuses()?;
            let old = statuses.iter().find(|(name, _)| name == view);
            let old = old.map_or(ViewState::Unspecified, |(_, status)| status.state);
            if old != state && !old.successors().contains(&state) {
                let allowed: Vec<&str> = old.successors().iter().map(|state| state.name()).collect();
                return Err(Error::invalid(format!(
                    "Invalid state transition: {} -> {}. Allowed transitions from {}: {}.",
                    old.name(),
                    state.name(),
                    old.name(),
                    allowed.join(", ")
                )));
            }
            registry.set_state(view, state, now).map(|()| ((), true))
        })
    }

    /// Removes the object of that name that Feast would find first. `None` when there is none.
    ///
    /// # Errors
    /// `Data` or `Unavailable` when a file cannot be read or written.
    pub fn delete(&self, name: &str) -> Result<Option<ObjectKind>> {
        let deleted = self.update_registry(clock::now(), |registry| {
            let deleted = registry.delete(name);
            Ok((deleted, deleted.is_some()))
        })?;
        if deleted.is_some_and(ObjectKind::is_view) {
            self.follow_registry()?;
        }
        Ok(deleted)
    }

    /// Changes the registry and takes the changed state into use.
    pub(super) fn update_registry<T>(
        &self,
        now: Timestamp,
        change: impl FnOnce(&mut RegistryContents) -> Result<(T, bool)>,
    ) -> Result<T> {
        self.check_writable()?;
        self.registry.update(now, change, |next| self.adopt(next))
    }
}

/// Whether the online store has rows of what a change is about, after it or, if it is a deletion, before.
fn has_rows(change: &Change, definitions: &Definitions, former: &Definitions) -> bool {
    let definitions = match change.verb {
        Verb::Deleted => former,
        _ => definitions,
    };
    match change.kind {
        ObjectKind::OnDemandFeatureView => definitions.view_with_rows(&change.name).is_some(),
        kind => kind.has_online_table(),
    }
}

/// Rows stored under the former join keys of a view are not found any more: which they are, and how they come back.
fn unfit_rows(definitions: &Definitions, change: &Change) -> Option<String> {
    let view = definitions.feature_view(&change.name).filter(|view| view.online)?;
    let KeyChange {
        former,
        present,
        materialized,
    } = change.keys.as_ref()?;
    let is_pushed = view.push_source().is_some() || view.is_label_view();
    let mut text = format!(
        "feature view {}: its join keys were {former} and are {present} now; rows stored under the former ones are not found \
         any more",
        view.name()
    );
    if let Some((start, end)) = materialized {
        text += &format!(
            ". The next `feast materialize-incremental` reads what was materialized so far again; to do it at once, run: \
             feast materialize {start} {end} --views {}",
            view.name()
        );
    } else if !is_pushed {
        return None;
    }
    if is_pushed {
        text += ". Rows that were pushed online only have to be pushed again";
    }
    Some(text)
}

pub(super) fn check_deletions(changes: &[Change], options: ApplyOptions) -> Result<()> {
    if !options.refuse_deletions {
        return Ok(());
    }
    let deleted = changes
        .iter()
        .filter(|change| change.verb == Verb::Deleted && change.name != DUMMY_ENTITY);
    let deleted: Vec<String> = deleted
        .map(|change| format!("{} {}", change.kind, change.name))
        .collect();
    if deleted.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "this would delete {}, but not all definitions can be read",
        deleted.join(", ")
    )))
}
