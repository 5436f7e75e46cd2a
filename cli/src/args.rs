//! What can be typed: commands, options and their help.

mod backup;
mod look_up;
mod materialize;
mod online_store;
#[cfg(test)]
mod reference;
mod repository;
mod serve;
mod usage;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::log_format::LogFormat;

pub(crate) use backup::{BackupArguments, RestoreArguments};
pub(crate) use look_up::{
    FeatureViewsCommand, ListArguments, ListFormat, LookUp, OnDemandFeatureViewsCommand, PermissionsCommand,
    ProjectsCommand, State,
};
pub(crate) use materialize::{IncrementalArguments, MaterializeArguments};
pub(crate) use online_store::{
    CopyArguments, DeleteRowArguments, GetRowArguments, OnlineStoreCommand, ScanArguments, StatsArguments,
};
pub(crate) use repository::{ApplyArguments, ConfigurationArguments, InitArguments};
pub(crate) use serve::{HealthArguments, LambdaArguments, ServeArguments};
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
  {PROGRAM} materialize-incremental $(date -u +%Y-%m-%d)
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

/// Writes the completion script of a shell.
pub(crate) fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), PROGRAM, &mut script);
    String::from_utf8_lossy(&script).into_owned()
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
