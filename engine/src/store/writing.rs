//! Rows that arrive by push or by name of a view.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Schema, SchemaRef, TimeUnit};
use feast_files::fail_point::{self, Step};
use feast_model::error::{Error, FeastException, Result};
use feast_model::{DataSource, FeatureView};

use super::event_times::{CheckedTimes, TimeColumns};
use super::push_log::{self, LoggedAppend};
use super::{FeatureStore, lock};
use crate::clock;
use crate::offline::{AppendTarget, Mark, ParquetSource, SchemaCache, SourceLayout, pattern_is_read_only};
use crate::online::{self, RowColumns, StoredRows, WriteTarget};

/// Where pushed rows go.
#[derive(Debug)]
pub struct PushTarget {
    /// The views fed by the push source, for an online push.
    pub views: Vec<WriteTarget>,
    /// For an offline push.
    offline: Option<OfflineTarget>,
}

/// The parquet source of a push.
#[derive(Debug)]
struct OfflineTarget {
    append: AppendTarget,
    times: TimeColumns,
}

impl PushTarget {
    /// The columns that rows of an offline push must have: those of the file.
    pub fn offline_schema(&self) -> Option<&SchemaRef> {
        self.offline.as_ref().map(|target| &target.append.schema)
    }
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteReport {
    /// Rows that were written, over all views.
    pub written: usize,
    /// Rows that a newer row kept out, over all views.
    pub stale: usize,
    /// Rows whose event time is more than a day ahead of the clock. They are written like any other.
    pub future: usize,
    /// Rows that were not written to a view because all its features are null in them, over all views.
    pub dropped: usize,
}

impl FeatureStore {
    /// The view that rows are written to by name.
    ///
    /// # Errors
    /// `NotFound` when there is no such view, `Unsupported` for an on-demand view.
    pub fn write_target(&self, view: &str) -> Result<WriteTarget> {
        let state = self.state();
        match state.definitions.feature_view(view) {
            Some(view) => WriteTarget::new(view),
            None if state.definitions.on_demand_feature_view(view).is_some() => Err(Error::computed_view(view)),
            None => Err(Error::not_found(
                FeastException::FeastObjectNotFound,
                format!("Can't recognize feast object with a name {view}"),
            )),
        }
    }

    /// Where rows pushed to a source go.
    ///
    /// # Errors
    /// `NotFound` when no view is fed by a push source of that name, or its parquet file is missing.
    pub fn push_target(&self, source: &str, online: bool, offline: bool) -> Result<PushTarget> {
        let state = self.state();
        let views: Vec<&FeatureView> = state.definitions.views_of_push_source(source).collect();
        let Some(first) = views.first() else {
            let text = format!("Unable to find push source '{source}'.");
            return Err(Error::not_found(FeastException::PushSourceNotFound, text));
        };
        let offline = if offline {
            Some(self.offline_target(first)?)
        } else {
            None
        };
        let views = if online {
            views.into_iter().map(WriteTarget::new).collect::<Result<_>>()?
        } else {
            Vec::new()
        };
        Ok(PushTarget { views, offline })
    }

    /// Writes rows to the views of a push, and appends them to its parquet source. Durable when this returns; with offline
    /// batching the append may follow later, but it is in the log.
    ///
    /// `online` holds, for each view of the target, its columns in the target's order. Everything is checked before
    /// anything is written; the offline store is written first, once, however many views there are. A push that is cut off
    /// by the end of the process is done wholly at the next start, or not at all.
    ///
    /// # Errors
    /// `Invalid`, naming column and row, before anything is written; `Unavailable` or `Data` when a store cannot be written.
    pub fn push(
        &self,
        target: &PushTarget,
        online: &[Vec<ArrayRef>],
        offline: Option<RecordBatch>,
    ) -> Result<WriteReport> {
        let rows = target
            .views
            .iter()
            .zip(online)
            .map(|(view, columns)| view.rows(columns))
            .collect::<Result<Vec<_>>>()?;
        let mut report = WriteReport {
            future: self.count_future(target, &rows, offline.as_ref())?,
            ..WriteReport::default()
        };
        let offline = target.offline.as_ref().map(|target| &target.append).zip(offline);
        let batching = self.config.offline_batching.is_some();
        // Opened before the append: a push that cannot reach the online store must not reach the file either.
        let storage = self.storage()?;
        let mut stored = StoredRows::default();
        for (view, rows) in target.views.iter().zip(&rows) {
            // As in Feast, it is the whole frame that counts: beside a row with a value one without is written.
            if rows.has_values() {
                online::encode_rows(storage, &view.view, rows, &mut stored)?;
            } else {
                report.dropped += rows.event_times.len();
            }
        }
        let (replace, place) = (self.replace(), (self.config.directory.as_path(), storage.session()));
        let offline = offline.map(|(target, batch)| {
            target.check(&batch)?;
            Ok::<_, Error>((target, latest_first(batch)?))
        });
        let offline = offline.transpose()?;
        let count = match offline {
            None => storage.write_rows(&stored.keys, &stored.rows, replace)?,
            Some((AppendTarget { source, .. }, batch)) if batching => {
                let record = push_log::encode(place, source, &batch, &StoredRows::default(), replace)?;
                let (_, count) = storage.log_push(&record, &stored.keys, &stored.rows, replace)?;
                lock(&self.waiting_pushes).add(source.path(), batch.num_rows());
                count
            }
            Some((target, batch)) if rows.is_empty() && target.partition_columns.is_empty() => {
                let log = LoggedAppend { storage, record: None };
                self.append(target, batch, &log)?;
                return Ok(report);
            }
            Some((target, batch)) => {
                let record = push_log::encode(place, &target.source, &batch, &stored, replace)?;
                let log = LoggedAppend {
                    storage,
                    record: Some(&record),
                };
                let marks = self.append(target, batch, &log)?;
                fail_point::reached(Step::PushAppended);
                let number = marks.first().map(|mark| mark.number).unwrap_or_default();
                let count = storage.finish_push(number, &stored.keys, &stored.rows, replace)?;
                fail_point::reached(Step::PushFinished);
                count
            }
        };
        storage.sync()?;
        Ok(WriteReport {
            written: count.written,
            stale: count.stale,
            ..report
        })
    }

    /// How many of the rows of a push are more than a day ahead of the clock.
    ///
    /// # Errors
    /// `Invalid`, naming column and row, when an event time is not what it may be.
    fn count_future(&self, target: &PushTarget, online: &[RowColumns], offline: Option<&RecordBatch>) -> Result<usize> {
        let now = clock::now();
        let of_views = target.views.iter().zip(online).map(|(view, rows)| CheckedTimes {
            column: view.event_time_column().to_owned(),
            owner: format!("feature view {}", view.view()),
            times: rows.event_times.clone(),
        });
        let of_source = target.offline.as_ref().zip(offline);
        let of_source = of_source.map(|(target, rows)| target.times.checked(rows)).transpose()?;
        let mut most = 0;
        for times in of_views.chain(of_source.flatten()) {
            // The same rows go to each view and to the source.
            most = times.count_future(now, &self.config)?.max(most);
        }
        Ok(most)
    }

    /// Writes rows to one view. Durable when this returns.
    ///
    /// # Errors
    /// As [`FeatureStore::push`].
    pub fn write(&self, target: WriteTarget, columns: Vec<ArrayRef>) -> Result<WriteReport> {
        self.push(
            &PushTarget {
                views: vec![target],
                offline: None,
            },
            &[columns],
            None,
        )
    }

    fn offline_target(&self, view: &FeatureView) -> Result<OfflineTarget> {
        let source: &DataSource = view.batch_source.as_ref().ok_or_else(|| {
            Error::invalid(format!(
                "the push source of {} has no batch source to append to",
                view.name
            ))
        })?;
        let parquet = ParquetSource::locate(source, &self.config.directory)?;
        let append = append_target(parquet.clone(), &self.schemas, |column| {
            declared_type(view, source, column)
        });
        Ok(OfflineTarget {
            append: append.map_err(|error| parquet.hidden_in(error))?,
            times: TimeColumns::of(source),
        })
    }

    fn append(&self, target: &AppendTarget, batch: RecordBatch, log: &LoggedAppend<'_>) -> Result<Vec<Mark>> {
        let appended = self.appender.append(target, batch, log);
        appended.map_err(|error| target.source.hidden_in(error))
    }
}

/// Where pushes to a source go.
///
/// # Errors
/// `Invalid` for a pattern, those of [`ParquetSource::schema`], and `Data` for a column that is not declared and whose type the
/// files do not agree on.
pub(super) fn append_target(
    source: ParquetSource,
    schemas: &SchemaCache,
    declared: impl Fn(&str) -> Option<DataType>,
) -> Result<AppendTarget> {
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
    Ok(AppendTarget {
        source,
        schema,
        partition_columns,
    })
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

/// The rows of a push in the order in which they stand in the file: of rows equal in both times the first one there wins,
/// and the last one of a push is to.
fn latest_first(batch: RecordBatch) -> Result<RecordBatch> {
    if batch.num_rows() < 2 {
        return Ok(batch);
    }
    let backwards: UInt64Array = (0..batch.num_rows() as u64).rev().collect();
    take_record_batch(&batch, &backwards).map_err(|problem| Error::internal(problem.to_string()))
}
