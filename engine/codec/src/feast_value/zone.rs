//! Times with their zone: `feast.types.ZonedTimestamp`, and the ISO 8601 strings in our rows.
//!
//! Owns how Python names a zone.

use std::io::Write as _;

use arrow::array::timezone::Tz;
use chrono::{DateTime, Datelike as _, FixedOffset, Offset as _, TimeZone as _, Utc};
use feast_model::Timestamp;

use super::CorruptValue;
use super::decode::{NULL_SECONDS, check_utf8};
use super::wire::{Fields, Payload, VARINT, push_bytes, push_tag, push_varint, signed};

const SECONDS: u32 = 1;
const ZONE: u32 = 2;

/// Appends the string of a time, as Python's `isoformat` writes it. `false`, with nothing appended, for a null time.
pub(super) fn push_zoned_time(message: &[u8], out: &mut Vec<u8>) -> Result<bool, CorruptValue> {
    let (mut seconds, mut zone) = (0, "");
    let mut fields = Fields(message);
    while let Some(field) = fields.next()? {
        match field {
            (SECONDS, Payload::Varint(value)) => seconds = value.cast_signed(),
            (ZONE, Payload::Bytes(name)) => zone = check_utf8(name)?,
            _ => return Err(CorruptValue::Damaged("a zoned time has an unknown field")),
        }
    }
    if seconds == NULL_SECONDS {
        return Ok(false);
    }
    let local = local_time(seconds, zone).ok_or(CorruptValue::Damaged("a time is not within the years 1 to 9999"))?;
    let has_seconds = local.offset().local_minus_utc() % 60 != 0;
    let form = if has_seconds {
        "%Y-%m-%dT%H:%M:%S%::z"
    } else {
        "%Y-%m-%dT%H:%M:%S%:z"
    };
    // Writing to a vector cannot fail.
    let _ = write!(out, "{}", local.format(form));
    Ok(true)
}

/// `None` outside of the years 1 to 9999, where Python has no times.
fn local_time(seconds: i64, zone: &str) -> Option<DateTime<FixedOffset>> {
    let time = DateTime::from_timestamp(seconds, 0)?;
    let in_calendar = |time: &DateTime<FixedOffset>| (1..=9999).contains(&time.year());
    // A zone that is not known is UTC, as for Python: the point in time is known without it.
    let offset = zone_of_name(zone).map_or_else(
        || Utc.fix(),
        |zone| zone.offset_from_utc_datetime(&time.naive_utc()).fix(),
    );
    Some(time.with_timezone(&offset)).filter(in_calendar)
}

/// `Europe/Berlin`, `UTC`, `UTC+02:00` or `-0730`.
fn zone_of_name(name: &str) -> Option<Tz> {
    let is_offset = |name: &&str| name.starts_with(['+', '-']);
    let offset = ["UTC", "GMT"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix).filter(is_offset));
    offset.unwrap_or(name).parse().ok()
}

/// Appends the message of a time that is kept as such a string. The zone has the name that Python gives one of which the offset is
/// known alone: `UTC`, `UTC+02:00`.
///
/// `false`, with nothing appended, for a string that is not a time.
pub(super) fn push_message(string: &str, out: &mut Vec<u8>) -> bool {
    let Ok((time, offset)) = Timestamp::parse_with_offset(string) else {
        return false;
    };
    let seconds = time.micros().div_euclid(1_000_000);
    if seconds != 0 {
        push_tag(SECONDS, VARINT, out);
        push_varint(signed(seconds), out);
    }
    push_bytes(ZONE, zone_name(offset.unwrap_or(0)).as_bytes(), out);
    true
}

fn zone_name(offset: i32) -> String {
    let (sign, east) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
    match (east, east % 60) {
        (0, _) => "UTC".to_owned(),
        (_, 0) => format!("UTC{sign}{:02}:{:02}", east / 3600, east / 60 % 60),
        (_, seconds) => format!("UTC{sign}{:02}:{:02}:{seconds:02}", east / 3600, east / 60 % 60),
    }
}
