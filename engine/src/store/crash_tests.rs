//! Processes that are killed while they push and materialize: what they have acknowledged must be there, and what they have
//! not must be there as a whole or not at all.
//!
//! A child process works on a store and writes what it begins and what is acknowledged into a journal. It is killed at a
//! random moment, or ends itself at a step of [`feast_files::fail_point`]. The parent opens the store, holds it against the
//! journal, and starts the next child on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimeUnit};
use feast_files::fail_point::{self, Step};
use feast_fixtures::{Random, copy_directory};
use feast_model::Timestamp;
use feast_registry::RegistryFile;

use crate::online_store::PushRecords;
use crate::store::FeatureStore;
use crate::{ApplyOptions, MaterializeRange, MaterializeRequest, NoProgress, create_parquet};

#[path = "../../tests/it/support.rs"]
#[expect(dead_code, reason = "the integration tests use all of it")]
pub(super) mod support;

/// Rows are pushed to these keys; a row's value is the number of the operation that pushed it.
const KEYS: i64 = 6;
const THREADS: usize = 3;
/// Children in a test run; `FEAST_CRASH_MINUTES` makes it go on for longer.
const MIN_KILLS: usize = 24;

/// Where the rows of offline pushes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// One file.
    File,
    /// A directory with folders that hold the values of a column. Each push has a second row, for another folder.
    Folders,
}

/// Where the rows of online pushes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// With the log of pushes.
    RocksDb,
    /// In SQLite, with the log of pushes in a directory beside it.
    Sqlite,
}

/// The key of second rows, which are never asked for. Their values are the negative ones of the first.
const SHADOW_KEY: i64 = KEYS;

const DIRECTORY: &str = "FEAST_CRASH_DIRECTORY";
const SEED: &str = "FEAST_CRASH_SEED";
const FIRST_NUMBER: &str = "FEAST_CRASH_FIRST_NUMBER";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Online,
    Offline,
    Both,
    Materialize,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Online, Self::Offline, Self::Both, Self::Materialize];

    fn is_offline(self) -> bool {
        matches!(self, Self::Offline | Self::Both)
    }
}

/// One line of the journal begins an operation, another one acknowledges it.
#[derive(Debug, Clone)]
struct Operation {
    kind: Kind,
    key: i64,
    /// Seconds. No two operations have one event time, so ties do not hide mistakes.
    event_time: i64,
    is_acknowledged: bool,
    /// Of a materialization: the offline operations that were acknowledged before it began.
    sees: BTreeSet<i64>,
}

const SOURCE: &str = "data/stats.parquet";

fn prepare(directory: &Path, layout: Layout) {
    let times = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let rows = support::source_rows(&[], &times);
    let file = match layout {
        Layout::File => directory.join(SOURCE),
        Layout::Folders => directory.join(SOURCE).join("region=none/first.parquet"),
    };
    create_parquet(&file, &rows).unwrap();
    support::open(directory)
        .apply(support::definitions(), ApplyOptions::default(), &mut ())
        .unwrap();
}

/// Ends the process where `FEAST_FAIL_AT` says: the name of a step and how many times it is passed before, `FileRenamed 3`.
pub(super) fn abort_at(step: Step) {
    static LEFT: AtomicI64 = AtomicI64::new(i64::MIN);
    let Ok(setting) = std::env::var("FEAST_FAIL_AT") else {
        return;
    };
    let Some((name, count)) = setting.split_once(' ') else {
        return;
    };
    if name != format!("{step:?}") {
        return;
    }
    let count: i64 = count.parse().unwrap_or_default();
    // The first caller sets the counter.
    let _ = LEFT.compare_exchange(i64::MIN, count, Ordering::SeqCst, Ordering::SeqCst);
    if LEFT.fetch_sub(1, Ordering::SeqCst) <= 0 {
        std::process::abort();
    }
}

/// The process that is killed.
#[test]
#[ignore = "started by the test below"]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let directory = Path::new(&directory);
    let number = |name: &str| std::env::var(name).unwrap().parse::<i64>().unwrap();
    let seed = number(SEED);
    fail_point::observe(abort_at);
    // One in three answers pushes before they reach the file.
    let store = if seed % 3 == 0 {
        support::open_batching(directory)
    } else {
        support::open(directory)
    };
    store.complete_pushes().unwrap();
    let next = AtomicI64::new(number(FIRST_NUMBER));
    let journal = OpenOptions::new().append(true).open(directory.join("journal")).unwrap();
    std::thread::scope(|scope| {
        let flushed = &store;
        scope.spawn(move || {
            loop {
                flushed.flush_pushes(false).unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        for thread in 0..THREADS {
            let (store, next, journal) = (&store, &next, &journal);
            let mut random = Random::from_seed(seed as u64 * 31 + thread as u64 + 1);
            scope.spawn(move || {
                loop {
                    operate(store, next.fetch_add(1, Ordering::SeqCst), &mut random, journal);
                }
            });
        }
    });
}

/// One system call a line, so that the lines of threads do not mix and what is written survives the process.
fn write_line(mut journal: &File, line: &str) {
    journal.write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn operate(store: &FeatureStore, number: i64, random: &mut Random, journal: &File) {
    let kind = match random.below(20) {
        0 => Kind::Materialize,
        1..=6 => Kind::Online,
        7..=10 => Kind::Offline,
        _ => Kind::Both,
    };
    let key = random.below(KEYS as usize) as i64;
    // In no order, and each once.
    let event_time = 1 + random.below(1000) as i64 * 1_000_000 + number;
    write_line(journal, &format!("begin {number} {kind:?} {key} {event_time}"));
    if kind == Kind::Materialize {
        let start = Timestamp::EPOCH;
        let end = Timestamp::from_seconds(10_000_000_000 + number).unwrap();
        let range = MaterializeRange::Between { start, end };
        let windows = store
            .materialization_windows(&MaterializeRequest { range, views: None })
            .unwrap();
        store.materialize(&windows, &mut NoProgress).unwrap();
    } else {
        push(store, kind, key, event_time, number);
    }
    write_line(journal, &format!("done {number}"));
}

fn push(store: &FeatureStore, kind: Kind, key: i64, event_time: i64, value: i64) {
    let target = store
        .push_target("push", kind != Kind::Offline, kind.is_offline())
        .unwrap();
    let number = |value: i64| Arc::new(Int64Array::from(vec![value])) as ArrayRef;
    let time = |seconds: i64| Arc::new(TimestampMicrosecondArray::from(vec![seconds * 1_000_000])) as ArrayRef;
    let online = vec![number(value), number(key), time(event_time), time(0)];
    let offline = kind.is_offline().then(|| {
        let schema = Arc::clone(target.offline_schema().unwrap());
        let row = |key, value| (Some(key), Some(event_time), Some(0), Some(value));
        let mut rows = vec![row(key, value)];
        let mut regions = Vec::new();
        if schema.field_with_name("region").is_ok() {
            rows.push(row(SHADOW_KEY, -value));
            let folders: [&str; 2] = if value % 2 == 0 { ["EU", "US"] } else { ["US", "AS"] };
            regions.push(Arc::new(StringArray::from(folders.to_vec())) as ArrayRef);
        }
        let rows = support::source_rows(&rows, schema.field(1).data_type());
        RecordBatch::try_new(schema, [rows.columns(), &regions].concat()).unwrap()
    });
    let columns = if kind == Kind::Offline {
        Vec::new()
    } else {
        vec![online]
    };
    store.push(&target, columns, offline).unwrap();
}

fn read_journal(directory: &Path) -> BTreeMap<i64, Operation> {
    let text = std::fs::read_to_string(directory.join("journal")).unwrap();
    let mut operations: BTreeMap<i64, Operation> = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let number: i64 = words[1].parse().unwrap();
        if words[0] == "done" {
            operations.get_mut(&number).unwrap().is_acknowledged = true;
            continue;
        }
        let seen = operations
            .iter()
            .filter(|(_, other)| other.is_acknowledged && other.kind.is_offline());
        let sees = seen.map(|(number, _)| *number).collect();
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| format!("{kind:?}") == words[2])
            .unwrap();
        let operation = Operation {
            kind,
            key: words[3].parse().unwrap(),
            event_time: words[4].parse().unwrap(),
            is_acknowledged: false,
            sees,
        };
        operations.insert(number, operation);
    }
    operations
}

/// Opens a copy of the store after a kill and holds it against the journal. The next child completes the store itself, and
/// may be killed while it does.
fn check(original: &Path, operations: &BTreeMap<i64, Operation>, death: &str) {
    let copied = tempfile::tempdir().unwrap();
    copy_directory(original, copied.path());
    let directory = copied.path();
    let store = support::open(directory);
    store.open_online_store().unwrap();
    store.complete_pushes().unwrap();
    assert_eq!(
        PushRecords::new(store.online_store().unwrap(), &store.push_log)
            .some(0..=u64::MAX, usize::MAX)
            .unwrap(),
        [],
        "{death}: the log is done"
    );

    let in_file = values_of(&directory.join(SOURCE));
    let mut distinct: BTreeSet<i64> = in_file.iter().copied().collect();
    assert_eq!(distinct.len(), in_file.len(), "{death}: no row is there twice");
    let shadows: BTreeSet<i64> = distinct
        .iter()
        .filter(|value| **value < 0)
        .map(|value| -value)
        .collect();
    distinct.retain(|value| *value >= 0);
    if directory.join(SOURCE).is_dir() {
        assert_eq!(distinct, shadows, "{death}: a push is wholly there or not at all");
    }
    for number in &distinct {
        assert!(operations[number].kind.is_offline(), "{death}: {number} is in the file");
    }
    for (number, operation) in operations {
        let must = operation.is_acknowledged && operation.kind.is_offline();
        assert!(
            !must || distinct.contains(number),
            "{death}: {number} {operation:?} is not in the file"
        );
    }

    // What must be in the online store: acknowledged pushes, pushes to both stores that are in the file, and what an
    // acknowledged or recorded materialization has seen.
    let file = RegistryFile::new(&directory.join("data/registry.db"), "shop");
    let registry = file.load().unwrap().contents;
    let recorded = registry
        .materialized_until("stats")
        .unwrap()
        .map_or(0, |until| until.micros() / 1_000_000 - 10_000_000_000);
    let mut must: BTreeSet<i64> = BTreeSet::new();
    for (number, operation) in operations {
        match operation.kind {
            Kind::Online if operation.is_acknowledged => drop(must.insert(*number)),
            Kind::Both if distinct.contains(number) => drop(must.insert(*number)),
            Kind::Materialize if operation.is_acknowledged || *number == recorded => must.extend(&operation.sees),
            _ => {}
        }
    }
    for key in 0..KEYS {
        let least = must
            .iter()
            .map(|number| &operations[number])
            .filter(|operation| operation.key == key);
        let least = least.map(|operation| operation.event_time).max();
        let stored = support::online(&store, &[key]);
        let Some((value, event_time)) = stored.split_once('@') else {
            assert_eq!(least, None, "{death}: key {key} is lost");
            continue;
        };
        let (value, event_time): (i64, i64) = (value.parse().unwrap(), event_time.parse().unwrap());
        let source = &operations[&value];
        assert_eq!(
            (source.key, source.event_time),
            (key, event_time),
            "{death}: a row of nobody"
        );
        assert!(
            least.is_none_or(|least| least <= event_time),
            "{death}: key {key} has {stored}, not {least:?}"
        );
        let is_whole = source.kind != Kind::Both || distinct.contains(&value);
        assert!(is_whole, "{death}: {value} is online, but not in the file");
    }
}

/// The values of a file, or of all files below a directory.
fn values_of(path: &Path) -> Vec<i64> {
    if !path.is_dir() {
        let is_data = path.extension().is_some_and(|ending| ending == "parquet");
        return if is_data {
            support::read_values(path)
        } else {
            Vec::new()
        };
    }
    let entries = std::fs::read_dir(path).unwrap();
    entries.flat_map(|entry| values_of(&entry.unwrap().path())).collect()
}

#[test]
fn killed_processes_lose_nothing_and_leave_nothing_half_done() {
    survive(Layout::File, Rows::RocksDb);
}

#[test]
fn killed_processes_leave_no_push_to_several_folders_half_done() {
    survive(Layout::Folders, Rows::RocksDb);
}

#[test]
fn killed_processes_lose_nothing_where_the_log_of_pushes_is_beside_the_rows() {
    survive(Layout::File, Rows::Sqlite);
}

fn survive(layout: Layout, rows: Rows) {
    let minutes: u64 = std::env::var("FEAST_CRASH_MINUTES").map_or(0, |text| text.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(minutes * 60);
    let mut random = Random::seeded();
    let directory = tempfile::tempdir().unwrap();
    if rows == Rows::Sqlite {
        File::create(directory.path().join(support::SQLITE_MARK)).unwrap();
    }
    prepare(directory.path(), layout);
    File::create(directory.path().join("journal")).unwrap();
    let (mut kills, mut ended_at) = (0, BTreeSet::new());
    let mut operations = BTreeMap::new();
    while kills < MIN_KILLS || Instant::now() < end {
        let step = Step::ALL[kills % Step::ALL.len()];
        let at_step = random.below(3) > 0;
        let first = operations.last_key_value().map_or(1, |(number, _)| number + 1);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::crash_tests::child", "--ignored", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .env(SEED, random.below(1 << 20).to_string())
            .env(FIRST_NUMBER, first.to_string())
            .env(
                "FEAST_FAIL_AT",
                if at_step {
                    format!("{step:?} {}", random.below(12))
                } else {
                    String::new()
                },
            )
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let patience = if at_step { 1500 } else { 20 + random.below(200) as u64 };
        let killed_at = Instant::now() + Duration::from_millis(patience);
        let mut death = format!("kill {kills}, at random");
        while Instant::now() < killed_at {
            if let Some(status) = child.try_wait().unwrap() {
                assert!(
                    at_step && status.code().is_none(),
                    "the child ended by itself: {status}"
                );
                death = format!("kill {kills}, at {step:?}");
                ended_at.insert(format!("{step:?}"));
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        // It may have ended already.
        let _ = child.kill();
        child.wait().unwrap();
        operations = read_journal(directory.path());
        check(directory.path(), &operations, &death);
        kills += 1;
    }
    let acknowledged = operations
        .values()
        .filter(|operation| operation.is_acknowledged)
        .count();
    assert!(
        acknowledged > 0 && !ended_at.is_empty(),
        "{acknowledged} operations, ended at {ended_at:?}"
    );
    report(kills, operations.len(), acknowledged);
}

#[expect(clippy::print_stderr, reason = "what a long run has survived is worth a line")]
fn report(kills: usize, begun: usize, acknowledged: usize) {
    eprintln!("{kills} kills survived: {begun} operations begun, {acknowledged} acknowledged");
}
