//! Each step of a read beside its floor: what the same work costs with nothing around it.
//!
//! `cargo bench --workspace --features feast-benches/stages --bench stages` prints times a batch; `benches/README.md` holds them as
//! ratios.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run ends by it")]

mod repository;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use feast_engine::model::FeatureSelection;
use feast_engine::{EntityRows, FeatureStore, FeatureVectors, ReadPlan, stages};
use serde_json::json;

use repository::{ENTITIES, Repository};

/// That of the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Requested entities x features.
const GRID: [(usize, usize); 4] = [(1, 50), (100, 50), (100, 250), (500, 250)];

/// One read, ready to be measured step by step.
struct Read<'a> {
    store: &'a FeatureStore,
    plan: std::sync::Arc<ReadPlan>,
    body: bytes::Bytes,
    entities: EntityRows,
}

impl<'a> Read<'a> {
    fn new(store: &'a FeatureStore, rows: usize, features: usize) -> Self {
        let selection = FeatureSelection::Service(format!("service_{features}"));
        let plan = store.plan(&selection, false).unwrap();
        // A prime, so that the entities are far apart and in no order.
        let entities: Vec<usize> = (0..rows).map(|row| row * 7919 % ENTITIES).collect();
        let body = json!({ "feature_service": format!("service_{features}"), "entities": { "entity": entities } });
        let body = bytes::Bytes::from(body.to_string());
        let entities = feast_server::stages::key_columns(&plan, &body).unwrap();
        Self {
            store,
            plan,
            body,
            entities,
        }
    }

    fn answer(&self) -> FeatureVectors<'_> {
        self.store.read(&self.plan, &self.entities).unwrap()
    }
}

fn name(rows: usize, features: usize) -> String {
    format!("{rows}x{features}")
}

/// Body to key columns, beside `serde_json` reading the same body into a value; key columns to entity keys.
fn requests(criterion: &mut Criterion) {
    let repository = Repository::new();
    let mut group = criterion.benchmark_group("request");
    for (rows, features) in GRID {
        let read = Read::new(repository.with_row_cache(), rows, features);
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(BenchmarkId::new("key columns", name(rows, features)), |bencher| {
            bencher.iter(|| feast_server::stages::key_columns(&read.plan, &read.body).unwrap());
        });
        group.bench_function(
            BenchmarkId::new("floor: serde_json value", name(rows, features)),
            |bencher| {
                bencher.iter(|| serde_json::from_slice::<serde_json::Value>(&read.body).unwrap());
            },
        );
        group.bench_function(BenchmarkId::new("entity keys", name(rows, features)), |bencher| {
            bencher.iter(|| stages::entity_keys(&read.plan, &read.entities).unwrap());
        });
    }
}

/// Entity keys to stored rows, and key columns to decoded Arrow columns, beside one batched get of RocksDB for the same
/// keys: with the row cache, which is what a server has, and without.
fn look_ups(criterion: &mut Criterion) {
    let repository = Repository::new();
    let mut group = criterion.benchmark_group("look-up");
    for (rows, features) in [(1, 50), (10, 50), (100, 50), (1000, 50), (100, 250)] {
        for (kind, store) in [
            ("row cache", repository.with_row_cache()),
            ("RocksDB only", repository.without_row_cache()),
        ] {
            let read = Read::new(store, rows, features);
            let keys = stages::entity_keys(&read.plan, &read.entities).unwrap();
            let database_keys = stages::database_keys(store, &read.plan, &keys).unwrap();
            group.throughput(Throughput::Elements(database_keys.len() as u64));
            group.bench_function(
                BenchmarkId::new(format!("rows, {kind}"), name(rows, features)),
                |bencher| {
                    bencher.iter(|| stages::stored_rows(store, &read.plan, &keys).unwrap());
                },
            );
            group.bench_function(
                BenchmarkId::new(format!("whole read, {kind}"), name(rows, features)),
                |bencher| {
                    bencher.iter(|| black_box(read.answer()).rows());
                },
            );
            if kind == "RocksDB only" {
                group.bench_function(
                    BenchmarkId::new("floor: batched get", name(rows, features)),
                    |bencher| {
                        bencher.iter(|| stages::batched_get(store, &database_keys).unwrap());
                    },
                );
            }
        }
    }
}

/// Stored rows to Arrow columns, beside copying the same values.
fn assembly(criterion: &mut Criterion) {
    let repository = Repository::new();
    let store = repository.with_row_cache();
    let mut group = criterion.benchmark_group("assembly");
    for (rows, features) in GRID {
        let read = Read::new(store, rows, features);
        let keys = stages::entity_keys(&read.plan, &read.entities).unwrap();
        let stored = stages::stored_rows(store, &read.plan, &keys).unwrap();
        group.throughput(Throughput::Elements((rows * features) as u64));
        group.bench_function(BenchmarkId::new("columns", name(rows, features)), |bencher| {
            bencher.iter(|| {
                stages::columns(store, &read.plan, &read.entities, &stored)
                    .unwrap()
                    .rows()
            });
        });
        let values = vec![1_i64; rows];
        group.bench_function(BenchmarkId::new("floor: copy", name(rows, features)), |bencher| {
            bencher.iter(|| (0..features).map(|_| black_box(&values).clone()).collect::<Vec<_>>());
        });
    }
}

/// Arrow columns to the body of a response, beside `serde_json` writing the same numbers and copying the same bytes.
fn answers(criterion: &mut Criterion) {
    let repository = Repository::new();
    let mut group = criterion.benchmark_group("answer");
    for (rows, features) in GRID {
        let read = Read::new(repository.with_row_cache(), rows, features);
        let vectors = read.answer();
        let body = feast_server::stages::json(&vectors);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(BenchmarkId::new("JSON", name(rows, features)), |bencher| {
            bencher.iter(|| feast_server::stages::json(&vectors));
        });
        group.bench_function(
            BenchmarkId::new("floor: copy of the body", name(rows, features)),
            |bencher| {
                bencher.iter(|| black_box(&body).clone());
            },
        );
        let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
        group.bench_function(
            BenchmarkId::new("floor: serde_json of a value", name(rows, features)),
            |bencher| {
                bencher.iter(|| serde_json::to_vec(&value).unwrap());
            },
        );
        let stream = feast_server::stages::arrow(&vectors).unwrap();
        group.throughput(Throughput::Bytes(stream.len() as u64));
        group.bench_function(BenchmarkId::new("Arrow stream", name(rows, features)), |bencher| {
            bencher.iter(|| feast_server::stages::arrow(&vectors).unwrap());
        });
    }
}

/// What a request selects to its plan, which is known by then: by one thread, and by one a core that all ask for the same.
fn known_plans(criterion: &mut Criterion) {
    let repository = Repository::new();
    let store = repository.with_row_cache();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut group = criterion.benchmark_group("known plan");
    for features in [1, 10, 50, 250] {
        let reference = |feature: usize| format!("view_{}:feature_{feature}", feature / 10);
        let selection = FeatureSelection::Features((0..features).map(reference).collect());
        group.bench_function(BenchmarkId::new("one thread", features), |bencher| {
            bencher.iter(|| store.plan(&selection, false).unwrap());
        });
        group.bench_function(BenchmarkId::new("a thread a core", features), |bencher| {
            bencher.iter_custom(|times| {
                let start = std::time::Instant::now();
                std::thread::scope(|scope| {
                    for _ in 0..threads {
                        scope.spawn(|| {
                            for _ in 0..times {
                                black_box(store.plan(&selection, false).unwrap());
                            }
                        });
                    }
                });
                start.elapsed()
            });
        });
    }
}

criterion_group!(all, requests, known_plans, look_ups, assembly, answers);
criterion_main!(all);
