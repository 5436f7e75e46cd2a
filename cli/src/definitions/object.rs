//! Objects of Feast that definition files make, and where they were made.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use feast_engine::model::{
    Aggregation, DataSource, Entity, FeatureService, FeatureView, Field, FileFormat, Logging, LoggingDestination,
    OnDemandFeatureView, Permission, Policy, Project, Projection, SourceKind, StreamFormat, TableFormat,
    Transformation, ViewKind, WantedFeatures,
};

use super::value::Value;

/// An object and the place of the call that made it.
pub(super) struct Object {
    pub(super) thing: Thing,
    /// Relative to the repository.
    pub(super) file: PathBuf,
    pub(super) line: usize,
}

/// What an object is.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each call in a file, always behind a pointer"
)]
pub(super) enum Thing {
    Project(Project),
    Entity(Entity),
    Field(Field),
    Source(DataSource),
    View(FeatureView),
    OnDemandView(OnDemandFeatureView),
    Projection(ViewProjection),
    Service(FeatureService),
    Permission(Permission),
    Policy(Policy),
    Aggregation(Aggregation),
    FileFormat(FileFormat),
    StreamFormat(StreamFormat),
    TableFormat(TableFormat),
    Logging(Logging),
    LoggingDestination(LoggingDestination),
    Transformation(Transformation),
    /// `ConnectionRef`, as the tags that hold it.
    Connection(BTreeMap<String, String>),
}

/// `view[["a"]].with_name("n").with_join_key_map({...})`.
#[derive(Clone)]
pub(super) struct ViewProjection {
    pub(super) base: ProjectedView,
    pub(super) projection: Projection,
}

/// The view of a projection.
#[derive(Clone)]
pub(super) enum ProjectedView {
    View(Rc<FeatureView>),
    OnDemand(Rc<OnDemandFeatureView>),
}

impl Thing {
    /// Whether Feast registers such an object when a name of a module is bound to it.
    pub(super) fn is_registered(&self) -> bool {
        matches!(
            self,
            Self::Project(_)
                | Self::Entity(_)
                | Self::Source(_)
                | Self::View(_)
                | Self::OnDemandView(_)
                | Self::Projection(_)
                | Self::Service(_)
                | Self::Permission(_)
        )
    }
}

impl Object {
    /// Python's class of it.
    pub(super) fn class_name(&self) -> &'static str {
        match &self.thing {
            Thing::Project(_) => "Project",
            Thing::Entity(_) => "Entity",
            Thing::Field(_) => "Field",
            Thing::Source(source) => match source.kind {
                SourceKind::File { .. } => "FileSource",
                SourceKind::Push { .. } => "PushSource",
                SourceKind::Request { .. } => "RequestSource",
                SourceKind::Kafka { .. } => "KafkaSource",
                SourceKind::Kinesis { .. } => "KinesisSource",
                SourceKind::External(_) | SourceKind::Other { .. } => "DataSource",
            },
            Thing::View(view) => class_of(view),
            Thing::OnDemandView(_) => "OnDemandFeatureView",
            Thing::Projection(projection) => match &projection.base {
                ProjectedView::View(view) => class_of(view),
                ProjectedView::OnDemand(_) => "OnDemandFeatureView",
            },
            Thing::Service(_) => "FeatureService",
            Thing::Permission(_) => "Permission",
            Thing::Policy(_) => "Policy",
            Thing::Aggregation(_) => "Aggregation",
            Thing::FileFormat(_) => "FileFormat",
            Thing::StreamFormat(_) => "StreamFormat",
            Thing::TableFormat(_) => "TableFormat",
            Thing::Logging(_) => "LoggingConfig",
            Thing::LoggingDestination(_) => "LoggingDestination",
            Thing::Transformation(_) => "Transformation",
            Thing::Connection(_) => "ConnectionRef",
        }
    }

    /// An attribute that definition files read; `None` for the rest.
    pub(super) fn attribute(&self, name: &str) -> Option<Value> {
        let part = |thing: Thing| {
            Value::Object(Rc::new(Self {
                thing,
                file: self.file.clone(),
                line: self.line,
            }))
        };
        let fields = |fields: &[Field]| {
            let known = !fields.is_empty();
            known.then(|| Value::list(fields.iter().map(|field| part(Thing::Field(field.clone()))).collect()))
        };
        let source =
            |source: Option<&DataSource>| source.map_or(Value::None, |source| part(Thing::Source(source.clone())));
        let (own_name, description, owner, tags) = match &self.thing {
            Thing::Project(project) => (&project.name, &project.description, Some(&project.owner), &project.tags),
            Thing::Entity(entity) => (&entity.name, &entity.description, Some(&entity.owner), &entity.tags),
            Thing::Field(field) => (&field.name, &field.description, None, &field.tags),
            Thing::Source(source) => (&source.name, &source.description, Some(&source.owner), &source.tags),
            Thing::View(view) => (&view.name, &view.description, Some(&view.owner), &view.tags),
            Thing::OnDemandView(view) => (&view.name, &view.description, Some(&view.owner), &view.tags),
            Thing::Service(service) => (&service.name, &service.description, Some(&service.owner), &service.tags),
            _ => return None,
        };
        let text = |text: &String| Value::text(text);
        Some(match (name, &self.thing) {
            ("name", _) => text(own_name),
            ("description", _) => text(description),
            ("owner", _) => text(owner?),
            ("tags", _) => {
                let members = tags.iter().map(|(name, value)| (text(name), text(value)));
                Value::dict(members.collect())
            }
            ("value_type", Thing::Entity(entity)) => super::feast::value_type_as_member(entity.value_type.as_ref())?,
            ("features", Thing::View(view)) => fields(&view.features)?,
            ("features" | "schema", Thing::OnDemandView(view)) => fields(&view.features)?,
            ("schema", Thing::View(view)) => fields(&[view.entity_columns.as_slice(), &view.features].concat())?,
            ("join_key", Thing::Entity(entity)) => text(&entity.join_key),
            ("dtype", Thing::Field(field)) => Value::Type(field.value_type.clone()),
            ("timestamp_field", Thing::Source(source)) => text(&source.timestamp_field),
            ("created_timestamp_column", Thing::Source(source)) => text(&source.created_timestamp_column),
            (
                "path",
                Thing::Source(DataSource {
                    kind: SourceKind::File { path, .. },
                    ..
                }),
            ) => text(path),
            ("batch_source", Thing::Source(stream)) => source(stream.batch_source()),
            ("batch_source", Thing::View(view)) => source(view.batch_source.as_ref()),
            ("stream_source", Thing::View(view)) => source(view.stream_source.as_ref()),
            ("ttl", Thing::View(view)) => view.ttl.map_or(Value::None, Value::Duration),
            ("online", Thing::View(view)) => Value::Bool(view.online),
            ("entities", Thing::View(view)) => Value::list(view.entities.iter().map(text).collect()),
            _ => return None,
        })
    }

    /// The view as it can be projected further; `None` for what is no view.
    pub(super) fn projection(&self) -> Option<ViewProjection> {
        match &self.thing {
            Thing::View(view) => Some(ViewProjection {
                base: ProjectedView::View(Rc::new(view.clone())),
                projection: Projection {
                    of_label_view: matches!(view.kind, ViewKind::Label(_)),
                    ..Projection::of(&view.name)
                },
            }),
            Thing::OnDemandView(view) => Some(ViewProjection {
                base: ProjectedView::OnDemand(Rc::new(view.clone())),
                projection: Projection {
                    wanted: WantedFeatures::Named(view.features.iter().map(|field| field.name.clone()).collect()),
                    ..Projection::of(&view.name)
                },
            }),
            Thing::Projection(projection) => Some(projection.clone()),
            _ => None,
        }
    }
}

fn class_of(view: &FeatureView) -> &'static str {
    match view.kind {
        ViewKind::Regular => "FeatureView",
        ViewKind::Stream(_) => "StreamFeatureView",
        ViewKind::Label(_) => "LabelView",
    }
}

impl ViewProjection {
    /// Takes only some features; those of a view with a schema must be in it.
    ///
    /// # Errors
    /// The first name that is not.
    pub(super) fn choose(mut self, names: Vec<String>) -> Result<Self, String> {
        let known = match &self.base {
            ProjectedView::View(view) => &view.features,
            ProjectedView::OnDemand(view) => &view.features,
        };
        let is_known = |name: &String| known.is_empty() || known.iter().any(|field| field.name == *name);
        if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
            return Err(unknown.clone());
        }
        self.projection.wanted = match (names.is_empty(), known.is_empty()) {
            (true, _) => WantedFeatures::All,
            (false, false) => WantedFeatures::Named(names),
            (false, true) => WantedFeatures::Wished(names),
        };
        Ok(self)
    }
}
