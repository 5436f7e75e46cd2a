//! Connections: taking them, the requests of each through warp to the layers, and their end.
//!
//! The loop is our own, on warp's hyper: warp's logs each broken connection as an error, without its client.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use warp::http::{Uri, Version};
use warp::{Filter, Reply};

use crate::context::Context;
use crate::error::ApiError;
use crate::http::{Head, Peer};
use crate::layers;

/// How long to wait when no connection can be taken: a lack of open files may be over by then.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Answers the requests of every connection until `shutdown` is done, then waits for those that are under way.
pub(crate) async fn serve(listener: TcpListener, context: Arc<Context>, shutdown: impl Future<Output = ()>) {
    let connections = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, client)) => {
                let local = stream.local_addr().ok().map(|address| address.ip());
                let connection = connection(stream, Peer { client, local }, Arc::clone(&context));
                let connection = connections.watch(connection);
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!("{client} - connection ended: {error}");
                    }
                });
            }
            Err(source) => pause_after(&source).await,
        }
    }
    drop(listener);
    connections.shutdown().await;
}

fn connection(
    stream: TcpStream,
    peer: Peer,
    context: Arc<Context>,
) -> impl GracefulConnection<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send {
    let service = service_fn(move |request: Request<Incoming>| {
        let arrival = Arrival {
            peer,
            version: request.version(),
            uri: request.uri().clone(),
        };
        TowerToHyperService::new(warp::service(answered(Arc::clone(&context), arrival))).call(request)
    });
    let builder = Builder::new(TokioExecutor::new());
    builder.serve_connection(TokioIo::new(stream), service).into_owned()
}

/// What warp's filters do not see of a request. Its `path::full` even panics where a request line names a host only.
#[derive(Clone)]
struct Arrival {
    peer: Peer,
    version: Version,
    uri: Uri,
}

/// The filter of one request. It is a value of some words, and so costs less than what would carry `arrival` through warp.
fn answered(
    context: Arc<Context>,
    arrival: Arrival,
) -> impl Filter<Extract = (impl Reply,), Error = Infallible> + Clone + Send + Sync + 'static {
    warp::method()
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(move |method, headers, body| {
            let Arrival { peer, version, uri } = arrival.clone();
            let head = Box::new(Head {
                peer,
                version,
                method,
                uri,
                headers,
            });
            layers::answer(Arc::clone(&context), head, body)
        })
        // Nothing above rejects a request.
        .recover(|_| async { Ok::<_, Infallible>(ApiError::NoSuchPath.into_response()) })
        .unify()
}

/// A connection that was gone before it was taken is not a reason to wait; a lack of open files is.
async fn pause_after(source: &std::io::Error) {
    use ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(source.kind(), ConnectionRefused | ConnectionAborted | ConnectionReset) {
        tracing::error!("no connection can be taken for now: {source}");
        tokio::time::sleep(ACCEPT_RETRY_INTERVAL).await;
    }
}
