//! The engine through its façade, on real files.
//!
//! - `materialize`: which rows of a parquet source reach the online store.
//! - `push`: what writes do to the online store and to the parquet source, alone and all at once.
//! - `memory`: reads that may not wait for the disk.
//! - `copy`: copies between online stores that are interrupted, and rows that lack features.
//! - `damage`: changed bytes in the store and in parquet files.
//! - `hidden_tables`: tables of views that have left the registry.
//! - `read_only`: a repository that is only read, beside one who writes it.
//! - `sources`: files as people have them: parts of different types, folders, patterns, what is not data.
//! - `times`: points in time beyond what pandas, Python and protobuf hold.
//! - `key_changes`: join keys that change between materializations.
//! - `registry`: what stays of a registry that Python Feast wrote.

#![expect(clippy::unwrap_used, reason = "a test fails by it, also in its helpers")]

mod copy;
mod damage;
mod hidden_tables;
mod key_changes;
mod materialize;
mod memory;
mod passes;
mod push;
mod read_only;
mod registry;
mod sources;
mod support;
mod times;
