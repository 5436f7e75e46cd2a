//! `feast serve`: the server in the process, from its threads to its signals.

use std::sync::Arc;
use std::time::Duration;

use feast_engine::{
    AuthType, ErrorKind, FeatureStore, Host, OnlineStoreConfig, RepositoryConfig, ServingLimits, check_clock,
};
use feast_server::{ServeOptions, listen, serve};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::block_in_place;

use crate::commands::apply;
use crate::output::{Failure, Output};
use crate::running_server::ServerLockfile;
use crate::settings::{Repository, ServeSettings};

/// More threads that wait for disks would not answer any faster.
const MAX_BLOCKING_THREADS: usize = 1 << 14;
/// How long the end of the process waits for threads that are at work.
const RUNTIME_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// How many tasks a thread runs before it looks at its sockets again: the default of the runtime.
const DEFAULT_EVENT_INTERVAL: u32 = 61;
/// With Redis a thread that decodes one response after the other would leave Redis without work: requests that have come meanwhile are
/// not read, so all wait for Redis and then all for the thread. Four batches of 100 x 50 at once get 1,150 responses a second instead of
/// 780, and single reads are as fast as before.
const EVENT_INTERVAL_WITH_REDIS: u32 = 2;

/// Answers requests until SIGINT or SIGTERM.
pub(crate) fn run(repository: &Repository, settings: &ServeSettings, output: &Output) -> Result<(), Failure> {
    for option in &settings.without_effect {
        output.warning(&format!("{option} has no effect here"));
    }
    // Otherwise the dates of responses could not be written, and each connection would end without a response.
    check_clock()?;
    let config = repository.settings(output)?;
    check_sign_in(&config)?;
    config.without_effect.iter().for_each(|line| output.warning(line));
    let store = Arc::new(FeatureStore::open(config)?);
    let runtime = runtime(settings, store.config())?;
    let outcome = runtime.block_on(serve_until_signal(&store, settings, output));
    // The store must not be in use when the process ends: materializations stop at their next batch of rows, what they have
    // written stays.
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN_TIMEOUT);
    outcome
}

fn runtime(settings: &ServeSettings, config: &RepositoryConfig) -> Result<Runtime, Failure> {
    let limits = config.limits;
    let event_interval = match &config.online_store {
        OnlineStoreConfig::Redis(_) => EVENT_INTERVAL_WITH_REDIS,
        OnlineStoreConfig::RocksDb { .. } | OnlineStoreConfig::Sqlite { .. } => DEFAULT_EVENT_INTERVAL,
    };
    // As many threads as reads and as writes are admitted, and some more for the housekeeping.
    let blocking_threads = 2 * limits.requests.min(MAX_BLOCKING_THREADS / 2) + 16;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(settings.threads)
        .event_interval(event_interval)
        .max_blocking_threads(blocking_threads)
        .thread_name("feast-serve")
        .enable_all()
        .build()
        .map_err(|source| Failure::new(format!("cannot start {} threads: {source}", settings.threads)))
}

async fn serve_until_signal(
    store: &Arc<FeatureStore>,
    settings: &ServeSettings,
    output: &Output,
) -> Result<(), Failure> {
    let listener = listener(settings, &store.config().limits).await?;
    let failed = |source: std::io::Error| Failure::new(format!("cannot prepare the server: {source}"));
    let bound = listener.local_addr().map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    // They wait for disks and for the network, which the thread of a runtime must not.
    block_in_place(|| {
        store.open_online_store()?;
        complete_pushes(store, output);
        // What is wrong with the definitions is said by the server, which reads them again when the registry changes.
        let _ = store.supply_module_names(|| apply::definitions(store.config()));
        Ok::<_, Failure>(())
    })?;
    let _lockfile = ServerLockfile::create(store, bound)?;
    if !bound.ip().to_canonical().is_loopback() {
        output.warning(&format!(
            "nobody has to sign in: who reaches {bound} can read and write all features. Let only trusted clients reach it"
        ));
    }
    output.note(&format!(
        "Feature server of project {} listens on http://{bound}",
        store.config().project
    ));
    let shutdown = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let options = ServeOptions {
        host: Host::parse(&settings.host),
        access_log: settings.access_log,
        threads: settings.threads,
    };
    let config = store.config().clone();
    let read_definitions = Arc::new(move || apply::definitions(&config));
    serve(listener, Arc::clone(store), options, read_definitions, shutdown).await?;
    output.note("Feature server stopped");
    Ok(())
}

async fn listener(settings: &ServeSettings, limits: &ServingLimits) -> Result<TcpListener, Failure> {
    let (host, port) = (&settings.host, settings.port);
    listen(host, port, limits).await.map_err(|source| {
        let failure = Failure::new(format!("cannot listen on {host}:{port}: {source}"));
        match source.kind() {
            std::io::ErrorKind::AddrInUse => {
                failure.with_hint("another server listens there: stop it, or choose another port with --port")
            }
            _ => failure,
        }
    })
}

/// A server that is configured to check tokens must not answer without checking them.
fn check_sign_in(config: &RepositoryConfig) -> Result<(), Failure> {
    match config.auth {
        AuthType::NoAuth => Ok(()),
        AuthType::Oidc | AuthType::Kubernetes => Err(Failure::new(format!(
            "auth.type is {}, but this server cannot check tokens yet: it would answer everybody",
            config.auth.name()
        ))
        .with_hint(
            "let a proxy in front of the server sign people in and serve with auth: {type: no_auth}, or serve with Python Feast",
        )),
    }
}

/// Completes the pushes that an earlier process has acknowledged, but not completed.
fn complete_pushes(store: &FeatureStore, output: &Output) {
    match store.complete_pushes() {
        Ok(0) => {}
        Ok(pushes) => output.note(&format!("Completed {pushes} pushes that were cut off")),
        // Another server has the log of pushes open.
        Err(error) if error.kind() == ErrorKind::Conflict => output.warning(&format!(
            "pushes to both stores are refused by this server: {error}{}",
            error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default()
        )),
        Err(error) => output.warning(&format!(
            "pushes stay in the log and are tried again at the next start: {error}"
        )),
    }
}
