//! The feature repository as plain data: entities, data sources, feature views, feature services, value types,
//! points in time and feature references.
//!
//! Owns the meaning of these things and their text forms. Knows nothing of files, protobuf, RocksDB or JSON.

mod definitions;
pub mod error;
mod feature_view;
mod metadata;
mod object_kind;
mod on_demand;
mod permission;
mod reference;
mod source;
mod time_range;
mod timestamp;
mod timestamp_forms;
mod value_type;

pub use definitions::{
    Definitions, Entity, FeatureService, Logging, LoggingDestination, LoggingSystem, Project, Projection,
    RequestedFeatures,
};
pub use feature_view::{
    Aggregation, ConflictPolicy, FeatureView, Field, LabelSettings, StoredKeys, StreamSettings, TimeToLive, Version,
    ViewKind, ViewState, ViewStatus,
};
pub use metadata::Metadata;
pub use object_kind::ObjectKind;
pub use on_demand::{MissingName, ModuleNames, OnDemandFeatureView, OnDemandSource, Transformation};
pub use permission::{Action, Permission, Policy, ResourceType};
pub use reference::{FeatureReference, FeatureSelection};
pub use source::{DataSource, ExternalSource, ExternalSystem, FileFormat, SourceKind, StreamFormat, TableFormat};
pub use time_range::{EVENT_TIME_NANOS, OutOfRange, TimeRange, is_storable_duration};
pub use timestamp::{ParseTimestampError, Timestamp, TimestampWriter};
pub use timestamp_forms::DateOrder;
pub use value_type::{StructField, ValueType};

/// Join key of views that have no entity (Feast's name for it).
pub const DUMMY_JOIN_KEY: &str = "__dummy_id";
/// Name of the implicit entity that carries [`DUMMY_JOIN_KEY`].
pub const DUMMY_ENTITY: &str = "__dummy";
