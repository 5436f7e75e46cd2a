//! Processes that are killed while the registry loses its view and gets it back, and while tables are dropped on purpose: rows
//! that were acknowledged are there when the view is, and rows that were dropped do not come back. And ones that are killed while they
//! record their first run.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimeUnit};
use feast_fixtures::{Random, copy_directory};
use feast_model::{Definitions, Timestamp};

use super::FeatureStore;
use super::crash_tests::support;
use crate::{ApplyOptions, MaterializeRange, MaterializeRequest, NoProgress, create_parquet};

const KEYS: i64 = 4;
const KILLS: usize = 16;
const DIRECTORY: &str = "FEAST_TABLE_CRASH_DIRECTORY";
const SEED: &str = "FEAST_TABLE_CRASH_SEED";
const FIRST_NUMBER: &str = "FEAST_TABLE_CRASH_FIRST_NUMBER";

fn without_view() -> Definitions {
    let mut definitions = support::definitions();
    definitions.feature_views.clear();
    definitions
}

fn apply(store: &FeatureStore, definitions: Definitions, drop_now: bool) {
    let options = ApplyOptions {
        drop_now,
        ..ApplyOptions::default()
    };
    store.apply(definitions, options, &mut ()).unwrap();
}

/// The process that is killed: pushes, and takes the view away between them.
#[test]
#[ignore = "started by the test below"]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let directory = Path::new(&directory);
    let number = |name: &str| std::env::var(name).unwrap().parse::<i64>().unwrap();
    let mut random = Random::from_seed(number(SEED) as u64);
    feast_files::fail_point::observe(super::crash_tests::abort_at);
    let store = support::open(directory);
    store.open_online_store().unwrap();
    apply(&store, support::definitions(), false);
    let mut journal = OpenOptions::new().append(true).open(directory.join("journal")).unwrap();
    let mut write = |line: String| journal.write_all(line.as_bytes()).unwrap();
    for number in number(FIRST_NUMBER).. {
        match random.below(12) {
            0..=2 => {
                apply(&store, without_view(), false);
                apply(&store, support::definitions(), false);
            }
            3 => {
                write(format!("begin {number} drop\n"));
                apply(&store, without_view(), true);
                write(format!("done {number}\n"));
                apply(&store, support::definitions(), false);
            }
            _ => {
                let key = random.below(KEYS as usize) as i64;
                write(format!("begin {number} {key}\n"));
                let target = store.push_target("push", true, false).unwrap();
                let value = |value: i64| Arc::new(Int64Array::from(vec![value])) as ArrayRef;
                let time =
                    |seconds: i64| Arc::new(TimestampMicrosecondArray::from(vec![seconds * 1_000_000])) as ArrayRef;
                let columns = vec![value(number), value(key), time(number), time(0)];
                store.push(&target, vec![columns], None).unwrap();
                write(format!("done {number}\n"));
            }
        }
    }
}

/// For each key the least value that must be there, and the values that must not.
fn check(original: &Path, death: &str) -> usize {
    let text = std::fs::read_to_string(original.join("journal")).unwrap();
    let mut least = [None; KEYS as usize];
    let mut pending: Vec<(i64, Option<usize>)> = Vec::new();
    let (mut dropped_until, mut acknowledged) = (0, 0);
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let number: i64 = words[1].parse().unwrap();
        if words[0] == "begin" {
            // A drop that has begun may have been done.
            if words[2] == "drop" {
                least = [None; KEYS as usize];
            }
            pending.push((number, words[2].parse().ok()));
            continue;
        }
        acknowledged += 1;
        let (_, key) = pending.iter().find(|(begun, _)| *begun == number).unwrap();
        match key {
            Some(key) => least[*key] = Some(number),
            None => dropped_until = number,
        }
    }
    let copied = tempfile::tempdir().unwrap();
    copy_directory(original, copied.path());
    let store = support::open(copied.path());
    store.open_online_store().unwrap();
    apply(&store, support::definitions(), false);
    for (key, least) in least.into_iter().enumerate() {
        let stored = support::online(&store, &[key as i64]);
        let value = stored.split_once('@').map(|(value, _)| value.parse::<i64>().unwrap());
        assert!(value >= least, "{death}: key {key} has {stored}, not {least:?}");
        assert!(
            value.is_none_or(|value| value > dropped_until),
            "{death}: {stored} was dropped at {dropped_until}"
        );
    }
    acknowledged
}

#[test]
fn tables_of_killed_processes_are_whole() {
    let mut random = Random::seeded();
    let directory = tempfile::tempdir().unwrap();
    let times = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    create_parquet(
        &directory.path().join("data/stats.parquet"),
        &support::source_rows(&[], &times),
    )
    .unwrap();
    apply(&support::open(directory.path()), support::definitions(), false);
    File::create(directory.path().join("journal")).unwrap();
    let (mut at_step, mut acknowledged) = (0, 0);
    for kill in 0..KILLS {
        let journal = std::fs::read_to_string(directory.path().join("journal")).unwrap();
        let numbers = journal
            .lines()
            .filter_map(|line| line.split(' ').nth(1)?.parse::<i64>().ok());
        let first = numbers.max().unwrap_or_default() + 1;
        let step = match kill % 4 {
            0 => String::new(),
            1 => format!("FileRenamed {}", random.below(8)),
            _ => format!("TablesChanged {}", random.below(10)),
        };
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::table_crash_tests::child", "--ignored", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .env(SEED, random.below(1 << 20).to_string())
            .env(FIRST_NUMBER, first.to_string())
            .env("FEAST_FAIL_AT", &step)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let patience = if step.is_empty() {
            50 + random.below(400) as u64
        } else {
            10_000
        };
        let killed_at = Instant::now() + Duration::from_millis(patience);
        while Instant::now() < killed_at {
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.code().is_none(), "the child ended by itself: {status}");
                at_step += 1;
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        // It may have ended already.
        let _ = child.kill();
        child.wait().unwrap();
        acknowledged = check(directory.path(), &format!("kill {kill} {step}"));
    }
    assert!(
        at_step > 0 && acknowledged > 0,
        "{at_step} at a step, {acknowledged} acknowledged"
    );
}

/// The process that materializes a view for the first time, and ends where it is told.
#[test]
#[ignore = "started by the test below"]
fn first_run() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    feast_files::fail_point::observe(super::crash_tests::abort_at);
    let store = support::open(Path::new(&directory));
    let range = MaterializeRange::Between {
        start: Timestamp::EPOCH,
        end: Timestamp::from_seconds(1000).unwrap(),
    };
    let windows = store
        .materialization_windows(&MaterializeRequest { range, views: None })
        .unwrap();
    store.materialize(&windows, &mut NoProgress).unwrap();
}

#[test]
fn an_interval_is_never_there_without_the_mark_on_its_table() {
    // Each with whether the interval is recorded by then.
    for (step, is_recorded) in [
        ("TablesChanged 0", false),
        ("RowsSynced 0", false),
        ("TablesChanged 1", false),
        ("FileRenamed 0", true),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let times = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        create_parquet(
            &directory.path().join("data/stats.parquet"),
            &support::source_rows(&[(Some(1), Some(10), Some(0), Some(7))], &times),
        )
        .unwrap();
        apply(&support::open(directory.path()), support::definitions(), false);
        let status = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "store::table_crash_tests::first_run",
                "--ignored",
                "--nocapture",
            ])
            .env(DIRECTORY, directory.path())
            .env("FEAST_FAIL_AT", step)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.code().is_none(), "{step} is not reached: {status}");
        let store = support::open(directory.path());
        store.open_online_store().unwrap();
        let until = store.materialized_until().unwrap();
        assert_eq!(until.iter().any(|(_, until)| until.is_some()), is_recorded, "{step}");
        assert_eq!(store.missing_rows(None).unwrap(), Vec::<String>::new(), "{step}");
        if is_recorded {
            assert_eq!(support::online(&store, &[1]), "7@10");
        }
    }
}
