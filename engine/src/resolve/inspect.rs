//! Sources of registered views, held against their files: what a materialization would find out. Footers are read, and nothing is
//! inferred.

use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, new_empty_array};
use arrow::error::ArrowError;
use feast_conversion::{coerce, coerce_key};
use feast_model::error::{Error, Result};
use feast_model::{DUMMY_JOIN_KEY, DataSource, FeatureView, Field, ValueType};

use super::views::{is_computed, missing_columns};
use crate::offline::{ParquetSource, SchemaCache, SourceSchema, UnknownColumns, source_columns};

/// A data source as it was found.
#[derive(Debug)]
pub struct SourceFound {
    /// Its name.
    pub name: String,
    /// The views that are filled from it.
    pub views: Vec<String>,
    /// Where its files are; `None` when they are not read here.
    pub path: Option<PathBuf>,
    /// Columns of all of its files.
    pub columns: usize,
    /// Files that are passed over, with the reasons.
    pub left_out: Vec<String>,
    /// Why its views cannot be materialized, if it is not a parquet file that this server reads.
    pub not_readable: Option<Error>,
    /// Why views cannot be filled from it.
    pub problems: Vec<Error>,
}

/// Looks at the source of some views. Relative paths start at `repository`.
pub(crate) fn inspect(
    source: &DataSource,
    views: &[&FeatureView],
    repository: &Path,
    schemas: &SchemaCache,
) -> SourceFound {
    let mut found = SourceFound {
        name: source.name().to_owned(),
        views: views.iter().map(|view| view.name().to_owned()).collect(),
        path: ParquetSource::locate(source, repository)
            .ok()
            .map(|parquet| parquet.path().to_path_buf()),
        columns: 0,
        left_out: Vec::new(),
        not_readable: None,
        problems: Vec::new(),
    };
    let schema = match source_columns(source, repository, schemas) {
        Ok(schema) => schema,
        Err(UnknownColumns::NotReadable(error)) => {
            found.not_readable = Some(error);
            return found;
        }
        Err(UnknownColumns::Unread(error)) => {
            found.problems.push(error);
            return found;
        }
    };
    found.columns = schema.schema.fields().len();
    for view in views {
        let keys: Vec<_> = join_keys(view).map(|key| (key.name.clone(), None)).collect();
        let problems = missing_columns(view, &keys, source, &schema).into_iter();
        let problems = problems.chain(unfitting_columns(view, source, &schema));
        let of_view = |error: Error| error.within(|message| format!("feature view {}: {message}", view.name()));
        found.problems.extend(problems.map(of_view));
    }
    found.left_out = schema.left_out;
    found
}

fn join_keys(view: &FeatureView) -> impl Iterator<Item = &Field> {
    view.entity_columns.iter().filter(|key| key.name != DUMMY_JOIN_KEY)
}

/// Columns of a type of which no value becomes one of the declared type. Whether each value does is known when it is read.
fn unfitting_columns(view: &FeatureView, source: &DataSource, schema: &SourceSchema) -> Vec<Error> {
    let check = |field: &Field, convert: fn(&ArrayRef, &ValueType) -> Result<ArrayRef, ArrowError>| {
        let column = source.source_column(&field.name);
        let known = schema.schema.field_with_name(column).ok()?;
        let data_type = known.data_type();
        convert(&new_empty_array(data_type), &field.value_type).err()?;
        let message = format!(
            "column {column} of data source {} is {data_type}, which does not become {}",
            source.name(),
            field.value_type
        );
        Some(
            Error::invalid(message)
                .with_hint("declare the type that the files have, or write the column with another one"),
        )
    };
    let features: &[Field] = if is_computed(view) { &[] } else { &view.features };
    let keys = join_keys(view).filter_map(|key| check(key, coerce_key));
    keys.chain(features.iter().filter_map(|feature| check(feature, coerce)))
        .collect()
}
