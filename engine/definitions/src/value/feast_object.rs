//! Objects of Feast that definition files make, and where they were made.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use feast_model::{
    Aggregation, DataSource, Entity, FeatureService, FeatureView, Field, FileFormat, Logging, LoggingDestination,
    OnDemandFeatureView, Permission, Policy, Project, Projection, SourceKind, StreamFormat, TableFormat,
    Transformation, ViewKind,
};

use super::data::Function;

/// An object and the place of the call that made it.
pub(crate) struct DefinedObject {
    object: RefCell<FeastObject>,
    /// Whether another object holds it whole, so that a change of it would change the other.
    is_shared: Cell<bool>,
    /// Whether nothing else holds its tags.
    has_own_tags: Cell<bool>,
    /// The function that it was made of.
    function: Option<Rc<Function>>,
    /// Relative to the repository.
    pub(crate) file: PathBuf,
    pub(crate) line: usize,
}

/// What an object is.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each call in a file, and each is behind a pointer"
)]
pub(crate) enum FeastObject {
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
pub(crate) struct ViewProjection {
    pub(crate) base: ProjectedView,
    pub(crate) projection: Projection,
}

/// The view of a projection.
#[derive(Clone)]
pub(crate) enum ProjectedView {
    View(Rc<FeatureView>),
    OnDemand(Rc<OnDemandFeatureView>),
}

impl FeastObject {
    /// Whether Feast registers such an object when a name of a module is bound to it.
    pub(crate) fn is_registered(&self) -> bool {
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

    /// Python's class of it.
    pub(crate) fn class_name(&self) -> &'static str {
        match self {
            Self::Project(_) => "Project",
            Self::Entity(_) => "Entity",
            Self::Field(_) => "Field",
            Self::Source(source) => match source.kind {
                SourceKind::File { .. } => "FileSource",
                SourceKind::Push { .. } => "PushSource",
                SourceKind::Request { .. } => "RequestSource",
                SourceKind::Kafka { .. } => "KafkaSource",
                SourceKind::Kinesis { .. } => "KinesisSource",
                SourceKind::External(_) | SourceKind::Other { .. } => "DataSource",
            },
            Self::View(view) => class_of(view),
            Self::OnDemandView(_) => "OnDemandFeatureView",
            Self::Projection(projection) => match &projection.base {
                ProjectedView::View(view) => class_of(view),
                ProjectedView::OnDemand(_) => "OnDemandFeatureView",
            },
            Self::Service(_) => "FeatureService",
            Self::Permission(_) => "Permission",
            Self::Policy(_) => "Policy",
            Self::Aggregation(_) => "Aggregation",
            Self::FileFormat(_) => "FileFormat",
            Self::StreamFormat(_) => "StreamFormat",
            Self::TableFormat(_) => "TableFormat",
            Self::Logging(_) => "LoggingConfig",
            Self::LoggingDestination(_) => "LoggingDestination",
            Self::Transformation(_) => "Transformation",
            Self::Connection(_) => "ConnectionRef",
        }
    }

    /// Its name; `None` for what has none, and for what Feast does not compare by name.
    pub(crate) fn name(&self) -> Option<&str> {
        Some(match self {
            Self::Project(project) => project.name(),
            Self::Entity(entity) => entity.name(),
            Self::Field(field) => &field.name,
            Self::Source(source) => source.name(),
            Self::View(view) => view.name(),
            Self::OnDemandView(view) => view.name(),
            Self::Service(service) => service.name(),
            _ => return None,
        })
    }
}

impl DefinedObject {
    pub(crate) fn new(object: FeastObject, file: PathBuf, line: usize) -> Self {
        Self {
            object: RefCell::new(object),
            is_shared: Cell::new(false),
            has_own_tags: Cell::new(true),
            function: None,
            file,
            line,
        }
    }

    /// One whose tags are a dict that is known under a name too.
    pub(crate) fn with_shared_tags(self) -> Self {
        self.has_own_tags.set(false);
        self
    }

    /// One that was made of a function.
    pub(crate) fn with_function(self, function: Option<Rc<Function>>) -> Self {
        Self { function, ..self }
    }

    /// The function that it was made of.
    pub(crate) fn function(&self) -> Option<&Rc<Function>> {
        self.function.as_ref()
    }

    pub(crate) fn object(&self) -> Ref<'_, FeastObject> {
        self.object.borrow()
    }

    pub(crate) fn object_mut(&self) -> RefMut<'_, FeastObject> {
        self.object.borrow_mut()
    }

    /// Whether another object holds it whole, so that a change of it would change the other.
    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared.get()
    }

    /// Whether nothing else holds its tags.
    pub(crate) fn has_own_tags(&self) -> bool {
        self.has_own_tags.get()
    }

    /// Notes that another object holds it whole.
    pub(crate) fn share(&self) {
        self.is_shared.set(true);
    }

    /// Python's class of it.
    pub(crate) fn class_name(&self) -> &'static str {
        self.object().class_name()
    }
}

fn class_of(view: &FeatureView) -> &'static str {
    match view.kind {
        ViewKind::Regular => "FeatureView",
        ViewKind::Stream(_) => "StreamFeatureView",
        ViewKind::Label(_) => "LabelView",
    }
}
