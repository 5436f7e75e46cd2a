//! Stores that are read while others write them.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use feast_codec::packed_bytes::PackedBytes;
use feast_codec::row::RowHeader;
use feast_codec::storage_key::row_key;
use feast_config::OnlineStoreMemory;
use feast_fixtures::copy_directory;
use feast_model::error::ErrorKind;
use feast_rows::{EncodedRows, Replace};
use proptest::prelude::*;

use crate::RocksDbStore;
use crate::tests::{LIMITS, ensure, entity, read_rows, row};

fn open(path: &Path) -> RocksDbStore {
    RocksDbStore::open(path, "p", OnlineStoreMemory::default()).unwrap()
}

fn open_read_only(path: &Path) -> RocksDbStore {
    RocksDbStore::open_read_only(path, "p", OnlineStoreMemory::default()).unwrap()
}

fn write(storage: &RocksDbStore, table: u32, number: u32, time: i64) {
    let (mut keys, mut rows) = (PackedBytes::default(), PackedBytes::default());
    keys.push_with(|out| out.extend_from_slice(&row_key(&entity(&number.to_be_bytes()), table)));
    rows.push_with(|out| out.extend_from_slice(&row(time, None, 0)));
    storage.write_rows(&keys, &rows, Replace::AllRows).unwrap();
    storage.sync().unwrap();
}

/// By file, as there are enough rows.
fn load(storage: &RocksDbStore, table: u32, numbers: std::ops::Range<u32>, time: i64) {
    let mut rows = EncodedRows::default();
    for number in numbers {
        rows.push(&row_key(&entity(&number.to_be_bytes()), table), &row(time, None, 0));
    }
    let mut load = storage.bulk_load(Replace::AllRows, LIMITS);
    load.add(rows).unwrap();
    load.finish(&mut |_| Ok(())).unwrap();
    storage.sync().unwrap();
}

fn rows_of(storage: &RocksDbStore, table: u32, numbers: u32) -> Vec<Option<Vec<u8>>> {
    let entities: Vec<Vec<u8>> = (0..numbers).map(|number| entity(&number.to_be_bytes())).collect();
    let entities: Vec<&[u8]> = entities.iter().map(Vec::as_slice).collect();
    read_rows(storage, &[table], &entities)
}

#[derive(Debug, Clone)]
enum Step {
    Write(u32),
    Load(u32),
    Flush,
    Compact,
    Reopen,
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..ENTITIES).prop_map(Step::Write),
        2 => (0..ENTITIES - LOADED).prop_map(Step::Load),
        2 => Just(Step::Flush),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
        4 => Just(Step::Look),
    ]
}

const ENTITIES: u32 = 60;
const LOADED: u32 = 30;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is written, in whatever way, is there after the next look, and also where it was in memory before.
    #[test]
    fn a_follower_has_the_rows_of_the_one_who_writes(steps in prop::collection::vec(step(), 1..40)) {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = open(directory.path());
        let table = ensure(&writer, "a", &["x"]).0.id;
        let follower = open_read_only(directory.path());
        for (time, step) in (1_i64..).zip(steps.into_iter().chain([Step::Look])) {
            match step {
                Step::Write(number) => write(&writer, table, number, time),
                Step::Load(first) => load(&writer, table, first..first + LOADED, time),
                Step::Flush => writer.db().flush().unwrap(),
                Step::Compact => writer.db().compact_range(None::<&[u8]>, None::<&[u8]>),
                Step::Reopen => {
                    drop(writer);
                    writer = open(directory.path());
                }
                Step::Look => {
                    follower.tend();
                    prop_assert!(follower.trouble().is_none());
                    let (expected, found) = (rows_of(&writer, table, ENTITIES), rows_of(&follower, table, ENTITIES));
                    prop_assert_eq!(expected, found);
                }
            }
        }
    }
}

/// While a follower goes from one opening to the next, its readers never see an older row than they have seen.
#[test]
fn readers_of_a_follower_go_forward() {
    let directory = tempfile::tempdir().unwrap();
    let writer = open(directory.path());
    let table = ensure(&writer, "a", &["x"]).0.id;
    let follower = open_read_only(directory.path());
    let is_over = AtomicBool::new(false);
    let versions = |rows: &[Option<Vec<u8>>]| {
        let version = |row: &Vec<u8>| RowHeader::decode(row).unwrap().version.event_time.micros();
        rows.iter()
            .map(|row| row.as_ref().map_or(0, version))
            .collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let (follower, is_over) = (&follower, &is_over);
        for _ in 0..2 {
            scope.spawn(move || {
                let mut seen = vec![0; ENTITIES as usize];
                while !is_over.load(Ordering::SeqCst) {
                    let found = versions(&rows_of(follower, table, ENTITIES));
                    assert!(
                        seen.iter().zip(&found).all(|(seen, found)| seen <= found),
                        "{seen:?}, {found:?}"
                    );
                    seen = found;
                }
            });
        }
        scope.spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                follower.tend();
                // This writer makes files without a pause. A look that finds no moment between them leaves rows as they were.
                let trouble = follower.trouble().map(|trouble| trouble.to_string());
                assert!(
                    trouble
                        .as_ref()
                        .is_none_or(|trouble| trouble.contains("change faster than they can be opened")),
                    "{trouble:?}"
                );
            }
        });
        for time in 1..400_i64 {
            let number = (time * 7) as u32 % (ENTITIES - LOADED);
            match time % 20 {
                5 => writer.db().flush().unwrap(),
                11 => load(&writer, table, number..number + LOADED, time),
                17 => writer.db().compact_range(None::<&[u8]>, None::<&[u8]>),
                _ => write(&writer, table, number, time),
            }
        }
        is_over.store(true, Ordering::SeqCst);
    });
    follower.tend();
    assert_eq!(rows_of(&follower, table, ENTITIES), rows_of(&writer, table, ENTITIES));
}

#[test]
fn tables_are_followed_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let error = RocksDbStore::open_read_only(&path, "p", OnlineStoreMemory::default())
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(!path.exists());
    let writer = open(&path);
    let follower = open_read_only(&path);
    assert_eq!(follower.identity(), writer.identity());
    assert!(follower.tables().get("a").is_none());
    let (table, _) = ensure(&writer, "a", &["x"]);
    write(&writer, table.id, 0, 5);
    follower.tend();
    assert_eq!(follower.tables().get("a").map(|table| table.id), Some(table.id));
    assert_eq!(rows_of(&follower, table.id, 1), rows_of(&writer, table.id, 1));
    let rows = PackedBytes::default();
    for error in [
        follower.write_rows(&rows, &rows, Replace::AllRows).err(),
        follower.sync().err(),
        follower.drop_all_tables().err(),
        follower.log_push(b"push", &rows, &rows, Replace::AllRows).err(),
    ] {
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains("open to be read only"), "{error}");
    }
    writer.drop_tables_of("a").unwrap();
    follower.tend();
    assert!(follower.tables().get("a").is_none());
    // The store is nobody's but the writer's.
    drop(writer);
    drop(open(&path));
}

#[test]
fn a_store_in_the_place_of_another_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    for (name, number) in [("one", 1), ("two", 2)] {
        let writer = open(&path(name));
        let table = ensure(&writer, "a", &["x"]).0.id;
        write(&writer, table, number, i64::from(number));
    }
    std::fs::rename(path("one"), path("store")).unwrap();
    let follower = open_read_only(&path("store"));
    let present = || {
        let rows = rows_of(&follower, 0, 3);
        rows.iter().map(Option::is_some).collect::<Vec<_>>()
    };
    assert_eq!(present(), [false, true, false]);
    std::fs::rename(path("store"), path("one")).unwrap();
    follower.tend();
    let trouble = follower.trouble().unwrap();
    assert_eq!(trouble.kind(), ErrorKind::NotFound, "{trouble}");
    assert_eq!(present(), [false, true, false], "rows as they were");
    std::fs::rename(path("two"), path("store")).unwrap();
    follower.tend();
    assert!(follower.trouble().is_none());
    assert_eq!(present(), [false, false, true]);
}

/// RocksDB's follower leaves a file out that it cannot open, and with it the rows.
#[test]
fn a_store_without_all_of_its_files_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let writer = open(&path("whole"));
    let table = ensure(&writer, "a", &["x"]).0.id;
    // The records of the store are in its log of writes, and the rows in a file.
    load(&writer, table, 0..200, 5);
    drop(writer);
    let rows = rows_of(&open_read_only(&path("whole")), table, 200);
    assert!(rows.iter().all(Option::is_some));
    for name in ["cut", "removed"] {
        let damaged = path(name);
        copy_directory(&path("whole"), &damaged);
        let entries = std::fs::read_dir(&damaged).unwrap().map(|entry| entry.unwrap().path());
        let table_file = entries
            .into_iter()
            .find(|path| path.extension().is_some_and(|end| end == "sst"));
        let table_file = table_file.unwrap();
        if name == "cut" {
            let file = std::fs::File::options().write(true).open(&table_file).unwrap();
            file.set_len(file.metadata().unwrap().len() - 1).unwrap();
        } else {
            std::fs::remove_file(&table_file).unwrap();
        }
        let refused = RocksDbStore::open_read_only(&damaged, "p", OnlineStoreMemory::default());
        let examined = RocksDbStore::examine(&damaged, "p").err();
        for error in [refused.err(), examined].map(Option::unwrap) {
            assert_eq!(error.kind(), ErrorKind::Data, "{name}: {error}");
            let file = table_file.file_name().unwrap().to_string_lossy();
            assert!(error.to_string().contains(&*file), "{name}: {error}");
        }
        // Nor does a follower go over to it.
        copy_directory(&path("whole"), &path("store"));
        let follower = open_read_only(&path("store"));
        std::fs::rename(path("store"), path("former")).unwrap();
        std::fs::rename(&damaged, path("store")).unwrap();
        follower.tend();
        assert_eq!(follower.trouble().unwrap().kind(), ErrorKind::Data, "{name}");
        assert_eq!(rows_of(&follower, table, 200), rows, "{name}: rows as they were");
        for name in ["store", "former"] {
            std::fs::remove_dir_all(path(name)).unwrap();
        }
    }
}

#[test]
fn a_store_that_cannot_be_written_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let writer = open(&path);
    let table = ensure(&writer, "a", &["x"]).0.id;
    write(&writer, table, 1, 1);
    writer.db().flush().unwrap();
    write(&writer, table, 2, 2);
    drop(writer);
    let files = |path: &Path| {
        let mut files: Vec<_> = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.file_name(), entry.metadata().unwrap().modified().unwrap())
            })
            .collect();
        files.sort();
        files
    };
    let before = files(&path);
    // For a user who may read all of it and write nothing. Root may write whatever its mode is.
    let all = std::fs::Permissions::from_mode(0o755);
    for readable in [directory.path(), &path] {
        std::fs::set_permissions(readable, all.clone()).unwrap();
    }
    for (name, _) in &before {
        std::fs::set_permissions(path.join(name), std::fs::Permissions::from_mode(0o444)).unwrap();
    }
    let is_root = std::fs::metadata(&path).unwrap().uid() == 0;
    let program = directory.path().join("tests");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(if is_root { "setpriv".as_ref() } else { program.as_path() });
    if is_root {
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&program);
    } else {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o555)).unwrap();
    }
    let read = command
        .args(["--exact", "follow::tests::of_another_user", "--ignored"])
        .env("STORE", &path)
        .current_dir("/")
        .output()
        .unwrap();
    std::fs::set_permissions(&path, all).unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stdout));
    assert!(String::from_utf8_lossy(&read.stdout).contains("1 passed"));
    assert_eq!(files(&path), before);
}

#[test]
#[ignore = "run by another test, by another user"]
fn of_another_user() {
    let path = std::env::var_os("STORE").unwrap();
    let path = Path::new(&path);
    std::fs::write(path.join("new"), "").unwrap_err();
    let follower = open_read_only(path);
    let present = rows_of(&follower, 0, 4).iter().map(Option::is_some).collect::<Vec<_>>();
    assert_eq!(present, [false, true, true, false]);
    follower.tend();
    assert!(follower.trouble().is_none());
}
