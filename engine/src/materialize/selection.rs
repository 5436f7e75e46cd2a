//! Which views a request to materialize means, and whether they can be materialized. Reads definitions and states only.

use std::collections::{HashMap, HashSet};

use feast_model::error::{Error, Result};
use feast_model::{Definitions, FeatureView, ViewState, ViewStatus};

use super::window::MaterializeRange;
use crate::online::check_key_types;

/// Which views to materialize, and from when to when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaterializeRequest {
    /// The span of event time.
    pub range: MaterializeRange,
    /// View names; all views that are online and enabled when `None`.
    pub views: Option<Vec<String>>,
}

/// The views of a registry as it was last read.
pub(crate) struct Candidates<'a> {
    pub(crate) definitions: &'a Definitions,
    /// Of views that are not new.
    pub(crate) statuses: &'a HashMap<String, ViewStatus>,
    pub(crate) project: &'a str,
}

impl<'a> Candidates<'a> {
    /// The views that a request means, each once: those named, or all that are online and enabled.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, `Invalid` for one that cannot be materialized.
    pub(crate) fn views(&self, names: Option<&[String]>) -> Result<Vec<&'a FeatureView>> {
        let Some(names) = names else {
            let all = self.definitions.feature_views.iter();
            let views: Vec<&FeatureView> = all.filter(|view| view.is_served() && !view.is_label_view()).collect();
            for view in &views {
                check_state(view.name(), self.state_of(view.name()))?;
                check_key_types(view)?;
            }
            return Ok(views);
        };
        let mut named = Vec::with_capacity(names.len());
        for name in names {
            match self.definitions.on_demand_feature_view(name) {
                // It is computed from the rows of its sources.
                Some(view) if view.write_to_online_store => {
                    named.extend(view.source_views().map(|source| source.view.as_str()));
                }
                _ => named.push(name),
            }
        }
        let mut seen = HashSet::new();
        named.retain(|name| seen.insert(*name));
        named.into_iter().map(|name| self.view(name)).collect()
    }

    /// The view of that name.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Invalid` when it cannot be materialized.
    pub(crate) fn view(&self, name: &str) -> Result<&'a FeatureView> {
        let Some(view) = self.definitions.feature_view(name) else {
            return Err(match self.definitions.on_demand_feature_view(name) {
                Some(_) => Error::not_stored(name),
                None => Error::unknown_feature_view(name, self.project),
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
        check_state(name, self.state_of(name))?;
        // Before anything is read: a run without rows would not notice.
        check_key_types(view)?;
        Ok(view)
    }

    fn state_of(&self, view: &str) -> ViewState {
        let status = self.statuses.get(view).copied();
        status.unwrap_or(ViewStatus::NEW).state
    }
}

/// The names of the views that are marked as being materialized, by whomever, in alphabetical order.
pub(crate) fn views_being_materialized(statuses: &HashMap<String, ViewStatus>) -> Vec<String> {
    let marked = statuses.iter().filter(|(_, status)| is_materializing(status));
    let mut names: Vec<String> = marked.map(|(name, _)| name.clone()).collect();
    names.sort_unstable();
    names
}

pub(super) fn is_materializing(status: &ViewStatus) -> bool {
    status.state == ViewState::Materializing
}

/// Makes sure that a view in this state may become one that is being materialized.
pub(super) fn check_state(view: &str, state: ViewState) -> Result<()> {
    if state == ViewState::Created {
        return Err(Error::invalid(format!(
            "FeatureView {view} cannot transition from CREATED to MATERIALIZING."
        )));
    }
    Ok(())
}
