//! What the row cache keeps, evicts and refuses to insert.

mod interleavings;

use std::collections::HashMap;

use proptest::prelude::*;

use super::{RowBatch, RowCache, SHARDS};

fn insert(cache: &RowCache, entity: &[u8], row: &[u8]) {
    if let Err(token) = cache.find(cache.hash(entity), entity, &[1], &mut RowBatch::default()) {
        cache.insert(token, entity, &[1], [Some(row)].into_iter());
    }
}

fn holds(cache: &RowCache, entity: &[u8]) -> bool {
    cache
        .find(cache.hash(entity), entity, &[1], &mut RowBatch::default())
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
    let bytes = cache.usage().bytes;
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
fn a_sweep_over_all_entities_leaves_those_that_are_asked_for() {
    let cache = RowCache::new(SHARDS * 16 * 1024);
    let hot: Vec<Vec<u8>> = (0..3_000_u32)
        .map(|number| [b"hot".as_slice(), &number.to_le_bytes()].concat())
        .collect();
    // Twice, as a cache cannot know at once.
    for entity in hot.iter().chain(&hot) {
        insert(&cache, entity, &[1; 100]);
    }
    for number in 0_u32..100_000 {
        insert(&cache, &number.to_le_bytes(), &[2; 100]);
        if number % 20 == 0 {
            insert(&cache, &hot[(number / 20) as usize % hot.len()], &[1; 100]);
        }
    }
    let held = hot.iter().filter(|entity| holds(&cache, entity)).count();
    assert!(held > hot.len() * 95 / 100, "{held} of {}", hot.len());
}

#[test]
fn what_comes_back_soon_is_kept() {
    let cache = RowCache::new(SHARDS * 4096);
    let entity = |number: u32| number.to_le_bytes();
    // New entities that are evicted before they are asked for again, as the queue of new ones is short.
    for _ in 0..3 {
        (0..1_000).for_each(|number| insert(&cache, &entity(number), &[1; 100]));
    }
    let held = (0..1_000).filter(|number| holds(&cache, &entity(*number))).count();
    assert!(held > 700, "{held} of 1000");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens, it is within its size, its counts are those of what it holds, and it never gives a row that was replaced.
    #[test]
    fn its_counts_are_those_of_what_it_holds(
        events in proptest::collection::vec((0_u8..4, 0_u16..400, 0_usize..600), 1..2_000),
    ) {
        let capacity = SHARDS * 8192;
        let cache = RowCache::new(capacity);
        let mut stored = HashMap::new();
        for (event, number, length) in events {
            let entity = number.to_le_bytes();
            match event {
                0 | 1 => insert(&cache, &entity, stored.entry(number).or_insert_with(|| vec![1; length])),
                2 => {
                    let row = vec![2; length];
                    cache.replace(1, &entity, &row);
                    stored.insert(number, row);
                }
                _ => cache.forget(&entity),
            }
            prop_assert!(cache.usage().bytes <= capacity);
        }
        let mut held = 0;
        for (number, row) in &stored {
            let mut found = RowBatch::default();
            if cache.find(cache.hash(&number.to_le_bytes()), &number.to_le_bytes(), &[1], &mut found).is_ok() {
                prop_assert_eq!(found.get(0), Some(row.as_slice()));
                held += 1;
            }
        }
        prop_assert_eq!(cache.usage().entities, held);
        (0..400_u16).for_each(|number| cache.forget(&number.to_le_bytes()));
        prop_assert_eq!((cache.usage().entities, cache.usage().bytes), (0, 0));
    }
}

#[test]
fn slots_of_what_is_forgotten_are_taken_again() {
    let cache = RowCache::new(SHARDS * (1 << 20));
    for _ in 0..10_000 {
        insert(&cache, b"entity", &[1; 10]);
        cache.forget(b"entity");
    }
    let slots: usize = cache.shards.iter().map(|shard| shard.read().unwrap().slots()).sum();
    assert!(slots < 200, "{slots}");
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
    let token = cache
        .find(cache.hash(b"e"), b"e", &[1], &mut RowBatch::default())
        .unwrap_err();
    cache.replace(1, b"e", b"new");
    cache.insert(token, b"e", &[1], [Some(b"old".as_slice())].into_iter());
    assert!(!holds(&cache, b"e"));
}

#[test]
fn nothing_is_held_or_taken_that_was_read_before_it_was_cleared() {
    let cache = RowCache::new(1 << 20);
    insert(&cache, b"a", b"old");
    let token = cache
        .find(cache.hash(b"e"), b"e", &[1], &mut RowBatch::default())
        .unwrap_err();
    cache.clear();
    cache.insert(token, b"e", &[1], [Some(b"old".as_slice())].into_iter());
    assert!(!holds(&cache, b"a") && !holds(&cache, b"e"));
}

#[test]
fn nothing_is_held_or_taken_that_was_read_before_it_was_forgotten() {
    let cache = RowCache::new(1 << 20);
    insert(&cache, b"a", b"old");
    insert(&cache, b"b", b"kept");
    let token = cache
        .find(cache.hash(b"e"), b"e", &[1], &mut RowBatch::default())
        .unwrap_err();
    cache.forget(b"a");
    cache.forget(b"e");
    cache.insert(token, b"e", &[1], [Some(b"old".as_slice())].into_iter());
    assert!(!holds(&cache, b"a") && holds(&cache, b"b") && !holds(&cache, b"e"));
    insert(&cache, b"e", b"new");
    assert!(holds(&cache, b"e"));
}

#[test]
fn what_was_read_past_a_cache_is_not_taken_by_it() {
    let cache = RowCache::new(1 << 20);
    let bypass = cache.bypass();
    insert(&cache, b"a", b"row");
    assert!(!holds(&bypass, b"a"));
    let hash = bypass.hash(b"e");
    let token = bypass.find(hash, b"e", &[1], &mut RowBatch::default()).unwrap_err();
    cache.insert(token, b"e", &[1], [Some(b"row".as_slice())].into_iter());
    bypass.insert(token, b"e", &[1], [Some(b"row".as_slice())].into_iter());
    assert!(!holds(&cache, b"e") && !holds(&bypass, b"e"));
}

#[test]
fn all_parts_together_are_the_whole() {
    let cache = RowCache::new(1 << 20);
    let entities: Vec<[u8; 4]> = (0..1000_u32).map(u32::to_le_bytes).collect();
    entities.iter().for_each(|entity| insert(&cache, entity, b"row"));
    let held = |cache: &RowCache| entities.iter().filter(|entity| holds(cache, *entity)).count();
    for part in 0..cache.parts() {
        let before = held(&cache);
        assert!(before > 0, "nothing left for part {part}");
        cache.clear_part(part);
        assert!(held(&cache) < before, "part {part}");
    }
    assert_eq!(held(&cache), 0);
}
