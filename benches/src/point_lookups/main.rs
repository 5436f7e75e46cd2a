//! What RocksDB's settings do to point look-ups of small values: one row of the table a variant.
//!
//! Each variant is filled with the same rows, keys and values as the online store has for views of ten `Int64` features,
//! compacted, warmed, and queried for the rows of five views of random entities in one sorted batch. The settings in use are
//! in `engine/rocksdb/src/options.rs`; this program is how they were chosen.
#![expect(clippy::print_stdout, reason = "the table is this program's output")]

mod variants;

use std::path::Path;
use std::time::{Duration, Instant};

use rocksdb::{ColumnFamilyDescriptor, DB, WriteBatch, WriteOptions};

use variants::{KeyOrder, VARIANTS, Variant};

type Failure = Box<dyn std::error::Error>;

const USAGE: &str = "usage: feast-point-lookups ENTITIES [NAME OF A VARIANT]";
const VIEWS: u32 = 5;
/// As many as Feast's own benchmark reads: they fit into any cache.
const HOT_ENTITIES: u64 = 10_000;
/// A row of ten `Int64` features: header, bits, values.
const ROW_BYTES: usize = 21 + 2 + 80;
const MEASURED_FOR: Duration = Duration::from_millis(700);
const FAMILY: &str = "rows";

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let entities: u64 = arguments.next().ok_or(USAGE)?.parse()?;
    let only = arguments.next();
    println!("| variant | MiB on disk | 1 entity, hot | 100 entities, hot | 1 entity, all | 100 entities, all |");
    println!("|---|---|---|---|---|---|");
    let is_selected = |variant: &&Variant| only.as_ref().is_none_or(|name| variant.name.contains(name.as_str()));
    for variant in VARIANTS.iter().filter(is_selected) {
        let directory = tempfile::tempdir()?;
        let store = Store::fill(variant, directory.path(), entities)?;
        let hot = HOT_ENTITIES.min(entities);
        let mut cells = vec![variant.name.to_owned(), (store.bytes()? >> 20).to_string()];
        for (requested, among) in [(1, hot), (100, hot), (1, entities), (100, entities)] {
            cells.push(format!("{:.2} us", store.micros_per_key(requested, among)?));
        }
        println!("| {} |", cells.join(" | "));
    }
    Ok(())
}

/// A filled database.
struct Store {
    db: DB,
    order: KeyOrder,
    random: Random,
}

impl Store {
    fn fill(variant: &Variant, path: &Path, entities: u64) -> Result<Self, Failure> {
        let options = (variant.options)();
        let mut database = options.clone();
        database.create_missing_column_families(true);
        let db = DB::open_cf_descriptors(&database, path, [ColumnFamilyDescriptor::new(FAMILY, options)])?;
        let mut unlogged = WriteOptions::default();
        unlogged.disable_wal(true);
        let mut random = Random(1);
        let family = db.cf_handle(FAMILY).ok_or("no column family")?;
        let mut batch = WriteBatch::default();
        for view in 0..VIEWS {
            for entity in 0..entities {
                batch.put_cf(&family, variant.order.key(view, entity), row(&mut random));
                if batch.len() == 10_000 {
                    db.write_opt(std::mem::take(&mut batch), &unlogged)?;
                }
            }
        }
        db.write_opt(batch, &unlogged)?;
        db.flush_cf(&family)?;
        if variant.compacted {
            db.compact_range_cf(&family, None::<&[u8]>, None::<&[u8]>);
        }
        Ok(Self {
            order: variant.order,
            random: Random(2),
            db,
        })
    }

    fn bytes(&self) -> Result<u64, Failure> {
        let files = self.db.live_files()?;
        Ok(files.iter().map(|file| file.size as u64).sum())
    }

    /// The time of batches of all views of `requested` random entities among the first `among`, without making the keys.
    fn micros_per_key(&self, requested: usize, among: u64) -> Result<f64, Failure> {
        let family = self.db.cf_handle(FAMILY).ok_or("no column family")?;
        let mut random = Random(self.random.0);
        let mut batches = Vec::new();
        for _ in 0..(40_000 / requested) {
            let entities: Vec<u64> = (0..requested).map(|_| random.next() % among).collect();
            let keys = (0..VIEWS).flat_map(|view| entities.iter().map(move |entity| self.order.key(view, *entity)));
            let mut keys: Vec<Vec<u8>> = keys.collect();
            keys.sort_unstable();
            keys.dedup();
            batches.push(keys);
        }
        let read = |keys: &Vec<Vec<u8>>| {
            let rows = self.db.batched_multi_get_cf(&family, keys, true);
            assert!(
                rows.iter()
                    .all(|row| matches!(row, Ok(Some(row)) if row.len() == ROW_BYTES))
            );
        };
        batches.iter().for_each(read);
        let (started, mut keys_read) = (Instant::now(), 0);
        for batch in batches.iter().cycle() {
            read(batch);
            keys_read += batch.len();
            if started.elapsed() > MEASURED_FOR {
                break;
            }
        }
        Ok(started.elapsed().as_secs_f64() * 1e6 / keys_read as f64)
    }
}

/// Random digits, which no compression makes much smaller.
fn row(random: &mut Random) -> [u8; ROW_BYTES] {
    let mut row = [0; ROW_BYTES];
    row[21] = 0xff;
    row[22] = 3;
    for value in row[23..].chunks_exact_mut(8) {
        value.copy_from_slice(&(random.next() % 1_000_000).to_le_bytes());
    }
    row
}

/// Marsaglia's xorshift: the same numbers in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
