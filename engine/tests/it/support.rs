//! A repository with one feature view over a parquet file that tests write.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use arrow::util::display::array_value_to_string;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use feast_engine::model::{
    DataSource, Definitions, Entity, FeatureSelection, FeatureView, Field, SourceKind, Timestamp, ValueType,
};
use feast_engine::{
    Access, ApplyOptions, EntityRows, Error, FeatureStore, FieldStatus, KeyColumn, MaterializeRange,
    MaterializeRequest, NoProgress, RepositoryConfig, ViewReport, create_parquet,
};
use tempfile::TempDir;

/// A store whose only view is `stats`: join key `id`, feature `value`, both Int64, pushed to by `push`.
pub(crate) struct Fixture {
    pub(crate) directory: TempDir,
    pub(crate) store: FeatureStore,
}

const SETTINGS: &str = "project: shop\nregistry: data/registry.db\nonline_store: {type: rocksdb, path: data/online}";

/// A directory with this file in it has its rows in SQLite, and so its pushes in a log of its own.
pub(crate) const SQLITE_MARK: &str = "sqlite";

pub(crate) fn open(directory: &Path) -> FeatureStore {
    FeatureStore::open(RepositoryConfig::parse(&settings(directory), directory).unwrap()).unwrap()
}

/// As [`open`], to read it only.
pub(crate) fn open_read_only(directory: &Path) -> FeatureStore {
    let config = RepositoryConfig::parse(&settings(directory), directory).unwrap();
    FeatureStore::open_with(config, Access::ReadOnly).unwrap()
}

fn settings(directory: &Path) -> String {
    if directory.join(SQLITE_MARK).exists() {
        SETTINGS.replace(
            "{type: rocksdb, path: data/online}",
            "{type: sqlite, path: data/online.db}",
        )
    } else {
        SETTINGS.to_owned()
    }
}

/// As [`open`], with offline batching: five rows or a second.
pub(crate) fn open_batching(directory: &Path) -> FeatureStore {
    open_batching_with(directory, "{}")
}

/// As [`open_batching`], with these settings in `serving`.
pub(crate) fn open_batching_with(directory: &Path, serving: &str) -> FeatureStore {
    let batching = "{offline_push_batching_enabled: true, offline_push_batching_batch_size: 5, \
                    offline_push_batching_batch_interval_seconds: 1}";
    let settings = format!(
        "{}\nfeature_server: {batching}\nserving: {serving}",
        settings(directory)
    );
    FeatureStore::open(RepositoryConfig::parse(&settings, directory).unwrap()).unwrap()
}

pub(crate) fn definitions() -> Definitions {
    let file = SourceKind::parquet("data/stats.parquet");
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
    let entity = Entity::new("thing", "id", ValueType::Int64);
    let mut view = FeatureView::new("stats", source.clone());
    view.entities = vec!["thing".to_owned()];
    view.features = vec![Field::new("value", ValueType::Int64)];
    view.stream_source = Some(push.clone());
    Definitions {
        entities: vec![entity],
        sources: vec![source, push],
        feature_views: vec![view],
        services: Vec::new(),
        ..Definitions::default()
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
        store.apply(definitions(), ApplyOptions::default(), &mut ()).unwrap();
        Self { directory, store }
    }

    /// Materializes a window given in seconds.
    pub(crate) fn materialize(&self, start: i64, end: i64) -> ViewReport {
        materialize(&self.store, start, end).unwrap()
    }

    /// What the online store holds of these keys: `value@event-second` each, `-` for none.
    pub(crate) fn online(&self, ids: &[i64]) -> String {
        online(&self.store, ids)
    }
}

/// Materializes the first view over a window given in seconds.
pub(crate) fn materialize(store: &FeatureStore, start: i64, end: i64) -> Result<ViewReport, Error> {
    let at = |seconds| Timestamp::from_seconds(seconds).unwrap();
    let request = MaterializeRequest {
        range: MaterializeRange::Between {
            start: at(start),
            end: at(end),
        },
        views: None,
    };
    let windows = store.materialization_windows(&request)?;
    Ok(store.materialize(&windows, &mut NoProgress)?.remove(0))
}

/// Entity rows with these ids.
pub(crate) fn entities(ids: &[i64]) -> EntityRows {
    let keys = KeyColumn {
        name: "id".to_owned(),
        value_type: ValueType::Int64,
        values: Arc::new(Int64Array::from(ids.to_vec())),
    };
    EntityRows::new(ids.len(), vec![keys]).unwrap()
}

pub(crate) fn online(store: &FeatureStore, ids: &[i64]) -> String {
    let plan = store
        .plan(&FeatureSelection::Features(vec!["stats:value".to_owned()]), false)
        .unwrap();
    let entities = entities(ids);
    let answer = store.read(&plan, &entities).unwrap();
    let column = answer.columns().nth(1).unwrap();
    let values = column.values();
    let cells = (0..ids.len()).map(|row| match column.statuses[row] {
        FieldStatus::Present => {
            let value = if values.is_null(row) {
                "null".to_owned()
            } else {
                array_value_to_string(&values, row).unwrap()
            };
            format!("{value}@{}", column.event_times[row].micros() as f64 / 1e6)
        }
        FieldStatus::NotFound => "-".to_owned(),
    });
    cells.collect::<Vec<_>>().join(" ")
}

/// The integers of the column `value` of a parquet file, in file order.
pub(crate) fn read_values(path: &Path) -> Vec<i64> {
    let file = File::open(path).unwrap();
    let batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    batches
        .flat_map(|batch| {
            batch
                .unwrap()
                .column_by_name("value")
                .unwrap()
                .as_primitive::<Int64Type>()
                .values()
                .to_vec()
        })
        .collect()
}
