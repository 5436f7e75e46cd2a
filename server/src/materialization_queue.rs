//! Materializations: those that run after their requests were answered, one at a time, as each uses all cores by itself, and the
//! slots of those whose clients wait for them.
//!
//! The views of a run in the background are held here, and marked MATERIALIZING in the registry for other processes, from the response to the end of
//! the run. A run that fails or is cut off by a stop gives its views their former state, not Feast's GENERATED, in which a view
//! cannot be read. The marks that a killed process has left cannot be distinguished from a run of Python on the same registry:
//! they are logged at the next start, and `force=true` overrides them.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use feast_engine::{
    ClaimedView, Error, ErrorKind, FeatureStore, MaterializationClaim, MaterializeProgress, MaterializeRange,
    MaterializeRequest, RunStep, ViewReport, ViewWindow,
};
use parking_lot::{Condvar, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::metrics::Metrics;

/// The most runs that may wait. Only with forced ones can there be more than there are views.
const MAX_WAITING: usize = 256;
/// Runs at once whose clients wait for them, so that a short one need not wait for a long one.
const MAX_AWAITED_RUNS: usize = 2;
/// Clients that wait for one of these. Each of them is better served by a refusal than by hours in a queue.
const MAX_QUEUED_CLIENTS: usize = 8;

/// The runs that wait, and the one that is under way.
pub(crate) struct MaterializationQueue {
    store: Arc<FeatureStore>,
    metrics: Option<Arc<Metrics>>,
    runs: Mutex<Runs>,
    changed: Condvar,
    /// Ends the runs that are under way at their next batch of rows.
    is_stopped: AtomicBool,
    /// Ends with the thread.
    worker: Mutex<Option<JoinHandle<()>>>,
    slots: Arc<Semaphore>,
    queue: Semaphore,
}

#[derive(Default)]
struct Runs {
    waiting: VecDeque<Run>,
    /// Views of the runs that wait or are under way, each with the number of those runs.
    held: HashMap<String, (usize, ClaimedView)>,
    stopped: bool,
}

struct Run {
    range: MaterializeRange,
    views: Vec<String>,
}

/// What became of a request for a run.
pub(crate) enum EnqueueResult {
    /// It runs when those before it are done.
    Accepted,
    /// These views are being materialized already.
    Taken(Vec<String>),
}

impl MaterializationQueue {
    /// One whose runs wait until it is started.
    pub(crate) fn new(store: Arc<FeatureStore>, metrics: Option<Arc<Metrics>>) -> Arc<Self> {
        Arc::new(Self {
            store,
            metrics,
            runs: Mutex::default(),
            changed: Condvar::new(),
            is_stopped: AtomicBool::new(false),
            worker: Mutex::default(),
            slots: Arc::new(Semaphore::new(MAX_AWAITED_RUNS)),
            queue: Semaphore::new(MAX_QUEUED_CLIENTS),
        })
    }

    /// Starts the thread that does the runs. It ends with [`MaterializationQueue::stop`].
    ///
    /// # Errors
    /// `Unavailable` when there can be no more threads.
    pub(crate) fn start(self: &Arc<Self>) -> Result<(), Error> {
        let worker = Arc::clone(self);
        let thread = std::thread::Builder::new()
            .name("feast-materialize".to_owned())
            .spawn(move || worker.work())
            .map_err(|source| Error::new(ErrorKind::Unavailable, format!("no thread can be started: {source}")))?;
        *self.worker.lock() = Some(thread);
        Ok(())
    }

    /// Waits for the slot of a run whose client waits for it. A client that is gone waits no more.
    ///
    /// # Errors
    /// `Unavailable` when too many clients wait, and when the server stops.
    pub(crate) async fn acquire_slot(&self) -> Result<OwnedSemaphorePermit, Error> {
        let unavailable = |message: String| Error::new(ErrorKind::Unavailable, message);
        let slots = Arc::clone(&self.slots);
        if let Ok(slot) = Arc::clone(&slots).try_acquire_owned() {
            return Ok(slot);
        }
        let _place = self.queue.try_acquire().map_err(|_| {
            unavailable(format!(
                "{MAX_AWAITED_RUNS} materializations are under way and {MAX_QUEUED_CLIENTS} wait for them"
            ))
            .with_hint("try again later, or let them run one after the other with ?async=true")
        })?;
        let slot = slots.acquire_owned().await;
        slot.map_err(|_| unavailable("the server is about to stop".to_owned()))
    }

    /// Refuses the clients that wait for a slot, and those that come.
    pub(crate) fn close_slots(&self) {
        self.slots.close();
    }

    /// Materializes what a request means; progress is logged. It ends when `is_cancelled` says so.
    ///
    /// # Errors
    /// Those of the run; `Unavailable` when it is stopped.
    pub(crate) fn materialize(&self, request: &MaterializeRequest, is_cancelled: &AtomicBool) -> Result<(), Error> {
        let windows = self.store.materialization_windows(request)?;
        for warning in self.store.materialization_warnings(request)? {
            tracing::warn!("{warning}");
        }
        let mut progress = LoggedProgress {
            is_stopped: [&self.is_stopped, is_cancelled],
            metrics: self.metrics.as_deref(),
            started: HashMap::new(),
        };
        let done = self.store.materialize(&windows, &mut progress);
        progress.count_failed();
        done.map(|_| ())
    }

    /// Ends runs that are under way at their next batch of rows.
    pub(crate) fn interrupt(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
    }

    /// Adds a run, unless one of its views is being materialized and it is not forced.
    ///
    /// # Errors
    /// `Unavailable` when too many runs wait, and those of the registry.
    pub(crate) fn enqueue(
        &self,
        range: MaterializeRange,
        views: Vec<String>,
        force: bool,
    ) -> Result<EnqueueResult, Error> {
        if views.is_empty() {
            return Ok(EnqueueResult::Accepted);
        }
        let mut runs = self.runs.lock();
        let held: Vec<String> = views
            .iter()
            .filter(|view| runs.held.contains_key(*view))
            .cloned()
            .collect();
        if !held.is_empty() && !force {
            return Ok(EnqueueResult::Taken(held));
        }
        if runs.stopped || runs.waiting.len() >= MAX_WAITING {
            let message = format!(
                "{} materializations are waiting already, or the server is stopping",
                runs.waiting.len()
            );
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        let claimed = match self.store.claim_materialization(&views, force)? {
            MaterializationClaim::Taken(taken) => return Ok(EnqueueResult::Taken(taken)),
            MaterializationClaim::Granted(claimed) => claimed,
        };
        for view in claimed {
            // A view that is held already keeps the state it had before the first run.
            runs.held.entry(view.name.clone()).or_insert((0, view)).0 += 1;
        }
        runs.waiting.push_back(Run { range, views });
        self.changed.notify_one();
        Ok(EnqueueResult::Accepted)
    }

    /// Ends all runs, waits for the one that is under way, and takes the marks from all views.
    pub(crate) fn stop(&self) {
        self.interrupt();
        self.clear();
        let worker = self.worker.lock().take();
        // The store must not be in use when the process ends. A panic of the thread has been logged.
        let _ = worker.map(JoinHandle::join);
    }

    fn clear(&self) {
        let mut runs = self.runs.lock();
        runs.stopped = true;
        runs.waiting.clear();
        let cut_off: Vec<ClaimedView> = runs.held.drain().map(|(_, (_, view))| view).collect();
        self.changed.notify_one();
        for view in &cut_off {
            tracing::warn!("the materialization of {} is cut off; run it again", view.name);
        }
        self.release(&cut_off);
    }

    fn work(&self) {
        while let Some(run) = self.next() {
            let request = MaterializeRequest {
                range: run.range,
                views: Some(run.views),
            };
            // A panic has been logged with its place; the runs after it go on.
            match catch_unwind(AssertUnwindSafe(|| self.materialize(&request, &AtomicBool::new(false)))) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!("materialization in the background failed: {error}"),
                Err(_) => tracing::error!("materialization in the background failed"),
            }
            self.end(request.views.as_deref().unwrap_or_default());
        }
    }

    fn next(&self) -> Option<Run> {
        let mut runs = self.runs.lock();
        self.changed
            .wait_while(&mut runs, |runs| runs.waiting.is_empty() && !runs.stopped);
        runs.waiting.pop_front()
    }

    fn end(&self, views: &[String]) {
        let mut runs = self.runs.lock();
        let mut ended = Vec::new();
        for view in views {
            if let Some((count, _)) = runs.held.get_mut(view) {
                *count -= 1;
                if *count == 0 {
                    ended.extend(runs.held.remove(view).map(|(_, view)| view));
                }
            }
        }
        // Still under the lock: the next request for these views finds them as they are then.
        self.release(&ended);
    }

    fn release(&self, views: &[ClaimedView]) {
        if views.is_empty() {
            return;
        }
        if let Err(error) = self.store.release_materialization(views) {
            tracing::error!("views stay in the state MATERIALIZING: {error}");
        }
    }
}

/// A server or another process may have died during a run, or may be running: the registry does not show which.
pub(crate) fn warn_of_marked_views(store: &FeatureStore) {
    for view in store.views_being_materialized() {
        tracing::warn!(
            "{view} is marked as being materialized; if no process is doing that, start it with: POST /materialize?async=true&force=true"
        );
    }
}

/// Progress as log lines.
struct LoggedProgress<'a> {
    /// Any of these ends the run.
    is_stopped: [&'a AtomicBool; 2],
    metrics: Option<&'a Metrics>,
    /// The views that are under way.
    started: HashMap<String, Instant>,
}

impl LoggedProgress<'_> {
    /// Counts what is not finished, when the run is over.
    fn count_failed(self) {
        for (view, started) in self.started {
            if let Some(metrics) = self.metrics {
                metrics.writes.materialized(&view, None, started.elapsed());
            }
        }
    }
}

impl MaterializeProgress for LoggedProgress<'_> {
    fn is_stopped(&self) -> bool {
        self.is_stopped.iter().any(|stopped| stopped.load(Ordering::SeqCst))
    }

    fn pass_started(&mut self, windows: &[&ViewWindow]) {
        for window in windows {
            tracing::info!("materializing {} from {} to {}", window.view, window.start, window.end);
            self.started.insert(window.view.clone(), Instant::now());
            if let Some(former) = &window.former_keys {
                tracing::warn!(
                    "the join keys of {} were {former} when rows were stored: everything since {} is read again",
                    window.view,
                    window.start
                );
            }
        }
    }

    fn view_skipped(&mut self, window: &ViewWindow) {
        tracing::info!("{} is materialized up to {} already", window.view, window.start);
    }

    fn advanced(&mut self, _view: &str, _step: RunStep, _done: u64, _total: u64) {}

    fn views_separated(&mut self, view: &str, error: &Error) {
        tracing::warn!("{view} and the views of the same source are read one by one, because of one of them: {error}");
    }

    fn view_finished(&mut self, report: &ViewReport) {
        let ViewReport {
            view, written, stale, ..
        } = report;
        tracing::info!("materialized {view}: {written} rows written, {stale} older than stored");
        if let (Some(started), Some(metrics)) = (self.started.remove(view), self.metrics) {
            metrics
                .writes
                .materialized(view, Some(*written as u64), started.elapsed());
        }
        for remark in report.remarks() {
            tracing::warn!("{remark}");
        }
    }
}
