use crate::error::{Error, Result};
use crate::model::{FeatureView, StoredKeys, Timestamp};

/// Where the first incremental run of a view without a time to live starts: 52 weeks back, which Feast calls a year.
const DEFAULT_LOOK_BACK_MICROS: i64 = 364 * 24 * 3600 * 1_000_000;

/// The span of event time to materialize.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaterializeRange {
    /// From `start` to `end`, both included.
    Between {
        /// First event time.
        start: Timestamp,
        /// Last event time.
        end: Timestamp,
    },
    /// From where the last run of each view ended to `end`, included.
    Until {
        /// Last event time.
        end: Timestamp,
    },
}

impl MaterializeRange {
    /// The last event time.
    pub fn end(&self) -> Timestamp {
        match self {
            Self::Between { end, .. } | Self::Until { end } => *end,
        }
    }

    /// # Errors
    /// `Invalid` when the start lies behind the end.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::Between { start, end } if start > end => Err(Error::invalid(format!(
                "The given start_date {} is greater than the given end_date {}.",
                start.to_python(),
                end.to_python()
            ))),
            _ => Ok(()),
        }
    }
}

/// What one run does for one view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewWindow {
    /// The view's name.
    pub view: String,
    /// First event time.
    pub start: Timestamp,
    /// Last event time. Before `start` when everything up to it has been materialized already.
    pub end: Timestamp,
    /// Whether the start is the default look-back of a view without a time to live.
    pub default_look_back: bool,
    /// The view's former join keys, if what was stored under them is read again since `start`: rows stored under other
    /// join keys are not found.
    pub former_keys: Option<StoredKeys>,
}

/// Where an incremental run starts, and whether that is the default look-back.
pub(crate) fn incremental_start(
    view: &FeatureView,
    materialized_until: Option<Timestamp>,
    now: Timestamp,
) -> (Timestamp, bool) {
    match (materialized_until, view.ttl.filter(|ttl| *ttl > 0)) {
        (Some(end), _) => (end, false),
        (None, Some(ttl)) => (now.plus_micros(-ttl), false),
        (None, None) => (now.plus_micros(-DEFAULT_LOOK_BACK_MICROS), true),
    }
}
