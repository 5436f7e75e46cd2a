//! The steps of a read, and of a materialization's plan, one by one, so that each can be measured beside its floor. Only the
//! benches use it, which turn on the feature of this name; no other build has it.

use std::collections::BTreeSet;
use std::path::Path;

use feast_codec::packed_bytes::PackedBytes;
use feast_codec::storage_key::row_key;
use feast_model::error::Result;

use crate::offline::ParquetSource;
use crate::online::{self, EntityRows, FeatureVectors, ReadPlan};
use crate::online_store::RowBatch;
use crate::store::FeatureStore;

/// The entity keys of a request, for each group of views that share their join keys.
pub struct EntityKeys(Vec<PackedBytes>);

/// The stored rows of a request.
pub struct FetchedRows(Vec<RowBatch>);

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
pub fn stored_rows(store: &FeatureStore, plan: &ReadPlan, keys: &EntityKeys) -> Result<FetchedRows> {
    let store = store.online_store()?;
    let binding = online::bind(plan, store);
    let queries = binding.queries(&keys.0);
    let mut lookup = store.prepare(queries)?;
    while let Some(missing) = lookup.missing(queries) {
        let reading = store.reading();
        let fetched = reading.fetch(missing)?;
        store.complete(&mut lookup, queries, fetched)?;
    }
    Ok(FetchedRows(lookup.into_batches()))
}

/// Stored rows to Arrow columns.
///
/// # Errors
/// As [`FeatureStore::read`].
pub fn columns<'request>(
    store: &FeatureStore,
    plan: &'request ReadPlan,
    entities: &'request EntityRows,
    rows: &FetchedRows,
) -> Result<FeatureVectors<'request>> {
    let store = store.online_store()?;
    let binding = online::bind(plan, store);
    let columns = online::assemble(plan, &binding, entities, &rows.0).map_err(|corrupt| store.corrupt(corrupt))?;
    Ok(columns.vectors)
}

/// The keys of the database for entity keys, ascending and distinct.
///
/// # Errors
/// As [`FeatureStore::read`].
pub fn database_keys(store: &FeatureStore, plan: &ReadPlan, keys: &EntityKeys) -> Result<Vec<Vec<u8>>> {
    let binding = online::bind(plan, store.online_store()?);
    let queries = binding.queries(&keys.0);
    let mut database_keys = BTreeSet::new();
    for (tables, entities) in queries.tables.iter().zip(queries.entities) {
        for table in tables {
            database_keys.extend(entities.iter().map(|entity| row_key(entity, *table)));
        }
    }
    Ok(database_keys.into_iter().collect())
}

/// One batched get of RocksDB and nothing else: the floor of a lookup. Gives the number of bytes read.
///
/// # Errors
/// As [`FeatureStore::read`].
pub fn batched_get(store: &FeatureStore, keys: &[Vec<u8>]) -> Result<usize> {
    store.online_store()?.batched_get(keys)
}

/// What a materialization does before it reads rows: finds the files of a source and reads their footers. Gives the number of row
/// groups.
///
/// # Errors
/// As [`FeatureStore::materialize`].
pub fn plan_source(path: &Path) -> Result<usize> {
    ParquetSource::local(path.to_path_buf(), "source".to_owned()).row_groups()
}
