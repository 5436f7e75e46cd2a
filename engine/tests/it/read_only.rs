//! A repository that is only read, beside one who writes it, and where nobody can.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use feast_engine::{Access, ApplyOptions, ErrorKind, FeatureStore};

use crate::push::push;
use crate::support::{Fixture, SQLITE_MARK, SourceRow, definitions, materialize, online, open, open_read_only};

const ROWS: [SourceRow; 2] = [
    (Some(1), Some(10), Some(0), Some(7)),
    (Some(2), Some(20), Some(0), Some(8)),
];

/// Every file below a directory, with its length and when it was changed.
fn files(directory: &Path) -> BTreeMap<String, (u64, SystemTime)> {
    let mut found = BTreeMap::new();
    let mut pending = vec![directory.to_path_buf()];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                pending.push(entry.path());
            }
            let name = entry.path().to_string_lossy().into_owned();
            found.insert(name, (metadata.len(), metadata.modified().unwrap()));
        }
    }
    found
}

/// What would write is refused, and says why.
fn check_refusals(store: &FeatureStore) {
    let target = store.push_target("push", true, false).unwrap();
    let refused = [
        ("push", store.push(&target, Vec::new(), None).err()),
        ("materialize", materialize(store, 0, 1000).err()),
        ("claim", store.claim_materialization(&["stats".to_owned()], false).err()),
        (
            "apply",
            store.apply(definitions(), ApplyOptions::default(), &mut ()).err(),
        ),
        ("teardown", store.teardown(&mut ()).err()),
        ("delete", store.delete("stats").err()),
        ("file", store.write_beside_online_store("SERVER", b"here").err()),
    ];
    for (what, error) in refused {
        let error = error.unwrap_or_else(|| panic!("{what} is not refused"));
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{what}: {error}");
        assert_eq!(error.to_string(), "this server is read-only", "{what}");
    }
    assert_eq!(store.complete_pushes().unwrap(), 0);
    assert_eq!(store.flush_pushes(true).unwrap(), 0);
}

#[test]
fn rows_that_another_store_writes_are_seen_after_the_next_look() {
    let Fixture { directory, store } = Fixture::new(&ROWS);
    // Before there is a table, all rows are missing.
    store.open_online_store().unwrap();
    let reader = open_read_only(directory.path());
    assert_eq!(reader.access(), Access::ReadOnly);
    reader.open_online_store().unwrap();
    assert_eq!(online(&reader, &[1, 2]), "- -");
    let seen = || {
        reader.tend_online_store().unwrap();
        assert!(reader.online_store_trouble().is_none());
        // Twice: from the store, and from memory.
        let seen = online(&reader, &[1, 2]);
        assert_eq!(online(&reader, &[1, 2]), seen);
        seen
    };
    push(&store, (1, 30, 0, 70), false);
    assert_eq!(seen(), "70@30 -");
    materialize(&store, 0, 1000).unwrap();
    // The registry is looked at more often than the store.
    reader.refresh().unwrap();
    assert_eq!(reader.missing_rows(None).unwrap(), Vec::<String>::new());
    assert_eq!(seen(), "70@30 8@20");
    push(&store, (2, 40, 0, 80), true);
    assert_eq!(seen(), "70@30 80@40");
    check_refusals(&reader);
    // One who writes is opened again while the reader goes on.
    drop(store);
    assert_eq!(seen(), "70@30 80@40");
    let store = open(directory.path());
    store.open_online_store().unwrap();
    push(&store, (1, 50, 0, 90), false);
    assert_eq!(seen(), "90@50 80@40");
}

#[test]
fn nothing_is_changed_by_reading() {
    for is_sqlite in [false, true] {
        let fixture = Fixture::new(&ROWS);
        let directory = fixture.directory;
        drop(fixture.store);
        if is_sqlite {
            std::fs::write(directory.path().join(SQLITE_MARK), "").unwrap();
        }
        let store = open(directory.path());
        store.apply(definitions(), ApplyOptions::default(), &mut ()).unwrap();
        store.open_online_store().unwrap();
        materialize(&store, 0, 1000).unwrap();
        drop(store);
        let before = files(directory.path());
        let read = || {
            let reader = open_read_only(directory.path());
            reader.open_online_store().unwrap();
            assert_eq!(online(&reader, &[1, 2, 3]), "7@10 8@20 -");
            check_refusals(&reader);
            reader.refresh().unwrap();
            reader.tend_online_store().unwrap();
            assert_eq!(online(&reader, &[1, 2, 3]), "7@10 8@20 -");
        };
        read();
        assert_eq!(files(directory.path()), before);
        // The same where nobody can write, if that can be arranged here.
        let path = directory.path().to_str().unwrap();
        let mount = |arguments: &[&str]| Command::new("mount").args(arguments).status();
        let is_bound = mount(&["--bind", path, path]).is_ok_and(|status| status.success());
        if is_bound && mount(&["-o", "remount,bind,ro", path]).unwrap().success() {
            let outcome = std::panic::catch_unwind(read);
            assert!(
                Command::new("umount")
                    .args(["--lazy", path])
                    .status()
                    .unwrap()
                    .success()
            );
            outcome.unwrap();
            assert_eq!(files(directory.path()), before);
        }
    }
}

#[test]
fn a_store_that_is_not_there_is_not_made() {
    let fixture = Fixture::new(&ROWS);
    let reader = open_read_only(fixture.directory.path());
    let error = reader.open_online_store().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().starts_with("there is no online store in "), "{error}");
    assert!(!fixture.directory.path().join("data/online").exists());
    // It is there a moment later.
    fixture.materialize(0, 1000);
    let started = Instant::now();
    while reader.open_online_store().is_err() {
        assert!(started.elapsed() < Duration::from_secs(10));
    }
    assert_eq!(online(&reader, &[1]), "7@10");
}
