//! Feature views, stream views and label views: one model, three messages.

use feast_model::{
    Aggregation, ConflictPolicy, DUMMY_ENTITY, DataSource, FeatureView, LabelSettings, Metadata, StreamSettings,
    Transformation, ViewKind,
};

use super::{
    ConvertError, SourcePlace, duration, duration_message, feature_spec, fields, pickle, source, source_message,
};
use crate::descriptors::{CONFLICT_POLICIES, value_of};
use crate::messages::source::{DataSource as SourceMessage, SourceMeta};
use crate::messages::view::{
    Aggregation as AggregationMessage, FeatureTransformation, FeatureViewSpec, LabelViewSpec, StreamFeatureViewSpec,
    UserDefinedFunction,
};

const LAST_WRITE_WINS: i32 = value_of(CONFLICT_POLICIES, "LAST_WRITE_WINS");
const LABELER_PRIORITY: i32 = value_of(CONFLICT_POLICIES, "LABELER_PRIORITY");
const MAJORITY_VOTE: i32 = value_of(CONFLICT_POLICIES, "MAJORITY_VOTE");

/// The spec of a view, in the message of its kind.
pub(crate) enum ViewSpec {
    Regular(FeatureViewSpec),
    Stream(StreamFeatureViewSpec),
    Label(LabelViewSpec),
}

pub(crate) fn view_spec(view: &FeatureView, project: &str, meta: SourceMeta) -> ViewSpec {
    match &view.kind {
        ViewKind::Regular => ViewSpec::Regular(regular_spec(view, project, meta)),
        ViewKind::Stream(settings) => ViewSpec::Stream(stream_spec(view, settings, project, meta)),
        ViewKind::Label(settings) => ViewSpec::Label(label_spec(view, settings, project, meta)),
    }
}

fn regular_spec(view: &FeatureView, project: &str, meta: SourceMeta) -> FeatureViewSpec {
    let place = |source: &DataSource| source_message(source, SourcePlace::View, meta);
    FeatureViewSpec {
        name: view.name().to_owned(),
        project: project.to_owned(),
        entities: entity_names(&view.entities),
        features: view.features.iter().map(feature_spec).collect(),
        tags: view.metadata.tags.clone(),
        ttl: view.ttl.map(duration_message),
        batch_source: view.batch_source.as_ref().map(place),
        online: view.online,
        stream_source: view.stream_source.as_ref().map(place),
        description: view.metadata.description.clone(),
        owner: view.metadata.owner.clone(),
        entity_columns: view.entity_columns.iter().map(feature_spec).collect(),
        offline: view.offline,
        // Feast writes the parents without a project.
        source_views: view
            .source_views
            .iter()
            .map(|parent| regular_spec(parent, "", meta))
            .collect(),
        feature_transformation: view.transformation.as_ref().map(transformation_message),
        mode: view.mode.clone(),
        enable_validation: view.enable_validation,
        version: view.metadata.version.clone(),
        org: view.metadata.org.clone(),
        disabled: !view.enabled,
    }
}

fn stream_spec(
    view: &FeatureView,
    settings: &StreamSettings,
    project: &str,
    meta: SourceMeta,
) -> StreamFeatureViewSpec {
    let place = |source: &DataSource| source_message(source, SourcePlace::View, meta);
    StreamFeatureViewSpec {
        name: view.name().to_owned(),
        project: project.to_owned(),
        entities: entity_names(&view.entities),
        // Feast stores the join keys of stream views among their features too.
        features: view
            .entity_columns
            .iter()
            .chain(&view.features)
            .map(feature_spec)
            .collect(),
        entity_columns: view.entity_columns.iter().map(feature_spec).collect(),
        description: view.metadata.description.clone(),
        tags: view.metadata.tags.clone(),
        owner: view.metadata.owner.clone(),
        ttl: view.ttl.map(duration_message),
        batch_source: view.batch_source.as_ref().map(place),
        stream_source: view.stream_source.as_ref().map(place),
        online: view.online,
        // What Python reads back; the transformation below it only carries.
        user_defined_function: view.transformation.as_ref().map(|function| UserDefinedFunction {
            name: function.name.clone(),
            body: pickle::function(function),
            body_text: function.text.clone(),
            mode: String::new(),
        }),
        mode: view.mode.clone(),
        aggregations: settings.aggregations.iter().map(aggregation_message).collect(),
        timestamp_field: settings.timestamp_field.clone(),
        feature_transformation: view.transformation.as_ref().map(|function| {
            transformation_message(&Transformation {
                mode: String::new(),
                ..function.clone()
            })
        }),
        enable_tiling: settings.enable_tiling,
        tiling_hop_size: settings.tiling_hop_size.map(duration_message),
        enable_validation: view.enable_validation,
        version: view.metadata.version.clone(),
        org: view.metadata.org.clone(),
        disabled: !view.enabled,
    }
}

fn label_spec(view: &FeatureView, settings: &LabelSettings, project: &str, meta: SourceMeta) -> LabelViewSpec {
    let written = view.stream_source.as_ref().or(view.batch_source.as_ref());
    LabelViewSpec {
        name: view.name().to_owned(),
        project: project.to_owned(),
        entities: view.entities.clone(),
        features: view.features.iter().map(feature_spec).collect(),
        tags: view.metadata.tags.clone(),
        ttl: view.ttl.map(duration_message),
        source: written.map(|source| source_message(source, SourcePlace::View, meta)),
        online: view.online,
        description: view.metadata.description.clone(),
        owner: view.metadata.owner.clone(),
        entity_columns: view.entity_columns.iter().map(feature_spec).collect(),
        labeler_field: settings.labeler_field.clone(),
        conflict_policy: match settings.conflict_policy {
            ConflictPolicy::LastWriteWins => LAST_WRITE_WINS,
            ConflictPolicy::LabelerPriority => LABELER_PRIORITY,
            ConflictPolicy::MajorityVote => MAJORITY_VOTE,
        },
        reference_feature_view: settings.reference_feature_view.clone(),
    }
}

pub(crate) fn view(spec: &FeatureViewSpec) -> Result<FeatureView, ConvertError> {
    let parents = spec.source_views.iter().map(view);
    Ok(FeatureView {
        kind: ViewKind::Regular,
        entities: spec.entities.clone(),
        entity_columns: fields(&spec.entity_columns)?,
        features: fields(&spec.features)?,
        ttl: spec.ttl.as_ref().map(duration),
        batch_source: optional_source(spec.batch_source.as_ref())?,
        stream_source: optional_source(spec.stream_source.as_ref())?,
        source_views: parents.collect::<Result<_, _>>()?,
        transformation: spec.feature_transformation.as_ref().and_then(transformation),
        mode: spec.mode.clone(),
        online: spec.online,
        offline: spec.offline,
        enabled: !spec.disabled,
        metadata: Metadata {
            name: spec.name.clone(),
            description: spec.description.clone(),
            tags: spec.tags.clone(),
            owner: spec.owner.clone(),
            org: spec.org.clone(),
            version: version(&spec.version),
        },
        enable_validation: spec.enable_validation,
    })
}

pub(crate) fn view_of_stream(spec: &StreamFeatureViewSpec) -> Result<FeatureView, ConvertError> {
    let entity_columns = fields(&spec.entity_columns)?;
    let mut features = fields(&spec.features)?;
    features.retain(|field| entity_columns.iter().all(|column| column.name != field.name));
    // Python writes them in an order that changes from run to run.
    features.sort_by(|left, right| left.name.cmp(&right.name));
    let function = spec.feature_transformation.as_ref().and_then(transformation);
    let function = function.or_else(|| spec.user_defined_function.as_ref().map(user_function));
    Ok(FeatureView {
        kind: ViewKind::Stream(StreamSettings {
            timestamp_field: spec.timestamp_field.clone(),
            aggregations: spec.aggregations.iter().map(aggregation).collect(),
            enable_tiling: spec.enable_tiling,
            tiling_hop_size: spec.tiling_hop_size.as_ref().map(duration),
        }),
        entities: spec.entities.clone(),
        entity_columns,
        features,
        ttl: spec.ttl.as_ref().map(duration),
        batch_source: optional_source(spec.batch_source.as_ref())?,
        stream_source: optional_source(spec.stream_source.as_ref())?,
        source_views: Vec::new(),
        transformation: function.map(|function| Transformation {
            mode: spec.mode.clone(),
            ..function
        }),
        mode: spec.mode.clone(),
        online: spec.online,
        // The registry has no place for it.
        offline: false,
        enabled: !spec.disabled,
        metadata: Metadata {
            name: spec.name.clone(),
            description: spec.description.clone(),
            tags: spec.tags.clone(),
            owner: spec.owner.clone(),
            org: spec.org.clone(),
            version: version(&spec.version),
        },
        enable_validation: spec.enable_validation,
    })
}

pub(crate) fn view_of_label(spec: &LabelViewSpec) -> Result<FeatureView, ConvertError> {
    let source = optional_source(spec.source.as_ref())?;
    let (batch_source, stream_source) = match source {
        Some(stream) if stream.is_push() => (stream.batch_source().cloned(), Some(stream)),
        batch => (batch, None),
    };
    Ok(FeatureView {
        kind: ViewKind::Label(LabelSettings {
            labeler_field: spec.labeler_field.clone(),
            conflict_policy: match spec.conflict_policy {
                LABELER_PRIORITY => ConflictPolicy::LabelerPriority,
                MAJORITY_VOTE => ConflictPolicy::MajorityVote,
                _ => ConflictPolicy::LastWriteWins,
            },
            reference_feature_view: spec.reference_feature_view.clone(),
        }),
        entities: spec.entities.clone(),
        entity_columns: fields(&spec.entity_columns)?,
        features: fields(&spec.features)?,
        ttl: spec.ttl.as_ref().map(duration),
        batch_source,
        stream_source,
        source_views: Vec::new(),
        transformation: None,
        mode: String::new(),
        online: spec.online,
        offline: false,
        enabled: true,
        metadata: Metadata {
            description: spec.description.clone(),
            tags: spec.tags.clone(),
            owner: spec.owner.clone(),
            ..Metadata::for_view(spec.name.clone())
        },
        enable_validation: false,
    })
}

fn optional_source(message: Option<&SourceMessage>) -> Result<Option<DataSource>, ConvertError> {
    message.map(source).transpose()
}

pub(super) fn entity_names(entities: &[String]) -> Vec<String> {
    if entities.is_empty() {
        vec![DUMMY_ENTITY.to_owned()]
    } else {
        entities.to_vec()
    }
}

/// An empty version is `latest`.
pub(super) fn version(version: &str) -> String {
    if version.is_empty() { "latest" } else { version }.to_owned()
}

pub(super) fn transformation_message(function: &Transformation) -> FeatureTransformation {
    FeatureTransformation {
        user_defined_function: Some(UserDefinedFunction {
            name: function.name.clone(),
            body: pickle::function(function),
            body_text: function.text.clone(),
            mode: function.mode.clone(),
        }),
        substrait_transformation: None,
    }
}

pub(super) fn transformation(message: &FeatureTransformation) -> Option<Transformation> {
    message.user_defined_function.as_ref().map(user_function)
}

pub(super) fn user_function(message: &UserDefinedFunction) -> Transformation {
    Transformation {
        name: message.name.clone(),
        text: message.body_text.clone(),
        // The string is what Feast compares and runs first.
        source: if message.body_text.is_empty() {
            pickle::source(&message.body).unwrap_or_default()
        } else {
            String::new()
        },
        mode: message.mode.clone(),
        module_names: pickle::module_names(&message.body),
    }
}

pub(super) fn aggregation_message(aggregation: &Aggregation) -> AggregationMessage {
    AggregationMessage {
        column: aggregation.column.clone(),
        function: aggregation.function.clone(),
        time_window: aggregation.time_window.map(duration_message),
        slide_interval: aggregation.slide_interval.map(duration_message),
        name: aggregation.name.clone(),
    }
}

pub(super) fn aggregation(message: &AggregationMessage) -> Aggregation {
    Aggregation {
        column: message.column.clone(),
        function: message.function.clone(),
        time_window: message.time_window.as_ref().map(duration),
        slide_interval: message.slide_interval.as_ref().map(duration),
        name: message.name.clone(),
    }
}
