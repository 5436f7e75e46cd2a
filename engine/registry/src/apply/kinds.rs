//! The lists of the registry: how the objects of each are read, written and told apart.

use feast_model::error::Result;
use feast_model::{
    DataSource, Definitions, Entity, FeatureService, FeatureView, ObjectKind, OnDemandFeatureView, Permission, Project,
    StoredKeys, Timestamp,
};
use prost::Message;

use crate::convert::{self, ConvertError, SourcePlace, ViewSpec, timestamp_message};
use crate::file::RegistryFile;
use crate::messages::service::{FeatureServiceSpec, PermissionSpec};
use crate::messages::source::{DataSource as SourceMessage, SourceMeta};
use crate::messages::view::{FeatureViewSpec, LabelViewSpec, OnDemandFeatureViewSpec, StreamFeatureViewSpec};
use crate::messages::{EntitySpec, ProjectSpec, Registry};
use crate::schema::{self, Schema};
use crate::wire::{self, SPEC};

/// What encoding an object needs beside the object.
pub(crate) struct Context<'a> {
    pub(crate) definitions: &'a Definitions,
    pub(crate) project: &'a str,
    pub(crate) now: Timestamp,
}

impl Context<'_> {
    fn source_meta(&self) -> SourceMeta {
        SourceMeta {
            created_timestamp: Some(timestamp_message(self.now)),
            last_updated_timestamp: Some(timestamp_message(self.now)),
        }
    }
}

/// One list of the registry.
pub(crate) struct Kind<T: 'static> {
    pub(crate) kind: ObjectKind,
    pub(crate) schema: &'static Schema,
    pub(crate) list: fn(&Registry) -> &Vec<Vec<u8>>,
    pub(crate) list_mut: fn(&mut Registry) -> &mut Vec<Vec<u8>>,
    pub(crate) name: fn(&T) -> &str,
    /// The object's spec; for a data source the whole object.
    pub(crate) encode: fn(&T, &Context<'_>) -> Vec<u8>,
    /// The object, given its spec, if it is of the file's project.
    pub(crate) decode: fn(&RegistryFile, &[u8]) -> Result<Option<T>>,
    pub(crate) versions: Option<Versions<T>>,
}

impl<T> Kind<T> {
    /// What [`Kind::decode`] reads of an object.
    pub(crate) fn spec_of<'a>(&self, object: &'a [u8]) -> &'a [u8] {
        if self.kind == ObjectKind::DataSource {
            object
        } else {
            wire::bytes_of(object, SPEC)
        }
    }

    /// The name of an object, without reading the rest of it.
    pub(crate) fn name_in(&self, object: &[u8]) -> String {
        let field = if self.kind == ObjectKind::DataSource { 20 } else { 1 };
        String::from_utf8_lossy(wire::bytes_of(self.spec_of(object), field)).into_owned()
    }
}

/// The name of an object if it is of that project, without reading the rest of it. Projects are their own.
pub(crate) fn name_in_project(kind: ObjectKind, object: &[u8], project: &str) -> Option<String> {
    let (name_field, project_field) = match kind {
        ObjectKind::DataSource => (20, 21),
        ObjectKind::Entity => (1, 9),
        ObjectKind::Project => (1, 1),
        ObjectKind::ValidationReference => (1, 3),
        _ => (1, 2),
    };
    let spec = match kind {
        ObjectKind::DataSource | ObjectKind::ValidationReference => object,
        _ => wire::bytes_of(object, SPEC),
    };
    let text = |number| String::from_utf8_lossy(wire::bytes_of(spec, number)).into_owned();
    (text(project_field) == project).then(|| text(name_field))
}

/// How a kind of view is kept in the version history.
pub(crate) struct Versions<T: 'static> {
    /// `feature_view_type` of its records.
    pub(crate) record_type: &'static str,
    /// Where the object's meta has `current_version_number`, if it has it.
    pub(crate) number_field: Option<u32>,
    /// Whether the second is a new version of the first.
    pub(crate) differ: fn(&T, &T) -> bool,
    /// `latest`, `vN` or `versionN`.
    pub(crate) version: fn(&T) -> &str,
    /// The object with another version text.
    pub(crate) with_version: fn(&T, &str) -> T,
    /// What the keys of its stored rows are made of, if it has rows.
    pub(crate) stored_keys: fn(&T) -> Option<StoredKeys>,
}

pub(crate) const PROJECT: Kind<Project> = Kind {
    kind: ObjectKind::Project,
    schema: &schema::PROJECT,
    list: |registry| &registry.projects,
    list_mut: |registry| &mut registry.projects,
    name: |project| project.name(),
    encode: |project, _| convert::project_spec(project).encode_to_vec(),
    decode: |file, bytes| {
        let spec: ProjectSpec = file.decode("project", bytes)?;
        Ok((spec.name == file.project).then(|| convert::project(&spec)))
    },
    versions: None,
};

pub(crate) const DATA_SOURCE: Kind<DataSource> = Kind {
    kind: ObjectKind::DataSource,
    schema: &schema::DATA_SOURCE,
    list: |registry| &registry.data_sources,
    list_mut: |registry| &mut registry.data_sources,
    name: |source| source.name(),
    encode: |source, context| {
        let place = SourcePlace::TopLevel {
            project: context.project,
        };
        convert::source_message(source, place, context.source_meta()).encode_to_vec()
    },
    decode: |file, bytes| {
        let message: SourceMessage = file.decode("data source", bytes)?;
        let converted = || convert::source(&message);
        of_project(file, (&message.project, &message.name), converted)
    },
    versions: None,
};

pub(crate) const ENTITY: Kind<Entity> = Kind {
    kind: ObjectKind::Entity,
    schema: &schema::ENTITY,
    list: |registry| &registry.entities,
    list_mut: |registry| &mut registry.entities,
    name: |entity| entity.name(),
    encode: |entity, context| convert::entity_spec(entity, context.project).encode_to_vec(),
    decode: |file, bytes| {
        let spec: EntitySpec = file.decode("entity", bytes)?;
        of_project(file, (&spec.project, &spec.name), || Ok(convert::entity(&spec)))
    },
    versions: None,
};

pub(crate) const FEATURE_VIEW: Kind<FeatureView> = Kind {
    kind: ObjectKind::FeatureView,
    schema: &schema::FEATURE_VIEW,
    list: |registry| &registry.feature_views,
    list_mut: |registry| &mut registry.feature_views,
    name: |view| view.name(),
    encode: encode_view,
    decode: |file, bytes| {
        let spec: FeatureViewSpec = file.decode("feature view", bytes)?;
        of_project(file, (&spec.project, &spec.name), || convert::view(&spec))
    },
    versions: Some(versions_of_views("feature_view", Some(4))),
};

pub(crate) const STREAM_FEATURE_VIEW: Kind<FeatureView> = Kind {
    kind: ObjectKind::StreamFeatureView,
    schema: &schema::STREAM_FEATURE_VIEW,
    list: |registry| &registry.stream_feature_views,
    list_mut: |registry| &mut registry.stream_feature_views,
    decode: |file, bytes| {
        let spec: StreamFeatureViewSpec = file.decode("stream feature view", bytes)?;
        of_project(file, (&spec.project, &spec.name), || convert::view_of_stream(&spec))
    },
    versions: Some(versions_of_views("stream_feature_view", Some(4))),
    ..FEATURE_VIEW
};

pub(crate) const LABEL_VIEW: Kind<FeatureView> = Kind {
    kind: ObjectKind::LabelView,
    schema: &schema::LABEL_VIEW,
    list: |registry| &registry.label_views,
    list_mut: |registry| &mut registry.label_views,
    decode: |file, bytes| {
        let spec: LabelViewSpec = file.decode("label view", bytes)?;
        of_project(file, (&spec.project, &spec.name), || convert::view_of_label(&spec))
    },
    versions: Some(versions_of_views("label_view", None)),
    ..FEATURE_VIEW
};

pub(crate) const ON_DEMAND_FEATURE_VIEW: Kind<OnDemandFeatureView> = Kind {
    kind: ObjectKind::OnDemandFeatureView,
    schema: &schema::ON_DEMAND_FEATURE_VIEW,
    list: |registry| &registry.on_demand_feature_views,
    list_mut: |registry| &mut registry.on_demand_feature_views,
    name: |view| view.name(),
    encode: |view, context| {
        convert::on_demand_view_spec(view, context.definitions, context.project, context.source_meta()).encode_to_vec()
    },
    decode: |file, bytes| {
        let spec: OnDemandFeatureViewSpec = file.decode("on-demand feature view", bytes)?;
        of_project(file, (&spec.project, &spec.name), || convert::on_demand_view(&spec))
    },
    versions: Some(Versions {
        record_type: "on_demand_feature_view",
        number_field: Some(3),
        differ: |old, new| {
            old.features != new.features
                || old.entity_columns != new.entity_columns
                || old.transformation != new.transformation
                || old.mode != new.mode
                || old.sources != new.sources
                || old.aggregations != new.aggregations
        },
        version: |view| &view.metadata.version,
        with_version: |view, version| {
            let mut view = view.clone();
            version.clone_into(&mut view.metadata.version);
            view
        },
        stored_keys: |_| None,
    }),
};

pub(crate) const FEATURE_SERVICE: Kind<FeatureService> = Kind {
    kind: ObjectKind::FeatureService,
    schema: &schema::FEATURE_SERVICE,
    list: |registry| &registry.feature_services,
    list_mut: |registry| &mut registry.feature_services,
    name: |service| service.name(),
    encode: |service, context| {
        convert::service_spec(service, context.definitions, context.project, context.source_meta()).encode_to_vec()
    },
    decode: |file, bytes| {
        let spec: FeatureServiceSpec = file.decode("feature service", bytes)?;
        of_project(file, (&spec.project, &spec.name), || convert::service(&spec))
    },
    versions: None,
};

pub(crate) const PERMISSION: Kind<Permission> = Kind {
    kind: ObjectKind::Permission,
    schema: &schema::PERMISSION,
    list: |registry| &registry.permissions,
    list_mut: |registry| &mut registry.permissions,
    name: |permission| permission.name(),
    encode: |permission, context| convert::permission_spec(permission, context.project).encode_to_vec(),
    decode: |file, bytes| {
        let spec: PermissionSpec = file.decode("permission", bytes)?;
        of_project(file, (&spec.project, &spec.name), || convert::permission(&spec))
    },
    versions: None,
};

fn encode_view(view: &FeatureView, context: &Context<'_>) -> Vec<u8> {
    match convert::view_spec(view, context.project, context.source_meta()) {
        ViewSpec::Regular(spec) => spec.encode_to_vec(),
        ViewSpec::Stream(spec) => spec.encode_to_vec(),
        ViewSpec::Label(spec) => spec.encode_to_vec(),
    }
}

const fn versions_of_views(record_type: &'static str, number_field: Option<u32>) -> Versions<FeatureView> {
    Versions {
        record_type,
        number_field,
        differ: |old, new| {
            old.features != new.features
                || old.entities != new.entities
                || old.entity_columns != new.entity_columns
                || old.source_views != new.source_views
                || old.transformation != new.transformation
                || old.kind != new.kind
        },
        version: |view| &view.metadata.version,
        with_version: |view, version| {
            let mut view = view.clone();
            version.clone_into(&mut view.metadata.version);
            view
        },
        stored_keys: |view| Some(view.stored_keys()),
    }
}

/// The object, unless it is of another project.
fn of_project<T>(
    file: &RegistryFile,
    (project, name): (&str, &str),
    convert: impl FnOnce() -> std::result::Result<T, ConvertError>,
) -> Result<Option<T>> {
    if project != file.project {
        return Ok(None);
    }
    convert().map(Some).map_err(|source| file.not_understood(name, source))
}
