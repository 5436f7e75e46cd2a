//! A registry that others write too.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use feast_engine::model::{Definitions, FeatureSelection, Field, Timestamp, ValueType, ViewState};
use feast_engine::{
    ApplyOptions, ErrorKind, MaterializationClaim, MaterializeProgress, MaterializeRange, MaterializeRequest, RunStep,
    ViewReport, ViewWindow,
};

use crate::support::{Fixture, definitions, open};

/// The names that follow a verb in the changes of an apply.
fn changes(fixture: &Fixture, definitions: Definitions) -> Vec<String> {
    let report = fixture
        .store
        .apply(definitions, ApplyOptions::default(), &mut ())
        .unwrap();
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
    renamed.feature_views[0].metadata.description = "new".to_owned();
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
    updated.feature_views[0].metadata.description = "new".to_owned();
    fixture.store.apply(updated, ApplyOptions::default(), &mut ()).unwrap();
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
    fixture.store.apply(wider, ApplyOptions::default(), &mut ()).unwrap();
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
    let unread = fixture.store.unsupported_objects();
    assert_eq!(
        unread.iter().map(|object| object.name.as_str()).collect::<Vec<_>>(),
        ["future"]
    );
    assert!(unread[0].reason.contains("value type 120"), "{}", unread[0].reason);
    let selection = FeatureSelection::Features(vec!["future:later".to_owned()]);
    let error = fixture.store.plan(&selection, false).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);

    // The view of this version now stands after the other one.
    fixture.materialize(0, 40);
    let reserved = fixture
        .store
        .claim_materialization(&["stats".to_owned()], false)
        .unwrap();
    let MaterializationClaim::Granted(reserved) = reserved else {
        panic!("no other process changes it")
    };
    assert_eq!(fixture.store.views_being_materialized(), ["stats"]);
    fixture.store.release_materialization(&reserved).unwrap();
    assert_eq!(fixture.store.view_state("stats"), ViewState::AvailableOnline);

    let mut renamed = definitions();
    renamed.feature_views[0].metadata.description = "new".to_owned();
    assert_eq!(changes(&fixture, renamed), ["Updated feature view stats"]);
    let after = std::fs::read(&path).unwrap();
    assert!(
        after.windows(view.len()).any(|window| window == view),
        "its bytes are still there"
    );
}

/// Does something as soon as the run of a view has begun, as another process would.
struct During<F>(F);

impl<F: FnMut() + Send> MaterializeProgress for During<F> {
    fn pass_started(&mut self, _windows: &[&ViewWindow]) {
        (self.0)();
    }
    fn view_skipped(&mut self, _window: &ViewWindow) {}
    fn advanced(&mut self, _view: &str, _step: RunStep, _done: u64, _total: u64) {}
    fn view_finished(&mut self, _report: &ViewReport) {}
}

fn described(description: &str) -> Definitions {
    let mut definitions = definitions();
    description.clone_into(&mut definitions.feature_views[0].metadata.description);
    definitions
}

/// Where the version id of a registry stands: field 4, a UUID.
fn version_id_of(registry: &[u8]) -> std::ops::Range<usize> {
    let is_id = |at: usize| {
        let id = &registry[at + 2..];
        registry[at..].starts_with(&[4 << 3 | 2, 36]) && [8, 13, 18, 23].iter().all(|dash| id.get(*dash) == Some(&b'-'))
    };
    let at = (0..registry.len()).find(|at| is_id(*at)).unwrap();
    at + 2..at + 38
}

/// Python writes in place, with a new version id. A change of the same length within one tick of the file system's clock leaves
/// no other trace.
fn written_in_place(path: &Path, old: &str, new: &str) {
    let modified = std::fs::metadata(path).unwrap().modified().unwrap();
    let mut registry = std::fs::read(path).unwrap();
    let position = registry.windows(old.len()).position(|window| window == old.as_bytes());
    registry[position.unwrap()..][..new.len()].copy_from_slice(new.as_bytes());
    let id = version_id_of(&registry);
    registry[id].copy_from_slice(b"00000000-1111-2222-3333-444444444444");
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all(&registry).unwrap();
    file.set_modified(modified).unwrap();
}

#[test]
fn what_another_process_changes_during_a_run_is_kept() {
    let ours = |directory: &Path| {
        let other = open(directory);
        other
            .apply(described("new text"), ApplyOptions::default(), &mut ())
            .unwrap();
    };
    let pythons = |directory: &Path| written_in_place(&directory.join("data/registry.db"), "old text", "new text");
    let others: [fn(&Path); 2] = [ours, pythons];
    for (number, other) in others.into_iter().enumerate() {
        let fixture = Fixture::new(&[(Some(1), Some(10), Some(0), Some(1))]);
        let directory = fixture.directory.path();
        fixture
            .store
            .apply(described("old text"), ApplyOptions::default(), &mut ())
            .unwrap();
        fixture.materialize(0, 20);
        let at = |seconds| Timestamp::from_seconds(seconds).unwrap();
        let request = |end: i64| MaterializeRequest {
            range: MaterializeRange::Until { end: at(end) },
            views: None,
        };
        let windows = fixture.store.materialization_windows(&request(30)).unwrap();
        let mut progress = During(|| other(directory));
        assert_eq!(fixture.store.materialize(&windows, &mut progress).unwrap().len(), 1);

        for store in [&fixture.store, &open(directory)] {
            let description = &store.definitions().feature_views[0].metadata.description;
            assert_eq!(description, "new text", "{number}");
            let windows = store.materialization_windows(&request(40)).unwrap();
            assert_eq!(windows[0].start, at(30), "{number}");
        }
    }
}
