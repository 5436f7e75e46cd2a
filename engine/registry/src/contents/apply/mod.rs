//! Makes the registry hold what the repository defines.

mod change;
mod history;
mod reconcile;

pub use change::{Change, FieldChange, KeyChange, Verb};

use feast_model::error::Result;
use feast_model::{DUMMY_ENTITY, DUMMY_JOIN_KEY, Definitions, Entity, FeatureView, ObjectKind, Timestamp};

use super::RegistryContents;
use crate::kinds::{self, EncodeContext};

impl RegistryContents {
    /// Changes the registry to hold exactly `definitions` of the kinds that definitions can express.
    ///
    /// Unchanged objects keep their bytes, changed ones their creation time and the fields this binary does not know; a
    /// changed object moves to the end of its list, as in Feast. Projects are never deleted.
    ///
    /// # Errors
    /// `Data` when an object cannot be read, `Invalid` when a pinned version contradicts its definition.
    pub fn apply(&mut self, definitions: &Definitions, now: Timestamp) -> Result<Vec<Change>> {
        let project = self.project.clone();
        let context = EncodeContext {
            definitions,
            project: &project,
            now,
        };
        // Python needs the implicit entity of entityless views in every project.
        let mut entities = definitions.entities.clone();
        entities.push(Entity::new(DUMMY_ENTITY, DUMMY_JOIN_KEY, None));
        let of_kind = |kind: ObjectKind| -> Vec<FeatureView> {
            let views = definitions.feature_views.iter();
            views.filter(|view| view.object_kind() == kind).cloned().collect()
        };
        let regular = of_kind(ObjectKind::FeatureView);
        let streams = of_kind(ObjectKind::StreamFeatureView);
        let labels = of_kind(ObjectKind::LabelView);

        let mut changes = self.reconcile(&kinds::PROJECT, definitions.project.as_slice(), &context)?;
        changes.extend(self.reconcile(&kinds::DATA_SOURCE, &definitions.sources, &context)?);
        changes.extend(self.reconcile(&kinds::ENTITY, &entities, &context)?);
        changes.extend(self.reconcile(&kinds::FEATURE_VIEW, &regular, &context)?);
        changes.extend(self.reconcile(
            &kinds::ON_DEMAND_FEATURE_VIEW,
            &definitions.on_demand_feature_views,
            &context,
        )?);
        changes.extend(self.reconcile(&kinds::STREAM_FEATURE_VIEW, &streams, &context)?);
        changes.extend(self.reconcile(&kinds::LABEL_VIEW, &labels, &context)?);
        changes.extend(self.reconcile(&kinds::FEATURE_SERVICE, &definitions.services, &context)?);
        changes.extend(self.reconcile(&kinds::PERMISSION, &definitions.permissions, &context)?);
        // A view that became one of another kind keeps its history.
        let is_defined =
            |name: &str| definitions.feature_view(name).is_some() || definitions.on_demand_feature_view(name).is_some();
        let deleted = changes
            .iter()
            .filter(|change| change.verb == Verb::Deleted && change.kind.is_view());
        for change in deleted.filter(|change| !is_defined(&change.name)) {
            self.forget_versions(&change.name);
        }
        Ok(changes)
    }
}
