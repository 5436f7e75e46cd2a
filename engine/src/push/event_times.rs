//! The event times of written rows, checked against the clock and against the range that event times may have.

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch};
use feast_config::{RepositoryConfig, format_duration};
use feast_conversion::{check_event_times, holds_times, row_times, timestamp_micros};
use feast_model::error::{Error, Result};
use feast_model::{DataSource, Timestamp};

/// Rows that are further ahead of the clock than this are counted: clocks differ, but not by a day.
const FUTURE_MICROS: i64 = 86_400 * 1_000_000;

/// The time columns of an offline push.
#[derive(Debug)]
pub(super) struct TimeColumns {
    source: String,
    event_time: String,
    created_time: Option<String>,
}

impl TimeColumns {
    /// As they are named in the files of a source.
    pub(super) fn new(source: &DataSource) -> Self {
        let created = source.created_column();
        Self {
            source: source.name().to_owned(),
            event_time: source.source_column(&source.timestamp_field).to_owned(),
            created_time: created.map(|name| source.source_column(name).to_owned()),
        }
    }

    /// The event times of rows for the source. Columns that do not hold times are left to the readers of the file.
    ///
    /// # Errors
    /// `Invalid`, naming column and row, when an event time is null, or a time lies outside of the range.
    pub(super) fn checked(&self, rows: &RecordBatch) -> Result<Option<CheckedTimes>> {
        let owner = format!("data source {}", self.source);
        let times_of = |name: &str| rows.column_by_name(name).map(|column| micros_of(column, name, &owner));
        if let Some(name) = &self.created_time
            && let Some(times) = times_of(name).transpose()?.flatten()
        {
            check_event_times(&times, name, &owner)?;
        }
        let column = &self.event_time;
        let nulls = rows.column_by_name(column);
        if let Some(row) = nulls.and_then(|nulls| (0..nulls.len()).find(|row| nulls.is_null(*row))) {
            return Err(Error::invalid(format!(
                "column {column} of {owner} is null in row {row}"
            )));
        }
        let Some(times) = times_of(column).transpose()?.flatten() else {
            return Ok(None);
        };
        check_event_times(&times, column, &owner)?;
        Ok(Some(CheckedTimes {
            column: column.clone(),
            owner,
            times,
        }))
    }
}

/// A column of times in microseconds since 1970, also where the source has days or strings.
fn micros_of(column: &ArrayRef, name: &str, owner: &str) -> Result<Option<Int64Array>> {
    if let Some(micros) = timestamp_micros(column) {
        return Ok(Some(micros));
    }
    if !holds_times(column.data_type()) {
        return Ok(None);
    }
    let times = row_times(column)
        .map_err(|problem| Error::invalid(format!("column {name} of {owner} does not hold times: {problem}")))?;
    if let Some(row) = times.beyond.and_then(|beyond| beyond.set_indices().next()) {
        let message = format!("column {name} of {owner}, row {row}: a time is before 1677-09-21 or after 2262-04-11");
        return Err(Error::invalid(message));
    }
    Ok(Some(times.nanos.unary(|nanos| nanos.div_euclid(1_000))))
}

/// Event times within the range that event times may have.
pub(super) struct CheckedTimes {
    /// The column they are from.
    pub(super) column: String,
    /// What the column is of.
    pub(super) owner: String,
    pub(super) times: Int64Array,
}

impl CheckedTimes {
    /// How many rows are more than a day ahead of the clock.
    ///
    /// # Errors
    /// `Invalid`, naming column and row, when one is further ahead than the settings allow.
    pub(super) fn count_future(&self, now: Timestamp, config: &RepositoryConfig) -> Result<usize> {
        let values = self.times.values();
        if let Some(skew) = config.max_event_time_skew {
            let last = now.plus_micros(i64::try_from(skew.as_micros()).unwrap_or(i64::MAX));
            if let Some(row) = values.iter().position(|micros| *micros > last.micros()) {
                let time = Timestamp::from_micros(values[row]);
                let (column, owner, skew) = (&self.column, &self.owner, format_duration(skew));
                return Err(Error::invalid(format!(
                    "column {column} of {owner}, row {row}: {time} is more than {skew} ahead of the clock of the server \
                     ({now}), the most that serving.max_event_time_skew allows"
                )));
            }
        }
        let future = now.plus_micros(FUTURE_MICROS).micros();
        Ok(values.iter().filter(|micros| **micros > future).count())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn count(micros: &[i64], setting: &str) -> std::result::Result<usize, String> {
        let settings = format!("project: p\nregistry: r\nonline_store: rocksdb\n{setting}");
        let config = RepositoryConfig::parse(&settings, Path::new("/repo")).unwrap();
        let times = CheckedTimes {
            column: "ts".to_owned(),
            owner: "feature view v".to_owned(),
            times: micros.to_vec().into(),
        };
        let counted = times.count_future(Timestamp::EPOCH, &config);
        counted.map_err(|error| error.to_string())
    }

    #[test]
    fn rows_a_day_ahead_are_counted_and_refused_where_that_is_set() {
        let hour = 3_600_000_000;
        let rows = [-hour, 0, 24 * hour, 24 * hour + 1, i64::MAX];
        assert_eq!(count(&rows, ""), Ok(2));
        assert_eq!(count(&rows[..2], "serving: {max_event_time_skew: 0}"), Ok(0));
        assert_eq!(count(&rows[..4], "serving: {max_event_time_skew: 2d}"), Ok(1));
        assert_eq!(
            count(&rows[..4], "serving: {max_event_time_skew: 24h}").unwrap_err(),
            "column ts of feature view v, row 3: 1970-01-02T00:00:00.000001Z is more than 1d ahead of the clock of the \
             server (1970-01-01T00:00:00Z), the most that serving.max_event_time_skew allows"
        );
    }
}
