//! Sources of many parts: what a materialization does before it reads rows, beside its floor, and the whole of it.
//!
//! `cargo bench --workspace --features feast-benches/stages --bench sources` prints times a source; `benches/README.md` holds them.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run ends by it")]

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use criterion::{Criterion, criterion_group, criterion_main};
use feast_engine::model::{DataSource, Definitions, Entity, FeatureView, Field, SourceKind, Timestamp, ValueType};
use feast_engine::{
    ApplyOptions, FeatureStore, MaterializeRange, MaterializeRequest, NoProgress, RepositoryConfig, create_parquet,
    stages,
};

/// That of the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PARTS: i64 = 5_000;
const ROWS: i64 = 100;
/// Beside a key and an event time: ten columns.
const FEATURES: usize = 8;

fn write_parts(directory: &Path) {
    for part in 0..PARTS {
        let ids = (0..ROWS).map(|row| (part * 31 + row) % 20_000);
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(ids));
        let times = (0..ROWS).map(|row| (part * ROWS + row) * 1_000_000);
        let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from_iter_values(times));
        let features = (0..FEATURES).map(|feature| {
            let values = (0..ROWS).map(|row| (part + row) as f64 + feature as f64 / 8.0);
            let column: ArrayRef = Arc::new(Float64Array::from_iter_values(values));
            (format!("feature_{feature}"), column)
        });
        let columns = [("id".to_owned(), ids), ("event_timestamp".to_owned(), times)]
            .into_iter()
            .chain(features);
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        create_parquet(
            &directory.join(format!("day={}/part-{part:05}.parquet", part % 50)),
            &rows,
        )
        .unwrap();
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

/// Opens each file and reads the bytes in which its footer lies.
fn read_ends(directory: &Path) -> usize {
    let read_end = |path: PathBuf| {
        let file = File::open(path).unwrap();
        let length = file.metadata().unwrap().len();
        let mut tail = [0; 8];
        file.read_exact_at(&mut tail, length - 8).unwrap();
        let footer = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]);
        let mut bytes = vec![0; footer as usize];
        file.read_exact_at(&mut bytes, length - 8 - u64::from(footer)).unwrap();
        bytes.len()
    };
    files(directory).into_iter().map(read_end).sum()
}

fn store(repository: &Path) -> FeatureStore {
    let settings = "project: parts\nregistry: data/registry.db\nonline_store: {type: rocksdb, path: data/online}";
    let store = FeatureStore::open(RepositoryConfig::parse(settings, repository).unwrap()).unwrap();
    let source = DataSource {
        timestamp_field: "event_timestamp".to_owned(),
        ..DataSource::new("parts", SourceKind::parquet("parts"))
    };
    let mut view = FeatureView::new("stats", source.clone());
    view.entities = vec!["thing".to_owned()];
    let features = (0..FEATURES).map(|feature| Field::new(format!("feature_{feature}"), ValueType::Float64));
    view.features = features.collect();
    let definitions = Definitions {
        entities: vec![Entity::new("thing", "id", ValueType::Int64)],
        sources: vec![source],
        feature_views: vec![view],
        ..Definitions::default()
    };
    store.apply(definitions, ApplyOptions::default(), &mut ()).unwrap();
    store
}

fn parts(criterion: &mut Criterion) {
    let repository = tempfile::tempdir().unwrap();
    let directory = repository.path().join("parts");
    write_parts(&directory);
    let store = store(repository.path());
    let request = MaterializeRequest {
        range: MaterializeRange::Between {
            start: Timestamp::EPOCH,
            end: Timestamp::from_seconds(PARTS * ROWS).unwrap(),
        },
        views: None,
    };
    let windows = store.materialization_windows(&request).unwrap();
    let mut group = criterion.benchmark_group(format!("{PARTS} parts of {} columns and {ROWS} rows", FEATURES + 2));
    group.sample_size(10);
    group.bench_function("footers as bytes", |bench| {
        bench.iter(|| black_box(read_ends(&directory)))
    });
    group.bench_function("plan", |bench| {
        bench.iter(|| black_box(stages::plan_source(&directory).unwrap()))
    });
    group.bench_function("materialize", |bench| {
        bench.iter(|| black_box(store.materialize(&windows, &mut NoProgress).unwrap()));
    });
    group.finish();
}

criterion_group!(benches, parts);
criterion_main!(benches);
