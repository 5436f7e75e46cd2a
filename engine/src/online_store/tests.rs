//! Reads and writes of many threads against one store: a read never sees a row older than an acknowledged write.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use feast_codec::row::{RowHeader, RowLayout, RowVersion};
use feast_codec::storage_key::row_key;
use feast_config::OnlineStoreMemory;
use feast_model::Timestamp;
use proptest::prelude::*;

use super::*;

const TABLES: [u32; 2] = [3, 7];

fn open(directory: &std::path::Path, row_cache: usize) -> OnlineStore {
    let memory = OnlineStoreMemory {
        row_cache,
        ..OnlineStoreMemory::default()
    };
    let path = directory.to_path_buf();
    OnlineStore::open(&OnlineStoreConfig::RocksDb { path, memory }, "p", Access::ReadWrite).unwrap()
}

fn packed<Bytes: AsRef<[u8]>>(strings: impl IntoIterator<Item = Bytes>) -> PackedBytes {
    let mut packed = PackedBytes::default();
    strings
        .into_iter()
        .for_each(|string| packed.push_with(|out| out.extend_from_slice(string.as_ref())));
    packed
}

/// The event time of each row is the number of its write.
fn write(store: &OnlineStore, entities: &[u8], number: i64) {
    let layout = RowLayout::new(&[]);
    let version = RowVersion {
        event_time: Timestamp::from_micros(number),
        created_time: None,
    };
    let mut row = Vec::new();
    layout.encode(RowHeader { schema_id: 0, version }, &[], 0, &mut row);
    // Now and then of another length.
    row.resize(row.len() + usize::from(number % 5 == 0), 0);
    let keys = TABLES
        .iter()
        .flat_map(|table| entities.iter().map(|entity| row_key(&[*entity], *table)));
    let keys = packed(keys);
    let rows = packed((0..keys.len()).map(|_| &row));
    store.write_rows(&keys, &rows, Replace::OlderRows).unwrap();
}

/// The numbers of the writes that the rows of an entity are from, table by table.
fn numbers(batch: &RowBatch, entity: usize) -> [Option<i64>; 2] {
    [0, 1].map(|table| {
        let row = batch.get(entity * TABLES.len() + table)?;
        Some(RowHeader::decode(row).unwrap().version.event_time.micros())
    })
}

/// The entities of a lookup.
struct Request {
    tables: [Vec<u32>; 1],
    entities: [PackedBytes; 1],
}

impl Request {
    fn new(entities: &[u8]) -> Self {
        Self {
            tables: [TABLES.to_vec()],
            entities: [packed(entities.iter().map(|entity| [*entity]))],
        }
    }

    fn queries(&self) -> RowQueries<'_> {
        RowQueries {
            tables: &self.tables,
            entities: &self.entities,
            features: None,
        }
    }
}

/// A lookup between two of its steps.
struct Waiting<'reading> {
    request: Request,
    entities: [u8; 2],
    /// What was acknowledged when it began.
    least: [Option<i64>; 2],
    lookup: RowLookup,
    fetched: Option<FetchedRows<'reading>>,
}

#[derive(Debug, Clone)]
enum Step {
    Begin([u8; 2]),
    Fetch(usize),
    Complete(usize),
    Write(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => [0_u8..4, 0_u8..4].prop_map(Step::Begin),
        3 => (0_usize..4).prop_map(Step::Fetch),
        3 => (0_usize..4).prop_map(Step::Complete),
        3 => (0_u8..4).prop_map(Step::Write),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Lookups may wait between their steps for as long as they like: none gives a row that is older than what was written before
    /// it began, and none leaves one in memory that is not the stored one.
    #[test]
    fn rows_in_memory_are_the_stored_ones_whatever_lookups_wait_for(steps in proptest::collection::vec(step(), 1..60)) {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path(), 1 << 20);
        let mut written = [None; 4];
        // The store is opened once, so one reading serves all of them.
        let reading = store.reading();
        let mut waiting: Vec<Waiting<'_>> = Vec::new();
        for (number, step) in (1_i64..).zip(steps) {
            match step {
                Step::Begin(entities) => {
                    let request = Request::new(&entities);
                    let lookup = store.prepare(request.queries()).unwrap();
                    let least = entities.map(|entity| written[usize::from(entity)]);
                    waiting.push(Waiting { request, entities, least, lookup, fetched: None });
                }
                Step::Fetch(position) => {
                    if let Some(Waiting { request, lookup, fetched, .. }) = waiting.get_mut(position)
                        && let Some(missing) = lookup.missing(request.queries())
                    {
                        *fetched = Some(reading.fetch(missing).unwrap());
                    }
                }
                Step::Complete(position) if position < waiting.len() => {
                    let Waiting { request, entities, least, mut lookup, fetched } = waiting.swap_remove(position);
                    if let Some(fetched) = fetched {
                        store.complete(&mut lookup, request.queries(), fetched).unwrap();
                    }
                    if lookup.missing(request.queries()).is_none() {
                        let batches = lookup.into_batches();
                        for (position, least) in least.into_iter().enumerate() {
                            let seen = numbers(&batches[0], position);
                            prop_assert!(seen.iter().all(|seen| *seen >= least), "{seen:?} of {entities:?} after {least:?}");
                        }
                    }
                }
                Step::Complete(_) => {}
                Step::Write(entity) => {
                    write(&store, &[entity], number);
                    written[usize::from(entity)] = Some(number);
                }
            }
            for (entity, number) in (0..).zip(written) {
                if let Some(batches) = store.rows_in_memory(Request::new(&[entity]).queries()) {
                    prop_assert_eq!(numbers(&batches[0], 0), [number, number], "entity {}", entity);
                }
            }
        }
    }
}

/// Readers never see a row older than one that was written before they began, while rows go in and out of a small cache.
#[test]
fn readers_see_every_write_that_is_done() {
    const ENTITIES: u8 = 40;
    const WRITES: i64 = 4000;
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), 16 << 10);
    let done: Vec<AtomicI64> = (0..ENTITIES).map(|_| AtomicI64::new(0)).collect();
    let entities: Vec<u8> = (0..ENTITIES).collect();
    write(&store, &entities, 0);
    let (store, done) = (&store, &done);
    let read = move |from: u8| {
        let asked = [from % ENTITIES, from.wrapping_mul(7) % ENTITIES];
        let least = asked.map(|entity| done[usize::from(entity)].load(Ordering::SeqCst));
        let request = Request::new(&asked);
        let mut lookup = store.prepare(request.queries()).unwrap();
        while let Some(missing) = lookup.missing(request.queries()) {
            let reading = store.reading();
            let fetched = reading.fetch(missing).unwrap();
            store.complete(&mut lookup, request.queries(), fetched).unwrap();
        }
        let batches = lookup.into_batches();
        for (position, least) in least.into_iter().enumerate() {
            let seen = numbers(&batches[0], position);
            assert!(seen.iter().all(|seen| *seen >= Some(least)), "{seen:?} after {least}");
        }
    };
    std::thread::scope(|scope| {
        let writer = Arc::new(scope.spawn(|| {
            for number in 1..=WRITES {
                let entity = (number % i64::from(ENTITIES)) as u8;
                write(store, &[entity], number);
                done[usize::from(entity)].store(number, Ordering::SeqCst);
            }
        }));
        for start in [0, 100] {
            let writer = Arc::clone(&writer);
            scope.spawn(move || {
                let mut from: u8 = start;
                while !writer.is_finished() {
                    read(from);
                    from = from.wrapping_add(1);
                }
            });
        }
    });
    (0..ENTITIES).for_each(read);
}
