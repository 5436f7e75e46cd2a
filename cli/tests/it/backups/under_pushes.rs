//! A server that takes pushes while backups are made: each restored row is one that was pushed, not older than what was acknowledged before
//! the backup began, and not newer than what had been sent when it was over.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use super::{back_up, elsewhere, materialized, names, push, trips};
use crate::support::{Repository, Server};

/// Drivers that the template does not have.
const FIRST_DRIVER: i64 = 50_000;
const DRIVERS: i64 = 64;
const THREADS: i64 = 4;

/// Of each driver the number of the last push that was acknowledged, and of the last that was sent.
struct Journal {
    acknowledged: Vec<AtomicI64>,
    sent: Vec<AtomicI64>,
}

impl Journal {
    fn new() -> Self {
        let none = || (0..DRIVERS).map(|_| AtomicI64::new(0)).collect();
        Self {
            acknowledged: none(),
            sent: none(),
        }
    }

    fn read(numbers: &[AtomicI64]) -> Vec<i64> {
        numbers.iter().map(|number| number.load(Ordering::SeqCst)).collect()
    }
}

/// Each thread has drivers of its own, so that a later number is a later push. Some go to the parquet file too.
fn push_until(server: &Server, journal: &Journal, thread: i64, stop: &AtomicBool) {
    for number in 1.. {
        let driver = (number * THREADS + thread) % DRIVERS;
        let position = usize::try_from(driver).unwrap();
        let to = if number % 16 == 0 {
            "online_and_offline"
        } else {
            "online"
        };
        journal.sent[position].store(number, Ordering::SeqCst);
        let answer = server.post_json("/push", &push(FIRST_DRIVER + driver, number, to));
        assert_eq!(answer.status, 200, "{}", answer.body);
        journal.acknowledged[position].store(number, Ordering::SeqCst);
        if stop.load(Ordering::SeqCst) {
            return;
        }
    }
}

/// Restores a backup elsewhere and holds its rows against those that may be in it.
fn check(repository: &Repository, backup: &Path, least: &[i64], most: &[i64]) {
    let other = elsewhere(repository);
    other.succeed(&["restore", backup.to_str().unwrap()]);
    let server = other.serve();
    let drivers: Vec<i64> = (0..DRIVERS).map(|driver| FIRST_DRIVER + driver).collect();
    let found = trips(&server, &drivers);
    for (driver, found) in found.into_iter().enumerate() {
        let (found, least, most) = (found.unwrap_or(0), least[driver], most[driver]);
        assert!(
            (least..=most).contains(&found),
            "driver {driver} has {found}, and not one of {least} to {most}"
        );
    }
    // What was materialized before is there too, and the registry knows of it.
    assert!(trips(&server, &[1001])[0].is_some());
    assert_eq!(server.send("GET", "/ready", &[], "").status, 200);
}

#[test]
fn a_backup_under_pushes_has_all_that_was_acknowledged_before_and_nothing_from_after_it() {
    let repository = materialized();
    let directory = tempfile::tempdir().unwrap();
    let server = repository.serve();
    let (journal, stop) = (Journal::new(), AtomicBool::new(false));
    let mut made = Vec::new();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (server, journal, stop) = (&server, &journal, &stop);
            scope.spawn(move || push_until(server, journal, thread, stop));
        }
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(300));
            let least = Journal::read(&journal.acknowledged);
            let backup = back_up(&repository, directory.path());
            made.push((backup, least, Journal::read(&journal.sent)));
        }
        stop.store(true, Ordering::SeqCst);
    });
    drop(server);
    assert!(made.last().unwrap().1.iter().sum::<i64>() > 0, "some were acknowledged");
    for (backup, least, most) in &made {
        repository.succeed(&["backup", "--verify", backup.to_str().unwrap()]);
        check(&repository, backup, least, most);
    }
}

#[test]
fn a_server_that_is_killed_while_it_makes_backups_leaves_whole_ones_only() {
    let repository = materialized();
    let directory = tempfile::tempdir().unwrap();
    let started = Instant::now();
    for kill in 0..6_u64 {
        let server = repository.serve();
        std::thread::scope(|scope| {
            for thread in 0..2 {
                let address = &server;
                scope.spawn(move || {
                    for number in 1..20_000 {
                        let sent = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                            address
                                .post_json("/push", &push(FIRST_DRIVER + thread, number, "online"))
                                .status
                        }));
                        if sent.is_err() {
                            return;
                        }
                    }
                });
            }
            let command = scope.spawn(|| repository.feast(&["backup", directory.path().to_str().unwrap()]));
            // From before the beginning of a backup to after its end, which is some tens of milliseconds.
            std::thread::sleep(Duration::from_millis(5 + 17 * kill));
            server.signal("KILL");
            let outcome = command.join().unwrap();
            assert!(matches!(outcome.code, Some(0 | 1)), "{}", outcome.stderr);
        });
        let whole = names(directory.path());
        for name in whole.iter().filter(|name| !name.starts_with('.')) {
            let backup = directory.path().join(name);
            repository.succeed(&["backup", "--verify", backup.to_str().unwrap()]);
        }
    }
    let last = back_up(&repository, directory.path());
    let left = names(directory.path());
    assert!(!left.iter().any(|name| name.starts_with('.')), "{left:?}");
    assert!(!repository.exists("data/online_store/CHECKPOINT"));
    let other = elsewhere(&repository);
    other.succeed(&["restore", last.to_str().unwrap()]);
    assert!(trips(&other.serve(), &[1001])[0].is_some());
    assert!(started.elapsed() < Duration::from_secs(300));
}

#[test]
fn table_files_are_shared_with_the_store_and_with_the_backup_before() {
    use std::os::unix::fs::MetadataExt;
    let repository = materialized();
    // Beside the store, so on the same file system.
    let directory = repository.path.join("backups");
    let tables = |backup: &Path| {
        let files = std::fs::read_dir(backup.join("online_store")).unwrap();
        let tables = files.map(|file| file.unwrap().path());
        let mut tables: Vec<_> = tables
            .filter(|path| path.extension().is_some_and(|end| end == "sst"))
            .map(|path| path.metadata().unwrap())
            .map(|file| (file.ino(), file.nlink()))
            .collect();
        tables.sort_unstable();
        tables
    };
    let first = back_up(&repository, &directory);
    let second = back_up(&repository, &directory);
    assert_ne!(first, second);
    assert!(!tables(&first).is_empty());
    assert_eq!(tables(&first), tables(&second));
    assert!(
        tables(&first).iter().all(|(_, links)| *links == 3),
        "{:?}",
        tables(&first)
    );
    // Each is complete without the other, and without the store.
    std::fs::remove_dir_all(&first).unwrap();
    let other = elsewhere(&repository);
    other.succeed(&["restore", second.to_str().unwrap()]);
    assert!(trips(&other.serve(), &[1001])[0].is_some());
    repository.succeed(&["backup", "--verify", second.to_str().unwrap()]);
}
