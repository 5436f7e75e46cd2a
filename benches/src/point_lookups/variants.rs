//! The settings that are compared. The first is the one in use; each other differs from it in what its name says.

use rocksdb::{BlockBasedIndexType, BlockBasedOptions, Cache, DBCompressionType, DataBlockIndexType, Options};

/// How a store is set and its keys are laid out.
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    pub(crate) options: fn() -> Options,
    pub(crate) order: KeyOrder,
    /// Whether everything is on the last level before it is read.
    pub(crate) compacted: bool,
}

/// What keys begin with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KeyOrder {
    /// The view: its rows lie together.
    ViewFirst,
    /// The entity: the rows that one request reads lie together.
    EntityFirst,
}

impl KeyOrder {
    /// As long as a key of the online store with one `Int64` join key.
    pub(crate) fn key(self, view: u32, entity: u64) -> Vec<u8> {
        let mut entity_key = b"\x01\0\0\0\x02\0\0\0\x06\0\0\0entity\x04\0\0\0\x08\0\0\0".to_vec();
        entity_key.extend_from_slice(&entity.to_le_bytes());
        let view = view.to_be_bytes();
        match self {
            Self::ViewFirst => [&[2], &view[..], &entity_key].concat(),
            Self::EntityFirst => [&[2], &entity_key[..], &view].concat(),
        }
    }
}

pub(crate) const VARIANTS: &[Variant] = &[
    in_use("in use", options_in_use),
    Variant {
        order: KeyOrder::EntityFirst,
        ..in_use("keys begin with the entity", options_in_use)
    },
    Variant {
        compacted: false,
        ..in_use("several levels", options_in_use)
    },
    in_use("without compression", || {
        let mut options = options_in_use();
        options.set_compression_type(DBCompressionType::None);
        options.set_bottommost_compression_type(DBCompressionType::None);
        options
    }),
    in_use("without hash index in blocks", || {
        with_blocks(|blocks| blocks.set_data_block_index_type(DataBlockIndexType::BinarySearch))
    }),
    in_use("without filter", || {
        let mut blocks = BlockBasedOptions::default();
        blocks.set_block_cache(&Cache::new_hyper_clock_cache(CACHE_BYTES, 0));
        blocks.set_data_block_index_type(DataBlockIndexType::BinaryAndHash);
        blocks.set_data_block_hash_ratio(0.75);
        blocks.set_cache_index_and_filter_blocks(true);
        table(&blocks)
    }),
    in_use("filter and index outside of the cache", || {
        with_blocks(|blocks| blocks.set_cache_index_and_filter_blocks(false))
    }),
    in_use("index and filter in partitions", || {
        with_blocks(|blocks| {
            blocks.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
            blocks.set_partition_filters(true);
        })
    }),
    in_use("LRU cache", || {
        with_blocks(|blocks| blocks.set_block_cache(&Cache::new_lru_cache(CACHE_BYTES)))
    }),
    in_use("blocks of 1 KiB", || {
        with_blocks(|blocks| blocks.set_block_size(1 << 10))
    }),
    in_use("blocks of 2 KiB", || {
        with_blocks(|blocks| blocks.set_block_size(2 << 10))
    }),
    in_use("blocks of 8 KiB", || {
        with_blocks(|blocks| blocks.set_block_size(8 << 10))
    }),
    in_use("blocks of 16 KiB", || {
        with_blocks(|blocks| blocks.set_block_size(16 << 10))
    }),
    in_use("restart at each key", || {
        with_blocks(|blocks| blocks.set_block_restart_interval(1))
    }),
    in_use("restart at each fourth key", || {
        with_blocks(|blocks| blocks.set_block_restart_interval(4))
    }),
    in_use("RocksDB's row cache", || {
        let mut options = options_in_use();
        options.set_row_cache(&Cache::new_lru_cache(CACHE_BYTES));
        options
    }),
];

const CACHE_BYTES: usize = 2 << 30;

const fn in_use(name: &'static str, options: fn() -> Options) -> Variant {
    Variant {
        name,
        options,
        order: KeyOrder::ViewFirst,
        compacted: true,
    }
}

/// As `engine/rocksdb/src/options.rs`, with a cache that holds everything.
fn options_in_use() -> Options {
    with_blocks(|_| ())
}

fn with_blocks(change: impl FnOnce(&mut BlockBasedOptions)) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(&Cache::new_hyper_clock_cache(CACHE_BYTES, 0));
    blocks.set_bloom_filter(10.0, false);
    blocks.set_data_block_index_type(DataBlockIndexType::BinaryAndHash);
    blocks.set_data_block_hash_ratio(0.75);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    change(&mut blocks);
    table(&blocks)
}

fn table(blocks: &BlockBasedOptions) -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(blocks);
    options.set_write_buffer_size(64 << 20);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_bottommost_compression_type(DBCompressionType::Zstd);
    options.set_level_compaction_dynamic_level_bytes(true);
    options.set_max_background_jobs(2);
    options
}
