//! What has been materialized: the registry's own record of it.

use prost::Message;

use super::convert::{timestamp, timestamp_message};
use super::file::RegistryFile;
use super::messages::MaterializationInterval;
use crate::error::{Error, Result};
use crate::model::Timestamp;

/// `FeatureViewState.AVAILABLE_ONLINE`.
const AVAILABLE_ONLINE: i32 = 4;

impl RegistryFile {
    /// The greatest end of the view's recorded intervals: where an incremental materialization goes on.
    pub(crate) fn materialized_until(&self, view: &str) -> Result<Option<Timestamp>> {
        for bytes in &self.message.feature_views {
            if let Some((message, _)) = self.view_of_project(bytes)?.filter(|(_, spec)| spec.name == view) {
                let intervals = message.meta.unwrap_or_default().materialization_intervals;
                return Ok(intervals
                    .iter()
                    .filter_map(|interval| interval.end_time.as_ref().map(timestamp))
                    .max());
            }
        }
        Ok(None)
    }

    /// Adds an interval to the view and makes it available online. As in Feast the view moves to the end of the list.
    pub(crate) fn record_materialization(
        &mut self,
        view: &str,
        start: Timestamp,
        end: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        for position in 0..self.message.feature_views.len() {
            let Some((mut message, spec)) = self.view_of_project(&self.message.feature_views[position])? else {
                continue;
            };
            if spec.name != view {
                continue;
            }
            let meta = message.meta.get_or_insert_default();
            let (start_time, end_time) = (Some(timestamp_message(start)), Some(timestamp_message(end)));
            meta.materialization_intervals
                .push(MaterializationInterval { start_time, end_time });
            meta.last_updated_timestamp = Some(timestamp_message(now));
            meta.state = AVAILABLE_ONLINE;
            self.message.feature_views.remove(position);
            self.message.feature_views.push(message.encode_to_vec());
            return Ok(());
        }
        Err(Error::unknown_feature_view(view, &self.project))
    }
}
