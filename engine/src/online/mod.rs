//! The request path: which features a request means, their keys, one batched lookup, the response as Arrow columns;
//! and the writes that fill the same rows.
//!
//! No DataFusion, no protobuf and no file is touched here. Knows nothing of HTTP or JSON.

mod assemble;
mod binding;
mod feature_vectors;
mod key_types;
mod keys;
mod lookup;
mod plan;
mod planned_view;
mod write;

pub use feature_vectors::{ColumnField, FeatureColumn, FeatureVectors, FieldStatus};
pub(crate) use key_types::check_key_types;
pub use keys::{EntityRows, KeyColumn};
pub use lookup::StoredEntities;
pub(crate) use lookup::{lookup, lookup_async, lookup_in_memory};
pub(crate) use plan::PlanContext;
pub use plan::{JoinKey, ReadPlan};
pub use write::{ColumnRole, WriteColumn, WriteTarget};
pub(crate) use write::{encode_rows, encode_shard};
#[cfg(feature = "stages")]
pub(crate) use {assemble::assemble, keys::entity_keys, lookup::bind};
