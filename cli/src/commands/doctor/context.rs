//! What most checks look at, and what several of them need.

use std::sync::Arc;

use feast_engine::{Access, FeatureStore, OnlineStoreFound, RepositoryConfig, StoreHolder, process_in_words};

use tokio::runtime::{Builder, Runtime};

use super::finding::Findings;
use crate::settings::ServeSettings;

/// What is known by the time most checks begin.
pub(super) struct Context {
    pub(super) config: Arc<RepositoryConfig>,
    /// The options of the server that is to be started.
    pub(super) serve: ServeSettings,
    /// With the registry that was read; opened to be read only. `None` when it cannot be read.
    pub(super) registry: Option<Arc<FeatureStore>>,
    /// `None` when it cannot be opened.
    pub(super) online_store: Option<OnlineStoreFound>,
}

impl Context {
    /// Whether the server is to write.
    pub(super) fn is_to_write(&self) -> bool {
        self.serve.access == Access::ReadWrite
    }

    /// The process that has the online store open to write.
    pub(super) fn holder(&self) -> Option<StoreHolder> {
        match &self.online_store {
            Some(OnlineStoreFound::RocksDb { holder, .. }) => *holder,
            _ => None,
        }
    }

    /// Files and bytes of an embedded store; none when there is none yet.
    pub(super) fn files_and_bytes(&self) -> (u64, u64) {
        match &self.online_store {
            Some(OnlineStoreFound::RocksDb {
                database: Some(database),
                ..
            }) => (database.statistics.files.iter().sum(), database.file_bytes),
            _ => (0, 0),
        }
    }
}

/// For a check of what is asked without blocking. `None`, with an error found, when the system refuses one.
pub(super) fn runtime(findings: &Findings) -> Option<Runtime> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let failed = |source| {
        findings.error(
            format!("no runtime can be made: {source}"),
            "raise the limits of the process",
        )
    };
    runtime.map_err(failed).ok()
}

/// A process that holds something, as messages name it.
pub(super) fn in_words(holder: StoreHolder) -> String {
    holder
        .process
        .map_or_else(|| "a process outside of this container".to_owned(), process_in_words)
}

/// Bytes for a person.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = UNITS.into_iter().find(|(_, shift)| bytes >> shift > 0);
    match unit {
        None => format!("{bytes} bytes"),
        Some((name, shift)) if bytes >> shift >= 10 => format!("{} {name}", bytes >> shift),
        Some((name, shift)) => format!("{:.1} {name}", bytes as f64 / f64::from(1_u32 << shift)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let cases = [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1536, "1.5 KiB"),
            (10 << 20, "10 MiB"),
            (5 << 30, "5.0 GiB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(size(bytes), expected);
        }
    }
}
