use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use feast_config::OnlineStoreMemory;
use feast_model::Timestamp;
use feast_model::error::Error;

use crate::codec::byte_block::ByteBlock;
use crate::codec::row::{RowAge, RowHeader, RowLayout};
use crate::codec::storage_key::row_prefix;
use crate::storage::{Replace, RowQuery, Storage};

use super::{FoundRows, RowCache, SHARDS};

const TABLES: [u32; 2] = [3, 7];

fn block<Bytes: AsRef<[u8]>>(strings: impl IntoIterator<Item = Bytes>) -> ByteBlock {
    let mut block = ByteBlock::default();
    strings
        .into_iter()
        .for_each(|string| block.push_with(|out| out.extend_from_slice(string.as_ref())));
    block
}

fn insert(cache: &RowCache, entity: &[u8], row: &[u8]) {
    if let Err(missed) = cache.find(cache.hash(entity), entity, &[1], &mut FoundRows::default()) {
        cache.insert(missed, entity, &[1], [Some(row)].into_iter());
    }
}

fn holds(cache: &RowCache, entity: &[u8]) -> bool {
    cache
        .find(cache.hash(entity), entity, &[1], &mut FoundRows::default())
        .is_ok()
}

#[test]
fn it_stays_within_its_size_and_keeps_what_is_used() {
    let capacity = SHARDS * 4096;
    let cache = RowCache::new(capacity);
    let hot = b"an entity that is asked for all the time";
    insert(&cache, hot, &[1; 100]);
    for number in 0_u32..20_000 {
        insert(&cache, &number.to_le_bytes(), &[2; 100]);
        assert!(holds(&cache, hot), "gone after {number} others");
    }
    let bytes: usize = cache.shards.iter().map(|shard| shard.read().unwrap().bytes).sum();
    assert!(bytes <= capacity && bytes > capacity / 2, "{bytes}");
    assert!(!holds(&cache, &0_u32.to_le_bytes()));
}

#[test]
fn what_is_asked_for_now_takes_the_place_of_what_was() {
    let cache = RowCache::new(SHARDS * 4096);
    let entity = |set: u32, number: u32| [set.to_le_bytes(), number.to_le_bytes()].concat();
    (0..10_000).for_each(|number| insert(&cache, &entity(1, number), &[1; 100]));
    // Half of what there is room for, asked for in turns.
    for _ in 0..4 {
        (0..500).for_each(|number| insert(&cache, &entity(2, number), &[2; 100]));
    }
    let held = (0..500).filter(|number| holds(&cache, &entity(2, *number))).count();
    assert!(held > 450, "{held} of 500");
}

#[test]
fn a_row_larger_than_its_share_is_not_kept() {
    let cache = RowCache::new(SHARDS * 4096);
    insert(&cache, b"small", &[1; 10]);
    insert(&cache, b"large", &[1; 5000]);
    assert!(holds(&cache, b"small"));
    assert!(!holds(&cache, b"large"));
    cache.replace(1, b"small", &[1; 5000]);
    assert!(!holds(&cache, b"small"));
}

#[test]
fn what_was_read_before_a_write_is_not_taken_after_it() {
    let cache = RowCache::new(1 << 20);
    let missed = cache
        .find(cache.hash(b"e"), b"e", &[1], &mut FoundRows::default())
        .unwrap_err();
    cache.replace(1, b"e", b"new");
    cache.insert(missed, b"e", &[1], [Some(b"old".as_slice())].into_iter());
    assert!(!holds(&cache, b"e"));
}

#[test]
fn nothing_is_held_or_taken_that_was_read_before_it_was_cleared() {
    let cache = RowCache::new(1 << 20);
    insert(&cache, b"a", b"old");
    let missed = cache
        .find(cache.hash(b"e"), b"e", &[1], &mut FoundRows::default())
        .unwrap_err();
    cache.clear();
    cache.insert(missed, b"e", &[1], [Some(b"old".as_slice())].into_iter());
    assert!(!holds(&cache, b"a") && !holds(&cache, b"e"));
}

/// The event time of each row is the number of its write.
fn write(storage: &Storage, entities: &[u8], number: i64) {
    let layout = RowLayout::new(&[]);
    let age = RowAge {
        event_time: Timestamp::from_micros(number),
        created_time: None,
    };
    let mut row = Vec::new();
    layout.encode(RowHeader { schema_id: 0, age }, &[], 0, &mut row);
    // Now and then of another length.
    row.resize(row.len() + usize::from(number % 5 == 0), 0);
    let keys = TABLES.iter().flat_map(|table| {
        entities
            .iter()
            .map(|entity| [&row_prefix(*table)[..], &[*entity]].concat())
    });
    let keys = block(keys);
    let rows = block((0..keys.len()).map(|_| &row));
    storage.write_rows(&keys, &rows, Replace::OlderRows).unwrap();
}

/// Readers never see a row older than one that was written before they began, while rows go in and out of a small cache.
#[test]
fn readers_see_every_write_that_is_done() {
    const ENTITIES: u8 = 40;
    const WRITES: i64 = 4000;
    let directory = tempfile::tempdir().unwrap();
    let memory = OnlineStoreMemory {
        row_cache: 16 << 10,
        ..OnlineStoreMemory::default()
    };
    let storage = Storage::open(directory.path(), "p", memory).unwrap();
    let done: Vec<AtomicI64> = (0..ENTITIES).map(|_| AtomicI64::new(0)).collect();
    let entities: Vec<u8> = (0..ENTITIES).collect();
    write(&storage, &entities, 0);
    let (storage, done) = (&storage, &done);
    let read = move |from: u8| {
        let asked = [from % ENTITIES, from.wrapping_mul(7) % ENTITIES];
        let least = asked.map(|entity| done[usize::from(entity)].load(Ordering::SeqCst));
        let keys = block(asked.map(|entity| [entity]));
        let query = RowQuery {
            tables: &TABLES,
            entities: &keys,
        };
        let found = storage.read_rows(&[query], |_| Ok::<_, Error>(())).unwrap();
        for position in 0..4 {
            let header = RowHeader::decode(found[0].get(position).unwrap()).unwrap();
            let seen = header.age.event_time.micros();
            assert!(seen >= least[position / 2], "{seen} after {}", least[position / 2]);
        }
    };
    std::thread::scope(|scope| {
        let writer = Arc::new(scope.spawn(|| {
            for number in 1..=WRITES {
                let entity = (number % i64::from(ENTITIES)) as u8;
                write(storage, &[entity], number);
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
