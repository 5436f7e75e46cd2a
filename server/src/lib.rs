//! The Feast feature server's HTTP endpoints over a [`FeatureStore`].
//!
//! Owns the wire format: JSON in and out, Feast's error bodies, status codes. Knows nothing of RocksDB, parquet or the
//! registry file; the socket and the signal to stop come from outside.
//!
//! A request passes `connections`, `layers` and `dispatch`, and is answered by an endpoint of `routes`.

mod admission;
mod body;
mod connections;
mod context;
mod dispatch;
mod endpoints;
mod error;
mod housekeeping;
mod http;
mod layers;
mod log_limit;
mod materialization_queue;
mod routes;
#[cfg(feature = "stages")]
pub mod stages;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use feast_conversion::Numbers;
use feast_engine::model::FeatureSelection;
use feast_engine::{Error, FeatureStore, Host, ServingLimits};
use serde_json::Value;
use tokio::net::TcpListener;

use admission::Admission;
use context::Context;
pub use endpoints::health::STORE_HEADER;
pub use housekeeping::ReadDefinitions;
use layers::browser::TrustedHosts;
use materialization_queue::MaterializationQueue;
use wire::entities::{KeyValues, entity_rows};
use wire::response::{Layout, write_feature_vectors};

/// How long open requests may go on after the signal to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How a server is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeOptions {
    /// The host that the server listens on as it was configured: browsers may reach it under that name.
    pub host: Option<Host>,
    /// Log a line for each request.
    pub access_log: bool,
    /// How many large reads are answered at once.
    pub threads: usize,
}

/// What `POST /get-online-features` answers in columns, for callers without a server.
///
/// `entities` holds a list of JSON values for each join key.
///
/// # Errors
/// As the endpoint: `NotFound` for an unknown view, `Invalid` for wrong references and keys.
pub fn online_features(
    store: &FeatureStore,
    selection: &FeatureSelection,
    entities: Vec<(String, Vec<Value>)>,
) -> Result<Value, Error> {
    let plan = store.plan(selection, false)?;
    let entities = entities
        .into_iter()
        .map(|(name, keys)| (name, KeyValues::Json(keys, Numbers::Exact)));
    let entities = entity_rows(&plan, &entities.collect())?;
    let vectors = store.read(&plan, &entities)?;
    let json = write_feature_vectors(&vectors, Layout::Columns, None);
    serde_json::from_slice(&json).map_err(|source| Error::internal(format!("the answer is not JSON: {source}")))
}

/// Listens on a host and a port for [`serve`].
///
/// # Errors
/// Those of the socket.
pub async fn listen(host: &str, port: u16, limits: &ServingLimits) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind((host, port)).await?;
    // Before the first connection, as connections take over the options that their listener has when they come.
    limit_sending(&listener, limits.send_timeout);
    Ok(listener)
}

/// Answers requests on `listener` until `shutdown` is done, then lets open requests end. `read_definitions` reads those of the repository,
/// for functions of which the registry does not know everything.
///
/// # Errors
/// `Unavailable` when the threads of the server cannot be started.
pub async fn serve(
    listener: TcpListener,
    store: Arc<FeatureStore>,
    options: ServeOptions,
    read_definitions: ReadDefinitions,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    housekeeping::warn_of_unsupported_objects(&store);
    housekeeping::log_table_changes(&store);
    materialization_queue::warn_of_marked_views(&store);
    let materializations = MaterializationQueue::start(Arc::clone(&store))?;
    let context = Arc::new(Context {
        materializations: Arc::clone(&materializations),
        admission: Admission::new(store.config().limits, options.threads),
        trusted_hosts: TrustedHosts::new(options.host, store.config().allowed_hosts.clone()),
        access_log: options.access_log,
        store: Arc::clone(&store),
    });
    // Ends by itself, within the response timeout.
    tokio::spawn(housekeeping::warn_of_former_keys(Arc::clone(&store)));
    let functions_log = Arc::<housekeeping::FunctionsLog>::default();
    let prepared = housekeeping::prepare_functions(
        Arc::clone(&store),
        Arc::clone(&read_definitions),
        Arc::clone(&functions_log),
    );
    tokio::spawn(prepared);
    let refresher = tokio::spawn(housekeeping::watch_registry(
        Arc::clone(&store),
        read_definitions,
        functions_log,
    ));
    let flusher = tokio::spawn(housekeeping::flush_pushes(Arc::clone(&store)));
    let tender = tokio::spawn(housekeeping::tend_online_store(Arc::clone(&store)));
    let (stopping, mut stopped) = tokio::sync::watch::channel(false);
    let signal = async move {
        shutdown.await;
        // The receiver is gone only when the server has ended by itself.
        let _ = stopping.send(true);
    };
    let server = connections::serve(listener, context, signal);
    let drained = async move {
        if stopped.wait_for(|stopping| *stopping).await.is_ok() {
            tokio::time::sleep(DRAIN_TIMEOUT).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = server => {}
        () = drained => tracing::warn!("requests still open {} s after the signal to stop were cut off", DRAIN_TIMEOUT.as_secs()),
    }
    // Also those whose clients wait for them.
    materializations.interrupt();
    refresher.abort();
    flusher.abort();
    tender.abort();
    let stopped = move || {
        materializations.stop();
        housekeeping::flush(&store, true);
        housekeeping::log_table_changes(&store);
    };
    tokio::task::spawn_blocking(stopped)
        .await
        .map_err(|source| Error::internal(format!("runs in the background could not be stopped: {source}")))
}

/// Ends connections whose client has taken nothing of what was sent for `timeout`: it would hold the memory of its response. hyper has
/// no time limit for sending. HTTP/2, which no client of Feast speaks, is not covered: a client that takes the bytes and gives no
/// credit for more is not noticed.
#[cfg(target_os = "linux")]
fn limit_sending(listener: &TcpListener, timeout: Duration) {
    if let Err(source) = socket2::SockRef::from(listener).set_tcp_user_timeout(Some(timeout)) {
        tracing::warn!("connections of clients that do not read their responses are not ended: {source}");
    }
}

/// Only Linux has the option.
#[cfg(not(target_os = "linux"))]
fn limit_sending(_listener: &TcpListener, _timeout: Duration) {}
