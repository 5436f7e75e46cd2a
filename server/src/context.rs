//! What layers and endpoints work with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use feast_engine::{Error, FeatureStore};
use feast_sign_in::SignIn;

use crate::admission::Admission;
use crate::audit::AuditLog;
use crate::connections::ConnectionTable;
use crate::layers::browser::TrustedHosts;
use crate::layers::rate_limit::RateLimits;
use crate::materialization_queue::MaterializationQueue;
use crate::metrics::Metrics;
use crate::readiness::Readiness;

/// One for the life of a server.
pub(crate) struct Context {
    pub(crate) store: Arc<FeatureStore>,
    pub(crate) materializations: Arc<MaterializationQueue>,
    pub(crate) admission: Admission,
    pub(crate) trusted_hosts: TrustedHosts,
    /// Finds out who clients are; nobody has to sign in when `None`.
    pub(crate) sign_in: Option<Arc<SignIn>>,
    /// How often one client may ask; as often as it likes when `None`.
    pub(crate) rate_limits: Option<RateLimits>,
    /// Records requests; nothing is recorded when `None`.
    pub(crate) audit: Option<Arc<AuditLog>>,
    /// Log a line for each request.
    pub(crate) access_log: bool,
    /// Whether the server is ready, as far as its stores were looked at.
    pub(crate) stores: ArcSwap<Readiness>,
    /// Why the last backup of the settings was not made.
    pub(crate) backup_trouble: ArcSwapOption<Error>,
    pub(crate) connections: Arc<ConnectionTable>,
    /// None when nothing is counted.
    pub(crate) metrics: Option<Arc<Metrics>>,
    /// The server is about to stop: nobody should send it requests.
    pub(crate) draining: AtomicBool,
}

impl Context {
    /// Whether requests should be sent here, and what is to be known.
    pub(crate) fn readiness(&self) -> Readiness {
        self.stores.load().with_current(self)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
