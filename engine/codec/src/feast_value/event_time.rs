//! Event times as `google.protobuf.Timestamp`.

use feast_model::{TimeRange, Timestamp};

use super::CorruptValue;
use super::wire::{Fields, Payload, VARINT, push_tag, push_varint, signed};

const SECONDS: u32 = 1;
const NANOS: u32 = 2;

/// Appends the message of a point in time. Nothing for 1970-01-01T00:00:00Z: parts that are zero are left out.
pub fn encode_timestamp(time: Timestamp, out: &mut Vec<u8>) {
    let (seconds, micros) = (time.micros().div_euclid(1_000_000), time.micros().rem_euclid(1_000_000));
    if seconds != 0 {
        push_tag(SECONDS, VARINT, out);
        push_varint(signed(seconds), out);
    }
    if micros != 0 {
        push_tag(NANOS, VARINT, out);
        push_varint(signed(micros * 1_000), out);
    }
}

/// Reads such a message. Nanoseconds that are not whole microseconds are cut off.
///
/// # Errors
/// When it is none, or not within the years 1 to 9999.
pub fn decode_timestamp(bytes: &[u8]) -> Result<Timestamp, CorruptValue> {
    let (mut seconds, mut nanos) = (0, 0);
    let mut fields = Fields(bytes);
    while let Some(field) = fields.next()? {
        match field {
            (SECONDS, Payload::Varint(value)) => seconds = value.cast_signed(),
            (NANOS, Payload::Varint(value)) => nanos = value.cast_signed(),
            _ => return Err(CorruptValue::Damaged("an event time has an unknown field")),
        }
    }
    if !(0..1_000_000_000).contains(&nanos) {
        return Err(CorruptValue::Damaged("an event time has no possible nanoseconds"));
    }
    Timestamp::from_seconds(seconds)
        .and_then(|time| time.micros().checked_add(nanos / 1_000))
        .map(Timestamp::from_micros)
        .filter(|time| TimeRange::CALENDAR.contains(*time))
        .ok_or(CorruptValue::Damaged("an event time is not within the years 1 to 9999"))
}
