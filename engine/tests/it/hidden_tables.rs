//! Rows of views that have left the registry: kept for a while, restored with the view, dropped afterwards.

use std::path::PathBuf;
use std::time::Duration;

use feast_engine::model::{Definitions, Field, Timestamp, ValueType};
use feast_engine::{
    ApplyOptions, FeatureStore, MaterializeRange, MaterializeRequest, NoProgress, RepositoryConfig, TableFate,
};

use crate::support::{Fixture, definitions, online, open};

const DAY: Duration = Duration::from_secs(86_400);

/// What has become of tables since the last call.
fn changes(store: &FeatureStore) -> Vec<String> {
    let changes = store.take_table_changes().into_iter();
    changes
        .map(|change| format!("{:?} {}", change.fate, change.rows))
        .collect()
}

fn registry(fixture: &Fixture) -> PathBuf {
    fixture.directory.path().join("data/registry.db")
}

/// A repository with one materialized row, and two registries: its own and one without the view.
fn fixture() -> (Fixture, Vec<u8>, Vec<u8>) {
    let fixture = Fixture::new(&[(Some(1), Some(10), Some(0), Some(1))]);
    let path = registry(&fixture);
    let other = Fixture::new(&[]);
    let mut without = definitions();
    without.feature_views.clear();
    other.store.apply(without, ApplyOptions::default(), &mut ()).unwrap();
    let wrong = std::fs::read(registry(&other)).unwrap();
    fixture.materialize(0, 30);
    let right = std::fs::read(path).unwrap();
    (fixture, right, wrong)
}

/// Puts a registry in place and lets the store see it.
fn replace(fixture: &Fixture, registry_bytes: &[u8]) {
    let path = registry(fixture);
    let copy = path.with_extension("new");
    std::fs::write(&copy, registry_bytes).unwrap();
    std::fs::rename(copy, path).unwrap();
    fixture.store.refresh().unwrap();
}

fn apply(store: &FeatureStore, definitions: Definitions, drop_now: bool) {
    let options = ApplyOptions {
        drop_now,
        ..ApplyOptions::default()
    };
    store.apply(definitions, options, &mut ()).unwrap();
}

fn with_drop_after(fixture: &Fixture, drop_after: &str) -> FeatureStore {
    let settings = format!(
        "project: shop\nregistry: data/registry.db\nonline_store: {{type: rocksdb, path: data/online}}\n\
         serving: {{drop_after: {drop_after}}}"
    );
    FeatureStore::open(RepositoryConfig::parse(&settings, fixture.directory.path()).unwrap()).unwrap()
}

#[test]
fn a_wrong_registry_for_a_moment_costs_no_rows() {
    let (fixture, right, wrong) = fixture();
    assert_eq!(changes(&fixture.store), [] as [&str; 0]);
    for _ in 0..3 {
        replace(&fixture, &wrong);
        assert_eq!(changes(&fixture.store), ["Hidden 1 row"]);
        replace(&fixture, &right);
        assert_eq!(changes(&fixture.store), ["Restored 1 row"]);
        assert_eq!(fixture.online(&[1]), "1@10");
    }
    // Also when the wrong one is there at a stop and a start.
    replace(&fixture, &wrong);
    let Fixture { directory, store } = fixture;
    drop(store);
    let store = open(directory.path());
    store.open_online_store().unwrap();
    assert_eq!(changes(&store), [] as [&str; 0], "it is hidden already");
    drop(store);
    std::fs::write(directory.path().join("data/registry.db"), &right).unwrap();
    let store = open(directory.path());
    store.open_online_store().unwrap();
    assert_eq!(changes(&store), ["Restored 1 row"]);
    assert_eq!(online(&store, &[1]), "1@10");
}

#[test]
fn a_registry_that_another_change_has_read_is_followed_too() {
    let (fixture, right, wrong) = fixture();
    std::fs::write(registry(&fixture), &wrong).unwrap();
    // Reads the registry again without checking what has changed.
    assert_eq!(fixture.store.delete("nothing").unwrap(), None);
    fixture.store.refresh().unwrap();
    fixture.store.tend_online_store().unwrap();
    assert_eq!(changes(&fixture.store), ["Hidden 1 row"]);
    replace(&fixture, &right);
    assert_eq!(fixture.online(&[1]), "1@10");
}

#[test]
fn a_push_to_a_view_that_is_back_finds_its_rows() {
    let (fixture, right, wrong) = fixture();
    replace(&fixture, &wrong);
    replace(&fixture, &right);
    let stale = crate::push::push(&fixture.store, (1, 9, 0, 5), false);
    assert_eq!((stale.written, stale.stale), (0, 1));
    // One that was under way when the registry was wrong.
    let target = fixture.store.push_target("push", true, false).unwrap();
    replace(&fixture, &wrong);
    assert!(fixture.store.push_target("push", true, false).is_err());
    let time = |seconds: i64| {
        let micros = arrow::array::TimestampMicrosecondArray::from(vec![seconds * 1_000_000]);
        std::sync::Arc::new(micros) as arrow::array::ArrayRef
    };
    let number =
        |value: i64| std::sync::Arc::new(arrow::array::Int64Array::from(vec![value])) as arrow::array::ArrayRef;
    let columns = vec![number(7), number(2), time(50), time(0)];
    fixture.store.push(&target, vec![columns], None).unwrap();
    fixture.store.tend_online_store().unwrap();
    replace(&fixture, &right);
    assert_eq!(fixture.online(&[1, 2]), "1@10 7@50");
    assert_eq!(
        changes(&fixture.store).last().map(String::as_str),
        Some("Restored 2 rows")
    );
}

#[test]
fn another_view_of_the_name_gets_none_of_the_rows() {
    let (fixture, _, _) = fixture();
    let mut without = definitions();
    without.feature_views.clear();
    apply(&fixture.store, without.clone(), false);
    assert_eq!(changes(&fixture.store), ["Hidden 1 row"]);
    let mut retyped = definitions();
    retyped.feature_views[0].features = vec![Field::new("value", ValueType::Float64)];
    apply(&fixture.store, retyped, false);
    assert_eq!(fixture.online(&[1]), "-");
    crate::push::push(&fixture.store, (1, 5, 0, 5), false);
    apply(&fixture.store, without, false);
    apply(&fixture.store, definitions(), false);
    assert_eq!(fixture.online(&[1]), "1@10", "the first view has its own rows");
}

#[test]
fn hidden_tables_are_dropped_when_their_time_is_over() {
    let (fixture, right, wrong) = fixture();
    replace(&fixture, &wrong);
    let Fixture { directory, store } = fixture;
    drop(store);
    std::thread::sleep(Duration::from_millis(1_100));
    let fixture = Fixture {
        store: open(directory.path()),
        directory,
    };
    // The time at which it was hidden is in the store, whichever process reads it.
    let hasty = with_drop_after(&fixture, "1s");
    hasty.open_online_store().unwrap();
    assert_eq!(changes(&hasty), ["Dropped 1 row"]);
    drop(hasty);
    fixture.store.open_online_store().unwrap();
    replace(&fixture, &right);
    assert_eq!(fixture.online(&[1]), "-");
}

#[test]
fn with_no_time_a_table_goes_with_its_view() {
    let (fixture, _, wrong) = fixture();
    let Fixture { directory, store } = fixture;
    drop(store);
    let fixture = Fixture {
        store: open(directory.path()),
        directory,
    };
    let store = with_drop_after(&fixture, "0");
    store.open_online_store().unwrap();
    std::fs::write(registry(&fixture), &wrong).unwrap();
    store.refresh().unwrap();
    assert_eq!(changes(&store), ["Hidden 1 row", "Dropped 1 row"]);
}

#[test]
fn apply_now_and_teardown_drop_at_once() {
    let (fixture, _, _) = fixture();
    let mut without = definitions();
    without.feature_views.clear();
    apply(&fixture.store, without.clone(), true);
    assert_eq!(changes(&fixture.store), ["Hidden 1 row", "Dropped 1 row"]);
    apply(&fixture.store, definitions(), false);
    assert_eq!(fixture.online(&[1]), "-");

    fixture.materialize(0, 30);
    assert_eq!(fixture.online(&[1]), "1@10");
    fixture.store.teardown(&mut ()).unwrap();
    assert_eq!(changes(&fixture.store), ["Dropped 1 row"]);
    apply(&fixture.store, definitions(), false);
    assert_eq!(fixture.online(&[1]), "-");
}

#[test]
fn apply_now_beside_a_process_that_has_the_store_open_has_that_one_drop() {
    let (fixture, _, _) = fixture();
    let serving = &fixture.store;
    let beside = open(fixture.directory.path());
    let mut without = definitions();
    without.feature_views.clear();
    apply(&beside, without, true);
    serving.refresh().unwrap();
    serving.tend_online_store().unwrap();
    assert_eq!(changes(serving).last().map(String::as_str), Some("Dropped 1 row"));
    apply(&beside, definitions(), false);
    serving.refresh().unwrap();
    assert_eq!(fixture.online(&[1]), "-");
}

#[test]
fn messages_say_how_long_rows_are_kept() {
    let (fixture, _, wrong) = fixture();
    replace(&fixture, &wrong);
    let change = fixture.store.take_table_changes().remove(0);
    assert_eq!((change.fate, change.view.as_str()), (TableFate::Hidden, "stats"));
    assert_eq!(
        change.describe(DAY),
        "the table of stats is hidden with 1 row: the registry does not have the view any more; if it comes back within \
         1d (serving.drop_after), so do the rows, and else they are dropped"
    );
}

#[test]
fn an_incremental_run_says_when_rows_are_missing_that_it_will_not_read() {
    let (fixture, right, wrong) = fixture();
    let until = |seconds| MaterializeRequest {
        range: MaterializeRange::Until {
            end: Timestamp::from_seconds(seconds).unwrap(),
        },
        views: None,
    };
    let warnings = |seconds| fixture.store.materialization_warnings(&until(seconds)).unwrap();
    assert_eq!(warnings(40), [] as [&str; 0]);
    // The rows are dropped, and the registry that says that they were loaded is put back.
    std::fs::write(registry(&fixture), &wrong).unwrap();
    fixture.store.refresh().unwrap();
    fixture.store.teardown(&mut ()).unwrap();
    replace(&fixture, &right);
    let missing = warnings(40);
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert!(
        missing[0].starts_with("stats: the online store has no rows of it"),
        "{missing:?}"
    );
    assert!(
        missing[0].contains("feast materialize-incremental END_TS --full -v stats"),
        "{missing:?}"
    );
    // A run that goes on where the last one ended does not bring them back, and says so again.
    let windows = fixture.store.materialization_windows(&until(40)).unwrap();
    fixture.store.materialize(&windows, &mut NoProgress).unwrap();
    crate::push::push(&fixture.store, (2, 50, 0, 5), false);
    assert!(warnings(50)[0].contains("no materialization has filled its table"));
    fixture.materialize(0, 50);
    assert_eq!(warnings(60), [] as [&str; 0]);

    // After a change of join keys a run reads everything again: nothing will be missing.
    let mut renamed = definitions();
    renamed.entities[0].join_key = "value".to_owned();
    renamed.feature_views[0].features = vec![Field::new("id", ValueType::Int64)];
    apply(&fixture.store, renamed, false);
    assert_eq!(warnings(60), [] as [&str; 0]);
    let windows = fixture.store.materialization_windows(&until(60)).unwrap();
    assert!(windows[0].former_keys.is_some() && windows[0].start == Timestamp::EPOCH);
}

#[test]
fn an_end_that_has_not_come_is_warned_of() {
    let (fixture, _, _) = fixture();
    let request = MaterializeRequest {
        range: MaterializeRange::Until {
            end: Timestamp::parse("2262-01-01").unwrap(),
        },
        views: None,
    };
    let warnings = fixture.store.materialization_warnings(&request).unwrap();
    assert!(
        warnings[0].starts_with("the end 2262-01-01 00:00:00+00:00 has not come yet"),
        "{warnings:?}"
    );
}
