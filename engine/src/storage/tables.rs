//! The tables of one project as they are now, for readers and writers.

use std::collections::HashMap;
use std::sync::Arc;

use super::directory::{Directory, TableView};
use crate::codec::record::{SchemaRecord, TableDetail, TableRecord, ViewShape};
use crate::codec::row::RowLayout;

/// The tables of one project.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    by_view: HashMap<String, Arc<Table>>,
    hidden: Vec<Hidden>,
}

/// A table that nobody may read for now.
#[derive(Debug)]
pub(super) struct Hidden {
    pub(super) view: String,
    /// Since when, in microseconds since 1970.
    pub(super) since: i64,
    pub(super) table: Arc<Table>,
}

/// The rows of one feature view.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) id: u32,
    schemas: Vec<TableSchema>,
    /// `None` for a table of an older store that was not used since.
    detail: Option<TableDetail>,
}

/// One of the lists of features that rows of a table follow.
#[derive(Debug)]
pub(crate) struct TableSchema {
    record: SchemaRecord,
    pub(crate) layout: RowLayout,
}

impl Tables {
    pub(super) fn of_project(directory: &Directory, project: &str) -> Self {
        let is_own = |table: &TableRecord| table.project == project;
        let open = |table: &TableRecord| Arc::new(Table::new(table, directory.detail(table.table_id).cloned()));
        let in_use = directory.tables.tables.iter().filter(|table| is_own(table));
        let hidden = directory.details.hidden.iter().filter(|hidden| is_own(&hidden.table));
        Self {
            by_view: in_use.map(|table| (table.view.clone(), open(table))).collect(),
            hidden: hidden
                .map(|hidden| Hidden {
                    view: hidden.table.view.clone(),
                    since: hidden.hidden_at,
                    table: open(&hidden.table),
                })
                .collect(),
        }
    }

    /// The table of a view that the registry has.
    pub(crate) fn get(&self, view: &str) -> Option<&Arc<Table>> {
        self.by_view.get(view)
    }

    /// The table that rows of a view are written to: the one in use, or a hidden one of the same view, of several the last.
    pub(super) fn written_to(&self, view: &TableView) -> Option<&Arc<Table>> {
        let fits = |hidden: &&Hidden| {
            let shape = hidden.table.shape();
            hidden.view == view.name && shape.is_none_or(|shape| shape.fits(&view.shape))
        };
        let hidden = || {
            self.hidden
                .iter()
                .filter(fits)
                .max_by_key(|hidden| (hidden.since, hidden.table.id))
        };
        self.get(&view.name).or_else(|| hidden().map(|hidden| &hidden.table))
    }

    /// The views that have a table.
    pub(super) fn views(&self) -> impl Iterator<Item = (&String, &Arc<Table>)> {
        self.by_view.iter()
    }

    pub(super) fn hidden(&self) -> &[Hidden] {
        &self.hidden
    }
}

impl Table {
    fn new(record: &TableRecord, detail: Option<TableDetail>) -> Self {
        Self {
            id: record.table_id,
            schemas: record.schemas.iter().map(TableSchema::new).collect(),
            detail,
        }
    }

    /// All schemas that rows of this table follow; the position is the schema id.
    pub(crate) fn schemas(&self) -> &[TableSchema] {
        &self.schemas
    }

    /// For which view it was made, as far as that is known.
    pub(crate) fn shape(&self) -> Option<&ViewShape> {
        self.detail.as_ref().map(|detail| &detail.shape)
    }

    /// Whether a materialization has filled it, as far as that is known.
    pub(crate) fn is_materialized(&self) -> bool {
        self.detail.as_ref().is_none_or(|detail| detail.is_materialized)
    }

    pub(super) fn schema_id(&self, schema: &SchemaRecord) -> Option<u32> {
        let position = self.schemas.iter().position(|known| known.record == *schema)?;
        u32::try_from(position).ok()
    }
}

impl TableSchema {
    fn new(record: &SchemaRecord) -> Self {
        let storage_types: Vec<String> = record
            .features
            .iter()
            .map(|(_, storage_type)| storage_type.clone())
            .collect();
        Self {
            record: record.clone(),
            layout: RowLayout::new(&storage_types),
        }
    }

    /// The position of a feature that is stored under this name and type.
    pub(crate) fn position(&self, name: &str, storage_type: &str) -> Option<usize> {
        self.record
            .features
            .iter()
            .position(|(known, known_type)| known == name && known_type == storage_type)
    }
}
