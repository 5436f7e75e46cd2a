//! What the typed options mean: one struct for each command that needs more than its arguments.

use std::path::PathBuf;
use std::time::Duration;

use feast_engine::model::{Timestamp, ViewState};
use feast_engine::{
    Access, Effective, Error, FeatureStore, MaterializeRange, MaterializeRequest, RepositoryConfig, Shard, now,
};
use feast_server::{TlsFiles, TlsVersion};

use crate::args::{Arguments, IncrementalArguments, MaterializeArguments, ServeArguments, State};
use crate::output::{Failure, Output};

/// Where the repository and its settings are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository {
    pub(crate) directory: PathBuf,
    pub(crate) config_file: Option<PathBuf>,
}

impl From<&Arguments> for Repository {
    fn from(arguments: &Arguments) -> Self {
        let directory = arguments.chdir.clone().unwrap_or_else(|| PathBuf::from("."));
        Self {
            directory,
            config_file: arguments.feature_store_yaml.clone(),
        }
    }
}

impl From<State> for ViewState {
    fn from(state: State) -> Self {
        match state {
            State::Created => Self::Created,
            State::Generated => Self::Generated,
            State::Materializing => Self::Materializing,
            State::AvailableOnline => Self::AvailableOnline,
        }
    }
}

impl Repository {
    /// Reads the settings, as a document.
    pub(crate) fn configuration(&self) -> Result<serde_json::Value, Failure> {
        Ok(RepositoryConfig::document(
            &self.absolute(),
            self.config_file.as_deref(),
        )?)
    }

    /// Reads the settings, as what is in force.
    pub(crate) fn effective(&self) -> Result<Effective, Failure> {
        Ok(Effective::load(&self.absolute(), self.config_file.as_deref())?)
    }

    /// Reads the settings.
    pub(crate) fn read_settings(&self) -> Result<RepositoryConfig, Error> {
        RepositoryConfig::load(&self.absolute(), self.config_file.as_deref())
    }

    /// Reads the settings, and warns about unknown keys in them.
    pub(crate) fn settings(&self, output: &Output) -> Result<RepositoryConfig, Failure> {
        let config = self.read_settings()?;
        config.unknown_keys.iter().for_each(|line| output.warning(line));
        Ok(config)
    }

    /// Reads the settings and opens the store.
    pub(crate) fn open(&self, output: &Output) -> Result<FeatureStore, Failure> {
        Ok(FeatureStore::open(self.settings(output)?)?)
    }

    /// Messages name files by their full path, whatever the current directory is.
    fn absolute(&self) -> PathBuf {
        std::path::absolute(&self.directory).unwrap_or_else(|_| self.directory.clone())
    }
}

/// What to materialize.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MaterializeSettings {
    pub(crate) request: MaterializeRequest,
    /// The only part of the keys to load, if not all are.
    pub(crate) shard: Option<Shard>,
    /// Only say what would be read.
    pub(crate) dry_run: bool,
}

impl MaterializeSettings {
    pub(crate) fn between(arguments: &MaterializeArguments) -> Result<Self, Failure> {
        let usage = |message: &str| Failure::usage("materialize", message);
        let given = |time: &Option<String>| time.clone().filter(|time| !time.is_empty());
        if arguments.shard.is_some() && arguments.disable_event_timestamp {
            let message = "Cannot use --disable-event-timestamp with --shard: each shard would end at another time";
            return Err(usage(message));
        }
        let (start, end) = match (given(&arguments.start_ts), given(&arguments.end_ts)) {
            (None, None) if arguments.disable_event_timestamp => (Timestamp::EPOCH, now()),
            _ if arguments.disable_event_timestamp => {
                let message = "Cannot specify START_TS or END_TS when --disable-event-timestamp is used";
                return Err(usage(message));
            }
            (Some(start), Some(end)) => (parse("START_TS", &start)?, parse("END_TS", &end)?),
            _ => {
                let message = "START_TS and END_TS are required unless --disable-event-timestamp is used";
                return Err(usage(message));
            }
        };
        refuse_former_version(arguments.former_version.as_deref())?;
        let range = MaterializeRange::Between { start, end };
        Ok(Self {
            dry_run: arguments.dry_run,
            ..Self::new(range, &arguments.views, arguments.shard)
        })
    }

    pub(crate) fn until(arguments: &IncrementalArguments) -> Result<Self, Failure> {
        refuse_former_version(arguments.former_version.as_deref())?;
        let end = parse("END_TS", &arguments.end_ts)?;
        let range = match arguments.full {
            true => MaterializeRange::Anew { end },
            false => MaterializeRange::Until { end },
        };
        Ok(Self {
            dry_run: arguments.dry_run,
            ..Self::new(range, &arguments.views, arguments.shard)
        })
    }

    fn new(range: MaterializeRange, views: &[String], shard: Option<Shard>) -> Self {
        let views = Some(views.to_vec()).filter(|views| !views.is_empty());
        Self {
            request: MaterializeRequest { range, views },
            shard,
            dry_run: false,
        }
    }
}

fn refuse_former_version(version: Option<&str>) -> Result<(), Failure> {
    let Some(version) = version else { return Ok(()) };
    let message = format!("version {version}: materializing a former version of a view is not supported");
    Err(Failure::new(message).with_hint("leave --version out to materialize the views as they are"))
}

fn parse(name: &str, time: &str) -> Result<Timestamp, Failure> {
    Timestamp::parse(time).map_err(|problem| Failure::new(format!("{name}: {problem}")))
}

/// Where the receipts of a materialization in shards are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FinishSettings {
    /// Files, or `-` for stdin.
    pub(crate) receipts: Vec<PathBuf>,
}

impl FinishSettings {
    pub(crate) fn new(arguments: &MaterializeArguments) -> Result<Self, Failure> {
        if arguments.start_ts.is_some() {
            let message = "Cannot specify START_TS or END_TS when --finish is used: they are in the receipts";
            return Err(Failure::usage("materialize", message));
        }
        Ok(Self {
            receipts: arguments.finish.clone(),
        })
    }
}

/// How to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServeSettings {
    /// The host and the port to listen on, unless only a socket is.
    pub(crate) address: Option<(String, u16)>,
    /// The path of a Unix socket, and its permissions.
    pub(crate) socket: Option<(PathBuf, u32)>,
    pub(crate) threads: usize,
    pub(crate) access: Access,
    pub(crate) access_log: bool,
    /// Count, and serve the numbers, whatever the repository says.
    pub(crate) metrics: bool,
    /// Connections that may be open.
    pub(crate) connections: usize,
    pub(crate) keep_alive: Duration,
    pub(crate) drain: Duration,
    pub(crate) tls: Option<TlsFiles>,
    /// Options that were given and have no effect.
    pub(crate) without_effect: Vec<&'static str>,
}

const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 6566;

impl ServeSettings {
    pub(crate) fn new(arguments: &ServeArguments) -> Result<Self, Failure> {
        if arguments.kind != "http" {
            let message = format!("this server only supports 'http'. Got '{}' instead.", arguments.kind);
            return Err(Failure::new(message).with_hint("leave --type out"));
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = match arguments.workers {
            None => cores,
            Some(-1) => 2 * cores + 1,
            Some(workers) => usize::try_from(workers).unwrap_or(1).max(1),
        };
        let given = [
            ("--registry_ttl_sec", arguments.registry_ttl_sec.is_some()),
            ("--max-requests", arguments.max_requests.is_some()),
            ("--max-requests-jitter", arguments.max_requests_jitter.is_some()),
        ];
        let has_address = arguments.socket.is_none() || arguments.host.is_some() || arguments.port.is_some();
        Ok(Self {
            address: has_address.then(|| {
                let host = arguments.host.as_deref().unwrap_or(DEFAULT_HOST);
                (host.to_owned(), arguments.port.unwrap_or(DEFAULT_PORT))
            }),
            socket: arguments.socket.clone().map(|path| (path, arguments.socket_mode)),
            threads,
            access: if arguments.read_only {
                Access::ReadOnly
            } else {
                Access::ReadWrite
            },
            access_log: !arguments.no_access_log,
            metrics: arguments.metrics,
            connections: (arguments.worker_connections as usize).saturating_mul(threads),
            keep_alive: Duration::from_secs(arguments.keep_alive_timeout),
            drain: Duration::from_secs(arguments.drain_seconds),
            tls: tls(arguments),
            without_effect: given
                .into_iter()
                .filter(|(_, given)| *given)
                .map(|(name, _)| name)
                .collect(),
        })
    }
}

/// Neither of key and certificate is given without the other.
fn tls(arguments: &ServeArguments) -> Option<TlsFiles> {
    Some(TlsFiles {
        key: arguments.key.clone()?,
        certificate: arguments.cert.clone()?,
        client_authorities: arguments.client_ca.clone(),
        min_version: match arguments.tls_min_version.as_str() {
            "1.3" => TlsVersion::Tls13,
            _ => TlsVersion::Tls12,
        },
    })
}
