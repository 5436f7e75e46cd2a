//! The repository of the grid in a temporary directory: 25 views of ten Int64 features, 10,000 entities.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use feast_engine::model::{
    DataSource, Definitions, Entity, FeatureService, FeatureView, Field, Metadata, Projection, SourceKind, Timestamp,
    ValueType,
};
use feast_engine::{
    ApplyOptions, FeatureStore, MaterializeRange, MaterializeRequest, NoProgress, OnlineStoreConfig, OnlineStoreMemory,
    RepositoryConfig, create_parquet,
};

pub(crate) const ENTITIES: usize = 10_000;
const VIEWS: usize = 25;
const FEATURES_PER_VIEW: usize = 10;
const SETTINGS: &str = "project: grid\nregistry: data/registry.db\nonline_store: {type: rocksdb, path: data/online}";

/// Two stores with the same content.
pub(crate) struct Repository {
    cached: FeatureStore,
    uncached: FeatureStore,
    _directories: [tempfile::TempDir; 2],
}

impl Repository {
    pub(crate) fn new() -> Self {
        let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let [cached, uncached] = &directories;
        let without_rows = OnlineStoreMemory {
            row_cache: 0,
            ..OnlineStoreMemory::default()
        };
        Self {
            cached: filled(cached.path(), OnlineStoreMemory::default()),
            uncached: filled(uncached.path(), without_rows),
            _directories: directories,
        }
    }

    pub(crate) fn with_row_cache(&self) -> &FeatureStore {
        &self.cached
    }

    pub(crate) fn without_row_cache(&self) -> &FeatureStore {
        &self.uncached
    }
}

/// A store that was materialized and opened again, as that of a server is.
fn filled(directory: &Path, memory: OnlineStoreMemory) -> FeatureStore {
    create_parquet(&directory.join("data/features.parquet"), &source()).unwrap();
    let store = open(directory, memory);
    store.apply(definitions(), ApplyOptions::default(), &mut ()).unwrap();
    let range = MaterializeRange::Between {
        start: Timestamp::EPOCH,
        end: Timestamp::parse("2026-01-01").unwrap(),
    };
    let windows = store
        .materialization_windows(&MaterializeRequest { range, views: None })
        .unwrap();
    store.materialize(&windows, &mut NoProgress).unwrap();
    drop(store);
    open(directory, memory)
}

fn open(directory: &Path, memory: OnlineStoreMemory) -> FeatureStore {
    let mut config = RepositoryConfig::parse(SETTINGS, directory).unwrap();
    config.online_store = OnlineStoreConfig::RocksDb {
        path: config
            .online_store
            .directory()
            .expect("the store is RocksDB")
            .to_path_buf(),
        memory,
    };
    FeatureStore::open(config).unwrap()
}

fn source() -> RecordBatch {
    let ids = 0..ENTITIES as i64;
    let times = TimestampMicrosecondArray::from_iter_values(ids.clone().map(|id| 1_700_000_000_000_000 + id * 61_001));
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("entity".to_owned(), Arc::new(Int64Array::from_iter_values(ids.clone()))),
        ("event_timestamp".to_owned(), Arc::new(times.with_timezone("UTC"))),
    ];
    for feature in 0..(VIEWS * FEATURES_PER_VIEW) as i64 {
        let values = ids.clone().map(|id| (id * 7919 + feature * 104_729) % 50_000);
        columns.push((
            format!("feature_{feature}"),
            Arc::new(Int64Array::from_iter_values(values)),
        ));
    }
    RecordBatch::try_from_iter(columns).unwrap()
}

fn definitions() -> Definitions {
    let file = SourceKind::parquet("data/features.parquet");
    let source = DataSource {
        timestamp_field: "event_timestamp".to_owned(),
        ..DataSource::new("features", file)
    };
    let field = |feature: usize| Field::new(format!("feature_{feature}"), ValueType::Int64);
    let features_of =
        |view: usize| (0..FEATURES_PER_VIEW).map(move |feature| field(view * FEATURES_PER_VIEW + feature));
    let views = (0..VIEWS).map(|number| {
        let mut view = FeatureView::new(format!("view_{number}"), source.clone());
        view.entities = vec!["entity".to_owned()];
        view.features = features_of(number).collect();
        view
    });
    let service = |views: usize| FeatureService {
        metadata: Metadata::new(format!("service_{}", views * FEATURES_PER_VIEW)),
        projections: (0..views)
            .map(|view| Projection::all_of(format!("view_{view}")))
            .collect(),
        logging: None,
        precompute_online: false,
    };
    Definitions {
        entities: vec![Entity::new("entity", "entity", ValueType::Int64)],
        feature_views: views.collect(),
        services: vec![service(5), service(VIEWS)],
        ..Definitions::default()
    }
}
