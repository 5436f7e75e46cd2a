//! The log of served features: what reads of feature services have answered, as parquet files in the directory that each service names.
//!
//! A request leaves its rows in `queue`, which is bounded and never waited for. A thread of its own (`writer`) makes tables of them and
//! puts these on a disk of this machine within the write interval, into the `spool`; from there another (`courier`) takes them to their
//! destination at each flush interval, one file a service. What is in the spool survives the process, and is taken over by the next one. A destination that
//! cannot be written keeps its rows in the spool, which is bounded too.
//!
//! A file appears in its destination whole and under a name that it had in the spool before, so that a hand-over which was cut off
//! can be done again without doubling rows. Knows nothing of requests and of HTTP.

mod batch;
mod counts;
mod courier;
mod queue;
mod spool;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use feast_config::RepositoryConfig;
use feast_model::error::{Error, ErrorKind, Result};

pub use counts::{DropReason, FeatureLogStatistics, ServiceRows};

use crate::online::ServedRows;
use counts::Counts;
use courier::{Courier, Outbox};
use queue::Queue;
use spool::Spool;
use writer::{Told, Writer};

/// How long the end of a process waits for rows to be written. What is in the spool by then is not lost.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// Something that an operator should know of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeatureLogRemark {
    /// Something failed, or rows are lost.
    Trouble(String),
    /// What was wrong is over, or what an earlier process has left was found.
    Note(String),
}

/// Takes remarks of the log.
pub type TakeRemark = dyn Fn(FeatureLogRemark) + Send + Sync;

/// The log of a server. It is written until it is stopped.
pub struct FeatureLog {
    queue: Arc<Queue>,
    counts: Arc<Counts>,
}

impl FeatureLog {
    /// Takes over what an earlier process has left, and starts the threads that write. `services` are those that are to be logged.
    ///
    /// # Errors
    /// `Unavailable` when the spool cannot be written, or there can be no more threads.
    pub(crate) fn start<'a>(
        config: &RepositoryConfig,
        services: impl Iterator<Item = &'a str>,
        remark: Arc<TakeRemark>,
    ) -> Result<Self> {
        let settings = &config.feature_logging;
        let counts = Arc::new(Counts::default());
        counts.know(services);
        let queue = Arc::new(Queue::new(settings.queue_rows));
        let spool = Spool::open(&spool_of(config), settings.spool_bytes, Arc::clone(&counts))?;
        let outbox = Arc::new(Outbox::default());
        let mut writer = Writer {
            write_interval: settings.write_interval,
            flush_interval: settings.flush_interval,
            queue: Arc::clone(&queue),
            spool,
            counts: Arc::clone(&counts),
            outbox: Arc::clone(&outbox),
            remark: Arc::clone(&remark),
            told: Told::default(),
            unwritten: Vec::new(),
        };
        let mut courier = Courier {
            outbox,
            repository: config.directory.clone(),
            flush_interval: settings.flush_interval,
            counts: Arc::clone(&counts),
            remark,
            trouble: None,
        };
        let ended = Arc::clone(&queue);
        spawn("feast-log", move || writer.work())?;
        spawn("feast-log-out", move || {
            courier.work();
            ended.end();
        })?;
        Ok(Self { queue, counts })
    }

    /// Logs the rows of an answer if there is room for them. It never waits.
    pub fn log(&self, served: ServedRows) {
        let (log, rows) = (Arc::clone(&served.log), served.rows());
        if rows > 0 && !self.queue.push(served) {
            self.counts.dropped(log.service(), DropReason::QueueFull, rows as u64);
        }
    }

    /// Counts the rows of an answer that cannot be logged.
    pub fn cannot_log(&self, service: &str, rows: usize) {
        self.counts.dropped(service, DropReason::NotLoggable, rows as u64);
    }

    /// What was logged and what was not, and what waits.
    pub fn statistics(&self) -> FeatureLogStatistics {
        let mut statistics = self.counts.statistics();
        (statistics.waiting_rows, statistics.waiting_bytes) = self.queue.waiting();
        statistics
    }

    /// Why rows are lost, or wait in memory or in the spool.
    pub fn trouble(&self) -> Option<Error> {
        self.counts.trouble()
    }

    /// Writes what waits, hands it over, and ends. Says whether that was done in time; what was not is in the spool, or in memory only.
    pub fn stop(&self) -> bool {
        self.queue.stop(STOP_TIMEOUT)
    }
}

/// Each project has its own, as destinations are those of its repository.
fn spool_of(config: &RepositoryConfig) -> PathBuf {
    config.feature_logging.spool_path.join(&config.project)
}

/// Whether the spool has files, of a process that is dead or one that is about to hand them over.
pub(crate) fn is_in_use(config: &RepositoryConfig) -> bool {
    spool::is_in_use(&spool_of(config))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    let no_thread = |source| Error::new(ErrorKind::Unavailable, format!("no thread can be started: {source}"));
    thread.map(drop).map_err(no_thread)
}
