//! One file per command.

pub(crate) mod api_key;
pub(crate) mod apply;
pub(crate) mod backup;
pub(crate) mod configuration;
pub(crate) mod copy;
pub(crate) mod health;
pub(crate) mod init;
pub(crate) mod lambda;
pub(crate) mod list;
pub(crate) mod materialize;
pub(crate) mod online_features;
pub(crate) mod online_store;
pub(crate) mod permissions;
pub(crate) mod registry;
pub(crate) mod serve;
