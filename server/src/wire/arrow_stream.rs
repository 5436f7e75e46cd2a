//! Arrow's IPC stream format: keys of a read from it, and responses in it, for clients that work with columns anyway.
//!
//! A stream that comes in is untrusted, which is all that `read` is about; `write` only has to be fast.

mod read;
mod write;

pub(crate) use read::MAX_GROWTH;
pub(super) use read::read_entities;
pub(crate) use write::write_feature_vectors;

/// The media type of the format.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.apache.arrow.stream";

#[cfg(test)]
mod tests;
