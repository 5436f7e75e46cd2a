//! Connections: taking them, the requests of each, the access log, and their end.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use warp::http::Request;
use warp::reply::{Reply, Response};

use crate::ServeOptions;
use crate::browser::{Head, TrustedHosts};
use crate::context::Context;
use crate::dispatch;
use crate::error::ApiError;

/// A lack of open files may be over by then.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Answers the requests of every connection until `shutdown` is done, then waits for those that are under way.
pub(crate) async fn serve(
    listener: TcpListener,
    context: Arc<Context>,
    options: &ServeOptions,
    shutdown: impl Future<Output = ()>,
) {
    let door = Arc::new(Door {
        trusted: TrustedHosts::new(options.host.clone(), context.store.config().allowed_hosts.clone()),
        routes: TowerToHyperService::new(warp::service(dispatch::routes(Arc::clone(&context)))),
        access_log: options.access_log,
        context,
    });
    let connections = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, client)) => {
                let connection = connection(stream, client, Arc::clone(&door));
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

/// What stands between a connection and the routes.
struct Door<R> {
    trusted: TrustedHosts,
    routes: R,
    access_log: bool,
    context: Arc<Context>,
}

fn connection<R>(
    stream: TcpStream,
    client: SocketAddr,
    door: Arc<Door<R>>,
) -> impl GracefulConnection<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send
where
    R: Service<Request<Incoming>, Response = Response, Error = Infallible> + Send + Sync + 'static,
    R::Future: Send,
{
    let local = stream.local_addr().ok().map(|address| address.ip());
    let service = service_fn(move |request| {
        let door = Arc::clone(&door);
        async move { Ok::<_, Infallible>(door.answer(request, client, local).await) }
    });
    let builder = Builder::new(TokioExecutor::new());
    builder.serve_connection(TokioIo::new(stream), service).into_owned()
}

impl<R> Door<R>
where
    R: Service<Request<Incoming>, Response = Response, Error = Infallible>,
{
    async fn answer(&self, request: Request<Incoming>, client: SocketAddr, local: Option<IpAddr>) -> Response {
        let started = Instant::now();
        let logged = self
            .access_log
            .then(|| (request.method().clone(), request.uri().path().to_owned()));
        let head = Head {
            version: request.version(),
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
        };
        let response = match self.trusted.check(head, local) {
            Ok(()) => {
                let Ok(response) = self.routes.call(request).await;
                response
            }
            Err(refusal) => self.refuse(refusal),
        };
        if let Some((method, path)) = logged {
            let (status, milliseconds) = (response.status().as_u16(), started.elapsed().as_secs_f64() * 1e3);
            tracing::info!(target: "feast::access", "{client} - \"{method} {path}\" {status} {milliseconds:.1}ms");
        }
        response
    }

    fn refuse(&self, refusal: ApiError) -> Response {
        self.context.admission.note_refusal(&refusal);
        refusal.into_answer().into_response()
    }
}

/// A connection that was gone before it was taken is no reason to wait; a lack of open files is.
async fn pause_after(source: &std::io::Error) {
    use ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(source.kind(), ConnectionRefused | ConnectionAborted | ConnectionReset) {
        tracing::error!("no connection can be taken for now: {source}");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}
