//! Rows that are scanned and rows that are got are those that were written.

use std::collections::{BTreeMap, BTreeSet};

use feast_codec::packed_bytes::PackedBytes;
use feast_codec::storage_key::row_key;
use feast_config::OnlineStoreMemory;
use feast_rows::Replace;
use proptest::prelude::*;

use crate::RocksDbStore;
use crate::tests::{entity, read_rows, row};

use super::{ExtraThreads, MAX_EXTRA_THREADS};

/// More than one request reads, and far from one another.
const TABLES: [u32; 12] = [0, 1, 2, 3, 5, 8, 9, 40, 41, 42, 255, 256];
const ENTITIES: u8 = 60;

fn some_tables() -> impl Strategy<Value = BTreeSet<u32>> {
    prop::collection::btree_set(prop::sample::select(&TABLES[..]), 1..TABLES.len())
}

#[test]
fn all_requests_together_have_a_bounded_number_of_threads() {
    let threads = ExtraThreads::default();
    let most = threads.reserve(MAX_EXTRA_THREADS - 3);
    assert_eq!(most.count, MAX_EXTRA_THREADS - 3);
    let (rest, none) = (threads.reserve(7), threads.reserve(7));
    assert_eq!((rest.count, none.count), (3, 0));
    drop(rest);
    assert_eq!(threads.reserve(1).count, 1);
    drop((most, none));
    assert_eq!(threads.reserve(MAX_EXTRA_THREADS).count, MAX_EXTRA_THREADS);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_are_those_that_were_written(
        written in prop::collection::vec((0..ENTITIES, prop::sample::select(&TABLES[..]), 0_i64..1000), 0..300),
        flushed_after in 0_usize..300,
        asked in prop::collection::vec((some_tables(), prop::collection::vec(0..ENTITIES, 1..40)), 1..4),
    ) {
        let directory = tempfile::tempdir().unwrap();
        // Without rows in memory, so that each read comes to the database.
        let memory = OnlineStoreMemory { row_cache: 0, ..OnlineStoreMemory::default() };
        let storage = RocksDbStore::open(directory.path(), "p", memory).unwrap();
        let mut model = BTreeMap::new();
        for (number, (id, table, time)) in written.into_iter().enumerate() {
            let (mut keys, mut rows) = (PackedBytes::default(), PackedBytes::default());
            let bytes = row(time, None, table);
            keys.push_with(|out| out.extend_from_slice(&row_key(&entity(&[id]), table)));
            rows.push_with(|out| out.extend_from_slice(&bytes));
            storage.write_rows(&keys, &rows, Replace::AllRows).unwrap();
            model.insert((id, table), bytes);
            if number == flushed_after {
                storage.db().flush().unwrap();
            }
        }
        for (tables, ids) in asked {
            let tables: Vec<u32> = tables.into_iter().collect();
            let entities: Vec<Vec<u8>> = ids.iter().map(|id| entity(&[*id])).collect();
            let entities: Vec<&[u8]> = entities.iter().map(Vec::as_slice).collect();
            let expected: Vec<Option<Vec<u8>>> = ids
                .iter()
                .flat_map(|id| tables.iter().map(|table| model.get(&(*id, *table)).cloned()))
                .collect();
            prop_assert_eq!(read_rows(&storage, &tables, &entities), expected);
        }
    }
}
