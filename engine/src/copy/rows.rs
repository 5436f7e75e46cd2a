//! Stored rows of a view as columns, those with the same features together.

use std::collections::BTreeMap;

use arrow::array::ArrayRef;
use feast_codec::row::{CorruptRow, RowHeader, RowVersion, storage_type};
use feast_codec::row_reader::{SchemaRow, TypedColumns};
use feast_model::FeatureView;

use crate::online_store::{ColumnRef, FeatureColumns, Table};

/// Where the features of a view lie in the rows of a table.
pub(crate) struct ViewColumns {
    /// Features of one Arrow type together.
    arrays: Vec<TypedColumns>,
    /// For each feature, where it is in `arrays`.
    columns: Vec<ColumnRef>,
    schemas: usize,
}

/// Rows that have the same features.
pub(crate) struct RowGroup<'rows> {
    stored: Vec<bool>,
    /// Position in the page, and version.
    versions: Vec<(usize, RowVersion)>,
    rows: Vec<Option<SchemaRow<'rows>>>,
}

impl ViewColumns {
    pub(crate) fn new(view: &FeatureView, table: &Table) -> Self {
        let storage_types: Vec<String> = view
            .features
            .iter()
            .map(|field| storage_type(&field.value_type))
            .collect();
        let features = view.features.iter().zip(&storage_types);
        let features = features.map(|(field, stored)| (&field.name[..], field.value_type.arrow_type(), &stored[..]));
        let FeatureColumns { arrays, columns } = table.columns(features);
        Self {
            arrays,
            columns,
            schemas: table.schemas().len(),
        }
    }

    /// Brings rows with the same features together.
    pub(crate) fn group<'rows>(&self, rows: &[(usize, &'rows [u8])]) -> Result<Vec<RowGroup<'rows>>, CorruptRow> {
        let mut groups: BTreeMap<Vec<bool>, RowGroup<'rows>> = BTreeMap::new();
        for (position, bytes) in rows {
            let header = RowHeader::decode(bytes)?;
            let schema = header.schema_id as usize;
            if schema >= self.schemas {
                return Err(CorruptRow("its schema is not known"));
            }
            let row = SchemaRow { bytes, schema };
            let columns = self.columns.iter();
            let stored: Vec<bool> = columns
                .map(|column| self.arrays[column.array].is_stored(column.number, &row))
                .collect();
            let group = groups.entry(stored).or_insert_with_key(|stored| RowGroup {
                stored: stored.clone(),
                versions: Vec::new(),
                rows: Vec::new(),
            });
            group.versions.push((*position, header.version));
            group.rows.push(Some(row));
        }
        Ok(groups.into_values().collect())
    }

    /// The stored features of a group, each as a column, in the order of the view.
    pub(crate) fn read(&self, group: &RowGroup<'_>) -> Result<Vec<ArrayRef>, CorruptRow> {
        let arrays = self.arrays.iter().map(|columns| columns.read(&group.rows));
        let arrays = arrays.collect::<Result<Vec<ArrayRef>, CorruptRow>>()?;
        let count = group.rows.len();
        let columns = group.stored(&self.columns);
        Ok(columns
            .map(|column| arrays[column.array].slice(column.number * count, count))
            .collect())
    }
}

impl RowGroup<'_> {
    /// Those of a list that belong to stored features; one is of each feature of the view.
    pub(crate) fn stored<'a, T>(&'a self, of_features: &'a [T]) -> impl Iterator<Item = &'a T> {
        let of_features = of_features.iter().zip(&self.stored);
        of_features.filter(|(_, stored)| **stored).map(|(item, _)| item)
    }

    /// Of each feature of the view whether it is stored.
    pub(crate) fn stored_flags(&self) -> &[bool] {
        &self.stored
    }

    pub(crate) fn has_features(&self) -> bool {
        self.stored.contains(&true)
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The position of each row in its page, and its version.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (usize, RowVersion)> {
        self.versions.iter().copied()
    }
}
