//! All rows of a view as they are stored, page by page, and what lies in the tables of the store.

use arrow::array::ArrayRef;
use feast_codec::entity_key::EntityKeyEncoder;
use feast_model::error::{Error, Result};
use feast_model::{FeatureView, Timestamp, ValueType};

use super::FeatureStore;
use super::keys::StoredRow;
use crate::copy::ViewColumns;
use crate::online_store::RowTotals;

/// Some rows of a view.
#[derive(Debug, Default)]
pub struct StoredPage {
    /// In the order of their keys, where the store has one.
    pub rows: Vec<RowWithKey>,
    /// Where the next page begins, in the form of the store; `None` after the last one.
    pub next: Option<Vec<u8>>,
    /// Rows before this page may have been missed, so all of them come again.
    pub starts_over: bool,
}

/// A row, and whose it is.
#[derive(Debug, Clone)]
pub struct RowWithKey {
    /// Each join key with its type as it is stored and an array of one value.
    pub keys: Vec<(String, ValueType, ArrayRef)>,
    /// What is stored.
    pub row: StoredRow,
}

/// What the online store has of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewTotals {
    /// The view.
    pub view: String,
    /// Its rows are kept, unseen, as it has left the registry.
    pub is_hidden: bool,
    /// How many rows there are.
    pub rows: u64,
    /// Bytes of their keys and values, before compression.
    pub bytes: u64,
    /// The newest event time; `None` without rows.
    pub newest_event: Option<Timestamp>,
}

/// What the online store has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnlineStoreTotals {
    /// Of each view of the project, by name.
    pub views: Vec<ViewTotals>,
    /// Bytes of the store's files, compressed and with rows that were replaced; `None` when there are none.
    pub file_bytes: Option<u64>,
}

impl FeatureStore {
    /// Some rows of a view, of `limit` keys at most, after those of the last page. Rows that no read finds, as they lie under join keys that
    /// the view had before, are left out. Rows that are written meanwhile are in a page or not.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, `Data` when the store is damaged, `Unavailable` when it does not answer.
    pub fn stored_rows(&self, view: &str, after: Option<&[u8]>, limit: usize) -> Result<StoredPage> {
        let state = self.state();
        let found = state.definitions.view_with_rows(view);
        let view = found.ok_or_else(|| Error::unknown_feature_view(view, &self.config.project))?;
        let store = self.online_store()?;
        let tables = store.tables();
        let Some(table) = tables.get(view.name()) else {
            return Ok(StoredPage::default());
        };
        let page = store.entity_keys(table.id, after, limit)?;
        let entities = [page.keys];
        let rows = store.rows_of(table.id, &entities)?;
        let encoder = key_encoder(&view)?;
        let [keys] = &entities;
        let mut decoded: Vec<_> = (0..keys.len())
            .map(|position| encoder.decode(keys.get(position)))
            .collect();
        let found: Vec<(usize, &[u8])> = (0..keys.len())
            .filter(|position| decoded[*position].is_some())
            .filter_map(|position| Some((position, rows.get(position)?)))
            .collect();
        let columns = ViewColumns::new(&view, table);
        let corrupt = |source| store.corrupt(source);
        // Rows with the same features are read together, and then put back into the order of the keys.
        let mut in_order: Vec<Option<RowWithKey>> = Vec::new();
        in_order.resize_with(keys.len(), || None);
        for group in columns.group(&found).map_err(corrupt)? {
            let features: Vec<_> = group.stored(&view.features).cloned().collect();
            let values = columns.read(&group).map_err(corrupt)?;
            for (row, (position, version)) in group.rows().enumerate() {
                let of_row = values.iter().map(|column| column.slice(row, 1));
                in_order[position] = Some(RowWithKey {
                    keys: named(&view, decoded[position].take().unwrap_or_default()),
                    row: StoredRow {
                        features: features.iter().cloned().zip(of_row).collect(),
                        event_time: version.event_time,
                        created_time: version.created_time,
                    },
                });
            }
        }
        Ok(StoredPage {
            rows: in_order.into_iter().flatten().collect(),
            next: page.next,
            starts_over: page.starts_over,
        })
    }

    /// What the online store has of each view of the project, also of those whose rows are hidden. All rows are read.
    ///
    /// # Errors
    /// `Unsupported` for Redis, `Data` when the store is damaged, `Unavailable` when it does not answer.
    pub fn online_store_totals(&self) -> Result<OnlineStoreTotals> {
        let store = self.online_store()?;
        let totals = store.row_totals()?;
        let tables = store.tables();
        let of = |view: &str, table: Option<u32>, is_hidden| {
            let RowTotals {
                rows,
                bytes,
                newest_event,
            } = table.and_then(|table| totals.get(&table)).copied().unwrap_or_default();
            ViewTotals {
                view: view.to_owned(),
                is_hidden,
                rows,
                bytes,
                newest_event,
            }
        };
        let state = self.state();
        let in_use = state.definitions.views_with_rows().map(|view| {
            let table = tables.get(view.name()).map(|table| table.id);
            of(view.name(), table, false)
        });
        let hidden = tables
            .hidden()
            .iter()
            .map(|hidden| of(&hidden.view, Some(hidden.table.id), true));
        let mut views: Vec<ViewTotals> = in_use.chain(hidden).collect();
        views.sort_by(|left, right| (&left.view, left.is_hidden).cmp(&(&right.view, right.is_hidden)));
        Ok(OnlineStoreTotals {
            views,
            file_bytes: store.file_bytes(),
        })
    }
}

/// For the join keys of a view.
pub(super) fn key_encoder(view: &FeatureView) -> Result<EntityKeyEncoder> {
    let keys = view.entity_columns.iter();
    let types: Vec<(&str, &ValueType)> = keys.map(|key| (key.name.as_str(), &key.value_type)).collect();
    EntityKeyEncoder::new(&types).map_err(|problem| Error::invalid(problem.to_string()))
}

/// Values of a key with the names of the join keys.
fn named(view: &FeatureView, values: Vec<(ValueType, ArrayRef)>) -> Vec<(String, ValueType, ArrayRef)> {
    let names = view.entity_columns.iter().map(|key| key.name.clone());
    names
        .zip(values)
        .map(|(name, (value_type, value))| (name, value_type, value))
        .collect()
}
