//! Stores of format 1 become stores of format 2.

use std::path::Path;

use feast_codec::record;
use feast_codec::storage_key::{KeyTag, by_table, row_key, split_row_key};
use feast_config::OnlineStoreMemory;

use crate::RocksDbStore;
use crate::tests::{ensure, entity, row};

/// How many entities each table has of the rows below.
const ENTITIES: u32 = 3000;

fn open(path: &Path) -> RocksDbStore {
    RocksDbStore::open(path, "p", OnlineStoreMemory::default()).unwrap()
}

fn entity_of(number: u32) -> Vec<u8> {
    entity(&number.to_be_bytes())
}

/// A store with rows as format 1 has them: of each table those of every second, third ... entity.
fn store_of_format_1(path: &Path) -> Vec<(u32, u32)> {
    let storage = open(path);
    let tables = ["a", "b", "c"].map(|name| ensure(&storage, name, &["x"]).0.id);
    let mut rows = Vec::new();
    for table in tables {
        for number in (0..ENTITIES).filter(|number| number % (table + 2) == 0) {
            let key = [&by_table::row_prefix(table)[..], &entity_of(number)].concat();
            let version = i64::from(number * 10 + table);
            storage.db.put(key, row(version, None, table)).unwrap();
            rows.push((number, table));
        }
        storage.db.flush().unwrap();
    }
    storage
        .db
        .put(KeyTag::Format.single(), record::encode(&1_u32).unwrap())
        .unwrap();
    rows.sort_unstable();
    rows
}

/// Entity and table of all rows, and that nothing of format 1 is left.
fn rows_of(storage: &RocksDbStore) -> Vec<(u32, u32)> {
    let mut rows = Vec::new();
    for entry in storage.db.full_iterator(rocksdb::IteratorMode::Start) {
        let (key, value) = entry.unwrap();
        assert_ne!(key[0], KeyTag::RowByTable as u8);
        let Some((table, entity)) = split_row_key(&key) else {
            continue;
        };
        let number = u32::from_be_bytes(*entity.last_chunk().unwrap());
        assert_eq!(entity, entity_of(number));
        assert_eq!(*value, *row(i64::from(number * 10 + table), None, table));
        rows.push((number, table));
    }
    rows
}

#[test]
fn rows_of_format_1_are_moved_over_once() {
    let directory = tempfile::tempdir().unwrap();
    let expected = store_of_format_1(directory.path());
    for _ in 0..2 {
        let storage = open(directory.path());
        assert_eq!(rows_of(&storage), expected);
        assert!(storage.tables().get("a").is_some());
    }
    assert!(!directory.path().join(super::FILE_NAME).exists());
}

#[test]
fn a_move_that_was_ended_begins_again() {
    let directory = tempfile::tempdir().unwrap();
    let expected = store_of_format_1(directory.path());
    {
        // As it is after some files, a row of which the older version has dropped since.
        let storage = open(directory.path());
        storage.db.put(row_key(&entity_of(1), 99), b"dropped").unwrap();
        for (number, table) in &expected {
            let key = [&by_table::row_prefix(*table)[..], &entity_of(*number)].concat();
            let version = i64::from(number * 10 + table);
            storage.db.put(key, row(version, None, *table)).unwrap();
        }
        storage
            .db
            .put(KeyTag::Format.single(), record::encode(&1_u32).unwrap())
            .unwrap();
    }
    std::fs::write(directory.path().join(super::FILE_NAME), b"half a file").unwrap();
    assert_eq!(rows_of(&open(directory.path())), expected);
}
