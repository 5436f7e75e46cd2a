//! Views and features that the online store could not tell apart are refused before anything is stored: by `apply`, and where
//! another program has applied them, when the store is opened and when a changed registry comes into use.

use feast_model::error::{Error, InvalidDefinition, Result, path as error_path};
use feast_registry::RegistryContents;

use super::FeatureStore;
use super::registry::RegistryState;
use crate::online_store::name_collisions;

impl FeatureStore {
    /// Refuses definitions as they would be in the registry.
    ///
    /// # Errors
    /// `Invalid`, with every collision.
    pub(super) fn check_applied_names(&self, registry: &RegistryContents) -> Result<()> {
        let (definitions, _) = registry.definitions()?;
        let statuses = registry.statuses()?.into_iter().collect();
        let views = self.stored_views_of(&definitions, &statuses);
        let collisions = name_collisions(&self.config.online_store, &views);
        let problems = collisions.into_iter().filter_map(|collision| {
            Some(InvalidDefinition {
                kind: definitions.feature_view(&collision.view)?.object_kind(),
                name: collision.view,
                message: collision.message,
                hint: Some(collision.hint.to_owned()),
                of_file: false,
            })
        });
        let problems: Vec<InvalidDefinition> = problems.collect();
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::invalid_definitions(problems))
    }

    /// Refuses a state of the registry.
    ///
    /// # Errors
    /// `Data`, with the first collision.
    pub(super) fn check_names(&self, state: &RegistryState) -> Result<()> {
        let collisions = name_collisions(&self.config.online_store, &self.stored_views(state));
        let Some(first) = collisions.first() else {
            return Ok(());
        };
        let registry = error_path(&self.config.registry_path);
        let message = format!("registry {registry}: feature view {}: {}", first.view, first.message);
        // What is stored by now may be of either.
        Err(Error::data(message).with_hint(format!("{} and apply, then materialize both views again", first.hint)))
    }
}
