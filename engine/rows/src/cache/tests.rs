//! What the row cache keeps, evicts and refuses to insert.

mod interleavings;

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
