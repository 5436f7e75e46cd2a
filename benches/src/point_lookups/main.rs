//! What RocksDB's settings do to point look-ups of small values: one row of the table a variant.
//!
//! Each variant is filled with the same rows, keys and values as the online store has for 25 views of ten `Int64` features,
//! compacted, warmed, and queried for the rows of five or all views of random entities in one sorted batch. With `cold`, RocksDB reads
//! past the page cache and has blocks of a tenth of the data in memory. The settings in use are in `engine/rocksdb/src/options.rs`;
//! this program is how they were chosen.
#![expect(clippy::print_stdout, reason = "the table is this program's output")]

mod variants;

use std::path::Path;
use std::time::{Duration, Instant};

use rocksdb::{ColumnFamilyDescriptor, DB, WriteBatch, WriteOptions};

use rocksdb::ReadOptions;
use variants::{Layout, Reading, VARIANTS, Variant};

type Failure = Box<dyn std::error::Error>;

const USAGE: &str = "usage: feast-point-lookups ENTITIES [warm|cold] [PART OF A VARIANT'S NAME]";
const VIEWS: u32 = 25;
/// Some of the views, as far apart as they can be.
const SOME: [u32; 5] = [0, 5, 10, 15, 20];
/// A row of ten `Int64` features: header, bits, values.
const ROW_BYTES: usize = 21 + 2 + 80;
const MEASURED_FOR: Duration = Duration::from_millis(1500);
const FAMILY: &str = "rows";

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let entities: u64 = arguments.next().ok_or(USAGE)?.parse()?;
    let is_cold = match arguments.next().as_deref() {
        None | Some("warm") => false,
        Some("cold") => true,
        Some(_) => return Err(USAGE.into()),
    };
    let only = arguments.next();
    println!("Microseconds an entity.");
    println!(
        "| variant | MiB on disk | 1 entity, 5 views | 100 entities, 5 views | 1 entity, 25 views | 100 entities, 25 views |"
    );
    println!("|---|---|---|---|---|---|");
    let is_selected = |variant: &&Variant| only.as_ref().is_none_or(|name| variant.name.contains(name.as_str()));
    let all: Vec<u32> = (0..VIEWS).collect();
    for variant in VARIANTS.iter().filter(is_selected) {
        let directory = tempfile::tempdir()?;
        let cache = if is_cold {
            entities * u64::from(VIEWS) * ROW_BYTES as u64 / 10
        } else {
            4 << 30
        };
        let store = Store::fill(variant, directory.path(), entities, usize::try_from(cache)?, is_cold)?;
        let mut cells = vec![variant.name.to_owned(), (store.bytes()? >> 20).to_string()];
        for views in [&SOME[..], &all] {
            for requested in [1, 100] {
                cells.push(format!("{:.2}", store.micros_per_entity(requested, entities, views)?));
            }
        }
        println!("| {} |", cells.join(" | "));
    }
    Ok(())
}

/// A filled database.
struct Store {
    db: DB,
    layout: Layout,
    reading: Reading,
}

impl Store {
    fn fill(variant: &Variant, path: &Path, entities: u64, cache: usize, is_cold: bool) -> Result<Self, Failure> {
        let mut options = (variant.options)(cache);
        options.set_use_direct_reads(is_cold);
        let mut database = options.clone();
        database.create_missing_column_families(true);
        let db = DB::open_cf_descriptors(&database, path, [ColumnFamilyDescriptor::new(FAMILY, options)])?;
        let mut unlogged = WriteOptions::default();
        unlogged.disable_wal(true);
        let mut random = Random(1);
        let family = db.cf_handle(FAMILY).ok_or("no column family")?;
        let mut batch = WriteBatch::default();
        let views = if variant.layout == Layout::Together { 1 } else { VIEWS };
        for view in 0..views {
            for entity in 0..entities {
                let key = variant.layout.key(view, entity);
                match variant.layout {
                    Layout::Together => {
                        let rows: Vec<_> = (0..VIEWS).map(|_| row(&mut random)).collect();
                        batch.put_cf(&family, key, rows.concat());
                    }
                    _ => batch.put_cf(&family, key, row(&mut random)),
                }
                if batch.len() == 1000 {
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
            layout: variant.layout,
            reading: variant.reading,
            db,
        })
    }

    fn bytes(&self) -> Result<u64, Failure> {
        let files = self.db.live_files()?;
        Ok(files.iter().map(|file| file.size as u64).sum())
    }

    /// The time of batches of some views of `requested` random entities, with the keys being made.
    fn micros_per_entity(&self, requested: usize, entities: u64, views: &[u32]) -> Result<f64, Failure> {
        let mut random = Random(2);
        let mut batch = || {
            let mut batch: Vec<u64> = (0..requested).map(|_| random.next() % entities).collect();
            batch.sort_by_key(|entity| entity.to_le_bytes());
            batch.dedup();
            batch
        };
        let mut found = Vec::new();
        for _ in 0..20_000 / requested {
            self.read(&batch(), views, &mut found)?;
        }
        let (started, mut read) = (Instant::now(), 0);
        while started.elapsed() < MEASURED_FOR {
            let batch = batch();
            self.read(&batch, views, &mut found)?;
            read += batch.len();
        }
        Ok(started.elapsed().as_secs_f64() * 1e6 / read as f64)
    }

    /// Copies the rows of some views.
    fn read(&self, entities: &[u64], views: &[u32], found: &mut Vec<u8>) -> Result<(), Failure> {
        found.clear();
        let family = self.db.cf_handle(FAMILY).ok_or("no column family")?;
        if self.layout == Layout::Together {
            let keys: Vec<Vec<u8>> = entities.iter().map(|entity| self.layout.key(0, *entity)).collect();
            for value in self.db.batched_multi_get_cf(&family, &keys, true) {
                let value = value?.ok_or("a row is missing")?;
                for view in views {
                    let start = *view as usize * ROW_BYTES;
                    found.extend_from_slice(&value[start..start + ROW_BYTES]);
                }
            }
        } else if self.reading == Reading::Scan {
            let mut options = ReadOptions::default();
            options.set_prefix_same_as_start(true);
            let mut rows = self.db.raw_iterator_cf_opt(&family, options);
            for entity in entities {
                let first = self.layout.key(views[0], *entity);
                let (of_entity, _) = first.split_at(first.len() - 4);
                rows.seek(&first);
                let mut wanted = views.iter();
                let mut next = wanted.next();
                while let (Some(view), Some((key, row))) = (next, rows.item()) {
                    let Some(found_view) = key.strip_prefix(of_entity) else {
                        break;
                    };
                    if found_view == view.to_be_bytes() {
                        found.extend_from_slice(row);
                        next = wanted.next();
                    }
                    rows.next();
                }
            }
            rows.status()?;
        } else {
            let mut keys: Vec<Vec<u8>> = match self.layout {
                Layout::ViewFirst => views
                    .iter()
                    .flat_map(|view| entities.iter().map(|entity| self.layout.key(*view, *entity)))
                    .collect(),
                _ => entities
                    .iter()
                    .flat_map(|entity| views.iter().map(|view| self.layout.key(*view, *entity)))
                    .collect(),
            };
            // As the store has to, and as it does not: they are in order.
            keys.sort_unstable();
            for value in self.db.batched_multi_get_cf(&family, &keys, true) {
                found.extend_from_slice(&value?.ok_or("a row is missing")?);
            }
        }
        match found.len() == entities.len() * views.len() * ROW_BYTES {
            true => Ok(()),
            false => Err("rows are missing".into()),
        }
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
