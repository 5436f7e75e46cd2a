//! What a value becomes in a column of another type: Feast's rules, stated once for all values that enter a store.
//!
//! There are two entries. [`json`] builds columns from values of request bodies; [`coerce()`] and [`coerce_key`] change columns of
//! files and Arrow streams. Both go by [`CoercionRules`], which also say where the two differ on purpose, and use the same checks
//! of ranges and times.
//!
//! | into | booleans | numbers | strings | times | lists, maps, structs |
//! |---|---|---|---|---|---|
//! | bool | themselves | all but 0 are true | true or false | no | no |
//! | integers | 1 and 0 | without their fraction, in range | read as numbers | no | no |
//! | floats | 1 and 0 | nearest | read as numbers | no | no |
//! | strings | True, False | as Python writes them | themselves | ISO 8601 | as JSON |
//! | JSON | as JSON | as JSON | checked | as JSON | as JSON |
//! | maps, structs | no | no | objects, written compactly | no | as JSON |
//! | unix times | - | seconds | seconds, dates or times | whole seconds, rounded down | no |
//! | bytes | no | no | - | no | no |
//! | lists, sets | no | no | no | no | item by item |
//!
//! Everything else is an error that names the row. Nothing becomes null by itself but NaN, which is how pandas writes a missing
//! value. Where there is a dash the entries differ: a JSON value and a column are not the same thing. The tests of `agreement` run
//! both entries on the same values and hold every difference.
//!
//! Knows nothing of requests, files and stores.

mod cast;
mod coerce;
mod document;
mod error;
mod event_time;
pub mod json;
mod numbers;
mod rules;
mod zoned_time;

#[cfg(test)]
mod agreement;

pub use cast::strict_cast;
pub use coerce::{coerce, coerce_key};
pub use error::ConversionError;
pub use event_time::{RowTimes, check_event_times, holds_times, nanos_per_tick, row_times, timestamp_micros};
pub use numbers::Numbers;
pub use rules::CoercionRules;
