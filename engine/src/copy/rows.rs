//! Stored rows of a view as columns, those with the same features together.

use std::collections::BTreeMap;

use arrow::array::ArrayRef;
use feast_codec::row::{CorruptRow, RowHeader, RowVersion, storage_type};
use feast_codec::row_reader::{SchemaRow, TypedColumns};
use feast_model::FeatureView;

use crate::online_store::Table;

/// Where the features of a view lie in the rows of a table.
pub(super) struct ViewColumns {
    /// Features of one Arrow type together.
    arrays: Vec<TypedColumns>,
    /// For each feature, its array and its number there.
    places: Vec<(usize, usize)>,
    schemas: usize,
}

/// Rows that have the same features.
pub(super) struct RowGroup<'rows> {
    stored: Vec<bool>,
    /// Position in the page, and version.
    versions: Vec<(usize, RowVersion)>,
    rows: Vec<Option<SchemaRow<'rows>>>,
}

impl ViewColumns {
    pub(super) fn new(view: &FeatureView, table: &Table) -> Self {
        let mut arrays: Vec<TypedColumns> = Vec::new();
        let places = view.features.iter().map(|feature| {
            let data_type = feature.value_type.arrow_type();
            let known = arrays.iter().position(|columns| *columns.data_type() == data_type);
            let array = known.unwrap_or_else(|| {
                arrays.push(TypedColumns::new(data_type, table.schemas().len()));
                arrays.len() - 1
            });
            let stored_as = storage_type(&feature.value_type);
            let slots = table.schemas().iter().map(|schema| {
                let position = schema.position(&feature.name, &stored_as)?;
                schema.layout.feature(position)
            });
            (array, arrays[array].push(slots))
        });
        Self {
            places: places.collect(),
            arrays,
            schemas: table.schemas().len(),
        }
    }

    /// Brings rows with the same features together.
    pub(super) fn group<'rows>(&self, rows: &[(usize, &'rows [u8])]) -> Result<Vec<RowGroup<'rows>>, CorruptRow> {
        let mut groups: BTreeMap<Vec<bool>, RowGroup<'rows>> = BTreeMap::new();
        for (position, bytes) in rows {
            let header = RowHeader::decode(bytes)?;
            let schema = header.schema_id as usize;
            if schema >= self.schemas {
                return Err(CorruptRow("its schema is not known"));
            }
            let row = SchemaRow { bytes, schema };
            let places = self.places.iter();
            let stored: Vec<bool> = places
                .map(|(array, number)| self.arrays[*array].is_stored(*number, &row))
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
    pub(super) fn read(&self, group: &RowGroup<'_>) -> Result<Vec<ArrayRef>, CorruptRow> {
        let arrays = self.arrays.iter().map(|columns| columns.read(&group.rows));
        let arrays = arrays.collect::<Result<Vec<ArrayRef>, CorruptRow>>()?;
        let count = group.rows.len();
        let columns = group.stored(&self.places);
        Ok(columns
            .map(|(array, number)| arrays[*array].slice(number * count, count))
            .collect())
    }
}

impl RowGroup<'_> {
    /// Those of a list that belong to stored features; one is of each feature of the view.
    pub(super) fn stored<'a, T>(&'a self, of_features: &'a [T]) -> impl Iterator<Item = &'a T> {
        let of_features = of_features.iter().zip(&self.stored);
        of_features.filter(|(_, stored)| **stored).map(|(item, _)| item)
    }

    /// Of each feature of the view whether it is stored.
    pub(super) fn stored_flags(&self) -> &[bool] {
        &self.stored
    }

    pub(super) fn has_features(&self) -> bool {
        self.stored.contains(&true)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The position of each row in its page, and its version.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, RowVersion)> {
        self.versions.iter().copied()
    }
}
