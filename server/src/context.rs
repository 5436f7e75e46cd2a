//! What layers and endpoints work with.

use std::sync::Arc;

use feast_engine::FeatureStore;

use crate::admission::Admission;
use crate::layers::browser::TrustedHosts;
use crate::materialization_queue::MaterializationQueue;

/// One for the life of a server.
pub(crate) struct Context {
    pub(crate) store: Arc<FeatureStore>,
    pub(crate) materializations: Arc<MaterializationQueue>,
    pub(crate) admission: Admission,
    pub(crate) trusted_hosts: TrustedHosts,
    /// Log a line for each request.
    pub(crate) access_log: bool,
}
