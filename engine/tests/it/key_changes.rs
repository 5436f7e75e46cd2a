//! Views whose join keys change: rows of other keys are never read as theirs.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampSecondArray};
use feast_engine::model::{
    DataSource, Definitions, Entity, FeatureSelection, FeatureView, Field, SourceKind, Timestamp, ValueType,
};
use feast_engine::{
    ApplyOptions, EntityRows, ErrorKind, FeatureStore, FieldStatus, KeyColumn, MaterializeProgress, MaterializeRange,
    MaterializeRequest, NoProgress, RunStep, ViewReport, ViewWindow, create_parquet,
};
use proptest::prelude::{Just, Strategy, prop, prop_oneof};
use proptest::test_runner::{Config, TestRunner};

use crate::support::open;

/// Rows of the source: row `n` has the key `n` in each key column and the event time of `n` seconds.
const ROWS: i64 = 40;
/// The first run begins long before all of them.
const SIXTY_YEARS: i64 = 60 * 365 * 24 * 3600 * 1_000_000;

/// Join keys that the view may have: names and types.
const KEYS: [&[(&str, ValueType)]; 5] = [
    &[("id", ValueType::Int64)],
    &[("other", ValueType::Int64)],
    &[("id", ValueType::String)],
    &[("id", ValueType::Int64), ("other", ValueType::Int64)],
    &[("other", ValueType::Int32), ("id", ValueType::Int64)],
];

fn definitions(keys: usize) -> Definitions {
    let source = DataSource {
        timestamp_field: "at".to_owned(),
        ..DataSource::new("rows", SourceKind::parquet("data/rows.parquet"))
    };
    let entities: Vec<Entity> = KEYS[keys]
        .iter()
        .map(|(name, value_type)| Entity::new(format!("entity_{name}"), *name, value_type.clone()))
        .collect();
    let mut view = FeatureView::new("view", source.clone());
    view.entities = entities.iter().map(|entity| entity.name().to_owned()).collect();
    view.features = vec![Field::new("value", ValueType::Int64)];
    view.ttl = Some(SIXTY_YEARS);
    Definitions {
        entities,
        sources: vec![source],
        feature_views: vec![view],
        ..Definitions::default()
    }
}

fn write_rows(directory: &std::path::Path) {
    let numbers = || Arc::new(Int64Array::from_iter_values(1..=ROWS)) as ArrayRef;
    let times = Arc::new(TimestampSecondArray::from_iter_values(1..=ROWS)) as ArrayRef;
    let columns = [
        ("id", numbers()),
        ("other", numbers()),
        ("value", numbers()),
        ("at", times),
    ];
    create_parquet(
        &directory.join("data/rows.parquet"),
        &RecordBatch::try_from_iter(columns).unwrap(),
    )
    .unwrap();
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

fn run(store: &FeatureStore, range: MaterializeRange) -> ViewWindow {
    let request = MaterializeRequest { range, views: None };
    let windows = store.materialization_windows(&request).unwrap();
    store.materialize(&windows, &mut NoProgress).unwrap();
    windows.into_iter().next().unwrap()
}

/// Which rows are found under these keys.
fn found(store: &FeatureStore, keys: usize) -> Vec<i64> {
    let columns = KEYS[keys].iter().map(|(name, value_type)| KeyColumn {
        name: (*name).to_owned(),
        value_type: value_type.clone(),
        values: match value_type {
            ValueType::String => Arc::new(StringArray::from_iter_values((1..=ROWS).map(|row| row.to_string()))),
            _ => Arc::new(Int64Array::from_iter_values(1..=ROWS)) as ArrayRef,
        },
    });
    let entities = EntityRows::new(ROWS as usize, columns.collect()).unwrap();
    let selection = FeatureSelection::Features(vec!["view:value".to_owned()]);
    let plan = store.plan(&selection, false).unwrap();
    let answer = store.read(&plan, &entities).unwrap();
    let column = answer.columns().last().unwrap();
    let is_found = |row: &i64| column.statuses[(row - 1) as usize] == FieldStatus::Present;
    (1..=ROWS).filter(is_found).collect()
}

#[derive(Debug, Clone)]
enum Event {
    /// The view gets these keys.
    Apply(usize),
    /// An incremental run whose end lies that long after the last one's.
    Incremental(i64),
    /// A run of a part of what incremental runs have covered, in percent.
    Part(i64, i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..KEYS.len()).prop_map(Event::Apply),
        (0..8i64).prop_map(Event::Incremental),
        Just(Event::Incremental(1)),
        (0..100i64, 0..100i64).prop_map(|(start, end)| Event::Part(start.min(end), start.max(end))),
    ]
}

/// Whatever happened before: after an incremental run everything up to its end is found, and what is not read again was found
/// before.
#[test]
fn an_incremental_run_misses_nothing_whatever_the_keys_were() {
    let mut runner = TestRunner::new(Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    });
    let check = |events: Vec<Event>| {
        let directory = tempfile::tempdir().unwrap();
        write_rows(directory.path());
        let store = open(directory.path());
        let (mut keys, mut end) = (0, 1);
        store
            .apply(definitions(keys), ApplyOptions::default(), &mut ())
            .unwrap();
        for event in events {
            match event {
                Event::Apply(requested) => {
                    let report = store
                        .apply(definitions(requested), ApplyOptions::default(), &mut ())
                        .unwrap();
                    let is_warned = report.warnings.iter().any(|warning| warning.contains("join keys"));
                    let is_recorded = end > 1;
                    assert_eq!(is_warned, requested != keys && is_recorded, "{:?}", report.warnings);
                    keys = requested;
                }
                Event::Incremental(more) => {
                    end += more + 1;
                    let before = found(&store, keys);
                    let window = run(&store, MaterializeRange::Until { end: at(end) });
                    let all: Vec<i64> = (1..=ROWS.min(end)).collect();
                    assert_eq!(found(&store, keys), all, "window from {}", window.start);
                    let is_below = |row: &&i64| at(**row) < window.start;
                    assert!(all.iter().filter(is_below).all(|row| before.contains(row)));
                }
                Event::Part(start, stop) if end > 1 => {
                    let (start, end) = (at(end * start / 100), at(end * stop / 100));
                    run(&store, MaterializeRange::Between { start, end });
                }
                Event::Part(..) => {}
            }
        }
        Ok(())
    };
    runner.run(&prop::collection::vec(event(), 1..16), check).unwrap();
}

#[test]
fn a_run_that_has_caught_up_goes_on_from_its_end() {
    let directory = tempfile::tempdir().unwrap();
    write_rows(directory.path());
    let store = open(directory.path());
    store.apply(definitions(0), ApplyOptions::default(), &mut ()).unwrap();
    let first = run(&store, MaterializeRange::Until { end: at(10) });
    assert_eq!(first.former_keys, None);
    store.apply(definitions(1), ApplyOptions::default(), &mut ()).unwrap();
    let again = run(&store, MaterializeRange::Until { end: at(20) });
    assert_eq!(
        (again.start, again.former_keys.map(|keys| keys.to_string())),
        (first.start, Some("id (Int64)".to_owned()))
    );
    let next = run(&store, MaterializeRange::Until { end: at(30) });
    assert_eq!((next.start, next.former_keys), (at(20), None));
    // Back to the first keys: what was stored since is missing there.
    store.apply(definitions(0), ApplyOptions::default(), &mut ()).unwrap();
    assert_eq!(found(&store, 0), (1..=10).collect::<Vec<_>>());
    let back = run(&store, MaterializeRange::Until { end: at(40) });
    assert_eq!(
        (back.start, back.former_keys.map(|keys| keys.to_string())),
        (first.start, Some("other (Int64)".to_owned()))
    );
    assert_eq!(found(&store, 0), (1..=40).collect::<Vec<_>>());
}

/// Applies other keys as soon as a run has begun, as another process would.
struct Interfering<'a>(&'a std::path::Path);

impl MaterializeProgress for Interfering<'_> {
    fn pass_started(&mut self, _windows: &[&ViewWindow]) {
        open(self.0)
            .apply(definitions(1), ApplyOptions::default(), &mut ())
            .unwrap();
    }
    fn view_skipped(&mut self, _window: &ViewWindow) {}
    fn advanced(&mut self, _view: &str, _step: RunStep, _done: u64, _total: u64) {}
    fn view_finished(&mut self, _report: &ViewReport) {}
}

#[test]
fn a_run_during_which_the_keys_change_does_not_count() {
    let directory = tempfile::tempdir().unwrap();
    write_rows(directory.path());
    let store = open(directory.path());
    store.apply(definitions(0), ApplyOptions::default(), &mut ()).unwrap();
    run(&store, MaterializeRange::Until { end: at(10) });
    let request = MaterializeRequest {
        range: MaterializeRange::Until { end: at(20) },
        views: None,
    };
    let windows = store.materialization_windows(&request).unwrap();
    let error = store
        .materialize(&windows, &mut Interfering(directory.path()))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("became other (Int64) while"), "{error}");
    store.refresh().unwrap();
    let next = run(&store, MaterializeRange::Until { end: at(30) });
    assert!(next.start < at(0), "{}", next.start);
    assert_eq!(found(&store, 1), (1..=30).collect::<Vec<_>>());
}
