//! Which backups are counted and removed, and what is in their way.

use super::*;

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

fn begin(directory: &Path, store: &str, time: i64, stop: &Arc<AtomicBool>) -> Result<Draft> {
    let description = StoreDescription {
        kind: "rocksdb".to_owned(),
        identity: store.to_owned(),
        write_count: 0,
    };
    Draft::begin(directory, "shop", description, seconds(time), stop)
}

/// Makes a backup of a store at a time.
fn make(directory: &Path, store: &str, time: i64, keep: usize) -> BackupReport {
    let mut draft = begin(directory, store, time, &Arc::default()).unwrap();
    draft.add_bytes("registry.db", b"registry").unwrap();
    draft.finish(seconds(time), NonZero::new(keep)).unwrap()
}

/// Store and time of all backups, the oldest first.
fn all(directory: &Path) -> Vec<(String, i64)> {
    let found = crate::backups_in(directory, "shop").unwrap();
    let describe = |backup: &Backup| {
        let manifest = backup.manifest();
        let time = manifest.started.micros() / 1_000_000;
        (manifest.online_store.identity.clone(), time)
    };
    found.iter().map(describe).collect()
}

fn expected(all: &[(&str, i64)]) -> Vec<(String, i64)> {
    all.iter().map(|(store, time)| ((*store).to_owned(), *time)).collect()
}

#[test]
fn backups_of_another_store_of_the_project_are_neither_counted_nor_removed() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    make(directory, "production", 1000, 2);
    make(directory, "production", 2000, 2);
    for (time, expected_others) in [(3000, 2), (4000, 2), (5000, 2)] {
        assert_eq!(make(directory, "staging", time, 2).of_other_stores, expected_others);
    }
    let left = [
        ("production", 1000),
        ("production", 2000),
        ("staging", 4000),
        ("staging", 5000),
    ];
    assert_eq!(all(directory), expected(&left));
    make(directory, "production", 6000, 1);
    let left = [("staging", 4000), ("staging", 5000), ("production", 6000)];
    assert_eq!(all(directory), expected(&left));
}

#[test]
fn backups_of_a_clock_that_was_ahead_take_the_place_of_none() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    make(directory, "a", 900_000, 3);
    make(directory, "a", 901_000, 3);
    for time in [1000, 2000, 3000, 4000] {
        make(directory, "a", time, 3);
    }
    let left = [("a", 2000), ("a", 3000), ("a", 4000), ("a", 900_000), ("a", 901_000)];
    assert_eq!(all(directory), expected(&left));
    // The clock has come there.
    make(directory, "a", 902_000, 3);
    assert_eq!(
        all(directory),
        expected(&[("a", 900_000), ("a", 901_000), ("a", 902_000)])
    );
}

#[test]
fn one_that_is_given_up_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (store, backups) = (directory.path().join("store"), directory.path().join("backups"));
    std::fs::create_dir(&store).unwrap();
    std::fs::write(store.join("CURRENT"), "x").unwrap();
    make_directory(&backups).unwrap();
    let stop = Arc::default();
    let mut draft = begin(&backups, "a", 1000, &stop).unwrap();
    stop.store(true, Ordering::Relaxed);
    let error = draft.add_directory("online_store", &store, |_| false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    drop(draft);
    let left: Vec<_> = std::fs::read_dir(&backups)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, [".backups.lock"]);
}

#[test]
fn whatever_has_the_name_of_what_a_killed_process_leaves_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("kept"), "").unwrap();
    let name = |second: u32| directory.join(format!(".2026-11-26T00-00-0{second}Z.tmp"));
    std::fs::write(name(1), "x").unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), name(2)).unwrap();
    std::fs::create_dir_all(name(3).join("online_store")).unwrap();
    make(directory, "a", 1000, 3);
    for second in 1..=3 {
        assert!(std::fs::symlink_metadata(name(second)).is_err(), "{second}");
    }
    assert!(elsewhere.path().join("kept").exists(), "a link leads nowhere");
}
