//! Rows of a view from one online store to another, page by page. Knows neither the registry nor where a copy has got to is kept.
//!
//! Entity keys are Feast's in every store, so they are copied as bytes. Rows are decoded into columns and written as any other rows,
//! so the newest event wins in the target too, and a page that is copied twice does no harm.
//!
//! A feature that is not stored is not null: rows are written in groups that have the same features. Redis and SQLite keep each
//! feature by itself, and what a row does not have stays there as it is. RocksDB keeps a schema for each list of features, for ever,
//! so there may not be many.

mod rows;

use std::collections::HashSet;

use feast_codec::entity_key::{key_length, names_prefix};
use feast_codec::packed_bytes::PackedBytes;
use feast_model::error::{Error, Result};
use feast_model::{FeatureView, Field};

use crate::online_store::{EncodedRows, OnlineStore, Replace, RowBatch};
use rows::RowGroup;
pub(crate) use rows::ViewColumns;

/// Entities of a page. Their rows are in memory at once.
const PAGE_KEYS: usize = 1000;
/// Lists of features in which the rows of one view may be written to RocksDB.
const MAX_FEATURE_LISTS: usize = 64;

/// Is called while rows are copied.
pub trait CopyProgress {
    /// A view begins, or goes on after so many rows of an earlier run.
    fn view_started(&mut self, view: &str, rows: usize);
    /// That many rows of the view have been handled so far.
    fn rows_done(&mut self, rows: usize);
    /// All rows of the view are in the target.
    fn view_finished(&mut self, report: &CopyReport);
}

/// What became of the rows of a view.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CopyReport {
    /// The view's name.
    pub view: String,
    /// Rows that were written.
    pub copied: usize,
    /// Rows that were not, because the target has newer ones.
    pub newer: usize,
    /// Rows that no read finds: under other join keys than the view has now, or without any of its features.
    pub skipped: usize,
}

impl CopyReport {
    /// All rows that were handled.
    pub fn rows(&self) -> usize {
        self.copied + self.newer + self.skipped
    }
}

/// How far the copy of a view has got.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Checkpoint {
    pub(crate) report: CopyReport,
    /// Where the next page begins; `None` at the first one, and after the last one.
    pub(crate) position: Option<Vec<u8>>,
    pub(crate) is_done: bool,
}

/// A copy of one view.
pub(crate) struct ViewCopy<'a> {
    from: &'a OnlineStore,
    to: &'a OnlineStore,
    view: &'a FeatureView,
    columns: ViewColumns,
    table: u32,
    key_prefix: Vec<u8>,
    feature_lists: HashSet<Vec<bool>>,
}

impl<'a> ViewCopy<'a> {
    /// `None` when the store has never had rows of the view.
    pub(crate) fn new(from: &'a OnlineStore, to: &'a OnlineStore, view: &'a FeatureView) -> Option<Self> {
        let tables = from.tables();
        let table = tables.get(view.name())?;
        Some(Self {
            from,
            to,
            view,
            columns: ViewColumns::new(view, table),
            table: table.id,
            key_prefix: names_prefix(view.entity_columns.iter().map(|key| key.name.as_str())),
            feature_lists: HashSet::new(),
        })
    }

    /// Copies one page, and moves the checkpoint after it. The rows are durable after the next [`OnlineStore::sync`].
    pub(crate) fn copy_page(&mut self, checkpoint: &mut Checkpoint) -> Result<()> {
        let page = self
            .from
            .entity_keys(self.table, checkpoint.position.as_deref(), PAGE_KEYS)?;
        let entities = [page.keys];
        let rows = self.from.rows_of(self.table, &entities)?;
        self.write_rows(&entities[0], &rows, &mut checkpoint.report)?;
        if page.starts_over {
            checkpoint.report = CopyReport {
                view: std::mem::take(&mut checkpoint.report.view),
                ..CopyReport::default()
            };
        }
        checkpoint.is_done = page.next.is_none();
        checkpoint.position = page.next;
        Ok(())
    }

    fn write_rows(&mut self, keys: &PackedBytes, rows: &RowBatch, report: &mut CopyReport) -> Result<()> {
        let is_of_view = |key: &[u8]| key.starts_with(&self.key_prefix) && key_length(key) == Some(key.len());
        let found = (0..keys.len()).filter_map(|position| Some((position, rows.get(position)?)));
        let (of_view, others): (Vec<_>, Vec<_>) = found.partition(|(position, _)| is_of_view(keys.get(*position)));
        report.skipped += others.len();
        let groups = self.columns.group(&of_view);
        for group in groups.map_err(|source| self.from.corrupt(source))? {
            if !group.has_features() && !self.view.features.is_empty() {
                report.skipped += group.len();
                continue;
            }
            self.write_group(keys, &group, report)?;
        }
        Ok(())
    }

    fn write_group(&mut self, keys: &PackedBytes, group: &RowGroup<'_>, report: &mut CopyReport) -> Result<()> {
        self.check_feature_list(group)?;
        let features: Vec<Field> = group.stored(&self.view.features).cloned().collect();
        let columns = self.columns.read(group).map_err(|source| self.from.corrupt(source))?;
        let encoder = self.to.partial_row_encoder(self.view, &features)?;
        encoder.check(&columns)?;
        let mut encoded = EncodedRows::default();
        for (row, (position, version)) in group.rows().enumerate() {
            encoded.keys.push_with(|out| {
                encoder.start_key(out);
                out.extend_from_slice(keys.get(position));
                encoder.end_key(out);
            });
            encoded
                .rows
                .push_with(|out| encoder.encode(version, &columns, row, out));
        }
        let count = self.to.write_rows(&encoded.keys, &encoded.rows, Replace::OlderRows)?;
        report.copied += count.written;
        report.newer += count.stale;
        Ok(())
    }

    fn check_feature_list(&mut self, group: &RowGroup<'_>) -> Result<()> {
        if !matches!(self.to, OnlineStore::RocksDb(_)) || self.feature_lists.contains(group.stored_flags()) {
            return Ok(());
        }
        if self.feature_lists.len() == MAX_FEATURE_LISTS {
            return Err(Error::invalid(format!(
                "rows of feature view {} have more than {MAX_FEATURE_LISTS} different lists of features, too many for a rocksdb \
                 online store",
                self.view.name()
            ))
            .with_hint("write complete rows, as a materialization of the view does, then copy again"));
        }
        self.feature_lists.insert(group.stored_flags().to_vec());
        Ok(())
    }
}
