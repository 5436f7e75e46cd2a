//! The Feast feature server's HTTP endpoints over a [`FeatureStore`].
//!
//! Owns the wire format: JSON in and out, Feast's error bodies, status codes. Knows nothing of RocksDB, parquet or the
//! registry file; the socket and the signal to stop come from outside.

mod endpoints;
mod error;
mod message;
mod refresh;
mod routes;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use feast_engine::FeatureStore;
use tokio::net::TcpListener;

/// How long open requests may go on after the signal to stop.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// What a server does beside answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeOptions {
    /// Log a line for each request.
    pub access_log: bool,
}

/// Answers requests on `listener` until `shutdown` is done, then lets open requests end.
pub async fn serve(
    listener: TcpListener,
    store: Arc<FeatureStore>,
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let refresher = tokio::spawn(refresh::watch_registry(Arc::clone(&store)));
    let (stopping, mut stopped) = tokio::sync::watch::channel(false);
    let signal = async move {
        shutdown.await;
        // Nobody listens any more only when the server has ended by itself.
        let _ = stopping.send(true);
    };
    let server = warp::serve(routes::routes(store, options))
        .incoming(listener)
        .graceful(signal)
        .run();
    let drained = async move {
        if stopped.wait_for(|stopping| *stopping).await.is_ok() {
            tokio::time::sleep(DRAIN_TIME).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = server => {}
        () = drained => tracing::warn!("requests still open {} s after the signal to stop were cut off", DRAIN_TIME.as_secs()),
    }
    refresher.abort();
}
