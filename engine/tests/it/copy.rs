//! Copies between online stores that are interrupted, and rows that lack features.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use feast_engine::{ApplyOptions, CopyProgress, CopyReport, FeatureStore, RepositoryConfig};

use crate::support::{Fixture, SourceRow, definitions, materialize, online, open};

const ROWS: i64 = 30_000;

/// Interrupts a copy after so many rows, and notes where it began.
struct Interrupt {
    after: usize,
    began_at: usize,
}

impl CopyProgress for Interrupt {
    fn view_started(&mut self, _view: &str, rows: usize) {
        self.began_at = rows;
    }

    fn rows_done(&mut self, rows: usize) {
        assert!(rows < self.after, "interrupted");
    }

    fn view_finished(&mut self, _report: &CopyReport) {}
}

fn target(directory: &Path, store: &str) -> FeatureStore {
    let settings = format!("project: shop\nregistry: data/registry.db\nonline_store: {{{store}}}");
    FeatureStore::open(RepositoryConfig::parse(&settings, directory).unwrap()).unwrap()
}

/// Where a copy began, and what it did unless it was interrupted.
fn copy(directory: &Path, store: &str, after: usize) -> (usize, Option<CopyReport>) {
    let (from, to) = (open(directory), target(directory, store));
    from.check_copy(&to, None).unwrap();
    from.prepare_copy().unwrap();
    let mut progress = Interrupt { after, began_at: 0 };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        from.copy_online_store(&to, None, directory, &mut progress)
            .unwrap()
            .remove(0)
    }));
    (progress.began_at, outcome.ok())
}

fn materialized() -> Fixture {
    let rows: Vec<SourceRow> = (0..ROWS)
        .map(|id| (Some(id), Some(100), Some(1), (id % 3 > 0).then_some(id)))
        .collect();
    let fixture = Fixture::new(&rows);
    fixture.materialize(0, 1000);
    fixture
}

const ALL: usize = usize::MAX;

#[test]
fn an_interrupted_copy_goes_on_where_it_was() {
    for store in ["type: rocksdb, path: data/copy", "type: sqlite, path: data/copy.db"] {
        let Fixture { directory, store: from } = materialized();
        drop(from);
        let (began_at, report) = copy(directory.path(), store, 25_000);
        assert_eq!((began_at, report), (0, None));
        let (began_at, report) = copy(directory.path(), store, ALL);
        let report = report.unwrap();
        assert_eq!(began_at, 20_000, "{store}");
        assert_eq!(report.rows(), ROWS as usize, "{store}");
        assert_eq!(report.copied, ROWS as usize, "{store}");
        let ids: Vec<i64> = (0..ROWS).collect();
        assert_eq!(
            online(&target(directory.path(), store), &ids),
            online(&open(directory.path()), &ids)
        );
        let (began_at, _) = copy(directory.path(), store, ALL);
        assert_eq!(began_at, 0, "a copy that is done leaves nothing behind");
    }
}

#[test]
fn a_source_that_was_written_to_meanwhile_is_copied_from_the_start() {
    const STORE: &str = "type: rocksdb, path: data/copy";
    let Fixture { directory, store: from } = materialized();
    drop(from);
    assert_eq!(copy(directory.path(), STORE, 25_000), (0, None));
    // The rows come again, as they were.
    materialize(&open(directory.path()), 0, 1000).unwrap();
    let (began_at, report) = copy(directory.path(), STORE, ALL);
    assert_eq!(began_at, 0);
    assert_eq!(report.unwrap().copied, ROWS as usize);
}

/// A feature that came after a row was written is not stored in it, in the copy neither.
#[test]
fn what_is_not_stored_does_not_become_null() {
    use feast_engine::model::{FeatureSelection, Field, ValueType};
    let Fixture { directory, store: from } = Fixture::new(&[(Some(1), Some(100), Some(1), None)]);
    materialize(&from, 0, 1000).unwrap();
    let mut later = definitions();
    later.feature_views[0]
        .features
        .push(Field::new("later", ValueType::String));
    let options = ApplyOptions {
        skip_source_validation: true,
        ..ApplyOptions::default()
    };
    from.apply(later, options, &mut ()).unwrap();
    drop(from);
    for store in ["type: rocksdb, path: data/copy", "type: sqlite, path: data/copy.db"] {
        let (_, report) = copy(directory.path(), store, ALL);
        assert_eq!(report.unwrap().copied, 1);
        let target = target(directory.path(), store);
        let features = FeatureSelection::Features(vec!["stats:value".to_owned(), "stats:later".to_owned()]);
        let plan = target.plan(&features, false).unwrap();
        let entities = crate::support::entities(&[1]);
        let vectors = target.read(&plan, &entities).unwrap();
        let statuses: Vec<String> = vectors
            .columns()
            .skip(1)
            .map(|column| format!("{:?}", column.statuses))
            .collect();
        assert_eq!(statuses, ["[Present]", "[NotFound]"], "{store}");
    }
}
