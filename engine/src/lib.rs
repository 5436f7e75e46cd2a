//! The feature store engine.
//!
//! [`FeatureStore`] is all that servers and commands use: it applies definitions to the registry, materializes feature
//! views from parquet into an embedded RocksDB store, takes pushed rows and answers look-ups as Arrow columns.
//!
//! Modules in layer order; each may use those before it and none after it:
//! [`model`], [`error`], clock, config, durable_file; codec; storage, registry; online, offline; materialize, resolve; store.

mod clock;
mod codec;
mod config;
mod durable_file;
pub mod error;
mod materialize;
pub mod model;
mod offline;
mod online;
mod registry;
mod resolve;
mod storage;
mod store;

pub use clock::now;
pub use config::{CONFIG_FILE, RepositoryConfig, ResponseLayout, check_project_name};
pub use error::{Error, ErrorKind, FeastException, Result};
pub use materialize::{MaterializeProgress, MaterializeRange, ViewReport, ViewWindow};
pub use offline::create_parquet;
pub use online::{
    ColumnRole, EntityRows, FeatureColumn, FeatureVectors, FieldStatus, JoinKey, ReadPlan, WriteColumn, WriteTarget,
};
pub use registry::{Change, ObjectKind, Verb};
pub use store::{ApplyReport, FeatureStore, MaterializeRequest, PushTarget, WriteReport};
