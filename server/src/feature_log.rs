//! Which answers are logged, and what an operator is told of the log. The log itself is the engine's.

use feast_engine::{EntityRows, FeatureLog, FeatureLogRemark, FeatureVectors, ReadPlan, ServedRows, now};
use uuid::Uuid;

use crate::layers::request_id::RequestId;

/// Decides whether the answer to a request is logged. Gives the id under which it is: that of the request, if it is a UUID, as it is
/// unless the client has given another one.
pub(crate) fn choose(plan: &ReadPlan, request: &RequestId) -> Option<Uuid> {
    let log = plan.log()?.ok()?;
    is_sampled(log.sample_rate()).then(|| request.as_uuid().unwrap_or_else(Uuid::new_v4))
}

/// Takes an answer that has been written, for the log if it is to be logged.
pub(crate) fn take(
    log: &FeatureLog,
    plan: &ReadPlan,
    answer: FeatureVectors<'_>,
    entities: &EntityRows,
    logged: Option<Uuid>,
) {
    match (plan.log(), logged) {
        (Some(Ok(planned)), Some(id)) => log.log(ServedRows::take(planned, answer, entities, now(), id)),
        (Some(Err(_)), _) => log.cannot_log(plan.service().unwrap_or_default(), answer.rows()),
        _ => {}
    }
}

/// One number in [0, 1) for each request that is logged at times.
fn is_sampled(rate: f64) -> bool {
    // Of the bits of a random UUID the last 62 are random.
    const RANDOM_BITS: i32 = 53;
    rate >= 1.0 || {
        let random = Uuid::new_v4().as_u128() & ((1 << RANDOM_BITS) - 1);
        (random as f64) < rate * 2_f64.powi(RANDOM_BITS)
    }
}

/// Logs a remark of the log.
pub fn log_remark(remark: FeatureLogRemark) {
    match remark {
        FeatureLogRemark::Trouble(text) => tracing::error!("{text}"),
        FeatureLogRemark::Note(text) => tracing::info!("{text}"),
    }
}

/// Writes what waits, and hands it over.
pub(crate) fn stop(log: &FeatureLog) {
    if !log.stop() {
        let statistics = log.statistics();
        let (rows, bytes) = (statistics.waiting_rows, statistics.spool_bytes);
        tracing::error!(
            "logged features could not be handed over in time: {bytes} bytes stay in the spool for the next start, and {rows} rows that \
             are not on disk are lost"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_all_or_about_the_rate_of_requests_are_sampled() {
        let sampled = |rate| (0..2000).filter(|_| is_sampled(rate)).count();
        assert_eq!((sampled(0.0), sampled(-1.0), sampled(f64::NAN)), (0, 0, 0));
        assert_eq!((sampled(1.0), sampled(7.0)), (2000, 2000));
        // Seven times the standard deviation on each side.
        assert!((340..=660).contains(&sampled(0.25)));
    }
}
