//! `feast lambda`: the server's answers in a function of AWS Lambda, from what is opened before the first event to the end of the process.
//!
//! What keeps it from starting is told to AWS and printed, and the process ends with 1. It takes no signals: each answer leaves
//! nothing undone, so it can be ended at any time.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use feast_engine::{Access, FeatureStore, OnlineStoreConfig, RepositoryConfig, check_clock};
use feast_lambda::{RuntimeApi, answer_events, check_environment};
use feast_server::{AnswerOptions, Responder};
use tokio::runtime::Runtime;

use crate::args::LambdaArguments;
use crate::commands::apply;
use crate::external_services::ExternalServices;
use crate::log::LogLevel;
use crate::output::{Failure, Output};
use crate::settings::Repository;

/// The name, in the temporary directory, of what a backup is restored to, and with `.lock` of the file that its process holds.
const RESTORED: &str = "feast-lambda";

/// Answers events until AWS ends the process.
pub(crate) fn run(
    repository: &Repository,
    arguments: &LambdaArguments,
    log_level: &LogLevel,
    output: &Output,
) -> Result<(), Failure> {
    let api = RuntimeApi::from_environment()?;
    // With the threads of `serve`: a read of many rows is done by several.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("feast-lambda")
        .enable_all()
        .build()
        .map_err(|source| Failure::new(format!("cannot start the threads of the function: {source}")))?;
    let function = match Function::start(&runtime, repository, arguments, log_level, output) {
        Ok(function) => function,
        Err(failure) => {
            runtime.block_on(api.report_init_error(&failure.text()));
            return Err(failure);
        }
    };
    let base_path = arguments.base_path.as_deref();
    match runtime.block_on(answer_events(&api, &function.responder, base_path)) {
        Ok(never) => match never {},
        Err(error) => Err(error.into()),
    }
}

/// All that is opened before the first event.
struct Function {
    responder: Responder,
    /// Held for as long as the restored files are in use.
    _restored: Option<File>,
}

impl Function {
    fn start(
        runtime: &Runtime,
        repository: &Repository,
        arguments: &LambdaArguments,
        log_level: &LogLevel,
        output: &Output,
    ) -> Result<Self, Failure> {
        check_environment()?;
        check_clock()?;
        let mut config = repository.settings(output)?;
        log_level.configure(config.log_level.as_deref());
        config.without_effect.iter().for_each(|line| output.warning(line));
        if config.metrics.is_enabled {
            output.warning("metrics have no port in a function: serving.metrics_route serves them under /metrics");
        }
        let services = ExternalServices::start(&config, output)?;
        let mut restored = None;
        if let Some(backup) = &arguments.restore {
            let lock;
            (config, lock) = restore(config, backup, output)?;
            restored = Some(lock);
        }
        let access = match config.online_store {
            OnlineStoreConfig::Redis(_) => {
                // What others write is told to a process that runs, and counted by a clock that may stand still with it.
                config = config.without_rows_in_memory();
                Access::ReadWrite
            }
            OnlineStoreConfig::RocksDb { .. } | OnlineStoreConfig::Sqlite { .. } => Access::ReadOnly,
        };
        let store = Arc::new(FeatureStore::open_with(config, access)?);
        store.open_online_store()?;
        // Nothing would keep requests from it until there is one, as readiness keeps them from a server.
        store.check_registry()?;
        let options = AnswerOptions {
            audit: services.audit,
            access_log: !arguments.no_access_log,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            metrics: Some(store.config().metrics.clone()).filter(|metrics| metrics.has_route),
            feature_log: None,
            lost_log_lines: output.lost_lines(),
            sign_in: services.sign_in,
            traces: services.traces,
        };
        let config = store.config().clone();
        let project = config.project.clone();
        let read_definitions = Arc::new(move || apply::definitions(&config));
        let responder = runtime.block_on(Responder::start(store, options, read_definitions))?;
        output.note(&format!(
            "Function of project {project} is ready{}",
            match access {
                Access::ReadWrite => "",
                Access::ReadOnly => " and only reads",
            }
        ));
        Ok(Self {
            responder,
            _restored: restored,
        })
    }
}

/// Restores a backup into the temporary directory, in the place of what an earlier process of the function has left there. Gives the settings
/// with these places, and the lock of them.
fn restore(config: RepositoryConfig, backup: &Path, output: &Output) -> Result<(RepositoryConfig, File), Failure> {
    let backup = std::path::absolute(backup).unwrap_or_else(|_| backup.to_owned());
    let temporary = std::env::temp_dir();
    let (place, lock_path) = (temporary.join(RESTORED), temporary.join(format!("{RESTORED}.lock")));
    let cannot = |what: &str, path: &Path, source: std::io::Error| {
        Failure::new(format!("cannot {what} {}: {source}", path.display()))
            .with_hint("name a directory that can be written with the variable TMPDIR")
    };
    let lock = File::create(&lock_path).map_err(|source| cannot("make", &lock_path, source))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let message = format!(
                "another process has restored a backup to {} and uses it",
                place.display()
            );
            return Err(Failure::new(message).with_hint("name another directory with the variable TMPDIR"));
        }
        Err(TryLockError::Error(source)) => return Err(cannot("lock", &lock_path, source)),
    }
    match std::fs::remove_dir_all(&place) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => return Err(cannot("remove", &place, source)),
        _ => {}
    }
    std::fs::create_dir(&place).map_err(|source| cannot("make", &place, source))?;
    let config = config.moved_to(&place);
    let manifest = feast_engine::restore(&config, &backup, false)?.manifest;
    output.note(&format!(
        "Restored project {} as it was at {}",
        manifest.project, manifest.finished
    ));
    Ok((config, lock))
}
