//! From when to when a view is materialized. Times and what the registry recorded; nothing of the stores.

use feast_model::error::{Error, Result};
use feast_model::{FeatureView, StoredKeys, TimeRange, Timestamp};
use feast_registry::RegistryContents;

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
    /// From where the first run of each view started to `end`, included: for a store that has lost rows, or never had them.
    Anew {
        /// Last event time.
        end: Timestamp,
    },
}

impl MaterializeRange {
    /// The last event time.
    pub fn end(&self) -> Timestamp {
        match self {
            Self::Between { end, .. } | Self::Until { end } | Self::Anew { end } => *end,
        }
    }

    /// What to know of an end that has not come yet, if it is one.
    pub fn warning_of_end(&self, now: Timestamp) -> Option<String> {
        let end = self.end();
        (end > now).then(|| {
            format!(
                "the end {} has not come yet (it is {} now): later incremental runs start there, and read nothing that \
                 arrives before it",
                end.to_python(),
                now.to_python()
            )
        })
    }

    /// # Errors
    /// `Invalid` when the start lies after the end, or one of them where the registry cannot hold it.
    pub(crate) fn check(&self) -> Result<()> {
        let start = match self {
            Self::Between { start, .. } => Some(*start),
            Self::Until { .. } | Self::Anew { .. } => None,
        };
        for time in start.into_iter().chain([self.end()]) {
            let checked = TimeRange::CALENDAR.check(time);
            checked.map_err(|problem| Error::invalid(problem.to_string()))?;
        }
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

impl ViewWindow {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.start > self.end
    }
}

/// The window that each view is materialized over.
///
/// # Errors
/// `Data` when the registry cannot say where the last run ended.
pub(crate) fn windows(
    range: MaterializeRange,
    views: &[&FeatureView],
    registry: &mut RegistryContents,
    now: Timestamp,
) -> Result<Vec<ViewWindow>> {
    let window = |view: &&FeatureView| {
        let (start, default_look_back, former_keys) = match range {
            MaterializeRange::Between { start, .. } => (start, false, None),
            MaterializeRange::Until { .. } => {
                registry.start_anew_where_keys_changed(view.name())?;
                let resume = registry.resume_point(view.name())?;
                let from = resume.as_ref().map(|resume| resume.from);
                let (start, default_look_back) = incremental_start(view, from, now);
                (start, default_look_back, resume.and_then(|resume| resume.former_keys))
            }
            MaterializeRange::Anew { .. } => {
                let (first, default_look_back) = incremental_start(view, None, now);
                match registry.materialized_since(view.name())? {
                    Some(since) if since <= first => (since, false, None),
                    _ => (first, default_look_back, None),
                }
            }
        };
        Ok(ViewWindow {
            view: view.name().to_owned(),
            start,
            end: range.end(),
            default_look_back,
            former_keys,
        })
    };
    views.iter().map(window).collect()
}

/// Where an incremental run starts, and whether that is the default look-back.
fn incremental_start(view: &FeatureView, materialized_until: Option<Timestamp>, now: Timestamp) -> (Timestamp, bool) {
    let (start, is_default) = match (materialized_until, view.ttl.filter(|ttl| *ttl > 0)) {
        (Some(end), _) => (end, false),
        (None, Some(ttl)) => (now.plus_micros(-ttl), false),
        (None, None) => (now.plus_micros(-DEFAULT_LOOK_BACK_MICROS), true),
    };
    // A time to live may be longer than there are years before now.
    (TimeRange::CALENDAR.clamp(start), is_default)
}

#[cfg(test)]
mod tests {
    use super::*;
    use feast_model::{DataSource, SourceKind};

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn ends_are_in_the_years_of_python() {
        let check = |micros, expected: Option<&str>| {
            let range = MaterializeRange::Until {
                end: Timestamp::from_micros(micros),
            };
            assert_eq!(range.check().err().map(|error| error.to_string()).as_deref(), expected);
        };
        check(TimeRange::CALENDAR.last.micros(), None);
        check(TimeRange::CALENDAR.first.micros(), None);
        let late = TimeRange::CALENDAR.last.micros() + 1;
        check(late, Some("+10000-01-01T00:00:00Z is not in the years 1 to 9999"));
        assert!(
            MaterializeRange::Until {
                end: Timestamp::from_micros(i64::MIN)
            }
            .check()
            .is_err()
        );
    }

    #[test]
    fn a_first_run_never_starts_before_the_year_1() {
        let file = SourceKind::parquet("x.parquet");
        let mut view = FeatureView::new("x", DataSource::new("x", file));
        let now = at("2026-11-25");
        view.ttl = Some(86_400_000_000);
        assert_eq!(incremental_start(&view, None, now), (at("2026-11-24"), false));
        view.ttl = Some(i64::MAX);
        assert_eq!(incremental_start(&view, None, now), (at("0001-01-01"), false));
        assert_eq!(
            incremental_start(&view, Some(at("2026-01-01")), now),
            (at("2026-01-01"), false)
        );
    }

    #[test]
    fn an_end_to_come_is_warned_of() {
        let now = at("2026-11-25T12:00:00");
        let warning = |end| MaterializeRange::Until { end: at(end) }.warning_of_end(now);
        assert_eq!(warning("2026-11-25T12:00:00"), None);
        assert!(warning("2026-11-25T12:00:01").is_some_and(|text| text.contains("has not come yet")));
    }
}
