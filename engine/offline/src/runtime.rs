//! The threads on which DataFusion works.
//!
//! Owns their start and the sessions. Knows nothing of plans.

use datafusion::prelude::SessionContext;
use feast_model::error::{Error, ErrorKind, Result};

/// The threads on which DataFusion works. They are not those that answer requests, so a materialization does not stop reads.
pub struct OfflineRuntime {
    runtime: tokio::runtime::Runtime,
}

impl OfflineRuntime {
    /// Starts as many threads as there are cores.
    pub fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("feast-offline")
            .enable_all()
            .build()
            .map_err(|source| {
                let message = format!("cannot start the offline store's threads: {source}");
                Error::new(ErrorKind::Unavailable, message).with_source(source)
            })?;
        Ok(Self { runtime })
    }

    /// Runs a plan to its end on the caller's thread and the runtime's. Must not be called from asynchronous code.
    pub fn block_on<T>(&self, plan: impl Future<Output = T>) -> T {
        self.runtime.block_on(plan)
    }

    /// A new session. Its work is spread over all cores.
    pub(super) fn session() -> SessionContext {
        SessionContext::new()
    }
}
