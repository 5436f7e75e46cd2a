//! What has been materialized, and in which state views are: the parts of the registry that change without an apply.
//!
//! Rows stored under other join keys than a view's present ones are not found. Where the keys change, the view's intervals
//! become one of no length, at their first event time: the next incremental run then reads everything again, Python's too.

use feast_model::error::{Error, Result};
use feast_model::{FeatureView, ObjectKind, StoredKeys, TimeRange, Timestamp, ViewState, ViewStatus};

use super::apply::kinds::{self, Kind, name_in_project};
use super::convert::{timestamp, timestamp_message};
use super::file::RegistryFile;
use super::messages::view::{FeatureViewMeta, MaterializationInterval};
use super::wire::{LAST_UPDATED, META, SPEC, bytes_of, put, without};
use prost::Message;

/// Kinds of view that are materialized.
const MATERIALIZED: [&Kind<FeatureView>; 2] = [&kinds::FEATURE_VIEW, &kinds::STREAM_FEATURE_VIEW];
const INTERVALS: u32 = 3;
const STATE: u32 = 6;

/// First and last event time of a run.
type Interval = (Timestamp, Timestamp);

/// Where an incremental materialization goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct ResumePoint {
    pub from: Timestamp,
    /// The join keys before the present ones, while there are rows that were only stored under those.
    pub former_keys: Option<StoredKeys>,
}

/// Whether views of that kind have intervals.
pub(super) fn is_materialized(kind: ObjectKind) -> bool {
    MATERIALIZED.iter().any(|known| known.kind == kind)
}

impl RegistryFile {
    /// Where an incremental materialization of the view goes on; `None` where there was none. That is the greatest end of its
    /// intervals, as in Feast, but after a change of join keys not beyond the first gap.
    pub fn resume_point(&self, view: &str) -> Result<Option<ResumePoint>> {
        let Some((kind, position)) = self.find_view(view) else {
            return Ok(None);
        };
        let object = &(kind.list)(&self.message)[position];
        let intervals = self.intervals(object)?;
        let Some(last) = intervals.iter().map(|(_, end)| *end).max() else {
            return Ok(None);
        };
        let starts_anew = intervals.first().filter(|(start, end)| start == end);
        if let Some((start, _)) = starts_anew
            && let Some(former_keys) = self.former_keys(kind, object)?
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
        let Some((kind, position)) = self.find_view(view) else {
            return Ok(());
        };
        let object = &(kind.list)(&self.message)[position];
        let intervals = self.intervals(object)?;
        if intervals.is_empty() {
            return Ok(());
        }
        let meta: FeatureViewMeta = self.decode("feature view", bytes_of(object, META))?;
        let mut versions: Vec<_> = self.versions_of(view).collect();
        versions.retain(|version| version.version_number <= meta.current_version_number);
        versions.sort_by_key(|version| std::cmp::Reverse(version.version_number));
        let mut versions = versions.iter();
        let of_last_run = versions.find(|version| {
            let of_its_time = self.intervals(&version.feature_view_proto);
            of_its_time.is_ok_and(|of_its_time| of_its_time != intervals)
        });
        let stored = of_last_run.and_then(|version| self.recorded_view(version));
        let stored = stored.map(|view| view.stored_keys());
        if stored.is_some() && stored != self.stored_keys(kind, object)? {
            let (object, _) = self.started_anew(object.clone())?;
            (kind.list_mut)(&mut self.message)[position] = object;
        }
        Ok(())
    }

    /// What the keys of a view's rows are made of. `None` where there is no such view.
    pub fn keys_of_view(&self, view: &str) -> Result<Option<StoredKeys>> {
        match self.find_view(view) {
            Some((kind, position)) => self.stored_keys(kind, &(kind.list)(&self.message)[position]),
            None => Ok(None),
        }
    }

    /// A view's object with its intervals as one of no length, and what they spanned.
    pub(super) fn started_anew(&self, object: Vec<u8>) -> Result<(Vec<u8>, Option<Interval>)> {
        let intervals = self.intervals(&object)?;
        let first = intervals.iter().map(|(start, _)| *start).min();
        let last = intervals.iter().map(|(_, end)| *end).max();
        let Some((first, last)) = first.zip(last) else {
            return Ok((object, None));
        };
        let interval = MaterializationInterval {
            start_time: Some(timestamp_message(first)),
            end_time: Some(timestamp_message(first)),
        };
        let mut meta = without(bytes_of(&object, META), &[INTERVALS]);
        put(&mut meta, INTERVALS, &interval.encode_to_vec());
        let mut object = without(&object, &[META]);
        put(&mut object, META, &meta);
        Ok((object, Some((first, last))))
    }

    fn intervals(&self, object: &[u8]) -> Result<Vec<Interval>> {
        let meta: FeatureViewMeta = self.decode("feature view", bytes_of(object, META))?;
        let intervals = meta.materialization_intervals.iter();
        let times = intervals.filter_map(|interval| interval.start_time.as_ref().zip(interval.end_time.as_ref()));
        Ok(times.map(|(start, end)| (timestamp(start), timestamp(end))).collect())
    }

    /// The newest join keys of the view's history that are others than the present ones.
    fn former_keys(&self, kind: &Kind<FeatureView>, object: &[u8]) -> Result<Option<StoredKeys>> {
        let present = self.stored_keys(kind, object)?;
        let view = kind.name_in(object);
        let mut versions: Vec<_> = self.versions_of(&view).collect();
        versions.sort_by_key(|version| std::cmp::Reverse(version.version_number));
        let keys = versions.iter().filter_map(|version| self.recorded_view(version));
        Ok(keys
            .map(|view| view.stored_keys())
            .find(|keys| Some(keys) != present.as_ref()))
    }

    fn stored_keys(&self, kind: &Kind<FeatureView>, object: &[u8]) -> Result<Option<StoredKeys>> {
        let view = (kind.decode)(self, bytes_of(object, SPEC))?;
        Ok(view.map(|view| view.stored_keys()))
    }

    /// The greatest end of the view's recorded intervals, `None` where it has none.
    pub fn materialized_until(&self, view: &str) -> Result<Option<Timestamp>> {
        let Some((kind, position)) = self.find_view(view) else {
            return Ok(None);
        };
        let intervals = self.intervals(&(kind.list)(&self.message)[position])?;
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
        let interval = MaterializationInterval {
            start_time: Some(timestamp_message(in_calendar(start)?)),
            end_time: Some(timestamp_message(in_calendar(end)?)),
        };
        self.start_anew_where_keys_changed(view)?;
        self.change_meta(view, |meta| {
            let mut meta = without(meta, &[LAST_UPDATED, STATE]);
            put(&mut meta, LAST_UPDATED, &timestamp_message(now).encode_to_vec());
            put(&mut meta, INTERVALS, &interval.encode_to_vec());
            prost::encoding::int32::encode(STATE, &ViewState::AvailableOnline.number(), &mut meta);
            meta
        })
    }

    /// The status of those of the project's views that are not new.
    pub fn statuses(&self) -> Result<Vec<(String, ViewStatus)>> {
        let mut statuses = Vec::new();
        for kind in MATERIALIZED {
            for bytes in (kind.list)(&self.message) {
                let meta: FeatureViewMeta = self.decode("feature view", bytes_of(bytes, META))?;
                let status = ViewStatus {
                    state: ViewState::by_number(meta.state),
                    version: meta.current_version_number,
                };
                if status == ViewStatus::NEW {
                    continue;
                }
                // Not read further: it may hold what only a newer Feast knows.
                if let Some(name) = name_in_project(kind.kind, bytes, &self.project) {
                    statuses.push((name, status));
                }
            }
        }
        Ok(statuses)
    }

    /// Sets the state of a view.
    pub fn set_state(&mut self, view: &str, state: ViewState, now: Timestamp) -> Result<()> {
        self.change_meta(view, |meta| {
            let mut meta = without(meta, &[LAST_UPDATED, STATE]);
            put(&mut meta, LAST_UPDATED, &timestamp_message(now).encode_to_vec());
            prost::encoding::int32::encode(STATE, &state.number(), &mut meta);
            meta
        })
    }

    fn change_meta(&mut self, view: &str, change: impl FnOnce(&[u8]) -> Vec<u8>) -> Result<()> {
        let Some((kind, position)) = self.find_view(view) else {
            return Err(Error::unknown_feature_view(view, &self.project));
        };
        let list = (kind.list_mut)(&mut self.message);
        let old = list.remove(position);
        let meta = change(bytes_of(&old, META));
        let mut object = without(&old, &[META]);
        put(&mut object, META, &meta);
        list.push(object);
        Ok(())
    }

    fn find_view(&self, view: &str) -> Option<(&'static Kind<FeatureView>, usize)> {
        MATERIALIZED.into_iter().find_map(|kind| {
            let is_named =
                |object: &Vec<u8>| name_in_project(kind.kind, object, &self.project).is_some_and(|name| name == view);
            let position = (kind.list)(&self.message).iter().position(is_named)?;
            Some((kind, position))
        })
    }
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
