//! `feast serve`: the server in the process, from its threads to its signals.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use feast_engine::{
    Access, AuditSink, ErrorKind, FeatureStore, Host, MetricsConfig, OnlineStoreConfig, RepositoryConfig, check_clock,
    format_duration,
};
use feast_server::{AnswerOptions, ConnectionLimits, Listener, Purpose, ServeOptions, Signal, Tls, log_remark, serve};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::{block_in_place, spawn_blocking};

use crate::commands::apply;
use crate::external_services::ExternalServices;
use crate::log::LogLevel;
use crate::open_files;
use crate::output::{Failure, Output};
use crate::running_server::CommandSocket;
use crate::settings::{Repository, ServeSettings};

/// More threads that wait for disks would not answer any faster.
const MAX_BLOCKING_THREADS: usize = 1 << 14;
/// How long the end of the process waits for threads that are at work.
const RUNTIME_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);
/// The same after the second signal: enough for those that only have to look whether they should go on.
const HURRIED_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);
/// Between two looks whether there was a second signal.
const SIGNAL_LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// How long the end waits for the lines of the audit log that are not written.
const AUDIT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it waits for them, and for a collector, after the second signal.
const HURRIED_TIMEOUT: Duration = Duration::from_millis(500);
/// How long the end waits for a collector that does not answer.
const TRACES_TIMEOUT: Duration = Duration::from_secs(3);

/// What is said at the end.
const STOPPED: &str = "Feature server stopped";

/// How many tasks a thread runs before it looks at its sockets again: the default of the runtime.
const DEFAULT_EVENT_INTERVAL: u32 = 61;
/// With Redis a thread that decodes one response after the other would leave Redis without work: requests that have come meanwhile are
/// not read, so all wait for Redis and then all for the thread. Four batches of 100 x 50 at once get 1,150 responses a second instead of
/// 780, and single reads are as fast as before.
const EVENT_INTERVAL_WITH_REDIS: u32 = 2;

/// Answers requests until SIGINT or SIGTERM; the second of them ends it at once.
pub(crate) fn run(
    repository: &Repository,
    settings: &ServeSettings,
    log_level: LogLevel,
    output: &Output,
) -> Result<(), Failure> {
    for option in &settings.without_effect {
        output.warning(&format!("{option} has no effect here"));
    }
    // Otherwise the dates of responses could not be written, and each connection would end without a response.
    check_clock()?;
    let config = repository.settings(output)?;
    let services = ExternalServices::start(&config, output)?;
    config.without_effect.iter().for_each(|line| output.warning(line));
    let store = Arc::new(FeatureStore::open_with(config, settings.access)?);
    let runtime = runtime(settings, store.config())?;
    let stops = Arc::new(AtomicUsize::new(0));
    let outcome = runtime.block_on(serve_until_signal(
        &store,
        &services,
        repository,
        settings,
        (log_level, &stops),
        output,
    ));
    shut_down(runtime, &stops);
    // Whatever was under way has left its line.
    if let Some(audit) = services.audit {
        audit.stop(patience(&stops, AUDIT_TIMEOUT));
    }
    if let Some(traces) = services.traces {
        traces.stop(patience(&stops, TRACES_TIMEOUT));
    }
    outcome
}

/// How long the end waits for something: after the second signal only as long as what is at hand takes.
fn patience(stops: &AtomicUsize, usual: Duration) -> Duration {
    match stops.load(Ordering::Relaxed) {
        0 | 1 => usual,
        _ => usual.min(HURRIED_TIMEOUT),
    }
}

/// Waits for threads that are at work: the store must not be in use when the process ends. Materializations stop at their next batch of rows,
/// what they have written stays. One that hangs is waited for until the time is over, or the second signal to stop comes.
fn shut_down(runtime: Runtime, stops: &AtomicUsize) {
    let (ended, is_ended) = mpsc::channel();
    let waits = thread::Builder::new().name("shutdown".to_owned()).spawn(move || {
        runtime.shutdown_timeout(RUNTIME_SHUTDOWN_TIMEOUT);
        let _ = ended.send(());
    });
    if waits.is_err() {
        return;
    }
    while stops.load(Ordering::Relaxed) < 2 {
        match is_ended.recv_timeout(SIGNAL_LOOK_INTERVAL) {
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
    }
    let _ = is_ended.recv_timeout(HURRIED_SHUTDOWN_TIMEOUT);
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
    services: &ExternalServices,
    repository: &Repository,
    settings: &ServeSettings,
    (log_level, stops): (LogLevel, &Arc<AtomicUsize>),
    output: &Output,
) -> Result<(), Failure> {
    // Before anything waits for disks: a wrong certificate or a port in use is said at once.
    let tls = settings.tls.clone().map(Tls::load).transpose()?.map(Arc::new);
    let (mut listeners, place) = listeners(settings, store.config(), services.sign_in.is_some(), output).await?;
    let metrics = metrics(settings, store.config());
    store.check_feature_log()?;
    store.feature_log_remarks().iter().for_each(|line| output.warning(line));
    let signals = signals(store, repository.clone(), log_level, stops)
        .map_err(|source| Failure::new(format!("cannot prepare the server: {source}")))?;
    // They wait for disks and for the network, which the thread of a runtime must not.
    let is_open = block_in_place(|| {
        if !open_online_store(store, settings.lock_wait, stops, output)? {
            return Ok(false);
        }
        if settings.access == Access::ReadWrite {
            complete_pushes(store, output);
        }
        // What is wrong with the definitions is said by the server, which reads them again when the registry changes.
        let _ = store.supply_module_names(|| apply::definitions(store.config()));
        Ok::<_, Failure>(true)
    })?;
    if !is_open {
        output.note(STOPPED);
        return Ok(());
    }
    // Commands have nothing to hand over to one that only reads.
    let commands = match settings.access {
        Access::ReadWrite => CommandSocket::listen(store, &place)?,
        Access::ReadOnly => None,
    };
    let _commands = commands.map(|(socket, listener)| {
        listeners.push(listener);
        socket
    });
    output.note(&format!(
        "Feature server of project {} listens on {place}{}",
        store.config().project,
        match settings.access {
            Access::ReadWrite => "",
            Access::ReadOnly => " and only reads",
        }
    ));
    if let Some(audit) = &store.config().audit {
        output.note(&format!("Requests are recorded in {}", place_of(&audit.sink)));
    }
    if let Some(config) = metrics.as_ref().filter(|config| config.is_enabled) {
        let listener = metrics_listener(config, store.config().limits.send_timeout).await?;
        if let Some(address) = listener.local_address() {
            output.note(&format!("Metrics are on http://{address}"));
        }
        listeners.push(listener);
    }
    if let Some(traces) = &services.traces {
        output.note(&format!("Traces go to {}", traces.endpoint()));
    }
    // Last of all: it begins to hand over what an earlier server has left, which no error of the above may cut off.
    let feature_log = store.start_feature_log(Arc::new(log_remark))?;
    let options = ServeOptions {
        answers: AnswerOptions {
            metrics,
            traces: services.traces.clone(),
            access_log: settings.access_log,
            lost_log_lines: output.lost_lines(),
            threads: settings.threads,
            feature_log,
            sign_in: services.sign_in.clone(),
            audit: services.audit.clone(),
        },
        host: settings.address.as_ref().and_then(|(host, _)| Host::parse(host)),
        connections: connection_limits(settings, store.config(), output),
        tls,
        drain: settings.drain,
    };
    let config = store.config().clone();
    let read_definitions = Arc::new(move || apply::definitions(&config));
    serve(listeners, Arc::clone(store), options, read_definitions, signals).await?;
    output.note(STOPPED);
    Ok(())
}

/// Opens the online store, for which it waits as long as another process has it open. Says whether it is open: it is not where the signal to
/// stop came before.
fn open_online_store(
    store: &FeatureStore,
    patience: Duration,
    stops: &AtomicUsize,
    output: &Output,
) -> Result<bool, Failure> {
    let begun = Instant::now();
    let is_to_stop = || stops.load(Ordering::Relaxed) > 0;
    let mut is_told = false;
    let opened = store.open_online_store_when_free(|place, holder| {
        let goes_on = begun.elapsed() < patience && !is_to_stop();
        if goes_on && !is_told {
            is_told = true;
            output.note(&format!(
                "Waiting for {} at most until {} has closed {}",
                format_duration(patience),
                holder.in_words(),
                place.display()
            ));
        }
        goes_on
    });
    match opened {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::Conflict && is_to_stop() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// What is listened on, and how that is called.
async fn listeners(
    settings: &ServeSettings,
    config: &RepositoryConfig,
    asks_to_sign_in: bool,
    output: &Output,
) -> Result<(Vec<Listener>, String), Failure> {
    let (mut listeners, mut places) = (Vec::new(), Vec::new());
    if let Some((host, port)) = &settings.address {
        let listener = Listener::on_port(host, *port, config.limits.send_timeout).await;
        let listener = listener.map_err(|source| cannot_listen(host, *port, &source))?;
        let bound = listener.local_address();
        let bound = bound.ok_or_else(|| Failure::new(format!("cannot listen on {host}:{port}: it has no address")))?;
        let scheme = if settings.tls.is_some() { "https" } else { "http" };
        if let Some(exposure) = exposure(bound, settings, asks_to_sign_in) {
            output.warning(&exposure);
        }
        listeners.push(listener);
        places.push(format!("{scheme}://{bound}"));
    }
    if let Some((path, mode)) = &settings.socket {
        let listener = Listener::on_socket(path, *mode).map_err(|source| cannot_listen_on_socket(path, &source))?;
        listeners.push(listener);
        places.push(format!("unix:{}", path.display()));
    }
    Ok((listeners, places.join(" and ")))
}

/// Why a server does not listen on a port.
pub(super) fn cannot_listen(host: &str, port: u16, source: &std::io::Error) -> Failure {
    let failure = Failure::new(format!("cannot listen on {host}:{port}: {source}"));
    match source.kind() {
        std::io::ErrorKind::AddrInUse => {
            failure.with_hint("another server listens there: stop it, or choose another port with --port")
        }
        _ => failure,
    }
}

/// Why a server does not listen on a Unix socket.
pub(super) fn cannot_listen_on_socket(path: &Path, source: &std::io::Error) -> Failure {
    let failure = Failure::new(format!("cannot listen on {}: {source}", path.display()));
    match source.kind() {
        std::io::ErrorKind::AddrInUse => {
            failure.with_hint("another server listens on it, or it is a file: stop the server, or name another path")
        }
        _ => failure,
    }
}

/// Why a server does not listen for Prometheus.
pub(super) fn cannot_listen_for_metrics(host: &str, port: u16, source: &std::io::Error) -> Failure {
    Failure::new(format!("cannot listen on {host}:{port} for metrics: {source}"))
        .with_hint("choose another port with serving.metrics_port in feature_store.yaml")
}

/// What to say of a server that listens on this address, if others than this machine reach it.
pub(super) fn exposure(bound: SocketAddr, settings: &ServeSettings, asks_to_sign_in: bool) -> Option<String> {
    let tls = settings.tls.as_ref();
    let asks_for_certificates = tls.is_some_and(|files| files.client_authorities.is_some());
    if bound.ip().to_canonical().is_loopback() {
        return None;
    }
    match asks_to_sign_in {
        true if tls.is_none() => Some(format!(
            "tokens come to {bound} in clear: who is in between can take them and use them. Serve with --key and --cert, or behind a \
             proxy that speaks TLS"
        )),
        false if !asks_for_certificates => Some(format!(
            "nobody has to sign in: who reaches {bound} can read and write all features. Let only trusted clients reach it"
        )),
        _ => None,
    }
}

/// Where an audit log is, in words.
pub(super) fn place_of(sink: &AuditSink) -> String {
    match sink {
        AuditSink::File(path) => path.display().to_string(),
        AuditSink::Stdout => "the standard output".to_owned(),
        AuditSink::Logger => "this log, at level info".to_owned(),
    }
}

/// What is counted, and where it is served. `None` when nobody asks for it.
pub(super) fn metrics(settings: &ServeSettings, config: &RepositoryConfig) -> Option<MetricsConfig> {
    let mut metrics = config.metrics.clone();
    metrics.is_enabled |= settings.metrics;
    (metrics.is_enabled || metrics.has_route).then_some(metrics)
}

/// Where Prometheus looks: the first of these that can be listened on. A machine may have no IPv6.
pub(super) fn metrics_hosts(config: &MetricsConfig) -> Vec<&str> {
    const ALL: [&str; 2] = ["::", "0.0.0.0"];
    config.host.as_deref().map_or_else(|| ALL.to_vec(), |host| vec![host])
}

/// Listens where Prometheus looks: on all addresses, unless the settings say otherwise.
async fn metrics_listener(config: &MetricsConfig, send_timeout: Duration) -> Result<Listener, Failure> {
    let mut failure = None;
    for host in metrics_hosts(config) {
        match Listener::on_port(host, config.port, send_timeout).await {
            Ok(listener) => return Ok(listener.with_purpose(Purpose::Metrics)),
            Err(source) => failure = Some(cannot_listen_for_metrics(host, config.port, &source)),
        }
    }
    Err(failure.unwrap_or_else(|| Failure::new("there is no host to listen on for metrics".to_owned())))
}

fn connection_limits(settings: &ServeSettings, config: &RepositoryConfig, output: &Output) -> ConnectionLimits {
    let open_files = open_files::raise_limit();
    let most = open_files::for_connections(open_files);
    if let Some(lack) = lack_of_files(settings, open_files) {
        output.warning(&lack);
    }
    ConnectionLimits {
        connections: settings.connections.min(most),
        keep_alive: settings.keep_alive,
        head: config.connections.head_timeout,
        lifetime: config.connections.lifetime,
        send: config.limits.send_timeout,
    }
}

/// What to say when not as many connections can be open as were asked for.
pub(super) fn lack_of_files(settings: &ServeSettings, open_files: u64) -> Option<String> {
    let most = open_files::for_connections(open_files);
    (settings.connections > most).then(|| {
        format!(
            "{most} connections can be open, not {}: the process may have {open_files} files open, and the store needs some of them",
            settings.connections
        )
    })
}

/// The signals of the process as what they ask the server for, and in `stops` how often they asked it to stop. SIGHUP also reads the level
/// of the log again. They are heard on a thread of their own, also when the threads of the server have ended or hang.
fn signals(
    store: &Arc<FeatureStore>,
    repository: Repository,
    log_level: LogLevel,
    stops: &Arc<AtomicUsize>,
) -> std::io::Result<UnboundedReceiver<Signal>> {
    let in_force = Arc::new(store.config().clone());
    log_level.configure(in_force.log_level.as_deref());
    let (log_level, stops) = (Arc::new(log_level), Arc::clone(stops));
    let (asked, signals) = unbounded_channel();
    let (ready, is_ready) = mpsc::channel();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let hear = async {
            let [interrupt, terminate, hang_up] =
                [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
            let (mut interrupt, mut terminate, mut hang_up) = match (interrupt, terminate, hang_up) {
                (Ok(interrupt), Ok(terminate), Ok(hang_up)) => (interrupt, terminate, hang_up),
                (Err(source), _, _) | (_, Err(source), _) | (_, _, Err(source)) => {
                    let _ = ready.send(Err(source));
                    return;
                }
            };
            // A file that may not grow (`ulimit -f`) fails its write. Where nobody hears this signal it ends the process.
            let _too_large = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
            let _ = ready.send(Ok(()));
            loop {
                let signal = tokio::select! {
                    _ = interrupt.recv() => Signal::Stop,
                    _ = terminate.recv() => Signal::Stop,
                    _ = hang_up.recv() => Signal::Reload,
                };
                match signal {
                    Signal::Stop => {
                        stops.fetch_add(1, Ordering::Relaxed);
                    }
                    Signal::Reload => {
                        let (repository, in_force) = (repository.clone(), Arc::clone(&in_force));
                        let log_level = Arc::clone(&log_level);
                        // Not awaited: a file system that hangs must not keep the server from stopping.
                        spawn_blocking(move || reload_log_level(&repository, &in_force, &log_level));
                    }
                }
                // The server may have stopped by now.
                let _ = asked.send(signal);
            }
        };
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(hear),
            Err(source) => drop(ready.send(Err(source))),
        }
    })?;
    let heard = is_ready.recv();
    heard.unwrap_or_else(|_| Err(std::io::Error::other("the thread that hears them has ended")))?;
    Ok(signals)
}

/// Also names keys that a server takes over at its start only, and that have another value in the file now. What becomes of the registry and
/// of the files of TLS is said by those who read them.
fn reload_log_level(repository: &Repository, in_force: &RepositoryConfig, log_level: &LogLevel) {
    match repository.read_settings() {
        Ok(config) => {
            log_level.configure(config.log_level.as_deref());
            let changed = in_force.changes_for_a_restart(&config);
            if !changed.is_empty() {
                tracing::warn!(
                    "these settings have changed, and count after a restart: {}",
                    changed.join(", ")
                );
            }
            tracing::info!("the level of the log is read again from the settings; other settings need a restart");
        }
        Err(error) => tracing::error!("the level of the log stays as it was: {error}"),
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
