//! Makes the registry hold what the repository defines.

mod change;
mod history;
pub(super) mod kinds;
mod reconcile;

pub use change::{Change, FieldChange, KeyChange, Verb};

use feast_model::error::Result;
use feast_model::{DUMMY_ENTITY, DUMMY_JOIN_KEY, Definitions, Entity, FeatureView, Timestamp, ViewKind};

use kinds::Context;

use super::file::RegistryFile;

impl RegistryFile {
    /// Changes the registry to hold exactly `wanted` of the kinds that definitions can express.
    ///
    /// Unchanged objects keep their bytes, changed ones their creation time and the fields this binary does not know; a
    /// changed object moves to the end of its list, as in Feast. Projects are never deleted.
    ///
    /// # Errors
    /// `Data` when an object cannot be read, `Invalid` when a pinned version contradicts its definition.
    pub fn apply(&mut self, wanted: &Definitions, now: Timestamp) -> Result<Vec<Change>> {
        let project = self.project.clone();
        let context = Context {
            definitions: wanted,
            project: &project,
            now,
        };
        // Python needs the implicit entity of entityless views in every project.
        let mut entities = wanted.entities.clone();
        entities.push(Entity::new(DUMMY_ENTITY, DUMMY_JOIN_KEY, None));
        let of_kind = |belongs: fn(&ViewKind) -> bool| -> Vec<FeatureView> {
            let views = wanted.feature_views.iter();
            views.filter(|view| belongs(&view.kind)).cloned().collect()
        };
        let regular = of_kind(|kind| matches!(kind, ViewKind::Regular));
        let streams = of_kind(|kind| matches!(kind, ViewKind::Stream(_)));
        let labels = of_kind(|kind| matches!(kind, ViewKind::Label(_)));

        let mut changes = self.reconcile(&kinds::PROJECT, wanted.project.as_slice(), &context)?;
        changes.extend(self.reconcile(&kinds::DATA_SOURCE, &wanted.sources, &context)?);
        changes.extend(self.reconcile(&kinds::ENTITY, &entities, &context)?);
        changes.extend(self.reconcile(&kinds::FEATURE_VIEW, &regular, &context)?);
        changes.extend(self.reconcile(
            &kinds::ON_DEMAND_FEATURE_VIEW,
            &wanted.on_demand_feature_views,
            &context,
        )?);
        changes.extend(self.reconcile(&kinds::STREAM_FEATURE_VIEW, &streams, &context)?);
        changes.extend(self.reconcile(&kinds::LABEL_VIEW, &labels, &context)?);
        changes.extend(self.reconcile(&kinds::FEATURE_SERVICE, &wanted.services, &context)?);
        changes.extend(self.reconcile(&kinds::PERMISSION, &wanted.permissions, &context)?);
        // A view that became one of another kind keeps its history.
        let is_wanted =
            |name: &str| wanted.feature_view(name).is_some() || wanted.on_demand_feature_view(name).is_some();
        let deleted = changes
            .iter()
            .filter(|change| change.verb == Verb::Deleted && change.kind.is_view());
        for change in deleted.filter(|change| !is_wanted(&change.name)) {
            self.forget_versions(&change.name);
        }
        Ok(changes)
    }
}
