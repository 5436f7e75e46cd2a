//! Operations that write rows: pushes (`push`) and materializations (`materialize`). Each puts together what the module that owns
//! it needs.

use std::num::NonZero;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use feast_config::OnlineStoreConfig;
use feast_model::FeatureView;
use feast_model::error::{Error, ErrorKind, Result};

use super::FeatureStore;
use super::registry::RegistryState;
use crate::clock;
use crate::materialize::{
    self, Candidates, ClaimedView, MaterializationClaim, MaterializationPlan, MaterializeProgress, MaterializeRange,
    MaterializeRequest, NoProgress, PassView, RunStores, ViewReport, ViewWindow,
};
use crate::offline::QueryLimits;
use crate::online::WriteTarget;
use crate::online_store::{Access, Replace};
use crate::push::{self, PushSources, PushStores, PushTarget, WriteReport};

impl FeatureStore {
    /// The view that rows are written to by name. With `transforms` what is written to an on-demand view is what its function gets,
    /// else what it gives.
    ///
    /// # Errors
    /// `NotFound` when there is no such view, `Invalid` for an on-demand view that is computed for each request.
    pub fn write_target(&self, view: &str, transforms: bool) -> Result<WriteTarget> {
        let state = self.state();
        let context = self.registry.context(&state);
        push::write_target(&context, |view| state.derived(&context, view), view, transforms)
    }

    /// Where rows pushed to a source go.
    ///
    /// # Errors
    /// `NotFound` when no view is fed by a push source of that name, or its parquet file is missing.
    pub fn push_target(&self, source: &str, online: bool, offline: bool) -> Result<PushTarget> {
        let sources = offline.then_some(PushSources {
            repository: &self.config.directory,
            schemas: &self.schemas,
        });
        let state = self.state();
        let context = self.registry.context(&state);
        let derived_of = |view: &FeatureView| state.derived(&context, view);
        PushTarget::new(&state.definitions, derived_of, source, online, sources)
    }

    /// Writes rows to the views of a push, and appends them to its parquet source. Durable when this returns; with offline
    /// batching the append may follow later, but it is in the log.
    ///
    /// `online` holds, for each view of the target, its columns in the target's order. Everything is checked before
    /// anything is written; the offline store is written first, once, however many views there are. A push that is cut off
    /// by the end of the process is completed at the next start, or not at all.
    ///
    /// # Errors
    /// `Invalid`, naming column and row, before anything is written; `Unavailable` or `Data` when a store cannot be written.
    pub fn push(
        &self,
        target: &PushTarget,
        online: Vec<Vec<ArrayRef>>,
        offline: Option<RecordBatch>,
    ) -> Result<WriteReport> {
        self.check_writable()?;
        let push = target.check(online, offline, &self.config)?;
        self.pushes.write(&self.push_stores()?, push)
    }

    /// The most that [`FeatureStore::push`] takes for these columns, them included, so that it can be counted before it begins.
    pub fn push_bytes(&self, target: &PushTarget, online: &[Vec<ArrayRef>], offline: Option<&RecordBatch>) -> usize {
        target.write_bytes(online, offline, self.config.offline_batching.is_some())
    }

    /// Does what earlier processes have left in the log, unless the store is only read. To be called before anything is answered.
    ///
    /// # Errors
    /// `Data` or `Unavailable`; what could not be done stays in the log.
    pub fn complete_pushes(&self) -> Result<usize> {
        if self.access == Access::ReadOnly {
            return Ok(0);
        }
        push::remove_leftovers(&self.state().definitions, &self.config.directory);
        self.pushes.complete(&self.push_stores()?)
    }

    /// Appends pushes that were answered before they reached their parquet source, if enough rows wait or some have waited
    /// long enough, or all of them. Gives the number of pushes done.
    ///
    /// # Errors
    /// `Data` or `Unavailable`; what could not be appended stays in the log.
    pub fn flush_pushes(&self, all: bool) -> Result<usize> {
        match self.config.offline_batching {
            Some(batching) if self.access == Access::ReadWrite => {
                self.pushes.flush(batching, all, || self.push_stores())
            }
            _ => Ok(0),
        }
    }

    /// The names of the views that a request means, each once: those named, or all that are online and enabled.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, `Invalid` for one that cannot be materialized, and those of [`FeatureStore::check_registry`].
    pub fn views_to_materialize(&self, names: Option<&[String]>) -> Result<Vec<String>> {
        self.check_registry()?;
        let state = self.state();
        let views = self.candidates(&state).views(names)?;
        Ok(views.into_iter().map(|view| view.name().to_owned()).collect())
    }

    /// The views that are marked as being materialized, by whomever.
    pub fn views_being_materialized(&self) -> Vec<String> {
        materialize::views_being_materialized(&self.state().statuses)
    }

    /// Marks views as being materialized, so that a second run is not started beside the first. With `force` also those
    /// that are marked already: their run may have died.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, `Data` or `Unavailable` when the registry cannot be read or written.
    pub fn claim_materialization(&self, views: &[String], force: bool) -> Result<MaterializationClaim> {
        let now = clock::now();
        self.update_registry(now, |registry| materialize::claim(registry, views, force, now))
    }

    /// Gives views their former state back if they are still marked: their run has ended without reaching them.
    ///
    /// # Errors
    /// `Data` or `Unavailable` when the registry cannot be read or written.
    pub fn release_materialization(&self, views: &[ClaimedView]) -> Result<()> {
        let now = clock::now();
        self.update_registry(now, |registry| Ok(((), materialize::release(registry, views, now)?)))
    }

    /// The window each view of a request would be materialized over.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, `Invalid` for one that is not served online or when the start is after the end, and those of
    /// [`FeatureStore::check_registry`].
    pub fn materialization_windows(&self, request: &MaterializeRequest) -> Result<Vec<ViewWindow>> {
        self.check_registry()?;
        request.range.check()?;
        let state = self.state();
        let views = self.candidates(&state).views(request.views.as_deref())?;
        let mut registry = self.registry.contents()?;
        // What is changed in it here is only looked at: the run records it.
        materialize::windows(request.range, &views, Arc::make_mut(&mut registry), clock::now())
    }

    /// What to know before a request is materialized: an end that has not come yet, and views whose former runs have filled
    /// another store, or rows that are gone, so that an incremental run would not bring them back.
    ///
    /// # Errors
    /// As [`FeatureStore::materialization_windows`] and [`FeatureStore::open_online_store`].
    pub fn materialization_warnings(&self, request: &MaterializeRequest) -> Result<Vec<String>> {
        let mut warnings: Vec<String> = request.range.warning_of_end(clock::now()).into_iter().collect();
        if matches!(request.range, MaterializeRange::Until { .. }) {
            warnings.extend(self.missing_rows(request.views.as_deref())?);
        }
        Ok(warnings)
    }

    /// What is to be known of views, of all when `None`, of which the registry says that they were materialized and the online store does
    /// not have the rows: it is a new one, or was filled by another process. A line each, which says what brings them back. Redis and
    /// SQLite do not remember what has filled them.
    ///
    /// # Errors
    /// As [`FeatureStore::materialization_windows`] and [`FeatureStore::open_online_store`].
    pub fn missing_rows(&self, views: Option<&[String]>) -> Result<Vec<String>> {
        let missing = self.look_for_missing_rows(views)?;
        if missing.is_empty() || self.access == Access::ReadWrite {
            return Ok(missing);
        }
        // The registry may be newer than what is known of a store that another process fills.
        self.online_store()?.tend();
        self.look_for_missing_rows(views)
    }

    fn look_for_missing_rows(&self, views: Option<&[String]>) -> Result<Vec<String>> {
        let (online_store, state) = (self.online_store()?, self.state());
        // Before the tables: a run marks its tables, then records its intervals.
        let registry = self.registry.contents()?;
        let views = self.candidates(&state).views(views)?;
        let context = self.registry.context(&state);
        let views: Vec<_> = views
            .into_iter()
            .map(|view| (view, state.derived(&context, view)))
            .collect();
        materialize::warnings_of_missing_rows(online_store, &registry, &views)
    }

    /// Materializes views, those that are read together in one pass, and several passes at once where there are cores and memory for
    /// them. Rows are durable before intervals are recorded.
    ///
    /// A window that ends before it starts has nothing to do; it is reported with no rows and not recorded.
    ///
    /// # Errors
    /// Those of the first pass that fails; the views before it are done. Views of a pass that fails for what may be
    /// the fault of one of them are run one by one, and the others are done. `Unavailable` when the clock is not in
    /// the years 1970 to 9999.
    pub fn materialize(
        &self,
        windows: &[ViewWindow],
        progress: &mut dyn MaterializeProgress,
    ) -> Result<Vec<ViewReport>> {
        self.check_writable()?;
        clock::check_clock()?;
        let _turn = self.materializer.wait_for_turn();
        // What has been answered for belongs to the window. Another server that has the log open appends what it has answered for.
        if let Err(error) = self.flush_pushes(true)
            && error.kind() != ErrorKind::Conflict
        {
            return Err(error);
        }
        let state = self.state();
        let passes = self.passes(&state, windows, progress)?;
        let at_once = self.passes_at_once(&passes);
        let stores = self.run_stores(at_once)?;
        let reports = materialize::run_all(&passes, at_once, progress, |pass, progress| {
            self.materialize_views(&stores, pass, progress)
        })?;
        stores.online_store.flush_memtables();
        Ok(reports)
    }

    pub(super) fn passes_at_once(&self, passes: &[Vec<PassView<'_>>]) -> usize {
        // A SQLite file has one writer at a time.
        let cores = match self.config.online_store {
            OnlineStoreConfig::Sqlite { .. } => 1,
            _ => std::thread::available_parallelism().map_or(1, NonZero::get),
        };
        materialize::passes_at_once(passes, cores, self.config.materialization)
    }

    /// Materializes views together, or one by one where they cannot be read together: the others are not to wait for the one that
    /// cannot be read.
    fn materialize_views(
        &self,
        stores: &RunStores<'_>,
        pass: &[PassView<'_>],
        progress: &mut dyn MaterializeProgress,
    ) -> Result<Vec<ViewReport>> {
        let together = self.materialize_pass(stores, pass, progress);
        let error = match together {
            Err(error) if pass.len() > 1 && is_of_one_view(&error) && !progress.is_stopped() => error,
            _ => return together,
        };
        progress.views_separated(pass[0].view.name(), &error);
        let (mut reports, mut first_error) = (Vec::new(), None);
        for view in pass {
            match self.materialize_pass(stores, std::slice::from_ref(view), progress) {
                Ok(done) => reports.extend(done),
                Err(error) if is_of_one_view(&error) => {
                    first_error.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        first_error.map_or(Ok(reports), Err)
    }

    /// Which views are read together, without those whose window ends before it starts.
    pub(super) fn passes<'a>(
        &'a self,
        state: &'a RegistryState,
        windows: &'a [ViewWindow],
        progress: &mut dyn MaterializeProgress,
    ) -> Result<Vec<Vec<PassView<'a>>>> {
        let context = self.registry.context(state);
        let candidates = self.candidates(state);
        let mut views = Vec::with_capacity(windows.len());
        for window in windows {
            let view = candidates.view(&window.view)?;
            if window.is_empty() {
                progress.view_skipped(window);
                continue;
            }
            views.push(PassView {
                view,
                window,
                derived: state.derived(&context, view),
            });
        }
        Ok(materialize::passes(views))
    }

    /// What a materialization of these windows would read. Reads footers of files and nothing else.
    ///
    /// # Errors
    /// As [`FeatureStore::materialize`], as far as footers tell.
    pub fn plan_materialization(&self, windows: &[ViewWindow]) -> Result<Vec<MaterializationPlan>> {
        let state = self.state();
        let passes = self.passes(&state, windows, &mut NoProgress)?;
        let plans = passes
            .iter()
            .map(|pass| materialize::plan(pass, &self.config.directory));
        plans.collect()
    }

    fn materialize_pass(
        &self,
        stores: &RunStores<'_>,
        pass: &[PassView<'_>],
        progress: &mut dyn MaterializeProgress,
    ) -> Result<Vec<ViewReport>> {
        let reports = materialize::run(pass, stores, progress)?;
        let now = clock::now();
        self.update_registry(now, |registry| {
            let mut anew = Vec::new();
            for PassView { view, window, .. } in pass {
                let continues = materialize::record(registry, view, window, now)?;
                anew.extend((!continues).then_some(*view));
            }
            // Before anybody can see the interval: it would be taken for one of another store. The other way round a run that is cut off
            // here leaves a table that was filled, which is true, and an interval fewer, which is run again.
            for view in anew {
                stores.online_store.mark_materialized(view)?;
            }
            Ok(((), true))
        })?;
        for report in &reports {
            progress.view_finished(report);
        }
        Ok(reports)
    }

    pub(super) fn candidates<'a>(&'a self, state: &'a RegistryState) -> Candidates<'a> {
        Candidates {
            definitions: &state.definitions,
            statuses: &state.statuses,
            project: &self.config.project,
        }
    }

    pub(super) fn push_stores(&self) -> Result<PushStores<'_>> {
        Ok(PushStores {
            online_store: self.online_store()?,
            local_log: &self.push_log,
            repository: &self.config.directory,
            schemas: &self.schemas,
            replace: self.replace(),
            batching: self.config.offline_batching,
        })
    }

    /// For one of so many passes that run at once.
    pub(super) fn run_stores(&self, at_once: usize) -> Result<RunStores<'_>> {
        self.check_writable()?;
        let limits = self.config.materialization.share(at_once);
        Ok(RunStores {
            repository: &self.config.directory,
            online_store: self.online_store()?,
            runtime: self.offline()?.within(QueryLimits {
                limits,
                directory: self.spill_directory(),
            }),
            replace: self.replace(),
            shard: None,
            limits,
        })
    }

    fn replace(&self) -> Replace {
        if self.config.skip_dedup {
            Replace::AllRows
        } else {
            Replace::OlderRows
        }
    }
}

/// Whether an error may be about one of several views that are read together, and not about the store or the machine.
fn is_of_one_view(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Data | ErrorKind::Invalid | ErrorKind::NotFound)
}
