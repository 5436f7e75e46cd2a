//! Data sources: the event time column where the definition gives none.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use feast_model::error::{Error, Result};
use feast_model::{DataSource, Definitions, ObjectKind, SourceKind};

use super::{Diagnostics, ResolveContext};
use crate::offline::{SourceSchema, UnknownColumns, source_columns};

/// Fills in the event time column of every source without one, wherever the source stands.
pub(super) fn complete(definitions: &mut Definitions, context: &ResolveContext<'_>, diagnostics: &mut Diagnostics) {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    each_source(definitions, &mut |source| {
        let known = !source.timestamp_field.is_empty()
            || source.is_push()
            || matches!(source.kind, SourceKind::Request { .. } | SourceKind::Other { .. });
        if known || found.contains_key(source.name()) {
            return;
        }
        // A source that failed is not looked at again: its name is known, without a column.
        let column = event_time_column(source, context, diagnostics).unwrap_or_default();
        found.insert(source.name().to_owned(), column);
    });
    each_source(definitions, &mut |source| {
        if let Some(column) = found.get(source.name()).filter(|_| source.timestamp_field.is_empty()) {
            source.timestamp_field.clone_from(column);
        }
    });
}

fn each_source(definitions: &mut Definitions, each: &mut dyn FnMut(&mut DataSource)) {
    let mut with_inner = |source: &mut DataSource| {
        if let Some(inner) = source.batch_source_mut() {
            each(inner);
        }
        each(source);
    };
    definitions.sources.iter_mut().for_each(&mut with_inner);
    for view in &mut definitions.feature_views {
        let parents = view.source_views.iter_mut();
        let of_parents = parents.flat_map(|parent| parent.batch_source.iter_mut().chain(&mut parent.stream_source));
        of_parents.for_each(&mut with_inner);
        view.batch_source
            .iter_mut()
            .chain(&mut view.stream_source)
            .for_each(&mut with_inner);
    }
}

/// The only timestamp column of the source's file.
fn event_time_column(
    source: &DataSource,
    context: &ResolveContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<String> {
    let (kind, name) = (ObjectKind::DataSource, source.name());
    if !matches!(source.kind, SourceKind::File { .. }) {
        let message = format!("{PREFIX}: {} is not a file source", source.name());
        diagnostics.error(kind, name, &Error::invalid(message).with_hint(hint(source)));
        return None;
    }
    let schema = match source_columns(source, context.repository, context.schemas) {
        Ok(schema) => schema,
        Err(UnknownColumns::NotReadable(error)) => {
            diagnostics.error(kind, name, &error);
            return None;
        }
        Err(UnknownColumns::Unread(error)) => {
            let hint = format!("{}, or put the file there", hint(source));
            diagnostics.file_error(kind, name, &error.with_hint(hint));
            diagnostics.unreadable.insert(name.to_owned());
            return None;
        }
    };
    only_timestamp(source, &schema)
        .map_err(|error| diagnostics.file_error(kind, name, &error))
        .ok()
}

const PREFIX: &str = "Unable to infer DataSource timestamp_field";

fn hint(source: &DataSource) -> String {
    format!("give data source {} a timestamp_field", source.name())
}

fn only_timestamp(source: &DataSource, schema: &SourceSchema) -> Result<String> {
    let columns = schema.schema.fields().iter();
    let columns = columns.filter(|column| matches!(column.data_type(), DataType::Timestamp(..)));
    let names: Vec<&str> = columns.map(|column| column.name().as_str()).collect();
    match names.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => Err(Error::invalid(format!(
            "{PREFIX}; Found no columns of timestamp type in {}.",
            schema.place()
        ))
        .with_hint(hint(source))),
        several => Err(Error::invalid(format!(
            "{PREFIX}; found multiple possible columns of timestamp type in {}: {}.",
            schema.place(),
            several.join(", ")
        ))
        .with_hint(hint(source))),
    }
}
