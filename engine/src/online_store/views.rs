//! Feature views of the registry in the terms of stores.

use feast_codec::record::{SchemaRecord, ViewShape};
use feast_codec::row::storage_type;
use feast_model::{FeatureView, Field};

use super::{StoredView, TableView};

/// What identifies a view to its table.
pub(crate) fn view_shape(view: &FeatureView) -> ViewShape {
    let typed = |fields: &[Field]| {
        let pairs = fields.iter();
        pairs
            .map(|field| (field.name.clone(), field.value_type.to_string()))
            .collect()
    };
    ViewShape::new(typed(&view.entity_columns), typed(&view.features))
}

/// A view, as a store with tables of its own knows it.
pub(crate) fn table_view(view: &FeatureView) -> TableView {
    TableView {
        name: view.name().to_owned(),
        shape: view_shape(view),
    }
}

/// A view, as a store in Feast's layout knows it. `version` is its number where requests may name versions, else 0.
pub(crate) fn stored_view(view: &FeatureView, version: i32) -> StoredView {
    let name = view.name().to_owned();
    let mut join_keys = view.entity_columns.clone();
    join_keys.sort_by(|left, right| left.name.cmp(&right.name));
    StoredView {
        stored_name: match version {
            ..=0 => name.clone(),
            _ => format!("{name}_v{version}"),
        },
        name,
        join_keys,
        features: view.features.clone(),
        shape: view_shape(view),
    }
}

/// The features of a view, as its rows have them.
pub(super) fn schema(view: &FeatureView) -> SchemaRecord {
    schema_of(&view.features)
}

/// As [`schema`], for rows that have only some features.
pub(super) fn schema_of(features: &[Field]) -> SchemaRecord {
    let features = features.iter();
    let features = features.map(|field| (field.name.clone(), storage_type(&field.value_type)));
    SchemaRecord {
        features: features.collect(),
    }
}
