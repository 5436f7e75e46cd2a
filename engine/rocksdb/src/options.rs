//! Every RocksDB option in one place. They were compared with others, see `benches/README.md`.
//!
//! A damaged log of writes refuses to open, unless only its end is cut: the default of RocksDB drops acknowledged writes after a damaged
//! record without a word. So a power failure during a materialization can make a store refuse to open because of rows that were
//! never acknowledged.

use feast_codec::storage_key::{TABLE_ID_BYTES, split_row_key};
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, DBCompressionType, DBRecoveryMode, DataBlockIndexType, Options,
    SliceTransform,
};

use super::dropped::DroppedRows;

const WRITE_BUFFER_BYTES: usize = 64 << 20;
const BLOOM_BITS_PER_KEY: f64 = 10.0;

/// An entity with 25 views of ten numbers has 3 KiB of rows.
const BLOCK_BYTES: usize = 8 << 10;

/// Options for reads of small values by whole key and by entity, with blocks of so many bytes held in memory.
pub(super) fn database(block_cache: usize, dropped: &DroppedRows) -> Options {
    let mut blocks = BlockBasedOptions::default();
    // The clock cache does not serialize readers on a lock as the LRU cache does; 0 lets it size its entries itself.
    blocks.set_block_cache(&Cache::new_hyper_clock_cache(block_cache, 0));
    blocks.set_block_size(BLOCK_BYTES);
    blocks.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
    blocks.set_index_type(BlockBasedIndexType::BinarySearch);
    blocks.set_data_block_index_type(DataBlockIndexType::BinaryAndHash);
    blocks.set_data_block_hash_ratio(0.75);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);

    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(&blocks);
    options.set_prefix_extractor(SliceTransform::create("entity", entity_of, Some(is_of_entity)));
    options.set_compaction_filter_factory(dropped.clone());
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_memtable_whole_key_filtering(true);
    options.set_memtable_prefix_bloom_ratio(0.02);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_bottommost_compression_type(DBCompressionType::Zstd);
    // Level 1 is a fifth to a third faster than the default of 3, for files up to 4 % larger. The other numbers are RocksDB's.
    options.set_bottommost_compression_options(-14, 1, 0, 0, true);
    options.set_level_compaction_dynamic_level_bytes(true);
    options.set_max_background_jobs(2);
    options.set_keep_log_file_num(2);
    // A record that was cut off at the end was never acknowledged; any other damage in the log is an error, where the
    // default would silently drop all writes after it.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options
}

/// What the keys of an entity's rows have in common.
fn entity_of(key: &[u8]) -> &[u8] {
    key.get(..key.len().saturating_sub(TABLE_ID_BYTES)).unwrap_or_default()
}

fn is_of_entity(key: &[u8]) -> bool {
    split_row_key(key).is_some()
}
