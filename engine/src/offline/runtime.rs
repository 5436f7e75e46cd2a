use datafusion::prelude::{SessionConfig, SessionContext};

use crate::error::{Error, Result};

/// The threads on which DataFusion works. They are not those that answer requests, so a materialization does not stop reads.
pub(crate) struct OfflineRuntime {
    runtime: tokio::runtime::Runtime,
}

impl OfflineRuntime {
    /// Starts as many threads as there are cores.
    pub(crate) fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("feast-offline")
            .enable_all()
            .build()
            .map_err(|source| Error::internal(format!("cannot start the offline store's threads: {source}")))?;
        Ok(Self { runtime })
    }

    /// Runs a plan to its end on the caller's thread and the runtime's. Must not be called from asynchronous code.
    pub(crate) fn block_on<T>(&self, plan: impl Future<Output = T>) -> T {
        self.runtime.block_on(plan)
    }

    /// A new session. One file is read by one partition, in file order: ties between rows are broken by their position.
    /// With `in_order` all work is done by one partition, so that the order holds over several files and to the end.
    pub(super) fn session(in_order: bool) -> SessionContext {
        let mut config = SessionConfig::new()
            .with_repartition_file_scans(false)
            .with_collect_statistics(false);
        if in_order {
            config = config.with_target_partitions(1);
        }
        let parquet = &mut config.options_mut().execution.parquet;
        parquet.pushdown_filters = true;
        parquet.reorder_filters = true;
        parquet.schema_force_view_types = false;
        SessionContext::new_with_config(config)
    }
}
