//! Points in time beyond what pandas, Python and protobuf hold.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimeUnit};
use feast_engine::model::{TimeRange, Timestamp};
use feast_engine::{
    ApplyOptions, Error, FeatureStore, MaterializeRange, MaterializeRequest, NoProgress, WriteReport, create_parquet,
};

use crate::support::{Fixture, definitions, source_rows};

/// Pushes rows whose event and created times are given in microseconds.
fn push(store: &FeatureStore, times: &[(Option<i64>, Option<i64>)], offline: bool) -> Result<WriteReport, Error> {
    let target = store.push_target("push", !offline, offline).unwrap();
    let column = |values: Vec<Option<i64>>| Arc::new(TimestampMicrosecondArray::from(values)) as ArrayRef;
    let (events, created) = times.iter().copied().unzip();
    let (events, created) = (column(events), column(created));
    let numbers = Arc::new(Int64Array::from_iter_values(0..times.len() as i64)) as ArrayRef;
    if !offline {
        let columns = vec![Arc::clone(&numbers), numbers, events, created];
        return store.push(&target, vec![columns], None);
    }
    let schema = Arc::clone(target.offline_schema().unwrap());
    let columns = vec![Arc::clone(&numbers), events, created, numbers];
    store.push(
        &target,
        Vec::new(),
        Some(RecordBatch::try_new(schema, columns).unwrap()),
    )
}

fn fixture() -> Fixture {
    Fixture::with_times(&[], &DataType::Timestamp(TimeUnit::Microsecond, None))
}

#[test]
fn event_times_that_nothing_could_replace_are_refused_in_all_modes() {
    let fixture = fixture();
    let parquet = fixture.directory.path().join("data/stats.parquet");
    let before = std::fs::read(&parquet).unwrap();
    let TimeRange { first, last, .. } = TimeRange::EVENT_TIMES;
    let year_1000 = Timestamp::parse("1000-01-01").unwrap().micros();
    for offline in [false, true] {
        let outside = [year_1000, i64::MIN, i64::MAX, first.micros() - 1, last.micros() + 1];
        for micros in outside {
            let of_events = push(&fixture.store, &[(Some(5), None), (Some(micros), None)], offline);
            let text = of_events.unwrap_err().to_string();
            assert!(
                text.contains("column event_timestamp of") && text.contains("row 1: "),
                "{micros}: {text}"
            );
            let of_created = push(&fixture.store, &[(Some(5), Some(micros))], offline);
            let text = of_created.unwrap_err().to_string();
            assert!(
                text.contains("column created of") && text.contains("row 0: "),
                "{micros}: {text}"
            );
        }
        let text = push(&fixture.store, &[(Some(5), None), (None, None)], offline)
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("column event_timestamp of") && text.contains("is null in row 1"),
            "{text}"
        );
    }
    assert_eq!(std::fs::read(&parquet).unwrap(), before);
    assert_eq!(fixture.online(&[0, 1]), "- -");
    for offline in [false, true] {
        let ends = [
            (Some(first.micros()), Some(first.micros())),
            (Some(last.micros()), Some(last.micros())),
        ];
        assert_eq!(push(&fixture.store, &ends, offline).unwrap().future, 1);
    }
}

#[test]
fn rows_ahead_of_the_clock_are_counted_once_however_many_stores_they_go_to() {
    let fixture = fixture();
    let now = feast_engine::now();
    let day = 86_400_000_000;
    let times = [now.micros(), now.micros() + day / 2, now.micros() + 2 * day].map(|micros| (Some(micros), None));
    for offline in [false, true] {
        assert_eq!(push(&fixture.store, &times, offline).unwrap().future, 1);
    }
}

#[test]
fn the_registry_never_holds_what_python_cannot_read() {
    let fixture = Fixture::new(&[(Some(1), Some(10), Some(0), Some(1))]);
    let before = std::fs::read(fixture.directory.path().join("data/registry.db")).unwrap();
    let late = TimeRange::CALENDAR.last.plus_micros(1);
    let early = TimeRange::CALENDAR.first.plus_micros(-1);
    let between = |start, end| MaterializeRange::Between { start, end };
    for range in [
        MaterializeRange::Until { end: late },
        MaterializeRange::Until { end: early },
        between(Timestamp::EPOCH, late),
        between(early, Timestamp::EPOCH),
    ] {
        let error = fixture
            .store
            .materialization_windows(&MaterializeRequest { range, views: None })
            .unwrap_err();
        assert!(error.to_string().ends_with("is not in the years 1 to 9999"), "{error}");
    }
    assert_eq!(
        std::fs::read(fixture.directory.path().join("data/registry.db")).unwrap(),
        before
    );

    // A time to live of 9,000 years is fine by itself, but reaches back before the year 1.
    let mut patient = definitions();
    patient.feature_views[0].ttl = Some(9_000 * 366 * 86_400 * 1_000_000);
    fixture.store.apply(patient, ApplyOptions::default(), &mut ()).unwrap();
    let range = MaterializeRange::Until {
        end: feast_engine::now(),
    };
    let windows = fixture
        .store
        .materialization_windows(&MaterializeRequest { range, views: None })
        .unwrap();
    assert_eq!(windows[0].start, TimeRange::CALENDAR.first);
    fixture.store.materialize(&windows, &mut NoProgress).unwrap();
    assert_eq!(fixture.online(&[1]), "1@10");
}

#[test]
fn spans_that_the_registry_cannot_hold_are_refused_at_apply() {
    let fixture = Fixture::new(&[]);
    for ttl in [i64::MAX, i64::MIN, 315_576_000_001 * 1_000_000] {
        let mut wrong = definitions();
        wrong.feature_views[0].ttl = Some(ttl);
        let error = fixture
            .store
            .apply(wrong, ApplyOptions::default(), &mut ())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "feature view stats: its ttl is longer than 10,000 years"
        );
    }
}

#[test]
fn a_source_with_old_rows_is_still_read() {
    // Before 1970, and after 2038.
    let rows = [
        (Some(1), Some(-1_000_000), Some(0), Some(1)),
        (Some(2), Some(4_000_000_000), Some(0), Some(2)),
    ];
    let times = DataType::Timestamp(TimeUnit::Microsecond, None);
    let fixture = Fixture::with_times(&[], &times);
    create_parquet(
        &fixture.directory.path().join("data/stats.parquet"),
        &source_rows(&rows, &times),
    )
    .unwrap();
    fixture.materialize(-2_000_000, 5_000_000_000);
    assert_eq!(fixture.online(&[1, 2]), "1@-1000000 2@4000000000");
}
