//! Materializations that go on behind their answers, one after another: each uses all cores by itself.
//!
//! The views of a run are marked in the registry from the answer to the end of the run, so that nobody starts a second one.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use feast_engine::model::Timestamp;
use feast_engine::{Error, ErrorKind, FeatureStore, MaterializeProgress, MaterializeRequest, ViewReport, ViewWindow};

/// Runs that may wait. Only forced ones can be more than there are views.
const MAX_WAITING: usize = 256;

/// The runs that wait and the thread that does them. The thread ends when this is dropped and no run waits any more.
pub(crate) struct BackgroundRuns {
    waiting: SyncSender<MaterializeRequest>,
}

impl BackgroundRuns {
    pub(crate) fn start(store: Arc<FeatureStore>) -> Self {
        let (waiting, runs) = sync_channel(MAX_WAITING);
        std::thread::spawn(move || do_runs(&store, &runs));
        Self { waiting }
    }

    /// Puts a run behind those that wait. Its views must have been reserved.
    ///
    /// # Errors
    /// `Unavailable` when too many wait already.
    pub(crate) fn add(&self, request: MaterializeRequest) -> Result<(), Error> {
        self.waiting.try_send(request).map_err(|problem| match problem {
            TrySendError::Full(_) => Error::new(
                ErrorKind::Unavailable,
                format!("{MAX_WAITING} materializations are waiting already"),
            ),
            TrySendError::Disconnected(_) => Error::internal("the thread of background materializations has ended"),
        })
    }
}

fn do_runs(store: &FeatureStore, runs: &Receiver<MaterializeRequest>) {
    for request in runs {
        if let Err(error) = materialize(store, &request) {
            tracing::error!("materialization in the background failed: {error}");
        }
        release(store, request.views.as_deref());
    }
}

/// Materializes what a request means; progress is logged.
pub(crate) fn materialize(store: &FeatureStore, request: &MaterializeRequest) -> Result<(), Error> {
    let windows = store.materialization_windows(request)?;
    store.materialize(&windows, &mut LoggedProgress).map(|_| ())
}

/// Views that a server which was killed has left marked. Only one process has the online store open, so nobody else can
/// be loading rows into it.
pub(crate) fn release_interrupted(store: &FeatureStore) {
    for view in release(store, None) {
        tracing::warn!(
            "the materialization of {view} was interrupted; what it has written stays, run it again for the rest"
        );
    }
}

/// Takes the mark from views, if they still have it.
pub(crate) fn release(store: &FeatureStore, views: Option<&[String]>) -> Vec<String> {
    store.release_materialization(views).unwrap_or_else(|error| {
        tracing::error!("views stay in the state MATERIALIZING: {error}");
        Vec::new()
    })
}

/// Progress as log lines.
struct LoggedProgress;

impl MaterializeProgress for LoggedProgress {
    fn view_started(&mut self, window: &ViewWindow) {
        let [start, end]: [Timestamp; 2] = [window.start, window.end];
        tracing::info!("materializing {} from {start} to {end}", window.view);
    }

    fn view_skipped(&mut self, window: &ViewWindow) {
        tracing::info!("{} is materialized up to {} already", window.view, window.start);
    }

    fn rows_done(&mut self, _rows: usize) {}

    fn view_finished(&mut self, report: &ViewReport) {
        let ViewReport {
            view,
            written,
            stale,
            null_keys,
            ..
        } = report;
        tracing::info!(
            "materialized {view}: {written} rows written, {stale} older than stored, {null_keys} without a key"
        );
    }
}
