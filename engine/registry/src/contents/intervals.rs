//! What has been materialized, and in which state views are: the parts of the registry that change without an apply.
//!
//! Rows stored under other join keys than a view's present ones are not found. Where the keys change, the view's intervals
//! become one of no length, at their first event time: the next incremental run then reads everything again, Python's too.

use feast_model::error::{Error, Result};
use feast_model::{FeatureView, StoredKeys, TimeRange, Timestamp, ViewState, ViewStatus};

use prost::Message;

use super::RegistryContents;
use crate::convert::{timestamp, timestamp_message};
use crate::kinds::{self, MetaFields, ObjectCodec, ObjectTable};
use crate::messages::view::{FeatureViewMeta, MaterializationInterval};
use crate::protowire::{put, without};

/// Kinds of view that are materialized: their metas have intervals.
static MATERIALIZED: [&ObjectCodec<FeatureView>; 2] = [&kinds::FEATURE_VIEW, &kinds::STREAM_FEATURE_VIEW];

/// First and last event time of a run.
type Interval = (Timestamp, Timestamp);

/// Where an incremental materialization goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct ResumePoint {
    /// The event time.
    pub from: Timestamp,
    /// The join keys before the present ones, while there are rows that were only stored under those.
    pub former_keys: Option<StoredKeys>,
}

/// A materialized view in the registry.
struct Found<'a> {
    codec: &'static ObjectCodec<FeatureView>,
    position: usize,
    object: &'a [u8],
}

impl RegistryContents {
    /// Where an incremental materialization of the view goes on; `None` where there was none. That is the greatest end of its
    /// intervals, as in Feast, but after a change of join keys not beyond the first gap.
    pub fn resume_point(&self, view: &str) -> Result<Option<ResumePoint>> {
        let Some(found) = self.find_view(view) else {
            return Ok(None);
        };
        let intervals = self.intervals(&found.codec.table, found.object)?;
        let Some(last) = intervals.iter().map(|(_, end)| *end).max() else {
            return Ok(None);
        };
        let starts_anew = intervals.first().filter(|(start, end)| start == end);
        if let Some((start, _)) = starts_anew
            && let Some(former_keys) = self.former_keys(&found)?
        {
            let from = reach(*start, &intervals);
            let former_keys = (from == *start || from < last).then_some(former_keys);
            return Ok(Some(ResumePoint { from, former_keys }));
        }
        Ok(Some(ResumePoint {
            from: last,
            former_keys: None,
        }))
    }

    /// Has a view start anew whose join keys Python Feast has changed since its last run: it keeps the intervals. Each version
    /// of the history holds those of its time, so the last run was that of the newest version with others than there are now.
    pub fn start_anew_where_keys_changed(&mut self, view: &str) -> Result<()> {
        let Some(found) = self.find_view(view) else {
            return Ok(());
        };
        let table = &found.codec.table;
        let intervals = self.intervals(table, found.object)?;
        if intervals.is_empty() {
            return Ok(());
        }
        let meta = self.meta(table, found.object)?;
        let mut versions: Vec<_> = self.versions_of(view).collect();
        versions.retain(|version| version.version_number <= meta.current_version_number);
        versions.sort_by_key(|version| std::cmp::Reverse(version.version_number));
        let mut versions = versions.iter();
        let of_last_run = versions.find(|version| {
            let of_its_time = self.intervals(table, &version.feature_view_proto);
            of_its_time.is_ok_and(|of_its_time| of_its_time != intervals)
        });
        let stored = of_last_run.and_then(|version| self.recorded_view(version));
        let stored = stored.map(|view| view.stored_keys());
        if stored.is_some() && stored != self.stored_keys(&found)? {
            let position = found.position;
            let (object, _) = self.started_anew(table, found.object.to_vec())?;
            (table.list_mut)(&mut self.message)[position] = object;
        }
        Ok(())
    }

    /// What the keys of a view's rows are made of. `None` where there is no such view.
    pub fn keys_of_view(&self, view: &str) -> Result<Option<StoredKeys>> {
        match self.find_view(view) {
            Some(found) => self.stored_keys(&found),
            None => Ok(None),
        }
    }

    /// A view's object with its intervals as one of no length, and what they spanned. A kind without intervals stays as it is.
    pub(super) fn started_anew(&self, table: &ObjectTable, object: Vec<u8>) -> Result<(Vec<u8>, Option<Interval>)> {
        let Some(number) = table.fields.meta.and_then(|meta| meta.intervals) else {
            return Ok((object, None));
        };
        let intervals = self.intervals(table, &object)?;
        let first = intervals.iter().map(|(start, _)| *start).min();
        let last = intervals.iter().map(|(_, end)| *end).max();
        let Some((first, last)) = first.zip(last) else {
            return Ok((object, None));
        };
        let mut meta = without(table.meta_of(&object), &[number]);
        put(&mut meta, number, &interval_message(first, first));
        Ok((table.with_meta(&object, &meta), Some((first, last))))
    }

    fn meta(&self, table: &ObjectTable, object: &[u8]) -> Result<FeatureViewMeta> {
        self.decode_context().decode("a feature view", table.meta_of(object))
    }

    fn intervals(&self, table: &ObjectTable, object: &[u8]) -> Result<Vec<Interval>> {
        let meta = self.meta(table, object)?;
        let intervals = meta.materialization_intervals.iter();
        let times = intervals.filter_map(|interval| interval.start_time.as_ref().zip(interval.end_time.as_ref()));
        Ok(times.map(|(start, end)| (timestamp(start), timestamp(end))).collect())
    }

    /// The newest join keys of the view's history that are others than the present ones.
    fn former_keys(&self, found: &Found<'_>) -> Result<Option<StoredKeys>> {
        let present = self.stored_keys(found)?;
        let view = found.codec.table.name_of(found.object);
        let mut versions: Vec<_> = self.versions_of(&view).collect();
        versions.sort_by_key(|version| std::cmp::Reverse(version.version_number));
        let keys = versions.iter().filter_map(|version| self.recorded_view(version));
        Ok(keys
            .map(|view| view.stored_keys())
            .find(|keys| Some(keys) != present.as_ref()))
    }

    fn stored_keys(&self, found: &Found<'_>) -> Result<Option<StoredKeys>> {
        let view = (found.codec.decode)(&self.decode_context(), found.codec.table.spec_of(found.object))?;
        Ok(view.map(|view| view.stored_keys()))
    }

    /// The least start of the view's recorded intervals, `None` where it has none.
    pub fn materialized_since(&self, view: &str) -> Result<Option<Timestamp>> {
        let Some(found) = self.find_view(view) else {
            return Ok(None);
        };
        let intervals = self.intervals(&found.codec.table, found.object)?;
        Ok(intervals.into_iter().map(|(start, _)| start).min())
    }

    /// The greatest end of the view's recorded intervals, `None` where it has none.
    pub fn materialized_until(&self, view: &str) -> Result<Option<Timestamp>> {
        let Some(found) = self.find_view(view) else {
            return Ok(None);
        };
        let intervals = self.intervals(&found.codec.table, found.object)?;
        Ok(intervals.into_iter().map(|(_, end)| end).max())
    }

    /// Adds an interval to the view and makes it available online. As in Feast the view moves to the end of the list.
    pub fn record_materialization(
        &mut self,
        view: &str,
        start: Timestamp,
        end: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        let in_calendar = |time| {
            let checked = TimeRange::CALENDAR.check(time);
            checked.map_err(|problem| Error::invalid(format!("the interval of {view} cannot be recorded: {problem}")))
        };
        let interval = interval_message(in_calendar(start)?, in_calendar(end)?);
        self.start_anew_where_keys_changed(view)?;
        self.change_meta(view, now, ViewState::AvailableOnline, |fields, meta| {
            if let Some(intervals) = fields.intervals {
                put(meta, intervals, &interval);
            }
        })
    }

    /// The status of those of the project's views that are not new.
    pub fn statuses(&self) -> Result<Vec<(String, ViewStatus)>> {
        let mut statuses = Vec::new();
        for codec in MATERIALIZED {
            let table = &codec.table;
            for object in (table.list)(&self.message) {
                let meta = self.meta(table, object)?;
                let status = ViewStatus {
                    state: ViewState::from_number(meta.state),
                    version: meta.current_version_number,
                };
                if status == ViewStatus::NEW {
                    continue;
                }
                // Not read further: it may hold what only a newer Feast knows.
                if let Some(name) = table.name_in_project(object, &self.project) {
                    statuses.push((name, status));
                }
            }
        }
        Ok(statuses)
    }

    /// Sets the state of a view.
    pub fn set_state(&mut self, view: &str, state: ViewState, now: Timestamp) -> Result<()> {
        self.change_meta(view, now, state, |_, _| {})
    }

    /// Moves a view to the end of its list, in that state and with what `add` appends to its meta.
    fn change_meta(
        &mut self,
        view: &str,
        now: Timestamp,
        state: ViewState,
        add: impl FnOnce(&MetaFields, &mut Vec<u8>),
    ) -> Result<()> {
        let found = self.find_view(view).map(|found| (&found.codec.table, found.position));
        let Some((table, position)) = found else {
            return Err(Error::unknown_feature_view(view, &self.project));
        };
        let list = (table.list_mut)(&mut self.message);
        let mut object = list.remove(position);
        if let Some(fields) = &table.fields.meta {
            let changed: Vec<u32> = [fields.last_updated].into_iter().chain(fields.state).collect();
            let mut meta = without(table.meta_of(&object), &changed);
            put(&mut meta, fields.last_updated, &timestamp_message(now).encode_to_vec());
            add(fields, &mut meta);
            if let Some(number) = fields.state {
                prost::encoding::int32::encode(number, &state.number(), &mut meta);
            }
            object = table.with_meta(&object, &meta);
        }
        list.push(object);
        Ok(())
    }

    fn find_view(&self, view: &str) -> Option<Found<'_>> {
        MATERIALIZED.into_iter().find_map(|codec| {
            let position = codec.table.position(&self.message, &self.project, view)?;
            let object = &(codec.table.list)(&self.message)[position];
            Some(Found {
                codec,
                position,
                object,
            })
        })
    }
}

fn interval_message(start: Timestamp, end: Timestamp) -> Vec<u8> {
    let interval = MaterializationInterval {
        start_time: Some(timestamp_message(start)),
        end_time: Some(timestamp_message(end)),
    };
    interval.encode_to_vec()
}

/// How far the intervals reach from there without a gap.
fn reach(start: Timestamp, intervals: &[Interval]) -> Timestamp {
    let mut intervals = intervals.to_vec();
    intervals.sort_unstable();
    let is_adjacent = |reached: Timestamp, (from, to): Interval| {
        if from <= reached { reached.max(to) } else { reached }
    };
    intervals.into_iter().fold(start, is_adjacent)
}
