//! What `feast init` writes.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::error::ArrowError;
use feast_engine::model::Timestamp;

pub(crate) const DEFINITIONS: &str = include_str!("feature_definitions.py");
pub(crate) const GITIGNORE: &str = "__pycache__/\n*.pyc\n/data/online_store/\n/data/registry.db\n/data/.*\n";

const DRIVERS: [i64; 5] = [1001, 1002, 1003, 1004, 1005];
const DAYS: i64 = 15;
const MICROS_PER_HOUR: i64 = 3_600_000_000;

pub(crate) fn feature_store_yaml(project: &str) -> String {
    format!(
        "project: {project}\nregistry: data/registry.db\nprovider: local\nonline_store:\n    type: rocksdb\n    path: data/online_store\n\
         offline_store:\n    type: file\nentity_key_serialization_version: 3\n"
    )
}

pub(crate) fn readme(project: &str) -> String {
    include_str!("README.md").replace("{project}", project)
}

/// Hourly statistics of five drivers over the last 15 days up to `now`, and one late correction: 1801 rows of
/// `driver_id`, `event_timestamp` (UTC), `created`, `conv_rate`, `acc_rate`, `avg_daily_trips`. The values are always the
/// same, only the times differ.
pub(crate) fn driver_stats(now: Timestamp) -> Result<RecordBatch, ArrowError> {
    let last_hour = now.micros().div_euclid(MICROS_PER_HOUR) * MICROS_PER_HOUR;
    let first_hour = last_hour - DAYS * 24 * MICROS_PER_HOUR;
    let mut keys: Vec<(i64, i64, i64)> = Vec::new();
    for driver in DRIVERS {
        for hour in 1..=DAYS * 24 {
            let event_time = first_hour + hour * MICROS_PER_HOUR;
            keys.push((driver, event_time, event_time));
        }
    }
    // The same driver and hour as a row above, but created two hours later: it is the valid one of the two.
    let corrected = last_hour - 36 * MICROS_PER_HOUR;
    keys.push((DRIVERS[0], corrected, corrected + 2 * MICROS_PER_HOUR));

    let mut random = SplitMix(42);
    let rates: ArrayRef = Arc::new(keys.iter().map(|_| Some(random.fraction())).collect::<Float32Array>());
    let acceptance: ArrayRef = Arc::new(keys.iter().map(|_| Some(random.fraction())).collect::<Float32Array>());
    let trips: ArrayRef = Arc::new(
        keys.iter()
            .map(|_| Some((random.fraction() * 1000.0) as i64))
            .collect::<Int64Array>(),
    );
    let drivers: ArrayRef = Arc::new(keys.iter().map(|key| Some(key.0)).collect::<Int64Array>());
    let event_times = keys
        .iter()
        .map(|key| Some(key.1))
        .collect::<TimestampMicrosecondArray>()
        .with_timezone("UTC");
    let created = keys
        .iter()
        .map(|key| Some(key.2))
        .collect::<TimestampMicrosecondArray>();
    RecordBatch::try_from_iter_with_nullable([
        ("event_timestamp", Arc::new(event_times) as ArrayRef, true),
        ("driver_id", drivers, true),
        ("conv_rate", rates, true),
        ("acc_rate", acceptance, true),
        ("avg_daily_trips", trips, true),
        ("created", Arc::new(created) as ArrayRef, true),
    ])
}

/// The SplitMix64 generator: good enough for example data, and the same everywhere.
struct SplitMix(u64);

impl SplitMix {
    /// From 0 up to, but not including, 1.
    fn fraction(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // 24 bits fill the mantissa of an f32.
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1_u32 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn example_data_end_at_the_last_full_hour() {
        let now = Timestamp::from_micros(1_795_328_914_123_456);
        let rows = driver_stats(now).unwrap();
        assert_eq!((rows.num_rows(), rows.num_columns()), (1801, 6));
        assert_eq!(driver_stats(now).unwrap(), rows);
        let times = rows
            .column(0)
            .as_any()
            .downcast_ref::<TimestampMicrosecondArray>()
            .unwrap();
        let newest = times.values().iter().max().copied().unwrap();
        assert!(newest <= now.micros() && now.micros() - newest < MICROS_PER_HOUR);
    }
}
