//! Times that keep their zone: ISO 8601 text in whole seconds, as Feast answers them.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimestampSecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, FixedOffset, TimeZone, Utc};
use feast_model::Timestamp;

use super::coerce::seconds;

/// A column of timestamps in the column's zone, or texts each with its own offset; UTC where there is none.
pub(super) fn zoned_times(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if let DataType::Timestamp(_, zone) = column.data_type() {
        let zone: Tz = zone.as_deref().unwrap_or("+00:00").parse()?;
        let whole = seconds(column)?;
        let texts = whole.as_primitive::<TimestampSecondType>().iter();
        let texts = texts.map(|seconds| seconds.map(|seconds| in_zone(seconds, &zone)).transpose());
        return Ok(Arc::new(texts.collect::<Result<StringArray, _>>()?));
    }
    let texts = cast(column, &DataType::Utf8)?;
    let texts = texts.as_string::<i32>().iter();
    let texts = texts.map(|text| text.map(zoned_time).transpose());
    Ok(Arc::new(texts.collect::<Result<StringArray, _>>()?))
}

/// A text with the zone's name behind its offset, as Java writes it, is known by the offset.
fn zoned_time(text: &str) -> Result<String, ArrowError> {
    if let Ok(seconds) = text.trim().parse::<i64>() {
        return in_zone(seconds, &Utc);
    }
    let with_offset = match text.split_once('[') {
        Some((before, name)) if name.ends_with(']') => before,
        _ => text,
    };
    let (time, offset) =
        Timestamp::parse_with_offset(with_offset).map_err(|problem| ArrowError::CastError(problem.to_string()))?;
    if with_offset != text && offset.is_none() {
        return Err(ArrowError::CastError(format!(
            "{text:?} names a zone, but not its offset"
        )));
    }
    let zone = FixedOffset::east_opt(offset.unwrap_or(0))
        .ok_or_else(|| ArrowError::CastError(format!("{text:?} has no possible offset")))?;
    in_zone(time.micros().div_euclid(1_000_000), &zone)
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
        let texts = zoned_times(&column).unwrap();
        assert_eq!(texts.as_string::<i32>().iter().collect::<Vec<_>>(), expected);
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
        let texts = StringArray::from(vec![
            "2026-07-01T14:00:00+02:00",
            "2026-07-01 14:00:00.9-0330",
            "2026-07-01T12:00:00Z",
            "2026-07-01",
            "2026-07-01T14:00:00+02:00[Europe/Berlin]",
            "1782907200",
        ]);
        check(
            Arc::new(texts),
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
    fn what_is_no_time_is_an_error() {
        for text in ["", "soon", "2026-07-01T14:00:00[Europe/Berlin]", "9223372036854775807"] {
            let column: ArrayRef = Arc::new(StringArray::from(vec![text]));
            assert!(zoned_times(&column).is_err(), "{text}");
        }
    }
}
