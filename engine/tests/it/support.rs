//! A repository with one feature view over a parquet file that tests write.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::util::display::array_value_to_string;
use feast_engine::model::{
    DataSource, Definitions, Entity, FeatureSelection, FeatureView, Field, SourceKind, Timestamp, ValueType,
};
use feast_engine::{
    EntityRows, FeatureStore, MaterializeProgress, MaterializeRange, MaterializeRequest, RepositoryConfig, ViewReport,
    ViewWindow, create_parquet,
};
use tempfile::TempDir;

/// A store whose only view is `stats`: join key `id`, feature `value`, both Int64, pushed to by `push`.
pub(crate) struct Fixture {
    pub(crate) directory: TempDir,
    pub(crate) store: FeatureStore,
}

/// Nobody looks at the progress.
pub(crate) struct Silent;

impl MaterializeProgress for Silent {
    fn view_started(&mut self, _window: &ViewWindow) {}
    fn view_skipped(&mut self, _window: &ViewWindow) {}
    fn rows_done(&mut self, _rows: usize) {}
    fn view_finished(&mut self, _report: &ViewReport) {}
}

pub(crate) fn open(directory: &Path) -> FeatureStore {
    let settings = "project: shop\nregistry: data/registry.db\nonline_store: {type: rocksdb, path: data/online}";
    FeatureStore::open(RepositoryConfig::parse(settings, directory).unwrap()).unwrap()
}

pub(crate) fn definitions() -> Definitions {
    let file = SourceKind::File {
        path: "data/stats.parquet".to_owned(),
        explicit_parquet: false,
        s3_endpoint_override: String::new(),
    };
    let source = DataSource {
        timestamp_field: "event_timestamp".to_owned(),
        created_timestamp_column: "created".to_owned(),
        ..DataSource::new("stats_source", file)
    };
    let push = DataSource::new(
        "push",
        SourceKind::Push {
            batch_source: Some(Box::new(source.clone())),
        },
    );
    let entity = Entity {
        name: "thing".to_owned(),
        join_key: "id".to_owned(),
        value_type: Some(ValueType::Int64),
        description: String::new(),
        tags: BTreeMap::new(),
        owner: String::new(),
    };
    let view = FeatureView {
        name: "stats".to_owned(),
        entities: vec!["thing".to_owned()],
        entity_columns: Vec::new(),
        features: vec![Field::new("value", ValueType::Int64)],
        ttl: Some(0),
        batch_source: Some(source.clone()),
        stream_source: Some(push.clone()),
        online: true,
        offline: false,
        enabled: true,
        description: String::new(),
        tags: BTreeMap::new(),
        owner: String::new(),
        org: String::new(),
        version: "latest".to_owned(),
        enable_validation: false,
    };
    Definitions {
        project: None,
        entities: vec![entity],
        sources: vec![source, push],
        feature_views: vec![view],
        services: Vec::new(),
    }
}

/// One row of the source: key, event time, created time, value. Times are in seconds.
pub(crate) type SourceRow = (Option<i64>, Option<i64>, Option<i64>, Option<i64>);

/// Rows as the source's columns, with times in this Arrow type.
pub(crate) fn source_rows(rows: &[SourceRow], times: &DataType) -> RecordBatch {
    let column = |values: Vec<Option<i64>>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let time = |values: Vec<Option<i64>>| {
        // From UTC to another zone the instant stays; from a naive time it would be read as local time there.
        let zone = if let DataType::Timestamp(_, Some(_)) = times {
            Some("UTC".into())
        } else {
            None
        };
        let seconds = cast(&column(values), &DataType::Timestamp(TimeUnit::Second, zone)).unwrap();
        cast(&seconds, times).unwrap()
    };
    RecordBatch::try_from_iter_with_nullable([
        ("id", column(rows.iter().map(|row| row.0).collect()), true),
        ("event_timestamp", time(rows.iter().map(|row| row.1).collect()), true),
        ("created", time(rows.iter().map(|row| row.2).collect()), true),
        ("value", column(rows.iter().map(|row| row.3).collect()), true),
    ])
    .unwrap()
}

impl Fixture {
    /// An applied repository over these rows.
    pub(crate) fn new(rows: &[SourceRow]) -> Self {
        Self::with_times(rows, &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))
    }

    pub(crate) fn with_times(rows: &[SourceRow], times: &DataType) -> Self {
        let directory = tempfile::tempdir().unwrap();
        create_parquet(&directory.path().join("data/stats.parquet"), &source_rows(rows, times)).unwrap();
        let store = open(directory.path());
        store.apply(definitions()).unwrap();
        Self { directory, store }
    }

    /// Materializes a window given in seconds.
    pub(crate) fn materialize(&self, start: i64, end: i64) -> ViewReport {
        let at = |seconds| Timestamp::from_seconds(seconds).unwrap();
        let request = MaterializeRequest {
            range: MaterializeRange::Between {
                start: at(start),
                end: at(end),
            },
            views: None,
        };
        let windows = self.store.materialization_windows(&request).unwrap();
        self.store.materialize(&windows, &mut Silent).unwrap().remove(0)
    }

    /// What the online store holds of these keys: `value@event-second` each, `-` for none.
    pub(crate) fn online(&self, ids: &[i64]) -> String {
        online(&self.store, ids)
    }
}

pub(crate) fn online(store: &FeatureStore, ids: &[i64]) -> String {
    let plan = store
        .plan(FeatureSelection::Features(vec!["stats:value".to_owned()]), false)
        .unwrap();
    let keys: ArrayRef = Arc::new(Int64Array::from(ids.to_vec()));
    let entities = EntityRows::new(ids.len(), vec![("id".to_owned(), keys)]).unwrap();
    let answer = store.read(&plan, &entities).unwrap();
    let column = &answer.columns[1];
    let cells = (0..ids.len()).map(|row| match column.statuses[row].name() {
        "PRESENT" => {
            let value = if column.values.is_null(row) {
                "null".to_owned()
            } else {
                array_value_to_string(&column.values, row).unwrap()
            };
            format!("{value}@{}", column.event_times[row].micros() as f64 / 1e6)
        }
        _ => "-".to_owned(),
    });
    cells.collect::<Vec<_>>().join(" ")
}
