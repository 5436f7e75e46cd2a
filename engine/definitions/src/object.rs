//! Objects of Feast that definition files make, and where they were made.

use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use feast_model::{
    Aggregation, DataSource, Entity, FeatureService, FeatureView, Field, FileFormat, Logging, LoggingDestination,
    Metadata, OnDemandFeatureView, Permission, Policy, Project, Projection, SourceKind, StreamFormat, TableFormat,
    Transformation, ViewKind, WantedFeatures,
};

use super::duration::Duration;
use super::value::Value;

/// An object and the place of the call that made it.
pub(super) struct Object {
    thing: RefCell<Thing>,
    /// Whether another object holds it whole, so that a change of it would change the other.
    is_shared: Cell<bool>,
    /// Whether nothing else holds its tags.
    has_own_tags: Cell<bool>,
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

    /// What it says of itself; `None` for what is not read or changed in definition files.
    fn metadata(&self) -> Option<&Metadata> {
        Some(match self {
            Self::Project(project) => &project.metadata,
            Self::Entity(entity) => &entity.metadata,
            Self::Source(source) => &source.metadata,
            Self::View(view) => &view.metadata,
            Self::OnDemandView(view) => &view.metadata,
            Self::Service(service) => &service.metadata,
            _ => return None,
        })
    }

    fn metadata_mut(&mut self) -> Option<&mut Metadata> {
        Some(match self {
            Self::Project(project) => &mut project.metadata,
            Self::Entity(entity) => &mut entity.metadata,
            Self::Source(source) => &mut source.metadata,
            Self::View(view) => &mut view.metadata,
            Self::OnDemandView(view) => &mut view.metadata,
            Self::Service(service) => &mut service.metadata,
            _ => return None,
        })
    }

    /// An attribute of type `str` that has no influence on others and may be changed later.
    fn text_attribute(&mut self, name: &str) -> Option<&mut String> {
        match (name, self) {
            ("timestamp_field", Self::Source(source)) => Some(&mut source.timestamp_field),
            ("created_timestamp_column", Self::Source(source)) => Some(&mut source.created_timestamp_column),
            ("description", object) => object.metadata_mut().map(|metadata| &mut metadata.description),
            ("owner", object) => object.metadata_mut().map(|metadata| &mut metadata.owner),
            _ => None,
        }
    }
}

impl Object {
    pub(super) fn new(thing: Thing, file: PathBuf, line: usize) -> Self {
        Self {
            thing: RefCell::new(thing),
            is_shared: Cell::new(false),
            has_own_tags: Cell::new(true),
            file,
            line,
        }
    }

    /// One whose tags are a dict that is known under a name too.
    pub(super) fn with_shared_tags(self) -> Self {
        self.has_own_tags.set(false);
        self
    }

    pub(super) fn thing(&self) -> Ref<'_, Thing> {
        self.thing.borrow()
    }

    /// Notes that another object holds it whole.
    pub(super) fn share(&self) {
        self.is_shared.set(true);
    }

    /// `object.name = value`, for what no other object has taken over.
    ///
    /// # Errors
    /// `None` for what cannot be changed here; else what the value should be.
    pub(super) fn set_attribute(&self, name: &str, value: &Value) -> Result<(), Option<&'static str>> {
        if self.is_shared.get() {
            return Err(None);
        }
        let mut thing = self.thing.borrow_mut();
        if let Some(text) = thing.text_attribute(name) {
            let given = value.as_text().ok_or(Some("a str"))?;
            *text = given.to_string();
            return Ok(());
        }
        let Thing::View(view) = &mut *thing else {
            return Err(None);
        };
        match (name, value) {
            ("ttl", Value::None) if matches!(view.kind, ViewKind::Regular) => view.ttl = None,
            ("ttl", Value::Duration(duration)) => {
                let micros = i64::try_from(duration.micros());
                view.ttl = Some(micros.map_err(|_| Some("a timedelta that can be stored"))?);
            }
            ("ttl", _) => return Err(Some("a timedelta")),
            ("online", Value::Bool(flag)) => view.online = *flag,
            ("online", _) => return Err(Some("a bool")),
            _ => return Err(None),
        }
        Ok(())
    }

    /// `object.tags[name] = value`, as [`Object::set_attribute`].
    pub(super) fn set_tag(&self, name: &Value, value: &Value) -> Result<(), Option<&'static str>> {
        if self.is_shared.get() || !self.has_own_tags.get() {
            return Err(None);
        }
        let (Some(name), Some(value)) = (name.as_text(), value.as_text()) else {
            return Err(Some("a dict of str"));
        };
        let mut thing = self.thing.borrow_mut();
        let metadata = thing.metadata_mut().ok_or(None)?;
        metadata.tags.insert(name.to_string(), value.to_string());
        Ok(())
    }

    /// Python's class of it.
    pub(super) fn class_name(&self) -> &'static str {
        match &*self.thing() {
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
        // A copy, which must not be changed in place of what it stands for.
        let part = |thing: Thing| {
            let part = Self::new(thing, self.file.clone(), self.line);
            part.share();
            Value::Object(Rc::new(part))
        };
        let thing = self.thing();
        let fields = |fields: &[Field]| {
            let known = !fields.is_empty();
            known.then(|| Value::list(fields.iter().map(|field| part(Thing::Field(field.clone()))).collect()))
        };
        let source =
            |source: Option<&DataSource>| source.map_or(Value::None, |source| part(Thing::Source(source.clone())));
        let (own_name, description, owner, tags) = match &*thing {
            Thing::Field(field) => (&field.name, &field.description, None, &field.tags),
            described => {
                let Metadata {
                    name,
                    description,
                    owner,
                    tags,
                    ..
                } = described.metadata()?;
                (name, description, Some(owner), tags)
            }
        };
        let text = |text: &String| Value::text(text);
        Some(match (name, &*thing) {
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
            ("ttl", Thing::View(view)) => view
                .ttl
                .map_or(Value::None, |micros| Value::Duration(Duration::of_micros(micros))),
            ("online", Thing::View(view)) => Value::Bool(view.online),
            ("entities", Thing::View(view)) => Value::list(view.entities.iter().map(text).collect()),
            _ => return None,
        })
    }

    /// The view as it can be projected further; `None` for what is no view.
    pub(super) fn projection(&self) -> Option<ViewProjection> {
        match &*self.thing() {
            Thing::View(view) => Some(ViewProjection {
                base: ProjectedView::View(Rc::new(view.clone())),
                projection: Projection {
                    of_label_view: matches!(view.kind, ViewKind::Label(_)),
                    ..Projection::of(view.name())
                },
            }),
            Thing::OnDemandView(view) => Some(ViewProjection {
                base: ProjectedView::OnDemand(Rc::new(view.clone())),
                projection: Projection {
                    wanted: WantedFeatures::Named(view.features.iter().map(|field| field.name.clone()).collect()),
                    ..Projection::of(view.name())
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
