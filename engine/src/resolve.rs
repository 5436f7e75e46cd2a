//! Completes and checks definitions before they go into the registry: what Feast infers at `apply`, and what it would
//! only find out at materialization.

use std::collections::BTreeSet;
use std::path::Path;

use arrow::datatypes::{DataType, TimeUnit};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{DUMMY_ENTITY, DUMMY_JOIN_KEY, DataSource, Definitions, FeatureView, Field, ValueType};
use crate::offline::{ParquetSource, SourceSchema};

/// Completes `definitions` and returns what the user should know although it is no error.
///
/// # Errors
/// `Invalid`, naming the object.
pub(crate) fn resolve(definitions: &mut Definitions, repository: &Path) -> Result<Vec<String>> {
    check_names(definitions)?;
    let mut warnings = Vec::new();
    let Definitions {
        entities,
        feature_views,
        services,
        ..
    } = definitions;
    for view in feature_views.iter_mut() {
        // Join keys of the entities, in entity order.
        let keys: Vec<(String, Option<ValueType>)> = view
            .entities
            .iter()
            .filter_map(|name| entities.iter().find(|entity| entity.name == *name))
            .map(|entity| (entity.join_key.clone(), entity.value_type.clone()))
            .collect();
        if keys.len() < view.entities.iter().filter(|name| *name != DUMMY_ENTITY).count() {
            return Err(Error::invalid(format!(
                "feature view {}: an entity of it is not defined in the repository",
                view.name
            )));
        }
        complete_view(view, &keys, repository, &mut warnings)?;
    }
    for projection in services.iter_mut().flat_map(|service| &mut service.projections) {
        let view = feature_views.iter().find(|view| view.name == projection.view);
        if let Some(view) = view.filter(|_| projection.features.is_empty()) {
            projection.features.clone_from(&view.features);
        }
    }
    Ok(warnings)
}

/// Equal objects under one name count once, as where two files define the same entity; unequal ones are an error.
fn check_names(definitions: &mut Definitions) -> Result<()> {
    let twice = |kind: &str, name: &str| Error::invalid(format!("{kind} {name} is defined twice, in different ways"));
    deduplicate(&mut definitions.entities, |entity| &entity.name).map_err(|name| twice("entity", &name))?;
    deduplicate(&mut definitions.services, |service| &service.name).map_err(|name| twice("feature service", &name))?;
    let mut names = BTreeSet::new();
    if let Some(view) = definitions
        .feature_views
        .iter()
        .find(|view| !names.insert(view.name.to_lowercase()))
    {
        return Err(Error::invalid(format!(
            "Multiple FeatureViews with name '{}' found. Feature view names must be case-insensitively unique.",
            view.name
        )));
    }
    let mut names = BTreeSet::new();
    if let Some(source) = definitions
        .sources
        .iter()
        .find(|source| !names.insert(source.name.to_lowercase()))
    {
        let text = format!(
            "Multiple data sources share the same case-insensitive name {}.",
            source.name
        );
        return Err(Error::invalid(text));
    }
    Ok(())
}

/// Keeps the first of equal objects; the name of an unequal second one is the error.
fn deduplicate<T: PartialEq>(objects: &mut Vec<T>, name: impl Fn(&T) -> &str) -> std::result::Result<(), String> {
    let mut kept: Vec<T> = Vec::with_capacity(objects.len());
    for object in objects.drain(..) {
        match kept.iter().find(|known| name(known) == name(&object)) {
            None => kept.push(object),
            Some(same) if *same == object => {}
            Some(other) => return Err(name(other).to_owned()),
        }
    }
    *objects = kept;
    Ok(())
}

/// Sorts the view's schema into join keys and features, as Feast does, and checks both against the file.
fn complete_view(
    view: &mut FeatureView,
    keys: &[(String, Option<ValueType>)],
    repository: &Path,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let declared = std::mem::take(&mut view.features);
    let is_key = |field: &Field| keys.iter().any(|(key, _)| *key == field.name);
    let (columns, features): (Vec<Field>, Vec<Field>) = declared.into_iter().partition(is_key);
    view.entity_columns = columns;
    view.features = features;
    for (key, value_type) in keys {
        let known = view.entity_columns.iter().find(|column| column.name == *key);
        match (known, value_type) {
            (Some(column), Some(value_type)) if column.value_type != *value_type => {
                return Err(Error::invalid(format!(
                    "feature view {}: join key {key} is {} in its schema but {value_type} in its entity",
                    view.name, column.value_type
                )));
            }
            (None, Some(value_type)) => view.entity_columns.push(Field::new(key.clone(), value_type.clone())),
            _ => {}
        }
    }
    if keys.is_empty() {
        view.entities = vec![DUMMY_ENTITY.to_owned()];
        view.entity_columns = vec![Field::new(DUMMY_JOIN_KEY, ValueType::String)];
    }
    let Some(source) = view.batch_source.clone() else {
        return Ok(());
    };
    let unsupported = view.entity_columns.iter().find(|key| !key.value_type.is_key_type());
    if let Some(key) = unsupported {
        return Err(Error::invalid(format!(
            "feature view {}: join key {} cannot be {}",
            view.name, key.name, key.value_type
        ))
        .with_hint("use Int64, Int32, String, Bytes or UnixTimestamp"));
    }
    let Ok(parquet) = ParquetSource::locate(&source, repository) else {
        warnings.push(format!(
            "data source {} is stored, but this binary cannot read its kind",
            source.name
        ));
        return Ok(());
    };
    match parquet.schema() {
        Ok(schema) => complete_from_file(view, keys, &source, &schema),
        Err(error)
            if error.kind() == ErrorKind::NotFound
                && !view.features.is_empty()
                && view.entity_columns.len() >= keys.len() =>
        {
            warnings.push(error.to_string());
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn complete_from_file(
    view: &mut FeatureView,
    keys: &[(String, Option<ValueType>)],
    source: &DataSource,
    schema: &SourceSchema<'_>,
) -> Result<()> {
    for (key, _) in keys {
        let column = schema
            .column(source.source_column(key))
            .map_err(|error| of_view(view, error))?;
        if view.entity_columns.iter().all(|known| known.name != *key) {
            let value_type = inferred_type(column).ok_or_else(|| unknown_type(view, key, column))?;
            view.entity_columns.push(Field::new(key.clone(), value_type));
        }
    }
    schema
        .timestamp_column(source.source_column(&source.timestamp_field))
        .map_err(|error| of_view(view, error))?;
    if let Some(created) = source.created_column() {
        schema
            .timestamp_column(source.source_column(created))
            .map_err(|error| of_view(view, error))?;
    }
    for feature in &view.features {
        schema
            .column(source.source_column(&feature.name))
            .map_err(|error| of_view(view, error))?;
    }
    if view.features.is_empty() {
        let taken: Vec<&str> = keys
            .iter()
            .map(|(key, _)| key.as_str())
            .chain([source.timestamp_field.as_str()])
            .chain(source.created_column())
            .map(|name| source.source_column(name))
            .collect();
        for column in schema
            .schema
            .fields()
            .iter()
            .filter(|column| !taken.contains(&column.name().as_str()))
        {
            let value_type = inferred_type(column.data_type())
                .ok_or_else(|| unknown_type(view, column.name(), column.data_type()))?;
            let name = source.field_mapping.get(column.name()).unwrap_or_else(|| column.name());
            view.features.push(Field::new(name.clone(), value_type));
        }
    }
    if view.features.is_empty() {
        return Err(Error::invalid(format!(
            "Could not infer Features for the FeatureView named {}.",
            view.name
        )));
    }
    Ok(())
}

fn of_view(view: &FeatureView, error: Error) -> Error {
    let hint = error.hint().map(str::to_owned);
    let placed = Error::new(error.kind(), format!("feature view {}: {error}", view.name));
    hint.into_iter().fold(placed, Error::with_hint)
}

fn unknown_type(view: &FeatureView, column: &str, data_type: &DataType) -> Error {
    Error::invalid(format!(
        "feature view {}: the type of column {column}, {data_type}, has no counterpart in Feast",
        view.name
    ))
    .with_hint("give the view a schema that names its columns and their types")
}

/// The value type of a file column without a declared one.
fn inferred_type(data_type: &DataType) -> Option<ValueType> {
    Some(match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => ValueType::Int32,
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => ValueType::Int64,
        DataType::Float16 | DataType::Float32 => ValueType::Float32,
        DataType::Float64 => ValueType::Float64,
        DataType::Boolean => ValueType::Bool,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ValueType::String,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            ValueType::Bytes
        }
        DataType::Timestamp(
            TimeUnit::Second | TimeUnit::Millisecond | TimeUnit::Microsecond | TimeUnit::Nanosecond,
            _,
        )
        | DataType::Date32
        | DataType::Date64 => ValueType::UnixTimestamp,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
            ValueType::Decimal
        }
        DataType::Struct(_) | DataType::Map(..) => ValueType::Map,
        DataType::Dictionary(_, values) => return inferred_type(values),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            ValueType::Array(Box::new(inferred_type(item.data_type())?))
        }
        _ => return None,
    })
}
