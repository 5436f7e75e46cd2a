//! Loads against a model, beside other writers, and ended in the middle.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use feast_codec::row::{RowHeader, RowVersion};
use feast_codec::storage_key::row_key;
use feast_config::{MaterializationLimits, OnlineStoreMemory};
use feast_files::fail_point::{self, Step};
use feast_model::error::{Error, ErrorKind};
use feast_rows::{EncodedRows, Replace, WriteCount};
use proptest::prelude::*;
use rocksdb::properties::num_files_at_level;

use super::TableCounts;
use super::stored::StoredRows;
use crate::RocksDbStore;
use crate::tests::{LIMITS, block, child_ends, ensure, entity, read_rows, row};

fn open(path: &Path) -> RocksDbStore {
    RocksDbStore::open(path, "p", OnlineStoreMemory::default()).unwrap()
}

/// Entity number, table and event time of a row.
type Given = (u32, u32, i64);

fn encoded(rows: impl Iterator<Item = Given>) -> EncodedRows {
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for (number, table, event_time) in rows {
        keys.push(row_key(&entity(&number.to_be_bytes()), table));
        values.push(row(event_time, None, table));
    }
    EncodedRows {
        keys: block(&keys),
        rows: block(&values),
    }
}

fn load(
    storage: &RocksDbStore,
    batches: impl Iterator<Item = EncodedRows>,
    limits: MaterializationLimits,
) -> TableCounts {
    let mut load = storage.bulk_load(Replace::OlderRows, limits);
    batches.for_each(|rows| load.add(rows).unwrap());
    load.finish(&mut |_| Ok(())).unwrap()
}

/// The event time of each stored row, as readers get them.
fn event_times(storage: &RocksDbStore, tables: &[u32], entities: u32) -> BTreeMap<(u32, u32), i64> {
    let keys: Vec<Vec<u8>> = (0..entities).map(|number| entity(&number.to_be_bytes())).collect();
    let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    let rows = read_rows(storage, tables, &keys);
    let mut times = BTreeMap::new();
    for (position, row) in rows.into_iter().enumerate() {
        let (number, table) = ((position / tables.len()) as u32, tables[position % tables.len()]);
        if let Some(row) = row {
            times.insert(
                (number, table),
                RowHeader::decode(&row).unwrap().version.event_time.micros(),
            );
        }
    }
    times
}

/// Files of the database beside those of RocksDB.
fn left_files(path: &Path) -> usize {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
    entries.filter(|name| name.to_string_lossy().ends_with(".tmp")).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Over stored rows, with more rows than are sorted at once and keys that come again, each key has the newest, whether a
    /// reader had it in memory or not.
    #[test]
    fn the_newest_row_of_each_key_is_there(
        stored in proptest::collection::vec((0_u32..200, 0_u32..3, 0_i64..5), 0..60),
        loads in proptest::collection::vec(
            proptest::collection::vec((0_u32..200, 0_u32..3, 0_i64..5), 1..900), 1..4),
        memory in prop_oneof![Just(32 << 10), Just(1 << 20)],
    ) {
        let directory = tempfile::tempdir().unwrap();
        let storage = open(directory.path());
        let tables = ["a", "b", "c"].map(|name| ensure(&storage, name, &["x"]).0.id);
        let row_of = |(number, view, time): &Given| (*number, tables[*view as usize], *time);
        let mut model: BTreeMap<(u32, u32), i64> = BTreeMap::new();
        let mut arrive = |rows: &[Given]| {
            for (number, table, time) in rows.iter().map(row_of) {
                let newest = model.entry((number, table)).or_insert(time);
                *newest = time.max(*newest);
            }
            model.clone()
        };
        let first = encoded(stored.iter().map(row_of));
        storage.write_rows(&first.keys, &first.rows, Replace::OlderRows).unwrap();
        arrive(&stored);
        let limits = MaterializationLimits { memory, ..LIMITS };
        for rows in &loads {
            let before = event_times(&storage, &tables, 200);
            let counts = load(&storage, rows.chunks(70).map(|rows| encoded(rows.iter().map(row_of))), limits);
            let expected = arrive(rows);
            prop_assert!(event_times(&storage, &tables, 200) == expected);
            for table in tables {
                let given: Vec<_> = rows.iter().map(row_of).filter(|(_, of, _)| *of == table).collect();
                let count = counts.get(&table).copied().unwrap_or_default();
                prop_assert_eq!(count.written + count.stale, given.len());
                let newer = given.iter().filter(|(number, _, time)| {
                    before.get(&(*number, table)).is_none_or(|stored| stored <= time)
                });
                let keys: std::collections::BTreeSet<u32> = newer.map(|(number, ..)| *number).collect();
                // Small loads count each batch by itself.
                prop_assert!(count.written >= keys.len());
                if rows.len() > 200 {
                    prop_assert_eq!(count.written, keys.len());
                }
            }
            prop_assert_eq!(left_files(directory.path()), 0);
        }
        storage.sync().unwrap();
        drop(storage);
        prop_assert!(event_times(&open(directory.path()), &tables, 200) == arrive(&[]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whether filters are asked or rows of other tables are passed.
    #[test]
    fn stored_rows_are_found_in_the_order_of_their_keys(
        stored in proptest::collection::vec((0_u32..60, 0_u32..12, 0_i64..5), 0..500),
        flushed_after in 0_usize..500,
        asked in proptest::collection::btree_set((0_u32..60, 0_u32..3), 1..150),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let storage = open(directory.path());
        let mut model = BTreeMap::new();
        for (position, (number, table, time)) in stored.into_iter().enumerate() {
            let (key, row) = (row_key(&entity(&number.to_be_bytes()), table), row(time, None, table));
            let (keys, rows) = (std::slice::from_ref(&key), std::slice::from_ref(&row));
            storage.write_rows(&block(keys), &block(rows), Replace::AllRows).unwrap();
            model.insert(key, row);
            if position == flushed_after {
                storage.db().flush().unwrap();
            }
        }
        let keys = asked.into_iter().map(|(number, table)| row_key(&entity(&number.to_be_bytes()), table));
        let keys: std::collections::BTreeSet<Vec<u8>> = keys.collect();
        let db = storage.db();
        let mut rows = StoredRows::new(&db, keys.first().unwrap());
        for key in &keys {
            prop_assert_eq!(rows.get(key), model.get(key).map(Vec::as_slice));
        }
        rows.status().unwrap();
    }
}

/// Each load has a thread of its own; some write to the same tables.
#[test]
fn loads_at_the_same_time_end_as_one_after_the_other() {
    for round in 0..8_u32 {
        let directory = tempfile::tempdir().unwrap();
        let storage = open(directory.path());
        let tables = ["a", "b", "c", "d"].map(|name| ensure(&storage, name, &["x"]).0.id);
        let loads: [&[u32]; 5] = [&[0], &[1], &[0, 1], &[2], &[3, 2]];
        let rows_of = |load: usize| -> Vec<Given> {
            let rows = (0..2_000).map(|position: u32| {
                let random = (position + 1)
                    .wrapping_mul(0x9e37_79b1)
                    .wrapping_add(round * 77 + load as u32 * 31);
                let table = loads[load][random as usize % loads[load].len()];
                (random / 7 % 400, tables[table as usize], i64::from(random / 3 % 50))
            });
            rows.collect()
        };
        thread::scope(|scope| {
            for number in 0..loads.len() {
                let (storage, rows) = (&storage, rows_of(number));
                scope.spawn(move || {
                    let batches = rows.chunks(100).map(|rows| encoded(rows.iter().copied()));
                    load(storage, batches, LIMITS)
                });
            }
        });
        let mut model: BTreeMap<(u32, u32), i64> = BTreeMap::new();
        for (number, table, time) in (0..loads.len()).flat_map(rows_of) {
            let newest = model.entry((number, table)).or_insert(time);
            *newest = time.max(*newest);
        }
        assert!(event_times(&storage, &tables, 400) == model, "{round}");
    }
}

#[test]
fn files_of_one_load_do_not_overlap() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    let table = ensure(&storage, "a", &["x"]).0.id;
    // Keys come in no order, and are many times what is sorted at once.
    let rows = (0..20_000_u32).map(|number| (number.wrapping_mul(7919) % 20_000, table, 1));
    let rows: Vec<_> = rows.collect();
    let counts = load(
        &storage,
        rows.chunks(500).map(|rows| encoded(rows.iter().copied())),
        LIMITS,
    );
    assert_eq!(
        counts[&table],
        WriteCount {
            written: 20_000,
            stale: 0
        }
    );
    let files = |level| storage.db().property_value(num_files_at_level(level)).unwrap().unwrap();
    let levels: Vec<_> = (0..7).map(files).collect();
    assert_eq!(levels[..6], ["0"; 6], "{levels:?}");
    assert!(files(6).parse::<u32>().unwrap() > 10, "{}", files(6));
}

#[test]
fn a_load_counts_as_a_write() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    let table = ensure(&storage, "a", &["x"]).0.id;
    let mut counts = Vec::new();
    for part in 0..3 {
        counts.push(storage.write_count());
        load(
            &storage,
            std::iter::once(encoded((0..100).map(|number| (part * 100 + number, table, 1)))),
            LIMITS,
        );
    }
    counts.push(storage.write_count());
    assert!(counts.is_sorted_by(|before, after| before < after), "{counts:?}");
}

/// Writers push newer and older rows of all keys while these are loaded again and again, and readers look on. No row is lost, none goes
/// back in time for a reader, and each key ends with its newest.
#[test]
fn writers_during_a_load_lose_nothing() {
    const ENTITIES: u32 = 400;
    const WRITERS: u32 = 16;
    let directory = tempfile::tempdir().unwrap();
    let memory = OnlineStoreMemory {
        row_cache: 1 << 20,
        ..OnlineStoreMemory::default()
    };
    let storage = RocksDbStore::open(directory.path(), "p", memory).unwrap();
    let tables = ["a", "b"].map(|name| ensure(&storage, name, &["x"]).0.id);
    let (is_over, outdated) = (AtomicBool::new(false), AtomicUsize::new(0));
    let pushed: Vec<BTreeMap<(u32, u32), i64>> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (storage, is_over, outdated) = (&storage, &is_over, &outdated);
                scope.spawn(move || {
                    let mut newest = BTreeMap::new();
                    let mut step = writer;
                    while !is_over.load(Ordering::Relaxed) {
                        step = step.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        let (number, table) = ((step >> 8) % ENTITIES, tables[(step >> 5) as usize % 2]);
                        let time = i64::from((step >> 10) % 1_000);
                        let rows = encoded(std::iter::once((number, table, time)));
                        storage.write_rows(&rows.keys, &rows.rows, Replace::OlderRows).unwrap();
                        let known = newest.entry((number, table)).or_insert(time);
                        *known = time.max(*known);
                        // What this writer was answered for, it reads, or what is newer.
                        let seen = read_rows(storage, &[table], &[&entity(&number.to_be_bytes())])
                            .remove(0)
                            .unwrap();
                        let seen = RowHeader::decode(&seen).unwrap().version;
                        let known = RowVersion {
                            event_time: feast_model::Timestamp::from_micros(*known),
                            created_time: None,
                        };
                        if seen < known {
                            outdated.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                    newest
                })
            })
            .collect();
        for time in (0..1_000).step_by(50) {
            let rows = tables.map(|table| encoded((0..ENTITIES).map(|number| (number, table, time))));
            load(&storage, rows.into_iter(), LIMITS);
        }
        is_over.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(outdated.into_inner(), 0);
    let mut expected: BTreeMap<(u32, u32), i64> = BTreeMap::new();
    for (key, time) in pushed.into_iter().flatten() {
        let newest = expected.entry(key).or_insert(950);
        *newest = time.max(*newest);
    }
    for key in (0..ENTITIES).flat_map(|number| tables.map(|table| (number, table))) {
        expected.entry(key).or_insert(950);
    }
    assert!(event_times(&storage, &tables, ENTITIES) == expected);
    drop(storage);
    assert!(event_times(&open(directory.path()), &tables, ENTITIES) == expected);
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    let table = ensure(&storage, "a", &["x"]).0.id;
    let limits = MaterializationLimits { disk: 50_000, ..LIMITS };
    let mut bulk = storage.bulk_load(Replace::OlderRows, limits);
    let added = (0..100).try_for_each(|part| bulk.add(encoded((0..100).map(|number| (part * 100 + number, table, 1)))));
    let error = match added {
        Ok(()) => bulk.finish(&mut |_| Ok(())).unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(
        error.to_string().contains("rows that do not fit into memory"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("materialization_disk_mib"), "{error}");
    assert_eq!(event_times(&storage, &[table], 100).len(), 0);
}

#[test]
fn a_load_ends_when_its_caller_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    let table = ensure(&storage, "a", &["x"]).0.id;
    let mut bulk = storage.bulk_load(Replace::OlderRows, LIMITS);
    for part in 0..100 {
        bulk.add(encoded((0..100).map(|number| (part * 100 + number, table, 1))))
            .unwrap();
    }
    let mut calls = 0;
    let error = bulk.finish(&mut |_| {
        calls += 1;
        if calls < 3 {
            Ok(())
        } else {
            Err(Error::invalid("stopped"))
        }
    });
    assert_eq!(error.unwrap_err().to_string(), "stopped");
    assert_eq!(left_files(directory.path()), 0);
    // The rest is written by the next one.
    let rows = (0..100).map(|part| encoded((0..100).map(move |number| (part * 100 + number, table, 1))));
    load(&storage, rows, LIMITS);
    assert_eq!(event_times(&storage, &[table], 10_000).len(), 10_000);
}

/// Where the child loads rows, and after which step of which number it ends.
const DIRECTORY: &str = "FEAST_LOADED_STORE";
const FAIL_AT: &str = "FEAST_LOAD_FAILS_AT";
const LOADED: u32 = 3_000;

/// Not a test by itself: loads rows, and ends as by a crash.
#[test]
#[ignore = "started by another test"]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    fail_point::observe(|step| {
        static STEPS: AtomicUsize = AtomicUsize::new(0);
        let wanted = std::env::var(FAIL_AT).unwrap_or_default();
        let (name, number) = wanted.split_once(' ').unwrap();
        if format!("{step:?}") == name && STEPS.fetch_add(1, Ordering::Relaxed).to_string() == number {
            std::process::abort();
        }
    });
    let storage = open(Path::new(&directory));
    let table = storage.tables().get("a").unwrap().id;
    let rows: Vec<_> = (0..LOADED).map(|number| (number, table, 2)).collect();
    load(
        &storage,
        rows.chunks(100).map(|rows| encoded(rows.iter().copied())),
        LIMITS,
    );
    storage.sync().unwrap();
}

#[test]
fn a_load_that_is_killed_at_any_step_loses_nothing_and_a_second_one_ends_it() {
    for step in [Step::RunSpilled, Step::ChunkWritten, Step::ChunkLoaded] {
        let directory = tempfile::tempdir().unwrap();
        let table = {
            let storage = open(directory.path());
            let table = ensure(&storage, "a", &["x"]).0.id;
            // Every third row is newer than that of the load, every other third older.
            let rows = encoded(
                (0..LOADED)
                    .filter(|number| number % 3 < 2)
                    .map(|number| (number, table, if number % 3 == 0 { 3 } else { 1 })),
            );
            storage.write_rows(&rows.keys, &rows.rows, Replace::OlderRows).unwrap();
            storage.sync().unwrap();
            table
        };
        let mut killed = 0;
        loop {
            let fail_at = format!("{step:?} {killed}");
            let variables = [(DIRECTORY, directory.path().as_os_str()), (FAIL_AT, fail_at.as_ref())];
            let has_ended = child_ends("bulk_load::tests::child", variables);
            let storage = open(directory.path());
            assert_eq!(left_files(directory.path()), 0);
            let times = event_times(&storage, &[table], LOADED);
            for number in 0..LOADED {
                let time = times.get(&(number, table)).copied();
                let (before, after) = match number % 3 {
                    0 => (Some(3), Some(3)),
                    1 => (Some(1), Some(2)),
                    _ => (None, Some(2)),
                };
                assert!(
                    time == after || !has_ended && time == before,
                    "{step:?} {killed}: {number} has {time:?}"
                );
            }
            if has_ended {
                break;
            }
            killed += 1;
        }
        assert!(killed > 1, "{step:?} {killed}");
    }
}
