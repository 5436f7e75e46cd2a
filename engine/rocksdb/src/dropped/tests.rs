//! What becomes of the rows of dropped tables.

use feast_codec::packed_bytes::PackedBytes;
use feast_codec::storage_key::{row_key, split_row_key};
use feast_config::OnlineStoreMemory;
use feast_rows::Replace;

use crate::RocksDbStore;
use crate::tests::{ensure, entity, row};

/// Writes the rows of so many entities.
fn fill(storage: &RocksDbStore, table: u32, entities: u32) {
    let (mut keys, mut rows) = (PackedBytes::default(), PackedBytes::default());
    for number in 0..entities {
        keys.push_with(|out| out.extend_from_slice(&row_key(&entity(&number.to_be_bytes()), table)));
        rows.push_with(|out| out.extend_from_slice(&row(1, None, 0)));
    }
    storage.write_rows(&keys, &rows, Replace::OlderRows).unwrap();
    storage.db().flush().unwrap();
}

/// How many rows the database has of a table.
fn rows_of(storage: &RocksDbStore, table: u32) -> usize {
    let db = storage.db();
    let keys = db.full_iterator(rocksdb::IteratorMode::Start);
    let of_table = keys.filter(|entry| split_row_key(&entry.as_ref().unwrap().0).is_some_and(|(of, _)| of == table));
    of_table.count()
}

#[test]
fn rows_of_dropped_tables_go_step_by_step_and_others_stay() {
    let directory = tempfile::tempdir().unwrap();
    let open = || RocksDbStore::open(directory.path(), "p", OnlineStoreMemory::default()).unwrap();
    let storage = open();
    assert!(!storage.reclaim().unwrap());
    let [dropped, kept] = ["a", "b"].map(|name| ensure(&storage, name, &["x"]).0.id);
    // Several files for each key.
    for table in [dropped, kept, dropped] {
        fill(&storage, table, 20_000);
    }
    storage.drop_tables_of("a").unwrap();
    assert_eq!(rows_of(&storage, dropped), 20_000);
    assert!(storage.reclaim().unwrap());
    drop(storage);
    // What was done of it before is not known any more, but what is left to do is.
    let storage = open();
    let (later, _) = ensure(&storage, "a", &["x"]);
    fill(&storage, later.id, 100);
    let steps = (0..100).take_while(|_| storage.reclaim().unwrap()).count();
    assert!((1..100).contains(&steps), "{steps}");
    assert_eq!(
        [dropped, kept, later.id].map(|table| rows_of(&storage, table)),
        [0, 20_000, 100]
    );
    assert!(storage.dropped_tables().unwrap().table_ids.is_empty());
}
