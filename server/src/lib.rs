//! The Feast feature server's HTTP endpoints over a [`FeatureStore`].
//!
//! Owns the wire format: JSON in and out, Feast's error bodies, status codes. Knows nothing of RocksDB, parquet or the
//! registry file; the socket and the signal to stop come from outside.
//!
//! A request passes `connections`, or is an event that `responder` is given, then `layers` and `dispatch`, and is answered by an endpoint of
//! `routes`.

mod access;
mod admission;
mod audit;
mod backups;
mod body;
mod connections;
mod context;
mod dispatch;
mod endpoints;
mod error;
mod feature_log;
mod housekeeping;
mod http;
mod in_process;
mod layers;
mod log_limit;
mod materialization_queue;
mod metrics;
mod readiness;
mod registry_remarks;
mod responder;
mod routes;
mod slow_requests;
#[cfg(feature = "stages")]
pub mod stages;
mod timeline;
mod wire;
mod writes;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use feast_engine::{Error, FeatureLog, FeatureStore, Host, MetricsConfig};
use feast_sign_in::SignIn;
use feast_traces::Traces;
use futures::future::join_all;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

pub use audit::AuditLog;
use connections::Connections;
pub use connections::{ConnectionLimits, Listener, Purpose, Tls, TlsFiles, TlsVersion};
use context::Context;
pub use endpoints::health::STORE_HEADER;
pub use feature_log::log_remark;
use housekeeping::{RegistryWatch, StoreCare};
pub use http::{Bounds, Response};
pub use in_process::{StoredRows, online_features, stored_row, stored_rows};
pub use registry_remarks::ReadDefinitions;
use registry_remarks::RegistryRemarks;
pub use responder::{Origin, Responder};

/// How long open requests may go on once the server takes no more.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// How requests are answered, whichever way they come.
#[derive(Clone)]
pub struct AnswerOptions {
    /// The audit log; nothing is recorded when `None`. The caller stops it, after the last request is done.
    pub audit: Option<Arc<AuditLog>>,
    /// Log a line for each request.
    pub access_log: bool,
    /// How many large reads are answered at once.
    pub threads: usize,
    /// What is counted; nothing when `None`.
    pub metrics: Option<MetricsConfig>,
    /// Takes the answers that are to be logged; `None` when none are. It is stopped with the server.
    pub feature_log: Option<Arc<FeatureLog>>,
    /// How many lines of the log stderr did not take so far.
    pub lost_log_lines: Arc<AtomicU64>,
    /// Finds out who clients are; nobody has to sign in when `None`.
    pub sign_in: Option<Arc<SignIn>>,
    /// Sends spans of requests that are traced; none is when `None`.
    pub traces: Option<Arc<Traces>>,
}

/// How a server is run.
#[derive(Clone)]
pub struct ServeOptions {
    /// How it answers.
    pub answers: AnswerOptions,
    /// The host that the server listens on as it was configured: browsers may reach it under that name.
    pub host: Option<Host>,
    /// How many connections there may be, and how long they may take.
    pub connections: ConnectionLimits,
    /// TLS on ports. A Unix socket needs none.
    pub tls: Option<Arc<Tls>>,
    /// How long the server goes on after the signal to stop, so that those who send requests here see it in time.
    pub drain: Duration,
}

/// What a running server is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Read the registry and the files of TLS again, and open the audit log again.
    Reload,
    /// Take no more requests, and end when those that are under way are done. The second time: end now.
    Stop,
}

/// Answers requests on `listeners` until it is told to stop, then lets open requests end. `read_definitions` reads those of the
/// repository, for functions of which the registry does not know everything.
///
/// # Errors
/// `Unavailable` when the threads of the server cannot be started.
pub async fn serve(
    listeners: Vec<Listener>,
    store: Arc<FeatureStore>,
    options: ServeOptions,
    read_definitions: ReadDefinitions,
    signals: UnboundedReceiver<Signal>,
) -> Result<(), Error> {
    housekeeping::warn_of_unsupported_objects(&store);
    housekeeping::log_table_changes(&store);
    materialization_queue::warn_of_marked_views(&store);
    let context = Arc::new(Context::new(&store, &options));
    let materializations = Arc::clone(&context.materializations);
    materializations.start()?;
    // Ends by itself, within the response timeout.
    tokio::spawn(housekeeping::warn_of_former_keys(Arc::clone(&store)));
    let remarks = RegistryRemarks::new(&context);
    tokio::spawn(remarks.prepare_functions(Arc::clone(&read_definitions)));
    remarks.write();
    // Before the first probe.
    let first_look = Arc::clone(&context);
    // A panic has been logged.
    let _ = tokio::task::spawn_blocking(move || housekeeping::look_at_stores(&first_look)).await;
    let connections = Connections::new(Arc::clone(&context), &options);
    let reload = Arc::new(Notify::new());
    let mut background = JoinSet::new();
    background.spawn(housekeeping::watch_registry(
        RegistryWatch::new(Arc::clone(&store), read_definitions, remarks),
        Arc::clone(&reload),
    ));
    background.spawn(housekeeping::watch_stores(Arc::clone(&context)));
    background.spawn(backups::make_backups(Arc::clone(&context)));
    background.spawn(housekeeping::flush_pushes(Arc::clone(&store)));
    background.spawn(housekeeping::tend_online_store(StoreCare::new(Arc::clone(&store))));
    background.spawn(Arc::clone(&connections).enforce_limits());
    if let Some(tls) = &options.tls {
        background.spawn(Arc::clone(tls).watch());
    }
    let mut stop = Stop {
        signals,
        reload,
        tls: options.tls,
        audit: options.answers.audit,
    };
    stop_in_order(&mut stop, listeners, &connections, &context, options.drain).await;
    // Also those whose clients wait for them.
    materializations.interrupt();
    background.abort_all();
    let stopped = move || {
        materializations.stop();
        housekeeping::flush(&store, true);
        housekeeping::log_table_changes(&store);
    };
    let feature_log = options.answers.feature_log;
    let stop_feature_log = move || feature_log.iter().for_each(|log| feature_log::stop(log));
    let stopped = async {
        // Reads are over: their log need not wait for runs that hang.
        let (stopped, logged, ()) = tokio::join!(
            tokio::task::spawn_blocking(stopped),
            tokio::task::spawn_blocking(stop_feature_log),
            context.backups.stop(),
        );
        stopped
            .and(logged)
            .map_err(|source| Error::internal(format!("runs in the background could not be stopped: {source}")))
    };
    tokio::select! {
        stopped = stopped => stopped,
        () = stop.asked_again() => {
            tracing::warn!("work in the background is cut off");
            Ok(())
        }
    }
}

/// What a server listens to beside its sockets.
struct Stop {
    signals: UnboundedReceiver<Signal>,
    reload: Arc<Notify>,
    tls: Option<Arc<Tls>>,
    audit: Option<Arc<AuditLog>>,
}

impl Stop {
    /// Waits for the next signal to stop, and does what others ask for.
    async fn asked(&mut self) {
        loop {
            match self.signals.recv().await {
                Some(Signal::Reload) => {
                    self.reload.notify_one();
                    if let Some(audit) = &self.audit {
                        audit.reopen();
                    }
                    if let Some(tls) = self.tls.clone() {
                        // Not awaited: a file system that hangs must not keep the server from stopping.
                        tokio::task::spawn_blocking(move || tls.refresh());
                    }
                }
                // Nobody can ask any more.
                Some(Signal::Stop) | None => return,
            }
        }
    }

    /// As [`Stop::asked`], for ever when nobody can ask any more.
    async fn asked_again(&mut self) {
        self.asked().await;
        if self.signals.is_closed() {
            std::future::pending().await
        }
    }
}

/// Answers requests until the signal to stop, goes on for the time of the drain, takes no more, and waits for those that are under
/// way. A second signal ends each of these waits.
async fn stop_in_order(
    stop: &mut Stop,
    listeners: Vec<Listener>,
    connections: &Arc<Connections>,
    context: &Context,
    drain: Duration,
) {
    let accept = join_all(listeners.iter().map(|listener| connections.accept(listener)));
    let mut accept = Box::pin(accept);
    tokio::select! {
        _ = &mut accept => {}
        () = stop.asked() => {}
    }
    context.draining.store(true, Ordering::SeqCst);
    connections.retire_all();
    let is_hurried = if drain.is_zero() {
        false
    } else {
        tracing::info!("taking requests for {} s more, as not ready", drain.as_secs_f64());
        tokio::select! {
            _ = &mut accept => false,
            () = tokio::time::sleep(drain) => false,
            () = stop.asked() => true,
        }
    };
    drop(accept);
    drop(listeners);
    context.materializations.close_slots();
    // Also those that came during the drain.
    connections.retire_all();
    if !is_hurried {
        tokio::select! {
            () = connections.wait_until_closed() => {}
            () = tokio::time::sleep(STOP_TIMEOUT) => {}
            () = stop.asked() => {}
        }
    }
    let cut_off = connections.end_all();
    if cut_off > 0 {
        tracing::warn!("{cut_off} connections with requests under way were cut off");
    }
}
