//! The request path: which features a request means, their keys, one batched look-up, the answer as Arrow columns;
//! and the writes that fill the same rows.
//!
//! No DataFusion, no protobuf and no file is touched here. Knows nothing of HTTP or JSON.

mod assemble;
mod binding;
mod feature_vectors;
mod keys;
mod lookup;
mod plan;
mod write;

pub(crate) use assemble::assemble;
pub use feature_vectors::{ColumnHeading, FeatureColumn, FeatureVectors, FieldStatus};
pub use keys::{EntityRows, KeyColumn};
pub(crate) use keys::{check_key_types, entity_keys};
pub use lookup::StoredEntities;
pub(crate) use lookup::{bind, look_up, look_up_in_memory};
pub(crate) use plan::PlanContext;
pub use plan::{JoinKey, ReadPlan};
pub use write::{ColumnRole, WriteColumn, WriteTarget};
pub(crate) use write::{RowColumns, StoredRows, encode_rows, ensure_table, view_shape, write_rows};
