//! What the typed options mean: one struct for each command that needs more than its arguments.

use std::path::{Path, PathBuf};
use std::time::Duration;

use feast_engine::model::{Timestamp, ViewState};
use feast_engine::{
    Access, Effective, Error, FeatureStore, MaterializeRange, MaterializeRequest, RepositoryConfig, SETTINGS_VARIABLE,
    SettingsSource, Shard, now,
};
use feast_server::{TlsFiles, TlsVersion};

use crate::args::{Arguments, FILE_VARIABLE, IncrementalArguments, MaterializeArguments, ServeArguments, State};
use crate::output::{Failure, Output};

/// Where the repository and its settings are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository {
    pub(crate) directory: PathBuf,
    source: SettingsSource,
    /// What is told when the settings are read: which of several are.
    remark: Option<Remark>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Remark {
    Note(String),
    Warning(String),
}

impl From<&Arguments> for Repository {
    fn from(arguments: &Arguments) -> Self {
        let directory = arguments.chdir.clone().unwrap_or_else(|| PathBuf::from("."));
        let (source, remark) = source(arguments, &absolute(&directory));
        Self {
            directory,
            source,
            remark,
        }
    }
}

/// Where the settings are. As in Feast, the variable that holds them goes before `-f`, the variable that names a file before both, and
/// some commands read only files.
fn source(arguments: &Arguments, directory: &Path) -> (SettingsSource, Option<Remark>) {
    let typed = arguments.feature_store_yaml.clone().map(SettingsSource::File);
    let file = typed
        .clone()
        .unwrap_or_else(|| SettingsSource::of_repository(directory));
    if !SettingsSource::is_in_variable() {
        return (file, None);
    }
    if !arguments.command.reads_settings_variable() {
        let why = "is not read by this command, as in Feast: the settings are those of the file";
        return (file, Some(Remark::Warning(format!("{SETTINGS_VARIABLE} {why}"))));
    }
    if let Some(named) = std::env::var_os(FILE_VARIABLE) {
        let why = "is not read, as in Feast: the settings are those of the file that";
        let warning = format!("{SETTINGS_VARIABLE} {why} {FILE_VARIABLE} names");
        return (SettingsSource::File(named.into()), Some(Remark::Warning(warning)));
    }
    let remark = match typed {
        Some(_) => Remark::Warning(format!(
            "the file of -f is not read, as in Feast: the settings are those of {SETTINGS_VARIABLE}"
        )),
        None => Remark::Note(format!("The settings are those of {SETTINGS_VARIABLE}")),
    };
    (SettingsSource::Variable, Some(remark))
}

/// Messages name files by their full path, whatever the current directory is.
fn absolute(directory: &Path) -> PathBuf {
    std::path::absolute(directory).unwrap_or_else(|_| directory.to_path_buf())
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
    pub(crate) fn configuration(&self, output: &Output) -> Result<serde_json::Value, Failure> {
        self.tell_source(output);
        Ok(RepositoryConfig::document(&absolute(&self.directory), &self.source)?)
    }

    /// Reads the settings, as what is in force.
    pub(crate) fn effective(&self, output: &Output) -> Result<Effective, Failure> {
        self.tell_source(output);
        Ok(Effective::load(&absolute(&self.directory), &self.source)?)
    }

    /// Reads the settings.
    pub(crate) fn read_settings(&self) -> Result<RepositoryConfig, Error> {
        RepositoryConfig::load(&absolute(&self.directory), &self.source)
    }

    /// Reads the settings, and says where they are if that is not the usual file. Warns about unknown keys in them.
    pub(crate) fn settings(&self, output: &Output) -> Result<RepositoryConfig, Failure> {
        self.tell_source(output);
        let config = self.read_settings()?;
        config.unknown_keys.iter().for_each(|line| output.warning(line));
        Ok(config)
    }

    /// Reads the settings and opens the store.
    pub(crate) fn open(&self, output: &Output) -> Result<FeatureStore, Failure> {
        Ok(FeatureStore::open(self.settings(output)?)?)
    }

    fn tell_source(&self, output: &Output) {
        match &self.remark {
            None => {}
            Some(Remark::Note(text)) => output.note(text),
            Some(Remark::Warning(text)) => output.warning(text),
        }
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
    /// How long to wait for a process that has the online store open.
    pub(crate) lock_wait: Duration,
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
            lock_wait: Duration::from_secs(arguments.lock_wait_seconds),
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
