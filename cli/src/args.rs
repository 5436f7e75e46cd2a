//! What can be typed: commands, options and their help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Feast feature store: definitions to a registry, parquet to an embedded online store, features over HTTP.
#[derive(Debug, Parser)]
#[command(name = "feast", version, max_term_width = 100, after_help = EXAMPLE)]
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

    /// Read the settings from this file instead of feature_store.yaml in the repository.
    #[arg(
        short = 'f',
        long,
        global = true,
        value_name = "FILE",
        env = "FEAST_FS_YAML_FILE_PATH"
    )]
    pub(crate) feature_store_yaml: Option<PathBuf>,

    /// Least severe log lines to show: error, warn, info, debug or trace.
    #[arg(long, global = true, default_value = "info", value_name = "LEVEL", value_parser = log_level)]
    pub(crate) log_level: String,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLE: &str = "\
Example, from nothing to served features:
  feast init feature_repo && cd feature_repo
  feast apply
  feast materialize-incremental $(date +%Y-%m-%d)
  feast serve";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a feature repository with example definitions and data.
    Init(InitArguments),
    /// Make the registry hold what the definition files of the repository define.
    Apply,
    /// Load the newest rows between two points in time into the online store.
    Materialize(MaterializeArguments),
    /// Load the newest rows since the last run of each view into the online store.
    MaterializeIncremental(IncrementalArguments),
    /// Answer feature requests and take pushed rows over HTTP.
    Serve(ServeArguments),
    /// Print the version.
    Version,
}

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// Directory to make the repository in; its name becomes the project name.
    #[arg(default_value = "feature_repo")]
    pub(crate) directory: PathBuf,

    /// Only the settings file, without example definitions and data.
    #[arg(short, long)]
    pub(crate) minimal: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MaterializeArguments {
    /// First event time, such as 2026-01-31 or 2026-01-31T12:00:00 (UTC unless it carries an offset).
    #[arg(required_unless_present = "disable_event_timestamp")]
    pub(crate) start_ts: Option<String>,

    /// Last event time, included.
    #[arg(required_unless_present = "disable_event_timestamp")]
    pub(crate) end_ts: Option<String>,

    /// Only this feature view; can be repeated. All online views otherwise.
    #[arg(short, long, value_name = "VIEW")]
    pub(crate) views: Vec<String>,

    /// Take all rows up to now, whatever their event time.
    #[arg(long, conflicts_with_all = ["start_ts", "end_ts"])]
    pub(crate) disable_event_timestamp: bool,
}

#[derive(Debug, Args)]
pub(crate) struct IncrementalArguments {
    /// Last event time, included, such as 2026-01-31 or 2026-01-31T12:00:00 (UTC unless it carries an offset).
    pub(crate) end_ts: String,

    /// Only this feature view; can be repeated. All online views otherwise.
    #[arg(short, long, value_name = "VIEW")]
    pub(crate) views: Vec<String>,
}

#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct ServeArguments {
    /// Address to listen on.
    #[arg(short, long, default_value = "127.0.0.1")]
    pub(crate) host: String,

    /// Port to listen on; 0 takes any free one.
    #[arg(short, long, default_value_t = 6566)]
    pub(crate) port: u16,

    /// Kind of server; only http is offered.
    #[arg(short = 't', long = "type", default_value = "http", value_parser = ["http"])]
    pub(crate) kind: String,

    /// Threads that answer requests; -1 means twice the cores plus one. All cores otherwise.
    #[arg(short, long, allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(-1..=1024))]
    pub(crate) workers: Option<i32>,

    /// Do not log a line for each request.
    #[arg(long)]
    pub(crate) no_access_log: bool,

    /// Without effect: a changed registry is noticed within a fifth of a second.
    #[arg(short, long = "registry_ttl_sec", value_name = "SECONDS")]
    pub(crate) registry_ttl_sec: Option<u64>,

    /// Without effect: there is no limit of connections a worker.
    #[arg(long)]
    pub(crate) worker_connections: Option<u64>,

    /// Without effect: workers are not restarted.
    #[arg(long)]
    pub(crate) max_requests: Option<u64>,

    /// Without effect: workers are not restarted.
    #[arg(long)]
    pub(crate) max_requests_jitter: Option<u64>,

    /// Without effect: idle connections stay open.
    #[arg(long)]
    pub(crate) keep_alive_timeout: Option<u64>,

    /// Not offered yet: metrics.
    #[arg(short, long)]
    pub(crate) metrics: bool,

    /// Not offered yet: the key of TLS.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    /// Not offered yet: the certificate of TLS.
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,

    /// Print help.
    #[arg(long, action = clap::ArgAction::Help)]
    pub(crate) help: Option<bool>,
}

/// Feast's level names in any case.
fn log_level(text: &str) -> Result<String, String> {
    match text.to_ascii_lowercase().as_str() {
        "critical" | "error" => Ok("error".to_owned()),
        "warning" | "warn" => Ok("warn".to_owned()),
        level @ ("info" | "debug" | "trace") => Ok(level.to_owned()),
        _ => Err("it is one of error, warn, info, debug, trace".to_owned()),
    }
}
