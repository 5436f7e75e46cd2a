//! Bytes and values, both ways, without any I/O: entity keys, storage keys, rows, durable records.
//!
//! Owns every byte that stores keep, in our own form and in Feast's. Knows nothing of where the bytes are kept.

pub mod entity_key;
pub mod feast_value;
pub mod packed_bytes;
pub mod record;
pub mod row;
pub mod row_reader;
pub mod shard;
pub mod storage_key;
