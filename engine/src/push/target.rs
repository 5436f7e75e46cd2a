//! Where pushed rows go, and which columns they must have there. Nothing is written here.
//!
//! A pushed part has the columns of all parts of its directory, in types that keep every value: where parts have a column as integers
//! and as floats, in the type that the view declares; times in microseconds at least.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef, TimeUnit};
use feast_model::error::{Error, FeastException, Result};
use feast_model::{DataSource, Definitions, FeatureView};

use super::event_times::TimeColumns;
use crate::offline::{ParquetSource, SchemaCache, SourceLayout, pattern_is_read_only, split_by_folder};
use crate::online::{DerivedViews, GivenView, PlanContext, WriteTarget};

/// Where pushed rows go.
#[derive(Debug)]
pub struct PushTarget {
    /// The views fed by the push source, for an online push.
    pub views: Vec<WriteTarget>,
    /// For an offline push.
    pub(super) offline: Option<OfflineTarget>,
}

/// The parquet source of a push.
#[derive(Debug)]
pub(super) struct OfflineTarget {
    pub(super) append: AppendTarget,
    pub(super) times: TimeColumns,
}

/// Where the parquet sources of a repository are.
#[derive(Clone, Copy)]
pub(crate) struct PushSources<'a> {
    /// Relative paths start here.
    pub(crate) repository: &'a Path,
    pub(crate) schemas: &'a SchemaCache,
}

impl PushTarget {
    /// Where rows pushed to a source go: to the views that it feeds, to their parquet source if there are `sources` to look in, or
    /// to both.
    ///
    /// # Errors
    /// `NotFound` when no view is fed by a push source of that name, or its parquet file is missing.
    pub(crate) fn new(
        definitions: &Definitions,
        derived_of: impl Fn(&FeatureView) -> Arc<DerivedViews>,
        push_source: &str,
        online: bool,
        sources: Option<PushSources<'_>>,
    ) -> Result<Self> {
        let views: Vec<&FeatureView> = definitions.views_of_push_source(push_source).collect();
        let Some(first) = views.first() else {
            let message = format!("Unable to find push source '{push_source}'.");
            return Err(Error::not_found(FeastException::PushSourceNotFound, message));
        };
        let offline = sources.map(|sources| OfflineTarget::new(first, sources)).transpose()?;
        let views = if online {
            let target = |view: &FeatureView| WriteTarget::new(view, derived_of(view));
            views.into_iter().map(target).collect::<Result<_>>()?
        } else {
            Vec::new()
        };
        Ok(Self { views, offline })
    }

    /// One view of the online store.
    pub fn for_view(view: WriteTarget) -> Self {
        Self {
            views: vec![view],
            offline: None,
        }
    }

    /// The columns that rows of an offline push must have: those of the file.
    pub fn offline_schema(&self) -> Option<&SchemaRef> {
        self.offline.as_ref().map(|target| &target.append.schema)
    }
}

/// The view that rows are written to by name. With `transforms` what is written to an on-demand view is what its function gets.
///
/// # Errors
/// `NotFound` when there is no such view, `Invalid` for an on-demand view that is computed for each request.
pub(crate) fn write_target(
    context: &PlanContext<'_>,
    derived_of: impl Fn(&FeatureView) -> Arc<DerivedViews>,
    name: &str,
    transforms: bool,
) -> Result<WriteTarget> {
    if let Some(view) = context.definitions.feature_view(name) {
        return WriteTarget::new(view, derived_of(view));
    }
    let Some(view) = context.definitions.on_demand_feature_view(name) else {
        let message = format!("Can't recognize feast object with a name {name}");
        return Err(Error::not_found(FeastException::FeastObjectNotFound, message));
    };
    let Some(stored) = view.stored_view() else {
        return Err(Error::not_stored(name));
    };
    let given = transforms.then(|| GivenView::new(context, view)).transpose()?;
    WriteTarget::for_on_demand(stored, given)
}

impl OfflineTarget {
    fn new(view: &FeatureView, sources: PushSources<'_>) -> Result<Self> {
        let source: &DataSource = view.batch_source.as_ref().ok_or_else(|| {
            Error::invalid(format!(
                "the push source of {} has no batch source to append to",
                view.name()
            ))
        })?;
        let parquet = ParquetSource::locate(source, sources.repository)?;
        let append = AppendTarget::new(parquet.clone(), sources.schemas, |column| {
            declared_type(view, source, column)
        });
        Ok(Self {
            append: append.map_err(|error| parquet.hidden_in(error))?,
            times: TimeColumns::new(source),
        })
    }
}

/// A parquet source that rows are appended to, and the columns that they have.
#[derive(Debug, Clone)]
pub(super) struct AppendTarget {
    pub(super) source: ParquetSource,
    pub(super) schema: SchemaRef,
    /// The last columns of the schema, which folders name.
    pub(super) partition_columns: Vec<String>,
}

impl AppendTarget {
    /// Looks into the source. `declared` gives the type of a column that its files leave open.
    ///
    /// # Errors
    /// `Invalid` for a pattern, those of [`ParquetSource::schema`], and `Data` for a column that is not declared and whose type the
    /// files do not agree on.
    pub(super) fn new(
        source: ParquetSource,
        schemas: &SchemaCache,
        declared: impl Fn(&str) -> Option<DataType>,
    ) -> Result<Self> {
        let layout = source.layout();
        if layout == SourceLayout::Pattern {
            return Err(pattern_is_read_only(&source));
        }
        let (schema, partition_columns) = {
            let columns = source.schema_with(schemas)?;
            let fields = columns.schema.fields().iter().map(|field| {
                if layout == SourceLayout::File {
                    return Ok(Arc::clone(field));
                }
                let name = field.name();
                let data_type = match field.data_type() {
                    // What files hold without a value, or in types that have no exact one in common, is written as it is declared.
                    DataType::Null => declared(name),
                    _ if !columns.is_exact(name) => declared(name),
                    DataType::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, zone) => {
                        Some(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
                    }
                    _ => return Ok(Arc::clone(field)),
                };
                match data_type {
                    Some(data_type) => Ok(Arc::new(field.as_ref().clone().with_data_type(data_type))),
                    None => columns.column(name).map(|_| Arc::clone(field)),
                }
            });
            let fields = fields.collect::<Result<Vec<_>>>()?;
            (Arc::new(Schema::new(fields)), columns.partition_columns)
        };
        Ok(Self {
            source,
            schema,
            partition_columns,
        })
    }

    /// Makes sure that rows have a place, before anything is logged or written.
    ///
    /// # Errors
    /// `Invalid`, naming column and row, when the values of a row cannot name a folder, or there are too many folders.
    pub(super) fn check(&self, rows: &RecordBatch) -> Result<()> {
        if self.partition_columns.is_empty() {
            return Ok(());
        }
        split_by_folder(&self.source.name, &self.partition_columns, rows).map(|_| ())
    }
}

/// The type in which a column of the source is written if the files do not say: that of the view.
fn declared_type(view: &FeatureView, source: &DataSource, column: &str) -> Option<DataType> {
    let fields = view.features.iter().chain(&view.entity_columns);
    let mut fields = fields.filter(|field| source.source_column(&field.name) == column);
    if let Some(field) = fields.next() {
        return Some(field.value_type.arrow_type());
    }
    let times = [Some(source.timestamp_field.as_str()), source.created_column()];
    let is_time = times
        .into_iter()
        .flatten()
        .any(|name| source.source_column(name) == column);
    is_time.then(|| DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))
}
