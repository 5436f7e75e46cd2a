//! The audit log: who asked for what, and what became of it, in lines of Feast's form.
//!
//! What is noted of a request on its way is its [`Trail`], `line.rs` writes its lines, and `writer.rs` has them in a file. A server
//! without an audit log pays nothing for it.
//!
//! Feast's own lines are by the path alone, without a user, and with status 500 for whatever its handlers refuse. These have what was
//! really asked about, who asked, and the status of the answer. Tokens, keys of entities and values are in none.

mod line;
mod target;
mod trail;
mod writer;

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use feast_engine::{AuditConfig, AuditSink, Error, ErrorKind};

use target::Target;
pub(crate) use trail::{AskedFeatures, Trail};
use writer::{Ticket, Writer};

/// The audit log of a server.
pub struct AuditLog {
    sink: Sink,
    logs_successful_reads: bool,
    logs_features: bool,
    is_strict: bool,
}

enum Sink {
    Writer(Writer),
    /// The log of the server, which bounds and writes its lines itself.
    Log,
}

impl AuditLog {
    /// Opens what lines go to, and starts what writes them. The standard output is opened by the caller.
    ///
    /// # Errors
    /// `Conflict` when another process writes the file, `Invalid` for a pipe, whose lines are on no disk, where the log is strict; those of
    /// opening it, and of `stdout`.
    pub fn start(config: &AuditConfig, stdout: impl FnOnce() -> std::io::Result<File>) -> Result<Arc<Self>, Error> {
        let sink = match &config.sink {
            AuditSink::File(path) => {
                let target = Target::open(path)?;
                if config.is_strict && target.is_pipe() {
                    let message = "serving.audit_strict needs a file: feature_server.audit_logging.file_path is a pipe";
                    return Err(Error::invalid(message));
                }
                Sink::Writer(Writer::start(target)?)
            }
            AuditSink::Stdout => {
                let stdout = stdout().map_err(|source| {
                    let message = format!("the audit log cannot be written to the standard output: {source}");
                    Error::new(ErrorKind::Unavailable, message)
                })?;
                Sink::Writer(Writer::start(Target::stdout(stdout))?)
            }
            AuditSink::Logger => Sink::Log,
        };
        Ok(Arc::new(Self {
            sink,
            logs_successful_reads: config.logs_successful_reads,
            logs_features: config.logs_features,
            is_strict: config.is_strict,
        }))
    }

    /// Takes no more lines, and waits for those that are not written yet, for so long at most.
    pub fn stop(&self, patience: Duration) {
        if let Sink::Writer(writer) = &self.sink {
            writer.stop(patience);
        }
    }

    /// Goes on in the file that is at the path now: the former one was moved away.
    pub(crate) fn reopen(&self) {
        if let Sink::Writer(writer) = &self.sink {
            writer.reopen();
        }
    }

    /// Whether nothing is written to the stores whose line is not on disk.
    pub(crate) fn is_strict(&self) -> bool {
        self.is_strict
    }

    /// Refuses what would have no line, before it begins.
    ///
    /// # Errors
    /// `Unavailable` while lines cannot be written.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match &self.sink {
            Sink::Writer(writer) => writer.check().map_err(|trouble| {
                trouble.within(|message| {
                    format!("{message}. Nothing is written to the feature store without the audit log (serving.audit_strict)")
                })
            }),
            Sink::Log => Ok(()),
        }
    }

    /// Waits until a line is on disk; `None` is one that was lost.
    ///
    /// # Errors
    /// `Unavailable` when it is not for now. What the line tells is done all the same.
    pub(crate) async fn on_disk(&self, line: Option<Ticket>) -> Result<(), Error> {
        let Sink::Writer(writer) = &self.sink else {
            return Ok(());
        };
        let on_disk = match line {
            Some(line) => writer.on_disk(line).await,
            None => Err(writer::too_slow()),
        };
        on_disk.map_err(|trouble| {
            trouble.within(|message| format!("the request was done, and its line is not on disk: {message}"))
        })
    }

    /// Waits until the lines that were left so far are on disk, or cannot be written for now, which is logged.
    pub(crate) async fn flush(&self) {
        if let Sink::Writer(writer) = &self.sink {
            writer.flush().await;
        }
    }

    /// Why lines are not written as they should be.
    pub(crate) fn trouble(&self) -> Option<Arc<Error>> {
        match &self.sink {
            Sink::Writer(writer) => writer.trouble(),
            Sink::Log => None,
        }
    }

    /// How many lines were taken, and how many were lost. Those in the log of the server are counted there.
    pub(crate) fn counts(&self) -> (u64, u64) {
        match &self.sink {
            Sink::Writer(writer) => writer.counts(),
            Sink::Log => (0, 0),
        }
    }

    fn logs_successful_reads(&self) -> bool {
        self.logs_successful_reads
    }

    fn logs_features(&self) -> bool {
        self.logs_features
    }

    /// Leaves lines. Gives the last of them, if there are any and they are not lost.
    fn push(&self, lines: &[u8], is_awaited: bool) -> Option<Ticket> {
        if lines.is_empty() {
            return None;
        }
        match &self.sink {
            Sink::Writer(writer) => writer.push(lines, is_awaited),
            Sink::Log => {
                for line in String::from_utf8_lossy(lines).lines() {
                    tracing::info!(target: "feast::audit", "{line}");
                }
                None
            }
        }
    }
}
