//! The threads on which DataFusion works.
//!
//! Owns their start, and what a query may take of memory and disk. Knows nothing of plans.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use feast_config::MaterializationLimits;
use feast_model::error::{Error, ErrorKind, Result};

use super::spill::SpillFiles;

/// What a query may take.
#[derive(Debug, Clone)]
pub struct QueryLimits {
    /// Of memory and disk.
    pub limits: MaterializationLimits,
    /// Where on disk what does not fit into memory goes. It must be there when it is needed.
    pub directory: PathBuf,
}

/// The threads on which DataFusion works. They are not those that answer requests, so a materialization does not stop reads.
pub struct OfflineThreads(tokio::runtime::Runtime);

/// These threads, and what a query may take.
pub struct QueryRuntime<'threads> {
    runtime: &'threads tokio::runtime::Runtime,
    limits: QueryLimits,
}

impl OfflineThreads {
    /// Starts as many threads as there are cores.
    pub fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("feast-offline")
            .on_thread_start(feast_background::give_way)
            .enable_all()
            .build()
            .map_err(|source| {
                let message = format!("cannot start the offline store's threads: {source}");
                Error::new(ErrorKind::Unavailable, message).with_source(source)
            })?;
        Ok(Self(runtime))
    }

    /// For queries that may take so much.
    pub const fn within(&self, limits: QueryLimits) -> QueryRuntime<'_> {
        QueryRuntime {
            runtime: &self.0,
            limits,
        }
    }
}

impl QueryRuntime<'_> {
    /// Runs a plan to its end on the caller's thread and the runtime's. Must not be called from asynchronous code.
    pub fn block_on<T>(&self, plan: impl Future<Output = T>) -> T {
        self.runtime.block_on(plan)
    }

    pub(super) const fn limits(&self) -> &QueryLimits {
        &self.limits
    }

    /// What a plan is run with: as many partitions as there are cores, within the limits.
    pub(super) fn task(&self) -> Result<Arc<TaskContext>, DataFusionError> {
        let QueryLimits { limits, directory } = &self.limits;
        let spilled = SpillFiles::new(directory.clone(), limits.disk);
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Custom(Arc::new(spilled)));
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(limits.memory)))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        Ok(Arc::new(TaskContext::default().with_runtime(environment)))
    }
}
