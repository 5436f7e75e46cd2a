//! The options of the load driver.

use std::path::PathBuf;

use clap::Parser;

/// Loads one endpoint of a running server and prints how fast it answered.
#[derive(Debug, Parser)]
#[command(name = "feast-load")]
pub(crate) struct Options {
    /// Host and port of the server, such as 127.0.0.1:6566.
    pub(crate) address: String,
    /// The endpoint.
    #[arg(long, default_value = "/get-online-features")]
    pub(crate) path: String,
    /// A file of requests, sent one after the other: a line each, `{"body": ..., "values": {"FEATURE": [...]}}`.
    ///
    /// Where "values" is given, the response must have these values, all of them PRESENT.
    #[arg(long)]
    pub(crate) requests: PathBuf,
    /// Speak TLS with a server whose certificate is signed by one of this file, in PEM.
    #[arg(long)]
    pub(crate) ca: Option<PathBuf>,
    /// Sign in with this token.
    #[arg(long)]
    pub(crate) token: Option<String>,
    /// Connections that send requests.
    #[arg(long, default_value_t = 1)]
    pub(crate) connections: usize,
    /// How long to send.
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,
    /// How long to send before anything is measured.
    #[arg(long, default_value_t = 0.5)]
    pub(crate) warm_up: f64,
    /// Requests a second over all connections, due at fixed times. Without it each connection sends when it can.
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}
