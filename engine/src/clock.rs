//! The only reader of the wall clock.

use crate::model::Timestamp;

/// Now, in UTC.
pub fn now() -> Timestamp {
    Timestamp::from(chrono::Utc::now())
}
