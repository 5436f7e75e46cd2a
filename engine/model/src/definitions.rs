//! Projects, entities, feature services and [`Definitions`], which holds everything a repository defines.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{DataSource, FeatureView, Field, Metadata, ObjectKind, OnDemandFeatureView, Permission, ValueType};

/// A project: the name space of everything else.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Project {
    /// Its name and what else it says of itself.
    pub metadata: Metadata,
}

/// A thing that features describe, found by its join key.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// Its name and what else it says of itself.
    pub metadata: Metadata,
    /// Column that identifies the entity.
    pub join_key: String,
    /// Type of the join key, if the definition gives one.
    pub value_type: Option<ValueType>,
}

/// A named list of features, as a model uses them.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureService {
    /// Its name and what else it says of itself.
    pub metadata: Metadata,
    /// The views and the features taken from each, in order.
    pub projections: Vec<Projection>,
    /// Where Python Feast's servers log their responses.
    pub logging: Option<Logging>,
    /// Whether Python Feast keeps a vector of the whole service for each entity.
    pub precompute_online: bool,
}

/// Logging of a feature service's responses. Stored only.
#[derive(Debug, Clone, PartialEq)]
pub struct Logging {
    /// The fraction of the responses that is logged, 0 to 1.
    pub sample_rate: f32,
    /// Where the log goes.
    pub destination: LoggingDestination,
}

/// Where responses are logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoggingDestination {
    /// A directory of parquet files.
    File {
        /// Its path.
        path: String,
        /// Endpoint of an S3-like store; empty when not given.
        s3_endpoint_override: String,
        /// Columns that parts are made by.
        partition_by: Vec<String>,
    },
    /// A table of a warehouse.
    Table {
        /// Which warehouse it is in.
        system: LoggingSystem,
        /// Its name.
        table: String,
    },
    /// A destination that this binary only carries, as the registry's bytes.
    Other(Vec<u8>),
    /// None: nothing is logged.
    Nowhere,
}

/// Warehouses that responses can be logged to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LoggingSystem {
    BigQuery,
    Redshift,
    Snowflake,
    Athena,
}

/// A choice of features of one view, perhaps under another name and with other join keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    /// The view's own name.
    pub view: String,
    /// Name that stands for the view in full feature names.
    pub alias: Option<String>,
    /// What the definition requests, until it is resolved to [`Projection::features`].
    pub requested: RequestedFeatures,
    /// The features taken, in order.
    pub features: Vec<Field>,
    /// Join key of the view to the key used in requests.
    pub join_key_map: BTreeMap<String, String>,
    /// The version of the view that is pinned, if one is.
    pub version: Option<i32>,
    /// Whether the view is a label view.
    pub is_label_view: bool,
}

/// Which features a definition requests. They are resolved when all views are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedFeatures {
    /// In [`Projection::features`] already.
    Resolved,
    /// All of the view.
    All,
    /// Those of these names, in this order.
    Named(Vec<String>),
    /// Those of these names, in the view's order: so Feast reads a choice from a view whose features are inferred.
    InViewOrder(Vec<String>),
    /// What a reference such as `view@v2:feature` names.
    Reference(String),
}

impl Project {
    /// Its unique name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }
}

impl FeatureService {
    /// Its unique name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }
}

impl Entity {
    /// An entity without description, tags or owner.
    pub fn new(name: impl Into<String>, join_key: impl Into<String>, value_type: impl Into<Option<ValueType>>) -> Self {
        Self {
            metadata: Metadata::new(name),
            join_key: join_key.into(),
            value_type: value_type.into(),
        }
    }

    /// Its unique name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }
}

impl Projection {
    /// All features of a view under its own name, not resolved yet.
    pub fn all_of(view: impl Into<String>) -> Self {
        Self {
            view: view.into(),
            alias: None,
            requested: RequestedFeatures::All,
            features: Vec::new(),
            join_key_map: BTreeMap::new(),
            version: None,
            is_label_view: false,
        }
    }

    /// The prefix of full feature names: the alias if there is one.
    pub fn display_name(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.view)
    }

    /// The key under which a request supplies the view's join key.
    pub fn request_key<'a>(&'a self, join_key: &'a str) -> &'a str {
        self.join_key_map.get(join_key).map_or(join_key, String::as_str)
    }
}

/// Everything a repository defines.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Definitions {
    /// The project object, if the repository has one.
    pub project: Option<Project>,
    /// Entities.
    pub entities: Vec<Entity>,
    /// Named sources and those reached through views.
    pub sources: Vec<DataSource>,
    /// Feature views of all sorts but on-demand ones.
    pub feature_views: Vec<FeatureView>,
    /// On-demand feature views.
    pub on_demand_feature_views: Vec<OnDemandFeatureView>,
    /// Feature services.
    pub services: Vec<FeatureService>,
    /// Permissions. Stored only: this binary does not enforce them.
    pub permissions: Vec<Permission>,
}

impl Definitions {
    /// The view of that name.
    pub fn feature_view(&self, name: &str) -> Option<&FeatureView> {
        self.feature_views.iter().find(|view| view.name() == name)
    }

    /// The on-demand view of that name.
    pub fn on_demand_feature_view(&self, name: &str) -> Option<&OnDemandFeatureView> {
        self.on_demand_feature_views.iter().find(|view| view.name() == name)
    }

    /// The views that have rows in the online store: feature views, and on-demand views whose results are stored.
    pub fn views_with_rows(&self) -> impl Iterator<Item = Cow<'_, FeatureView>> {
        let on_demand = self.on_demand_feature_views.iter();
        let stored = on_demand.filter_map(OnDemandFeatureView::stored_view).map(Cow::Owned);
        self.feature_views.iter().map(Cow::Borrowed).chain(stored)
    }

    /// The view of that name, if it has rows in the online store.
    pub fn view_with_rows(&self, name: &str) -> Option<Cow<'_, FeatureView>> {
        let on_demand = || self.on_demand_feature_view(name)?.stored_view().map(Cow::Owned);
        self.feature_view(name).map(Cow::Borrowed).or_else(on_demand)
    }

    /// The service of that name.
    pub fn service(&self, name: &str) -> Option<&FeatureService> {
        self.services.iter().find(|service| service.name() == name)
    }

    /// The entity of that name.
    pub fn entity(&self, name: &str) -> Option<&Entity> {
        self.entities.iter().find(|entity| entity.name() == name)
    }

    /// What the objects of a kind say of themselves. Nothing for kinds that definitions cannot express.
    pub fn metadata_of(&self, kind: ObjectKind) -> Vec<&Metadata> {
        match kind {
            ObjectKind::Project => self.project.iter().map(|object| &object.metadata).collect(),
            ObjectKind::DataSource => self.sources.iter().map(|object| &object.metadata).collect(),
            ObjectKind::Entity => self.entities.iter().map(|object| &object.metadata).collect(),
            ObjectKind::FeatureView | ObjectKind::StreamFeatureView | ObjectKind::LabelView => {
                let views = self.feature_views.iter().filter(|view| view.object_kind() == kind);
                views.map(|view| &view.metadata).collect()
            }
            ObjectKind::OnDemandFeatureView => {
                let views = self.on_demand_feature_views.iter();
                views.map(|view| &view.metadata).collect()
            }
            ObjectKind::FeatureService => self.services.iter().map(|object| &object.metadata).collect(),
            ObjectKind::Permission => self.permissions.iter().map(|object| &object.metadata).collect(),
            ObjectKind::SavedDataset | ObjectKind::ValidationReference => Vec::new(),
        }
    }

    /// Leaves the objects, of whatever kind, of which `keep` says so.
    pub fn retain(&mut self, keep: impl Fn(&Metadata) -> bool) {
        self.project = self.project.take().filter(|project| keep(&project.metadata));
        self.entities.retain(|entity| keep(&entity.metadata));
        self.sources.retain(|source| keep(&source.metadata));
        self.feature_views.retain(|view| keep(&view.metadata));
        self.on_demand_feature_views.retain(|view| keep(&view.metadata));
        self.services.retain(|service| keep(&service.metadata));
        self.permissions.retain(|permission| keep(&permission.metadata));
    }

    /// What a view of that name is, if there is one; a feature view before an on-demand view, as for reads.
    pub fn view_kind(&self, name: &str) -> Option<ObjectKind> {
        match self.feature_view(name) {
            Some(view) => Some(view.object_kind()),
            None => self
                .on_demand_feature_view(name)
                .map(|_| ObjectKind::OnDemandFeatureView),
        }
    }

    /// The views fed by the push source of that name.
    pub fn views_of_push_source<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a FeatureView> {
        self.feature_views
            .iter()
            .filter(move |view| view.push_source().is_some_and(|source| source.name() == name))
    }
}
