//! Feature views: join keys apart from features, types from entities and files, columns checked against files.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;

use super::infer::inferred_type;
use super::names::kind_of;
use super::{Findings, Surroundings};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    DUMMY_ENTITY, DUMMY_JOIN_KEY, DataSource, Definitions, Entity, FeatureView, Field, OnDemandFeatureView,
    OnDemandSource, ValueType, ViewKind,
};
use crate::offline::{ParquetSource, SourceSchema};

/// A join key and its type, if its entity gives one.
type Key = (String, Option<ValueType>);

pub(super) fn complete(definitions: &mut Definitions, surroundings: &Surroundings<'_>, findings: &mut Findings) {
    let Definitions {
        entities,
        feature_views,
        on_demand_feature_views,
        ..
    } = definitions;
    for view in feature_views.iter_mut() {
        let outcome =
            keys(entities, &view.entities).and_then(|keys| complete_view(view, &keys, surroundings, findings));
        if let Err(error) = outcome {
            findings.error(kind_of(view), &view.name, &error);
        }
        for index in 0..view.source_views.len() {
            // A parent is a view of the repository too, most of the time, and then complete.
            let parent = &mut view.source_views[index];
            let outcome = keys(entities, &parent.entities)
                .and_then(|keys| complete_view(parent, &keys, surroundings, &mut Findings::default()));
            if let Err(error) = outcome {
                findings.error(kind_of(view), &view.name, &error);
            }
        }
    }
    for view in on_demand_feature_views.iter_mut() {
        let outcome = keys(entities, &view.entities).and_then(|keys| complete_on_demand(view, &keys, feature_views));
        if let Err(error) = outcome {
            findings.error(crate::model::ObjectKind::OnDemandFeatureView, &view.name, &error);
        }
    }
}

/// Join keys of the entities, in entity order.
fn keys(entities: &[Entity], names: &[String]) -> Result<Vec<Key>> {
    let mut keys = Vec::with_capacity(names.len());
    for name in names.iter().filter(|name| *name != DUMMY_ENTITY) {
        let entity = entities.iter().find(|entity| entity.name == *name).ok_or_else(|| {
            Error::invalid(format!("its entity {name} is not registered")).with_hint(format!(
                "bind the entity {name} to a name of a module: Feast registers only those"
            ))
        })?;
        if keys.iter().any(|(key, _)| *key == entity.join_key) {
            return Err(Error::invalid(
                "A feature view should not have entities that share a join key.",
            ));
        }
        keys.push((entity.join_key.clone(), entity.value_type.clone()));
    }
    Ok(keys)
}

/// Sorts a schema into join keys and features, as Feast does.
fn partition(schema: Vec<Field>, known_columns: &[Field], keys: &[Key]) -> Result<(Vec<Field>, Vec<Field>)> {
    let is_key = |field: &Field| keys.iter().any(|(key, _)| *key == field.name);
    let (of_schema, features): (Vec<Field>, Vec<Field>) = schema.into_iter().partition(is_key);
    let mut columns = known_columns.to_vec();
    columns.retain(|column| column.name != DUMMY_JOIN_KEY);
    for column in of_schema {
        if columns.iter().all(|known| known.name != column.name) {
            columns.push(column);
        }
    }
    for (key, value_type) in keys {
        let known = columns.iter().find(|column| column.name == *key);
        match (known, value_type) {
            (Some(column), Some(value_type)) if column.value_type != *value_type => {
                return Err(Error::invalid(format!(
                    "join key {key} has type {value_type} in its entity, which does not match {} in the schema",
                    column.value_type
                )));
            }
            (None, Some(value_type)) => columns.push(Field::new(key.clone(), value_type.clone())),
            _ => {}
        }
    }
    if keys.is_empty() {
        columns = vec![Field::new(DUMMY_JOIN_KEY, ValueType::String)];
    }
    let unsupported = columns.iter().find(|key| !key.value_type.is_key_type());
    if let Some(key) = unsupported {
        return Err(
            Error::invalid(format!("join key {} cannot be {}", key.name, key.value_type))
                .with_hint("use Int64, Int32, String, Bytes or UnixTimestamp"),
        );
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = features.iter().find(|field| !names.insert(&field.name)) {
        return Err(Error::invalid(format!("feature {} is defined twice", twice.name)));
    }
    Ok((columns, features))
}

fn complete_view(
    view: &mut FeatureView,
    keys: &[Key],
    surroundings: &Surroundings<'_>,
    findings: &mut Findings,
) -> Result<()> {
    let declared = std::mem::take(&mut view.features);
    (view.entity_columns, view.features) = partition(declared, &view.entity_columns, keys)?;
    if keys.is_empty() {
        if view.is_label_view() {
            return Err(Error::invalid("Label view has no entities."));
        }
        view.entities = vec![DUMMY_ENTITY.to_owned()];
    }
    if view.is_label_view() {
        // Labels need no file; a key without a type is a text, as in Feast.
        for (key, _) in keys {
            if view.entity_columns.iter().all(|column| column.name != *key) {
                view.entity_columns.push(Field::new(key.clone(), ValueType::String));
            }
        }
        return Ok(());
    }
    let is_complete = !view.features.is_empty() && view.entity_columns.len() >= keys.len();
    let Some(source) = view.batch_source.clone() else {
        return if is_complete {
            Ok(())
        } else {
            Err(incomplete(view, keys, "it has no batch source"))
        };
    };
    let parquet = match ParquetSource::locate(&source, surroundings.repository) {
        Ok(parquet) => parquet,
        Err(_) if is_complete => {
            findings.without_file.push(view.name.clone());
            return Ok(());
        }
        Err(error) => return Err(incomplete(view, keys, &error.to_string())),
    };
    match parquet.schema() {
        Ok(schema) => {
            findings.note(&schema.left_out);
            infer_from_file(view, keys, &source, &schema)?;
            match check_columns(view, keys, &source, &schema) {
                Err(error) if surroundings.skip_source_validation => {
                    findings.warnings.push(format!("feature view {}: {error}", view.name));
                    Ok(())
                }
                outcome => outcome,
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound && is_complete => {
            findings.warnings.push(error.to_string());
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Types are missing that only the source could tell.
fn incomplete(view: &FeatureView, keys: &[Key], reason: &str) -> Error {
    let untyped = keys
        .iter()
        .find(|(key, _)| view.entity_columns.iter().all(|column| column.name != *key));
    match untyped {
        _ if view.features.is_empty() => Error::invalid(format!(
            "Could not infer Features for the FeatureView named {}: {reason}",
            view.name
        ))
        .with_hint("give the view a schema that names its columns and their types"),
        Some((key, _)) => Error::invalid(format!("the type of join key {key} cannot be inferred: {reason}"))
            .with_hint("give its entity a value_type, or name the key in the view's schema"),
        None => Error::invalid(reason),
    }
}

fn infer_from_file(view: &mut FeatureView, keys: &[Key], source: &DataSource, schema: &SourceSchema<'_>) -> Result<()> {
    let no_counterpart = |column: &str, data_type: &DataType| {
        Error::invalid(format!(
            "the type of column {column}, {data_type}, has no counterpart in Feast"
        ))
        .with_hint("give the view a schema that names its columns and their types")
    };
    for (key, _) in keys {
        if view.entity_columns.iter().all(|known| known.name != *key) {
            let column = schema.column(source.source_column(key))?;
            let value_type = inferred_type(column).ok_or_else(|| no_counterpart(key, column))?;
            view.entity_columns.push(Field::new(key.clone(), value_type));
        }
    }
    if !view.features.is_empty() {
        return Ok(());
    }
    let taken: Vec<&str> = keys
        .iter()
        .map(|(key, _)| key.as_str())
        .chain([source.timestamp_field.as_str()])
        .chain(source.created_column())
        .map(|name| source.source_column(name))
        .collect();
    for column in schema.schema.fields() {
        // Columns with two underscores before their name belong to some tool.
        if taken.contains(&column.name().as_str()) || column.name().starts_with("__") || column.name() == "__" {
            continue;
        }
        let data_type = schema.column(column.name())?;
        let value_type = inferred_type(data_type).ok_or_else(|| no_counterpart(column.name(), data_type))?;
        let name = source.field_mapping.get(column.name()).unwrap_or_else(|| column.name());
        view.features.push(Field::new(name.clone(), value_type));
    }
    if view.features.is_empty() {
        return Err(Error::invalid(format!(
            "Could not infer Features for the FeatureView named {}.",
            view.name
        )));
    }
    Ok(())
}

/// What materialization will read must be there. Columns that Python's engines compute are not in the file.
fn check_columns(view: &FeatureView, keys: &[Key], source: &DataSource, schema: &SourceSchema<'_>) -> Result<()> {
    for (key, _) in keys {
        schema.require(source.source_column(key))?;
    }
    schema.require_times(source.source_column(&source.timestamp_field))?;
    if let Some(created) = source.created_column() {
        schema.require_times(source.source_column(created))?;
    }
    let is_computed = view.transformation.is_some()
        || !view.source_views.is_empty()
        || matches!(&view.kind, ViewKind::Stream(settings) if !settings.aggregations.is_empty());
    if is_computed {
        return Ok(());
    }
    view.features
        .iter()
        .try_for_each(|feature| schema.require(source.source_column(&feature.name)))
}

fn complete_on_demand(view: &mut OnDemandFeatureView, keys: &[Key], views: &[FeatureView]) -> Result<()> {
    let declared = std::mem::take(&mut view.features);
    (view.entity_columns, view.features) = partition(declared, &view.entity_columns, keys)?;
    if keys.is_empty() {
        view.entities = vec![DUMMY_ENTITY.to_owned()];
    }
    for (key, _) in keys {
        if view.entity_columns.iter().any(|column| column.name == *key) {
            continue;
        }
        let projections = view.sources.values().filter_map(|source| match source {
            OnDemandSource::View(projection) => Some(&projection.view),
            OnDemandSource::Request(_) => None,
        });
        let sources: Vec<&FeatureView> = projections
            .filter_map(|name| views.iter().find(|view| view.name == *name))
            .collect();
        let column = sources
            .iter()
            .flat_map(|source| &source.entity_columns)
            .find(|column| column.name == *key);
        let column = column.ok_or_else(|| {
            Error::invalid(format!(
                "the type of join key {key} cannot be inferred from its sources"
            ))
            .with_hint("give its entity a value_type")
        })?;
        view.entity_columns
            .push(Field::new(key.clone(), column.value_type.clone()));
    }
    if view.features.is_empty() {
        return Err(Error::invalid(format!(
            "Could not infer Features for the feature view '{}': its function is not run here",
            view.name
        ))
        .with_hint("name its features and their types in the schema"));
    }
    Ok(())
}
