use std::collections::HashMap;
use std::sync::Arc;

use crate::codec::record::{SchemaRecord, TableDirectory, TableRecord};
use crate::codec::row::RowLayout;

/// The tables of one project, by the name of their view.
#[derive(Debug, Default)]
pub(crate) struct Tables(HashMap<String, Arc<Table>>);

/// The rows of one feature view.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) id: u32,
    schemas: Vec<TableSchema>,
}

/// One of the lists of features that rows of a table follow.
#[derive(Debug)]
pub(crate) struct TableSchema {
    record: SchemaRecord,
    pub(crate) layout: RowLayout,
}

impl Tables {
    pub(super) fn of_project(directory: &TableDirectory, project: &str) -> Self {
        let tables = directory.tables.iter().filter(|table| table.project == project);
        Self(
            tables
                .map(|table| (table.view.clone(), Arc::new(Table::new(table))))
                .collect(),
        )
    }

    pub(crate) fn get(&self, view: &str) -> Option<&Arc<Table>> {
        self.0.get(view)
    }
}

impl Table {
    fn new(record: &TableRecord) -> Self {
        Self {
            id: record.table_id,
            schemas: record.schemas.iter().map(TableSchema::new).collect(),
        }
    }

    /// All schemas that rows of this table follow; the position is the schema id.
    pub(crate) fn schemas(&self) -> &[TableSchema] {
        &self.schemas
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
