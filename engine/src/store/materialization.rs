//! From parquet to the online store.

use super::{FeatureStore, lock};
use crate::clock;
use crate::error::{Error, Result};
use crate::materialize::{self, MaterializeProgress, MaterializeRange, ViewReport, ViewWindow};
use crate::model::{Definitions, FeatureView};
use crate::registry::RegistryFile;

/// Which views to materialize, and from when to when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaterializeRequest {
    /// The span of event time.
    pub range: MaterializeRange,
    /// View names; all views that are online and enabled when `None`.
    pub views: Option<Vec<String>>,
}

impl FeatureStore {
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
}
