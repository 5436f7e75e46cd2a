//! Rows that arrive by push or by name of a view.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;

use super::push_log::{self, LoggedAppend};
use super::{FeatureStore, lock};
use crate::error::{Error, FeastException, Result};
use crate::fail_point::{self, Step};
use crate::model::{DataSource, FeatureView};
use crate::offline::ParquetSource;
use crate::online::{self, StoredRows, WriteTarget};

/// Where pushed rows go.
#[derive(Debug)]
pub struct PushTarget {
    /// The views fed by the push source, for an online push.
    pub views: Vec<WriteTarget>,
    /// The parquet source and its columns, for an offline push.
    offline: Option<(ParquetSource, SchemaRef)>,
}

impl PushTarget {
    /// The columns that rows of an offline push must have: those of the file.
    pub fn offline_schema(&self) -> Option<&SchemaRef> {
        self.offline.as_ref().map(|(_, schema)| schema)
    }
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteReport {
    /// Rows that were written, over all views.
    pub written: usize,
    /// Rows that a newer row kept out.
    pub stale: usize,
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
    /// `Invalid`, naming the row, before anything is written; `Unavailable` or `Data` when a store cannot be written.
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
        let offline = target.offline.as_ref().map(|(source, _)| source).zip(offline);
        let batching = self.config.offline_batching.is_some();
        // Opened before the append: a push that cannot reach the online store must not reach the file either.
        let storage = self.storage()?;
        let mut stored = StoredRows::default();
        for (view, rows) in target.views.iter().zip(&rows) {
            online::encode_rows(storage, &view.view, rows, &mut stored)?;
        }
        let (replace, place) = (self.replace(), (self.config.directory.as_path(), storage.session()));
        let offline = offline.map(|(source, batch)| Ok::<_, Error>((source, latest_first(batch)?)));
        let offline = offline.transpose()?;
        let count = match offline {
            None => storage.write_rows(&stored.keys, &stored.rows, replace)?,
            Some((source, batch)) if batching => {
                let record = push_log::encode(place, source, &batch, &StoredRows::default(), replace)?;
                let (_, count) = storage.log_push(&record, &stored.keys, &stored.rows, replace)?;
                lock(&self.waiting_pushes).add(&source.path, batch.num_rows());
                count
            }
            Some((source, batch)) if rows.is_empty() => {
                let log = LoggedAppend { storage, record: None };
                self.appender
                    .append(source, batch, &log)
                    .map_err(|error| error.hiding_directory_of(&source.path))?;
                return Ok(WriteReport::default());
            }
            Some((source, batch)) => {
                let record = push_log::encode(place, source, &batch, &stored, replace)?;
                let log = LoggedAppend {
                    storage,
                    record: Some(&record),
                };
                let marks = self
                    .appender
                    .append(source, batch, &log)
                    .map_err(|error| error.hiding_directory_of(&source.path))?;
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
        })
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

    fn offline_target(&self, view: &FeatureView) -> Result<(ParquetSource, SchemaRef)> {
        let source: &DataSource = view.batch_source.as_ref().ok_or_else(|| {
            Error::invalid(format!(
                "the push source of {} has no batch source to append to",
                view.name
            ))
        })?;
        let parquet = ParquetSource::locate(source, &self.config.directory)?;
        let schema = parquet
            .schema()
            .map_err(|error| error.hiding_directory_of(&parquet.path))?;
        let schema = Arc::clone(&schema.schema);
        Ok((parquet, schema))
    }
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
