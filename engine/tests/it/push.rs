//! Pushes into both stores, and those that are logged and replayed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use feast_engine::{Error, ErrorKind, FeatureStore, WriteReport, create_parquet};
use feast_fixtures::copy_directory;

use crate::support::{Fixture, SourceRow, online, open, open_batching, open_batching_with, read_values, source_rows};

/// Pushes one row; times are in seconds.
pub(crate) fn push(store: &FeatureStore, row: (i64, i64, i64, i64), offline: bool) -> WriteReport {
    try_push(store, row, offline).unwrap()
}

fn try_push(
    store: &FeatureStore,
    (id, event, created, value): (i64, i64, i64, i64),
    offline: bool,
) -> Result<WriteReport, Error> {
    let target = store.push_target("push", true, offline).unwrap();
    let number = |value: i64| Arc::new(Int64Array::from(vec![value])) as ArrayRef;
    let time = |seconds: i64| Arc::new(TimestampMicrosecondArray::from(vec![seconds * 1_000_000])) as ArrayRef;
    let columns = vec![number(value), number(id), time(event), time(created)];
    let batch = offline.then(|| {
        let schema = Arc::clone(target.offline_schema().unwrap());
        let rows = source_rows(
            &[(Some(id), Some(event), Some(created), Some(value))],
            schema.field(1).data_type(),
        );
        RecordBatch::try_new(schema, rows.columns().to_vec()).unwrap()
    });
    store.push(&target, vec![columns], batch)
}

/// The values in the parquet source, in file order.
fn parquet_values(fixture: &Fixture) -> Vec<i64> {
    read_values(&fixture.directory.path().join("data/stats.parquet"))
}

#[test]
fn older_rows_do_not_replace_newer_ones() {
    let fixture = Fixture::new(&[(Some(1), Some(10), Some(0), Some(1))]);
    fixture.materialize(0, 100);
    let counts = |report: WriteReport| (report.written, report.stale);
    assert_eq!(counts(push(&fixture.store, (1, 9, 0, 2), false)), (0, 1));
    assert_eq!(counts(push(&fixture.store, (1, 10, 0, 3), false)), (1, 0));
    assert_eq!(fixture.online(&[1]), "3@10");
    // A materialization does not bring the older row back.
    push(&fixture.store, (1, 11, 0, 4), false);
    assert_eq!(fixture.materialize(0, 100).stale, 1);
    assert_eq!(fixture.online(&[1]), "4@11");
}

#[test]
fn offline_rows_come_first_in_the_file_and_old_ones_stay() {
    let rows: Vec<SourceRow> = (0..10)
        .map(|index| (Some(index), Some(index), Some(0), Some(index)))
        .collect();
    let fixture = Fixture::with_times(&rows, &DataType::Timestamp(TimeUnit::Nanosecond, None));
    push(&fixture.store, (1, 50, 0, 77), true);
    push(&fixture.store, (2, 50, 0, 88), true);
    assert_eq!(
        parquet_values(&fixture),
        [&[88, 77][..], &(0..10).collect::<Vec<_>>()].concat()
    );
    let Fixture { directory, store } = fixture;
    drop(store);
    assert_eq!(online(&open(directory.path()), &[1, 2]), "77@50 88@50");
}

#[test]
fn two_stores_that_push_to_one_file_lose_nothing() {
    let first = Fixture::new(&[]);
    let second = Fixture::new(&[]);
    let shared = second.directory.path().join("data/stats.parquet");
    std::fs::remove_file(&shared).unwrap();
    std::os::unix::fs::symlink(first.directory.path().join("data/stats.parquet"), &shared).unwrap();
    std::thread::scope(|scope| {
        for (offset, fixture) in [(0, &first), (100, &second)] {
            scope.spawn(move || {
                for number in offset..offset + 60 {
                    push(&fixture.store, (1, number, 0, number), true);
                }
            });
        }
    });
    let values: BTreeSet<i64> = parquet_values(&first).into_iter().collect();
    assert_eq!(values, (0..60).chain(100..160).collect());
    assert_eq!(parquet_values(&first).len(), 120);
    // Each says for itself what is there, so nothing is appended again.
    for fixture in [&first, &second] {
        assert_eq!(fixture.store.complete_pushes().unwrap(), 0);
    }
}

#[test]
fn logged_pushes_are_fitted_to_the_columns_that_the_file_has_by_then() {
    let fixture = Fixture::new(&[(Some(0), Some(0), Some(0), Some(0))]);
    let Fixture { directory, store } = fixture;
    drop(store);
    let store = open_batching(directory.path());
    push(&store, (1, 1, 0, 10), true);
    // A job rewrites the file: the columns in another order, and one more.
    let path = directory.path().join("data/stats.parquet");
    let old = source_rows(
        &[(Some(0), Some(0), Some(0), Some(0))],
        &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    );
    let wider = RecordBatch::try_from_iter_with_nullable([
        ("value", Arc::clone(old.column(3)), true),
        ("more", Arc::clone(old.column(3)), true),
        ("created", Arc::clone(old.column(2)), true),
        ("event_timestamp", Arc::clone(old.column(1)), true),
        ("id", Arc::clone(old.column(0)), true),
    ]);
    feast_engine::create_parquet(&path, &wider.unwrap()).unwrap();
    assert_eq!(store.flush_pushes(true).unwrap(), 1);
    let fixture = Fixture { directory, store };
    assert_eq!(parquet_values(&fixture), [10, 0]);
    assert_eq!(fixture.materialize(0, 100).rows, 2);
    assert_eq!(fixture.online(&[1]), "10@1");
}

#[test]
fn logged_pushes_that_do_not_fit_wait_until_they_do() {
    let fixture = Fixture::new(&[(Some(0), Some(0), Some(0), Some(0))]);
    let Fixture { directory, store } = fixture;
    drop(store);
    let path = directory.path().join("data/stats.parquet");
    let whole = std::fs::read(&path).unwrap();
    let store = open_batching(directory.path());
    push(&store, (1, 1, 0, 10), true);
    let old = source_rows(&[], &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    feast_engine::create_parquet(&path, &old.project(&[0, 1, 2]).unwrap()).unwrap();
    let error = store.flush_pushes(true).err().unwrap();
    assert!(
        error.to_string().contains("there is no column value any more"),
        "{error}"
    );
    std::fs::remove_file(&path).unwrap();
    assert!(store.flush_pushes(true).is_err());
    std::fs::write(&path, whole).unwrap();
    assert_eq!(store.flush_pushes(true).unwrap(), 1);
    assert_eq!(parquet_values(&Fixture { directory, store }), [10, 0]);
}

/// Where the lock of the source cannot be opened, nothing can be appended to it, also as root.
struct Unwritable(std::path::PathBuf);

impl Unwritable {
    fn new(fixture: &Fixture) -> Self {
        let lock = fixture.directory.path().join("data/.stats.parquet.lock");
        let _ = std::fs::remove_file(&lock);
        std::os::unix::fs::symlink(&lock, &lock).unwrap();
        Self(lock)
    }
}

impl Drop for Unwritable {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// As a store with offline batching, of which ten rows may wait.
fn open_bounded(fixture: Fixture, limits: &str) -> Fixture {
    let Fixture { directory, store } = fixture;
    drop(store);
    let store = open_batching_with(directory.path(), limits);
    Fixture { directory, store }
}

#[test]
fn no_more_pushes_wait_for_a_source_than_the_limits_say_and_none_is_lost() {
    let fixture = Fixture::new(&[(Some(0), Some(0), Some(0), Some(0))]);
    let fixture = open_bounded(fixture, "{push_queue_max_rows: 10}");
    let pushed = |fixture: &Fixture, number: i64| try_push(&fixture.store, (number % 3, number, 0, number), true);
    let unwritable = Unwritable::new(&fixture);
    for number in 1..=4 {
        pushed(&fixture, number).unwrap();
    }
    assert!(fixture.store.flush_pushes(true).is_err());
    // What an earlier process has left counts too.
    let fixture = open_bounded(fixture, "{push_queue_max_rows: 10}");
    assert!(fixture.store.complete_pushes().is_err());
    for number in 5..=10 {
        pushed(&fixture, number).unwrap();
    }
    for _ in 0..2 {
        let refused = pushed(&fixture, 11).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        let message = refused.to_string();
        assert!(
            message.starts_with(
                "data source stats_source: too many pushes wait for it, with these 11 rows, of 10 \
                 (serving.push_queue_max_rows); the last append has failed: cannot lock "
            ),
            "{message}"
        );
        assert!(
            !refused.public_message().contains("/data/"),
            "{}",
            refused.public_message()
        );
        assert!(fixture.store.flush_pushes(true).is_err());
    }
    assert_eq!(fixture.online(&[2]), "8@8", "what was refused is in neither store");
    push(&fixture.store, (2, 11, 0, -11), false);
    assert_eq!(fixture.online(&[2]), "-11@11", "the online store alone goes on");

    drop(unwritable);
    assert_eq!(fixture.store.flush_pushes(true).unwrap(), 10);
    assert_eq!(parquet_values(&fixture), (0..=10).rev().collect::<Vec<_>>());
    pushed(&fixture, 12).unwrap();
    assert_eq!(fixture.store.flush_pushes(true).unwrap(), 1);
}

/// Parts are of 16 MiB.
#[test]
fn a_long_log_is_done_in_parts() {
    const ROWS: i64 = 200_000;
    let fixture = Fixture::new(&[(Some(0), Some(0), Some(0), Some(0))]);
    let fixture = open_bounded(fixture, "{push_queue_max_rows: 10000000}");
    let target = fixture.store.push_target("push", false, true).unwrap();
    let schema = target.offline_schema().unwrap();
    for push in 1..=6 {
        let rows: Vec<SourceRow> = (0..ROWS)
            .map(|row| (Some(row), Some(push), Some(0), Some(push * ROWS + row)))
            .collect();
        let rows = source_rows(&rows, schema.field(1).data_type());
        let rows = RecordBatch::try_new(Arc::clone(schema), rows.columns().to_vec()).unwrap();
        fixture.store.push(&target, Vec::new(), Some(rows)).unwrap();
    }
    assert_eq!(fixture.store.flush_pushes(true).unwrap(), 6);
    assert_eq!(fixture.store.flush_pushes(true).unwrap(), 0);
    let expected: Vec<i64> = (ROWS..7 * ROWS).rev().chain([0]).collect();
    assert!(parquet_values(&fixture) == expected);
}

#[test]
fn of_rows_equal_in_both_times_the_last_one_wins_in_both_stores() {
    let fixture = Fixture::new(&[]);
    let target = fixture.store.push_target("push", true, true).unwrap();
    let rows = [
        (Some(1), Some(5), Some(0), Some(10)),
        (Some(1), Some(5), Some(0), Some(20)),
    ];
    let schema = Arc::clone(target.offline_schema().unwrap());
    let rows = source_rows(&rows, schema.field(1).data_type());
    let column = |index: usize| Arc::clone(rows.column(index));
    let times = |index: usize| {
        arrow::compute::cast(rows.column(index), &DataType::Timestamp(TimeUnit::Microsecond, None)).unwrap()
    };
    let online = vec![column(3), column(0), times(1), times(2)];
    let batch = RecordBatch::try_new(schema, rows.columns().to_vec()).unwrap();
    fixture.store.push(&target, vec![online], Some(batch)).unwrap();
    assert_eq!(fixture.online(&[1]), "20@5");
    fixture.materialize(0, 100);
    assert_eq!(fixture.online(&[1]), "20@5");
    assert_eq!(parquet_values(&fixture), [20, 10]);
}

#[test]
fn many_pushes_do_not_make_many_row_groups() {
    let fixture = Fixture::new(&[(Some(0), Some(0), Some(0), Some(0))]);
    for number in 1..=100 {
        push(&fixture.store, (number % 7, number, 0, number), true);
    }
    assert_eq!(parquet_values(&fixture), (0..=100).rev().collect::<Vec<_>>());
    let file = File::open(fixture.directory.path().join("data/stats.parquet")).unwrap();
    let groups = ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .metadata()
        .num_row_groups();
    assert!(groups <= 33, "{groups} row groups");
    assert_eq!(fixture.materialize(0, 1000).rows, 7);
    assert_eq!(fixture.online(&[1, 2]), "99@99 100@100");
}

#[test]
fn files_without_page_indexes_are_appended_to() {
    // As pandas and pyarrow write them by default.
    let fixture = Fixture::new(&[]);
    let path = fixture.directory.path().join("data/stats.parquet");
    let rows = source_rows(
        &[(Some(1), Some(1), Some(0), Some(5))],
        &DataType::Timestamp(TimeUnit::Microsecond, None),
    );
    for statistics in [
        EnabledStatistics::None,
        EnabledStatistics::Chunk,
        EnabledStatistics::Page,
    ] {
        let properties = WriterProperties::builder()
            .set_statistics_enabled(statistics)
            .set_offset_index_disabled(true)
            .build();
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), rows.schema(), Some(properties)).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        push(&fixture.store, (1, 50, 0, 6), true);
        push(&fixture.store, (1, 51, 0, 7), true);
        assert_eq!(parquet_values(&fixture), [7, 6, 5]);
    }
}

#[test]
fn a_materialization_reads_one_state_of_the_file_while_pushes_replace_it() {
    let rows: Vec<SourceRow> = (0..50_000)
        .map(|index| (Some(index), Some(1), Some(0), Some(index)))
        .collect();
    let fixture = Fixture::new(&rows);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for index in 0..30 {
                push(&fixture.store, (index, 2 + index, 0, -index), true);
            }
        });
        for _ in 0..10 {
            assert!(fixture.materialize(0, 1).rows >= 50_000 - 30);
        }
    });
    assert_eq!(fixture.online(&[29, 30, 49_999]), "-29@31 30@1 49999@1");
    let left: Vec<_> = std::fs::read_dir(fixture.directory.path().join("data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        !left.iter().any(|name| name.to_string_lossy().ends_with(".scan")),
        "{left:?}"
    );
}

#[test]
fn pushes_in_any_order_during_a_bulk_load_leave_the_newest() {
    const THREADS: i64 = 16;
    const PUSHES: i64 = 25;
    const KEYS: i64 = 40;
    // The file has a row for each key, some newer and some older than what is pushed.
    let of_file = |id: i64| (id * 53 % 1000, -1 - id);
    let rows: Vec<SourceRow> = (0..20_000)
        .map(|id| {
            let (event, value) = of_file(id);
            (Some(id), Some(event), Some(0), Some(value))
        })
        .collect();
    let fixture = Fixture::new(&rows);
    // Event times differ by the number in the created time, so that the newest is known whatever the order of arrival.
    let pushed = |number: i64| (number % KEYS, number * 37 % 1000, 1 + number, number);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = &fixture.store;
            scope.spawn(move || {
                for index in 0..PUSHES {
                    push(store, pushed(thread * PUSHES + index), false);
                }
            });
        }
        for _ in 0..3 {
            fixture.materialize(0, 2000);
        }
    });
    let ids: Vec<i64> = (0..KEYS).chain([KEYS, 19_999]).collect();
    let newest = |id: &i64| {
        let (event, value) = of_file(*id);
        let pushes = (0..THREADS * PUSHES).map(pushed).filter(|(key, ..)| key == id);
        let ages = pushes
            .map(|(_, event, created, value)| (event, created, value))
            .chain([(event, 0, value)]);
        let (event, _, value) = ages.max().unwrap();
        format!("{value}@{event}")
    };
    assert_eq!(
        fixture.online(&ids),
        ids.iter().map(newest).collect::<Vec<_>>().join(" ")
    );
}

#[test]
fn pushes_at_once_lose_nothing() {
    const THREADS: i64 = 16;
    const PUSHES: i64 = 12;
    let fixture = Fixture::new(&[(Some(0), Some(0), Some(0), Some(-1))]);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = &fixture.store;
            // All threads push to the same three keys, with times in no order.
            scope.spawn(move || {
                for index in 0..PUSHES {
                    let number = thread * PUSHES + index;
                    push(store, (number % 3, 1 + (number * 37) % 1000, 0, number), true);
                }
            });
        }
        scope.spawn(|| (0..20).for_each(|_| assert!(!parquet_values(&fixture).is_empty())));
    });
    let values = parquet_values(&fixture);
    let expected: BTreeSet<i64> = (-1..THREADS * PUSHES).collect();
    assert_eq!(values.len(), expected.len());
    assert_eq!(values.into_iter().collect::<BTreeSet<_>>(), expected);
    let newest = |key: i64| {
        let numbers = (0..THREADS * PUSHES).filter(|number| number % 3 == key);
        let (event, number) = numbers.map(|number| (1 + (number * 37) % 1000, number)).max().unwrap();
        format!("{number}@{event}")
    };
    assert_eq!(fixture.online(&[0, 1, 2]), [newest(0), newest(1), newest(2)].join(" "));
}

/// A repository whose source is a directory of folders `region=...`, and one part with the region `none`.
fn in_folders() -> Fixture {
    let fixture = Fixture::new(&[]);
    let source = fixture.directory.path().join("data/stats.parquet");
    std::fs::remove_file(&source).unwrap();
    let rows = source_rows(
        &[(Some(9), Some(1), Some(0), Some(90))],
        &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    );
    create_parquet(&source.join("region=none/first.parquet"), &rows).unwrap();
    fixture
}

/// Pushes to both stores: a row for each region, all of one key, the later ones newer by a second.
fn push_to_regions(store: &FeatureStore, regions: &[Option<&str>]) -> Result<(), String> {
    let target = store
        .push_target("push", true, true)
        .map_err(|error| error.to_string())?;
    let rows: Vec<SourceRow> = (0..regions.len() as i64)
        .map(|row| (Some(1), Some(10 + row), Some(0), Some(row)))
        .collect();
    let schema = Arc::clone(target.offline_schema().unwrap());
    let offline = source_rows(&rows, schema.field(1).data_type());
    let online = source_rows(&rows, &DataType::Timestamp(TimeUnit::Microsecond, None));
    let online =
        ["value", "id", "event_timestamp", "created"].map(|name| Arc::clone(online.column_by_name(name).unwrap()));
    let regions: ArrayRef = Arc::new(StringArray::from(regions.to_vec()));
    let offline = RecordBatch::try_new(schema, [offline.columns(), &[regions]].concat()).unwrap();
    let pushed = store.push(&target, vec![online.to_vec()], Some(offline));
    pushed.map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn rows_go_to_the_folders_of_their_values() {
    let fixture = in_folders();
    push_to_regions(&fixture.store, &[Some("EU"), None, Some("a/b"), Some("EU")]).unwrap();
    assert_eq!(online(&fixture.store, &[1]), "3@13");
    let source = fixture.directory.path().join("data/stats.parquet");
    let folders = |folder: &str| {
        let files: Vec<_> = std::fs::read_dir(source.join(folder))
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        assert_eq!(files.len(), 1, "{folder}");
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&files[0]).unwrap()).unwrap();
        let names: Vec<String> = reader
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        assert_eq!(names, ["id", "event_timestamp", "created", "value"]);
        read_values(&files[0])
    };
    // The latest first.
    assert_eq!(folders("region=EU"), [3, 0]);
    assert_eq!(folders("region=__HIVE_DEFAULT_PARTITION__"), [1]);
    assert_eq!(folders("region=a%2Fb"), [2]);
    let report = fixture.materialize(0, 100);
    assert_eq!((report.rows, report.left_out_files.len()), (2, 0));
    assert_eq!(online(&fixture.store, &[1, 9]), "3@13 90@1");
}

#[test]
fn a_push_that_belongs_in_too_many_folders_or_under_too_long_a_name_changes_nothing() {
    let fixture = in_folders();
    let long = "x".repeat(300);
    let error = push_to_regions(&fixture.store, &[Some("EU"), Some(&long)]).unwrap_err();
    assert!(error.contains("the value of column region in row"), "{error}");
    let names: Vec<String> = (0..1_025).map(|number| format!("r{number}")).collect();
    let names: Vec<Option<&str>> = names.iter().map(|name| Some(name.as_str())).collect();
    let error = push_to_regions(&fixture.store, &names).unwrap_err();
    assert!(error.contains("1025 folders, more than 1024"), "{error}");
    assert_eq!(online(&fixture.store, &[1]), "-");
    let source = fixture.directory.path().join("data/stats.parquet");
    assert_eq!(std::fs::read_dir(source).unwrap().count(), 1);
}

/// The number of rows in each folder of a directory.
fn rows_in_folders(source: &Path) -> BTreeMap<String, usize> {
    let folders = std::fs::read_dir(source).unwrap().map(|folder| folder.unwrap().path());
    let rows = folders.map(|folder| {
        let parts = std::fs::read_dir(&folder).unwrap().map(|part| part.unwrap().path());
        let rows = parts.map(|part| read_values(&part).len()).sum();
        (folder.file_name().unwrap().to_string_lossy().into_owned(), rows)
    });
    rows.collect()
}

#[test]
fn logged_pushes_to_folders_are_done_once_also_where_only_some_of_their_parts_are_missing() {
    let Fixture { directory, store } = in_folders();
    drop(store);
    let (source, online_store) = (
        directory.path().join("data/stats.parquet"),
        directory.path().join("data/online"),
    );
    let store = open_batching(directory.path());
    for _ in 0..12 {
        push_to_regions(&store, &[Some("EU"), Some("US"), Some("EU")]).unwrap();
    }
    drop(store);
    let log = tempfile::tempdir().unwrap();
    copy_directory(&online_store, log.path());
    let expected = ["region=EU 24", "region=US 12", "region=none 1"];
    let rows = || -> Vec<String> {
        let rows = rows_in_folders(&source).into_iter();
        rows.map(|(folder, rows)| format!("{folder} {rows}")).collect()
    };
    let store = open(directory.path());
    assert_eq!(store.complete_pushes().unwrap(), 12);
    assert_eq!(rows(), expected);
    assert_eq!(store.complete_pushes().unwrap(), 0);
    drop(store);
    // As if the process had been killed on the way: the log is as it was, and some parts are not there.
    std::fs::remove_dir_all(&online_store).unwrap();
    copy_directory(log.path(), &online_store);
    std::fs::remove_dir_all(source.join("region=US")).unwrap();
    let part = std::fs::read_dir(source.join("region=EU")).unwrap().next().unwrap();
    std::fs::remove_file(part.unwrap().path()).unwrap();
    assert_eq!(rows(), ["region=EU 22", "region=none 1"]);
    let store = open(directory.path());
    assert_eq!(store.complete_pushes().unwrap(), 12);
    assert_eq!(rows(), expected);
}

#[test]
fn a_pattern_is_for_reading_only() {
    let fixture = Fixture::new(&[]);
    let mut definitions = crate::support::definitions();
    let view = &mut definitions.feature_views[0];
    for source in view
        .batch_source
        .iter_mut()
        .chain(view.stream_source.as_mut().and_then(|push| push.batch_source_mut()))
    {
        source.kind = feast_engine::model::SourceKind::parquet("data/*.parquet");
    }
    definitions.sources.clear();
    fixture
        .store
        .apply(definitions, feast_engine::ApplyOptions::default(), &mut ())
        .unwrap();
    assert!(fixture.store.push_target("push", true, false).is_ok());
    let error = fixture.store.push_target("push", true, true).unwrap_err();
    assert_eq!(error.kind(), feast_engine::ErrorKind::Invalid);
    assert!(
        error
            .to_string()
            .contains("data/*.parquet is a pattern, which is for reading only"),
        "{error}"
    );
}

#[test]
fn a_pushed_part_keeps_numbers_that_the_types_of_other_parts_do_not_hold() {
    const LARGE: i64 = 9_007_199_254_740_993;
    let fixture = Fixture::new(&[]);
    let source = fixture.directory.path().join("data/stats.parquet");
    std::fs::remove_file(&source).unwrap();
    let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let integers = source_rows(&[(Some(1), Some(1), Some(0), Some(1))], &micros);
    create_parquet(&source.join("a.parquet"), &integers).unwrap();
    // As pandas writes integers beside a null, and milliseconds.
    let seconds = source_rows(
        &[(Some(2), Some(1), Some(0), None)],
        &DataType::Timestamp(TimeUnit::Millisecond, None),
    );
    let floats = ["id", "event_timestamp", "created", "value"].map(|name| {
        let column = seconds.column_by_name(name).unwrap();
        let column = match name {
            "id" | "value" => arrow::compute::cast(column, &DataType::Float64).unwrap(),
            _ => Arc::clone(column),
        };
        (name, column, true)
    });
    create_parquet(
        &source.join("b.parquet"),
        &RecordBatch::try_from_iter_with_nullable(floats).unwrap(),
    )
    .unwrap();

    let target = fixture.store.push_target("push", true, true).unwrap();
    let schema = Arc::clone(target.offline_schema().unwrap());
    for (name, expected) in [
        ("id", DataType::Int64),
        ("value", DataType::Int64),
        ("event_timestamp", micros),
    ] {
        assert_eq!(schema.field_with_name(name).unwrap().data_type(), &expected, "{name}");
    }
    push(&fixture.store, (LARGE, 50, 0, LARGE), true);
    let rebuilt = fixture.materialize(0, 100);
    assert_eq!(rebuilt.rows, 3);
    assert_eq!(
        online(&fixture.store, &[LARGE, LARGE - 1, 2]),
        format!("{LARGE}@50 - null@1")
    );
}
