//! Readers, writers and their messages in any order: the row cache before a store that other processes write too.
//!
//! The steps of a fetch (miss, read of the store, insert), of another writer (write, message), of a writer of this process (write,
//! forget, acknowledge) and of tracking (lost, on again) are run one at a time in an order that proptest chooses, against a store that
//! is a map. What a read may then see is known exactly.

use std::collections::{HashMap, VecDeque};

use proptest::prelude::*;

use super::super::MissToken;
use super::{RowBatch, RowCache, SHARDS};

const ENTITIES: u8 = 4;
const TABLES: [u32; 2] = [1, 2];

#[derive(Debug, Clone)]
enum Step {
    /// A reader looks an entity up, and fetches it later if it is not there.
    Find(u8, bool),
    /// The oldest lookup that has not read the store yet does so.
    ReadStore,
    /// A fetch that has read the store, chosen by number, inserts.
    Insert(usize),
    /// Another process writes a row.
    WriteElsewhere(u8, bool),
    /// The oldest message of such a write arrives.
    Message,
    /// This process writes a row, the first part: the store has it.
    WriteHere(u8, bool),
    /// The second part, of a write chosen by number: the entity is forgotten, and the write acknowledged.
    Acknowledge(usize),
    /// The connection breaks: no message of an earlier write arrives any more. Noticed by the next [`Step::Notice`].
    Break,
    /// The cache is bypassed and cleared.
    Notice,
    /// Messages come again; then the cache is cleared and used.
    Track,
}

/// A lookup that missed.
struct Fetch {
    entity: u8,
    tables: Vec<u32>,
    token: MissToken,
    rows: Vec<Option<Vec<u8>>>,
}

/// The versions of rows, as bytes.
type Versions = HashMap<(u8, u32), u64>;

struct World {
    cache: RowCache,
    bypass: RowCache,
    store: Versions,
    /// The last version of a row that a read must see, once acknowledged by this process.
    acknowledged: Versions,
    version: u64,
    tracked: bool,
    used: bool,
    messages: VecDeque<u8>,
    unread: VecDeque<Fetch>,
    read: Vec<Fetch>,
    unacknowledged: Vec<(u8, u32, u64)>,
}

impl World {
    fn new(capacity: usize) -> Self {
        let cache = RowCache::new(capacity);
        Self {
            bypass: cache.bypass(),
            cache,
            store: Versions::new(),
            acknowledged: Versions::new(),
            version: 0,
            tracked: true,
            used: true,
            messages: VecDeque::new(),
            unread: VecDeque::new(),
            read: Vec::new(),
            unacknowledged: Vec::new(),
        }
    }

    fn readers_cache(&self) -> &RowCache {
        if self.used { &self.cache } else { &self.bypass }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Find(entity, both) => self.find(entity, &TABLES[..1 + usize::from(both)]),
            Step::ReadStore => {
                if let Some(mut fetch) = self.unread.pop_front() {
                    let version = |table: &u32| self.store.get(&(fetch.entity, *table));
                    let row = |table: &u32| version(table).map(|version| version.to_le_bytes().to_vec());
                    fetch.rows = fetch.tables.iter().map(row).collect();
                    self.read.push(fetch);
                }
            }
            Step::Insert(number) if !self.read.is_empty() => {
                let fetch = self.read.swap_remove(number % self.read.len());
                let rows = fetch.rows.iter().map(Option::as_deref);
                self.readers_cache()
                    .insert(fetch.token, &[fetch.entity], &fetch.tables, rows);
            }
            Step::WriteElsewhere(entity, second) => {
                self.write(entity, second);
                if self.tracked {
                    self.messages.push_back(entity);
                }
            }
            Step::Message => {
                if let Some(entity) = self.messages.pop_front() {
                    self.cache.forget(&[entity]);
                }
            }
            Step::WriteHere(entity, second) => {
                let table = self.write(entity, second);
                self.unacknowledged.push((entity, table, self.version));
                if self.tracked {
                    self.messages.push_back(entity);
                }
            }
            Step::Acknowledge(number) if !self.unacknowledged.is_empty() => {
                let number = number % self.unacknowledged.len();
                let (entity, table, version) = self.unacknowledged.swap_remove(number);
                self.cache.forget(&[entity]);
                let seen = self.acknowledged.entry((entity, table)).or_default();
                *seen = version.max(*seen);
            }
            Step::Break => {
                self.tracked = false;
                self.messages.clear();
            }
            Step::Notice if !self.tracked => {
                self.used = false;
                self.cache.clear();
            }
            Step::Track if !self.tracked && !self.used => {
                self.tracked = true;
                self.cache.clear();
                self.used = true;
            }
            Step::Insert(_) | Step::Acknowledge(_) | Step::Notice | Step::Track => {}
        }
    }

    fn write(&mut self, entity: u8, second: bool) -> u32 {
        let table = TABLES[usize::from(second)];
        self.version += 1;
        self.store.insert((entity, table), self.version);
        table
    }

    /// What is found must be what the store has, unless a message of another write of the entity is on its way or was lost unnoticed.
    fn find(&mut self, entity: u8, tables: &[u32]) {
        let mut found = RowBatch::default();
        let cache = self.readers_cache();
        let result = cache.find(cache.hash(&[entity]), &[entity], tables, &mut found);
        if let Err(token) = result {
            self.unread.push_back(Fetch {
                entity,
                tables: tables.to_vec(),
                token,
                rows: Vec::new(),
            });
            return;
        }
        for (position, table) in tables.iter().enumerate() {
            let version = found
                .get(position)
                .map(|row| u64::from_le_bytes(row.try_into().unwrap()));
            let own = self.acknowledged.get(&(entity, *table)).copied();
            assert!(version >= own, "{version:?} after {own:?} was acknowledged");
            let may_be_behind = !self.tracked || self.messages.contains(&entity);
            let stored = self.store.get(&(entity, *table)).copied();
            assert!(version == stored || may_be_behind, "{version:?} instead of {stored:?}");
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let entity = || 0..ENTITIES;
    prop_oneof![
        6 => (entity(), any::<bool>()).prop_map(|(entity, both)| Step::Find(entity, both)),
        4 => Just(Step::ReadStore),
        4 => any::<usize>().prop_map(Step::Insert),
        3 => (entity(), any::<bool>()).prop_map(|(entity, second)| Step::WriteElsewhere(entity, second)),
        3 => Just(Step::Message),
        2 => (entity(), any::<bool>()).prop_map(|(entity, second)| Step::WriteHere(entity, second)),
        2 => any::<usize>().prop_map(Step::Acknowledge),
        1 => Just(Step::Break),
        1 => Just(Step::Notice),
        2 => Just(Step::Track),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_read_is_behind_what_was_told_or_acknowledged(
        steps in prop::collection::vec(step(), 1..200),
        // Room for one entity a shard, or for all.
        capacity in prop_oneof![Just(SHARDS * 1000), Just(1 << 20)],
    ) {
        let mut world = World::new(capacity);
        steps.into_iter().for_each(|step| world.run(step));
    }
}
