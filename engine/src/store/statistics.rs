//! What a store says of itself, for operators: taken when it is asked for, so that requests pay nothing.

use std::time::Duration;

use feast_model::Timestamp;
use feast_model::error::Result;
use feast_python_workers::Snapshot;

use super::FeatureStore;
use crate::online_store::{CacheUsage, RocksDbStatistics};
use crate::push::WaitingPushes;

/// The state of a store at one moment. What is counted is counted since the process has begun.
#[derive(Debug, Clone)]
pub struct StoreStatistics {
    /// Rows in memory; none when the store has no row cache.
    pub row_cache: Option<CacheUsage>,
    /// Of an embedded database.
    pub rocksdb: Option<RocksDbStatistics>,
    /// Pushes that were answered and are not in their parquet source yet.
    pub waiting_pushes: WaitingPushes,
    /// Processes that run functions of on-demand views; none when there are none.
    pub python: Option<PythonStatistics>,
    /// Since the registry was last seen to be as it is used.
    pub registry_age: Duration,
    /// What is wrong with the registry that is there now; the one that was read before is used then.
    pub registry_problem: Option<String>,
}

/// What the processes have done that run functions of on-demand views.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PythonStatistics {
    /// Calls that came, whatever became of them.
    pub calls: u64,
    /// Calls that were turned away because too many waited.
    pub refused: u64,
    /// Calls that took too long.
    pub timeouts: u64,
    /// Processes that ended without being told to.
    pub deaths: u64,
    /// Processes started after the first one of their place.
    pub restarts: u64,
    /// Calls that are run now.
    pub in_flight: u64,
}

impl From<Snapshot> for PythonStatistics {
    fn from(snapshot: Snapshot) -> Self {
        Self {
            calls: snapshot.calls,
            refused: snapshot.busy,
            timeouts: snapshot.timeouts,
            deaths: snapshot.deaths,
            restarts: snapshot.restarts,
            in_flight: snapshot.in_flight,
        }
    }
}

impl FeatureStore {
    /// The state of the store. It waits for a look at the disk of an embedded one.
    pub fn statistics(&self) -> StoreStatistics {
        let online_store = self.online_store.get();
        StoreStatistics {
            row_cache: self.row_cache_usage(),
            rocksdb: online_store.and_then(|store| store.rocksdb_statistics()),
            waiting_pushes: self.pushes.waiting(),
            python: self
                .python
                .as_ref()
                .and_then(|python| python.snapshot())
                .map(From::from),
            registry_age: self.registry.age(),
            registry_problem: self.registry.problem(),
        }
    }

    /// Until when each view was materialized; `None` for those that never were.
    ///
    /// # Errors
    /// `Data` when the registry is damaged.
    pub fn materialized_until(&self) -> Result<Vec<(String, Option<Timestamp>)>> {
        let state = self.state();
        let views = state.definitions.feature_views.iter();
        let ends = views.map(|view| {
            let end = state.contents().materialized_until(view.name())?;
            Ok((view.name().to_owned(), end))
        });
        ends.collect()
    }
}
