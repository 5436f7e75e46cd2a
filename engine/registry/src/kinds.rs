//! One table a kind of object: where its list is in the registry, which fields are known by number, how it is read and written,
//! and what its versions are. Apply, look-ups, dumps and edits go through these tables and know no kind themselves.
//!
//! The numbers come from `descriptors` by name, when this crate is compiled.

use feast_model::error::Result;
use feast_model::{
    DataSource, Definitions, Entity, FeatureService, FeatureView, Metadata, ObjectKind, OnDemandFeatureView,
    Permission, Project, StoredKeys, Timestamp,
};
use prost::Message;

use super::contents::RegistryContents;
use super::convert::{self, ConvertError, SourcePlace, ViewSpec, timestamp_message};
use super::descriptors::{self, MessageDescriptor};
use super::messages::service::{FeatureServiceSpec, PermissionSpec};
use super::messages::source::{DataSource as SourceMessage, SourceMeta};
use super::messages::view::{FeatureViewSpec, LabelViewSpec, OnDemandFeatureViewSpec, StreamFeatureViewSpec};
use super::messages::{EntitySpec, ProjectSpec, Registry};
use super::protowire::{bytes_of, put, without};

/// One list of the registry, and the fields of its objects.
pub(crate) struct ObjectTable {
    pub(crate) kind: ObjectKind,
    pub(crate) descriptor: &'static MessageDescriptor,
    pub(crate) list: fn(&Registry) -> &Vec<Vec<u8>>,
    pub(crate) list_mut: fn(&mut Registry) -> &mut Vec<Vec<u8>>,
    /// Key in `registry-dump`; `None` for what is not dumped.
    pub(crate) dump_key: Option<&'static str>,
    /// `feature_view_type` of the records in the version history; `None` for what has no versions.
    pub(crate) record_type: Option<&'static str>,
    pub(crate) fields: ObjectFields,
}

/// Numbers of fields. Most objects have a spec with name and project; the others have these fields themselves.
pub(crate) struct ObjectFields {
    pub(crate) spec: Option<u32>,
    pub(crate) name: u32,
    /// A project belongs to itself.
    pub(crate) project: u32,
    pub(crate) disabled: Option<u32>,
    pub(crate) meta: Option<MetaFields>,
}

/// Numbers of fields of an object's meta.
#[derive(Clone, Copy)]
pub(crate) struct MetaFields {
    /// Of the meta itself.
    pub(crate) number: u32,
    pub(crate) created: u32,
    pub(crate) last_updated: u32,
    pub(crate) version_number: Option<u32>,
    pub(crate) state: Option<u32>,
    pub(crate) intervals: Option<u32>,
}

impl ObjectFields {
    const fn from_descriptor(object: &'static MessageDescriptor) -> Self {
        let (spec_number, spec) = match object.message("spec") {
            Some(spec) => (Some(object.number_of("spec")), spec),
            None => (None, object),
        };
        let name = spec.number_of("name");
        Self {
            spec: spec_number,
            name,
            project: match spec.optional_number_of("project") {
                Some(number) => number,
                None => name,
            },
            disabled: spec.optional_number_of("disabled"),
            meta: match object.message("meta") {
                Some(meta) => Some(MetaFields::from_descriptor(object.number_of("meta"), meta)),
                None => None,
            },
        }
    }
}

impl MetaFields {
    const fn from_descriptor(number: u32, meta: &MessageDescriptor) -> Self {
        Self {
            number,
            created: meta.number_of("created_timestamp"),
            last_updated: meta.number_of("last_updated_timestamp"),
            version_number: meta.optional_number_of("current_version_number"),
            state: meta.optional_number_of("state"),
            intervals: meta.optional_number_of("materialization_intervals"),
        }
    }
}

impl ObjectTable {
    const fn new(
        kind: ObjectKind,
        descriptor: &'static MessageDescriptor,
        list: fn(&Registry) -> &Vec<Vec<u8>>,
        list_mut: fn(&mut Registry) -> &mut Vec<Vec<u8>>,
    ) -> Self {
        Self {
            kind,
            descriptor,
            list,
            list_mut,
            dump_key: None,
            record_type: None,
            fields: ObjectFields::from_descriptor(descriptor),
        }
    }

    const fn dumped_as(mut self, key: &'static str) -> Self {
        self.dump_key = Some(key);
        self
    }

    const fn with_versions(mut self, record_type: &'static str) -> Self {
        self.record_type = Some(record_type);
        self
    }

    /// The message that says what the object is: its spec, or the object itself.
    pub(crate) fn spec_of<'a>(&self, object: &'a [u8]) -> &'a [u8] {
        self.fields.spec.map_or(object, |number| bytes_of(object, number))
    }

    /// The descriptor of [`ObjectTable::spec_of`].
    pub(crate) fn spec_descriptor(&self) -> &'static MessageDescriptor {
        self.descriptor.message("spec").unwrap_or(self.descriptor)
    }

    /// The object's meta; nothing where it has none.
    pub(crate) fn meta_of<'a>(&self, object: &'a [u8]) -> &'a [u8] {
        self.fields.meta.map_or(&[], |meta| bytes_of(object, meta.number))
    }

    /// The object with another meta, which stands at its end then.
    pub(crate) fn with_meta(&self, object: &[u8], meta: &[u8]) -> Vec<u8> {
        let Some(fields) = &self.fields.meta else {
            return object.to_vec();
        };
        let mut changed = without(object, &[fields.number]);
        put(&mut changed, fields.number, meta);
        changed
    }

    /// An object of a spec and a meta. A kind whose objects are their own spec has the meta in it already.
    pub(crate) fn assemble(&self, spec: &[u8], meta: &[u8]) -> Vec<u8> {
        let (Some(spec_number), Some(fields)) = (self.fields.spec, &self.fields.meta) else {
            return spec.to_vec();
        };
        let mut object = Vec::with_capacity(spec.len() + meta.len());
        put(&mut object, spec_number, spec);
        put(&mut object, fields.number, meta);
        object
    }

    /// The name of an object, without reading the rest of it.
    pub(crate) fn name_of(&self, object: &[u8]) -> String {
        String::from_utf8_lossy(bytes_of(self.spec_of(object), self.fields.name)).into_owned()
    }

    /// As [`ObjectTable::name_of`], if the object is of that project.
    pub(crate) fn name_in_project(&self, object: &[u8], project: &str) -> Option<String> {
        let of = String::from_utf8_lossy(bytes_of(self.spec_of(object), self.fields.project));
        (of == project).then(|| self.name_of(object))
    }

    /// Where the object of that name is in the list.
    pub(crate) fn position(&self, registry: &Registry, project: &str, name: &str) -> Option<usize> {
        let is_named = |object: &Vec<u8>| self.name_in_project(object, project).is_some_and(|known| known == name);
        (self.list)(registry).iter().position(is_named)
    }
}

/// How objects of a kind that this crate understands are read and written.
pub(crate) struct ObjectCodec<T: 'static> {
    pub(crate) table: ObjectTable,
    pub(crate) metadata: fn(&T) -> &Metadata,
    /// The object's spec; the whole object where it is its own spec.
    pub(crate) encode: fn(&T, &EncodeContext<'_>) -> Vec<u8>,
    /// The object, given its spec, if it is of the registry's project.
    pub(crate) decode: fn(&RegistryContents, &[u8]) -> Result<Option<T>>,
    pub(crate) versioning: Option<Versioning<T>>,
}

/// What encoding an object needs beside the object.
pub(crate) struct EncodeContext<'a> {
    pub(crate) definitions: &'a Definitions,
    pub(crate) project: &'a str,
    pub(crate) now: Timestamp,
}

/// What makes a new version of a view.
pub(crate) struct Versioning<T: 'static> {
    /// Whether the second is a new version of the first.
    pub(crate) differ: fn(&T, &T) -> bool,
    pub(crate) metadata_mut: fn(&mut T) -> &mut Metadata,
    /// What the keys of its stored rows are made of, if it has rows.
    pub(crate) stored_keys: fn(&T) -> Option<StoredKeys>,
}

impl<T> ObjectCodec<T> {
    pub(crate) fn name<'a>(&self, object: &'a T) -> &'a str {
        &(self.metadata)(object).name
    }
}

impl<T: Clone> Versioning<T> {
    /// The object with another version string.
    pub(crate) fn with_version(&self, object: &T, version: &str) -> T {
        let mut object = object.clone();
        version.clone_into(&mut (self.metadata_mut)(&mut object).version);
        object
    }
}

impl EncodeContext<'_> {
    fn source_meta(&self) -> SourceMeta {
        SourceMeta {
            created_timestamp: Some(timestamp_message(self.now)),
            last_updated_timestamp: Some(timestamp_message(self.now)),
        }
    }
}

/// All kinds, in the order in which Feast looks for a name to delete.
pub(crate) static TABLES: [&ObjectTable; 11] = [
    &ENTITY.table,
    &FEATURE_VIEW.table,
    &FEATURE_SERVICE.table,
    &DATA_SOURCE.table,
    &SAVED_DATASET,
    &VALIDATION_REFERENCE,
    &STREAM_FEATURE_VIEW.table,
    &ON_DEMAND_FEATURE_VIEW.table,
    &LABEL_VIEW.table,
    &PERMISSION.table,
    &PROJECT.table,
];

/// The table of a kind.
pub(crate) fn table(kind: ObjectKind) -> &'static ObjectTable {
    match kind {
        ObjectKind::Project => &PROJECT.table,
        ObjectKind::DataSource => &DATA_SOURCE.table,
        ObjectKind::Entity => &ENTITY.table,
        ObjectKind::FeatureView => &FEATURE_VIEW.table,
        ObjectKind::OnDemandFeatureView => &ON_DEMAND_FEATURE_VIEW.table,
        ObjectKind::StreamFeatureView => &STREAM_FEATURE_VIEW.table,
        ObjectKind::LabelView => &LABEL_VIEW.table,
        ObjectKind::FeatureService => &FEATURE_SERVICE.table,
        ObjectKind::Permission => &PERMISSION.table,
        ObjectKind::SavedDataset => &SAVED_DATASET,
        ObjectKind::ValidationReference => &VALIDATION_REFERENCE,
    }
}

pub(crate) static PROJECT: ObjectCodec<Project> = ObjectCodec {
    table: ObjectTable::new(
        ObjectKind::Project,
        &descriptors::PROJECT,
        |registry| &registry.projects,
        |registry| &mut registry.projects,
    ),
    metadata: |project| &project.metadata,
    encode: |project, _| convert::project_spec(project).encode_to_vec(),
    decode: |contents, bytes| {
        let spec: ProjectSpec = contents.decode("a project", bytes)?;
        of_project(contents, &spec.name, &spec.name, || Ok(convert::project(&spec)))
    },
    versioning: None,
};

pub(crate) static DATA_SOURCE: ObjectCodec<DataSource> = ObjectCodec {
    table: ObjectTable::new(
        ObjectKind::DataSource,
        &descriptors::DATA_SOURCE,
        |registry| &registry.data_sources,
        |registry| &mut registry.data_sources,
    )
    .dumped_as("dataSources"),
    metadata: |source| &source.metadata,
    encode: |source, context| {
        let place = SourcePlace::TopLevel {
            project: context.project,
        };
        convert::source_message(source, place, context.source_meta()).encode_to_vec()
    },
    decode: |contents, bytes| {
        let message: SourceMessage = contents.decode("a data source", bytes)?;
        of_project(contents, &message.project, &message.name, || convert::source(&message))
    },
    versioning: None,
};

pub(crate) static ENTITY: ObjectCodec<Entity> = ObjectCodec {
    table: ObjectTable::new(
        ObjectKind::Entity,
        &descriptors::ENTITY,
        |registry| &registry.entities,
        |registry| &mut registry.entities,
    )
    .dumped_as("entities"),
    metadata: |entity| &entity.metadata,
    encode: |entity, context| convert::entity_spec(entity, context.project).encode_to_vec(),
    decode: |contents, bytes| {
        let spec: EntitySpec = contents.decode("an entity", bytes)?;
        of_project(contents, &spec.project, &spec.name, || Ok(convert::entity(&spec)))
    },
    versioning: None,
};

pub(crate) static FEATURE_VIEW: ObjectCodec<FeatureView> = ObjectCodec {
    table: ObjectTable::new(
        ObjectKind::FeatureView,
        &descriptors::FEATURE_VIEW,
        |registry| &registry.feature_views,
        |registry| &mut registry.feature_views,
    )
    .dumped_as("featureViews")
    .with_versions("feature_view"),
    metadata: |view| &view.metadata,
    encode: encode_view,
    decode: |contents, bytes| {
        let spec: FeatureViewSpec = contents.decode("a feature view", bytes)?;
        of_project(contents, &spec.project, &spec.name, || convert::view(&spec))
    },
    versioning: Some(VERSIONS_OF_VIEWS),
};

pub(crate) static STREAM_FEATURE_VIEW: ObjectCodec<FeatureView> = ObjectCodec {
    table: ObjectTable::new(
        ObjectKind::StreamFeatureView,
        &descriptors::STREAM_FEATURE_VIEW,
        |registry| &registry.stream_feature_views,
        |registry| &mut registry.stream_feature_views,
    )
    .dumped_as("streamFeatureViews")
    .with_versions("stream_feature_view"),
    metadata: |view| &view.metadata,
    encode: encode_view,
    decode: |contents, bytes| {
        let spec: StreamFeatureViewSpec = contents.decode("a stream feature view", bytes)?;
        of_project(contents, &spec.project, &spec.name, || convert::view_of_stream(&spec))
    },
    versioning: Some(VERSIONS_OF_VIEWS),
};

pub(crate) static LABEL_VIEW: ObjectCodec<FeatureView> = ObjectCodec {
    table: ObjectTable::new(
        ObjectKind::LabelView,
        &descriptors::LABEL_VIEW,
        |registry| &registry.label_views,
        |registry| &mut registry.label_views,
    )
    .dumped_as("labelViews")
    .with_versions("label_view"),
    metadata: |view| &view.metadata,
    encode: encode_view,
    decode: |contents, bytes| {
        let spec: LabelViewSpec = contents.decode("a label view", bytes)?;
        of_project(contents, &spec.project, &spec.name, || convert::view_of_label(&spec))
    },
    versioning: Some(VERSIONS_OF_VIEWS),
};

pub(crate) static ON_DEMAND_FEATURE_VIEW: ObjectCodec<OnDemandFeatureView> = ObjectCodec {
    table: ObjectTable::new(
        ObjectKind::OnDemandFeatureView,
        &descriptors::ON_DEMAND_FEATURE_VIEW,
        |registry| &registry.on_demand_feature_views,
        |registry| &mut registry.on_demand_feature_views,
    )
    .dumped_as("onDemandFeatureViews")
    .with_versions("on_demand_feature_view"),
    metadata: |view| &view.metadata,
    encode: |view, context| {
        convert::on_demand_view_spec(view, context.definitions, context.project, context.source_meta()).encode_to_vec()
    },
    decode: |contents, bytes| {
        let spec: OnDemandFeatureViewSpec = contents.decode("an on-demand feature view", bytes)?;
        of_project(contents, &spec.project, &spec.name, || convert::on_demand_view(&spec))
    },
    versioning: Some(Versioning {
        differ: |old, new| {
            old.features != new.features
                || old.entity_columns != new.entity_columns
                || old.transformation != new.transformation
                || old.mode != new.mode
                || old.sources != new.sources
                || old.aggregations != new.aggregations
        },
        metadata_mut: |view| &mut view.metadata,
        stored_keys: |_| None,
    }),
};

pub(crate) static FEATURE_SERVICE: ObjectCodec<FeatureService> = ObjectCodec {
    table: ObjectTable::new(
        ObjectKind::FeatureService,
        &descriptors::FEATURE_SERVICE,
        |registry| &registry.feature_services,
        |registry| &mut registry.feature_services,
    )
    .dumped_as("featureServices"),
    metadata: |service| &service.metadata,
    encode: |service, context| {
        convert::service_spec(service, context.definitions, context.project, context.source_meta()).encode_to_vec()
    },
    decode: |contents, bytes| {
        let spec: FeatureServiceSpec = contents.decode("a feature service", bytes)?;
        of_project(contents, &spec.project, &spec.name, || convert::service(&spec))
    },
    versioning: None,
};

pub(crate) static PERMISSION: ObjectCodec<Permission> = ObjectCodec {
    table: ObjectTable::new(
        ObjectKind::Permission,
        &descriptors::PERMISSION,
        |registry| &registry.permissions,
        |registry| &mut registry.permissions,
    )
    .dumped_as("permissions"),
    metadata: |permission| &permission.metadata,
    encode: |permission, context| convert::permission_spec(permission, context.project).encode_to_vec(),
    decode: |contents, bytes| {
        let spec: PermissionSpec = contents.decode("a permission", bytes)?;
        of_project(contents, &spec.project, &spec.name, || convert::permission(&spec))
    },
    versioning: None,
};

/// Only shown and kept, as the next one.
static SAVED_DATASET: ObjectTable = ObjectTable::new(
    ObjectKind::SavedDataset,
    &descriptors::SAVED_DATASET,
    |registry| &registry.saved_datasets,
    |registry| &mut registry.saved_datasets,
)
.dumped_as("savedDatasets");

static VALIDATION_REFERENCE: ObjectTable = ObjectTable::new(
    ObjectKind::ValidationReference,
    &descriptors::VALIDATION_REFERENCE,
    |registry| &registry.validation_references,
    |registry| &mut registry.validation_references,
);

const VERSIONS_OF_VIEWS: Versioning<FeatureView> = Versioning {
    differ: |old, new| {
        old.features != new.features
            || old.entities != new.entities
            || old.entity_columns != new.entity_columns
            || old.source_views != new.source_views
            || old.transformation != new.transformation
            || old.kind != new.kind
    },
    metadata_mut: |view| &mut view.metadata,
    stored_keys: |view| Some(view.stored_keys()),
};

fn encode_view(view: &FeatureView, context: &EncodeContext<'_>) -> Vec<u8> {
    match convert::view_spec(view, context.project, context.source_meta()) {
        ViewSpec::Regular(spec) => spec.encode_to_vec(),
        ViewSpec::Stream(spec) => spec.encode_to_vec(),
        ViewSpec::Label(spec) => spec.encode_to_vec(),
    }
}

/// The object, unless it is of another project.
fn of_project<T>(
    contents: &RegistryContents,
    project: &str,
    name: &str,
    convert: impl FnOnce() -> std::result::Result<T, ConvertError>,
) -> Result<Option<T>> {
    if project != contents.project {
        return Ok(None);
    }
    convert().map(Some).map_err(|source| contents.unsupported(name, source))
}
