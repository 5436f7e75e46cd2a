//! From parquet to the online store.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use feast_model::error::{Error, ErrorKind, Result};
use feast_model::{FeatureView, StoredKeys, ViewState, ViewStatus};

use super::registry::RegistryState;
use super::tables::missing_rows;
use super::{FeatureStore, lock};
use crate::clock;
use crate::materialize::{self, MaterializeProgress, MaterializeRange, ViewReport, ViewWindow};
use crate::online::{self, check_key_types};

/// Which views to materialize, and from when to when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaterializeRequest {
    /// The span of event time.
    pub range: MaterializeRange,
    /// View names; all views that are online and enabled when `None`.
    pub views: Option<Vec<String>>,
}

/// Whether views were reserved for a materialization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reservation {
    /// All of them are in the state `MATERIALIZING` now.
    Made(Vec<ReservedView>),
    /// These are being materialized already; no state was changed.
    Taken(Vec<String>),
}

/// A view that is marked as being materialized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservedView {
    /// The view's name.
    pub name: String,
    /// Its state before.
    pub former: ViewState,
}

impl FeatureStore {
    /// The names of the views that a request means, each once: those named, or all that are online and enabled.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, `Invalid` for one that cannot be materialized.
    pub fn views_to_materialize(&self, names: Option<&[String]>) -> Result<Vec<String>> {
        let state = self.state();
        let views = self.materializable_views(&state, names)?;
        Ok(views.into_iter().map(|view| view.name().to_owned()).collect())
    }

    /// The views that are marked as being materialized, by whomever.
    pub fn views_being_materialized(&self) -> Vec<String> {
        let state = self.state();
        let marked = state.statuses.iter().filter(|(_, status)| is_materializing(status));
        let mut names: Vec<String> = marked.map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        names
    }

    /// Marks views as being materialized, so that a second run is not started beside the first. With `force` also those
    /// that are marked already: their run may have died.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, `Data` or `Unavailable` when the registry cannot be read or written.
    pub fn reserve_materialization(&self, views: &[String], force: bool) -> Result<Reservation> {
        let now = clock::now();
        self.update_registry(now, |registry| {
            let statuses: HashMap<String, ViewStatus> = registry.statuses()?.into_iter().collect();
            let reserved = views.iter().map(|name| ReservedView {
                name: name.clone(),
                former: statuses.get(name).map_or(ViewState::Unspecified, |status| status.state),
            });
            let reserved: Vec<ReservedView> = reserved.collect();
            let taken = reserved.iter().filter(|view| view.former == ViewState::Materializing);
            let taken: Vec<String> = taken.map(|view| view.name.clone()).collect();
            if !taken.is_empty() && !force {
                return Ok((Reservation::Taken(taken), false));
            }
            for view in &reserved {
                check_state(&view.name, view.former)?;
                registry.set_state(&view.name, ViewState::Materializing, now)?;
            }
            Ok((Reservation::Made(reserved), true))
        })
    }

    /// Gives views their former state back if they are still marked: their run has ended without reaching them.
    ///
    /// # Errors
    /// `Data` or `Unavailable` when the registry cannot be read or written.
    pub fn release_materialization(&self, views: &[ReservedView]) -> Result<()> {
        let now = clock::now();
        self.update_registry(now, |registry| {
            let marked: HashSet<String> = registry
                .statuses()?
                .into_iter()
                .filter(|(_, status)| is_materializing(status))
                .map(|(name, _)| name)
                .collect();
            let mut changed = false;
            for view in views.iter().filter(|view| marked.contains(&view.name)) {
                let state = match view.former {
                    // Marked by a run that had died: what is recorded says whether the view has rows.
                    ViewState::Materializing if registry.materialized_until(&view.name)?.is_some() => {
                        ViewState::AvailableOnline
                    }
                    ViewState::Materializing => ViewState::Unspecified,
                    former => former,
                };
                registry.set_state(&view.name, state, now)?;
                changed = true;
            }
            Ok(((), changed))
        })
    }

    /// The window each view of a request would be materialized over.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, `Invalid` for one that is not served online or when the start is behind the end.
    pub fn materialization_windows(&self, request: &MaterializeRequest) -> Result<Vec<ViewWindow>> {
        request.range.check()?;
        let state = self.state();
        let views = self.materializable_views(&state, request.views.as_deref())?;
        let mut registry = self.registry.contents()?;
        // What is changed in it here is only looked at: the run records it.
        let registry = Arc::make_mut(&mut registry);
        let now = clock::now();
        let window = |view: &FeatureView| {
            let (start, default_look_back, former_keys) = match request.range {
                MaterializeRange::Between { start, .. } => (start, false, None),
                MaterializeRange::Until { .. } => {
                    registry.start_anew_where_keys_changed(view.name())?;
                    let resume = registry.resume_point(view.name())?;
                    let from = resume.as_ref().map(|resume| resume.from);
                    let (start, default_look_back) = materialize::incremental_start(view, from, now);
                    (start, default_look_back, resume.and_then(|resume| resume.former_keys))
                }
            };
            Ok(ViewWindow {
                view: view.name().to_owned(),
                start,
                end: request.range.end(),
                default_look_back,
                former_keys,
            })
        };
        views.into_iter().map(window).collect()
    }

    /// What to know before a request is materialized: an end that has not come yet, and views whose former runs have filled
    /// another store, or rows that are gone, so that an incremental run would not bring them back.
    ///
    /// # Errors
    /// As [`FeatureStore::materialization_windows`] and [`FeatureStore::open_online_store`].
    pub fn materialization_warnings(&self, request: &MaterializeRequest) -> Result<Vec<String>> {
        let mut warnings: Vec<String> = request.range.warning_of_end(clock::now()).into_iter().collect();
        if matches!(request.range, MaterializeRange::Between { .. }) {
            return Ok(warnings);
        }
        let (storage, state) = (self.storage()?, self.state());
        let registry = self.registry.contents()?;
        for view in self.materializable_views(&state, request.views.as_deref())? {
            // After a change of join keys the run reads everything again, and says so.
            let resume = registry
                .resume_point(view.name())?
                .filter(|resume| resume.former_keys.is_none());
            let missing = resume.zip(missing_rows(storage, view));
            let Some((resume, why)) = missing else { continue };
            let (name, until) = (view.name(), resume.from.to_python());
            warnings.push(format!(
                "{name}: {why}, but the registry says that it was materialized until {until}, and an incremental run reads only \
                 what came after; to load all of it, run: feast materialize START_TS END_TS -v {name}"
            ));
        }
        Ok(warnings)
    }

    /// Materializes views one after another. Each view's rows are durable before its interval is recorded.
    ///
    /// A window that ends before it starts has nothing to do; it is reported with no rows and not recorded.
    ///
    /// # Errors
    /// Those of the first view that fails; the views before it stay done. `Unavailable` when the clock is not in
    /// the years 1970 to 9999.
    pub fn materialize(
        &self,
        windows: &[ViewWindow],
        progress: &mut dyn MaterializeProgress,
    ) -> Result<Vec<ViewReport>> {
        clock::check_clock()?;
        let _materializing = lock(&self.materializing);
        // What has been answered for belongs to the window.
        self.flush_pushes(true)?;
        let storage = self.storage()?;
        let runtime = self.offline()?;
        let mut reports = Vec::with_capacity(windows.len());
        for window in windows {
            let state = self.state();
            let view = self.materializable(&state, &window.view)?;
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
            let goes_on = self.update_registry(now, |registry| {
                check_keys(view, registry.keys_of_view(view.name())?)?;
                let resume = registry.resume_point(&window.view)?;
                let goes_on = resume.is_some_and(|resume| resume.from == window.start && resume.former_keys.is_none());
                registry
                    .record_materialization(&window.view, window.start, window.end, now)
                    .map(|()| (goes_on, true))
            })?;
            if !goes_on {
                online::ensure_table(storage, view)?;
                storage.mark_materialized(view.name())?;
            }
            progress.view_finished(&report);
            reports.push(report);
        }
        storage.settle();
        Ok(reports)
    }

    fn materializable_views<'a>(
        &self,
        state: &'a RegistryState,
        names: Option<&[String]>,
    ) -> Result<Vec<&'a FeatureView>> {
        let Some(names) = names else {
            let all = state.definitions.feature_views.iter();
            let views: Vec<&FeatureView> = all.filter(|view| view.is_served() && !view.is_label_view()).collect();
            for view in &views {
                check_state(view.name(), state.status_of(view.name()).state)?;
                check_key_types(view)?;
            }
            return Ok(views);
        };
        let mut seen = HashSet::new();
        let names = names.iter().filter(|name| seen.insert(name.as_str()));
        names.map(|name| self.materializable(state, name)).collect()
    }

    fn materializable<'a>(&self, state: &'a RegistryState, name: &str) -> Result<&'a FeatureView> {
        let Some(view) = state.definitions.feature_view(name) else {
            return Err(match state.definitions.on_demand_feature_view(name) {
                Some(_) => Error::computed_view(name),
                None => Error::unknown_feature_view(name, &self.config.project),
            });
        };
        if view.is_label_view() {
            return Err(Error::invalid(format!(
                "LabelView {name} cannot be materialized via materialize(). Use FeatureStore.push() to write labels."
            )));
        }
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
        check_state(name, state.status_of(name).state)?;
        // Before anything is read: a run without rows would not notice.
        check_key_types(view)?;
        Ok(view)
    }
}

/// Rows stored under keys that the view no longer has are not found: such a run does not count.
fn check_keys(view: &FeatureView, present: Option<StoredKeys>) -> Result<()> {
    match present.filter(|present| *present != view.stored_keys()) {
        None => Ok(()),
        Some(present) => Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "the join keys of feature view {} became {present} while it was materialized, so its rows are not found",
                view.name()
            ),
        )
        .with_hint("run it again")),
    }
}

fn check_state(view: &str, state: ViewState) -> Result<()> {
    if state == ViewState::Created {
        return Err(Error::invalid(format!(
            "FeatureView {view} cannot transition from CREATED to MATERIALIZING."
        )));
    }
    Ok(())
}

fn is_materializing(status: &ViewStatus) -> bool {
    status.state == ViewState::Materializing
}
