//! One file per endpoint: from a request to the engine and back.

pub(crate) mod backup;
pub(crate) mod documentation;
pub(crate) mod forget_rows;
pub(crate) mod get_online_features;
pub(crate) mod health;
pub(crate) mod materialize;
pub(crate) mod push;
pub(crate) mod vector_search;
pub(crate) mod write_to_online_store;

use std::sync::Arc;
use std::time::Duration;

use feast_engine::model::FeatureSelection;
use feast_engine::{Error, ErrorKind, FeatureStore, ReadPlan, WriteReport};
use tokio::task::block_in_place;
use warp::http::HeaderValue;

use crate::http::{Caller, Response};
use crate::log_limit::LogLimit;

/// How many rows a newer row kept out.
const STALE_ROWS_HEADER: &str = "x-feast-stale-rows";
/// How many rows are more than a day ahead of the clock.
const FUTURE_ROWS_HEADER: &str = "x-feast-future-rows";
/// How many rows were not written online because all their features are null.
const DROPPED_ROWS_HEADER: &str = "x-feast-dropped-rows";

/// How long a read waits for a look at the registry, and a write. A look takes some microseconds.
const READ_PATIENCE: Duration = Duration::from_millis(200);
const WRITE_PATIENCE: Duration = Duration::from_secs(5);

/// One line about them in so long: clients with a wrong clock send many.
const FUTURE_ROWS_LOG_INTERVAL: Duration = Duration::from_secs(10);
static FUTURE_ROWS_LOG: LogLimit = LogLimit::new(FUTURE_ROWS_LOG_INTERVAL);

/// Reports rows that are not what they seem to be, or were not written, to the client and the log.
fn report_rows(response: &mut Response, report: &WriteReport, target: &str) {
    let counts = [
        (STALE_ROWS_HEADER, report.stale),
        (FUTURE_ROWS_HEADER, report.future),
        (DROPPED_ROWS_HEADER, report.dropped),
    ];
    for (header, count) in counts {
        response.headers_mut().insert(header, HeaderValue::from(count));
    }
    if report.stale > 0 {
        tracing::warn!(
            "{} of {} rows for {target} are older than what is stored and were not written",
            report.stale,
            report.stale + report.written
        );
    }
    if report.future > 0
        && let Some(suppressed) = FUTURE_ROWS_LOG.admit(report.future)
    {
        let others = match suppressed {
            0 => String::new(),
            _ => format!(" (and {suppressed} more since this was last said)"),
        };
        tracing::warn!(
            "{} rows for {target} are more than a day ahead of the clock{others}; no row with an earlier event time replaces them",
            report.future
        );
    }
}

/// The plan of a selection that the caller may read. What is unknown may have been applied since the last look at the registry, so that is
/// read again.
fn plan(
    store: &FeatureStore,
    caller: &Caller,
    selection: &FeatureSelection,
    full_feature_names: bool,
) -> Result<Arc<ReadPlan>, Error> {
    let plan = match store.plan(selection, full_feature_names) {
        // Small requests are answered on the thread that read them, and the registry is a file.
        // While its file system does not answer, the last state is what is known.
        Err(error)
            if error.kind() == ErrorKind::NotFound
                && block_in_place(|| store.look_at_registry(READ_PATIENCE)).unwrap_or(false) =>
        {
            store.plan(selection, full_feature_names)
        }
        outcome => outcome,
    };
    caller.permitted_plan(store, selection, plan)
}

/// Looks at the registry now and not only at the watcher's next look: a write must not go where a former state says.
///
/// A broken file is the watcher's to report: the registry as it was goes on serving.
///
/// # Errors
/// `Unavailable` when the registry's file system does not answer.
fn read_newest_registry(store: &FeatureStore) -> Result<(), Error> {
    store.look_at_registry(WRITE_PATIENCE).map(drop)
}
