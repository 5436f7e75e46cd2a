//! Views that are marked in the registry as being materialized, so that a second run is not started beside the first.
//!
//! A view is MATERIALIZING from the claim until its run ends. A run that fails or is cut off by a stop gives views their former
//! state back, not Feast's GENERATED, in which a view cannot be read. What a killed process has left looks the same as what
//! Python Feast is doing with the same registry, so a claim refuses such views unless it is forced.

use std::collections::{HashMap, HashSet};

use feast_model::error::Result;
use feast_model::{Timestamp, ViewState, ViewStatus};
use feast_registry::RegistryContents;

use super::selection::{check_state, is_materializing};

/// What became of a claim on views.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MaterializationClaim {
    /// All of them are in the state `MATERIALIZING` now.
    Granted(Vec<ClaimedView>),
    /// These are being materialized already; no state was changed.
    Taken(Vec<String>),
}

/// A view that is marked as being materialized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedView {
    /// The view's name.
    pub name: String,
    /// Its state before.
    pub former: ViewState,
}

/// Marks views as being materialized, with `force` also those that are marked already. Says whether the registry has changed too.
pub(crate) fn claim(
    registry: &mut RegistryContents,
    views: &[String],
    force: bool,
    now: Timestamp,
) -> Result<(MaterializationClaim, bool)> {
    let statuses: HashMap<String, ViewStatus> = registry.statuses()?.into_iter().collect();
    let claimed = views.iter().map(|name| ClaimedView {
        name: name.clone(),
        former: statuses.get(name).map_or(ViewState::Unspecified, |status| status.state),
    });
    let claimed: Vec<ClaimedView> = claimed.collect();
    let taken = claimed.iter().filter(|view| view.former == ViewState::Materializing);
    let taken: Vec<String> = taken.map(|view| view.name.clone()).collect();
    if !taken.is_empty() && !force {
        return Ok((MaterializationClaim::Taken(taken), false));
    }
    for view in &claimed {
        check_state(&view.name, view.former)?;
        registry.set_state(&view.name, ViewState::Materializing, now)?;
    }
    Ok((MaterializationClaim::Granted(claimed), true))
}

/// Gives views that are still marked their former state back. Says whether the registry has changed.
pub(crate) fn release(registry: &mut RegistryContents, views: &[ClaimedView], now: Timestamp) -> Result<bool> {
    let statuses = registry.statuses()?.into_iter();
    let marked = statuses.filter(|(_, status)| is_materializing(status));
    let marked: HashSet<String> = marked.map(|(name, _)| name).collect();
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
    Ok(changed)
}
