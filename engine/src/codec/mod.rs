//! Bytes and values, both ways, without any I/O: entity keys, storage keys, rows, durable records, and the
//! change of a source column into a feature's own column type.
//!
//! Owns every byte that is kept on disk. Knows nothing of where the bytes are kept.

pub(crate) mod coerce;
pub(crate) mod document;
pub(crate) mod entity_key;
pub(crate) mod event_time;
pub(crate) mod packed_bytes;
pub(crate) mod record;
pub(crate) mod row;
pub(crate) mod row_reader;
pub(crate) mod storage_key;
mod zoned_time;
