//! One table a kind of object: where its list is in the registry, which fields are known by number, how it is read and written,
//! and what its versions are. Apply, look-ups, dumps and edits go through these tables and know no kind themselves.
//!
//! The tables are here, and what a table says is in `object_table` and `object_codec`.

mod object_codec;
mod object_table;

use feast_model::{
    DataSource, Entity, FeatureService, FeatureView, ObjectKind, OnDemandFeatureView, Permission, Project,
};
use prost::Message;

use super::convert::{self, SourcePlace, ViewSpec};
use super::descriptors;
use super::messages::service::{FeatureServiceSpec, PermissionSpec};
use super::messages::source::DataSource as SourceMessage;
use super::messages::view::{FeatureViewSpec, LabelViewSpec, OnDemandFeatureViewSpec, StreamFeatureViewSpec};
use super::messages::{EntitySpec, ProjectSpec};
use object_codec::Versioning;
pub(crate) use object_codec::{DecodeContext, EncodeContext, ObjectCodec, REMEDY};
pub(crate) use object_table::{MetaFields, ObjectTable};

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
    decode: |context, bytes| {
        let spec: ProjectSpec = context.decode("a project", bytes)?;
        context.in_project(&spec.name, &spec.name, || Ok(convert::project(&spec)))
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
    decode: |context, bytes| {
        let message: SourceMessage = context.decode("a data source", bytes)?;
        context.in_project(&message.project, &message.name, || convert::source(&message))
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
    decode: |context, bytes| {
        let spec: EntitySpec = context.decode("an entity", bytes)?;
        context.in_project(&spec.project, &spec.name, || Ok(convert::entity(&spec)))
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
    decode: |context, bytes| {
        let spec: FeatureViewSpec = context.decode("a feature view", bytes)?;
        context.in_project(&spec.project, &spec.name, || convert::view(&spec))
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
    decode: |context, bytes| {
        let spec: StreamFeatureViewSpec = context.decode("a stream feature view", bytes)?;
        context.in_project(&spec.project, &spec.name, || convert::view_of_stream(&spec))
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
    decode: |context, bytes| {
        let spec: LabelViewSpec = context.decode("a label view", bytes)?;
        context.in_project(&spec.project, &spec.name, || convert::view_of_label(&spec))
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
    decode: |context, bytes| {
        let spec: OnDemandFeatureViewSpec = context.decode("an on-demand feature view", bytes)?;
        context.in_project(&spec.project, &spec.name, || convert::on_demand_view(&spec))
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
    decode: |context, bytes| {
        let spec: FeatureServiceSpec = context.decode("a feature service", bytes)?;
        context.in_project(&spec.project, &spec.name, || convert::service(&spec))
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
    decode: |context, bytes| {
        let spec: PermissionSpec = context.decode("a permission", bytes)?;
        context.in_project(&spec.project, &spec.name, || {
            convert::check_permission_fields(&spec.name, bytes)?;
            convert::permission(&spec)
        })
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
