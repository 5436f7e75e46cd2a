//! The answers of the server for callers in this process, such as the commands that look up and list rows: the same JSON, and nobody
//! listens anywhere.

use feast_conversion::Numbers;
use feast_engine::model::FeatureSelection;
use feast_engine::{Error, FeatureStore, StoredRow};
use serde_json::{Map, Value};

use crate::wire::entities::{KeyValues, entity_rows};
use crate::wire::response::{Layout, json_value, write_feature_vectors};

/// What `POST /get-online-features` answers in columns.
///
/// `entities` holds a list of JSON values for each join key.
///
/// # Errors
/// As the endpoint: `NotFound` for an unknown view, `Invalid` for wrong references and keys.
pub fn online_features(
    store: &FeatureStore,
    selection: &FeatureSelection,
    entities: Vec<(String, Vec<Value>)>,
) -> Result<Value, Error> {
    let plan = store.plan(selection, false)?;
    let entities = entities
        .into_iter()
        .map(|(name, keys)| (name, KeyValues::Json(keys, Numbers::Exact)));
    let entities = entity_rows(&plan, &entities.collect())?;
    let vectors = store.read(&plan, &entities)?;
    let json = write_feature_vectors(&vectors, Layout::Columns, None);
    serde_json::from_slice(&json).map_err(|source| Error::internal(format!("the answer is not JSON: {source}")))
}

/// The row of one entity in a view as it is stored: its features, and its times. `None` when there is none.
///
/// # Errors
/// As [`FeatureStore::stored_row`].
pub fn stored_row(store: &FeatureStore, view: &str, keys: &[(String, String)]) -> Result<Option<Value>, Error> {
    let row = store.stored_row(view, keys)?;
    row.map(|row| row_json(None, row)).transpose()
}

/// Some rows of a view as they are stored.
pub struct StoredRows {
    /// Of each row its join keys, its features, and its times.
    pub rows: Vec<Value>,
    /// Where the next rows begin; `None` after the last ones.
    pub next: Option<Vec<u8>>,
    /// Rows before these may have been missed, so all of them come again.
    pub starts_over: bool,
}

/// Some rows of a view as they are stored, of `limit` keys at most, after those that were read before.
///
/// # Errors
/// As [`FeatureStore::stored_rows`].
pub fn stored_rows(store: &FeatureStore, view: &str, after: Option<&[u8]>, limit: usize) -> Result<StoredRows, Error> {
    let page = store.stored_rows(view, after, limit)?;
    let rows = page.rows.into_iter().map(|with_key| {
        let mut keys = Map::new();
        for (name, value_type, value) in &with_key.keys {
            keys.insert(name.clone(), json_value(value, value_type)?);
        }
        row_json(Some(keys), with_key.row)
    });
    Ok(StoredRows {
        rows: rows.collect::<Result<_, Error>>()?,
        next: page.next,
        starts_over: page.starts_over,
    })
}

fn row_json(keys: Option<Map<String, Value>>, row: StoredRow) -> Result<Value, Error> {
    let mut features = Map::new();
    for (field, values) in row.features {
        features.insert(field.name, json_value(&values, &field.value_type)?);
    }
    let mut members = Map::new();
    members.extend(keys.map(|keys| ("keys".to_owned(), Value::Object(keys))));
    members.insert("features".to_owned(), Value::Object(features));
    members.insert("event_time".to_owned(), Value::from(row.event_time.to_string()));
    let created = row.created_time.map(|time| Value::from(time.to_string()));
    members.insert("created_time".to_owned(), created.unwrap_or_default());
    Ok(Value::Object(members))
}
