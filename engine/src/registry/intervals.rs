//! What has been materialized, and in which state views are: the parts of the registry that change without an apply.

use super::apply::kinds::{self, Kind, name_in_project};
use super::convert::{timestamp, timestamp_message};
use super::file::RegistryFile;
use super::messages::view::{FeatureViewMeta, MaterializationInterval};
use super::wire::{LAST_UPDATED, META, bytes_of, put, without};
use crate::error::{Error, Result};
use crate::model::{FeatureView, TimeRange, Timestamp, ViewState, ViewStatus};
use prost::Message;

/// Kinds of view that are materialized.
const MATERIALIZED: [&Kind<FeatureView>; 2] = [&kinds::FEATURE_VIEW, &kinds::STREAM_FEATURE_VIEW];
const INTERVALS: u32 = 3;
const STATE: u32 = 6;

impl RegistryFile {
    /// The greatest end of the view's recorded intervals: where an incremental materialization goes on.
    pub(crate) fn materialized_until(&self, view: &str) -> Result<Option<Timestamp>> {
        let Some((kind, position)) = self.find_view(view) else {
            return Ok(None);
        };
        let meta = bytes_of(&(kind.list)(&self.message)[position], META);
        let meta: FeatureViewMeta = self.decode("feature view", meta)?;
        let ends = meta.materialization_intervals.iter();
        Ok(ends
            .filter_map(|interval| interval.end_time.as_ref().map(timestamp))
            .max())
    }

    /// Adds an interval to the view and makes it available online. As in Feast the view moves to the end of the list.
    pub(crate) fn record_materialization(
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
        self.change_meta(view, |meta| {
            let mut meta = without(meta, &[LAST_UPDATED, STATE]);
            put(&mut meta, LAST_UPDATED, &timestamp_message(now).encode_to_vec());
            put(&mut meta, INTERVALS, &interval.encode_to_vec());
            prost::encoding::int32::encode(STATE, &ViewState::AvailableOnline.number(), &mut meta);
            meta
        })
    }

    /// The status of those of the project's views that are not new.
    pub(crate) fn statuses(&self) -> Result<Vec<(String, ViewStatus)>> {
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
    pub(crate) fn set_state(&mut self, view: &str, state: ViewState, now: Timestamp) -> Result<()> {
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
