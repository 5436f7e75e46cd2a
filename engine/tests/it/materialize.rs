//! Materialization from parquet files to rows that are read.

use arrow::datatypes::{DataType, TimeUnit};
use feast_engine::ErrorKind;
use feast_engine::model::Timestamp;
use feast_engine::{ApplyOptions, MaterializeRange, MaterializeRequest, NoProgress};

use crate::support::{Fixture, SourceRow, open};

const fn row(id: i64, event: i64, created: i64, value: i64) -> SourceRow {
    (Some(id), Some(event), Some(created), Some(value))
}

#[test]
fn the_newest_row_of_each_key_wins() {
    let fixture = Fixture::new(&[
        row(1, 10, 0, 100),
        row(1, 20, 0, 200),
        row(1, 15, 9, 150),
        // Equal event times: the greater created time, and none is the lowest.
        row(2, 10, 5, 1),
        row(2, 10, 7, 2),
        (Some(2), Some(10), None, Some(3)),
        // Equal in both: the first in the file, which is where pushes put the latest.
        row(3, 10, 5, 11),
        row(3, 10, 5, 12),
        // A null value is a value.
        (Some(4), Some(10), Some(1), None),
    ]);
    let report = fixture.materialize(0, 100);
    assert_eq!(
        (report.rows, report.written, report.stale, report.null_keys),
        (4, 4, 0, 0)
    );
    assert_eq!(fixture.online(&[1, 2, 3, 4, 5]), "200@20 2@10 11@10 null@10 -");
}

#[test]
fn both_ends_of_the_window_are_in_it() {
    for times in [
        DataType::Timestamp(TimeUnit::Second, None),
        DataType::Timestamp(TimeUnit::Millisecond, Some("Europe/Paris".into())),
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Timestamp(TimeUnit::Nanosecond, None),
    ] {
        let fixture = Fixture::with_times(
            &[row(1, 9, 0, 1), row(2, 10, 0, 2), row(3, 20, 0, 3), row(4, 21, 0, 4)],
            &times,
        );
        assert_eq!(fixture.materialize(10, 20).rows, 2, "{times}");
        assert_eq!(fixture.online(&[1, 2, 3, 4]), "- 2@10 3@20 -", "{times}");
    }
}

#[test]
fn rows_without_event_time_or_key_are_left_out() {
    let fixture = Fixture::new(&[
        row(1, 10, 0, 1),
        (Some(1), None, Some(9), Some(2)),
        (None, Some(11), Some(0), Some(3)),
    ]);
    let report = fixture.materialize(0, 100);
    assert_eq!((report.rows, report.written, report.null_keys), (2, 1, 1));
    assert_eq!(fixture.online(&[1]), "1@10");
}

#[test]
fn a_second_run_changes_nothing_and_older_windows_do_not_win() {
    let fixture = Fixture::new(&[row(1, 10, 0, 1), row(1, 20, 0, 2), row(2, 12, 0, 3)]);
    fixture.materialize(0, 100);
    let again = fixture.materialize(0, 100);
    assert_eq!((again.written, again.stale), (2, 0));
    let older = fixture.materialize(0, 15);
    assert_eq!((older.rows, older.written, older.stale), (2, 1, 1));
    assert_eq!(fixture.online(&[1, 2]), "2@20 3@12");
}

#[test]
fn many_keys_over_many_batches() {
    let rows: Vec<SourceRow> = (0..60_000).map(|index| row(index % 20_000, index, 0, index)).collect();
    let fixture = Fixture::new(&rows);
    assert_eq!(fixture.materialize(0, 100_000).written, 20_000);
    assert_eq!(
        fixture.online(&[0, 7, 19_999, 20_000]),
        "40000@40000 40007@40007 59999@59999 -"
    );
}

#[test]
fn paths_are_not_patterns_and_directories_hold_parts() {
    let fixture = Fixture::new(&[]);
    let directory = fixture.directory.path().join("data [v2]*/50%.parquet");
    for (part, value) in [("b.parquet", 1), ("a.parquet", 2)] {
        // Equal in both times: the first in the order of names wins.
        let rows = crate::support::source_rows(
            &[row(1, 10, 0, value), row(value, 5, 0, value)],
            &DataType::Timestamp(TimeUnit::Microsecond, None),
        );
        feast_engine::create_parquet(&directory.join(part), &rows).unwrap();
    }
    let mut definitions = crate::support::definitions();
    let path = feast_engine::model::SourceKind::parquet("data [v2]*/50%.parquet");
    definitions.feature_views[0].stream_source = None;
    definitions.sources.clear();
    if let Some(source) = &mut definitions.feature_views[0].batch_source {
        source.kind = path;
    }
    fixture
        .store
        .apply(definitions, ApplyOptions::default(), &mut ())
        .unwrap();
    assert_eq!(fixture.materialize(0, 100).rows, 2);
    assert_eq!(fixture.online(&[1, 2]), "2@10 2@5");
}

#[test]
fn incremental_runs_go_on_where_the_last_one_ended() {
    let fixture = Fixture::new(&[row(1, 10, 0, 1)]);
    let until = |seconds| MaterializeRequest {
        range: MaterializeRange::Until {
            end: Timestamp::from_seconds(seconds).unwrap(),
        },
        views: None,
    };
    let windows = fixture.store.materialization_windows(&until(50)).unwrap();
    // No interval and no time to live: a year back, which lies after this end. Nothing is recorded.
    assert!(windows[0].default_look_back && windows[0].start > windows[0].end);
    assert!(fixture.store.materialize(&windows, &mut NoProgress).unwrap().is_empty());
    fixture.materialize(0, 30);
    let store = open(fixture.directory.path());
    let windows = store.materialization_windows(&until(50)).unwrap();
    assert_eq!(
        (windows[0].start, windows[0].end),
        (
            Timestamp::from_seconds(30).unwrap(),
            Timestamp::from_seconds(50).unwrap()
        )
    );
}

#[test]
fn only_served_views_are_materialized() {
    let fixture = Fixture::new(&[row(1, 10, 0, 1)]);
    let request = |view: &str| MaterializeRequest {
        range: MaterializeRange::Until { end: Timestamp::EPOCH },
        views: Some(vec![view.to_owned()]),
    };
    let unknown = fixture.store.materialization_windows(&request("nope")).unwrap_err();
    assert_eq!(
        (unknown.kind(), unknown.to_string().as_str()),
        (ErrorKind::NotFound, "Feature view nope does not exist in project shop")
    );
    let mut definitions = crate::support::definitions();
    definitions.feature_views[0].online = false;
    fixture
        .store
        .apply(definitions, ApplyOptions::default(), &mut ())
        .unwrap();
    let offline = fixture.store.materialization_windows(&request("stats")).unwrap_err();
    assert_eq!(
        offline.to_string(),
        "FeatureView stats is not configured to be served online."
    );
}
