//! The tables of one project as they are now, for readers and writers.
//!
//! A state of the tables never changes: a store publishes another one. So a reader that finds the same state after its lookup as
//! before knows that its rows follow the schemas it knows.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use feast_codec::record::{SchemaRecord, TableDetail, ViewShape};
use feast_codec::row::{RowLayout, storage_type};
use feast_codec::row_reader::TypedColumns;

use super::StoredView;

/// A view of the registry, as far as tables are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableView {
    /// Its name.
    pub name: String,
    /// What tells it from another view of that name.
    pub shape: ViewShape,
}

/// The tables of one project.
#[derive(Debug, Default)]
pub struct Tables {
    by_view: HashMap<String, Arc<Table>>,
    hidden: Vec<HiddenTable>,
}

/// A table that cannot be read because the registry does not have its view.
#[derive(Debug)]
pub struct HiddenTable {
    /// The name of its view.
    pub view: String,
    /// Since when, in microseconds since 1970.
    pub since: i64,
    /// As it was when it was hidden.
    pub table: Arc<Table>,
}

/// The rows of one feature view.
#[derive(Debug)]
pub struct Table {
    /// Its id in the keys of rows.
    pub id: u32,
    schemas: Vec<TableSchema>,
    /// `None` for a table of an older store that was not used since.
    detail: Option<TableDetail>,
}

/// Where features lie in the rows of a table, for reading them a column at a time.
#[derive(Debug)]
pub struct FeatureColumns {
    /// The features, those of one Arrow type together.
    pub arrays: Vec<TypedColumns>,
    /// For each feature, where it is in `arrays`.
    pub columns: Vec<ColumnRef>,
}

/// One feature among those that have the same Arrow type.
#[derive(Debug, Clone, Copy)]
pub struct ColumnRef {
    /// Position of its array.
    pub array: usize,
    /// Its number among the columns of the array.
    pub number: usize,
}

/// One of the lists of features that rows of a table follow.
#[derive(Debug)]
pub struct TableSchema {
    record: SchemaRecord,
    pub layout: RowLayout,
}

impl Tables {
    /// Tables in use, each with the name of its view, and hidden ones.
    pub fn new(in_use: impl Iterator<Item = (String, Arc<Table>)>, hidden: Vec<HiddenTable>) -> Self {
        Self {
            by_view: in_use.collect(),
            hidden,
        }
    }

    /// The table of a view that the registry has.
    pub fn get(&self, view: &str) -> Option<&Arc<Table>> {
        self.by_view.get(view)
    }

    /// The table that rows of a view are written to: the one in use, or the last hidden one of the same view.
    pub fn written_to(&self, view: &TableView) -> Option<&Arc<Table>> {
        let fits = |hidden: &&HiddenTable| {
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
    pub fn views(&self) -> impl Iterator<Item = (&String, &Arc<Table>)> {
        self.by_view.iter()
    }

    /// Tables that cannot be read for now.
    pub fn hidden(&self) -> &[HiddenTable] {
        &self.hidden
    }
}

impl Table {
    /// With its schemas in the order of their ids, and what it was made for as far as that is known.
    pub fn new(id: u32, schemas: &[SchemaRecord], detail: Option<TableDetail>) -> Self {
        Self {
            id,
            schemas: schemas
                .iter()
                .map(|schema| TableSchema::with_layout(schema, RowLayout::new))
                .collect(),
            detail,
        }
    }

    /// A table of a view of the registry, for a store that keeps no schemas. Rows that have all features follow the first schema,
    /// those that lack some the second.
    pub fn of_view(id: u32, view: &StoredView) -> Self {
        let features = view.features.iter();
        let features = features.map(|field| (field.name.clone(), storage_type(&field.value_type)));
        let record = SchemaRecord {
            features: features.collect(),
        };
        let detail = TableDetail {
            table_id: id,
            shape: view.shape.clone(),
            is_materialized: true,
        };
        Self {
            id,
            schemas: vec![
                TableSchema::with_layout(&record, RowLayout::new),
                TableSchema::with_layout(&record, RowLayout::with_stored_bits),
            ],
            detail: Some(detail),
        }
    }

    /// All schemas that rows of this table follow; the position is the schema id.
    pub fn schemas(&self) -> &[TableSchema] {
        &self.schemas
    }

    /// Where features lie in its rows, given the name, the Arrow type and the storage type of each. What no schema has is null.
    pub fn columns<'a>(&self, features: impl Iterator<Item = (&'a str, DataType, &'a str)>) -> FeatureColumns {
        let mut arrays: Vec<TypedColumns> = Vec::new();
        let columns = features.map(|(name, data_type, storage_type)| {
            let known = arrays.iter().position(|columns| *columns.data_type() == data_type);
            let array = known.unwrap_or_else(|| {
                arrays.push(TypedColumns::new(data_type, self.schemas.len()));
                arrays.len() - 1
            });
            let slots = self.schemas.iter().map(|schema| {
                let position = schema.position(name, storage_type)?;
                schema.layout.feature(position)
            });
            let number = arrays[array].push(slots);
            ColumnRef { array, number }
        });
        let columns = columns.collect();
        FeatureColumns { arrays, columns }
    }

    /// For which view it was made, if that is known.
    pub fn shape(&self) -> Option<&ViewShape> {
        self.detail.as_ref().map(|detail| &detail.shape)
    }

    /// Whether a materialization has filled it; taken for granted where it is not known.
    pub fn is_materialized(&self) -> bool {
        self.detail.as_ref().is_none_or(|detail| detail.is_materialized)
    }

    /// The id of a schema, if rows of this table follow it.
    pub fn schema_id(&self, schema: &SchemaRecord) -> Option<u32> {
        let position = self.schemas.iter().position(|known| known.record == *schema)?;
        u32::try_from(position).ok()
    }
}

impl TableSchema {
    fn with_layout(record: &SchemaRecord, layout: impl FnOnce(&[String]) -> RowLayout) -> Self {
        let storage_types: Vec<String> = record
            .features
            .iter()
            .map(|(_, storage_type)| storage_type.clone())
            .collect();
        Self {
            record: record.clone(),
            layout: layout(&storage_types),
        }
    }

    /// The position of a feature that is stored under this name and type.
    pub fn position(&self, name: &str, storage_type: &str) -> Option<usize> {
        self.record
            .features
            .iter()
            .position(|(known, known_type)| known == name && known_type == storage_type)
    }
}
