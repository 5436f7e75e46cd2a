//! The tables of one project as they are now, for readers and writers.

use std::collections::HashMap;
use std::sync::Arc;

use super::directory::Directory;
use crate::codec::record::{HiddenTable, SchemaRecord, TableDetail, TableRecord, ViewShape};
use crate::codec::row::RowLayout;

/// The tables of one project.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    by_view: HashMap<String, Arc<Table>>,
    /// Of this project.
    hidden: Vec<HiddenTable>,
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
        let tables = directory.tables.tables.iter().filter(|table| table.project == project);
        let by_view = tables.map(|table| {
            let detail = directory.detail(table.table_id).cloned();
            (table.view.clone(), Arc::new(Table::new(table, detail)))
        });
        let hidden = directory.details.hidden.iter();
        Self {
            by_view: by_view.collect(),
            hidden: hidden
                .filter(|hidden| hidden.table.project == project)
                .cloned()
                .collect(),
        }
    }

    /// The table of a view that the registry has.
    pub(crate) fn get(&self, view: &str) -> Option<&Arc<Table>> {
        self.by_view.get(view)
    }

    /// The views that have a table.
    pub(super) fn views(&self) -> impl Iterator<Item = (&String, &Arc<Table>)> {
        self.by_view.iter()
    }

    pub(super) fn hidden(&self) -> &[HiddenTable] {
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
