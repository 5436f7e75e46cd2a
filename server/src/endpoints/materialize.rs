//! `POST /materialize` and `POST /materialize-incremental`: answered when the run is over.

use feast_engine::model::Timestamp;
use feast_engine::{
    Error, FeatureStore, MaterializeProgress, MaterializeRange, MaterializeRequest, ViewReport, ViewWindow, now,
};
use warp::http::StatusCode;

use crate::endpoints::read_newest_registry;
use crate::error::ApiError;
use crate::message::{Answer, Request, json_answer};
use crate::wire::request::{Fields, Materialize};

pub(crate) fn answer(store: &FeatureStore, request: &Request) -> Result<Answer, ApiError> {
    let materialize = Materialize::from_fields(Fields::parse(&request.body)?)?;
    let range = if materialize.disable_event_timestamp {
        MaterializeRange::Between {
            start: Timestamp::EPOCH,
            end: now(),
        }
    } else {
        let (Some(start), Some(end)) = (&materialize.start, &materialize.end) else {
            return Err(
                Error::invalid("start_ts and end_ts are required when disable_event_timestamp is False").into(),
            );
        };
        let (start, end) = (parse("start_ts", start)?, parse("end_ts", end)?);
        if start >= end {
            let text = format!(
                "start_ts ({}) must be before end_ts ({})",
                start.to_python(),
                end.to_python()
            );
            return Err(Error::invalid(text).into());
        }
        MaterializeRange::Between { start, end }
    };
    run(
        store,
        &MaterializeRequest {
            range,
            views: materialize.views,
        },
    )
}

pub(crate) fn answer_incremental(store: &FeatureStore, request: &Request) -> Result<Answer, ApiError> {
    let fields = Fields::parse(&request.body)?;
    fields.require("end_ts")?;
    let materialize = Materialize::from_fields(fields)?;
    let end = parse("end_ts", materialize.end.as_deref().unwrap_or_default())?;
    run(
        store,
        &MaterializeRequest {
            range: MaterializeRange::Until { end },
            views: materialize.views,
        },
    )
}

fn parse(field: &str, text: &str) -> Result<Timestamp, Error> {
    Timestamp::parse(text).map_err(|problem| Error::invalid(format!("Invalid timestamp format: {field}: {problem}")))
}

fn run(store: &FeatureStore, request: &MaterializeRequest) -> Result<Answer, ApiError> {
    read_newest_registry(store);
    let windows = store.materialization_windows(request)?;
    store.materialize(&windows, &mut LoggedProgress)?;
    Ok(json_answer(StatusCode::OK, b"null".to_vec()))
}

/// Progress as log lines.
struct LoggedProgress;

impl MaterializeProgress for LoggedProgress {
    fn view_started(&mut self, window: &ViewWindow) {
        tracing::info!("materializing {} from {} to {}", window.view, window.start, window.end);
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
