//! Materialization: fills the online store from the offline store.
//!
//! Read it in the order in which a materialization goes:
//!
//! 1. `selection`: which views a request means, and whether they can be materialized.
//! 2. `window`: from when to when each of them is read.
//! 3. `claim`: views that are marked in the registry, so that no second run is started beside the first.
//! 4. `pass`: which views are read together. `rounds`: which passes run at once. `run`: the views of a pass, from their parquet source
//!    to durable rows. `plan`: what they would read.
//! 5. `recording`: the interval in the registry, and whether the rows of earlier intervals are there at all.
//! 6. `receipt`: what the run of a shard tells the one that records the interval once all shards are there.
//! 7. `progress`: what a caller learns about all of this.
//!
//! What holds:
//!
//! - The rows of a view are durable before its interval is recorded, and the same window run twice changes nothing. So a run that
//!   is killed is simply run again.
//! - A run during which the join keys of the view changed is not recorded: no read would find its rows.
//! - One process runs one materialization at a time ([`Materializer`]): one uses all cores by itself, and two would only do the same
//!   work twice.
//!
//! Works on definitions and on the contents of a registry that it is given. Knows neither when those are read again, nor HTTP, nor printing.

mod claim;
mod pass;
mod plan;
mod progress;
mod receipt;
mod recording;
mod rounds;
mod run;
mod selection;
mod window;

pub use claim::{ClaimedView, MaterializationClaim};
pub(crate) use claim::{claim, release};
pub(crate) use pass::{PassView, passes};
pub use plan::MaterializationPlan;
pub(crate) use plan::plan;
pub use progress::{MaterializeProgress, NoProgress, RunStep, ViewReport};
pub use receipt::{ShardReceipt, ShardedView};
pub(crate) use receipt::{check_shards, check_target};
pub(crate) use recording::{record, record_interval, rows_are_there_until, warnings_of_missing_rows};
pub(crate) use rounds::{passes_at_once, run_all};
pub(crate) use run::{RunStores, run};
pub use selection::MaterializeRequest;
pub(crate) use selection::{Candidates, views_being_materialized};
pub(crate) use window::windows;
pub use window::{MaterializeRange, ViewWindow};

use parking_lot::{Mutex, MutexGuard};

/// The materializations of one store in this process, one at a time.
#[derive(Default)]
pub(crate) struct Materializer {
    running: Mutex<()>,
}

impl Materializer {
    /// Waits until no other materialization is running. The next one starts when the guard is dropped.
    pub(crate) fn wait_for_turn(&self) -> MutexGuard<'_, ()> {
        self.running.lock()
    }
}
