//! Which tables there are: made when a view is first written to, hidden when the registry does not have the view any more,
//! in use again when the same view comes back, and dropped with their rows.
//!
//! Each change is one batch, so that a crash leaves the tables as they were before it or after it. Ids of tables are never reused, so
//! rows of a dropped table cannot come back, and schemas are only ever added: a row names the one that it follows.
//!
//! Hidden tables are in a record of their own beside the directory, whose form is that of the first stores: an older version that
//! opens the store finds the tables in use and no hidden one. Rows of a hidden table stay where they are.
//!
//! A table knows whether a materialization has filled it, because the intervals of the registry may tell of another store, or of rows that
//! are gone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use feast_codec::record::{
    self, HiddenTable, SchemaRecord, TableDetail, TableDetails, TableDirectory, TableRecord, ViewShape,
};
use feast_codec::storage_key::{KeyTag, split_row_key};
use feast_files::fail_point::{self, Step};
use feast_model::Timestamp;
use feast_model::error::{Error, Result};
use feast_rows::{RowCount, Table, TableChange, TableFate, TableView, Tables};
use rocksdb::{DB, Range, WriteBatch};

use super::RocksDbStore;
use super::scan::scan;

/// More rows, of whatever tables, are not looked at one by one: it takes a third of a second.
const MAX_COUNTED_ROWS: u64 = if cfg!(test) { 100_000 } else { 1_000_000 };

/// The records of all tables of a store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Directory {
    pub(super) tables: TableDirectory,
    pub(super) details: TableDetails,
}

impl Directory {
    pub(super) fn detail(&self, table_id: u32) -> Option<&TableDetail> {
        self.details.tables.iter().find(|detail| detail.table_id == table_id)
    }

    fn detail_mut(&mut self, table_id: u32) -> Option<&mut TableDetail> {
        self.details
            .tables
            .iter_mut()
            .find(|detail| detail.table_id == table_id)
    }

    fn table_mut(&mut self, project: &str, view: &str) -> Option<&mut TableRecord> {
        let mut tables = self.tables.tables.iter_mut();
        tables.find(|table| table.project == project && table.view == view)
    }

    /// The hidden table of a view, of several the one that was hidden last. A table of another view of that name does not count.
    fn hidden_position(&self, project: &str, view: &TableView) -> Option<usize> {
        let fits = |hidden: &HiddenTable| {
            let table = &hidden.table;
            let has_name = table.project == project && table.view == view.name;
            let detail = self.detail(table.table_id);
            has_name && detail.is_none_or(|detail| detail.shape.fits(&view.shape))
        };
        let fitting = self.details.hidden.iter().enumerate();
        let fitting = fitting.filter(|(_, hidden)| fits(hidden));
        let last = fitting.max_by_key(|(_, hidden)| (hidden.hidden_at, hidden.table.table_id));
        last.map(|(position, _)| position)
    }

    /// Brings the hidden table of a view into use.
    fn restore(&mut self, project: &str, view: &TableView) -> Option<u32> {
        let position = self.hidden_position(project, view)?;
        let table = self.details.hidden.remove(position).table;
        let table_id = table.table_id;
        self.tables.tables.push(table);
        self.describe(table_id, &view.shape, false);
        Some(table_id)
    }

    /// Notes what a table in use is for. Rows that were materialized under other join keys are not found any more.
    fn describe(&mut self, table_id: u32, shape: &ViewShape, is_new: bool) {
        match self.detail_mut(table_id) {
            Some(detail) => {
                detail.is_materialized &= detail.shape.join_keys == shape.join_keys;
                detail.shape = shape.clone();
            }
            None => self.details.tables.push(TableDetail {
                table_id,
                shape: shape.clone(),
                // Of older stores it is not known, and then taken for granted.
                is_materialized: !is_new,
            }),
        }
    }

    /// The table of a view with this schema, made or extended. One that is hidden is written to as it is.
    fn ensure(&mut self, project: &str, view: &TableView, schema: &SchemaRecord) {
        let hidden = self.hidden_position(project, view);
        let known = match hidden {
            Some(position) if self.table_mut(project, &view.name).is_none() => {
                self.details.hidden.get_mut(position).map(|hidden| &mut hidden.table)
            }
            _ => self.table_mut(project, &view.name),
        };
        if let Some(table) = known {
            if !table.schemas.contains(schema) {
                table.schemas.push(schema.clone());
            }
            let table_id = table.table_id;
            self.describe(table_id, &view.shape, false);
            return;
        }
        let table_id = self.tables.next_table_id;
        self.tables.next_table_id += 1;
        self.tables.tables.push(TableRecord {
            project: project.to_owned(),
            view: view.name.clone(),
            table_id,
            schemas: vec![schema.clone()],
        });
        self.describe(table_id, &view.shape, true);
    }
}

impl RocksDbStore {
    /// The table that rows of a view are written to, made or extended by this schema if needed. Returns it with the id of the
    /// schema.
    ///
    /// A write that began before the registry lost the view goes to the table that is hidden since, and does not bring it back.
    pub fn ensure_table(&self, view: &TableView, schema: &SchemaRecord) -> Result<(Arc<Table>, u32)> {
        let known = |tables: &Tables| {
            let table = tables.written_to(view)?;
            let is_described = table.shape() == Some(&view.shape);
            Some((Arc::clone(table), table.schema_id(schema).filter(|_| is_described)?))
        };
        if let Some(found) = known(&self.tables()) {
            return Ok(found);
        }
        self.change_directory(|directory| directory.ensure(&self.project, view, schema))?;
        known(&self.tables()).ok_or_else(|| {
            let name = &view.name;
            Error::internal(format!("the table of {name} is missing right after it was made"))
        })
    }

    /// Notes that a materialization has filled the table of a view.
    pub fn mark_materialized(&self, view: &str) -> Result<()> {
        let Some(table) = self.tables().get(view).cloned() else {
            return Ok(());
        };
        if table.is_materialized() && table.shape().is_some() {
            return Ok(());
        }
        self.change_directory(|directory| {
            if let Some(detail) = directory.detail_mut(table.id) {
                detail.is_materialized = true;
            }
        })
    }

    /// Names of views whose table is hidden, or is of an older store that did not say what it is of.
    pub fn waiting_views(&self) -> HashSet<String> {
        let tables = self.tables();
        let undescribed = tables.views().filter(|(_, table)| table.shape().is_none());
        let hidden = tables.hidden().iter().map(|hidden| &hidden.view);
        undescribed.map(|(view, _)| view).chain(hidden).cloned().collect()
    }

    /// Gives views that are there again their rows, unless they have a table by now.
    pub fn restore_tables(&self, views: &[TableView]) -> Result<Vec<TableChange>> {
        let tables = self.tables();
        let is_waiting = |view: &&TableView| tables.get(&view.name).is_none_or(|table| table.shape().is_none());
        let views: Vec<&TableView> = views.iter().filter(is_waiting).collect();
        if views.is_empty() {
            return Ok(Vec::new());
        }
        let mut restored = Vec::new();
        self.change_directory(|directory| {
            for view in views {
                let name = &view.name;
                if let Some(table_id) = directory.table_mut(&self.project, name).map(|table| table.table_id) {
                    // Of an older store: from now on it is known what the rows are of.
                    directory.describe(table_id, &view.shape, false);
                } else if let Some(table_id) = directory.restore(&self.project, view) {
                    restored.push((name.clone(), table_id));
                }
            }
        })?;
        self.changes(restored, TableFate::Restored)
    }

    /// Hides the project's tables whose view is not kept.
    pub fn hide_tables(&self, keep: impl Fn(&str) -> bool, now: Timestamp) -> Result<Vec<TableChange>> {
        if self.tables().views().all(|(view, _)| keep(view)) {
            return Ok(Vec::new());
        }
        let mut hidden = Vec::new();
        self.change_directory(|directory| {
            let is_kept = |table: &TableRecord| table.project != self.project || keep(&table.view);
            let tables = std::mem::take(&mut directory.tables.tables);
            let (kept, gone) = tables.into_iter().partition(is_kept);
            directory.tables.tables = kept;
            let gone: Vec<TableRecord> = gone;
            hidden.extend(gone.iter().map(|table| (table.view.clone(), table.table_id)));
            let hidden_at = now.micros();
            let gone = gone.into_iter().map(|table| HiddenTable { table, hidden_at });
            directory.details.hidden.extend(gone);
        })?;
        self.changes(hidden, TableFate::Hidden)
    }

    /// Drops tables that were hidden at or before a point in time.
    pub fn drop_hidden_tables(&self, hidden_until: Timestamp) -> Result<Vec<TableChange>> {
        self.drop_tables(|_, hidden_at| hidden_at.is_some_and(|hidden_at| hidden_at <= hidden_until.micros()))
    }

    /// Drops all tables of a view, hidden or not.
    pub fn drop_tables_of(&self, view: &str) -> Result<Vec<TableChange>> {
        self.drop_tables(|known, _| known == view)
    }

    /// Drops the hidden tables of a view.
    pub fn drop_hidden_tables_of(&self, view: &str) -> Result<Vec<TableChange>> {
        self.drop_tables(|known, hidden_at| known == view && hidden_at.is_some())
    }

    /// Drops everything of the project.
    pub fn drop_all_tables(&self) -> Result<Vec<TableChange>> {
        self.drop_tables(|_, _| true)
    }

    /// Drops the project's tables that `is_dropped` says, given the view and, if the table is hidden, since when.
    fn drop_tables(&self, is_dropped: impl Fn(&str, Option<i64>) -> bool) -> Result<Vec<TableChange>> {
        let tables = self.tables();
        let in_use = tables.views().filter(|(view, _)| is_dropped(view, None));
        let in_use = in_use.map(|(view, table)| (view.clone(), table.id));
        let hidden = tables.hidden().iter();
        let hidden = hidden.filter(|hidden| is_dropped(&hidden.view, Some(hidden.since)));
        let hidden = hidden.map(|hidden| (hidden.view.clone(), hidden.table.id));
        let mut dropped: Vec<(String, u32)> = in_use.chain(hidden).collect();
        // Users are told of them, each time in the same order.
        dropped.sort_unstable();
        if dropped.is_empty() {
            return Ok(Vec::new());
        }
        // Counted before they are gone, and before the writers have to wait.
        let changes = self.changes(dropped.clone(), TableFate::Dropped)?;
        // A table may have been hidden or restored since: it is dropped only if it still is what it was.
        let is_gone = |table: &TableRecord, hidden_at| {
            let is_chosen = dropped.iter().any(|(_, table_id)| *table_id == table.table_id);
            is_chosen && is_dropped(&table.view, hidden_at)
        };
        self.change_directory_with(|directory, batch| {
            let mut gone = Vec::new();
            let mut keep = |table: &TableRecord, hidden_at| {
                let is_gone = is_gone(table, hidden_at);
                if is_gone {
                    gone.push(table.table_id);
                }
                !is_gone
            };
            directory.tables.tables.retain(|table| keep(table, None));
            let hidden = &mut directory.details.hidden;
            hidden.retain(|hidden| keep(&hidden.table, Some(hidden.hidden_at)));
            match directory.tables.tables.is_empty() && directory.details.hidden.is_empty() {
                // Of nobody, so there is nothing to look for between others.
                true => self.delete_all_rows(batch),
                false => self.note_dropped(&gone, batch),
            }
        })?;
        Ok(changes)
    }

    fn changes(&self, tables: Vec<(String, u32)>, fate: TableFate) -> Result<Vec<TableChange>> {
        // Tables with the same join keys are looked for at once.
        let mut ranges: BTreeMap<_, BTreeSet<u32>> = BTreeMap::new();
        for (_, table_id) in &tables {
            ranges.entry(self.rows_around(*table_id)).or_default().insert(*table_id);
        }
        let mut counts = HashMap::new();
        for ((start, end), table_ids) in ranges {
            counts.extend(self.count_rows(&start, &end, &table_ids)?);
        }
        let change = |(view, table_id)| {
            let rows = counts.get(&table_id).copied();
            let rows = rows.ok_or_else(|| Error::internal(format!("rows of {view} were not counted")))?;
            Ok(TableChange { view, fate, rows })
        };
        tables.into_iter().map(change).collect()
    }

    /// The numbers of rows of tables whose rows are all in a range: exact in small stores, in others their share of the first rows there
    /// times what the table files say of all of them.
    fn count_rows(&self, start: &[u8], end: &[u8], table_ids: &BTreeSet<u32>) -> Result<HashMap<u32, RowCount>> {
        let mut counted: HashMap<u32, u64> = table_ids.iter().map(|table_id| (*table_id, 0)).collect();
        let mut seen = 0_u64;
        let db = self.db();
        for row in scan(&db, start, end.to_vec()) {
            let (key, _) = row.map_err(|source| self.error(source))?;
            seen += 1;
            if let Some(count) = split_row_key(&key).and_then(|(table_id, _)| counted.get_mut(&table_id)) {
                *count += 1;
            }
            if seen == MAX_COUNTED_ROWS {
                break;
            }
        }
        let is_exact = seen < MAX_COUNTED_ROWS;
        let all = if is_exact {
            u128::from(seen)
        } else {
            self.estimate(start, end)?.max(u128::from(seen))
        };
        let of_table = |(table_id, count): (u32, u64)| {
            let rows = u128::from(count) * all / u128::from(seen.max(1));
            let rows = u64::try_from(rows).unwrap_or(u64::MAX);
            (table_id, RowCount { rows, is_exact })
        };
        Ok(counted.into_iter().map(of_table).collect())
    }

    /// About how many rows of any table are in a range.
    fn estimate(&self, start: &[u8], end: &[u8]) -> Result<u128> {
        let is_near = |file: &rocksdb::LiveFile| {
            let first = file.start_key.as_deref().unwrap_or_default();
            let last = file.end_key.as_deref().unwrap_or_default();
            first < end && last >= start
        };
        let files = self.db().live_files().map_err(|source| self.error(source))?;
        let (mut entries, mut bytes) = (0_u128, 0_u128);
        for file in files.iter().filter(|file| is_near(file)) {
            entries += u128::from(file.num_entries);
            bytes += file.size as u128;
        }
        let around = self.db().get_approximate_sizes(&[Range::new(start, end)]);
        let around = around.first().copied().unwrap_or_default();
        Ok(entries * u128::from(around) / bytes.max(1))
    }

    fn change_directory(&self, change: impl FnOnce(&mut Directory)) -> Result<()> {
        self.change_directory_with(|directory, _| {
            change(directory);
            Ok(())
        })
    }

    /// Changes the records of the tables, and what belongs to it, in one batch. It is durable when this returns.
    fn change_directory_with(&self, change: impl FnOnce(&mut Directory, &mut WriteBatch) -> Result<()>) -> Result<()> {
        self.heal_if_due();
        let _writer = self.lock_writer();
        let db = self.writable()?;
        let old = self.read_directory()?;
        let (mut directory, mut batch) = (old.clone(), WriteBatch::default());
        change(&mut directory, &mut batch)?;
        directory.forget_unknown_details();
        if directory == old {
            return Ok(());
        }
        let tables = record::encode(&directory.tables).map_err(|source| self.corrupt(source))?;
        let details = record::encode(&directory.details).map_err(|source| self.corrupt(source))?;
        batch.put(KeyTag::Directory.single(), tables);
        batch.put(KeyTag::TableDetails.single(), details);
        db.write(batch).map_err(|source| self.failed_write(&db, source))?;
        fail_point::reached(Step::TablesChanged);
        self.sync()?;
        self.publish(&directory);
        self.publish_dropped()
    }

    pub(super) fn read_directory(&self) -> Result<Directory> {
        self.read_directory_of(&self.db())
    }

    pub(super) fn read_directory_of(&self, db: &DB) -> Result<Directory> {
        Ok(Directory {
            tables: self.read_record_of(db, KeyTag::Directory)?.unwrap_or_default(),
            details: self.read_record_of(db, KeyTag::TableDetails)?.unwrap_or_default(),
        })
    }

    pub(super) fn publish(&self, directory: &Directory) {
        self.tables.store(Arc::new(directory.tables_of(&self.project)));
    }
}

impl Directory {
    /// The tables of a project, for readers and writers.
    fn tables_of(&self, project: &str) -> Tables {
        let is_own = |table: &TableRecord| table.project == project;
        let open = |table: &TableRecord| {
            let detail = self.detail(table.table_id).cloned();
            Arc::new(Table::new(table.table_id, &table.schemas, detail))
        };
        let in_use = self.tables.tables.iter().filter(|table| is_own(table));
        let hidden = self.details.hidden.iter().filter(|hidden| is_own(&hidden.table));
        let hidden = hidden.map(|hidden| feast_rows::HiddenTable {
            view: hidden.table.view.clone(),
            since: hidden.hidden_at,
            table: open(&hidden.table),
        });
        Tables::new(in_use.map(|table| (table.view.clone(), open(table))), hidden.collect())
    }

    /// An older version drops tables without knowing of the details.
    fn forget_unknown_details(&mut self) {
        let Self { tables, details } = self;
        let hidden = &details.hidden;
        details.tables.retain(|detail| {
            let is_it = |table: &TableRecord| table.table_id == detail.table_id;
            tables.tables.iter().any(is_it) || hidden.iter().any(|hidden| is_it(&hidden.table))
        });
    }
}
