//! What can be typed: commands, options and their help.

mod look_up;
#[cfg(test)]
mod reference;
mod usage;

use std::num::NonZero;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use feast_engine::Shard;

use crate::log_format::LogFormat;

pub(crate) use look_up::{
    FeatureViewsCommand, ListArguments, ListFormat, LookUp, OnDemandFeatureViewsCommand, PermissionsCommand,
    ProjectsCommand, State,
};
pub(crate) use usage::{usage_error, usage_of};

/// The variable that names the settings file.
pub(crate) const FILE_VARIABLE: &str = "FEAST_FS_YAML_FILE_PATH";

/// Feast feature store: definitions to a registry, parquet to an embedded online store, features over HTTP.
#[derive(Debug, Parser)]
#[command(name = PROGRAM, version, max_term_width = 100, after_help = example())]
pub(crate) struct Arguments {
    /// Work on the feature repository in this directory.
    #[arg(
        short = 'c',
        long = "chdir",
        global = true,
        value_name = "DIR",
        env = "FEATURE_REPO_DIR_ENV_VAR"
    )]
    pub(crate) chdir: Option<PathBuf>,

    /// Read the settings from this file instead of feature_store.yaml in the repository. Where FEATURE_STORE_YAML_BASE64 holds settings,
    /// those go before it, as in Feast.
    // Not global: after some commands -f means something else, as in Feast.
    #[arg(short = 'f', long, value_name = "FILE", env = FILE_VARIABLE)]
    pub(crate) feature_store_yaml: Option<PathBuf>,

    /// Least severe log lines to show: error, warn, info, debug or trace [default: serving.log_level, else info].
    #[arg(long, global = true, value_name = "LEVEL", value_parser = log_level)]
    pub(crate) log_level: Option<String>,

    /// How a server writes its log: as text, or as JSON with an object a line.
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The name of the command: in a wheel `feast` is Python Feast's.
pub(crate) const PROGRAM: &str = if cfg!(feature = "wheel") {
    "feast-server"
} else {
    "feast"
};

fn example() -> String {
    format!(
        "\
Example, from nothing to served features:
  {PROGRAM} init feature_repo && cd feature_repo
  {PROGRAM} apply
  {PROGRAM} materialize-incremental $(date +%Y-%m-%d)
  {PROGRAM} serve"
    )
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a feature repository with example definitions and data.
    Init(InitArguments),
    /// Update the registry to what the definition files of the repository define.
    Apply(ApplyArguments),
    /// Show what an apply would change; write nothing.
    Plan(ApplyArguments),
    /// Load the newest rows between two points in time into the online store.
    Materialize(MaterializeArguments),
    /// Load the newest rows since the last run of each view into the online store.
    MaterializeIncremental(IncrementalArguments),
    /// Serve features and accept pushed rows over HTTP.
    Serve(ServeArguments),
    /// Ask a server whether it answers; for health checks.
    #[command(after_help = "Example: feast health http://127.0.0.1:6566/ready")]
    Health(HealthArguments),
    /// Serve features in a function of AWS Lambda, which starts this command. An embedded store is only read.
    Lambda(LambdaArguments),
    /// Check the repository and this machine before a server goes live. Nothing is changed, and a server that runs is not disturbed.
    Doctor(DoctorArguments),
    /// Read features of single entities from the online store.
    GetOnlineFeatures(OnlineFeaturesArguments),
    /// Work on online stores as a whole, and on rows of single entities.
    #[command(subcommand)]
    OnlineStore(OnlineStoreCommand),
    /// Back up the registry and the online store, also while a server uses them.
    Backup(BackupArguments),
    /// Put the registry and the online store of a backup into their places.
    Restore(RestoreArguments),
    /// Print everything in the registry as JSON.
    RegistryDump,
    /// Remove everything of the project: its objects in the registry, and the online store.
    Teardown {
        /// Do not ask for confirmation.
        #[arg(short, long)]
        yes: bool,
    },
    /// Remove one object from the registry by its name.
    Delete {
        /// Name of an entity, view, service or source.
        #[arg(value_name = "OBJECT_ID")]
        name: String,
    },
    /// Look up entities.
    #[command(subcommand)]
    Entities(LookUp),
    /// Look up feature views, and enable or disable them.
    #[command(subcommand)]
    FeatureViews(FeatureViewsCommand),
    /// Look up feature services.
    #[command(subcommand)]
    FeatureServices(LookUp),
    /// Look up data sources.
    #[command(subcommand)]
    DataSources(LookUp),
    /// Look up on-demand feature views.
    #[command(subcommand)]
    OnDemandFeatureViews(OnDemandFeatureViewsCommand),
    /// Look up stream feature views.
    #[command(subcommand)]
    StreamFeatureViews(LookUp),
    /// Look up label views.
    #[command(subcommand)]
    LabelViews(LookUp),
    /// Look up saved datasets.
    #[command(subcommand)]
    SavedDatasets(LookUp),
    /// Look up validation references.
    #[command(subcommand)]
    ValidationReferences(LookUp),
    /// Look up permissions, and what they allow.
    #[command(subcommand)]
    Permissions(PermissionsCommand),
    /// Make an API key for a client of the server, and print what stands for it in the settings.
    #[command(after_help = "Example: feast api-key fraud-service --role reader --read-only")]
    ApiKey(ApiKeyArguments),
    /// Look up features of all views.
    #[command(subcommand)]
    Features(LookUp),
    /// Look up projects, and remove them.
    #[command(subcommand)]
    Projects(ProjectsCommand),
    /// Print the settings: as the file has them, or every one with the value that is in force and where that comes from.
    #[command(after_help = "Example: feast configuration --effective --output json")]
    Configuration(ConfigurationArguments),
    /// Print the endpoint of the feature server; nothing for a local one.
    Endpoint,
    /// Not offered: validation needs Great Expectations, a Python library.
    #[command(hide = true)]
    Validate {
        /// The arguments of Feast's command.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Print a completion script for a shell.
    #[command(after_help = "Example: feast completions bash > /etc/bash_completion.d/feast")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the version.
    Version,
}

impl Command {
    /// Whether the settings may be in a variable of the environment. As in Feast, they are not for commands that need the definition
    /// files of a repository, or are about its file.
    pub(crate) fn reads_settings_variable(&self) -> bool {
        match self {
            Self::Apply(_) | Self::Plan(_) | Self::Teardown { .. } | Self::RegistryDump => false,
            // What is in force is what a server has that starts here.
            Self::Configuration(options) => options.effective,
            _ => true,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum OnlineStoreCommand {
    /// Copy the rows of one online store into another, where the newest event wins. An interrupted copy goes on where it was.
    Copy(CopyArguments),
    /// Show the row of one entity as it is stored.
    Get(GetRowArguments),
    /// Print the rows of a feature view as they are stored, in the order of their keys where the store has one.
    Scan(ScanArguments),
    /// Count the rows of each feature view, their bytes, and tell the newest event. All rows are read.
    Stats(StatsArguments),
    /// Remove the rows of one entity for good: from reads and memory at once, then their bytes from the store's files. What is pushed
    /// later is new data; a later materialization of a window with the row brings it back, unless it is gone from parquet.
    Delete(DeleteRowArguments),
}

#[derive(Debug, Args)]
pub(crate) struct HealthArguments {
    /// What is asked for. The server is well if the answer has status 200. Certificates are not checked.
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:6566/health")]
    pub(crate) url: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: feast online-store get driver_hourly_stats driver_id=1001")]
pub(crate) struct GetRowArguments {
    /// The feature view.
    #[arg(value_name = "VIEW")]
    pub(crate) view: String,

    /// Each join key of the view with its value.
    #[arg(value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub(crate) keys: Vec<(String, String)>,

    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: feast online-store scan driver_hourly_stats --output json | jq .keys.driver_id")]
pub(crate) struct ScanArguments {
    /// The feature view.
    #[arg(value_name = "VIEW")]
    pub(crate) view: String,

    /// Print that many rows at most [default: 100 as a table, all as JSON].
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,

    /// How to print them; as JSON one object a line.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: ListFormat,
}

#[derive(Debug, Args)]
pub(crate) struct StatsArguments {
    /// How to print them.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: ListFormat,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: feast online-store delete --entity driver_id=1001")]
#[command(group = clap::ArgGroup::new("rows").required(true))]
pub(crate) struct DeleteRowArguments {
    /// Only the row in this feature view.
    #[arg(long, value_name = "VIEW", group = "rows")]
    pub(crate) view: Option<String>,

    /// The rows in all feature views with these join keys, also in those that have left the registry.
    #[arg(long, group = "rows")]
    pub(crate) entity: bool,

    /// Each join key with its value.
    #[arg(value_name = "KEY=VALUE", required_unless_present = "view", value_parser = key_and_value)]
    pub(crate) keys: Vec<(String, String)>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: feast online-store copy --from old.yaml --to feature_store.yaml")]
pub(crate) struct CopyArguments {
    /// Settings file with the online store to read. Relative paths in it start at its directory.
    #[arg(long, value_name = "OLD.yaml")]
    pub(crate) from: PathBuf,

    /// Settings file with the online store to write.
    #[arg(long, value_name = "NEW.yaml")]
    pub(crate) to: PathBuf,

    /// Only these feature views, separated by commas. Default: all.
    #[arg(short, long, value_name = "VIEW", value_delimiter = ',')]
    pub(crate) views: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigurationArguments {
    /// Print what is in force, and whether it is from the file, a variable of the environment in it, the default, or computed.
    #[arg(long)]
    pub(crate) effective: bool,

    /// How to print what is in force.
    #[arg(long, value_enum, default_value_t, requires = "effective")]
    pub(crate) output: ListFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ApiKeyArguments {
    /// What its holder is called, in refusals and in the log.
    pub(crate) name: String,

    /// A role of its holder; can be repeated.
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<String>,

    /// A group of its holder; can be repeated.
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,

    /// It may never write, whatever permissions say.
    #[arg(long)]
    pub(crate) read_only: bool,

    /// From then on it is none, such as 2027-01-31 or 2027-01-31T12:00:00 (UTC unless it carries an offset).
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: feast backup /mnt/backups --keep 7")]
pub(crate) struct BackupArguments {
    /// Directory of backups: each is a directory there, named by the time at which it began. With --verify: one backup.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,

    /// When the backup is complete, remove the oldest ones of the same online store, so that so many are left.
    #[arg(long, value_name = "N")]
    pub(crate) keep: Option<NonZero<usize>>,

    /// Make none, but read all files of the backup that DIR is, and compare their checksums.
    #[arg(long, conflicts_with = "keep")]
    pub(crate) verify: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: feast restore /mnt/backups/2026-11-27T01-40-12Z")]
pub(crate) struct RestoreArguments {
    /// The directory of one backup.
    #[arg(value_name = "BACKUP")]
    pub(crate) backup: PathBuf,

    /// Move an online store and a registry that are there aside. Nothing of them is removed.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: feast get-online-features -e driver_id=1001 -f driver_hourly_stats:conv_rate")]
pub(crate) struct OnlineFeaturesArguments {
    /// A key and its value; repeat a key for several entities.
    #[arg(short, long, required = true, value_name = "KEY=VALUE")]
    pub(crate) entities: Vec<String>,

    /// A feature; can be repeated.
    #[arg(short = 'f', long, required = true, value_name = "VIEW:FEATURE")]
    pub(crate) features: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// Directory to create the repository in; its name becomes the project name.
    #[arg(default_value = "feature_repo", value_name = "PROJECT_DIRECTORY")]
    pub(crate) directory: PathBuf,

    /// Create only the settings file, without example definitions and data.
    #[arg(short, long)]
    pub(crate) minimal: bool,

    /// What to start from; only local is offered.
    #[arg(short, long, default_value = "local", ignore_case = true, value_parser = ["local"])]
    pub(crate) template: String,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArguments {
    /// Warn about columns that are missing from files instead of failing, and ignore missing files.
    #[arg(long)]
    pub(crate) skip_source_validation: bool,

    /// The same, under Feast's name for checks of feature views.
    #[arg(long)]
    pub(crate) skip_feature_view_validation: bool,

    /// Drop the online rows of deleted views at once. Otherwise they are hidden for serving.drop_after (a day), and come back if
    /// the same view does.
    #[arg(long)]
    pub(crate) now: bool,

    /// Without effect: an apply takes milliseconds.
    #[arg(long)]
    pub(crate) no_progress: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MaterializeArguments {
    /// First event time, such as 2026-01-31 or 2026-01-31T12:00:00 (UTC unless it carries an offset).
    // Which of these go together is checked afterwards, to report it in Feast's words.
    pub(crate) start_ts: Option<String>,

    /// Last event time, included.
    pub(crate) end_ts: Option<String>,

    /// Only this feature view; can be repeated. Default: all online views.
    #[arg(short, long, value_name = "VIEW")]
    pub(crate) views: Vec<String>,

    /// Take all rows up to now, whatever their event time.
    #[arg(long)]
    pub(crate) disable_event_timestamp: bool,

    /// Load only one part of the keys, such as 2/8, and print a receipt instead of recording the run. For an online store that
    /// several machines fill together; give all of them the same START_TS and END_TS. Then run: feast materialize --finish RECEIPT...
    #[arg(long, value_name = "K/N", value_parser = str::parse::<Shard>)]
    pub(crate) shard: Option<Shard>,

    /// Say what would be read of which files, and read and write nothing.
    #[arg(long, conflicts_with = "shard")]
    pub(crate) dry_run: bool,

    /// Record a run whose parts are all done, from the receipts that --shard printed: files, or - for stdin.
    #[arg(long, value_name = "RECEIPT", num_args = 1.., conflicts_with_all = ["views", "disable_event_timestamp", "shard", "former_version", "dry_run"])]
    pub(crate) finish: Vec<PathBuf>,

    /// Not offered yet: a former version of the view.
    #[arg(long = "version", value_name = "VERSION")]
    pub(crate) former_version: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct IncrementalArguments {
    /// Last event time, included, such as 2026-01-31 or 2026-01-31T12:00:00 (UTC unless it carries an offset).
    pub(crate) end_ts: String,

    /// Only this feature view; can be repeated. Default: all online views.
    #[arg(short, long, value_name = "VIEW")]
    pub(crate) views: Vec<String>,

    /// Read everything again from where the first recorded run of each view started: for an online store that has lost rows, or is new.
    #[arg(long, conflicts_with = "shard")]
    pub(crate) full: bool,

    /// Load only one part of the keys, such as 2/8, and print a receipt instead of recording the run. For an online store that
    /// several machines fill together; give all of them the same END_TS. Then run: feast materialize --finish RECEIPT...
    #[arg(long, value_name = "K/N", value_parser = str::parse::<Shard>)]
    pub(crate) shard: Option<Shard>,

    /// Say what would be read of which files, and read and write nothing.
    #[arg(long, conflicts_with = "shard")]
    pub(crate) dry_run: bool,

    /// Not offered yet: a former version of the view.
    #[arg(long = "version", value_name = "VERSION")]
    pub(crate) former_version: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: feast -c /var/task lambda --restore /var/task/backup")]
pub(crate) struct LambdaArguments {
    /// Restore this backup into the temporary directory first, and serve what it holds: the online store and the registry.
    #[arg(long, value_name = "BACKUP")]
    pub(crate) restore: Option<PathBuf>,

    /// Take this off the paths of requests: the path under which a domain of yours leads to the API.
    #[arg(long, value_name = "PATH")]
    pub(crate) base_path: Option<String>,

    /// Do not log a line for each request.
    #[arg(long)]
    pub(crate) no_access_log: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The exit code is 1 if there is an error, and 0 otherwise, also with warnings.
feast serve --check checks the same for the options of a server.

With --output json it prints one document with these members: ok, whether there is no error; counts, how many findings are ok, warning and
error; and findings, a list in the order in which they are printed otherwise. Each of these has the members check, level (ok, warning or
error), text, and hint, which says what can be done, or is null.

Example: feast doctor --output json | jq '.findings[] | select(.level == \"error\")'")]
pub(crate) struct DoctorArguments {
    /// How to print what is found.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: ListFormat,

    /// How long each check may take. Those that are not done by then count as errors.
    #[arg(long, value_name = "SECONDS", default_value_t = CHECK_SECONDS, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
}

/// More than the Python of functions may take to start.
pub(crate) const CHECK_SECONDS: u64 = 40;

#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct ServeArguments {
    /// Address to listen on [default: 127.0.0.1].
    #[arg(short, long)]
    pub(crate) host: Option<String>,

    /// Port to listen on; 0 takes any free one [default: 6566, none with --socket].
    #[arg(short, long)]
    pub(crate) port: Option<u16>,

    /// Listen on a Unix socket with this path, beside the port only if --host or --port is given.
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,

    /// Permissions of the Unix socket: who may write it may use the server.
    #[arg(long, value_name = "MODE", default_value = "660", value_parser = socket_mode, requires = "socket")]
    pub(crate) socket_mode: u32,

    /// Kind of server; only http is offered.
    #[arg(short = 't', long = "type", default_value = "http")]
    pub(crate) kind: String,

    /// Threads that answer requests; -1 means twice the cores plus one. Default: one for each core.
    #[arg(short, long, allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(-1..=1024))]
    pub(crate) workers: Option<i32>,

    /// Do not log a line for each request.
    #[arg(long)]
    pub(crate) no_access_log: bool,

    /// Without effect: a changed registry is noticed within a fifth of a second.
    #[arg(short, long = "registry_ttl_sec", value_name = "SECONDS")]
    pub(crate) registry_ttl_sec: Option<u64>,

    /// Only read: beside a process that has the online store open, or where it cannot be written. Writes are refused with 503.
    #[arg(long)]
    pub(crate) read_only: bool,

    /// Connections that may be open, for each worker. For one more, the one that has been idle for longest is closed.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) worker_connections: u32,

    /// Without effect: workers are not restarted.
    #[arg(long)]
    pub(crate) max_requests: Option<u64>,

    /// Without effect: workers are not restarted.
    #[arg(long)]
    pub(crate) max_requests_jitter: Option<u64>,

    /// Close connections without a request for so long.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) keep_alive_timeout: u64,

    /// Go on for so long after the signal to stop, as not ready, so that load balancers notice before requests are refused.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=3600))]
    pub(crate) drain_seconds: u64,

    /// Count requests, reads, pushes and materializations, and serve the numbers to Prometheus on port 8000 (serving.metrics_port).
    #[arg(short, long)]
    pub(crate) metrics: bool,

    /// Speak TLS on the port, with the private key in this file (PEM). It is read again when it changes.
    #[arg(short, long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,

    /// The certificate of the key, and those that it is signed by (PEM).
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,

    /// Accept only clients with a certificate that is signed by one in this file (PEM).
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) client_ca: Option<PathBuf>,

    /// The least version of TLS that is spoken.
    #[arg(long, value_name = "VERSION", default_value = "1.2", value_parser = ["1.2", "1.3"], requires = "cert")]
    pub(crate) tls_min_version: String,

    /// Do not serve, but check whether it could be done: as feast doctor, with these options.
    #[arg(long)]
    pub(crate) check: bool,

    /// How to print what is found.
    #[arg(long, value_enum, default_value_t, requires = "check")]
    pub(crate) output: ListFormat,

    /// Print help.
    #[arg(long, action = clap::ArgAction::Help)]
    pub(crate) help: Option<bool>,
}

impl ServeArguments {
    /// As they are when none is typed.
    pub(crate) fn usual() -> Result<Self, clap::Error> {
        let command = Self::augment_args(clap::Command::new("serve"));
        Self::from_arg_matches(&command.try_get_matches_from(["serve"])?)
    }
}

/// Writes the completion script of a shell.
pub(crate) fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), PROGRAM, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

fn key_and_value(pair: &str) -> Result<(String, String), String> {
    let (key, value) = pair.split_once('=').ok_or("it is KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Permissions as chmod takes them.
fn socket_mode(mode: &str) -> Result<u32, String> {
    match u32::from_str_radix(mode, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("it is octal, such as 660".to_owned()),
    }
}

/// Feast's level names in any case.
fn log_level(name: &str) -> Result<String, String> {
    match name.to_ascii_lowercase().as_str() {
        "critical" | "error" => Ok("error".to_owned()),
        "warning" | "warn" => Ok("warn".to_owned()),
        level @ ("info" | "debug" | "trace") => Ok(level.to_owned()),
        _ => Err("it is one of error, warn, info, debug, trace".to_owned()),
    }
}
