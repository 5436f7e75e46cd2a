//! What layers and endpoints work with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use feast_engine::{FeatureLog, FeatureStore};
use feast_sign_in::SignIn;
use feast_traces::Traces;
use warp::http::HeaderMap;

use crate::ServeOptions;
use crate::admission::Admission;
use crate::audit::AuditLog;
use crate::backups::Backups;
use crate::connections::{ConnectionTable, Tls};
use crate::layers::browser::TrustedHosts;
use crate::layers::rate_limit::RateLimits;
use crate::materialization_queue::MaterializationQueue;
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::slow_requests::SlowRequests;
use crate::timeline::Stopwatch;
use crate::writes::Writes;

/// One for the life of a server.
pub(crate) struct Context {
    pub(crate) store: Arc<FeatureStore>,
    pub(crate) materializations: Arc<MaterializationQueue>,
    /// What requests may write.
    pub(crate) writes: Writes,
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
    pub(crate) backups: Backups,
    pub(crate) connections: Arc<ConnectionTable>,
    /// Takes the answers that are to be logged; `None` when none are.
    pub(crate) feature_log: Option<Arc<FeatureLog>>,
    pub(crate) tls: Option<Arc<Tls>>,
    /// How many lines of the log stderr did not take.
    pub(crate) lost_log_lines: Arc<AtomicU64>,
    /// None when nothing is counted.
    pub(crate) metrics: Option<Arc<Metrics>>,
    /// None when no request is traced.
    pub(crate) traces: Option<Arc<Traces>>,
    /// None when slow requests are not logged.
    pub(crate) slow_requests: Option<SlowRequests>,
    /// The server is about to stop: nobody should send it requests.
    pub(crate) draining: AtomicBool,
}

impl Context {
    pub(crate) fn new(store: &Arc<FeatureStore>, options: &ServeOptions) -> Self {
        let config = store.config();
        let answers = options.answers.clone();
        let metrics = answers.metrics.as_ref().map(|config| Arc::new(Metrics::new(config)));
        Self {
            store: Arc::clone(store),
            materializations: MaterializationQueue::new(Arc::clone(store), metrics.clone()),
            writes: Writes::All,
            admission: Admission::new(config.limits, answers.threads),
            trusted_hosts: TrustedHosts::new(options.host.clone(), config.allowed_hosts.clone()),
            sign_in: answers.sign_in,
            rate_limits: config.connections.rate_limit.map(RateLimits::new),
            audit: answers.audit,
            access_log: answers.access_log,
            stores: ArcSwap::default(),
            backups: Backups::new(),
            connections: ConnectionTable::new(options.connections),
            feature_log: answers.feature_log,
            tls: options.tls.clone(),
            lost_log_lines: answers.lost_log_lines,
            metrics,
            traces: answers.traces,
            slow_requests: config.slow_requests.map(SlowRequests::new),
            draining: AtomicBool::new(false),
        }
    }

    /// Whether requests should be sent here, and what is to be known.
    pub(crate) fn readiness(&self) -> Readiness {
        self.stores.load().with_current(self)
    }

    /// Measures a request, as far as somebody wants to know.
    pub(crate) fn stopwatch(&self, headers: &HeaderMap) -> Stopwatch {
        let trace = self.traces.as_ref().and_then(|traces| traces.context(headers));
        let is_detailed = trace.is_some() || self.slow_requests.is_some();
        if is_detailed || self.metrics.is_some() || self.access_log || self.audit.is_some() {
            Stopwatch::start(is_detailed, trace)
        } else {
            Stopwatch::default()
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
