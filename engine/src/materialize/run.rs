//! The run of one pass: the newest row of each key of a parquet source, into the tables of all views of the pass. Knows nothing of the
//! registry.

use std::path::Path;
use std::sync::Arc;

use feast_codec::shard::Shard;
use feast_config::MaterializationLimits;
use feast_files::fail_point::{self, Step};
use feast_model::error::{Error, ErrorKind, Result};
use feast_model::{DataSource, FeatureView};

use super::pass::{FeatureColumns, PassView, key_columns};
use super::progress::{MaterializeProgress, RunStep, ViewReport};
use crate::offline::{LatestEvent, LatestRows, ParquetSource, QueryRuntime, SelectedRows, TypedColumn, Window};
use crate::online::{LeftOut, encode_shard};
use crate::online_store::{EncodedRows, OnlineStore, Replace, RowColumns, RowWriter};

/// What a run reads from and writes to.
pub(crate) struct RunStores<'a> {
    /// Relative paths of sources start here.
    pub(crate) repository: &'a Path,
    /// Reads within the limits.
    pub(crate) runtime: QueryRuntime<'a>,
    pub(crate) online_store: &'a OnlineStore,
    pub(crate) replace: Replace,
    /// The only part of the keys to write, if not all are.
    pub(crate) shard: Option<Shard>,
    pub(crate) limits: MaterializationLimits,
}

/// Runs the views of a pass, and those that are computed from their rows. The rows are durable when this returns.
pub(crate) fn run(
    pass: &[PassView<'_>],
    stores: &RunStores<'_>,
    progress: &mut dyn MaterializeProgress,
) -> Result<Vec<ViewReport>> {
    let Some(first) = pass.first() else {
        return Ok(Vec::new());
    };
    pass.iter().try_for_each(|view| source_of(view.view).map(drop))?;
    progress.pass_started(&pass.iter().map(|view| view.window).collect::<Vec<_>>());
    let source = source_of(first.view)?;
    let parquet = ParquetSource::locate(source, stores.repository)?;
    let mut features = FeatureColumns::default();
    for view in pass {
        features.add(view.view, source_of(view.view)?);
    }
    let latest = LatestRows {
        fingerprinted: stores.shard.is_some(),
        ..latest_rows(first, source, &parquet, std::mem::take(&mut features.columns))
    };
    let mut run = Run {
        pass,
        stores,
        features: features.of_views,
        writer: stores.online_store.row_writer(stores.replace, stores.limits),
        left_out: vec![LeftOut::default(); pass.len()],
        rows: 0,
        found: 0,
        given: 0,
        bytes: Vec::new(),
    };
    let streamed = latest.stream(&stores.runtime, |event| run.take(event, progress));
    let seen = streamed.map_err(|error| parquet.hidden_in(error))?;
    let Run {
        writer,
        left_out,
        rows,
        given,
        bytes,
        ..
    } = run;
    let counts = writer.finish(&mut |rows| step(pass, progress, RunStep::Writing, rows as u64, given))?;
    stores.online_store.sync()?;
    fail_point::reached(Step::RowsSynced);
    let count = |position| counts.get(position).copied().unwrap_or_default();
    let mut derived = pass.len();
    let reports = pass
        .iter()
        .zip(left_out)
        .enumerate()
        .map(|(position, (view, left_out))| {
            let derived_views = derived..derived + view.derived.views.len();
            derived = derived_views.end;
            ViewReport {
                view: view.view.name().to_owned(),
                rows: rows - left_out.other_shards,
                written: count(position).written,
                stale: count(position).stale,
                null_keys: left_out.null_keys,
                first_null_key: seen.first_null_key.clone().filter(|_| left_out.null_keys > 0),
                derived_rows: derived_views.map(|position| count(position).written).sum(),
                skipped_derived: view.derived.skipped.clone(),
                source_rows: seen.rows,
                read_groups: seen.read_groups,
                passed_groups: seen.passed_groups,
                bytes: bytes.get(position).copied().unwrap_or_default(),
                left_out_files: seen.left_out_files.clone(),
                rows_beyond_range: seen.rows_beyond_range,
                rows_ahead: seen.rows_ahead,
                source_fingerprint: seen.fingerprint,
            }
        });
    Ok(reports.collect())
}

/// The query for the newest row of each key, in the columns of the source.
pub(super) fn latest_rows<'a>(
    first: &PassView<'_>,
    source: &'a DataSource,
    parquet: &'a ParquetSource,
    features: Vec<TypedColumn>,
) -> LatestRows<'a> {
    LatestRows {
        source: parquet,
        keys: key_columns(first.view, source),
        event_time: source.source_column(&source.timestamp_field),
        created_time: source.created_column().map(|name| source.source_column(name)),
        features,
        window: Window {
            start: first.window.start,
            end: first.window.end,
        },
        fingerprinted: false,
    }
}

pub(super) fn source_of(view: &FeatureView) -> Result<&DataSource> {
    view.batch_source.as_ref().ok_or_else(|| {
        Error::invalid(format!(
            "feature view {} has no batch source to materialize from",
            view.name()
        ))
    })
}

/// Tells how far a pass is, and ends it when it should stop.
fn step(
    pass: &[PassView<'_>],
    progress: &mut dyn MaterializeProgress,
    step: RunStep,
    done: u64,
    total: u64,
) -> Result<()> {
    if let Some(first) = pass.first() {
        progress.advanced(first.view.name(), step, done, total);
    }
    check_stopped(pass, progress)
}

/// Ends a pass that should stop.
///
/// # Errors
/// `Unavailable` when it should.
pub(super) fn check_stopped(pass: &[PassView<'_>], progress: &dyn MaterializeProgress) -> Result<()> {
    if !progress.is_stopped() {
        return Ok(());
    }
    let message = match pass {
        [only] => format!("the materialization of {} was stopped", only.view.name()),
        _ => format!("the materialization of {} feature views was stopped", pass.len()),
    };
    Err(Error::new(ErrorKind::Unavailable, message))
}

/// A pass under way.
struct Run<'a> {
    pass: &'a [PassView<'a>],
    stores: &'a RunStores<'a>,
    /// Which of the columns that are read each view takes.
    features: Vec<Vec<usize>>,
    /// Of the views of the pass by their positions, and after them of those that are computed from them.
    writer: RowWriter<'a>,
    left_out: Vec<LeftOut>,
    rows: usize,
    found: usize,
    /// Rows that were given to the writer.
    given: u64,
    /// Of keys and rows that were given to the writer, by view.
    bytes: Vec<u64>,
}

impl Run<'_> {
    fn take(&mut self, event: LatestEvent, progress: &mut dyn MaterializeProgress) -> Result<()> {
        match event {
            LatestEvent::Compared { rows, total } => step(self.pass, progress, RunStep::Comparing, rows, total),
            LatestEvent::Found { rows } => {
                self.found = rows;
                Ok(())
            }
            LatestEvent::Rows(rows) => {
                self.write(*rows)?;
                fail_point::reached(Step::RowsWritten);
                step(
                    self.pass,
                    progress,
                    RunStep::Reading,
                    self.rows as u64,
                    self.found as u64,
                )
            }
        }
    }

    fn write(&mut self, selected: SelectedRows) -> Result<()> {
        let SelectedRows {
            keys,
            features,
            event_times,
            created_times,
        } = selected;
        self.rows += event_times.len();
        let mut next_derived = self.pass.len();
        for (position, PassView { view, derived, .. }) in self.pass.iter().enumerate() {
            let rows = RowColumns {
                keys: keys.clone(),
                features: self.features[position]
                    .iter()
                    .map(|column| Arc::clone(&features[*column]))
                    .collect(),
                event_times: event_times.clone(),
                created_times: created_times.clone(),
            };
            let left_out = self.write_view(position, view, &rows)?;
            self.left_out[position].add(left_out);
            for derived in &derived.views {
                let computed = derived.rows(self.stores.online_store, view, &rows, &mut Vec::new())?;
                self.write_view(next_derived, &derived.view, &computed)?;
                next_derived += 1;
            }
        }
        Ok(())
    }

    fn write_view(&mut self, position: usize, view: &FeatureView, rows: &RowColumns) -> Result<LeftOut> {
        let RunStores {
            online_store, shard, ..
        } = *self.stores;
        let mut encoded = EncodedRows::default();
        let left_out = encode_shard(online_store, view, rows, shard, &mut encoded)?;
        if position >= self.bytes.len() {
            self.bytes.resize(position + 1, 0);
        }
        self.bytes[position] += (encoded.keys.bytes() + encoded.rows.bytes()) as u64;
        self.given += encoded.keys.len() as u64;
        if !encoded.keys.is_empty() {
            self.writer.write(position, encoded)?;
        }
        Ok(left_out)
    }
}
