//! What layers and endpoints work with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use feast_engine::FeatureStore;

use crate::admission::Admission;
use crate::layers::browser::TrustedHosts;
use crate::layers::rate_limit::RateLimits;
use crate::materialization_queue::MaterializationQueue;

/// One for the life of a server.
pub(crate) struct Context {
    pub(crate) store: Arc<FeatureStore>,
    pub(crate) materializations: Arc<MaterializationQueue>,
    pub(crate) admission: Admission,
    pub(crate) trusted_hosts: TrustedHosts,
    /// How often one client may ask; as often as it likes when `None`.
    pub(crate) rate_limits: Option<RateLimits>,
    /// Log a line for each request.
    pub(crate) access_log: bool,
    /// What is to be known of views whose rows are not in the online store, as it was when it was last looked at.
    pub(crate) missing_rows: ArcSwap<Vec<String>>,
    /// The server is about to stop: nobody should send it requests.
    pub(crate) draining: AtomicBool,
}

impl Context {
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
