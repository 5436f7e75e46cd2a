//! Views that are read in one pass, what a pass reads of its files, and what it takes.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::util::display::array_value_to_string;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::parquet::file::reader::{FileReader, SerializedFileReader};
use feast_engine::model::{
    DataSource, Definitions, Entity, FeatureSelection, FeatureView, Field, SourceKind, Timestamp, ValueType,
};
use feast_engine::{
    ApplyOptions, Error, ErrorKind, FeatureStore, MaterializationPlan, MaterializeProgress, MaterializeRange,
    MaterializeRequest, NoProgress, RepositoryConfig, RunStep, ViewReport, ViewWindow,
};

use crate::support::entities;

const FILE: &str = "data/rows.parquet";
const GROUP_ROWS: usize = 100;

/// Rows in the order of time, a hundred a row group: keys, a key of another kind, a number and a text.
fn write_rows(directory: &Path, ids: impl Iterator<Item = Option<i64>>) {
    write_groups(directory, GROUP_ROWS, ids);
}

fn write_groups(directory: &Path, group_rows: usize, ids: impl Iterator<Item = Option<i64>>) {
    let ids: Vec<Option<i64>> = ids.collect();
    let rows = 0..ids.len() as i64;
    let times = TimestampMicrosecondArray::from_iter_values(rows.clone().map(|row| row * 1_000_000));
    let columns: [(&str, ArrayRef); 5] = [
        ("id", Arc::new(Int64Array::from(ids))),
        (
            "other_id",
            Arc::new(Int64Array::from_iter_values(rows.clone().map(|row| row % 7))),
        ),
        ("event_timestamp", Arc::new(times.with_timezone("UTC"))),
        ("value", Arc::new(Int64Array::from_iter_values(rows.clone()))),
        (
            "text",
            Arc::new(StringArray::from_iter_values(rows.map(|row| format!("row {row}")))),
        ),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    std::fs::create_dir_all(directory.join("data")).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group_rows))
        .build();
    let file = File::create(directory.join(FILE)).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// A view: its name, its entity, and its features.
type View = (&'static str, &'static str, &'static [(&'static str, ValueType)]);

fn store(directory: &Path, settings: &str, views: &[View]) -> FeatureStore {
    let settings = format!(
        "project: p\nregistry: data/registry.db\nonline_store: {{type: rocksdb, path: data/online}}\n{settings}"
    );
    let store = FeatureStore::open(RepositoryConfig::parse(&settings, directory).unwrap()).unwrap();
    let source = |name: &str| DataSource {
        timestamp_field: "event_timestamp".to_owned(),
        ..DataSource::new(name, SourceKind::parquet(FILE))
    };
    let feature_views: Vec<FeatureView> = views
        .iter()
        .map(|(name, entity, features)| {
            // The same file under several names.
            let mut view = FeatureView::new(*name, source(&format!("source_of_{name}")));
            view.entities = vec![(*entity).to_owned()];
            let features = features.iter();
            view.features = features
                .map(|(name, value_type)| Field::new(*name, value_type.clone()))
                .collect();
            view
        })
        .collect();
    let definitions = Definitions {
        entities: vec![
            Entity::new("thing", "id", ValueType::Int64),
            Entity::new("other", "other_id", ValueType::Int64),
        ],
        sources: feature_views
            .iter()
            .filter_map(|view| view.batch_source.clone())
            .collect(),
        feature_views,
        ..Definitions::default()
    };
    store.apply(definitions, ApplyOptions::default(), &mut ()).unwrap();
    store
}

fn windows(store: &FeatureStore, start: i64, end: i64, views: Option<&[&str]>) -> Vec<ViewWindow> {
    let at = |seconds| Timestamp::from_seconds(seconds).unwrap();
    let request = MaterializeRequest {
        range: MaterializeRange::Between {
            start: at(start),
            end: at(end),
        },
        views: views.map(|views| views.iter().map(|view| (*view).to_owned()).collect()),
    };
    store.materialization_windows(&request).unwrap()
}

/// What readers get of a feature.
fn read(store: &FeatureStore, feature: &str, ids: &[i64]) -> Vec<String> {
    let plan = store
        .plan(&FeatureSelection::Features(vec![feature.to_owned()]), false)
        .unwrap();
    let entities = entities(ids);
    let answer = store.read(&plan, &entities).unwrap();
    let values = answer.columns().nth(1).unwrap().values();
    (0..ids.len())
        .map(|row| array_value_to_string(&values, row).unwrap())
        .collect()
}

/// What a caller is told, a word an event.
#[derive(Default)]
struct Told(Vec<String>);

impl MaterializeProgress for Told {
    fn pass_started(&mut self, windows: &[&ViewWindow]) {
        let views: Vec<&str> = windows.iter().map(|window| window.view.as_str()).collect();
        self.0.push(format!("start {}", views.join(" ")));
    }
    fn view_skipped(&mut self, window: &ViewWindow) {
        self.0.push(format!("skip {}", window.view));
    }
    fn advanced(&mut self, view: &str, step: RunStep, done: u64, total: u64) {
        assert!(done <= total, "{view} {step:?} {done} {total}");
    }
    fn views_separated(&mut self, view: &str, error: &Error) {
        self.0.push(format!("separate {view}: {error}"));
    }
    fn view_finished(&mut self, report: &ViewReport) {
        self.0.push(format!("end {}", report.view));
    }
}

/// Stops a run as soon as it comes to a step.
struct StoppedAt(RunStep, bool);

impl MaterializeProgress for StoppedAt {
    fn pass_started(&mut self, _windows: &[&ViewWindow]) {}
    fn view_skipped(&mut self, _window: &ViewWindow) {}
    fn advanced(&mut self, _view: &str, step: RunStep, _done: u64, _total: u64) {
        self.1 |= step == self.0;
    }
    fn view_finished(&mut self, report: &ViewReport) {
        panic!("{} is not finished", report.view);
    }
    fn is_stopped(&self) -> bool {
        self.1
    }
}

const VALUE: (&str, ValueType) = ("value", ValueType::Int64);
const TEXT: (&str, ValueType) = ("text", ValueType::String);

#[test]
fn views_of_the_same_rows_are_read_together_and_get_what_they_would_get_alone() {
    let directory = tempfile::tempdir().unwrap();
    write_rows(directory.path(), (0..1_000).map(|row| Some(row % 50)));
    let views: [View; 4] = [
        ("values", "thing", &[VALUE]),
        ("by_other", "other", &[VALUE]),
        ("texts", "thing", &[TEXT, VALUE]),
        ("again", "thing", &[VALUE]),
    ];
    let together = store(directory.path(), "", &views);
    let plans = together
        .plan_materialization(&windows(&together, 0, 899, None))
        .unwrap();
    let of_passes: Vec<Vec<String>> = plans.into_iter().map(|plan| plan.views).collect();
    assert_eq!(of_passes, [vec!["values", "texts", "again"], vec!["by_other"]]);

    let mut told = Told::default();
    let reports = together
        .materialize(&windows(&together, 0, 899, None), &mut told)
        .unwrap();
    // The passes may be under way at the same time.
    let (of_other, of_first): (Vec<String>, Vec<String>) =
        told.0.into_iter().partition(|event| event.contains("by_other"));
    assert_eq!(
        of_first,
        ["start values texts again", "end values", "end texts", "end again"]
    );
    assert_eq!(of_other, ["start by_other", "end by_other"]);

    let other = tempfile::tempdir().unwrap();
    write_rows(other.path(), (0..1_000).map(|row| Some(row % 50)));
    let alone = store(other.path(), "", &views);
    for report in &reports {
        let windows = windows(&alone, 0, 899, Some(&[&report.view]));
        let [of_view] = <[_; 1]>::try_from(alone.materialize(&windows, &mut NoProgress).unwrap()).unwrap();
        assert_eq!(&of_view, report);
    }
    let ids: Vec<i64> = (0..60).collect();
    for feature in ["values:value", "texts:text", "texts:value", "again:value"] {
        assert_eq!(read(&together, feature, &ids), read(&alone, feature, &ids), "{feature}");
    }
    assert_eq!(read(&together, "texts:text", &[0, 49, 50]), ["row 850", "row 899", ""]);
}

#[test]
fn a_view_that_cannot_be_read_does_not_hold_up_the_others() {
    let directory = tempfile::tempdir().unwrap();
    write_rows(directory.path(), (0..100).map(Some));
    let views: [View; 3] = [
        ("a", "thing", &[VALUE]),
        // No number.
        ("b", "thing", &[("text", ValueType::Int64)]),
        ("c", "thing", &[VALUE]),
    ];
    let store = store(directory.path(), "", &views);
    let mut told = Told::default();
    let error = store.materialize(&windows(&store, 0, 99, None), &mut told).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
    assert!(error.to_string().contains("column text of"), "{error}");
    let events = told.0.iter().map(|event| event.split(':').next().unwrap());
    assert_eq!(
        events.collect::<Vec<_>>(),
        [
            "start a b c",
            "separate a",
            "start a",
            "end a",
            "start b",
            "start c",
            "end c"
        ]
    );
    assert_eq!(read(&store, "a:value", &[7]), ["7"]);
    let until = MaterializeRequest {
        range: MaterializeRange::Until {
            end: Timestamp::from_seconds(200).unwrap(),
        },
        views: Some(vec!["a".to_owned()]),
    };
    let next = store.materialization_windows(&until).unwrap();
    assert_eq!(next[0].start, Timestamp::from_seconds(99).unwrap());
}

#[test]
fn a_run_that_is_stopped_at_any_step_records_nothing_and_the_next_one_does_all() {
    const ROWS: i64 = 100_000;
    let directory = tempfile::tempdir().unwrap();
    write_groups(directory.path(), 10_000, (0..ROWS).map(Some));
    let store = store(
        directory.path(),
        "",
        &[("a", "thing", &[VALUE]), ("b", "thing", &[TEXT])],
    );
    let windows = windows(&store, 0, ROWS, None);
    for step in [RunStep::Comparing, RunStep::Reading, RunStep::Writing] {
        let error = store.materialize(&windows, &mut StoppedAt(step, false)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the materialization of 2 feature views was stopped",
            "{step:?}"
        );
        let until = MaterializeRequest {
            range: MaterializeRange::Until {
                end: Timestamp::from_seconds(ROWS).unwrap(),
            },
            views: None,
        };
        let next = store.materialization_windows(&until).unwrap();
        assert!(next.iter().all(|window| window.default_look_back), "{step:?}");
    }
    let reports = store.materialize(&windows, &mut NoProgress).unwrap();
    for report in reports {
        assert_eq!(report.written, ROWS as usize, "{}", report.view);
    }
    assert_eq!(
        read(&store, "b:text", &[0, ROWS - 1]),
        ["row 0".to_owned(), format!("row {}", ROWS - 1)]
    );
}

#[test]
fn row_groups_outside_of_the_window_are_not_read() {
    let directory = tempfile::tempdir().unwrap();
    write_rows(directory.path(), (0..1_000).map(Some));
    let store = store(directory.path(), "", &[("a", "thing", &[VALUE])]);
    // What is not read may be anything: the pages of all row groups but the third and the fourth.
    let path = directory.path().join(FILE);
    let footer = SerializedFileReader::new(File::open(&path).unwrap())
        .unwrap()
        .metadata()
        .clone();
    let file = File::options().write(true).open(&path).unwrap();
    for (number, group) in footer
        .row_groups()
        .iter()
        .enumerate()
        .filter(|(number, _)| ![2, 3].contains(number))
    {
        for column in group.columns() {
            let (start, length) = column.byte_range();
            file.write_all_at(&vec![0xab; length as usize], start).unwrap();
        }
        assert!(group.num_rows() == GROUP_ROWS as i64, "{number}");
    }
    let windows = windows(&store, 250, 349, None);
    let plan = store.plan_materialization(&windows).unwrap().remove(0);
    let MaterializationPlan {
        read_groups,
        passed_groups,
        rows,
        ..
    } = plan;
    assert_eq!((read_groups, passed_groups, rows), (2, 8, 200));
    assert_eq!(plan.files, [path]);
    let report = store.materialize(&windows, &mut NoProgress).unwrap().remove(0);
    assert_eq!((report.read_groups, report.passed_groups), (2, 8));
    assert_eq!((report.source_rows, report.written), (100, 100));
    assert_eq!(read(&store, "a:value", &[249, 250, 349, 350]), ["", "250", "349", ""]);
}

#[test]
fn the_first_row_without_a_key_is_named() {
    let directory = tempfile::tempdir().unwrap();
    write_rows(directory.path(), (0..500).map(|row| (row % 100 != 42).then_some(row)));
    let store = store(directory.path(), "", &[("a", "thing", &[VALUE])]);
    let report = store
        .materialize(&windows(&store, 100, 400, None), &mut NoProgress)
        .unwrap()
        .remove(0);
    let path = directory.path().join(FILE);
    let expected = format!(
        "a: 1 row was left out because a join key is null, the first of them is row 142 of {}",
        path.display()
    );
    assert_eq!(report.remarks(), [expected]);
}

#[test]
fn keys_that_do_not_fit_into_memory_go_to_disk_and_leave_nothing_there() {
    const KEYS: i64 = 600_000;
    let directory = tempfile::tempdir().unwrap();
    // Each key twice, the second one newer.
    write_groups(directory.path(), 1 << 17, (0..2 * KEYS).map(|row| Some(row % KEYS)));
    let views: [View; 2] = [("a", "thing", &[VALUE]), ("b", "thing", &[TEXT])];
    let none = store(
        directory.path(),
        "serving: {materialization_memory_mib: 32, materialization_disk_mib: 0}",
        &views,
    );
    let error = none
        .materialize(&windows(&none, 0, 2 * KEYS, None), &mut NoProgress)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("need more than 0 MiB in"), "{error}");
    assert!(
        error.hint().unwrap().contains("serving.materialization_disk_mib"),
        "{error}"
    );
    drop(none);
    let store = store(directory.path(), "serving: {materialization_memory_mib: 32}", &views);
    let reports = store
        .materialize(&windows(&store, 0, 2 * KEYS, None), &mut NoProgress)
        .unwrap();
    for report in reports {
        assert_eq!((report.written, report.stale), (KEYS as usize, 0), "{}", report.view);
    }
    let ids = [0, 1, KEYS / 2, KEYS - 1, KEYS];
    let newest: Vec<String> = ids[..4].iter().map(|id| (id + KEYS).to_string()).collect();
    assert_eq!(read(&store, "a:value", &ids)[..4], newest);
    let texts: Vec<String> = newest.iter().map(|value| format!("row {value}")).collect();
    assert_eq!(read(&store, "b:text", &ids)[..4], texts);
    let names = std::fs::read_dir(directory.path().join("data/online")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let of_rocksdb = |name: &String| {
        ["CURRENT", "IDENTITY", "LOCK", "LOG"]
            .iter()
            .any(|known| name.starts_with(known))
            || ["MANIFEST-", "OPTIONS-"].iter().any(|known| name.starts_with(known))
            || [".sst", ".log"].iter().any(|known| name.ends_with(known))
    };
    assert_eq!(
        names.filter(|name| !of_rocksdb(name)).collect::<Vec<_>>(),
        Vec::<String>::new()
    );
}
