//! Columns of event and created times, exact to the nanosecond.
//!
//! Owns what can be read as a point in time, and the check against the range of those that are kept. Knows nothing of where
//! columns come from.
//!
//! Event times beyond 1677 to 2262 are refused, as pandas refuses them: the newest row wins, so nothing could replace a row of the
//! year 9999. Every time that is about to be stored goes through [`check_event_times`] or [`row_times`].

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBufferBuilder, Int64Array, Int64Builder, PrimitiveArray, TimestampSecondArray,
    new_null_array,
};
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow::error::ArrowError;
use feast_model::error::{Error, Result as ModelResult};
use feast_model::{EVENT_TIME_NANOS, OutOfRange, TimeRange, Timestamp};

use crate::cast::strict_cast;

/// Times of rows, as read.
#[derive(Debug, Clone)]
pub struct RowTimes {
    /// Nanoseconds since 1970 in UTC; null where the column is null or the time is beyond the range.
    pub nanos: Int64Array,
    /// Which rows have a time outside of [`TimeRange::EVENT_TIMES`], if any has.
    pub beyond: Option<BooleanBuffer>,
}

/// Whether a column of this type holds points in time: timestamps and dates, and strings that are read as such.
pub fn holds_times(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => holds_times(values),
        DataType::Timestamp(..)
        | DataType::Date32
        | DataType::Date64
        | DataType::Null
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View => true,
        _ => false,
    }
}

/// Nanoseconds in a unit of time.
pub const fn nanos_per_tick(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

/// Whole seconds of a column of timestamps, rounded down.
pub(crate) fn timestamp_seconds(column: &ArrayRef, unit: TimeUnit) -> Result<TimestampSecondArray, ArrowError> {
    let per_second = nanos_per_tick(TimeUnit::Second) / nanos_per_tick(unit);
    let ticks = strict_cast(column, &DataType::Int64)?;
    Ok(ticks
        .as_primitive::<Int64Type>()
        .unary(|tick| tick.div_euclid(per_second)))
}

/// The first time, in microseconds since 1970, that no event may have, with its row. Nulls are left alone.
pub(crate) fn first_out_of_range(micros: &Int64Array) -> Option<(usize, OutOfRange)> {
    // Without nulls a row costs two comparisons.
    let checked = |row: usize| TimeRange::EVENT_TIMES.check(Timestamp::from_micros(micros.value(row)));
    let mut rows = (0..micros.len()).filter(|row| micros.is_valid(*row));
    rows.find_map(|row| Some((row, checked(row).err()?)))
}

/// Refuses times, in microseconds since 1970, that lie outside of [`TimeRange::EVENT_TIMES`], naming the column and what it is of.
/// Nulls are left alone.
///
/// # Errors
/// `Invalid`, naming the first such row.
pub fn check_event_times(micros: &Int64Array, column: &str, owner: &str) -> ModelResult<()> {
    match first_out_of_range(micros) {
        None => Ok(()),
        Some((row, problem)) => Err(Error::invalid(format!(
            "column {column} of {owner}, row {row}: {problem}"
        ))),
    }
}

/// A timestamp column in microseconds since 1970; naive columns are UTC. `None` when the column holds no timestamps.
pub fn timestamp_micros(column: &ArrayRef) -> Option<Int64Array> {
    let DataType::Timestamp(unit, _) = column.data_type() else {
        return None;
    };
    let scale = |factor: i64| move |tick: i64| tick.saturating_mul(factor);
    Some(match unit {
        TimeUnit::Second => column.as_primitive::<TimestampSecondType>().unary(scale(1_000_000)),
        TimeUnit::Millisecond => column.as_primitive::<TimestampMillisecondType>().unary(scale(1_000)),
        TimeUnit::Microsecond => column.as_primitive::<TimestampMicrosecondType>().unary(|tick| tick),
        TimeUnit::Nanosecond => column
            .as_primitive::<TimestampNanosecondType>()
            .unary(|tick| tick.div_euclid(1_000)),
    })
}

/// Reads a column of times. Naive timestamps are UTC, a day is its midnight in UTC.
///
/// # Errors
/// When a string is not a time, or the column does not hold times.
pub fn row_times(column: &ArrayRef) -> Result<RowTimes, ArrowError> {
    match column.data_type() {
        DataType::Timestamp(unit, _) => {
            let per_tick = nanos_per_tick(*unit);
            Ok(match unit {
                TimeUnit::Second => scaled(column.as_primitive::<TimestampSecondType>(), per_tick),
                TimeUnit::Millisecond => scaled(column.as_primitive::<TimestampMillisecondType>(), per_tick),
                TimeUnit::Microsecond => scaled(column.as_primitive::<TimestampMicrosecondType>(), per_tick),
                TimeUnit::Nanosecond => scaled(column.as_primitive::<TimestampNanosecondType>(), per_tick),
            })
        }
        DataType::Date32 => {
            let days: Int64Array = column
                .as_primitive::<Date32Type>()
                .unary::<_, Int64Type>(|day| i64::from(day) * 86_400);
            Ok(scaled(&days, 1_000_000_000))
        }
        DataType::Date64 => row_times(&cast(column, &DataType::Date32)?),
        DataType::Dictionary(_, values) => row_times(&cast(column, values)?),
        DataType::Null => Ok(RowTimes {
            nanos: new_null_array(&DataType::Int64, column.len()).as_primitive().clone(),
            beyond: None,
        }),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let strings = cast(column, &DataType::Utf8)?;
            let strings = strings.as_string::<i32>().iter();
            let micros = strings.map(|string| string.map(parse_micros).transpose());
            Ok(scaled(&micros.collect::<Result<Int64Array, ArrowError>>()?, 1_000))
        }
        other => Err(ArrowError::CastError(format!(
            "a column of type {other} does not hold timestamps or dates"
        ))),
    }
}

/// Only dates that begin with the year: whether 07/08 is in July or in August cannot be seen.
fn parse_micros(string: &str) -> Result<i64, ArrowError> {
    let begins_with_year = string.trim_start().bytes().take(4).filter(u8::is_ascii_digit).count() == 4;
    if !begins_with_year {
        return Err(ArrowError::CastError(format!(
            "{string:?} is not a date or time that begins with its year, like 2026-01-31T12:00:00"
        )));
    }
    let time = Timestamp::parse(string).map_err(|problem| ArrowError::CastError(problem.to_string()))?;
    Ok(time.micros())
}

fn scaled<T: ArrowPrimitiveType<Native = i64>>(ticks: &PrimitiveArray<T>, per_tick: i64) -> RowTimes {
    let nanos = |tick: i64| {
        tick.checked_mul(per_tick)
            .filter(|nanos| EVENT_TIME_NANOS.contains(nanos))
    };
    if ticks.values().iter().all(|tick| nanos(*tick).is_some()) {
        return RowTimes {
            nanos: ticks.unary::<_, Int64Type>(|tick| tick.wrapping_mul(per_tick)),
            beyond: None,
        };
    }
    let mut values = Int64Builder::with_capacity(ticks.len());
    let mut beyond = BooleanBufferBuilder::new(ticks.len());
    for tick in ticks {
        let in_range = tick.and_then(nanos);
        values.append_option(in_range);
        // The least number of nanoseconds is pandas' "not a time".
        beyond.append(in_range.is_none() && tick.is_some_and(|tick| per_tick != 1 || tick != i64::MIN));
    }
    RowTimes {
        nanos: values.finish(),
        beyond: Some(beyond.finish()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Date32Array, Date64Array, StringArray, TimestampMicrosecondArray, TimestampMillisecondArray,
        TimestampNanosecondArray, TimestampSecondArray,
    };

    use super::*;

    fn check(column: ArrayRef, expected: &[Option<i64>], beyond: &[usize]) {
        let times = row_times(&column).unwrap();
        assert_eq!(times.nanos.iter().collect::<Vec<_>>(), expected);
        let found: Vec<usize> = times
            .beyond
            .iter()
            .flat_map(|rows| rows.set_indices().collect::<Vec<_>>())
            .collect();
        assert_eq!(found, beyond);
    }

    #[test]
    fn every_unit_is_read_exactly() {
        check(
            Arc::new(TimestampSecondArray::from(vec![Some(2), None])),
            &[Some(2_000_000_000), None],
            &[],
        );
        check(
            Arc::new(TimestampMillisecondArray::from(vec![-1])),
            &[Some(-1_000_000)],
            &[],
        );
        check(
            Arc::new(TimestampMicrosecondArray::from(vec![900])),
            &[Some(900_000)],
            &[],
        );
        check(
            Arc::new(TimestampNanosecondArray::from(vec![1, 2])),
            &[Some(1), Some(2)],
            &[],
        );
        check(
            Arc::new(Date32Array::from(vec![-1, 1])),
            &[Some(-86_400_000_000_000), Some(86_400_000_000_000)],
            &[],
        );
        check(
            Arc::new(Date64Array::from(vec![86_400_000])),
            &[Some(86_400_000_000_000)],
            &[],
        );
        check(
            Arc::new(StringArray::from(vec![
                Some("1970-01-02"),
                Some("1970-01-01T01:00:00+01:00"),
                None,
            ])),
            &[Some(86_400_000_000_000), Some(0), None],
            &[],
        );
        check(new_null_array(&DataType::Null, 2), &[None, None], &[]);
    }

    #[test]
    fn times_beyond_the_range_are_told_apart_from_missing_ones() {
        // 9999-12-31, none, 1970, 1000-01-01.
        let micros = [
            Some(253_402_214_400_000_000),
            None,
            Some(0),
            Some(-30_610_224_000_000_000),
        ];
        check(
            Arc::new(TimestampMicrosecondArray::from(micros.to_vec())),
            &[None, None, Some(0), None],
            &[0, 3],
        );
        check(
            Arc::new(TimestampNanosecondArray::from(vec![i64::MIN, i64::MAX])),
            &[None, None],
            &[1],
        );
        check(Arc::new(TimestampMicrosecondArray::from(vec![i64::MIN])), &[None], &[0]);
        check(Arc::new(Date32Array::from(vec![i32::MAX])), &[None], &[0]);
    }

    #[test]
    fn what_does_not_hold_times_is_refused() {
        let soon: ArrayRef = Arc::new(StringArray::from(vec!["soon"]));
        assert!(row_times(&soon).is_err());
        let integers: ArrayRef = Arc::new(Int64Array::from(vec![5]));
        assert!(row_times(&integers).is_err());
        assert!(!holds_times(&DataType::Int64));
    }
}
