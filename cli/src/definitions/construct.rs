//! Feast's classes: their parameters, defaults and checks.

use std::rc::Rc;

use feast_engine::model::{
    DataSource, Entity, FeatureService, FeatureView, Field, Project, Projection, SourceKind, ValueType,
};
use ruff_text_size::TextRange;

use super::arguments::Arguments;
use super::module::Evaluated;
use super::value::{Builtin, Object, Scope, Value};

const MICROS_PER_SECOND: i64 = 1_000_000;

/// Calls one of Feast's classes, or `timedelta`.
pub(super) fn construct(
    class: Builtin,
    arguments: (Vec<Value>, Vec<(String, Value)>),
    range: TextRange,
    scope: &Scope,
) -> Evaluated<Value> {
    let place = (range, scope);
    let bind =
        |class: &'static str, parameters: &[&str]| Arguments::bind(class, (parameters, 0), arguments.clone(), place);
    Ok(Value::object(match class {
        Builtin::Timedelta => return timedelta(arguments, place),
        Builtin::Project => {
            let parameters = [
                "name",
                "description",
                "tags",
                "owner",
                "created_timestamp",
                "last_updated_timestamp",
            ];
            project(bind("Project", &parameters)?)?
        }
        Builtin::Entity => entity(bind(
            "Entity",
            &["name", "join_keys", "value_type", "description", "tags", "owner"],
        )?)?,
        Builtin::Field => {
            let parameters = [
                "name",
                "dtype",
                "description",
                "tags",
                "vector_index",
                "vector_length",
                "vector_search_metric",
            ];
            field(bind("Field", &parameters)?)?
        }
        Builtin::FileSource => file_source(bind("FileSource", FILE_SOURCE_PARAMETERS)?)?,
        Builtin::PushSource => push_source(bind(
            "PushSource",
            &["name", "batch_source", "description", "tags", "owner"],
        )?)?,
        Builtin::FeatureView => feature_view(bind("FeatureView", FEATURE_VIEW_PARAMETERS)?)?,
        Builtin::FeatureService => {
            let parameters = [
                "name",
                "features",
                "tags",
                "description",
                "owner",
                "logging_config",
                "precompute_online",
            ];
            feature_service(bind("FeatureService", &parameters)?)?
        }
        Builtin::ParquetFormat => Object::ParquetFormat,
        other => return Err(scope.error(range, format!("{other:?} cannot be called with these arguments"))),
    }))
}

const FILE_SOURCE_PARAMETERS: &[&str] = &[
    "path",
    "name",
    "event_timestamp_column",
    "file_format",
    "created_timestamp_column",
    "field_mapping",
    "s3_endpoint_override",
    "description",
    "tags",
    "owner",
    "timestamp_field",
];

const FEATURE_VIEW_PARAMETERS: &[&str] = &[
    "name",
    "source",
    "schema",
    "entities",
    "ttl",
    "online",
    "offline",
    "description",
    "tags",
    "owner",
    "org",
    "enable_validation",
    "version",
    "enabled",
];

fn timedelta(arguments: (Vec<Value>, Vec<(String, Value)>), place: (TextRange, &Scope)) -> Evaluated<Value> {
    // In the order of Python's parameters, with the microseconds of each unit.
    let units = [
        ("days", 86_400 * MICROS_PER_SECOND),
        ("seconds", MICROS_PER_SECOND),
        ("microseconds", 1),
        ("milliseconds", 1_000),
        ("minutes", 60 * MICROS_PER_SECOND),
        ("hours", 3_600 * MICROS_PER_SECOND),
        ("weeks", 604_800 * MICROS_PER_SECOND),
    ];
    let names = units.map(|(name, _)| name);
    let unknown = |value: &Value| matches!(value, Value::Opaque(_));
    if let Some(opaque) = arguments
        .0
        .iter()
        .chain(arguments.1.iter().map(|(_, value)| value))
        .find(|value| unknown(value))
    {
        return Ok(opaque.clone());
    }
    let mut bound = Arguments::bind("timedelta", (&names, names.len()), arguments, place)?;
    let mut total: i64 = 0;
    for (name, micros) in units {
        let amount = match bound.take(name)? {
            None => Some(0),
            Some(Value::Integer(number)) => number.checked_mul(micros),
            Some(Value::Float(number)) => Some((number * micros as f64).round() as i64),
            Some(other) => {
                return Err(bound.error(format!("timedelta: {name} is a {}, not a number", other.type_name())));
            }
        };
        let sum = amount.and_then(|amount| total.checked_add(amount));
        total = sum.ok_or_else(|| bound.error("timedelta is longer than 292,000 years"))?;
    }
    Ok(Value::Duration(total))
}

fn project(mut arguments: Arguments<'_>) -> Evaluated<Object> {
    Ok(Object::Project(Project {
        name: arguments.required_text("name")?,
        description: arguments.text_or_empty("description")?,
        tags: arguments.texts_by_name("tags")?,
        owner: arguments.text_or_empty("owner")?,
    }))
}

fn entity(mut arguments: Arguments<'_>) -> Evaluated<Object> {
    let name = arguments.required_text("name")?;
    let join_keys = arguments
        .list("join_keys", "a str", |value| value.to_text())?
        .unwrap_or_default();
    if join_keys.len() > 1 {
        return Err(arguments
            .error("An entity may only have a single join key. Multiple join keys will be supported in the future."));
    }
    let value_type = match arguments.take("value_type")? {
        None | Some(Value::None) => None,
        Some(Value::Type(value_type)) => Some(value_type),
        Some(other) => {
            return Err(arguments.error(format!(
                "argument \"value_type\" ({}) is not a ValueType",
                other.type_name()
            )));
        }
    };
    Ok(Object::Entity(Entity {
        join_key: join_keys.into_iter().next().unwrap_or_else(|| name.clone()),
        name,
        value_type,
        description: arguments.text_or_empty("description")?,
        tags: arguments.texts_by_name("tags")?,
        owner: arguments.text_or_empty("owner")?,
    }))
}

fn field(mut arguments: Arguments<'_>) -> Evaluated<Object> {
    let name = arguments.required_text("name")?;
    let value_type: ValueType = match arguments.take("dtype")? {
        Some(Value::Type(value_type)) => value_type,
        Some(other) => {
            return Err(arguments.error(format!(
                "argument \"dtype\" ({}) is not a feature type",
                other.type_name()
            )));
        }
        None => return Err(arguments.error("TypeError: Field.__init__() missing the required argument 'dtype'")),
    };
    let vector_length = arguments.integer("vector_length")?;
    Ok(Object::Field(Field {
        description: arguments.text_or_empty("description")?,
        tags: arguments.texts_by_name("tags")?,
        vector_index: arguments.flag("vector_index", false)?,
        vector_length: i32::try_from(vector_length).map_err(|_| arguments.error("vector_length is out of range"))?,
        vector_search_metric: arguments.text_or_empty("vector_search_metric")?,
        ..Field::new(name, value_type)
    }))
}

fn file_source(mut arguments: Arguments<'_>) -> Evaluated<Object> {
    let path = arguments.required_text("path")?;
    let name = arguments
        .text("name")?
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| path.clone());
    let explicit_parquet = match arguments.object("file_format")?.as_deref() {
        None => false,
        Some(Object::ParquetFormat) => true,
        Some(_) => return Err(arguments.error(format!("file source {name}: only ParquetFormat is supported"))),
    };
    let kind = SourceKind::File {
        path,
        explicit_parquet,
        s3_endpoint_override: arguments.text_or_empty("s3_endpoint_override")?,
    };
    let source = DataSource {
        timestamp_field: arguments.text_or_empty("timestamp_field")?,
        created_timestamp_column: arguments.text_or_empty("created_timestamp_column")?,
        field_mapping: arguments.texts_by_name("field_mapping")?,
        description: arguments.text_or_empty("description")?,
        tags: arguments.texts_by_name("tags")?,
        owner: arguments.text_or_empty("owner")?,
        ..DataSource::new(name, kind)
    };
    if !source.timestamp_field.is_empty() && source.timestamp_field == source.created_timestamp_column {
        return Err(
            arguments.error("Please do not use the same column for 'timestamp_field' and 'created_timestamp_column'.")
        );
    }
    Ok(Object::Source(source))
}

fn push_source(mut arguments: Arguments<'_>) -> Evaluated<Object> {
    let name = arguments.required_text("name")?;
    let batch_source = match arguments.object("batch_source")?.as_deref() {
        None => None,
        Some(Object::Source(source)) => Some(Box::new(source.clone())),
        Some(_) => return Err(arguments.error(format!("batch_source of push source {name} is not a data source"))),
    };
    Ok(Object::Source(DataSource {
        description: arguments.text_or_empty("description")?,
        tags: arguments.texts_by_name("tags")?,
        owner: arguments.text_or_empty("owner")?,
        ..DataSource::new(name, SourceKind::Push { batch_source })
    }))
}

fn feature_view(mut arguments: Arguments<'_>) -> Evaluated<Object> {
    let name = arguments.required_text("name")?;
    let (batch_source, stream_source) = match arguments.object("source")?.as_deref() {
        None => (None, None),
        Some(Object::Source(source)) if source.is_push() => {
            let batch_source = source.batch_source().ok_or_else(|| {
                arguments.error(format!(
                    "A batch_source needs to be specified for stream source `{}`",
                    source.name
                ))
            })?;
            (Some(batch_source.clone()), Some(source.clone()))
        }
        Some(Object::Source(source)) => (Some(source.clone()), None),
        Some(_) => return Err(arguments.error(format!("source of feature view {name} is not a data source"))),
    };
    let entity_name = |value: &Value| {
        pick(value, |object| {
            if let Object::Entity(entity) = object {
                Some(entity.name.clone())
            } else {
                None
            }
        })
    };
    let schema_field = |value: &Value| {
        pick(value, |object| {
            if let Object::Field(field) = object {
                Some(field.clone())
            } else {
                None
            }
        })
    };
    let ttl = match arguments.take("ttl")? {
        None => Some(0),
        Some(Value::None) => None,
        Some(Value::Duration(micros)) => Some(micros),
        Some(other) => {
            return Err(arguments.error(format!("argument \"ttl\" ({}) is not a timedelta", other.type_name())));
        }
    };
    Ok(Object::View(FeatureView {
        entities: arguments
            .list("entities", "an Entity", entity_name)?
            .unwrap_or_default(),
        entity_columns: Vec::new(),
        features: arguments.list("schema", "a Field", schema_field)?.unwrap_or_default(),
        ttl,
        batch_source,
        stream_source,
        online: arguments.flag("online", true)?,
        offline: arguments.flag("offline", false)?,
        enabled: arguments.flag("enabled", true)?,
        description: arguments.text_or_empty("description")?,
        tags: arguments.texts_by_name("tags")?,
        owner: arguments.text_or_empty("owner")?,
        org: arguments.text_or_empty("org")?,
        version: arguments.text("version")?.unwrap_or_else(|| "latest".to_owned()),
        enable_validation: arguments.flag("enable_validation", false)?,
        name,
    }))
}

fn feature_service(mut arguments: Arguments<'_>) -> Evaluated<Object> {
    let name = arguments.required_text("name")?;
    for unsupported in ["logging_config", "precompute_online"] {
        if arguments
            .take(unsupported)?
            .is_some_and(|value| value.truth() != Some(false))
        {
            return Err(arguments.error(format!("{unsupported} of feature service {name} is not supported yet")));
        }
    }
    let projection = |value: &Value| {
        pick(value, |object| match object {
            // All features: known only when the view's schema is complete.
            Object::View(view) => Some(Projection {
                view: view.name.clone(),
                alias: None,
                features: Vec::new(),
                join_key_map: std::collections::BTreeMap::new(),
            }),
            Object::Projection(projection) => {
                let wanted = projection.features.as_deref().unwrap_or_default();
                let features = wanted
                    .iter()
                    .filter_map(|name| projection.view.feature(name))
                    .map(|(_, field)| field.clone());
                Some(Projection {
                    view: projection.view.name.clone(),
                    alias: projection.alias.clone(),
                    features: features.collect(),
                    join_key_map: projection.join_key_map.clone(),
                })
            }
            _ => None,
        })
    };
    Ok(Object::Service(FeatureService {
        projections: arguments
            .list("features", "a FeatureView", projection)?
            .unwrap_or_default(),
        description: arguments.text_or_empty("description")?,
        tags: arguments.texts_by_name("tags")?,
        owner: arguments.text_or_empty("owner")?,
        name,
    }))
}

fn pick<T>(value: &Value, pick: impl FnOnce(&Object) -> Option<T>) -> Option<T> {
    match value {
        Value::Object(object) => pick(&Rc::clone(object)),
        _ => None,
    }
}
