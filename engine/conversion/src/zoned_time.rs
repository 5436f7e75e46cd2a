//! Times that keep their zone: ISO 8601 strings in whole seconds, as Feast answers them.
//!
//! Owns how a zone is read and written. Knows nothing of value types.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use chrono::{DateTime, FixedOffset, TimeZone, Utc};
use feast_model::Timestamp;

use crate::event_time::timestamp_seconds;
use crate::rules::{seconds_in, whole_seconds};

/// A column of timestamps in the column's zone, or strings each with its own offset; UTC where there is none.
pub(crate) fn zoned_times(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if let DataType::Timestamp(unit, zone) = column.data_type() {
        let zone: Tz = zone.as_deref().unwrap_or("+00:00").parse()?;
        let whole = timestamp_seconds(column, *unit)?;
        let strings = whole.iter();
        let strings = strings.map(|seconds| seconds.map(|seconds| in_zone(seconds, &zone)).transpose());
        return Ok(Arc::new(strings.collect::<Result<StringArray, _>>()?));
    }
    let strings = cast(column, &DataType::Utf8)?;
    let strings = strings.as_string::<i32>().iter();
    let strings = strings.map(|string| string.map(zoned_time).transpose());
    Ok(Arc::new(strings.collect::<Result<StringArray, _>>()?))
}

/// A string with the zone's name after its offset, as Java writes it, is known by the offset.
fn zoned_time(string: &str) -> Result<String, ArrowError> {
    if let Some(seconds) = seconds_in(string) {
        return in_zone(seconds, &Utc);
    }
    let with_offset = match string.split_once('[') {
        Some((before, name)) if name.ends_with(']') => before,
        _ => string,
    };
    let (time, offset) =
        Timestamp::parse_with_offset(with_offset).map_err(|problem| ArrowError::CastError(problem.to_string()))?;
    if with_offset != string && offset.is_none() {
        return Err(ArrowError::CastError(format!(
            "{string:?} names a zone, but not its offset"
        )));
    }
    let zone = FixedOffset::east_opt(offset.unwrap_or(0))
        .ok_or_else(|| ArrowError::CastError(format!("{string:?} has no possible offset")))?;
    in_zone(whole_seconds(time.micros()), &zone)
}

/// As Python's `isoformat`: the offset is always there.
fn in_zone<Zone: TimeZone>(seconds: i64, zone: &Zone) -> Result<String, ArrowError>
where
    Zone::Offset: std::fmt::Display,
{
    let time = DateTime::from_timestamp(seconds, 0)
        .ok_or_else(|| ArrowError::CastError(format!("{seconds} s since 1970 is no point in time")))?;
    Ok(time.with_timezone(zone).format("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, TimestampMicrosecondArray};

    use super::*;

    fn check(column: ArrayRef, expected: &[Option<&str>]) {
        let strings = zoned_times(&column).unwrap();
        assert_eq!(strings.as_string::<i32>().iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn times_keep_their_zone() {
        let micros = TimestampMicrosecondArray::from(vec![Some(1_782_907_200_500_000), None, Some(-1)]);
        let zoned = |zone: &str| Arc::new(micros.clone().with_timezone(zone.to_owned())) as ArrayRef;
        check(
            zoned("Europe/Berlin"),
            &[
                Some("2026-07-01T14:00:00+02:00"),
                None,
                Some("1970-01-01T00:59:59+01:00"),
            ],
        );
        check(
            zoned("-07:30"),
            &[
                Some("2026-07-01T04:30:00-07:30"),
                None,
                Some("1969-12-31T16:29:59-07:30"),
            ],
        );
        check(
            Arc::new(micros.clone()),
            &[
                Some("2026-07-01T12:00:00+00:00"),
                None,
                Some("1969-12-31T23:59:59+00:00"),
            ],
        );
        let strings = StringArray::from(vec![
            "2026-07-01T14:00:00+02:00",
            "2026-07-01 14:00:00.9-0330",
            "2026-07-01T12:00:00Z",
            "2026-07-01",
            "2026-07-01T14:00:00+02:00[Europe/Berlin]",
            "1782907200",
        ]);
        check(
            Arc::new(strings),
            &[
                Some("2026-07-01T14:00:00+02:00"),
                Some("2026-07-01T14:00:00-03:30"),
                Some("2026-07-01T12:00:00+00:00"),
                Some("2026-07-01T00:00:00+00:00"),
                Some("2026-07-01T14:00:00+02:00"),
                Some("2026-07-01T12:00:00+00:00"),
            ],
        );
        check(
            Arc::new(Int64Array::from(vec![0])),
            &[Some("1970-01-01T00:00:00+00:00")],
        );
    }

    #[test]
    fn what_is_not_a_time_is_an_error() {
        for string in ["", "soon", "2026-07-01T14:00:00[Europe/Berlin]", "9223372036854775807"] {
            let column: ArrayRef = Arc::new(StringArray::from(vec![string]));
            assert!(zoned_times(&column).is_err(), "{string}");
        }
    }
}
