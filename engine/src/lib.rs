//! The feature store engine.
//!
//! [`FeatureStore`] is all that servers and commands use: it applies definitions to the registry, materializes feature
//! views from parquet into an embedded RocksDB store, takes pushed rows and answers lookups as Arrow columns.
//!
//! # A tour
//!
//! ```
//! use std::sync::Arc;
//!
//! use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, TimestampMicrosecondArray};
//! use arrow::datatypes::Int64Type;
//! use feast_engine::model::{DataSource, Definitions, Entity, FeatureSelection, FeatureView, Field, SourceKind, Timestamp, ValueType};
//! use feast_engine::{ApplyOptions, EntityRows, FeatureStore, KeyColumn, MaterializeRange, MaterializeRequest, RepositoryConfig, NoProgress, create_parquet};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A repository: settings, and history in a parquet file.
//! let directory = tempfile::tempdir()?;
//! let settings = "project: shop\nregistry: data/registry.db\nonline_store: {type: rocksdb, path: data/online}";
//! let column = |values: [i64; 3]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
//! let hours = TimestampMicrosecondArray::from(vec![0, 3_600_000_000, 0]).with_timezone("UTC");
//! let history = RecordBatch::try_from_iter([
//!     ("customer_id", column([1, 1, 2])),
//!     ("event_timestamp", Arc::new(hours) as ArrayRef),
//!     ("orders", column([3, 4, 7])),
//! ])?;
//! create_parquet(&directory.path().join("data/orders.parquet"), &history)?;
//! let store = FeatureStore::open(RepositoryConfig::parse(settings, directory.path())?)?;
//!
//! // Definitions into the registry.
//! let file = SourceKind::parquet("data/orders.parquet");
//! let source = DataSource { timestamp_field: "event_timestamp".to_owned(), ..DataSource::new("orders", file) };
//! let mut view = FeatureView::new("orders", source);
//! view.entities = vec!["customer".to_owned()];
//! view.features = vec![Field::new("orders", ValueType::Int64)];
//! let customer = Entity::new("customer", "customer_id", ValueType::Int64);
//! let definitions = Definitions { entities: vec![customer], feature_views: vec![view], ..Definitions::default() };
//! store.apply(definitions, ApplyOptions::default(), &mut ())?;
//!
//! // The newest row of each customer into the online store.
//! let range = MaterializeRange::Between { start: Timestamp::EPOCH, end: Timestamp::parse("2026-01-01")? };
//! let windows = store.materialization_windows(&MaterializeRequest { range, views: None })?;
//! store.materialize(&windows, &mut NoProgress)?;
//!
//! // A lookup of three customers.
//! let plan = store.plan(&FeatureSelection::Features(vec!["orders:orders".to_owned()]), false)?;
//! let keys = KeyColumn { name: "customer_id".to_owned(), value_type: ValueType::Int64, values: column([2, 1, 9]) };
//! let entities = EntityRows::new(3, vec![keys])?;
//! let vectors = store.read(&plan, &entities)?;
//! let values = vectors.columns().nth(1).expect("a key and a feature").values();
//! let orders: Vec<_> = values.as_primitive::<Int64Type>().iter().collect();
//! assert_eq!(orders, [Some(7), Some(4), None]);
//! # Ok(())
//! # }
//! ```
//!
//! # Modules
//!
//! What has a small outside is a crate of its own beside this one: [`model`] (plain data, and the [`error`] of all),
//! `feast-python-notation`, `feast-clock`, `feast-conversion`, `feast-files`, `feast-config`, `feast-registry`,
//! `feast-definitions`, `feast-offline` (parquet through DataFusion), `feast-codec` and `feast-rows` (what all online stores have in common). Here, in layer order, each may use those before it and none
//! after it (a test reads the imports):
//!
//! 1. `open_once`: what is opened when it is first needed.
//! 2. `online_store`: the seam over the stores, which are crates: `feast-rocksdb`, `feast-redis`, `feast-sqlite`.
//! 3. `online`: the request path.
//! 4. `push`: rows that arrive, into both stores as one. `materialize`: from offline to online. `copy`: from one online store to
//!    another. `resolve`: from definitions as written to definitions as stored.
//! 5. `store`: [`FeatureStore`].
//! 6. `stages`: the steps of a read, for the benches, with the feature of that name.

// So that the helpers of the integration tests can be used in unit tests.
#[cfg(test)]
extern crate self as feast_engine;

mod copy;
mod feature_log;
mod materialize;
mod online;
mod online_store;
mod open_once;
mod push;
mod resolve;
#[cfg(feature = "stages")]
pub mod stages;
mod store;

use feast_clock as clock;
use feast_offline as offline;

pub use copy::{CopyProgress, CopyReport};
pub use feast_backup::{Backup, BackupReport, Manifest, backups_in};
pub use feast_clock::{check_clock, now};
pub use feast_codec::shard::Shard;
pub use feast_config::{
    ApiKey, AuditConfig, AuditSink, Auth, BackupSchedule, CONFIG_FILE, ConnectionConfig, Effective,
    FeatureLoggingConfig, Host, Issuer, MaterializationLimits, MetricsConfig, OfflineBatching, OidcConfig,
    OnlineStoreConfig, OnlineStoreMemory, Origin, RateLimit, RepositoryConfig, ResponseLayout, SETTINGS_VARIABLE,
    SampleRate, ServingLimits, SettingInForce, SettingsSource, TracesConfig, check_project_name, format_duration,
    machine_memory, without_marks,
};
pub use feast_files::{
    DiskRoom, check_writable, check_writable_directory, lock_holder, open_plain, process_in_words, room_on_disk_of,
};
pub use feast_model as model;
pub use feast_model::error::{self, Error, ErrorKind, FeastException, InvalidDefinition, Result};
pub use feast_offline::{PandasColumn, create_parquet, pandas_columns};
pub use feast_permissions::{Principal, Rules, SignInKind};
pub use feast_registry::{Change, FieldChange, KeyChange, RegistryContents, UnsupportedObject, Verb, ViewVersion};
pub use feature_log::{DropReason, FeatureLog, FeatureLogRemark, FeatureLogStatistics, ServiceRows, TakeRemark};
pub use materialize::{
    ClaimedView, MaterializationClaim, MaterializationPlan, MaterializeProgress, MaterializeRange, MaterializeRequest,
    NoProgress, RunStep, ShardReceipt, ShardedView, ViewReport, ViewWindow,
};
pub use online::{
    ColumnField, ColumnRole, Computed, EntityRows, Execution, FeatureColumn, FeatureVectors, FieldStatus, JoinKey,
    KeyColumn, NotNative, OnDemandRemark, OnDemandRemarkKind, PlannedLog, ReadPlan, RequestColumn, ServedRows,
    StoredEntities, ViewOutcome, WriteColumn, WriteFunctionRun, WriteTarget,
};
pub use online_store::{
    Access, CacheUsage, DatabaseFound, OnlineStoreFound, RedisServerFound, RocksDbStatistics, RowCount,
    SqliteFileFound, StoreHolder, TableChange, TableFate,
};
pub use push::{PushTarget, WaitingPushes, WriteReport};
pub use resolve::SourceFound;
pub use store::{
    AccessRequest, ApplyOptions, ApplyReport, AskedObject, FeatureStore, ForgottenRows, OnlineStoreTotals,
    PythonStatistics, RemovalProgress, RestoreReport, RowWithKey, RowsToForget, StoreStatistics, StoredPage, StoredRow,
    ViewTotals, examine_online_store, restore,
};
