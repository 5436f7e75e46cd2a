//! The steps of a read, and of a materialization's plan, one by one, so that each can be measured beside its floor. Only the
//! benches use it.

use std::collections::BTreeSet;
use std::path::Path;

use feast_model::error::{Error, Result};

use crate::codec::byte_block::ByteBlock;
use crate::codec::storage_key::row_prefix;
use crate::offline::ParquetSource;
use crate::online::{self, EntityRows, FeatureVectors, ReadPlan};
use crate::storage::FoundRows;
use crate::store::FeatureStore;

/// The entity keys of a request, for each group of views that share their join keys.
pub struct EntityKeys(Vec<ByteBlock>);

/// The stored rows of a request.
pub struct StoredRows(Vec<FoundRows>);

/// Key columns to entity keys.
///
/// # Errors
/// As [`FeatureStore::read`].
pub fn entity_keys(plan: &ReadPlan, entities: &EntityRows) -> Result<EntityKeys> {
    online::entity_keys(plan, entities).map(EntityKeys)
}

/// Entity keys to stored rows. Without the row cache the database is asked for each of them.
///
/// # Errors
/// As [`FeatureStore::read`].
pub fn stored_rows(store: &FeatureStore, plan: &ReadPlan, keys: &EntityKeys) -> Result<StoredRows> {
    let storage = store.online_store()?;
    let binding = online::bind(plan, storage);
    let rows = storage.read_rows(&binding.queries(&keys.0), |_| Ok::<_, Error>(()))?;
    Ok(StoredRows(rows))
}

/// Stored rows to Arrow columns.
///
/// # Errors
/// As [`FeatureStore::read`].
pub fn columns<'request>(
    store: &FeatureStore,
    plan: &'request ReadPlan,
    entities: &'request EntityRows,
    rows: &StoredRows,
) -> Result<FeatureVectors<'request>> {
    let storage = store.online_store()?;
    let binding = online::bind(plan, storage);
    online::assemble(plan, &binding, entities, &rows.0).map_err(|damage| storage.damaged(damage))
}

/// The keys of the database for entity keys, ascending and distinct.
///
/// # Errors
/// As [`FeatureStore::read`].
pub fn database_keys(store: &FeatureStore, plan: &ReadPlan, keys: &EntityKeys) -> Result<Vec<Vec<u8>>> {
    let storage = store.online_store()?;
    let binding = online::bind(plan, storage);
    let mut database_keys = BTreeSet::new();
    for query in binding.queries(&keys.0) {
        for table in query.tables {
            let prefix = row_prefix(*table);
            database_keys.extend(query.entities.iter().map(|entity| [&prefix, entity].concat()));
        }
    }
    Ok(database_keys.into_iter().collect())
}

/// One batched get of RocksDB and nothing else: the floor of a look-up. Gives the number of bytes read.
///
/// # Errors
/// As [`FeatureStore::read`].
pub fn batched_get(store: &FeatureStore, keys: &[Vec<u8>]) -> Result<usize> {
    let rows = store.online_store()?.get_many(keys.iter().map(Vec::as_slice))?;
    Ok(rows.iter().flatten().map(|row| row.len()).sum())
}

/// What a materialization does before it reads rows: finds the files of a source and reads their footers. Gives the number of row
/// groups.
///
/// # Errors
/// As [`FeatureStore::materialize`].
pub fn plan_source(path: &Path) -> Result<usize> {
    ParquetSource::local(path.to_path_buf(), "source".to_owned()).row_groups()
}
