//! What a pool is told when it starts.
//!
//! Owns the defaults. Must not know where settings are written.

use std::path::PathBuf;
use std::time::Duration;

use feast_functions::Mode;
use feast_model::ValueType;

const MIB: u64 = 1024 * 1024;

/// How a pool runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The Python to run, such as `/srv/venv/bin/python`. Its virtual environment is used.
    pub command: PathBuf,
    /// The feature repository: functions may import what is in it, and it is the directory they run in.
    pub directory: PathBuf,
    /// How many processes. Each runs one call at a time.
    pub workers: usize,
    /// How long a call may take once a worker has it. Then its worker is killed.
    pub timeout: Duration,
    /// How many calls may wait for a worker. Any more are [`CallError::Busy`](crate::CallError::Busy).
    pub queue: usize,
    /// How long a call may wait for a worker before it is [`CallError::Busy`](crate::CallError::Busy) too.
    pub max_wait: Duration,
    /// Who runs the functions if the server runs as root. `root` changes nothing.
    pub user: String,
    /// Names of environment variables that are passed on besides the usual ones.
    pub env: Vec<String>,
    /// Address space of a worker, in bytes.
    pub memory_bytes: u64,
    /// How long a worker may take until its functions are loaded.
    pub start_timeout: Duration,
    /// Bytes of one call's columns, and of its results.
    pub max_frame: usize,
}

impl Settings {
    /// The defaults for a Python and a feature repository.
    pub fn new(command: impl Into<PathBuf>, directory: impl Into<PathBuf>) -> Self {
        Self {
            command: command.into(),
            directory: directory.into(),
            workers: 2,
            timeout: Duration::from_secs(1),
            queue: 256,
            max_wait: Duration::from_secs(10),
            user: "nobody".to_owned(),
            env: Vec::new(),
            memory_bytes: 2048 * MIB,
            start_timeout: Duration::from_secs(30),
            max_frame: 64 * 1024 * 1024,
        }
    }
}

/// A function that workers load.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolFunction {
    /// The view it is of, by which it is called.
    pub view: String,
    /// What it gets and gives.
    pub mode: Mode,
    /// What Feast keeps of it: from its first decorator to its last line.
    pub text: String,
    /// Python that is run before it, in the same namespace: the names that it uses of its module. May be empty.
    pub names: String,
    /// All that it gives: names, and the types that its view declares.
    pub outputs: Vec<(String, ValueType)>,
}
