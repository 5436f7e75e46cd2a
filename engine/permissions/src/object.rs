//! What permissions are about.

use std::collections::BTreeMap;

use feast_model::{DUMMY_ENTITY, Definitions, FeatureView, Metadata, ObjectKind, ResourceType};

/// An object of a registry, as far as permissions look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Its class in Python, with its module.
    pub class: String,
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

const BATCH_VIEW: &str = "feast.batch_feature_view.BatchFeatureView";

impl Object {
    /// The objects of a registry, in the order in which Feast lists them.
    pub fn all(definitions: &Definitions) -> Vec<Self> {
        let views = |kind| {
            let views = definitions.feature_views.iter();
            views.filter(move |view| view.object_kind() == kind).map(Self::of_view)
        };
        let project = definitions.project.iter();
        let project = project.map(|project| {
            let class = "feast.project.Project";
            Self::new(ObjectKind::Project, class, &project.metadata)
        });
        let entities = definitions
            .entities
            .iter()
            .filter(|entity| entity.name() != DUMMY_ENTITY);
        let entities = entities.map(|entity| Self::new(ObjectKind::Entity, "feast.entity.Entity", &entity.metadata));
        let on_demand = definitions.on_demand_feature_views.iter().map(|view| {
            let class = "feast.on_demand_feature_view.OnDemandFeatureView";
            Self::new(ObjectKind::OnDemandFeatureView, class, &view.metadata)
        });
        let services = definitions.services.iter().map(|service| {
            let class = "feast.feature_service.FeatureService";
            Self::new(ObjectKind::FeatureService, class, &service.metadata)
        });
        let sources = definitions.sources.iter();
        let sources = sources.map(|source| Self::new(ObjectKind::DataSource, source.python_class(), &source.metadata));
        let permissions = definitions.permissions.iter().map(|permission| {
            let class = "feast.permissions.permission.Permission";
            Self::new(ObjectKind::Permission, class, &permission.metadata)
        });
        project
            .chain(entities)
            .chain(views(ObjectKind::FeatureView))
            .chain(views(ObjectKind::StreamFeatureView))
            .chain(on_demand)
            .chain(views(ObjectKind::LabelView))
            .chain(services)
            .chain(sources)
            .chain(permissions)
            .collect()
    }

    fn of_view(view: &FeatureView) -> Self {
        let kind = view.object_kind();
        let class = match kind {
            ObjectKind::StreamFeatureView => "feast.stream_feature_view.StreamFeatureView",
            ObjectKind::LabelView => "feast.labeling.label_view.LabelView",
            // Feast reads back a batch view only if it has a transformation.
            _ if view.transformation.is_some() => BATCH_VIEW,
            _ => "feast.feature_view.FeatureView",
        };
        Self::new(kind, class, &view.metadata)
    }

    fn new(kind: ObjectKind, class: &str, metadata: &Metadata) -> Self {
        Self {
            kind,
            class: class.to_owned(),
            name: metadata.name.clone(),
            tags: metadata.tags.clone(),
        }
    }

    /// Its class without the module.
    pub fn short_class(&self) -> &str {
        self.class.rsplit('.').next().unwrap_or_default()
    }

    /// Whether its class is one of that type, or a subclass of it.
    pub(crate) fn is_of(&self, resource: ResourceType) -> bool {
        match resource {
            ResourceType::FeatureView => {
                matches!(self.kind, ObjectKind::FeatureView | ObjectKind::StreamFeatureView)
            }
            ResourceType::BatchFeatureView => self.class == BATCH_VIEW,
            ResourceType::OnDemandFeatureView => self.kind == ObjectKind::OnDemandFeatureView,
            ResourceType::StreamFeatureView => self.kind == ObjectKind::StreamFeatureView,
            ResourceType::LabelView => self.kind == ObjectKind::LabelView,
            ResourceType::Entity => self.kind == ObjectKind::Entity,
            ResourceType::FeatureService => self.kind == ObjectKind::FeatureService,
            ResourceType::DataSource => self.kind == ObjectKind::DataSource,
            ResourceType::ValidationReference => self.kind == ObjectKind::ValidationReference,
            ResourceType::SavedDataset => self.kind == ObjectKind::SavedDataset,
            ResourceType::Permission => self.kind == ObjectKind::Permission,
            ResourceType::Project => self.kind == ObjectKind::Project,
        }
    }
}
