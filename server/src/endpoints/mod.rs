//! One file per endpoint: from a request to the engine and back.

pub(crate) mod documentation;
pub(crate) mod get_online_features;
pub(crate) mod health;
pub(crate) mod materialize;
pub(crate) mod push;
pub(crate) mod vector_search;
pub(crate) mod write_to_online_store;

use feast_engine::{FeatureStore, WriteReport};
use warp::http::HeaderValue;

use crate::message::Answer;

/// How many rows a newer row kept out.
const STALE_ROWS_HEADER: &str = "x-feast-stale-rows";

/// Tells the client and the log of rows that were not written because newer ones are stored.
fn report_stale_rows(answer: &mut Answer, report: WriteReport, target: &str) {
    answer
        .headers_mut()
        .insert(STALE_ROWS_HEADER, HeaderValue::from(report.stale));
    if report.stale > 0 {
        tracing::warn!(
            "{} of {} rows for {target} are older than what is stored and were not written",
            report.stale,
            report.stale + report.written
        );
    }
}

/// Looks at the registry now instead of at the next turn of the watcher. Says whether it had changed.
///
/// A broken file is the watcher's to report: the registry as it was goes on serving.
fn read_newest_registry(store: &FeatureStore) -> bool {
    store.refresh().unwrap_or(false)
}
