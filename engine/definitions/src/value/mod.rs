//! What a Python value is: the data, and what can be said of it without running code of a file.
//!
//! `data` has the types, `construct` makes them; then one file for a question: `equality`, `order`, `inspect` (truth, type, items,
//! size), `repr` (`str()` and `repr()`), `format` (format specs, `str.format`, `%`). What may be unknown answers `None`. Knows
//! nothing of the evaluator, of fuel, or of places in files.

mod class;
mod columns;
mod construct;
mod container;
mod data;
mod data_frame;
mod date_time;
mod equality;
mod feast_class;
mod feast_object;
mod format;
mod inspect;
mod order;
mod path;
mod repr;
mod scope;
mod taint;
mod time_delta;

pub(crate) use container::{address, holds, insert_distinct, pairs_of, position_of_index, set_member};
pub(crate) use data::{
    Binding, CallArguments, Class, Dict, DictKind, EnumKind, EnumMember, Function, FunctionBody, NamedTuple,
    PendingDecorator, Scope, Value,
};
pub(crate) use data_frame::{Column, DataFrame, is_time_dtype};
pub(crate) use date_time::{DateTimeParts, datetime_from_micros};
pub(crate) use equality::{find_key, find_position};
pub(crate) use feast_class::FeastClass;
pub(crate) use feast_object::{DefinedObject, FeastObject, ProjectedView, ViewProjection};
pub(crate) use format::{MAX_WIDTH, brace_format, format_spec, percent_format};
pub(crate) use inspect::max_taint;
pub(crate) use order::{is_identical, order};
pub(crate) use path::joined_path;
pub(crate) use taint::Taint;
pub(crate) use time_delta::{DAY, HOUR, MINUTE, SECOND, TimeDelta, true_quotient};
