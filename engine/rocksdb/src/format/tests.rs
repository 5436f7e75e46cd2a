//! Stores of format 1 become stores of format 2.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use feast_codec::record;
use feast_codec::storage_key::{KeyTag, by_table, row_key, split_row_key};
use feast_config::OnlineStoreMemory;
use feast_files::fail_point::{self, Step};

use crate::RocksDbStore;
use crate::tests::{child_ends, ensure, entity, row};

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
            storage.db().put(key, row(version, None, table)).unwrap();
            rows.push((number, table));
        }
        storage.db().flush().unwrap();
    }
    storage
        .db()
        .put(KeyTag::Format.single(), record::encode(&1_u32).unwrap())
        .unwrap();
    rows.sort_unstable();
    rows
}

/// Entity and table of all rows, and that nothing of format 1 is left.
fn rows_of(storage: &RocksDbStore) -> Vec<(u32, u32)> {
    let mut rows = Vec::new();
    for entry in storage.db().full_iterator(rocksdb::IteratorMode::Start) {
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
        storage.db().put(row_key(&entity_of(1), 99), b"dropped").unwrap();
        for (number, table) in &expected {
            let key = [&by_table::row_prefix(*table)[..], &entity_of(*number)].concat();
            let version = i64::from(number * 10 + table);
            storage.db().put(key, row(version, None, *table)).unwrap();
        }
        storage
            .db()
            .put(KeyTag::Format.single(), record::encode(&1_u32).unwrap())
            .unwrap();
    }
    std::fs::write(directory.path().join(super::FILE_NAME), b"half a file").unwrap();
    assert_eq!(rows_of(&open(directory.path())), expected);
}

/// Where the child opens a store, and after which step of which number it ends.
const DIRECTORY: &str = "FEAST_MOVED_STORE";
const FAIL_AT: &str = "FEAST_MOVE_FAILS_AT";

/// Not a test by itself: opens a store, and ends as by a crash.
#[test]
#[ignore = "started by another test"]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    fail_point::observe(|step| {
        static STEPS: AtomicUsize = AtomicUsize::new(0);
        let (name, number) = (format!("{step:?}"), STEPS.fetch_add(1, Ordering::Relaxed));
        if std::env::var(FAIL_AT).is_ok_and(|at| at == format!("{name} {number}")) {
            std::process::abort();
        }
    });
    drop(open(Path::new(&directory)));
}

/// Opens a store in another process, which ends at a step. Says whether it came to its end.
fn opens(directory: &Path, step: Step, number: usize) -> bool {
    let fail_at = format!("{step:?} {number}");
    let variables = [(DIRECTORY, directory.as_os_str()), (FAIL_AT, fail_at.as_ref())];
    child_ends("format::tests::child", variables)
}

#[test]
fn a_move_that_is_killed_at_any_step_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let expected = store_of_format_1(directory.path());
    // Each run comes a file further.
    let killed = (0..)
        .take_while(|number| !opens(directory.path(), Step::RowsMoved, *number))
        .count();
    assert!(killed > 1, "{killed}");
    assert_eq!(rows_of(&open(directory.path())), expected);

    let directory = tempfile::tempdir().unwrap();
    let expected = store_of_format_1(directory.path());
    assert!(!opens(directory.path(), Step::FormatChanged, killed));
    assert_eq!(rows_of(&open(directory.path())), expected);
}
