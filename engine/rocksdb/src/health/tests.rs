//! Stores whose disk is full, whose files cannot be made or whose directory is moved, and which come back by themselves.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use feast_codec::packed_bytes::PackedBytes;
use feast_codec::row::RowHeader;
use feast_codec::storage_key::row_key;
use feast_config::OnlineStoreMemory;
use feast_model::error::{ErrorKind, Result};
use feast_rows::{EncodedRows, Replace};

use crate::RocksDbStore;
use crate::opening::Opening;
use crate::tests::{LIMITS, child_ends, ensure, entity, read_rows, row};

fn open(path: &Path) -> RocksDbStore {
    RocksDbStore::open(path, "p", OnlineStoreMemory::default()).unwrap()
}

/// A store with the table of one view, and the rows of it that were acknowledged.
struct Opened {
    storage: RocksDbStore,
    table: u32,
    acknowledged: Vec<u32>,
}

impl Opened {
    fn at(path: &Path) -> Self {
        let storage = open(path);
        let table = ensure(&storage, "a", &["x"]).0.id;
        Self {
            storage,
            table,
            acknowledged: Vec::new(),
        }
    }

    /// Writes the row of an entity, of so many bytes.
    fn write(&mut self, number: u32, bytes: usize) -> Result<()> {
        let (mut keys, mut rows) = (PackedBytes::default(), PackedBytes::default());
        keys.push_with(|out| out.extend_from_slice(&row_key(&entity(&number.to_be_bytes()), self.table)));
        rows.push_with(|out| out.extend_from_slice(&large_row(number, bytes)));
        self.storage.write_rows(&keys, &rows, Replace::OlderRows)?;
        self.storage.sync()?;
        self.acknowledged.push(number);
        Ok(())
    }

    /// Writes until it is refused, and gives the error.
    fn write_until_refused(&mut self, bytes: usize) -> feast_model::error::Error {
        let first = self.acknowledged.last().map_or(0, |last| last + 1);
        let refused = (first..first + 10_000).find_map(|number| self.write(number, bytes).err());
        refused.expect("a disk has an end")
    }

    /// Tends the store until it takes a write.
    fn write_after_a_while(&mut self, number: u32) {
        let started = Instant::now();
        while let Err(error) = self.write(number, 10) {
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(started.elapsed() < Duration::from_secs(60), "{error}");
            std::thread::sleep(Duration::from_millis(5));
            self.storage.tend();
        }
        assert!(self.storage.trouble().is_none());
    }

    /// Every acknowledged row is read, from memory and from the database.
    fn check_rows(&self) {
        for number in &self.acknowledged {
            let key = entity(&number.to_be_bytes());
            let found = read_rows(&self.storage, &[self.table], &[&key]).remove(0);
            let found = found.unwrap_or_else(|| panic!("the row of {number} is lost"));
            assert!(found.starts_with(&row(1, None, *number)), "row of {number}");
        }
    }

    /// The same, by a process that comes later.
    fn check_rows_after_restart(self, path: &Path) {
        let Self {
            storage,
            table,
            acknowledged,
        } = self;
        drop(storage);
        let again = Self {
            storage: open(path),
            table,
            acknowledged,
        };
        again.check_rows();
    }
}

/// Bytes that cannot be compressed follow the row's own.
fn large_row(number: u32, bytes: usize) -> Vec<u8> {
    let mut row = row(1, None, number);
    let mut state = u64::from(number) + 1;
    while row.len() < bytes {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        row.extend_from_slice(&state.to_be_bytes());
    }
    row
}

/// Something mounted at a directory, until it is dropped.
struct Mounted(PathBuf);

impl Mounted {
    /// `None` where mounting is refused, as it is in most containers: said, and the test has nothing to do.
    fn at(path: &Path, arguments: &[&str]) -> Option<Self> {
        let mounted = Command::new("mount").args(arguments).arg(path).output();
        let is_mounted = mounted.as_ref().is_ok_and(|output| output.status.success());
        if !is_mounted {
            let _ = writeln!(
                std::io::stderr(),
                "skipped: mount {arguments:?} is refused here: {mounted:?}"
            );
        }
        is_mounted.then(|| Self(path.to_path_buf()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_refuses_writes_and_heals_with_less_room_than_rocksdb_waits_for() {
    let directory = tempfile::tempdir().unwrap();
    let Some(_disk) = Mounted::at(directory.path(), &["-t", "tmpfs", "-o", "size=24m", "tmpfs"]) else {
        return;
    };
    let path = directory.path().join("store");
    let filler = directory.path().join("filler");
    std::fs::write(&filler, vec![0; 12 << 20]).unwrap();
    let mut opened = Opened::at(&path);
    let error = opened.write_until_refused(64 << 10);
    assert!(opened.acknowledged.len() > 50, "{}", opened.acknowledged.len());
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("the disk is full"), "{error}");
    opened.check_rows();
    // As long as it lasts, attempts say why they fail.
    for _ in 0..5 {
        std::thread::sleep(Duration::from_millis(30));
        opened.storage.tend();
        let error = opened.write(1_000_000, 10).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        let text = error.to_string();
        assert!(
            text.contains("No space left on device") || text.contains("the disk is full"),
            "{text}"
        );
    }
    opened.check_rows();
    std::fs::remove_file(&filler).unwrap();
    opened.write_after_a_while(2_000_000);
    opened.check_rows();
    let error = opened.write_until_refused(64 << 10);
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    opened.check_rows();
    let enlarged = Command::new("mount")
        .args(["-o", "remount,size=64m"])
        .arg(directory.path())
        .status();
    assert!(enlarged.unwrap().success());
    opened.check_rows_after_restart(&path);
}

#[test]
fn files_that_cannot_be_made_for_a_moment_are_no_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let mut opened = Opened::at(&path);
    for number in 0..2 {
        opened.write(number, 10).unwrap();
        opened.storage.db().flush().unwrap();
    }
    let Some(bound) = Mounted::at(&path, &["--bind", path.to_str().unwrap()]) else {
        return;
    };
    let Some(read_only) = Mounted::at(&path, &["-o", "remount,bind,ro"]) else {
        return;
    };
    std::mem::forget(read_only);
    // What fails is in the background: files cannot become one.
    opened.storage.db().compact_range(None::<&[u8]>, None::<&[u8]>);
    opened.storage.tend();
    let trouble = opened.storage.trouble().expect("no write is taken");
    assert!(trouble.to_string().contains("Read-only file system"), "{trouble}");
    let error = opened.write(100, 10).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    opened.check_rows();
    std::thread::sleep(Duration::from_millis(60));
    opened.storage.tend();
    let error = opened.write(100, 10).unwrap_err();
    assert!(error.to_string().contains("Read-only file system"), "{error}");
    drop(bound);
    opened.write_after_a_while(2);
    opened.check_rows();
    opened.check_rows_after_restart(&path);
}

#[test]
fn a_moment_without_file_handles_is_no_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let variables = [("STORE", path.as_os_str()), ("RUST_BACKTRACE", "1".as_ref())];
    assert!(child_ends("health::tests::without_file_handles", variables));
}

#[test]
#[ignore = "run by another test in a process of its own"]
fn without_file_handles() {
    let path = PathBuf::from(std::env::var_os("STORE").unwrap());
    let limit = Command::new("prlimit")
        .args(["--pid", &std::process::id().to_string(), "--nofile=200:200"])
        .status();
    assert!(limit.unwrap().success());
    let mut opened = Opened::at(&path);
    opened.write(0, 10).unwrap();
    let all: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
    assert!(opened.storage.db().flush().is_err());
    let error = opened.write(1, 10).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("too many files are open"), "{error}");
    std::thread::sleep(Duration::from_millis(60));
    opened.storage.tend();
    let error = opened.write(1, 10).unwrap_err();
    assert!(error.to_string().contains("Too many open files"), "{error}");
    opened.check_rows();
    drop(all);
    opened.write_after_a_while(2);
    opened.check_rows();
    opened.check_rows_after_restart(&path);
}

#[test]
fn a_reader_that_does_not_end_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let mut opened = Opened::at(&path);
    opened.write(0, 10).unwrap();
    opened.storage.db().stop();
    opened.storage.refuse(&opened.storage.unavailable("is full"), None);
    let reading = opened.storage.reading();
    std::thread::sleep(Duration::from_millis(60));
    opened.storage.tend();
    let error = opened.storage.trouble().unwrap();
    assert!(error.to_string().contains("is still being read"), "{error}");
    assert!(
        reading
            .db()
            .get(row_key(&entity(&0_u32.to_be_bytes()), opened.table))
            .unwrap()
            .is_some()
    );
    opened.check_rows();
    drop(reading);
    opened.write_after_a_while(1);
    opened.check_rows_after_restart(&path);
}

#[test]
fn writes_of_a_moved_or_removed_store_are_refused_until_it_is_back() {
    let directory = tempfile::tempdir().unwrap();
    let (path, aside) = (directory.path().join("store"), directory.path().join("aside"));
    let mut opened = Opened::at(&path);
    opened.write(0, 10).unwrap();
    let refused = |opened: &mut Opened, expected: &str| {
        let started = Instant::now();
        let error = loop {
            let error = opened.write(100, 10).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            if error.to_string().contains(expected) {
                break error;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "{error}");
            std::thread::sleep(Duration::from_millis(5));
            opened.storage.tend();
        };
        assert!(error.hint().unwrap().contains("bring it back"), "{error}");
        opened.check_rows();
    };
    std::fs::rename(&path, &aside).unwrap();
    refused(&mut opened, "is not there any more");
    std::fs::create_dir(&path).unwrap();
    refused(&mut opened, "is another directory now");
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0, "nothing is made there");
    std::fs::remove_dir_all(&path).unwrap();
    std::fs::rename(&aside, &path).unwrap();
    opened.write_after_a_while(1);
    opened.check_rows();

    std::fs::rename(path.join("LOCK"), path.join("LOCK.old")).unwrap();
    std::fs::write(path.join("LOCK"), "").unwrap();
    refused(&mut opened, "were removed or replaced");
    std::fs::rename(path.join("LOCK.old"), path.join("LOCK")).unwrap();
    opened.write_after_a_while(2);
    opened.check_rows();

    std::fs::remove_dir_all(&path).unwrap();
    refused(&mut opened, "is not there any more");
}

#[test]
fn readers_and_writers_go_on_while_a_store_is_opened_again() {
    const ENTITIES: u32 = 20;
    let directory = tempfile::tempdir().unwrap();
    // Few rows fit into memory.
    let memory = OnlineStoreMemory {
        row_cache: 64 << 10,
        ..OnlineStoreMemory::default()
    };
    let storage = RocksDbStore::open(&directory.path().join("store"), "p", memory).unwrap();
    let table = ensure(&storage, "a", &["x"]).0.id;
    let done: Vec<AtomicU32> = (0..ENTITIES).map(|_| AtomicU32::new(0)).collect();
    let is_over = AtomicBool::new(false);
    let key = |number: u32| entity(&number.to_be_bytes());
    let version = |row: &[u8]| RowHeader::decode(row).unwrap().version.event_time.micros();
    std::thread::scope(|scope| {
        let (storage, done, is_over) = (&storage, &done, &is_over);
        let refusals = scope.spawn(move || {
            let mut refused = 0;
            for version in 1.. {
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                let number = version % ENTITIES;
                let (mut keys, mut rows) = (PackedBytes::default(), PackedBytes::default());
                keys.push_with(|out| out.extend_from_slice(&row_key(&key(number), table)));
                rows.push_with(|out| out.extend_from_slice(&row(i64::from(version), None, 0)));
                let written = storage.write_rows(&keys, &rows, Replace::OlderRows);
                match written.and_then(|_| storage.sync()) {
                    Ok(()) => done[number as usize].store(version, Ordering::SeqCst),
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                        refused += 1;
                    }
                }
            }
            refused
        });
        for start in [0, 7] {
            scope.spawn(move || {
                for number in (start..).map(|number| number % ENTITIES) {
                    if is_over.load(Ordering::SeqCst) {
                        break;
                    }
                    let least = i64::from(done[number as usize].load(Ordering::SeqCst));
                    let found = read_rows(storage, &[table], &[&key(number)]).remove(0);
                    let found = found.map_or(0, |row| version(&row));
                    assert!(found >= least, "{found} after {least}");
                }
            });
        }
        for _ in 0..12 {
            let started = Instant::now();
            storage.db().stop();
            storage.refuse(&storage.unavailable("is full"), None);
            while storage.trouble().is_some() {
                assert!(started.elapsed() < Duration::from_secs(60));
                storage.tend();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        is_over.store(true, Ordering::SeqCst);
        assert!(refusals.join().unwrap() > 0);
    });
    for (number, done) in (0..).zip(done) {
        let found = read_rows(&storage, &[table], &[&key(number)]).remove(0);
        assert!(found.map_or(0, |row| version(&row)) >= i64::from(done.into_inner()));
    }
}

#[test]
fn a_load_goes_on_where_the_store_is_opened_again_and_is_refused_where_it_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let mut opened = Opened::at(&path);
    opened.write(0, 10).unwrap();
    let rows = |numbers: std::ops::Range<u32>| {
        let mut rows = EncodedRows::default();
        for number in numbers {
            rows.push(&row_key(&entity(&number.to_be_bytes()), 0), &large_row(number, 100));
        }
        rows
    };
    let storage = &opened.storage;
    let mut load = storage.bulk_load(Replace::OlderRows, LIMITS);
    load.add(rows(100..400)).unwrap();
    storage.db().stop();
    storage.refuse(&storage.unavailable("is full"), None);
    let mut refused = storage.bulk_load(Replace::OlderRows, LIMITS);
    refused.add(rows(400..700)).unwrap();
    let error = refused.finish(&mut |_| Ok(())).err().unwrap();
    assert_eq!(
        (error.kind(), error.to_string().contains("is full")),
        (ErrorKind::Unavailable, true)
    );
    while storage.trouble().is_some() {
        storage.tend();
    }
    load.add(rows(700..900)).unwrap();
    load.finish(&mut |_| Ok(())).unwrap();
    storage.sync().unwrap();
    assert_eq!(opened.table, 0);
    opened.acknowledged.extend((100..400).chain(700..900));
    opened.check_rows();
    opened.check_rows_after_restart(&path);
}

#[test]
fn a_process_that_takes_the_store_meanwhile_is_followed_until_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let mut opened = Opened::at(&path);
    opened.write(0, 10).unwrap();
    // As after a first half of an attempt.
    opened.storage.refuse(&opened.storage.unavailable("is full"), None);
    let follower = Opening::to_follow(&opened.storage.options, &path).unwrap();
    drop(opened.storage.replace_opening(follower).unwrap());
    let mut other = Opened::at(&path);
    other.write(1, 10).unwrap();
    let started = Instant::now();
    loop {
        opened.storage.tend();
        let trouble = opened.storage.trouble().unwrap();
        assert_eq!(trouble.kind(), ErrorKind::Unavailable, "{trouble}");
        if trouble.to_string().contains("was taken by another process") {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{trouble}");
    }
    opened.acknowledged.push(1);
    opened.check_rows();
    let error = opened.write(2, 10).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    drop(other);
    opened.write_after_a_while(3);
    opened.check_rows_after_restart(&path);
}

#[test]
fn records_of_pushes_go_on_with_their_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let opened = Opened::at(&directory.path().join("store"));
    let (storage, none) = (&opened.storage, PackedBytes::default());
    let log = |push: &[u8]| {
        storage
            .log_push(push, &none, &none, Replace::AllRows)
            .map(|(number, _)| number)
    };
    assert_eq!((log(b"a").unwrap(), log(b"b").unwrap()), (1, 2));
    storage.sync().unwrap();
    let session = storage.session().to_owned();
    storage.db().stop();
    storage.refuse(&storage.unavailable("is full"), None);
    assert_eq!(log(b"refused").unwrap_err().kind(), ErrorKind::Unavailable);
    while storage.trouble().is_some() {
        storage.tend();
    }
    storage.finish_push(1, &none, &none, Replace::AllRows).unwrap();
    assert_eq!(log(b"c").unwrap(), 3);
    storage.sync().unwrap();
    assert_eq!(storage.session(), session);
    assert_eq!(
        storage.logged_pushes(0..=u64::MAX, usize::MAX).unwrap(),
        [(2, b"b".to_vec()), (3, b"c".to_vec())]
    );
}
