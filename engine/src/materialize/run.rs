//! The run of one view: the newest row of each key of its parquet source, into the online store. Knows nothing of the registry.

use std::path::Path;

use feast_codec::shard::Shard;
use feast_files::fail_point::{self, Step};
use feast_model::error::{Error, ErrorKind, Result};
use feast_model::{DUMMY_JOIN_KEY, DataSource, FeatureView, Field};

use super::progress::{MaterializeProgress, ViewReport};
use super::window::ViewWindow;
use crate::offline::{LatestRows, OfflineRuntime, ParquetSource, TypedColumn, Window};
use crate::online::{DerivedViews, encode_shard};
use crate::online_store::{EncodedRows, OnlineStore, Replace, RowColumns, RowWriter};

/// What a run reads from and writes to.
pub(crate) struct RunStores<'a> {
    /// Relative paths of sources start here.
    pub(crate) repository: &'a Path,
    pub(crate) runtime: &'a OfflineRuntime,
    pub(crate) online_store: &'a OnlineStore,
    pub(crate) replace: Replace,
    /// The only part of the keys to write, if not all are.
    pub(crate) shard: Option<Shard>,
}

/// Runs one view, and those that are computed from its rows. The rows are durable when this returns.
pub(crate) fn run(
    view: &FeatureView,
    derived: &DerivedViews,
    window: &ViewWindow,
    stores: &RunStores<'_>,
    progress: &mut dyn MaterializeProgress,
) -> Result<ViewReport> {
    let RunStores {
        runtime,
        online_store,
        replace,
        shard,
        ..
    } = *stores;
    let source = view.batch_source.as_ref().ok_or_else(|| {
        Error::invalid(format!(
            "feature view {} has no batch source to materialize from",
            view.name()
        ))
    })?;
    let parquet = ParquetSource::locate(source, stores.repository)?;
    let latest = LatestRows {
        fingerprinted: shard.is_some(),
        ..latest_rows(view, source, &parquet, window)
    };
    let mut report = ViewReport::new(view);
    report.skipped_derived = derived.skipped.clone();
    progress.view_started(window);
    let mut writer = online_store.row_writer(replace);
    let mut derived_writer = online_store.row_writer(replace);
    let streamed = latest.stream(runtime, |batch| {
        let rows = RowColumns {
            keys: batch.keys,
            features: batch.features,
            event_times: batch.event_times,
            created_times: batch.created_times,
        };
        let mut encoded = EncodedRows::default();
        let left_out = encode_shard(online_store, view, &rows, shard, &mut encoded)?;
        let count = writer.write(encoded)?;
        report.derived_rows += write_derived(derived, view, &rows, stores, &mut derived_writer)?;
        report.rows += rows.event_times.len() - left_out.other_shards;
        report.written += count.written;
        report.stale += count.stale;
        report.null_keys += left_out.null_keys;
        progress.rows_done(report.rows);
        if progress.is_stopped() {
            let message = format!("the materialization of {} was stopped", view.name());
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        fail_point::reached(Step::RowsWritten);
        Ok(())
    });
    let seen = streamed.map_err(|error| parquet.hidden_in(error))?;
    let rest = writer.finish()?;
    report.written += rest.written;
    report.stale += rest.stale;
    report.derived_rows += derived_writer.finish()?.written;
    online_store.sync()?;
    fail_point::reached(Step::RowsSynced);
    report.left_out_files = seen.left_out_files;
    report.rows_beyond_range = seen.rows_beyond_range;
    report.rows_ahead = seen.rows_ahead;
    report.source_fingerprint = seen.fingerprint;
    Ok(report)
}

/// Writes the rows of stored on-demand views that are computed from rows of a view. Gives the number of those that are known to be
/// written by now.
fn write_derived(
    derived: &DerivedViews,
    view: &FeatureView,
    rows: &RowColumns,
    stores: &RunStores<'_>,
    writer: &mut RowWriter<'_>,
) -> Result<usize> {
    let mut encoded = EncodedRows::default();
    for derived in &derived.views {
        let computed = derived.rows(stores.online_store, view, rows)?;
        encode_shard(
            stores.online_store,
            &derived.view,
            &computed,
            stores.shard,
            &mut encoded,
        )?;
    }
    match encoded.keys.len() {
        0 => Ok(0),
        _ => Ok(writer.write(encoded)?.written),
    }
}

/// The query for the newest row of each key, in the columns of the view's source.
fn latest_rows<'a>(
    view: &FeatureView,
    source: &'a DataSource,
    parquet: &'a ParquetSource,
    window: &ViewWindow,
) -> LatestRows<'a> {
    let typed = |field: &Field| TypedColumn {
        name: source.source_column(&field.name).to_owned(),
        value_type: field.value_type.clone(),
    };
    let keys = view.entity_columns.iter().filter(|key| key.name != DUMMY_JOIN_KEY);
    LatestRows {
        source: parquet,
        keys: keys.map(typed).collect(),
        event_time: source.source_column(&source.timestamp_field),
        created_time: source.created_column().map(|name| source.source_column(name)),
        features: view.features.iter().map(typed).collect(),
        window: Window {
            start: window.start,
            end: window.end,
        },
        fingerprinted: false,
    }
}
