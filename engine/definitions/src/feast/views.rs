//! Entities, fields and the feature views that read sources.

use std::collections::BTreeSet;

use feast_model::{
    Aggregation, ConflictPolicy, DataSource, Entity, FeatureView, Field, LabelSettings, Metadata, SourceKind,
    StreamSettings, Transformation, Version, ViewKind,
};

use super::arguments::{Arguments, with_object};
use super::transformations::{aggregations, check_mode, given_transformation, mode};
use crate::error::Evaluated;
use crate::value::{FeastObject, ProjectedView, Value};

pub(super) fn entity(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let name = arguments.required_str("name")?;
    let join_keys = arguments.str_list("join_keys")?;
    if join_keys.len() > 1 {
        return Err(arguments.raise(
            "ValueError",
            "An entity may only have a single join key. Multiple join keys will be supported in the future.",
        ));
    }
    let value_type = match arguments.given("value_type")? {
        None => None,
        Some(Value::EnumMember(member)) if member.enumeration == "ValueType" => match &member.value {
            Value::Type(value_type) => Some(value_type.clone()),
            // `ValueType.UNKNOWN`: to be inferred.
            _ => None,
        },
        Some(other) => {
            return Err(arguments.wrong_type("value_type", &other, "an instance of feast.value_type.ValueType"));
        }
    };
    let entity = Entity {
        join_key: join_keys.into_iter().next().unwrap_or_else(|| name.clone()),
        value_type,
        metadata: arguments.metadata(Metadata::new(name))?,
    };
    Ok(arguments.object(FeastObject::Entity(entity)))
}

pub(super) fn field(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let name = arguments.required_str("name")?;
    let value_type = match arguments.take("dtype")? {
        Some(Value::Type(value_type)) => value_type,
        Some(other) => return Err(arguments.wrong_type("dtype", &other, "a feature type of feast.types")),
        None => return Err(arguments.raise("TypeError", "Field() missing 1 required argument: 'dtype'")),
    };
    let vector_length = arguments.integer("vector_length")?;
    let field = Field {
        description: arguments.str_or_empty("description")?,
        tags: arguments.str_dict("tags")?,
        vector_index: arguments.bool("vector_index", false)?,
        vector_length: i32::try_from(vector_length)
            .map_err(|_| arguments.raise("ValueError", "vector_length is out of range"))?,
        vector_search_metric: arguments.str_or_empty("vector_search_metric")?,
        ..Field::new(name, value_type)
    };
    Ok(arguments.object(FeastObject::Field(field)))
}

/// Where a view's rows come from.
#[derive(Default)]
struct ViewSource {
    batch: Option<DataSource>,
    stream: Option<DataSource>,
    parents: Vec<FeatureView>,
}

fn view_source(arguments: &mut Arguments<'_>) -> Evaluated<ViewSource> {
    let sink = arguments.source("sink_source")?;
    let given = arguments.given("source")?;
    let parent = |value: &Value| match value {
        Value::Object(object) => object.projection().and_then(|projection| match projection.base {
            ProjectedView::View(view) => Some((*view).clone()),
            ProjectedView::OnDemand(_) => None,
        }),
        _ => None,
    };
    let (source, parents) = match &given {
        None => return Ok(ViewSource::default()),
        Some(Value::List(items)) => {
            let items = items.borrow();
            let parents = items.iter().map(|item| {
                parent(item)
                    .ok_or_else(|| arguments.wrong_type("source", item, "a DataSource or a list of FeatureView"))
            });
            (None, parents.collect::<Result<Vec<_>, _>>()?)
        }
        Some(value) => {
            let source = with_object(value, |object| match object {
                FeastObject::Source(source) => Some(source.clone()),
                _ => None,
            });
            match (source, parent(value)) {
                (Some(source), _) => (Some(source), Vec::new()),
                (None, Some(parent)) => (None, vec![parent]),
                (None, None) => return Err(arguments.wrong_type("source", value, "a DataSource or a FeatureView")),
            }
        }
    };
    match source {
        Some(stream) if stream.is_stream() => {
            let Some(batch) = stream.batch_source() else {
                let message = format!(
                    "A batch_source needs to be specified for stream source `{}`",
                    stream.name()
                );
                return Err(arguments.raise("ValueError", message));
            };
            Ok(ViewSource {
                batch: Some(batch.clone()),
                stream: Some(stream),
                parents,
            })
        }
        Some(batch) => Ok(ViewSource {
            batch: Some(batch),
            ..ViewSource::default()
        }),
        None if sink.is_none() => Err(arguments.raise("ValueError", "Derived FeatureView must specify `sink_source`.")),
        None => Ok(ViewSource {
            batch: sink,
            stream: None,
            parents,
        }),
    }
}

/// The schema, split into join keys and features, with Feast's checks.
fn schema(
    arguments: &mut Arguments<'_>,
    entities: &[Entity],
    batch: Option<&DataSource>,
    view: &str,
) -> Evaluated<(Vec<Field>, Vec<Field>)> {
    let mut join_keys = BTreeSet::new();
    if !entities.iter().all(|entity| join_keys.insert(entity.join_key.as_str())) {
        let message = "A feature view should not have entities that share a join key.";
        return Err(arguments.raise("ValueError", message));
    }
    let fields = arguments.fields("schema")?.unwrap_or_default();
    for field in &fields {
        let entity = entities.iter().find(|entity| entity.join_key == field.name);
        if let Some((entity, known)) = entity.and_then(|entity| Some((entity, entity.value_type.as_ref()?)))
            && *known != field.value_type
        {
            let message = format!(
                "Entity {} has type {known}, which does not match the inferred type {}.",
                entity.name(),
                field.value_type
            );
            return Err(arguments.raise("ValueError", message));
        }
        if let Some(mapped) = batch.and_then(|source| source.field_mapping.get(&field.name)) {
            let message = format!(
                "The field {} is mapped to {mapped} for this data source. Please either remove this field mapping or use \
                 {mapped} as the Entity or Feature name.",
                field.name
            );
            return Err(arguments.raise("ValueError", message));
        }
    }
    let (columns, features): (Vec<Field>, Vec<Field>) = fields
        .into_iter()
        .partition(|field| join_keys.contains(field.name.as_str()));
    if features.iter().filter(|field| field.vector_index).count() > 1 {
        let message = format!("Only one vector feature is allowed per feature view. Please update {view}.");
        return Err(arguments.raise("AssertionError", message));
    }
    Ok((columns, features))
}

/// What all views have; the rest is left at Feast's defaults.
fn common(arguments: &mut Arguments<'_>, name: String) -> Evaluated<FeatureView> {
    let source = view_source(arguments)?;
    let entities = arguments.entities("entities")?;
    let (entity_columns, features) = schema(arguments, &entities, source.batch.as_ref(), &name)?;
    let version = arguments.str("version")?.unwrap_or_else(|| "latest".to_owned());
    check_version(arguments, &version)?;
    Ok(FeatureView {
        kind: ViewKind::Regular,
        entities: entities.into_iter().map(|entity| entity.metadata.name).collect(),
        entity_columns,
        features,
        ttl: Some(0),
        batch_source: source.batch,
        stream_source: source.stream,
        source_views: source.parents,
        transformation: None,
        mode: String::new(),
        online: arguments.bool("online", true)?,
        offline: arguments.bool("offline", false)?,
        enabled: arguments.bool("enabled", true)?,
        metadata: arguments.view_metadata(name, version)?,
        enable_validation: arguments.bool("enable_validation", false)?,
    })
}

pub(super) fn check_version(arguments: &Arguments<'_>, version: &str) -> Evaluated<()> {
    if Version::parse(version).is_some() {
        return Ok(());
    }
    let message =
        format!("Invalid version string '{version}'. Expected 'latest', 'vN', or 'versionN' (e.g. 'v2', 'version3').");
    Err(arguments.raise("ValueError", message))
}

/// `ttl`, where Python's `None` is not the same as a span of 0.
fn time_to_live(arguments: &mut Arguments<'_>, default: Option<i64>) -> Evaluated<Option<i64>> {
    if arguments.has("ttl") {
        arguments.duration("ttl")
    } else {
        Ok(default)
    }
}

pub(super) fn feature_view(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let name = arguments.required_str("name")?;
    let ttl = time_to_live(&mut arguments, Some(0))?;
    let mode = mode(&mut arguments, "")?;
    let view = common(&mut arguments, name)?;
    Ok(arguments.object(FeastObject::View(FeatureView { ttl, mode, ..view })))
}

const BATCH_SOURCES: &str = "{'BigQuerySource', 'FileSource', 'RedshiftSource', 'SnowflakeSource', 'SparkSource', \
                             'TrinoSource', 'AthenaSource'}";

/// The class and the decorator, which differ in their defaults.
pub(super) fn batch_feature_view(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let is_decorator = arguments.function.is_some();
    let name = view_name(&mut arguments)?;
    let ttl = time_to_live(&mut arguments, None)?;
    let mode = mode(&mut arguments, "python")?;
    let online = arguments.bool("online", is_decorator)?;
    let offline = arguments.bool("offline", is_decorator)?;
    // Feast stores neither.
    arguments.ignore("batch_engine");
    let has_aggregations = !aggregations(&mut arguments)?.is_empty();
    check_mode(
        &arguments,
        &mode,
        &["pandas", "python", "sql", "ray", "flink"],
        "BatchFeatureView",
    )?;
    let transformation = given_transformation(&mut arguments, &mode)?;
    let view = common(&mut arguments, name)?;
    if let Some(stream) = &view.stream_source {
        let message = format!(
            "Batch feature views need a batch source, expected one of {BATCH_SOURCES} or CUSTOM_SOURCE, got {}: {} instead ",
            source_class(stream),
            stream.name()
        );
        return Err(arguments.raise("ValueError", message));
    }
    if view.batch_source.is_none() && transformation.is_none() {
        return Err(arguments.raise(
            "ValueError",
            if has_aggregations {
                "BatchFeatureView with aggregations requires a source to aggregate from."
            } else {
                "BatchFeatureView requires at least one of: source, udf, feature_transformation, or aggregations."
            },
        ));
    }
    Ok(arguments.object(FeastObject::View(FeatureView {
        ttl,
        mode,
        online,
        offline,
        transformation,
        ..view
    })))
}

const STREAM_SOURCES: &str = "{'KafkaSource', 'PushSource'}";

/// The class and the decorator, which differ in their defaults.
pub(super) fn stream_feature_view(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let is_decorator = arguments.function.is_some();
    let name = view_name(&mut arguments)?;
    let ttl = time_to_live(&mut arguments, Some(0).filter(|_| !is_decorator))?;
    if ttl.is_none() {
        return Err(arguments.raise(
            "TypeCheckError",
            "argument \"ttl\" (None) is not an instance of datetime.timedelta",
        ));
    }
    let mode = mode(&mut arguments, if is_decorator { "spark" } else { "python" })?;
    // Feast does not store it.
    arguments.ignore("stream_engine");
    let settings = StreamSettings {
        timestamp_field: arguments.str_or_empty("timestamp_field")?,
        aggregations: aggregations(&mut arguments)?,
        enable_tiling: arguments.bool("enable_tiling", false)?,
        tiling_hop_size: arguments.duration("tiling_hop_size")?,
    };
    check_windows(&arguments, &settings)?;
    check_mode(
        &arguments,
        &mode,
        &["pandas", "python", "spark_sql", "spark", "flink"],
        "StreamFeatureView",
    )?;
    let transformation = given_transformation(&mut arguments, &mode)?;
    let view = common(&mut arguments, name)?;
    let stream = match (&view.stream_source, &view.batch_source) {
        (Some(stream), _) if !matches!(stream.kind, SourceKind::Kinesis { .. }) => Ok(()),
        (Some(source), _) | (None, Some(source)) => Err(format!(
            "Stream feature views need a stream source, expected one of {STREAM_SOURCES} or CUSTOM_SOURCE, got {}: {} instead ",
            source_class(source),
            source.name()
        )),
        (None, None) => Err("StreamFeatureView() missing 1 required argument: 'source'".to_owned()),
    };
    stream.map_err(|text| arguments.raise("ValueError", text))?;
    Ok(arguments.object(FeastObject::View(FeatureView {
        kind: ViewKind::Stream(settings),
        ttl,
        mode: mode.clone(),
        // The registry has no place for it.
        offline: false,
        transformation: transformation.map(|function| Transformation { mode, ..function }),
        ..view
    })))
}

fn check_windows(arguments: &Arguments<'_>, settings: &StreamSettings) -> Evaluated<()> {
    const DEFAULT_HOP: i64 = 300_000_000;
    if !settings.aggregations.is_empty() && settings.timestamp_field.is_empty() {
        let message = "aggregations must have a timestamp field associated with them to perform the aggregations";
        return Err(arguments.raise("ValueError", message));
    }
    let hop = settings.tiling_hop_size.unwrap_or(DEFAULT_HOP);
    let shortest = settings
        .aggregations
        .iter()
        .filter_map(|aggregation: &Aggregation| aggregation.time_window)
        .min();
    if settings.enable_tiling && shortest.is_some_and(|window| hop >= window) {
        let message = "tiling_hop_size must be smaller than the minimum aggregation time_window.";
        return Err(arguments.raise("ValueError", message));
    }
    Ok(())
}

pub(super) fn label_view(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let name = arguments.required_str("name")?;
    let ttl = time_to_live(&mut arguments, Some(0))?;
    let settings = LabelSettings {
        labeler_field: arguments.str("labeler_field")?.unwrap_or_else(|| "labeler".to_owned()),
        conflict_policy: match arguments.given("conflict_policy")? {
            None => ConflictPolicy::LastWriteWins,
            Some(Value::EnumMember(member)) => match member.name.as_str() {
                "LABELER_PRIORITY" => ConflictPolicy::LabelerPriority,
                "MAJORITY_VOTE" => ConflictPolicy::MajorityVote,
                _ => ConflictPolicy::LastWriteWins,
            },
            Some(other) => return Err(arguments.wrong_type("conflict_policy", &other, "a ConflictPolicy")),
        },
        reference_feature_view: arguments.str_or_empty("reference_feature_view")?,
    };
    // Unlike other views, a label view may be fed by a push source without a batch source.
    let source = arguments.source("source")?;
    let entities = arguments.entities("entities")?;
    let (entity_columns, features) = schema(&mut arguments, &entities, None, &name)?;
    let (batch_source, stream_source) = match source {
        Some(stream) if stream.is_push() => (stream.batch_source().cloned(), Some(stream)),
        batch => (batch, None),
    };
    let view = FeatureView {
        kind: ViewKind::Label(settings),
        entities: entities.into_iter().map(|entity| entity.metadata.name).collect(),
        entity_columns,
        features,
        ttl,
        batch_source,
        stream_source,
        online: arguments.bool("online", true)?,
        metadata: arguments.metadata(Metadata::for_view(name))?,
        ..FeatureView::new("", DataSource::new("", SourceKind::parquet("")))
    };
    Ok(arguments.object(FeastObject::View(view)))
}

/// The name that is given, or that of the decorated function.
pub(super) fn view_name(arguments: &mut Arguments<'_>) -> Evaluated<String> {
    let function = arguments.function.as_ref().map(|function| function.name.clone());
    let name = match (arguments.str("name")?, function) {
        (Some(name), _) => name,
        (None, Some(name)) => name,
        (None, None) => arguments.required_str("name")?,
    };
    arguments.known_as(&name);
    Ok(name)
}

fn source_class(source: &DataSource) -> &str {
    source.python_class().rsplit('.').next().unwrap_or_default()
}
