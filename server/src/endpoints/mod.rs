//! One file per endpoint: from a request to the engine and back.

pub(crate) mod documentation;
pub(crate) mod get_online_features;
pub(crate) mod health;
pub(crate) mod materialize;
pub(crate) mod push;
pub(crate) mod vector_search;
pub(crate) mod write_to_online_store;

use std::sync::Arc;

use feast_engine::model::FeatureSelection;
use feast_engine::{Error, ErrorKind, FeatureStore, ReadPlan, WriteReport};
use tokio::task::block_in_place;
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

/// What a selection means. Something unknown may have been applied since the last look at the registry.
fn plan(store: &FeatureStore, selection: &FeatureSelection, full_feature_names: bool) -> Result<Arc<ReadPlan>, Error> {
    match store.plan(selection, full_feature_names) {
        // Small requests are answered where they were read, and the registry is a file.
        Err(error) if error.kind() == ErrorKind::NotFound && block_in_place(|| read_newest_registry(store)) => {
            store.plan(selection, full_feature_names)
        }
        outcome => outcome,
    }
}

/// Looks at the registry now instead of at the next turn of the watcher. Says whether it had changed.
///
/// A broken file is the watcher's to report: the registry as it was goes on serving.
fn read_newest_registry(store: &FeatureStore) -> bool {
    store.refresh().unwrap_or(false)
}
