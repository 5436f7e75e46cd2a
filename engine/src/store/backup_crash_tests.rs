//! Processes that are killed at each step of a backup and of a restore: what has the name of a backup is whole, and a restore that was
//! ended can be done again.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use arrow::datatypes::{DataType, TimeUnit};
use feast_backup::{Backup, backups_in};
use feast_config::RepositoryConfig;
use feast_files::fail_point::{self, Step};

use super::FeatureStore;
use super::crash_tests::{abort_at, support};
use crate::model::Timestamp;
use crate::{ApplyOptions, MaterializeRange, MaterializeRequest, NoProgress, create_parquet, restore};

const DIRECTORY: &str = "FEAST_BACKUP_CRASH_DIRECTORY";
const TASK: &str = "FEAST_BACKUP_CRASH_TASK";

fn backups(directory: &Path) -> PathBuf {
    directory.join("backups")
}

/// One row, in parquet and online.
fn prepare(directory: &Path) {
    let times = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let rows = support::source_rows(&[(Some(1), Some(5), Some(5), Some(7))], &times);
    create_parquet(&directory.join("data/stats.parquet"), &rows).unwrap();
    let store = support::open(directory);
    store
        .apply(support::definitions(), ApplyOptions::default(), &mut ())
        .unwrap();
    let range = MaterializeRange::Between {
        start: Timestamp::EPOCH,
        end: Timestamp::from_seconds(10).unwrap(),
    };
    let windows = store
        .materialization_windows(&MaterializeRequest { range, views: None })
        .unwrap();
    store.materialize(&windows, &mut NoProgress).unwrap();
}

fn back_up(store: &FeatureStore, directory: &Path) -> Backup {
    let report = store.back_up(&backups(directory), NonZero::new(1)).unwrap();
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
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::backup_crash_tests::child", "--ignored"])
        .env(DIRECTORY, directory)
        .env(TASK, task)
        .env("FEAST_FAIL_AT", format!("{step:?} 0"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), None, "{task} was to be killed at {step:?}");
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

#[test]
fn a_restore_that_is_killed_can_be_done_again() {
    for step in [Step::RestoreWritten, Step::StoreRestored] {
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
        restore(&config(directory), backup.path(), true).unwrap();
        let store = support::open(directory);
        assert_eq!(support::online(&store, &[1]), "7@5");
        assert_ne!(store.online_store_identity().unwrap(), identity, "it is another store");
        let left = names(&directory.join("data"));
        assert!(!left.iter().any(|name| name.ends_with(".tmp")), "{left:?}");
    }
}
