//! Processes that are killed at each step of a backup and of a restore: what has the name of a backup is whole; after a restore that was ended
//! rows and registry are both the former ones, or nobody opens the store; it can be done again, and the former store is whole where it was
//! moved to.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use feast_backup::{Backup, backups_in};
use feast_config::RepositoryConfig;
use feast_files::fail_point::{self, Step};
use feast_registry::RegistryFile;

use super::FeatureStore;
use super::crash_tests::{abort_at, support};
use crate::model::Timestamp;
use crate::{ApplyOptions, MaterializeRange, MaterializeRequest, NoProgress, create_parquet, restore};
use feast_model::error::ErrorKind;

const DIRECTORY: &str = "FEAST_BACKUP_CRASH_DIRECTORY";
const TASK: &str = "FEAST_BACKUP_CRASH_TASK";

fn backups(directory: &Path) -> PathBuf {
    directory.join("backups")
}

/// Two rows of a key in parquet, the older one online.
fn prepare(directory: &Path) {
    let times = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let row = |time, value| (Some(1), Some(time), Some(time), Some(value));
    let rows = support::source_rows(&[row(5, 7), row(15, 8)], &times);
    create_parquet(&directory.join("data/stats.parquet"), &rows).unwrap();
    let store = support::open(directory);
    store
        .apply(support::definitions(), ApplyOptions::default(), &mut ())
        .unwrap();
    materialize(&store, 0, 10);
}

fn materialize(store: &FeatureStore, start: i64, end: i64) {
    let [start, end] = [start, end].map(|seconds| Timestamp::from_seconds(seconds).unwrap());
    let range = MaterializeRange::Between { start, end };
    let windows = store
        .materialization_windows(&MaterializeRequest { range, views: None })
        .unwrap();
    store.materialize(&windows, &mut NoProgress).unwrap();
}

fn back_up(store: &FeatureStore, directory: &Path) -> Backup {
    let keep = NonZero::new(1);
    let report = store.back_up(&backups(directory), keep, &Arc::default()).unwrap();
    Backup::open(&report.path).unwrap()
}

fn config(directory: &Path) -> RepositoryConfig {
    support::open(directory).config().clone()
}

/// The process that is killed.
#[test]
#[ignore = "started by the tests below"]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let directory = Path::new(&directory);
    fail_point::observe(abort_at);
    if std::env::var(TASK).unwrap() == "restore" {
        let backup = backups_in(&backups(directory), "shop").unwrap().pop().unwrap();
        let _ = restore(&config(directory), backup.path(), true);
        return;
    }
    back_up(&support::open(directory), directory);
}

/// Does the task in a process that ends itself at a step, or not at all if it does not come there.
fn killed_at(directory: &Path, task: &str, step: Step) {
    let is_killed = ended_at(directory, task, step, 0);
    assert!(is_killed, "{task} was to be killed at {step:?}");
}

/// As [`killed_at`], after so many of the same step. Says whether it came there.
fn ended_at(directory: &Path, task: &str, step: Step, count: usize) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::backup_crash_tests::child", "--ignored"])
        .env(DIRECTORY, directory)
        .env(TASK, task)
        .env("FEAST_FAIL_AT", format!("{step:?} {count}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    status.code().is_none()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !name.ends_with(".lock")).collect();
    names.sort();
    names
}

#[test]
fn a_backup_that_is_killed_is_whole_or_not_there_and_leaves_nothing() {
    for (step, expected) in [
        (Step::BackupWritten, 1),
        (Step::BackupNamed, 2),
        (Step::BackupUnnamed, 1),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        prepare(directory);
        back_up(&support::open(directory), directory);
        killed_at(directory, "backup", step);
        let whole = backups_in(&backups(directory), "shop").unwrap();
        assert_eq!(whole.len(), expected, "{step:?}");
        assert!(whole.iter().all(|backup| backup.verify().is_ok()));
        // The next one cleans up, in the directory of backups and in that of the store.
        let store = support::open(directory);
        let next = back_up(&store, directory);
        next.verify().unwrap();
        let name = next.path().file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(names(&backups(directory)), [name], "{step:?}");
        assert!(!directory.join("data/online/CHECKPOINT").exists());
    }
}

/// The row of the key, and until when the registry says it was materialized; `None` when nobody opens the store.
fn state(directory: &Path) -> Option<(String, i64)> {
    let store = support::open(directory);
    if let Err(error) = store.open_online_store() {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains("a restore of online store"), "{error}");
        return None;
    }
    let registry = RegistryFile::new(&directory.join("data/registry.db"), "shop");
    let until = registry.load().unwrap().contents.materialized_until("stats").unwrap();
    let until = until.map_or(0, |until| until.micros() / 1_000_000);
    Some((support::online(&store, &[1]), until))
}

fn restored() -> Option<(String, i64)> {
    Some(("7@5".to_owned(), 10))
}

fn newer() -> Option<(String, i64)> {
    Some(("8@15".to_owned(), 20))
}

/// A store and a registry that are newer than the backup.
fn prepare_newer(directory: &Path) -> PathBuf {
    prepare(directory);
    let store = support::open(directory);
    let backup = back_up(&store, directory);
    materialize(&store, 10, 20);
    drop(store);
    assert_eq!(state(directory), newer());
    backup.path().to_path_buf()
}

/// What was moved aside of the store, which is the whole former one, in one place.
fn check_former(directory: &Path, death: &str) {
    let data = directory.join("data");
    let of_store = |name: &String| name.starts_with("online.before-");
    let mut aside: Vec<PathBuf> = names(&data)
        .into_iter()
        .filter(of_store)
        .map(|name| data.join(name))
        .collect();
    aside.retain(|directory| directory.join("CURRENT").exists());
    // One of a backup that was restored over in turn may be there too.
    let mut found = 0;
    std::fs::rename(data.join("online"), data.join("restored")).unwrap();
    for former in aside {
        std::fs::rename(&former, data.join("online")).unwrap();
        found += usize::from(state(directory).is_some_and(|(row, _)| row == "8@15"));
        std::fs::rename(data.join("online"), &former).unwrap();
    }
    assert_eq!(found, 1, "{death}: the former store is there once, and whole");
}

#[test]
fn a_restore_over_a_store_that_is_killed_leaves_the_former_one_or_one_that_nobody_opens() {
    let mut steps = vec![
        (Step::RestoreWritten, 0, newer()),
        // The mark, then the registry.
        (Step::FileWritten, 0, newer()),
        (Step::FileRenamed, 0, None),
        (Step::RestoreMarked, 0, None),
        (Step::StoreMovedAside, 0, None),
        (Step::StoreRestored, 0, None),
        (Step::FileWritten, 1, None),
        (Step::FileRenamed, 1, None),
        (Step::RegistryRestored, 0, None),
    ];
    steps.extend((0..64).map(|count| (Step::StoreFileMoved, count, None)));
    let mut moved = 0;
    for (step, count, expected) in steps {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let backup = prepare_newer(directory);
        let death = format!("{step:?} {count}");
        if !ended_at(directory, "restore", step, count) {
            assert_eq!(step, Step::StoreFileMoved);
            break;
        }
        moved += usize::from(step == Step::StoreFileMoved);
        assert_eq!(state(directory), expected, "{death}");
        restore(&config(directory), &backup, true).unwrap();
        assert_eq!(state(directory), restored(), "{death}");
        let left = names(&directory.join("data/online"));
        assert!(!left.iter().any(|name| name.contains("RESTORE")), "{left:?}");
        check_former(directory, &death);
    }
    assert!(moved > 10, "{moved} files");
}

#[test]
fn a_restore_that_is_killed_again_and_again_keeps_the_former_store_whole() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let backup = prepare_newer(directory);
    for (step, count) in [
        (Step::StoreFileMoved, 2),
        (Step::RestoreWritten, 0),
        (Step::StoreFileMoved, 1),
        (Step::StoreMovedAside, 0),
        (Step::StoreFileMoved, 3),
        (Step::StoreRestored, 0),
        (Step::RegistryRestored, 0),
    ] {
        assert!(ended_at(directory, "restore", step, count), "{step:?}");
        assert_eq!(state(directory), None, "{step:?}");
    }
    restore(&config(directory), &backup, true).unwrap();
    assert_eq!(state(directory), restored());
    check_former(directory, "all of them");
}

#[test]
fn a_restore_to_an_empty_place_that_is_killed_can_be_done_again() {
    for step in [
        Step::RestoreWritten,
        Step::FileWritten,
        Step::RestoreMarked,
        Step::StoreFileMoved,
        Step::StoreMovedAside,
        Step::StoreRestored,
    ] {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        prepare(directory);
        let store = support::open(directory);
        let backup = back_up(&store, directory);
        let identity = store.online_store_identity().unwrap().to_owned();
        drop(store);
        std::fs::remove_dir_all(directory.join("data/online")).unwrap();
        std::fs::remove_file(directory.join("data/registry.db")).unwrap();
        killed_at(directory, "restore", step);
        assert!(!directory.join("data/registry.db").exists(), "the rows come first");
        // Nothing of anybody else is in the way.
        restore(&config(directory), backup.path(), false).unwrap();
        assert_eq!(state(directory), restored(), "{step:?}");
        let store = support::open(directory);
        assert_ne!(store.online_store_identity().unwrap(), identity, "it is another store");
        let left = [names(&directory.join("data")), names(&directory.join("data/online"))].concat();
        let is_left = |name: &String| name.contains("RESTORE") || name.contains("before-");
        assert!(!left.iter().any(is_left), "{left:?}");
    }
}

#[test]
fn what_a_killed_restore_has_copied_goes_with_the_next_opening() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    prepare_newer(directory);
    killed_at(directory, "restore", Step::RestoreWritten);
    assert!(directory.join("data/online/RESTORE.tmp").exists());
    assert_eq!(state(directory), newer());
    assert!(!directory.join("data/online/RESTORE.tmp").exists());
}
