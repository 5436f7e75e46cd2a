//! The settings that are compared. The first is the one in use; each other differs from it in what its name says.

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, DBCompressionType, DataBlockIndexType, Options, SliceTransform,
};

/// How a store is set and its keys are laid out.
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    pub(crate) options: fn(usize) -> Options,
    pub(crate) layout: Layout,
    pub(crate) reading: Reading,
    /// Whether everything is on the last level before it is read.
    pub(crate) compacted: bool,
}

/// Where rows lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Keys begin with the view: its rows lie together.
    ViewFirst,
    /// Keys begin with the entity: the rows that one request reads lie together.
    EntityFirst,
    /// All rows of an entity are one value.
    Together,
}

/// How the rows of an entity are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// All keys in one batched get.
    Get,
    /// A seek for each entity, and on from there.
    Scan,
}

impl Layout {
    /// As long as a key of the online store with one `Int64` join key.
    pub(crate) fn key(self, view: u32, entity: u64) -> Vec<u8> {
        let mut entity_key = b"\x01\0\0\0\x02\0\0\0\x06\0\0\0entity\x04\0\0\0\x08\0\0\0".to_vec();
        entity_key.extend_from_slice(&entity.to_le_bytes());
        let view = view.to_be_bytes();
        match self {
            Self::ViewFirst => [&[2], &view[..], &entity_key].concat(),
            Self::EntityFirst => [&[2], &entity_key[..], &view].concat(),
            Self::Together => [&[2], &entity_key[..]].concat(),
        }
    }
}

pub(crate) const VARIANTS: &[Variant] = &[
    in_use("in use", options_in_use),
    Variant {
        reading: Reading::Get,
        ..in_use("a batched get", options_in_use)
    },
    Variant {
        layout: Layout::ViewFirst,
        reading: Reading::Get,
        ..in_use("keys begin with the view", options_in_use)
    },
    Variant {
        layout: Layout::Together,
        ..in_use("an entity's rows are one value", options_in_use)
    },
    Variant {
        compacted: false,
        ..in_use("several levels", options_in_use)
    },
    in_use("without filter of entities", |cache| table(&blocks(cache))),
    in_use("without compression", |cache| {
        let mut options = options_in_use(cache);
        options.set_compression_type(DBCompressionType::None);
        options.set_bottommost_compression_type(DBCompressionType::None);
        options
    }),
    in_use("LZ4 alone", |cache| {
        let mut options = options_in_use(cache);
        options.set_bottommost_compression_type(DBCompressionType::Lz4);
        options
    }),
    in_use("zstd with a dictionary", |cache| {
        let mut options = options_in_use(cache);
        options.set_bottommost_compression_options(-14, 3, 0, 16 << 10, true);
        options.set_bottommost_zstd_max_train_bytes(1 << 20, true);
        options
    }),
    in_use("without hash index in blocks", |cache| {
        with_blocks(cache, |blocks| {
            blocks.set_data_block_index_type(DataBlockIndexType::BinarySearch);
        })
    }),
    in_use("filter and index outside of the cache", |cache| {
        with_blocks(cache, |blocks| blocks.set_cache_index_and_filter_blocks(false))
    }),
    in_use("index and filter in partitions", |cache| {
        with_blocks(cache, |blocks| {
            blocks.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
            blocks.set_partition_filters(true);
        })
    }),
    in_use("LRU cache", |cache| {
        with_blocks(cache, |blocks| blocks.set_block_cache(&Cache::new_lru_cache(cache)))
    }),
    in_use("blocks of 4 KiB", |cache| {
        with_blocks(cache, |blocks| blocks.set_block_size(4 << 10))
    }),
    in_use("blocks of 16 KiB", |cache| {
        with_blocks(cache, |blocks| blocks.set_block_size(16 << 10))
    }),
    in_use("blocks of 32 KiB", |cache| {
        with_blocks(cache, |blocks| blocks.set_block_size(32 << 10))
    }),
    in_use("restart at each fourth key", |cache| {
        with_blocks(cache, |blocks| blocks.set_block_restart_interval(4))
    }),
];

const fn in_use(name: &'static str, options: fn(usize) -> Options) -> Variant {
    Variant {
        name,
        options,
        layout: Layout::EntityFirst,
        reading: Reading::Scan,
        compacted: true,
    }
}

/// As `engine/rocksdb/src/options.rs`, with blocks of so many bytes in memory.
fn options_in_use(cache: usize) -> Options {
    with_blocks(cache, |_| ())
}

fn with_blocks(cache: usize, change: impl FnOnce(&mut BlockBasedOptions)) -> Options {
    let mut blocks = blocks(cache);
    change(&mut blocks);
    let mut options = table(&blocks);
    options.set_prefix_extractor(SliceTransform::create("entity", entity_of, None));
    options
}

fn blocks(cache: usize) -> BlockBasedOptions {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(&Cache::new_hyper_clock_cache(cache, 0));
    blocks.set_block_size(8 << 10);
    blocks.set_bloom_filter(10.0, false);
    blocks.set_data_block_index_type(DataBlockIndexType::BinaryAndHash);
    blocks.set_data_block_hash_ratio(0.75);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    blocks
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

fn entity_of(key: &[u8]) -> &[u8] {
    &key[..key.len().saturating_sub(4)]
}
