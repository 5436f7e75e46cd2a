//! Feature views: join keys apart from features, types from entities and files, columns checked against files.

use std::collections::{BTreeSet, HashSet};

use arrow::datatypes::DataType;
use feast_model::error::{Error, InvalidDefinition, Result};
use feast_model::{
    DUMMY_ENTITY, DUMMY_JOIN_KEY, DataSource, Definitions, Entity, FeatureView, Field, ObjectKind, OnDemandFeatureView,
    OnDemandSource, ValueType, ViewKind,
};

use super::infer::inferred_type;
use super::{Diagnostics, ResolveContext, without_subject};
use crate::offline::{SourceSchema, UnknownColumns, source_columns};
use crate::online::check_key_types;

/// A join key and its type, if its entity gives one.
pub(super) type Key = (String, Option<ValueType>);

/// Join keys of a view as far as they are known, and what is wrong with its entities.
struct Keys {
    keys: Vec<Key>,
    problems: Vec<Error>,
}

pub(super) fn complete(definitions: &mut Definitions, context: &ResolveContext<'_>, diagnostics: &mut Diagnostics) {
    let Definitions {
        entities,
        feature_views,
        on_demand_feature_views,
        ..
    } = definitions;
    for view in feature_views.iter_mut() {
        let keys = keys(entities, &view.entities);
        complete_view(view, keys, context, diagnostics);
    }
    let failed = diagnostics.failed_views();
    for view in feature_views.iter_mut() {
        let owner = (view.object_kind(), view.name().to_owned());
        // A parent is a view of the repository too, most of the time, and then complete or reported already.
        for parent in view
            .source_views
            .iter_mut()
            .filter(|parent| !failed.contains(parent.name()))
        {
            let keys = keys(entities, &parent.entities);
            let mut of_parent = Diagnostics::default();
            complete_view(parent, keys, context, &mut of_parent);
            let problems = of_parent.problems.into_iter();
            diagnostics.problems.extend(problems.map(|problem| InvalidDefinition {
                kind: owner.0,
                name: owner.1.clone(),
                ..problem
            }));
        }
    }
    let failed = diagnostics.failed_views();
    for view in on_demand_feature_views.iter_mut() {
        let Keys { keys, mut problems } = keys(entities, &view.entities);
        complete_on_demand(view, &keys, feature_views, &failed, &mut problems);
        for error in &problems {
            diagnostics.error(ObjectKind::OnDemandFeatureView, view.name(), error);
        }
    }
}

/// Join keys of the entities, in entity order.
fn keys(entities: &[Entity], names: &[String]) -> Keys {
    let (mut keys, mut problems) = (Vec::<Key>::with_capacity(names.len()), Vec::new());
    for name in names.iter().filter(|name| *name != DUMMY_ENTITY) {
        let Some(entity) = entities.iter().find(|entity| entity.name() == *name) else {
            let hint = format!("bind the entity {name} to a name of a module: Feast registers only those");
            problems.push(Error::invalid(format!("its entity {name} is not registered")).with_hint(hint));
            continue;
        };
        if keys.iter().any(|(key, _)| *key == entity.join_key) {
            let message = "A feature view should not have entities that share a join key.";
            problems.push(Error::invalid(message));
            continue;
        }
        keys.push((entity.join_key.clone(), entity.value_type.clone()));
    }
    Keys { keys, problems }
}

/// Sorts a schema into join keys and features, as Feast does.
fn partition(
    schema: Vec<Field>,
    known_columns: &[Field],
    keys: &[Key],
    problems: &mut Vec<Error>,
) -> (Vec<Field>, Vec<Field>) {
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
                problems.push(Error::invalid(format!(
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
    let mut names = BTreeSet::new();
    let mut twice: Vec<&str> = features.iter().map(|field| field.name.as_str()).collect();
    twice.retain(|name| !names.insert(*name));
    twice.dedup();
    problems.extend(
        twice
            .iter()
            .map(|name| Error::invalid(format!("feature {name} is defined twice"))),
    );
    (columns, features)
}

fn complete_view(view: &mut FeatureView, keys: Keys, context: &ResolveContext<'_>, diagnostics: &mut Diagnostics) {
    let Keys { keys, mut problems } = keys;
    let declared = std::mem::take(&mut view.features);
    (view.entity_columns, view.features) = partition(declared, &view.entity_columns, &keys, &mut problems);
    if view.entities.is_empty() {
        if view.is_label_view() {
            problems.push(Error::invalid("Label view has no entities."));
        }
        view.entities = vec![DUMMY_ENTITY.to_owned()];
    }
    for error in &problems {
        diagnostics.error(view.object_kind(), view.name(), error);
    }
    if view.is_label_view() {
        // Labels need no file; a key without a type is a string, as in Feast.
        for (key, _) in &keys {
            if view.entity_columns.iter().all(|column| column.name != *key) {
                view.entity_columns.push(Field::new(key.clone(), ValueType::String));
            }
        }
    } else {
        complete_from_source(view, &keys, context, diagnostics);
    }
    if view.online
        && let Err(error) = check_key_types(view)
    {
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        diagnostics.warn_once(format!("{error}, so its rows cannot be written or read online{hint}"));
    }
}

/// Infers what the definition leaves open, and checks the columns of the view, as far as its source can be read.
fn complete_from_source(
    view: &mut FeatureView,
    keys: &[Key],
    context: &ResolveContext<'_>,
    diagnostics: &mut Diagnostics,
) {
    let (kind, name) = (view.object_kind(), view.name().to_owned());
    let must_infer = view.features.is_empty() || view.entity_columns.len() < keys.len();
    let Some(source) = view.batch_source.clone() else {
        if must_infer {
            diagnostics.error(kind, &name, &incomplete(view, keys, "it has no batch source"));
        }
        return;
    };
    let schema = match source_columns(&source, context.repository, context.schemas) {
        Ok(schema) => schema,
        Err(UnknownColumns::NotReadable(error)) if must_infer => {
            return diagnostics.error(kind, &name, &incomplete(view, keys, &error.to_string()));
        }
        Err(UnknownColumns::NotReadable(_)) => return diagnostics.without_file.push(name),
        // Reported for the source itself.
        Err(UnknownColumns::Unread(_)) if diagnostics.unreadable.contains(source.name()) => return,
        Err(UnknownColumns::Unread(error)) if must_infer => {
            return diagnostics.file_error(kind, &name, &incomplete(view, keys, &error.to_string()));
        }
        // Definitions are applied where no data is, such as in CI.
        Err(UnknownColumns::Unread(_)) if context.skip_source_validation => return,
        Err(UnknownColumns::Unread(error)) => return diagnostics.warn_once(unchecked(&source, &error)),
    };
    for text in &schema.left_out {
        diagnostics.warn_once(text.clone());
    }
    if let Err(error) = infer_from_file(view, keys, &source, &schema) {
        return diagnostics.file_error(kind, &name, &error);
    }
    for error in missing_columns(view, keys, &source, &schema) {
        if context.skip_source_validation {
            diagnostics.warnings.push(format!("feature view {name}: {error}"));
        } else {
            diagnostics.file_error(kind, &name, &error);
        }
    }
}

/// The source cannot be read, and need not be.
fn unchecked(source: &DataSource, error: &Error) -> String {
    let name = source.name();
    let text = without_subject(&error.to_string(), ObjectKind::DataSource, name);
    format!("data source {name}: {text}; its columns are not checked")
}

/// Types are missing that only the source could tell.
fn incomplete(view: &FeatureView, keys: &[Key], reason: &str) -> Error {
    let untyped = keys
        .iter()
        .find(|(key, _)| view.entity_columns.iter().all(|column| column.name != *key));
    match untyped {
        _ if view.features.is_empty() => Error::invalid(format!(
            "Could not infer Features for the FeatureView named {}: {reason}",
            view.name()
        ))
        .with_hint("give the view a schema that names its columns and their types"),
        Some((key, _)) => Error::invalid(format!("the type of join key {key} cannot be inferred: {reason}"))
            .with_hint("give its entity a value_type, or name the key in the view's schema"),
        None => Error::invalid(reason),
    }
}

fn infer_from_file(view: &mut FeatureView, keys: &[Key], source: &DataSource, schema: &SourceSchema) -> Result<()> {
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
            view.name()
        )));
    }
    Ok(())
}

/// What materialization will read must be there. Columns that Python's engines compute are not in the file.
pub(super) fn missing_columns(
    view: &FeatureView,
    keys: &[Key],
    source: &DataSource,
    schema: &SourceSchema,
) -> Vec<Error> {
    let features: &[Field] = if is_computed(view) { &[] } else { &view.features };
    // It is empty where it could not be inferred, which is reported for the source.
    let event_time = Some(source.timestamp_field.as_str()).filter(|name| !name.is_empty());
    let times: Vec<&str> = event_time.into_iter().chain(source.created_column()).collect();
    let names = keys.iter().map(|(key, _)| key.as_str()).chain(times.iter().copied());
    let names = names.chain(features.iter().map(|feature| feature.name.as_str()));
    let missing = names.filter_map(|name| {
        let column = source.source_column(name);
        Some((column, schema.require(column).err()?))
    });
    let missing: Vec<(&str, Error)> = missing.collect();
    let wrong_times = times.into_iter().map(|name| source.source_column(name));
    let wrong_times = wrong_times.filter(|name| missing.iter().all(|(known, _)| known != name));
    let wrong_times: Vec<Error> = wrong_times
        .filter_map(|name| schema.require_times(name).err())
        .collect();
    without_columns(missing).into_iter().chain(wrong_times).collect()
}

/// Whether Python's engines compute the features of a view, so that they are not columns of its source.
pub(super) fn is_computed(view: &FeatureView) -> bool {
    view.transformation.is_some()
        || !view.source_views.is_empty()
        || matches!(&view.kind, ViewKind::Stream(settings) if !settings.aggregations.is_empty())
}

/// One problem, however many columns there are not.
fn without_columns(missing: Vec<(&str, Error)>) -> Option<Error> {
    const SHOWN: usize = 5;
    let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
    let mut more: String = names
        .iter()
        .skip(1)
        .take(SHOWN - 1)
        .map(|name| format!(", {name}"))
        .collect();
    if names.len() > SHOWN {
        more += &format!(" and {} more", names.len() - SHOWN);
    }
    let (_, first) = missing.into_iter().next()?;
    let error = Error::invalid(format!("{first}{more}"));
    Some(match first.hint() {
        Some(hint) => error.with_hint(hint),
        None => error,
    })
}

fn complete_on_demand(
    view: &mut OnDemandFeatureView,
    keys: &[Key],
    views: &[FeatureView],
    failed: &HashSet<String>,
    problems: &mut Vec<Error>,
) {
    let declared = std::mem::take(&mut view.features);
    (view.entity_columns, view.features) = partition(declared, &view.entity_columns, keys, problems);
    if view.entities.is_empty() {
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
        let mut sources = projections.filter_map(|name| views.iter().find(|view| view.name() == *name));
        let column = sources
            .clone()
            .flat_map(|source| &source.entity_columns)
            .find(|column| column.name == *key);
        match column {
            Some(column) => view
                .entity_columns
                .push(Field::new(key.clone(), column.value_type.clone())),
            // What is wrong with the source is reported there.
            None if sources.any(|source| failed.contains(source.name())) => {}
            None => problems.push(
                Error::invalid(format!(
                    "the type of join key {key} cannot be inferred from its sources"
                ))
                .with_hint("give its entity a value_type"),
            ),
        }
    }
    if view.features.is_empty() {
        let message = format!(
            "Could not infer Features for the feature view '{}': its function is not run here",
            view.name()
        );
        problems.push(Error::invalid(message).with_hint("name its features and their types in the schema"));
    }
}
