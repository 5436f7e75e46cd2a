//! The registry as this process uses it: the state that was read last, the plans made from it, and how a newer state comes into
//! use. Knows nothing of the online store; what must happen there when a state changes is a function that callers pass in.
//!
//! The bytes of the state stay in memory, which costs the size of the registry: so single objects are shown, windows of a
//! materialization found and intervals recorded without reading it again, as long as its place says that it is the same.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use feast_files::COMMAND_PATIENCE;
use feast_model::error::{Error, ErrorKind, Result, path as error_path};
use feast_model::{Definitions, FeatureReference, FeatureSelection, FeatureView, ObjectKind, Timestamp, ViewStatus};
use feast_permissions::Rules;
use feast_registry::{RegistryContents, RegistryFile, Snapshot, Stamp, UnsupportedObject};
use parking_lot::{Mutex, MutexGuard};

use super::plans::{self, PlanCache};
use super::registry_looks::{Look, RegistryLooks};
use crate::online::{
    DerivedViews, Execution, OnDemandRemark, PlanContext, PythonTier, ReadPlan, ViewFunctions, on_demand_remarks,
    pool_functions,
};

/// The registry, where it is kept and as it was last read.
pub(super) struct RegistryHandle {
    place: RegistryFile,
    looks: RegistryLooks,
    /// Its file was on a disk of this machine at the last look of that thread: whoever wants to know its state can look at it,
    /// without a thread in between.
    is_local: AtomicBool,
    plan_settings: PlanSettings,
    state: ArcSwap<RegistryState>,
    /// Held while a state is taken into use, with all that follows from it, so that an older one never replaces a newer.
    publishing: Mutex<()>,
    /// How many states have come into use: a look that began before the last of them may have found an older one.
    published: AtomicU64,
    opened: Instant,
    /// When the place was last seen to hold the state in use, in milliseconds from `opened`.
    seen: AtomicU64,
    /// The state of the place that could not be used, and why.
    unusable: Mutex<Option<(Option<Stamp>, Error)>>,
    /// What states of the registry do not say of functions.
    functions: FunctionContext,
}

/// What the settings of the repository say of plans.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlanSettings {
    /// Whether references may name versions of views.
    pub(super) with_versions: bool,
    /// Whether what is answered for feature services is logged.
    pub(super) with_logs: bool,
}

/// What is known of the functions of on-demand views beside the registry.
#[derive(Default)]
struct FunctionContext {
    /// Runs those that this process does not know.
    python: Option<Arc<PythonTier>>,
    /// The definitions of the repository: a registry that Python wrote does not have the names of its module that a function uses.
    repository: ArcSwapOption<Definitions>,
}

/// The registry as last read, and the plans made from it.
pub(super) struct RegistryState {
    snapshot: Snapshot,
    pub(super) definitions: Definitions,
    pub(super) unsupported: Vec<UnsupportedObject>,
    /// Of views that are not new.
    pub(super) statuses: HashMap<String, ViewStatus>,
    functions: ViewFunctions,
    /// The stored on-demand views that are computed from the rows of each view, of the views that were asked for.
    derived: ArcSwap<HashMap<String, Arc<DerivedViews>>>,
    pub(super) plans: PlanCache,
    /// Made when they are first asked for: where nobody has to sign in, they never are.
    rules: OnceLock<Arc<Rules>>,
}

/// A state that was read and is not in use yet. Until it is, no other comes into use.
pub(super) struct NextState<'a> {
    handle: &'a RegistryHandle,
    state: RegistryState,
}

impl RegistryHandle {
    /// Reads the registry. A missing one is empty.
    ///
    /// # Errors
    /// `Data` when it is damaged, `Unavailable` when it cannot be read, or not within a minute.
    pub(super) fn open(
        path: &Path,
        project: &str,
        plan_settings: PlanSettings,
        python: Option<Arc<PythonTier>>,
    ) -> Result<Self> {
        let place = RegistryFile::new(path, project);
        let functions = FunctionContext {
            python,
            repository: ArcSwapOption::empty(),
        };
        let looks = RegistryLooks::new(place.clone());
        let look = looks.look(Vec::new(), COMMAND_PATIENCE)?;
        let is_local = AtomicBool::new(look.is_local);
        let snapshot = loaded(look)?;
        let state = RegistryState::new(snapshot, &functions)?;
        functions.follow(&state);
        Ok(Self {
            functions,
            place,
            looks,
            is_local,
            plan_settings,
            state: ArcSwap::from_pointee(state),
            publishing: Mutex::default(),
            published: AtomicU64::new(0),
            opened: Instant::now(),
            seen: AtomicU64::new(0),
            unusable: Mutex::default(),
        })
    }

    /// The state in use.
    pub(super) fn state(&self) -> Arc<RegistryState> {
        self.state.load_full()
    }

    /// The state in use, for a moment: cheaper than [`RegistryHandle::state`].
    pub(super) fn current(&self) -> Guard<Arc<RegistryState>> {
        self.state.load()
    }

    /// Keeps other states from coming into use while the guard lives.
    pub(super) fn hold(&self) -> MutexGuard<'_, ()> {
        self.publishing.lock()
    }

    /// What the registry holds now. It is read only if it is another than the state in use.
    ///
    /// # Errors
    /// `Data` when it is damaged.
    pub(super) fn contents(&self) -> Result<Arc<RegistryContents>> {
        let state = self.state();
        if self.place.is_current(&state.snapshot) {
            return Ok(Arc::clone(&state.snapshot.contents));
        }
        Ok(self.place.load()?.contents)
    }

    /// The bytes that it is kept in; `None` when there is none.
    ///
    /// # Errors
    /// `Data` when it is damaged.
    pub(super) fn bytes(&self) -> Result<Option<Vec<u8>>> {
        self.place.read()
    }

    /// Reads the registry again if it has changed, and takes it into use by `adopt`. The inner result says whether it has, or what is
    /// wrong with it.
    ///
    /// # Errors
    /// `Unavailable` when it is not known what the registry holds after `patience`, as its file system does not answer. The inner ones:
    /// `Data` when it is damaged; the state in use stays. Those of `adopt`.
    pub(super) fn refresh(
        &self,
        patience: Duration,
        adopt: impl FnOnce(NextState<'_>) -> Result<()>,
    ) -> Result<Result<bool>> {
        loop {
            let published = self.published.load(Ordering::Acquire);
            let in_use = self.state().snapshot.stamp;
            if self.is_local.load(Ordering::Relaxed) && self.place.stamp() == in_use {
                self.note_seen();
                return Ok(Ok(false));
            }
            // A damaged file is read once, however often it is looked at.
            let unusable = self.unusable.lock().as_ref().and_then(|(stamp, _)| *stamp);
            let look = self
                .looks
                .look(in_use.into_iter().chain(unusable).collect(), patience)?;
            self.is_local.store(look.is_local, Ordering::Relaxed);
            if look.stamp == in_use {
                self.note_seen();
                return Ok(Ok(false));
            }
            if let Some((known, problem)) = &*self.unusable.lock()
                && *known == look.stamp
            {
                return Ok(Err(problem.repeated()));
            }
            // Those who hold it may be reading themselves.
            let Some(_publishing) = self.publishing.try_lock_for(patience) else {
                return Err(self.looks.no_answer(patience));
            };
            if self.published.load(Ordering::Acquire) != published {
                continue;
            }
            let stamp = look.stamp;
            let outcome = self.adopt_changed(look, adopt);
            // What the system could not do for now may be possible at the next look.
            let damage = outcome.as_ref().err().filter(|error| error.kind() == ErrorKind::Data);
            *self.unusable.lock() = damage.map(|damage| (stamp, damage.repeated()));
            if outcome.is_ok() {
                self.note_seen();
            }
            return Ok(outcome.map(|()| true));
        }
    }

    /// # Errors
    /// `Unavailable` when the registry has never been there. One that was, and is gone, goes on serving, and its absence is a
    /// [`RegistryHandle::problem`].
    pub(super) fn check_found(&self) -> Result<()> {
        let state = self.current();
        // A state that was written here a moment ago may have no stamp either.
        if state.snapshot.stamp.is_some() || state.has_project() {
            return Ok(());
        }
        let message = format!("there is no registry at {}", error_path(self.place.path()));
        Err(Error::new(ErrorKind::Unavailable, message)
            .with_hint("run `feast apply`, or correct the path of the registry in feature_store.yaml"))
    }

    fn note_seen(&self) {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.seen.store(now, Ordering::Relaxed);
    }

    /// Since the place was last seen to hold the state in use.
    pub(super) fn age(&self) -> Duration {
        let seen = Duration::from_millis(self.seen.load(Ordering::Relaxed));
        self.opened.elapsed().saturating_sub(seen)
    }

    /// Why the state that the place has now is not used.
    pub(super) fn problem(&self) -> Option<String> {
        let unusable = self.unusable.lock();
        unusable.as_ref().map(|(_, error)| error.public_message())
    }

    fn adopt_changed(&self, look: Look, adopt: impl FnOnce(NextState<'_>) -> Result<()>) -> Result<()> {
        let state = RegistryState::new(loaded(look)?, &self.functions)?;
        if self.state().has_project() && !state.has_project() {
            let (path, project) = (error_path(self.place.path()), self.place.project());
            return Err(Error::data(format!(
                "registry {path} does not hold project {project} any more: it is cut, or of another project"
            )));
        }
        adopt(NextState { handle: self, state })
    }

    /// Changes the registry and takes the changed state into use by `adopt`. It is read before only if another process has
    /// changed it since it was read last, and never after. `change` says whether there is something to write.
    ///
    /// # Errors
    /// Those of `change` and of the place; the registry is then as before. Not those of `adopt`: the registry is written by then,
    /// and what cannot be done now is tried again by the housekeeping.
    pub(super) fn update<T>(
        &self,
        now: Timestamp,
        change: impl FnOnce(&mut RegistryContents) -> Result<(T, bool)>,
        adopt: impl FnOnce(NextState<'_>) -> Result<()>,
    ) -> Result<T> {
        let (outcome, snapshot) = self.place.update(&self.state().snapshot, now, change)?;
        let _publishing = self.hold();
        let state = self.newest(snapshot)?;
        let _ = adopt(NextState { handle: self, state });
        Ok(outcome)
    }

    /// The state to use after a change: what was written, or what another process has made of it since the lock of the
    /// place was released. Python writes in place, so what is read now may be cut: then what was written is used until the next look.
    fn newest(&self, mut written: Snapshot) -> Result<RegistryState> {
        if self.place.is_current(&written) {
            return RegistryState::new(written, &self.functions);
        }
        written.stamp = None;
        let written = RegistryState::new(written, &self.functions)?;
        let later = self
            .place
            .load()
            .and_then(|snapshot| RegistryState::new(snapshot, &self.functions));
        Ok(later
            .ok()
            .filter(|later| later.has_project() || !written.has_project())
            .unwrap_or(written))
    }

    /// Resolves a selection of features. Plans are kept until the registry changes, or others take their place. `complete` adds what
    /// the first use of a new one would.
    ///
    /// # Errors
    /// `NotFound` for an unknown view or service, `Invalid` for the rest.
    pub(super) fn plan(
        &self,
        selection: &FeatureSelection,
        full_feature_names: bool,
        complete: impl FnOnce(&ReadPlan),
    ) -> Result<Arc<ReadPlan>> {
        let state = self.state.load();
        if let Some(plan) = state.plans.get(selection, full_feature_names) {
            return Ok(plan);
        }
        let plan = ReadPlan::new(&self.context(&state), selection, full_feature_names)
            .map_err(|error| state.explained(error, selection))?;
        complete(&plan);
        let plan = Arc::new(plan);
        state.plans.keep(selection, full_feature_names, &plan);
        Ok(plan)
    }

    /// Takes what functions use of their modules from the definitions of the repository, from now on.
    ///
    /// # Errors
    /// `Data` when the registry is damaged; the state in use stays.
    pub(super) fn supply(&self, repository: Definitions) -> Result<()> {
        let _publishing = self.hold();
        self.functions.repository.store(Some(Arc::new(repository)));
        let state = RegistryState::new(self.state().snapshot.clone(), &self.functions)?;
        NextState { handle: self, state }.publish();
        Ok(())
    }

    /// What plans are made from.
    pub(super) fn context<'a>(&'a self, state: &'a RegistryState) -> PlanContext<'a> {
        PlanContext {
            definitions: &state.definitions,
            project: self.place.project(),
            statuses: &state.statuses,
            functions: &state.functions,
            with_versions: self.plan_settings.with_versions,
            with_logs: self.plan_settings.with_logs,
        }
    }
}

/// What a look has read, which was not known before.
fn loaded(look: Look) -> Result<Snapshot> {
    let loaded = look
        .loaded
        .ok_or_else(|| Error::internal("a registry that is not known was not read"))?;
    loaded.map_err(|error| error.repeated())
}

impl FunctionContext {
    /// Has Python load the functions of a state.
    fn follow(&self, state: &RegistryState) {
        if let Some(python) = &self.python {
            python.use_functions(pool_functions(&state.definitions));
        }
    }
}

impl NextState<'_> {
    /// The state, for what must be done before it is used.
    pub(super) fn state(&self) -> &RegistryState {
        &self.state
    }

    /// Takes it into use.
    pub(super) fn publish(self) -> Arc<RegistryState> {
        let state = Arc::new(self.state);
        self.handle.functions.follow(&state);
        state.take_rules(&self.handle.state());
        self.handle.state.store(Arc::clone(&state));
        self.handle.published.fetch_add(1, Ordering::AcqRel);
        state
    }
}

impl RegistryState {
    fn new(snapshot: Snapshot, functions: &FunctionContext) -> Result<Self> {
        let (mut definitions, unsupported) = snapshot.contents.definitions()?;
        if let Some(repository) = &*functions.repository.load() {
            definitions.take_module_names(repository);
        }
        Ok(Self {
            functions: ViewFunctions::new(&definitions, functions.python.clone()),
            definitions,
            unsupported,
            statuses: snapshot.contents.statuses()?.into_iter().collect(),
            snapshot,
            derived: ArcSwap::default(),
            plans: PlanCache::new(plans::default_bytes())?,
            rules: OnceLock::new(),
        })
    }

    pub(super) fn contents(&self) -> &RegistryContents {
        &self.snapshot.contents
    }

    /// Who may do what.
    pub(super) fn rules(&self) -> &Arc<Rules> {
        self.rules
            .get_or_init(|| Arc::new(Rules::new(&self.definitions, self.has_unreadable_permissions())))
    }

    fn has_unreadable_permissions(&self) -> bool {
        let mut unsupported = self.unsupported.iter();
        unsupported.any(|object| object.kind == ObjectKind::Permission)
    }

    /// Takes the rules of the state before, if they are the same, and else makes its own, so that no request has to. Unless none were in
    /// use: then nobody asks.
    fn take_rules(&self, former: &Self) {
        match former.rules.get() {
            Some(rules) if rules.are_of(&self.definitions, self.has_unreadable_permissions()) => {
                let _ = self.rules.set(Arc::clone(rules));
            }
            Some(_) => {
                self.rules();
            }
            None => {}
        }
    }

    fn has_project(&self) -> bool {
        self.definitions.project.is_some()
    }

    pub(super) fn status_of(&self, view: &str) -> ViewStatus {
        self.statuses.get(view).copied().unwrap_or(ViewStatus::NEW)
    }

    /// Whether it has a view of that name, also one that this binary cannot read.
    pub(super) fn has_table(&self, view: &str) -> bool {
        self.definitions.view_with_rows(view).is_some() || self.unsupported.iter().any(|object| object.name == view)
    }

    /// The stored on-demand views that are computed from rows of a view.
    pub(super) fn derived(&self, context: &PlanContext<'_>, view: &FeatureView) -> Arc<DerivedViews> {
        if let Some(known) = self.derived.load().get(view.name()) {
            return Arc::clone(known);
        }
        let derived = Arc::new(DerivedViews::of_source(context, view));
        self.derived.rcu(|all| {
            let mut all = HashMap::clone(all);
            all.insert(view.name().to_owned(), Arc::clone(&derived));
            Arc::new(all)
        });
        derived
    }

    /// Where the function of an on-demand view is run.
    pub(super) fn execution(&self, view: &str) -> Option<Execution> {
        let view = self.definitions.on_demand_feature_view(view)?;
        Some(self.functions.execution(view, &self.definitions))
    }

    /// Whether a function cannot be run without names of its module that the registry does not have.
    pub(super) fn lacks_module_names(&self) -> bool {
        let mut views = self.definitions.on_demand_feature_views.iter();
        views.any(|view| {
            let is_unknown = view
                .transformation
                .as_ref()
                .is_some_and(|known| known.module_names.is_none());
            is_unknown && !matches!(self.functions.execution(view, &self.definitions), Execution::Native)
        })
    }

    pub(super) fn on_demand_remarks(&self) -> Vec<OnDemandRemark> {
        on_demand_remarks(&self.functions, &self.definitions)
    }

    /// What is not found may be there, but not readable.
    fn explained(&self, error: Error, selection: &FeatureSelection) -> Error {
        let is_meant = |object: &&UnsupportedObject| match selection {
            FeatureSelection::Service(name) => *name == object.name,
            FeatureSelection::Features(references) => {
                let references = references
                    .iter()
                    .filter_map(|reference| FeatureReference::parse(reference));
                references.into_iter().any(|reference| reference.view == object.name)
            }
        };
        match self.unsupported.iter().find(is_meant) {
            Some(object) if error.kind() == ErrorKind::NotFound => {
                Error::new(ErrorKind::Unsupported, object.reason.clone())
            }
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A handle of the registry of every type, and its bytes.
    fn handle(directory: &Path) -> (RegistryHandle, Vec<u8>) {
        let path = directory.join("registry.db");
        std::fs::copy(
            Path::new(feast_fixtures::TYPES_REPOSITORY).join("data/registry.db"),
            &path,
        )
        .unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let settings = PlanSettings {
            with_versions: false,
            with_logs: false,
        };
        (
            RegistryHandle::open(&path, "types_repo", settings, None).unwrap(),
            bytes,
        )
    }

    #[test]
    fn a_registry_that_python_is_writing_after_our_change_is_not_used_before_it_is_whole() {
        let directory = tempfile::tempdir().unwrap();
        let (handle, whole) = handle(directory.path());
        let written = handle.state().snapshot.clone();
        let path = handle.place.path();
        for cut in [0, 40, whole.len() / 2] {
            std::fs::write(path, &whole[..cut]).unwrap();
            let state = handle.newest(written.clone()).unwrap();
            assert!(state.has_project(), "{cut} of {} bytes", whole.len());
            // The next look reads it, whatever it has become.
            assert_eq!(state.snapshot.stamp, None);
        }
    }

    #[test]
    fn a_registry_is_found_once_its_file_is_there_whatever_it_holds() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("registry.db");
        let settings = PlanSettings {
            with_versions: false,
            with_logs: false,
        };
        let handle = RegistryHandle::open(&path, "types_repo", settings, None).unwrap();
        let missing = handle.check_found().unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::Unavailable);
        assert_eq!(missing.public_message(), "there is no registry at registry.db");
        std::fs::write(&path, b"").unwrap();
        let adopt = |next: NextState<'_>| {
            next.publish();
            Ok(())
        };
        assert!(handle.refresh(COMMAND_PATIENCE, adopt).unwrap().unwrap());
        handle.check_found().unwrap();
        // One that was in use, and is gone, goes on serving.
        let (handle, _) = self::handle(directory.path());
        std::fs::remove_file(&path).unwrap();
        assert!(handle.refresh(COMMAND_PATIENCE, adopt).unwrap().is_err());
        handle.check_found().unwrap();
    }

    #[test]
    fn a_registry_that_another_process_has_changed_after_us_is_used() {
        let directory = tempfile::tempdir().unwrap();
        let (handle, _) = handle(directory.path());
        let written = handle.state().snapshot.clone();
        let other = RegistryFile::new(handle.place.path(), "types_repo");
        other
            .update(&written, crate::clock::now(), |registry| {
                assert!(registry.delete("scalars").is_some());
                Ok(((), true))
            })
            .unwrap();
        let state = handle.newest(written).unwrap();
        assert!(state.definitions.feature_view("scalars").is_none());
        assert_eq!(state.snapshot.stamp, handle.place.stamp());
    }
}
