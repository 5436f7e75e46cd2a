//! What became of rows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use feast_model::error::Error;
use parking_lot::Mutex;

/// Services that are counted each for itself. They come and go with the registry, and their numbers stay.
const MAX_SERVICES: usize = 4096;
const OTHER: &str = "other";

/// Why rows were not logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// More came than could be written to disk.
    QueueFull,
    /// More waited for a destination than there may.
    SpoolFull,
    /// The service cannot be logged as it is now.
    NotLoggable,
    /// A value cannot be written.
    BadValue,
    /// They could not be written to disk until the end of the process.
    NotWritten,
}

impl DropReason {
    /// All of them, in the order of [`ServiceRows::dropped`].
    pub const ALL: [Self; 5] = [
        Self::QueueFull,
        Self::SpoolFull,
        Self::NotLoggable,
        Self::BadValue,
        Self::NotWritten,
    ];

    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::SpoolFull => "spool_full",
            Self::NotLoggable => "not_loggable",
            Self::BadValue => "bad_value",
            Self::NotWritten => "not_written",
        }
    }
}

/// The rows of one service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServiceRows {
    /// Rows that are in their destination.
    pub logged: u64,
    /// Rows that are lost to the log, by [`DropReason::ALL`].
    pub dropped: [u64; DropReason::ALL.len()],
}

/// What a log has done since it was started, and what waits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeatureLogStatistics {
    /// By service.
    pub services: BTreeMap<String, ServiceRows>,
    /// Files that were put into destinations.
    pub files: u64,
    /// How often rows could not be written to the spool.
    pub spool_failures: u64,
    /// How often rows could not be handed over to their destination.
    pub destination_failures: u64,
    /// Rows in memory.
    pub waiting_rows: usize,
    /// What they take there.
    pub waiting_bytes: usize,
    /// What the spool takes on disk.
    pub spool_bytes: u64,
}

/// Where rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Spool,
    Destination,
}

/// Counted by all threads.
#[derive(Default)]
pub(super) struct Counts {
    services: Mutex<BTreeMap<String, ServiceRows>>,
    files: AtomicU64,
    spool_failures: AtomicU64,
    destination_failures: AtomicU64,
    spool_bytes: AtomicU64,
    /// What is wrong with the spool, and with a destination.
    troubles: Mutex<[Option<Error>; 2]>,
}

impl Counts {
    /// Shows services before anything was logged of them: an alert on the increase of a number does not see one that begins at 1.
    pub(super) fn know<'a>(&self, services: impl Iterator<Item = &'a str>) {
        services.for_each(|service| self.with(service, |_| {}));
    }

    pub(super) fn note_trouble(&self, place: Place, trouble: Option<Error>) {
        self.troubles.lock()[place as usize] = trouble;
    }

    /// Why rows are lost or wait.
    pub(super) fn trouble(&self) -> Option<Error> {
        self.troubles.lock().iter().flatten().next().map(Error::repeated)
    }

    /// A file with so many rows is in its destination.
    pub(super) fn handed_over(&self, service: &str, rows: u64) {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.with(service, |counted| counted.logged += rows);
    }

    pub(super) fn hand_over_failed(&self) {
        self.destination_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn spool_failed(&self) {
        self.spool_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// The spool takes so much more.
    pub(super) fn spooled(&self, bytes: u64) {
        self.spool_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The spool takes so much less.
    pub(super) fn freed(&self, bytes: u64) {
        self.spool_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn spool_bytes(&self) -> u64 {
        self.spool_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn dropped(&self, service: &str, reason: DropReason, rows: u64) {
        self.with(service, |counted| counted.dropped[reason as usize] += rows);
    }

    fn with(&self, service: &str, count: impl FnOnce(&mut ServiceRows)) {
        let mut services = self.services.lock();
        if let Some(counted) = services.get_mut(service) {
            return count(counted);
        }
        let name = if services.len() < MAX_SERVICES { service } else { OTHER };
        count(services.entry(name.to_owned()).or_default());
    }

    pub(super) fn services(&self) -> BTreeMap<String, ServiceRows> {
        self.services.lock().clone()
    }

    pub(super) fn statistics(&self) -> FeatureLogStatistics {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        FeatureLogStatistics {
            services: self.services(),
            files: get(&self.files),
            spool_failures: get(&self.spool_failures),
            destination_failures: get(&self.destination_failures),
            spool_bytes: get(&self.spool_bytes),
            ..FeatureLogStatistics::default()
        }
    }
}
