use feast_engine::model::{Definitions, FeatureSelection, Field, Timestamp, ValueType, ViewState};
use feast_engine::{ApplyOptions, ErrorKind, MaterializationClaim, MaterializeRange, MaterializeRequest};

use crate::support::{Fixture, definitions};

/// The names that follow a verb in the changes of an apply.
fn changes(fixture: &Fixture, definitions: Definitions) -> Vec<String> {
    let report = fixture.store.apply(definitions, ApplyOptions::default()).unwrap();
    report
        .changes
        .iter()
        .map(|change| format!("{} {} {}", change.verb, change.kind, change.name))
        .collect()
}

#[test]
fn only_differences_are_changed() {
    let fixture = Fixture::new(&[]);
    let registry = || std::fs::read(fixture.directory.path().join("data/registry.db")).unwrap();
    let before = registry();
    assert_eq!(changes(&fixture, definitions()), [] as [&str; 0]);
    assert_eq!(registry(), before, "an apply without changes writes nothing");

    let mut renamed = definitions();
    renamed.feature_views[0].description = "new".to_owned();
    assert_eq!(changes(&fixture, renamed), ["Updated feature view stats"]);
    let mut without = definitions();
    without.feature_views.clear();
    without.sources.clear();
    assert_eq!(changes(&fixture, without), ["Deleted feature view stats"]);
    assert_eq!(changes(&fixture, definitions()), ["Created feature view stats"]);
}

#[test]
fn an_update_keeps_what_was_materialized() {
    let fixture = Fixture::new(&[(Some(1), Some(10), Some(0), Some(1))]);
    fixture.materialize(0, 30);
    let mut updated = definitions();
    updated.feature_views[0].description = "new".to_owned();
    fixture.store.apply(updated, ApplyOptions::default()).unwrap();
    assert_eq!(fixture.online(&[1]), "1@10");
    let request = MaterializeRequest {
        range: MaterializeRange::Until {
            end: Timestamp::from_seconds(50).unwrap(),
        },
        views: None,
    };
    let windows = fixture.store.materialization_windows(&request).unwrap();
    assert_eq!(windows[0].start, Timestamp::from_seconds(30).unwrap());
}

#[test]
fn a_broken_or_cut_registry_keeps_the_former_one_serving() {
    let fixture = Fixture::new(&[(Some(1), Some(10), Some(0), Some(1))]);
    fixture.materialize(0, 30);
    let path = fixture.directory.path().join("data/registry.db");
    let whole = std::fs::read(&path).unwrap();
    // Python writes in place: a reader may see any beginning of the file, also one that can be parsed.
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let _ = fixture.store.refresh();
        assert_eq!(fixture.online(&[1]), "1@10", "cut after {length} bytes");
    }
    std::fs::write(&path, "broken").unwrap();
    assert!(fixture.store.refresh().is_err());
    std::fs::write(&path, &whole).unwrap();
    fixture.store.refresh().unwrap();
    assert_eq!(fixture.online(&[1]), "1@10");
}

#[test]
fn a_new_feature_is_not_found_in_rows_stored_before() {
    let fixture = Fixture::new(&[(Some(1), Some(10), Some(0), Some(1))]);
    fixture.materialize(0, 30);
    let mut wider = definitions();
    let field = Field::new("created", ValueType::UnixTimestamp);
    wider.feature_views[0].features.insert(0, field);
    fixture.store.apply(wider, ApplyOptions::default()).unwrap();
    assert_eq!(fixture.online(&[1]), "1@10");
}

/// A protobuf field that holds bytes; everything here is shorter than 128 bytes.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2, u8::try_from(value.len()).unwrap()];
    bytes.extend(value);
    bytes
}

#[test]
fn an_object_of_a_newer_feast_is_kept_and_stops_nothing_else() {
    let fixture = Fixture::new(&[(Some(1), Some(10), Some(0), Some(1))]);
    fixture.materialize(0, 30);
    let path = fixture.directory.path().join("data/registry.db");
    // Value type 120 of a feature.
    let feature = [field(1, b"later"), vec![2 << 3, 120]].concat();
    let spec = [field(1, b"future"), field(2, b"shop"), field(4, &feature)].concat();
    // A version and a state.
    let meta = [4 << 3, 1, 6 << 3, 4];
    let view = field(6, &[field(1, &spec), field(2, &meta)].concat());
    let registry = [std::fs::read(&path).unwrap(), view.clone()].concat();
    std::fs::write(&path, &registry).unwrap();
    fixture.store.refresh().unwrap();

    assert_eq!(fixture.online(&[1]), "1@10");
    let unread = fixture.store.unread_objects();
    assert_eq!(
        unread.iter().map(|object| object.name.as_str()).collect::<Vec<_>>(),
        ["future"]
    );
    assert!(unread[0].reason.contains("value type 120"), "{}", unread[0].reason);
    let selection = FeatureSelection::Features(vec!["future:later".to_owned()]);
    let error = fixture.store.plan(&selection, false).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);

    // The view of this version now stands behind the other one.
    fixture.materialize(0, 40);
    let reserved = fixture
        .store
        .claim_materialization(&["stats".to_owned()], false)
        .unwrap();
    let MaterializationClaim::Granted(reserved) = reserved else {
        panic!("nobody else is at it")
    };
    assert_eq!(fixture.store.views_being_materialized(), ["stats"]);
    fixture.store.release_materialization(&reserved).unwrap();
    assert_eq!(fixture.store.view_state("stats"), ViewState::AvailableOnline);

    let mut renamed = definitions();
    renamed.feature_views[0].description = "new".to_owned();
    assert_eq!(changes(&fixture, renamed), ["Updated feature view stats"]);
    let after = std::fs::read(&path).unwrap();
    assert!(
        after.windows(view.len()).any(|window| window == view),
        "its bytes are still there"
    );
}
