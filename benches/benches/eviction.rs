//! How often the row cache has what is asked for, beside other policies of eviction: `cargo bench --features stages --bench eviction`.
//!
//! A line for each sequence of requests, in percent of the requests that count. All caches have room for the same number of entities, whose
//! rows have the same size.
#![expect(clippy::print_stdout, reason = "the table is this program's output")]

use std::collections::HashMap;

use feast_codec::packed_bytes::PackedBytes;
use feast_rows::{RowCache, RowLookup, RowQueries};

const ENTITIES: u64 = 1_000_000;
/// Entities beside those, which are asked for once.
const SWEPT: u64 = 1 << 63;
const ROW: [u8; 100] = [7; 100];

/// A cache that takes what it does not have.
trait Policy {
    fn name(&self) -> &'static str;
    /// Whether it has an entity.
    fn ask(&mut self, entity: u64) -> bool;
}

/// The row cache, as a request of one entity uses it.
struct Ours(RowCache);

impl Policy for Ours {
    fn name(&self) -> &'static str {
        "row cache"
    }

    fn ask(&mut self, entity: u64) -> bool {
        let mut key = PackedBytes::default();
        key.push(&entity.to_le_bytes());
        let (tables, keys) = ([vec![1]], [key]);
        let queries = RowQueries {
            tables: &tables,
            entities: &keys,
            features: None,
        };
        let Ok(mut lookup) = RowLookup::prepare(&self.0, queries) else {
            return false;
        };
        let is_hit = lookup.missing(queries).is_none();
        // Nothing is too large for memory here.
        let _ = lookup.complete(&self.0, queries, |_| Some(&ROW[..]));
        is_hit
    }
}

/// One queue, in which what was used gets a second chance.
struct SecondChance {
    capacity: usize,
    entries: Vec<(u64, bool)>,
    index: HashMap<u64, usize>,
    hand: usize,
}

impl Policy for SecondChance {
    fn name(&self) -> &'static str {
        "second chance"
    }

    fn ask(&mut self, entity: u64) -> bool {
        if let Some(position) = self.index.get(&entity) {
            self.entries[*position].1 = true;
            return true;
        }
        while self.entries.len() >= self.capacity {
            self.hand %= self.entries.len();
            let hand = self.hand;
            if std::mem::take(&mut self.entries[hand].1) {
                self.hand += 1;
                continue;
            }
            let (evicted, _) = self.entries.swap_remove(hand);
            self.index.remove(&evicted);
            if let Some((moved, _)) = self.entries.get(hand) {
                self.index.insert(*moved, hand);
            }
            self.hand += 1;
        }
        self.index.insert(entity, self.entries.len());
        self.entries.push((entity, false));
        false
    }
}

struct Quick(quick_cache::unsync::Cache<u64, ()>);

impl Policy for Quick {
    fn name(&self) -> &'static str {
        "quick_cache"
    }

    fn ask(&mut self, entity: u64) -> bool {
        let is_hit = self.0.get(&entity).is_some();
        if !is_hit {
            self.0.insert(entity, ());
        }
        is_hit
    }
}

struct TinyLfu(moka::sync::Cache<u64, ()>);

impl Policy for TinyLfu {
    fn name(&self) -> &'static str {
        "moka"
    }

    fn ask(&mut self, entity: u64) -> bool {
        let is_hit = self.0.get(&entity).is_some();
        if !is_hit {
            self.0.insert(entity, ());
            self.0.run_pending_tasks();
        }
        is_hit
    }
}

/// Numbers that are the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Zipf's law over the entities.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new(exponent: f64) -> Self {
        let mut sum = 0.0;
        let sums = (1..=ENTITIES).map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        });
        let mut sums: Vec<f64> = sums.collect();
        sums.iter_mut().for_each(|up_to| *up_to /= sum);
        Self(sums)
    }

    fn entity(&self, random: &mut Random) -> u64 {
        let fraction = random.fraction();
        let rank = self.0.partition_point(|up_to| *up_to < fraction) as u64;
        rank.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1
    }
}

/// Entities in the order in which they are asked for, and whether the request counts.
type Requests = Vec<(u64, bool)>;

fn requests() -> Vec<(String, Requests)> {
    let mut all = Vec::new();
    let counted = |entity: u64| (entity, true);
    for exponent in [0.6, 0.8, 1.0] {
        let (zipf, mut random) = (Zipf::new(exponent), Random(7));
        let requests = (0..2_000_000).map(|_| counted(zipf.entity(&mut random)));
        all.push((format!("Zipf {exponent}"), requests.collect()));
    }
    let zipf = Zipf::new(0.9);
    for swept_at_once in [1, 10] {
        let mut random = Random(9);
        let mut requests: Requests = (0..500_000).map(|_| counted(zipf.entity(&mut random))).collect();
        let mut swept = 0;
        while swept < ENTITIES {
            requests.extend((swept..swept + swept_at_once).map(|entity| (SWEPT | entity, false)));
            requests.push(counted(zipf.entity(&mut random)));
            swept += swept_at_once;
        }
        all.push((
            format!("Zipf 0.9, beside a sweep over all, {swept_at_once} for 1"),
            requests,
        ));
    }
    let mut random = Random(11);
    let moving =
        (0..2_000_000_u64).map(|number| counted(zipf.entity(&mut random).wrapping_add(number / 200_000 * 12_345)));
    all.push(("Zipf 0.9, popularity moves ten times".to_owned(), moving.collect()));
    let mut random = Random(13);
    let mut active: Vec<u64> = (0..20_000).map(|_| random.next() >> 1).collect();
    let sessions = (0..2_000_000).map(|_| {
        let at = (random.next() % 20_000) as usize;
        if random.fraction() < 0.1 {
            active[at] = random.next() >> 1;
        }
        counted(active[at])
    });
    all.push(("sessions of ten requests".to_owned(), sessions.collect()));
    all
}

fn main() {
    // What one entity takes in the row cache.
    let one = RowCache::new(1 << 30);
    let mut measured = Ours(one);
    measured.ask(1);
    let entity_bytes = measured.0.usage().bytes;
    for hundredths in [1, 10] {
        let capacity = (ENTITIES * hundredths / 100) as usize;
        println!("\nRoom for {hundredths} % of {ENTITIES} entities.\n");
        for (number, (name, requests)) in requests().into_iter().enumerate() {
            let mut policies: Vec<Box<dyn Policy>> = vec![
                Box::new(Ours(RowCache::new(capacity * entity_bytes))),
                Box::new(SecondChance {
                    capacity,
                    entries: Vec::new(),
                    index: HashMap::new(),
                    hand: 0,
                }),
                Box::new(Quick(quick_cache::unsync::Cache::new(capacity))),
                Box::new(TinyLfu(moka::sync::Cache::new(capacity as u64))),
            ];
            if number == 0 {
                let names: Vec<_> = policies.iter().map(|policy| policy.name()).collect();
                println!(
                    "| requests | {} |\n|---|{}",
                    names.join(" | "),
                    "---|".repeat(names.len())
                );
            }
            let counted = requests.iter().filter(|(_, counts)| *counts).count();
            let rates = policies.iter_mut().map(|policy| {
                let hits = requests
                    .iter()
                    .filter(|(entity, counts)| policy.ask(*entity) && *counts)
                    .count();
                format!("{:.1}", hits as f64 * 100.0 / counted as f64)
            });
            println!("| {name} | {} |", rates.collect::<Vec<_>>().join(" | "));
        }
    }
}
