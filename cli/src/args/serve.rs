//! Processes that answer requests, and the question whether one does.

use std::path::PathBuf;

use clap::{Args, FromArgMatches};

use super::ListFormat;

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

    /// Wait for so long while another process has the embedded online store open, or the log of pushes: a server that is about to end.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=3600))]
    pub(crate) lock_wait_seconds: u64,

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

/// Permissions as chmod takes them.
fn socket_mode(mode: &str) -> Result<u32, String> {
    match u32::from_str_radix(mode, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("it is octal, such as 660".to_owned()),
    }
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
pub(crate) struct HealthArguments {
    /// What is asked for. The server is well if the answer has status 200. Certificates are not checked.
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:6566/health")]
    pub(crate) url: String,
}
