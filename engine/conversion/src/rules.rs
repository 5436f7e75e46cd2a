//! The rules themselves: what both entries go by, and each option in which they differ.

use std::fmt;

use feast_model::ValueType;

use crate::numbers::Numbers;

/// How the values of a column are brought into its type. Made for an entry and a type, and the same for all values of the column.
#[derive(Debug, Clone, Copy)]
pub struct CoercionRules {
    pub(crate) integers: Integers,
    /// In the place of `integers` for the items of a list.
    item_integers: Integers,
    pub(crate) strings: Strings,
    pub(crate) numeric_times: NumericTimes,
    pub(crate) second_fractions: SecondFractions,
    pub(crate) beyond_float32: BeyondFloat32,
    pub(crate) numbers: Numbers,
}

/// What becomes of the fraction of a number in a column of integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Integers {
    /// It is cut off, towards zero.
    Truncate,
    /// There must be none.
    Whole,
}

/// What becomes of a value that is not a string in a column of strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strings {
    /// What Python's `str` makes of it.
    Python,
    /// Its JSON. A string is JSON already, and is checked.
    Json,
    /// As `Json`, and a string must be an object.
    Object,
    /// Its digits, if all of them are known: of a float in a JSON body they are not.
    Exact,
}

/// What a number is in a column of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumericTimes {
    /// Seconds since 1970.
    Seconds,
    /// Seconds, milli-, micro- or nanoseconds since 1970, by its magnitude.
    ByMagnitude,
}

/// What becomes of the fraction of a number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecondFractions {
    /// It is cut off downwards, as that of a time is.
    RoundDown,
    /// It is cut off towards zero.
    Truncate,
}

/// What becomes of a finite number that a float of 32 bits does not reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BeyondFloat32 {
    /// It is infinite, as protobuf makes it for Python.
    Infinite,
    /// It is an error.
    Refuse,
}

impl CoercionRules {
    /// For JSON values that go into a column of a parquet source, and for event times. As pandas reads them.
    pub const JSON_SOURCE: Self = Self {
        integers: Integers::Whole,
        item_integers: Integers::Whole,
        strings: Strings::Python,
        numeric_times: NumericTimes::ByMagnitude,
        second_fractions: SecondFractions::RoundDown,
        beyond_float32: BeyondFloat32::Infinite,
        numbers: Numbers::Exact,
    };

    /// For JSON values of a feature or a join key. As Python's server reads them, which cuts fractions off single integers only.
    pub fn for_json(value_type: &ValueType) -> Self {
        Self {
            integers: Integers::Truncate,
            strings: Strings::for_type(value_type),
            numeric_times: NumericTimes::Seconds,
            ..Self::JSON_SOURCE
        }
    }

    /// For a feature from a column of a file or a stream. As Feast's materialization reads it.
    pub(crate) fn for_column(value_type: &ValueType) -> Self {
        Self {
            integers: Integers::Truncate,
            item_integers: Integers::Truncate,
            strings: Strings::for_type(value_type),
            numeric_times: NumericTimes::Seconds,
            second_fractions: SecondFractions::Truncate,
            beyond_float32: BeyondFloat32::Refuse,
            numbers: Numbers::Exact,
        }
    }

    /// For a join key from a column of a file: without its fraction it would be the key of another entity.
    pub(crate) fn for_key_column(value_type: &ValueType) -> Self {
        Self {
            integers: Integers::Whole,
            ..Self::for_column(value_type)
        }
    }

    /// For values of a body of whose numbers that is known.
    #[must_use]
    pub const fn with(self, numbers: Numbers) -> Self {
        Self { numbers, ..self }
    }

    /// For the items of a list.
    pub(crate) const fn for_items(self) -> Self {
        Self {
            integers: self.item_integers,
            ..self
        }
    }
}

impl Strings {
    /// For the values of a type, or the items of its lists.
    fn for_type(value_type: &ValueType) -> Self {
        match value_type {
            ValueType::Array(element) | ValueType::Set(element) => Self::for_type(element),
            ValueType::Json => Self::Json,
            ValueType::Map | ValueType::ScalarMap | ValueType::Struct(_) => Self::Object,
            ValueType::Decimal => Self::Exact,
            _ => Self::Python,
        }
    }
}

impl SecondFractions {
    /// The number without its fraction.
    pub(crate) fn cut_off(self, seconds: f64) -> f64 {
        match self {
            Self::RoundDown => seconds.floor(),
            Self::Truncate => seconds.trunc(),
        }
    }
}

/// A boolean as Python's `str` writes it.
pub(crate) const fn boolean_string(flag: bool) -> &'static str {
    if flag { "True" } else { "False" }
}

/// A string that is a number of seconds; any other one is read as a date or time.
pub(crate) fn seconds_in(string: &str) -> Option<i64> {
    string.trim().parse().ok()
}

/// Whole seconds, rounded down.
pub(crate) const fn whole_seconds(micros: i64) -> i64 {
    micros.div_euclid(1_000_000)
}

/// Of a number that a type does not reach. Python's words.
pub(crate) fn out_of_range(value: impl fmt::Display) -> String {
    format!("Value out of range: {value}")
}
