//! One fsync for many writers.
//!
//! **Acknowledged is durable**: a write is acknowledged after the log of writes is on disk. RocksDB itself syncs once a caller; here all
//! callers that arrive during an fsync share the next one, and the writer lock is not held meanwhile. So a row can be read an
//! instant before it is durable, but is never acknowledged before.

use std::sync::atomic::{AtomicU64, Ordering};

use feast_model::error::Result;
use parking_lot::Mutex;

/// Numbers the calls of [`GroupCommit::run`], so that one fsync can do for many of them.
#[derive(Default)]
pub(super) struct GroupCommit {
    requested: AtomicU64,
    /// The last call that is done, and with it all before it. Held during an fsync.
    done: Mutex<u64>,
}

impl GroupCommit {
    /// Returns when everything that the caller has written before is durable: after `fsync`, or after that of another caller.
    pub(super) fn run(&self, fsync: impl FnOnce() -> Result<()>) -> Result<()> {
        let own = self.requested.fetch_add(1, Ordering::SeqCst) + 1;
        let mut done = self.done.lock();
        if *done >= own {
            return Ok(());
        }
        // What these callers have written, they have written before they called.
        let covered = self.requested.load(Ordering::SeqCst);
        fsync()?;
        *done = covered;
        Ok(())
    }
}
