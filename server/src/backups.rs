//! Backups: one after the other as the settings ask for them (`serving.backups`), and those that commands ask for.
//!
//! The time of the next one follows from the newest that is there, so that a server that is started again makes none too early and none too
//! late.
//!
//! **The disk of backups may hang**, as one on a network does. So a backup has a thread of its own, for which the process does not wait when
//! it ends, and one that takes longer than from one to the next is said. What is left of it, the next one removes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use feast_engine::model::Timestamp;
use feast_engine::{Access, BackupSchedule, Error, ErrorKind, FeatureStore, format_duration, now};
use tokio::sync::{oneshot, watch};

use crate::context::Context;

/// Between two looks at the clock, which may be set meanwhile.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// From one that failed to the next try, unless the schedule is closer.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);
/// How long the end of the server waits until backups under way have been given up, so that they leave nothing.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// The backups of a server.
pub(crate) struct Backups {
    /// Why the last one of the settings was not made, or is not complete.
    trouble: ArcSwapOption<Error>,
    /// When the last one of the settings that was complete began, in microseconds; 0 when none is known.
    last: AtomicI64,
    /// Those that are under way are to be given up.
    stop: Arc<AtomicBool>,
    /// How many are under way.
    running: watch::Sender<usize>,
}

impl Backups {
    pub(crate) fn new() -> Self {
        Self {
            trouble: ArcSwapOption::empty(),
            last: AtomicI64::new(0),
            stop: Arc::default(),
            running: watch::Sender::new(0),
        }
    }

    /// Why the last scheduled backup was not made; `None` while they are made.
    pub(crate) fn trouble(&self) -> Option<Arc<Error>> {
        self.trouble.load_full()
    }

    /// When the last one of the settings that is complete began.
    pub(crate) fn last(&self) -> Option<Timestamp> {
        let micros = self.last.load(Ordering::Relaxed);
        (micros != 0).then(|| Timestamp::from_micros(micros))
    }

    /// Does the work of a backup on a thread of its own, with what says whether it is to be given up.
    ///
    /// # Errors
    /// Those of the work, and `Unavailable` when there can be no thread.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<AtomicBool>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (done, outcome) = oneshot::channel();
        let stop = Arc::clone(&self.stop);
        let running = Running::new(&self.running);
        let started = std::thread::Builder::new().name("backup".to_owned()).spawn(move || {
            let made = work(&stop);
            // First, as the process may end when all are done.
            drop(running);
            let _ = done.send(made);
        });
        started.map_err(|source| {
            let message = format!("no thread can be started to make a backup: {source}");
            Error::new(ErrorKind::Unavailable, message)
        })?;
        // Its panic has been logged.
        let outcome = outcome.await;
        outcome.unwrap_or_else(|_| Err(Error::internal("the thread that makes a backup has panicked")))
    }

    /// Gives up those that are under way, and waits a little until they have left nothing.
    pub(crate) async fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let mut running = self.running.subscribe();
        let ended = running.wait_for(|running| *running == 0);
        if tokio::time::timeout(STOP_PATIENCE, ended).await.is_err() {
            tracing::warn!(
                "a backup under way does not end: its disk may hang. What there is of it is removed by the next one"
            );
        }
    }

    fn note(&self, begun: Timestamp) {
        self.last.store(begun.micros(), Ordering::Relaxed);
        self.trouble.store(None);
    }

    fn warn(&self, error: Error) {
        tracing::error!("{error}");
        self.trouble.store(Some(Arc::new(error)));
    }
}

/// Counts a backup for as long as it lives.
struct Running(watch::Sender<usize>);

impl Running {
    fn new(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|running| *running += 1);
        Self(count.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}

/// Makes backups as the settings say, for ever. What fails is logged, and is a warning of `/ready` until one succeeds.
pub(crate) async fn make_backups(context: Arc<Context>) {
    let (store, backups) = (&context.store, &context.backups);
    let Some(schedule) = store.config().backups.clone() else {
        return;
    };
    // The process that writes the store makes them.
    if store.access() == Access::ReadOnly {
        return;
    }
    let retry = schedule.every.min(RETRY_INTERVAL);
    loop {
        if backups.last().is_some_and(|last| !is_due(last, now(), schedule.every)) {
            tokio::time::sleep(LOOK_INTERVAL).await;
            continue;
        }
        let made = {
            let (store, schedule) = (Arc::clone(store), schedule.clone());
            backups.run(move |stop| make_if_due(&store, &schedule, stop))
        };
        let pause = match watched(made, backups, schedule.every).await {
            Ok(begun) => {
                backups.note(begun);
                LOOK_INTERVAL
            }
            Err(error) => {
                backups.warn(error.within(|message| format!("no backup was made (serving.backups): {message}")));
                retry
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Says when a backup takes longer than from one to the next, and goes on waiting for it.
async fn watched<T>(made: impl Future<Output = T>, backups: &Backups, every: Duration) -> T {
    let begun = now();
    let mut made = std::pin::pin!(made);
    match tokio::time::timeout(every, &mut made).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let every = format_duration(every);
            let message = format!("the backup that began at {begun} is not complete after {every} (serving.backups)");
            backups.warn(Error::new(ErrorKind::Unavailable, message).with_hint("see whether its disk hangs"));
            made.await
        }
    }
}

/// Gives the time at which the newest one began.
fn make_if_due(store: &FeatureStore, schedule: &BackupSchedule, stop: &Arc<AtomicBool>) -> Result<Timestamp, Error> {
    // Others may have made one.
    let last = store.last_backup(&schedule.directory)?;
    if let Some(last) = last.filter(|last| !is_due(*last, now(), schedule.every)) {
        return Ok(last);
    }
    let begun = now();
    let report = store.back_up_on_schedule(schedule, stop)?;
    let (path, bytes, shared) = (report.path.display(), report.bytes, report.shared_bytes);
    tracing::info!("backup {path} has {bytes} bytes, {shared} of which take no more room");
    for name in &report.removed {
        tracing::info!("backup {name} was removed: {} are kept", schedule.keep);
    }
    if report.of_other_stores > 0 {
        tracing::info!(
            "{} backups there are of other online stores of this project, such as before a restore: they are not counted and not removed",
            report.of_other_stores
        );
    }
    Ok(begun)
}

/// A last one in the future was made before the clock was set back.
fn is_due(last: Timestamp, now: Timestamp, every: Duration) -> bool {
    let since = u64::try_from(now.micros().saturating_sub(last.micros()));
    since.is_err() || since.is_ok_and(|micros| Duration::from_micros(micros) >= every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_due_after_its_time_and_when_the_clock_went_back() {
        let check = |last: i64, now: i64, expected: bool| {
            let [last, now] = [last, now].map(|seconds| Timestamp::from_seconds(seconds).unwrap());
            assert_eq!(is_due(last, now, Duration::from_secs(60)), expected, "{last} {now}");
        };
        check(1000, 1000, false);
        check(1000, 1059, false);
        check(1000, 1060, true);
        check(1000, 900, true);
        check(-1_000_000, 1_000_000, true);
    }
}
