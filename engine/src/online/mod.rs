//! The request path: which features a request means, their keys, one batched lookup, the response as Arrow columns;
//! and the writes that fill the same rows.
//!
//! No DataFusion, no protobuf and no file is touched here. Knows nothing of HTTP or JSON.

mod assemble;
mod binding;
mod computed;
mod derived;
mod feature_vectors;
mod heap_bytes;
mod key_types;
mod keys;
mod log_table;
mod lookup;
mod plan;
mod planned_view;
mod python_tier;
mod served_rows;
mod view_functions;
mod write;

pub use derived::WriteFunctionRun;
pub(crate) use derived::{DerivedViews, GivenView};
pub use feature_vectors::{ColumnField, Computed, FeatureColumn, FeatureVectors, FieldStatus, ViewOutcome};
pub(crate) use heap_bytes::{HeapBytes, allocated};
pub(crate) use key_types::check_key_types;
pub use keys::{EntityRows, KeyColumn};
pub(crate) use log_table::LogTable;
pub use log_table::PlannedLog;
pub use lookup::StoredEntities;
pub(crate) use lookup::{bind, lookup, lookup_async, lookup_in_memory};
pub use plan::{JoinKey, ReadPlan, RequestColumn};
pub(crate) use plan::{PlanContext, read_objects};
pub(crate) use python_tier::PythonTier;
pub use served_rows::ServedRows;
pub(crate) use served_rows::log_batch;
pub(crate) use view_functions::ViewFunctions;
pub use view_functions::{Execution, NotNative, OnDemandRemark, OnDemandRemarkKind};
pub(crate) use view_functions::{on_demand_remarks, pool_functions};
pub use write::{ColumnRole, WriteColumn, WriteTarget};
pub(crate) use write::{LeftOut, encode_shard, encode_with_derived};
#[cfg(feature = "stages")]
pub(crate) use {assemble::assemble, keys::entity_keys};
