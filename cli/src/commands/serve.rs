//! `feast serve`.

use std::sync::Arc;

use feast_engine::{AuthType, FeatureStore, Host, RepositoryConfig, check_clock};
use feast_server::{ServeOptions, listen, serve};
use tokio::signal::unix::{SignalKind, signal};

use crate::output::{Failure, Output};
use crate::running_server::PostedAddress;
use crate::settings::{Repository, ServeSettings};

/// More would not be answered any faster.
const MOST_WAITING_THREADS: usize = 1 << 14;

/// Answers requests until SIGINT or SIGTERM.
pub(crate) fn run(repository: &Repository, settings: &ServeSettings, output: &Output) -> Result<(), Failure> {
    for option in &settings.without_effect {
        output.warning(&format!("{option} has no effect here"));
    }
    // Dates of answers could not be written, and each connection would end without one.
    check_clock()?;
    let config = repository.settings(output)?;
    check_sign_in(&config)?;
    config.without_effect.iter().for_each(|line| output.warning(line));
    let store = Arc::new(FeatureStore::open(config)?);
    // Reads and writes that wait for disks have as many threads as are admitted, each apart, and the housekeeping some more.
    let limits = store.config().limits;
    let waiting_threads = 2 * limits.requests.min(MOST_WAITING_THREADS / 2) + 16;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(settings.threads)
        .max_blocking_threads(waiting_threads)
        .thread_name("feast-serve")
        .enable_all()
        .build()
        .map_err(|source| Failure::new(format!("cannot start {} threads: {source}", settings.threads)))?;
    let outcome = runtime.block_on(async {
        let address = format!("{}:{}", settings.host, settings.port);
        let listener = listen(&settings.host, settings.port, &limits).await.map_err(|source| {
            let failure = Failure::new(format!("cannot listen on {address}: {source}"));
            match source.kind() {
                std::io::ErrorKind::AddrInUse => {
                    failure.with_hint("another server listens there: stop it, or choose another port with --port")
                }
                _ => failure,
            }
        })?;
        let failed = |source: std::io::Error| Failure::new(format!("cannot prepare the server: {source}"));
        let bound = listener.local_addr().map_err(failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        store.open_online_store()?;
        complete_pushes(&store, output);
        let _posted = PostedAddress::post(&store, bound)?;
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
        serve(
            listener,
            Arc::clone(&store),
            ServeOptions {
                host: Host::parse(&settings.host),
                access_log: settings.access_log,
                threads: settings.threads,
            },
            shutdown,
        )
        .await?;
        output.note("Feature server stopped");
        Ok(())
    });
    // The store must not be in use when the process ends: materializations stop at their next batch of rows, what they have
    // written stays.
    runtime.shutdown_timeout(std::time::Duration::from_secs(30));
    outcome
}

/// A server that was told to ask for tokens must not answer without.
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

/// What an earlier process has answered for, but not done.
fn complete_pushes(store: &FeatureStore, output: &Output) {
    match store.complete_pushes() {
        Ok(0) => {}
        Ok(pushes) => output.note(&format!("Completed {pushes} pushes that were cut off")),
        Err(error) => output.warning(&format!(
            "pushes stay in the log and are tried again at the next start: {error}"
        )),
    }
}
