//! From parquet to the online store.

use super::{FeatureStore, RegistryState, lock};
use crate::clock;
use crate::error::{Error, Result};
use crate::materialize::{self, MaterializeProgress, MaterializeRange, ViewReport, ViewWindow};
use crate::model::{FeatureView, ViewState, ViewStatus};
use crate::registry::RegistryFile;

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
    Made,
    /// These are being materialized already; no state was changed.
    Taken(Vec<String>),
}

impl FeatureStore {
    /// The names of the views that a request means: those named, or all that are online and enabled.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, `Invalid` for one that cannot be materialized.
    pub fn views_to_materialize(&self, names: Option<&[String]>) -> Result<Vec<String>> {
        let state = self.state();
        let views = self.materializable_views(&state, names)?;
        Ok(views.into_iter().map(|view| view.name.clone()).collect())
    }

    /// Marks views as being materialized, so that a second run is not started beside the first. With `force` also those
    /// that are marked already: their run may have died.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, `Data` or `Unavailable` when the registry cannot be read or written.
    pub fn reserve_materialization(&self, views: &[String], force: bool) -> Result<Reservation> {
        if views.is_empty() {
            return Ok(Reservation::Made);
        }
        let now = clock::now();
        self.update_registry(now, |file| {
            let marked = file
                .statuses()?
                .into_iter()
                .filter(|(_, status)| is_materializing(status));
            let taken: Vec<String> = marked
                .map(|(name, _)| name)
                .filter(|name| views.contains(name))
                .collect();
            if !taken.is_empty() && !force {
                return Ok((Reservation::Taken(taken), false));
            }
            for view in views {
                file.set_state(view, ViewState::Materializing, now)?;
            }
            Ok((Reservation::Made, true))
        })
    }

    /// Takes the mark from views that are not being materialized any more: a run has ended without reaching them, or was
    /// cut off. Gives their names. All views of the project when `views` is `None`.
    ///
    /// They get the state that what has been recorded of them allows, so that they can be read.
    ///
    /// # Errors
    /// `Data` or `Unavailable` when the registry cannot be read or written.
    pub fn release_materialization(&self, views: Option<&[String]>) -> Result<Vec<String>> {
        let is_meant = |name: &String| views.is_none_or(|views| views.contains(name));
        let is_marked = |name: &String, status: &ViewStatus| is_materializing(status) && is_meant(name);
        if !self
            .state()
            .statuses
            .iter()
            .any(|(name, status)| is_marked(name, status))
        {
            return Ok(Vec::new());
        }
        let now = clock::now();
        self.update_registry(now, |file| {
            let statuses = file.statuses()?.into_iter();
            let marked = statuses.filter(|(name, status)| is_marked(name, status));
            let names: Vec<String> = marked.map(|(name, _)| name).collect();
            for name in &names {
                let state = match file.materialized_until(name)? {
                    Some(_) => ViewState::AvailableOnline,
                    None => ViewState::Unspecified,
                };
                file.set_state(name, state, now)?;
            }
            let changed = !names.is_empty();
            Ok((names, changed))
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

    fn materializable_views<'a>(
        &self,
        state: &'a RegistryState,
        names: Option<&[String]>,
    ) -> Result<Vec<&'a FeatureView>> {
        match names {
            Some(names) => names.iter().map(|name| self.materializable(state, name)).collect(),
            None => {
                let views = state.definitions.feature_views.iter();
                Ok(views.filter(|view| view.is_served()).collect())
            }
        }
    }

    fn materializable<'a>(&self, state: &'a RegistryState, name: &str) -> Result<&'a FeatureView> {
        let view = state
            .definitions
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
        if state.status_of(name).state == ViewState::Created {
            return Err(Error::invalid(format!(
                "FeatureView {name} cannot transition from CREATED to MATERIALIZING."
            )));
        }
        Ok(view)
    }
}

fn is_materializing(status: &ViewStatus) -> bool {
    status.state == ViewState::Materializing
}
