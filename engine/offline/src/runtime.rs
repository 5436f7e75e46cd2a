//! The threads on which DataFusion works.
//!
//! Owns their start, the sessions, and what a session may take of memory and disk. Knows nothing of plans.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use feast_model::error::{Error, ErrorKind, Result};

use super::spill::SpillFiles;

/// What a query may take.
#[derive(Debug, Clone)]
pub struct QueryLimits {
    /// Bytes of memory.
    pub memory: usize,
    /// Bytes on disk, for what does not fit into it.
    pub disk: u64,
    /// Where on disk. It must be there when it is needed.
    pub directory: PathBuf,
}

/// The threads on which DataFusion works. They are not those that answer requests, so a materialization does not stop reads.
pub struct OfflineRuntime {
    runtime: tokio::runtime::Runtime,
    limits: QueryLimits,
}

impl OfflineRuntime {
    /// Starts as many threads as there are cores.
    pub fn start(limits: QueryLimits) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("feast-offline")
            .on_thread_start(feast_background::give_way)
            .enable_all()
            .build()
            .map_err(|source| {
                let message = format!("cannot start the offline store's threads: {source}");
                Error::new(ErrorKind::Unavailable, message).with_source(source)
            })?;
        Ok(Self { runtime, limits })
    }

    /// Runs a plan to its end on the caller's thread and the runtime's. Must not be called from asynchronous code.
    pub fn block_on<T>(&self, plan: impl Future<Output = T>) -> T {
        self.runtime.block_on(plan)
    }

    pub(super) const fn limits(&self) -> &QueryLimits {
        &self.limits
    }

    /// A new session, whose work is spread over all cores, within the limits.
    pub(super) fn session(&self) -> Result<SessionContext, DataFusionError> {
        let QueryLimits {
            memory,
            disk,
            directory,
        } = &self.limits;
        let spilled = SpillFiles::new(directory.clone(), *disk);
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Custom(Arc::new(spilled)));
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(*memory)))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        Ok(SessionContext::new_with_config_rt(SessionConfig::new(), environment))
    }
}
