//! The rows of one entity: shown as they are stored, and removed for good.
//!
//! **A removed row comes back only as new data.** What waits in the log of pushes is done first, and a log that still holds a row of the key
//! is an error, as is a materialization under way. A push of the key that comes later is a new row, and so is what a later
//! materialization finds in parquet, which this leaves as it is and names.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Int32Array, Int64Array, StringArray, TimestampSecondArray};
use feast_codec::packed_bytes::PackedBytes;
use feast_codec::row::CorruptRow;
use feast_codec::storage_key::split_row_key;
use feast_config::format_duration;
use feast_model::error::{Error, ErrorKind, Result};
use feast_model::{DUMMY_JOIN_KEY, FeatureView, Field, Timestamp, ValueType};

use super::FeatureStore;
use super::scan::key_encoder;
use crate::copy::ViewColumns;
use crate::offline::ParquetSource;

/// The row of one entity in a view, as it is stored.
#[derive(Debug, Clone)]
pub struct StoredRow {
    /// Its features, each with an array of one value. Those that are not stored are left out.
    pub features: Vec<(Field, ArrayRef)>,
    /// When what the row tells was so.
    pub event_time: Timestamp,
    /// `None` when the source has no created time.
    pub created_time: Option<Timestamp>,
}

/// Which rows are to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsToForget {
    /// The view; all with these join keys when `None`, also those that the registry does not have any more.
    pub view: Option<String>,
    /// Each join key with its value as it was typed.
    pub keys: Vec<(String, String)>,
}

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ForgottenRows {
    /// How many rows there were.
    pub rows: usize,
    /// The views of these join keys that were looked at.
    pub views: Vec<String>,
    /// Data sources that may still hold such rows, each with its place.
    pub sources: Vec<(String, String)>,
}

impl FeatureStore {
    /// The row of one entity in a view; `None` when there is none.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, `Invalid` for other join keys than it has, `Data` when the store is damaged.
    pub fn stored_row(&self, view: &str, keys: &[(String, String)]) -> Result<Option<StoredRow>> {
        let state = self.state();
        let found = state.definitions.view_with_rows(view);
        let view = found.ok_or_else(|| Error::unknown_feature_view(view, &self.config.project))?;
        let entities = [packed(&entity_key(&view, keys)?)];
        let store = self.online_store()?;
        let tables = store.tables();
        let Some(table) = tables.get(view.name()) else {
            return Ok(None);
        };
        let rows = store.rows_of(table.id, &entities)?;
        let Some(bytes) = rows.get(0) else {
            return Ok(None);
        };
        stored_row(&view, &ViewColumns::new(&view, table), bytes).map_err(|source| store.corrupt(source))
    }

    /// Removes the rows of one entity from the online store for good: from reads and from memory at once, then their bytes from its files.
    ///
    /// # Errors
    /// `NotFound` and `Invalid` as [`FeatureStore::stored_row`]. `Unavailable` when pushes or a materialization under way may bring them back,
    /// `Unsupported` for a store that other processes write too.
    pub fn forget_rows(&self, wanted: &RowsToForget) -> Result<ForgottenRows> {
        self.check_writable()?;
        let state = self.state();
        let views = state.definitions.views_with_rows();
        let names: BTreeSet<&str> = wanted.keys.iter().map(|(name, _)| name.as_str()).collect();
        let has_keys = |view: &FeatureView| {
            let of_view: BTreeSet<&str> = view.entity_columns.iter().map(|key| key.name.as_str()).collect();
            of_view == names
        };
        let views: Vec<_> = match &wanted.view {
            Some(name) => {
                let view = state.definitions.view_with_rows(name);
                vec![view.ok_or_else(|| Error::unknown_feature_view(name, &self.config.project))?]
            }
            None => views.filter(|view| has_keys(view)).collect(),
        };
        if views.is_empty() {
            let names: Vec<&str> = names.into_iter().collect();
            return Err(Error::invalid(format!(
                "no feature view has the join keys {}",
                names.join(", ")
            ))
            .with_hint(format!(
                "rows of a view that has left the registry are dropped by themselves, serving.drop_after ({}) later",
                format_duration(self.config.drop_after)
            )));
        }
        let mut entities = BTreeSet::new();
        for view in &views {
            entities.insert(entity_key(view, &wanted.keys)?);
        }
        let store = self.online_store()?;
        self.flush_pushes(true)?;
        self.check_log(&entities)?;
        let mut packed = PackedBytes::default();
        entities
            .iter()
            .for_each(|entity| packed.push_with(|out| out.extend_from_slice(entity)));
        let tables = wanted.view.as_ref().map(|view| {
            let table = store.tables().get(view).map(|table| table.id);
            table.into_iter().collect::<Vec<_>>()
        });
        let rows = store.delete_entities(&packed, tables.as_deref())?;
        let sources = views.iter().filter_map(|view| view.batch_source.as_ref());
        let located = sources.map(|source| {
            let place = ParquetSource::locate(source, &self.config.directory);
            // One that is not a file here holds rows all the same.
            let place = place.map(|source| source.path().to_string_lossy().into_owned());
            (source.name().to_owned(), place.unwrap_or_default())
        });
        let sources: BTreeSet<(String, String)> = located.collect();
        Ok(ForgottenRows {
            rows,
            views: views.iter().map(|view| view.name().to_owned()).collect(),
            sources: sources.into_iter().collect(),
        })
    }

    /// Refuses while the log of pushes has a row of an entity, as it would be written when the push is done.
    fn check_log(&self, entities: &BTreeSet<Vec<u8>>) -> Result<()> {
        let is_of_them = |key: &[u8]| split_row_key(key).is_some_and(|(_, entity)| entities.contains(entity));
        if !self.pushes.hold_row(&self.push_stores()?, is_of_them)? {
            return Ok(());
        }
        let message = "a push that is not done yet has a row of this key, and would bring it back";
        Err(Error::new(ErrorKind::Unavailable, message)
            .with_hint("try again; if it stays so, the log of the server says why pushes stay in the log"))
    }
}

fn stored_row(view: &FeatureView, columns: &ViewColumns, bytes: &[u8]) -> Result<Option<StoredRow>, CorruptRow> {
    let groups = columns.group(&[(0, bytes)])?;
    let Some(group) = groups.first() else { return Ok(None) };
    let fields = group.stored(&view.features).cloned();
    let version = group.rows().next().map(|(_, version)| version);
    let features = fields.zip(columns.read(group)?).collect();
    Ok(version.map(|version| StoredRow {
        features,
        event_time: version.event_time,
        created_time: version.created_time,
    }))
}

/// The entity key of values as they were typed.
fn entity_key(view: &FeatureView, keys: &[(String, String)]) -> Result<Vec<u8>> {
    let unknown = keys
        .iter()
        .find(|(name, _)| view.entity_columns.iter().all(|key| key.name != *name));
    if let Some((name, _)) = unknown {
        let known = view.entity_columns.iter().map(|key| key.name.as_str());
        let known: Vec<&str> = known.filter(|key| *key != DUMMY_JOIN_KEY).collect();
        let hint = match known[..] {
            [] => "it has no entities: its one row needs no keys".to_owned(),
            _ => format!("its join keys are {}", known.join(", ")),
        };
        return Err(Error::invalid(format!("feature view {} has no join key {name}", view.name())).with_hint(hint));
    }
    let columns = view.entity_columns.iter().map(|key| {
        let mut given = keys.iter().filter(|(name, _)| *name == key.name);
        match (given.next(), given.next()) {
            (Some((_, value)), None) => typed(&key.name, value, &key.value_type),
            (Some(_), Some(_)) => Err(Error::invalid(format!("join key {} is given twice", key.name))),
            // A view without entities has one row, under the empty string.
            (None, _) if key.name == DUMMY_JOIN_KEY => typed(&key.name, "", &key.value_type),
            (None, _) => Err(Error::invalid(format!("join key {} is missing", key.name))
                .with_hint(format!("add {}=VALUE", key.name))),
        }
    });
    let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
    let mut key = Vec::new();
    key_encoder(view)?.encode(&columns, 0, &mut key);
    Ok(key)
}

/// A value of a type that join keys have, from its text.
fn typed(name: &str, text: &str, value_type: &ValueType) -> Result<ArrayRef> {
    let wrong = || Error::invalid(format!("join key {name}: {text:?} is no {value_type}"));
    Ok(match value_type {
        ValueType::Int32 => Arc::new(Int32Array::from(vec![text.parse::<i32>().map_err(|_| wrong())?])),
        ValueType::Int64 => Arc::new(Int64Array::from(vec![text.parse::<i64>().map_err(|_| wrong())?])),
        ValueType::UnixTimestamp => {
            let seconds = text.parse::<i64>().ok();
            let seconds = seconds.or_else(|| {
                Timestamp::parse(text)
                    .ok()
                    .map(|time| time.micros().div_euclid(1_000_000))
            });
            Arc::new(TimestampSecondArray::from(vec![seconds.ok_or_else(wrong)?]).with_timezone("UTC"))
        }
        ValueType::String => Arc::new(StringArray::from(vec![text])),
        ValueType::Bytes => Arc::new(BinaryArray::from(vec![text.as_bytes()])),
        _ => return Err(wrong()),
    })
}

fn packed(entity: &[u8]) -> PackedBytes {
    let mut packed = PackedBytes::default();
    packed.push_with(|out| out.extend_from_slice(entity));
    packed
}
