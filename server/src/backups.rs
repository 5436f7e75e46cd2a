//! Backups that the settings ask for (`serving.backups`), one after the other.
//!
//! The time of the next one follows from the newest that is there, so that a server that is started again makes none too early and none too
//! late.

use std::sync::Arc;
use std::time::Duration;

use feast_engine::model::Timestamp;
use feast_engine::{Access, BackupSchedule, Error, FeatureStore, now};

use crate::context::Context;

/// Between two looks at the clock, which may be set meanwhile.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// From one that failed to the next try, unless the schedule is closer.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);

/// Makes backups as the settings say, for ever. What fails is logged, and is a warning of `/ready` until one succeeds.
pub(crate) async fn make_backups(context: Arc<Context>) {
    let store = &context.store;
    let Some(schedule) = store.config().backups.clone() else {
        return;
    };
    // The process that writes the store makes them.
    if store.access() == Access::ReadOnly {
        return;
    }
    let retry = schedule.every.min(RETRY_INTERVAL);
    let mut last = None;
    loop {
        if last.is_some_and(|last| !is_due(last, now(), schedule.every)) {
            tokio::time::sleep(LOOK_INTERVAL).await;
            continue;
        }
        let made = {
            let (store, schedule) = (Arc::clone(store), schedule.clone());
            tokio::task::spawn_blocking(move || make_if_due(&store, &schedule)).await
        };
        let pause = match made {
            Ok(Ok(begun)) => {
                context.backup_trouble.store(None);
                last = Some(begun);
                LOOK_INTERVAL
            }
            Ok(Err(error)) => {
                tracing::error!("no backup was made: {error}");
                let error = error.within(|message| format!("no backup was made (serving.backups): {message}"));
                context.backup_trouble.store(Some(Arc::new(error)));
                retry
            }
            Err(source) => {
                tracing::error!("making a backup failed: {source}");
                retry
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Gives the time at which the newest one began.
fn make_if_due(store: &FeatureStore, schedule: &BackupSchedule) -> Result<Timestamp, Error> {
    // Others may have made one.
    let last = store.last_backup(&schedule.directory)?;
    if let Some(last) = last.filter(|last| !is_due(*last, now(), schedule.every)) {
        return Ok(last);
    }
    let begun = now();
    let report = store.back_up(&schedule.directory, Some(schedule.keep))?;
    let (path, bytes, shared) = (report.path.display(), report.bytes, report.shared_bytes);
    tracing::info!("backup {path} has {bytes} bytes, {shared} of which take no more room");
    for name in &report.removed {
        tracing::info!("backup {name} was removed: {} are kept", schedule.keep);
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
